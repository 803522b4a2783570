/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hauth - authentication of one live queue (auth/auth_host.h) over its commands: Authentication
 * Send and Receive, Diffie-Hellman on the worker pool.
 *
 * Sans-IO but for the job: hauth_turn() does everything, commands and the job only tell by wake()
 * that there is a reason to call it. A Failure1 counts as soon as its data is there: Linux sends no
 * completion behind it.
 */
#pragma once

#include "auth/auth_host.h"
#include "host/hqueue.h"

struct hauth_config {
	const struct auth_host_config *host;	/* borrowed while it lives */
	void (*wake)(void *ctx);		/* call hauth_turn() soon */
	void *ctx;
};

/* Read what has a comment. */
struct hauth {
	enum { HAUTH_IDLE, HAUTH_RUN, HAUTH_DONE, HAUTH_FAILED } state;
	struct fault why;	/* FAILED */
	char detail[160];	/* FAILED: one line */
	struct secret psk;	/* DONE, where concatenation was asked for: the generated PSK ... */
	enum nvme_hash hash;	/* ... and its hash; the one of the transaction in any case */
	uint8_t group;		/* DONE: enum ffdh_group */

	struct hauth_config config;
	struct world *world;
	struct auth_host machine;
	bool sent, answered, computing;
	struct hcmd cmd;
	struct iovec iov;
	struct world_job job;
	uint8_t data[AUTH_TRANSFER_MAX];
};

/* @h is the caller's and must be idle; the transactions of one queue may use it one after the other. */
void hauth_init(struct hauth *h, struct world *w, const struct hauth_config *c);
/* Wipes it; it must be idle. */
void hauth_clear(struct hauth *h);
/* Begin a transaction; it must be idle. hauth_turn() follows. */
void hauth_start(struct hauth *h, enum auth_concat concat);
/*
 * What is to be done now is done. Returns true when it is over: h->state is DONE or FAILED.
 * *ret_deadline_ns: call again at the latest.
 */
bool hauth_turn(struct hauth *h, struct hqueue *q, uint64_t now_ns, uint64_t *ret_deadline_ns);
/* The queue ends, and why. A transaction that runs has failed, for a reason of its own if it has one. */
void hauth_lost(struct hauth *h, struct fault why);
/* No command is in the queue and no job runs: @h may go away. */
bool hauth_idle(const struct hauth *h);
