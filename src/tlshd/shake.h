/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shake - one handshake on a connected socket, and its keys into the kernel. What a worker does.
 *
 * Waits (poll) with a deadline. No byte behind the last handshake record is taken from the socket:
 * it is the kernel's. One ClientHello with one identity; psk_dhe_ke only; no tickets
 * (tls/handshake.h).
 */
#pragma once

#include "keys/keyring.h"
#include "tls/handshake.h"
#include "tlshd/hs_msg.h"

#define SHAKE_DETAIL_LEN 256

struct shake_job {
	int fd;
	enum hs_role role;
	int timeout_ms;				/* > 0, for all of it */
	struct keyring_psk offer;		/* client */
	/* server: the key of exactly that identity; 0, or -errno. Called in the worker. */
	int (*find)(void *ctx, struct span identity, struct keyring_psk *ret);
	void *find_ctx;
	/* give the keys to the kernel: 0, or -errno and a line */
	int (*plant)(int fd, const struct handshake_result *r, char *error, size_t size);
};

/* Goes through a pipe as it is. Holds no secrets. */
struct shake_result {
	int32_t status;		/* positive errno for DONE; 0: a TLS session */
	int32_t peer;		/* serial of the key that was proved; 0: none */
	uint32_t cause;		/* enum cause; CAUSE_NONE with status 0 */
	char identity[PSK_IDENTITY_LEN_MAX + 1];
	char group[32];
	char detail[SHAKE_DETAIL_LEN];
};

void shake_run(const struct shake_job *job, struct shake_result *ret);

/* kTLS on @fd: TCP_ULP, TLS_TX, TLS_RX and the peer's record size limit. As shake_job.plant. */
int shake_plant(int fd, const struct handshake_result *r, char *error, size_t size);

/*
 * The errno that DONE carries, from Linux' tls-handshake.rst (EACCES: refused or not authenticated;
 * ENOKEY: no key; ENOMEM, EINVAL, EIO) and what tlshd sends beyond it (ETIMEDOUT: closed or silent).
 * A host does not try again after ENOKEY.
 */
int shake_errno(struct fault why);
