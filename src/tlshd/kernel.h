/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kernel - the netlink sockets of the handshake family, in one network namespace.
 *
 * Two sockets: notifications may be lost when there are many of them, answers may not, for an answer
 * names a descriptor that the kernel has put into this process. A notification is a hint only:
 * after any, kernel_accept() until -EAGAIN.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tlshd/hs_msg.h"

struct kernel {
	int events;		/* readable: a request may wait; -1: closed */
	int control;
	uint16_t family;
	uint32_t seq;
};

/*
 * @netns: a name below /run/netns, a path, or NULL for our own. Does not listen yet. Returns 0, or
 * -errno with a line in @error.
 */
int kernel_open(struct kernel *k, const char *netns, char *error, size_t size);
void kernel_close(struct kernel *k);
/* From now on, and until unlisten, requests of the kernel find an agent. */
int kernel_listen(struct kernel *k);
void kernel_unlisten(struct kernel *k);

/* Forget the notifications that have come. */
void kernel_drain(struct kernel *k);
/*
 * The next request. -EAGAIN: none waits. -EBADMSG: the answer was malformed; what it planted is
 * closed and the kernel told. -EPERM: CAP_NET_ADMIN is missing.
 */
int kernel_accept(struct kernel *k, struct hs_request *ret);
/* -EBUSY: the kernel has given up on it before. Does not close @sockfd. */
int kernel_done(struct kernel *k, int sockfd, int status, int32_t peer);
