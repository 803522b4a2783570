/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker - a process for one handshake.
 *
 * It has the one socket, a pipe for its result, no capability and the user given; nothing else of
 * the agent. A client's worker has the one key to offer; a server's looks its key up in keyrings that
 * the session keyring leads to.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "tlshd/shake.h"

#define WORKER_RINGS_MAX 16

struct worker_job {
	struct hs_request request;
	int timeout_ms;
	struct keyring_psk offer;		/* client; see worker_offer() */
	int32_t rings[WORKER_RINGS_MAX];	/* server, in order */
	int ring_count;
	bool drop;				/* to @uid and @gid */
	uid_t uid;
	gid_t gid;
};

struct worker {
	pid_t pid;
	int pipe;	/* readable: the result, or its end */
};

/*
 * The first key of the request's list that can be read: one ClientHello holds one identity. Returns 0,
 * or -errno with a line about the last that could not.
 */
int worker_offer(const struct hs_request *r, struct keyring_psk *ret, char *error, size_t size);

/* Returns 0, or -errno. */
int worker_start(const struct worker_job *job, struct worker *ret);
/*
 * It has spoken or died. Waits for its end and releases it. False: it did not tell a result;
 * *ret_status is as of waitpid().
 */
bool worker_end(struct worker *w, struct shake_result *ret, int *ret_status);
