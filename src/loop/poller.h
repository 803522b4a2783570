/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * poller - how a loop waits: io_uring or epoll.
 *
 * Sockets are read and written directly, without waiting (docs/adr/0001). The poller reports
 * edges of readiness, carries file operations, and sleeps.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/world.h"

struct loop;
struct poller;

/*
 * Tokens: a watched socket is TOKEN_SOCK | generation << 32 | slot. Addresses of struct world_io
 * have the top bit clear.
 */
#define TOKEN_SOCK  (1ull << 63)
#define TOKEN_EVENT (TOKEN_SOCK | UINT32_MAX)	    /* the loop's event_fd: posts came */
#define TOKEN_NONE  (TOKEN_SOCK | (UINT32_MAX - 1)) /* nobody waits for it */

struct poller_ops {
	const char *name;
	/* Sets l->poller_state. Returns 0 or negative errno. */
	int (*init)(struct loop *l);
	void (*free)(struct loop *l);
	/* Report @fd's edges as @token, and what is ready now. Returns 0 or negative errno. */
	int (*add)(struct loop *l, int fd, uint64_t token, bool listener);
	/* @fd will be closed or watched elsewhere. Events of @token may still come. */
	void (*del)(struct loop *l, int fd, uint64_t token);
	void (*io_submit)(struct loop *l, struct world_io *io);
	/* Whether poll() could find something; costs no system call. */
	bool (*pending)(struct loop *l);
	/* The same without news of sockets, which a loop that tries them by itself need not hear at once. */
	bool (*urgent)(struct loop *l);
	/* Wait for at most @timeout_ns (WORLD_NEVER: for ever), report. Returns how many. */
	uint32_t (*poll)(struct loop *l, uint64_t timeout_ns);
	/*
	 * The loop will not run any more: wait until the kernel has left all buffers and sockets.
	 * Nothing is called back. In the thread that polled, else it does nothing.
	 */
	void (*drain)(struct loop *l);
	/* Readable when poll() would find something; wakes for a deadline by itself. */
	int (*fd)(struct loop *l);
	/* The deadline at which fd() becomes readable; WORLD_NEVER: none. */
	void (*fd_deadline)(struct loop *l, uint64_t deadline_ns);
};

extern const struct poller_ops poller_epoll, poller_uring;
/* 0, or the negative errno of the attempt to set up a ring. */
int poller_uring_works(void);
