/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * auth_host - the host's side of DH-HMAC-CHAP on one queue, as a state machine.
 *
 *	idle -> negotiate -> challenge -> compute -> reply -> success1 -> success2 -> store-psk -> done
 *	           (NULL group: no compute; one-way: no success2; no concatenation: no store-psk)
 *	                                      any of them: -> failure2 -> failed
 *
 * Sans-IO: the caller begins with auth_host_start() and carries out what the last call (or
 * auth_host_want()) says:
 *
 *	SEND		Authentication Send of auth_host_message(); when it completed: auth_host_sent()
 *	RECEIVE		Authentication Receive. Its data is there: auth_host_data(), without waiting
 *			for the completion, as Linux sends none behind a Failure1. Completed:
 *			auth_host_received()
 *	COMPUTE		run the job, then auth_host_computed()
 *	STORE_PSK	psk is for the queues to come; then auth_host_psk_stored()
 *	CLOSE		end the association; no retry, the keys will not fit then either
 *	NOTHING		authenticated
 *
 * Commands that fail and connections that end: auth_host_lost().
 *
 * What was asked for must be given: a controller that shall prove itself and does not, and a
 * challenge with a hash or a group that was not offered, are failures.
 */
#pragma once

#include "auth/auth_job.h"
#include "auth/auth_policy.h"
#include "auth/auth_rules.h"
#include "auth/dhchap.h"
#include "base/world.h"

/* Owned by the caller; must not change during a transaction. */
struct auth_host_config {
	const char *hostnqn, *subsysnqn;	/* of the Connect command */
	struct secret k_h;	/* dhchap_key_transform() with the host NQN; not empty */
	struct secret k_c;	/* ... with the subsystem NQN; empty: the controller need not prove itself */
	struct auth_policy policy;
	uint64_t timeout_ns;	/* for a whole transaction */
};

enum auth_host_state {
	AUTH_HOST_IDLE,
	AUTH_HOST_NEGOTIATE,
	AUTH_HOST_CHALLENGE,
	AUTH_HOST_COMPUTE,
	AUTH_HOST_REPLY,
	AUTH_HOST_SUCCESS1,
	AUTH_HOST_SUCCESS2,
	AUTH_HOST_STORE_PSK,
	AUTH_HOST_DONE,
	AUTH_HOST_FAILURE2,
	AUTH_HOST_FAILED,
	AUTH_HOST_STATE_COUNT
};

/* Read what has a comment; the rest is the machine's. */
struct auth_host {
	enum auth_host_state state;
	uint8_t failure;	/* enum auth_failure that ended it */
	bool by_peer;		/* ... as the controller told us */
	enum cause cause;	/* with AUTH_WANT_CLOSE */
	uint64_t deadline_ns;	/* call auth_host_expire() then; WORLD_NEVER */
	struct auth_job job;	/* with AUTH_WANT_COMPUTE */
	struct secret psk;	/* with AUTH_WANT_STORE_PSK: the generated PSK, of hash x.hash */
	struct dhchap x;	/* x.concat: SC_C of this transaction */

	struct world *world;
	const struct auth_host_config *config;
	uint32_t seq;
	uint16_t t_id;	/* of the next transaction */
	struct auth_negotiate offer;
	size_t out_len;
	uint8_t out[AUTH_MESSAGE_MAX];
};

void auth_host_init(struct auth_host *h, struct world *w, const struct auth_host_config *config);
/* Wipes all of it. No job may be running. */
void auth_host_clear(struct auth_host *h);

enum auth_want auth_host_want(const struct auth_host *h);
const char *auth_host_state_name(enum auth_host_state s);

/*
 * Begin a transaction: the first one of a queue, or re-authentication once one is done.
 * @concat: enum auth_concat. AUTH_WANT_CLOSE where the policy leaves nothing to offer.
 */
enum auth_want auth_host_start(struct auth_host *h, enum auth_concat concat);
/* With AUTH_WANT_SEND: valid until the next call that changes the state. */
struct span auth_host_message(const struct auth_host *h);
enum auth_want auth_host_sent(struct auth_host *h);
/* All @data of an Authentication Receive is there, its completion is not: acts on Failure1 only. */
enum auth_want auth_host_data(struct auth_host *h, struct span data);
/* ... and its completion, too. */
enum auth_want auth_host_received(struct auth_host *h, struct span data);
/* The job ran. (Harmless when the transaction ended meanwhile.) */
enum auth_want auth_host_computed(struct auth_host *h);
enum auth_want auth_host_psk_stored(struct auth_host *h, bool good);
/* A command failed, or the connection: @cause says what (CAUSE_PEER_CLOSED, ...). */
enum auth_want auth_host_lost(struct auth_host *h, enum cause cause);
/* The deadline passed? A job that runs goes on running. */
enum auth_want auth_host_expire(struct auth_host *h);
