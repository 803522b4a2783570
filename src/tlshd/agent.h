/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * agent - the supervisor: takes the kernel's requests, gives each to a worker process, tells the
 * kernel and the log what became of it.
 *
 * Requests are accepted at once, for the kernel holds few, and wait in line for one of the workers.
 * The agent keeps each socket until its handshake is over: a worker that dies costs that handshake
 * and no more. Nothing here reads a byte of a peer.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "tlshd/worker.h"

#define AGENT_NETNS_MAX	   16
#define AGENT_WORKERS_MAX  64
#define AGENT_JOBS_MAX	   1024	/* accepted and not done; more stay with the kernel */
#define AGENT_KEYRINGS_MAX (WORKER_RINGS_MAX - 2)	/* besides .nvme and the request's own */
#define AGENT_TIMEOUT_MS   10000	/* where the kernel names none; as nvme-tcp's */

struct agent_config {
	int workers;			/* at a time for hosts, and for targets: 1..AGENT_WORKERS_MAX */
	const char *user;		/* of the workers; NULL: they keep ours */
	uid_t uid;
	gid_t gid;
	char keyrings[AGENT_KEYRINGS_MAX][64];	/* names, besides .nvme */
	int keyring_count;
	const char *netns[AGENT_NETNS_MAX];	/* none: our own */
	int netns_count;
	const char *keystore;	/* as of keystore_init(); "none": its keys are not used */
	const char *status_path;	/* of the socket that agent_status() asks */
};

/* Runs until SIGTERM or SIGINT. Returns 0, or -errno with a line in @error when it cannot begin. */
int agent_run(const struct agent_config *c, char *error, size_t size);
/* Print what a running agent has done; -errno: none answers. */
int agent_status(const char *path);
