/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * auth_ctrl - the controller's side of DH-HMAC-CHAP on one queue, as a state machine.
 *
 *	idle -> keygen -> challenge -> reply -> verify -> store-psk -> success1 -> success2 -> done
 *	           (NULL group: no keygen, no verify; no concatenation: no store-psk; one-way:
 *	           no success2)          any of them: -> failure1 -> failed
 *
 * Sans-IO: the caller brings commands and carries out what auth_ctrl_want() says.
 *
 *	Authentication Send	auth_ctrl_send(); complete the command with success once the machine
 *				wants neither COMPUTE nor STORE_PSK: the answer is then known.
 *	Authentication Receive	auth_ctrl_receive(); transfer AL bytes: the message, then zeroes.
 *	between commands	COMPUTE, STORE_PSK; meanwhile refuse other Authentication commands of
 *				this queue (Command Sequence Error).
 *	after a command		CLOSE: end the association once the completion is out.
 *
 * A host that fails is told so with Failure1 and a completion, and is then disconnected.
 * Negotiate at any time starts a new transaction; on an authenticated queue that is
 * re-authentication, and the queue stays authenticated unless it fails.
 */
#pragma once

#include "auth/auth_job.h"
#include "auth/auth_policy.h"
#include "auth/auth_rules.h"
#include "auth/dhchap.h"
#include "base/world.h"

enum auth_concat_policy {
	AUTH_CONCAT_NEVER,
	AUTH_CONCAT_ALLOWED,
	AUTH_CONCAT_REQUIRED,	/* on a queue without TLS */
};

/* Owned by the caller; must not change during a transaction. */
struct auth_ctrl_config {
	const char *hostnqn, *subsysnqn;	/* of the Connect command */
	struct secret k_h;	/* dhchap_key_transform() with the host NQN; empty: nobody is let in */
	struct secret k_c;	/* ... with the subsystem NQN; empty: we cannot prove ourselves */
	struct auth_policy policy;
	enum auth_concat_policy concat;
	bool admin_queue, tls;	/* what this queue is */
	uint64_t timeout_ns;	/* for a whole transaction */
};

enum auth_ctrl_state {
	AUTH_CTRL_IDLE,
	AUTH_CTRL_KEYGEN,
	AUTH_CTRL_CHALLENGE,
	AUTH_CTRL_REPLY,
	AUTH_CTRL_VERIFY,
	AUTH_CTRL_STORE_PSK,
	AUTH_CTRL_SUCCESS1,
	AUTH_CTRL_SUCCESS2,
	AUTH_CTRL_DONE,
	AUTH_CTRL_FAILURE1,
	AUTH_CTRL_FAILED,
	AUTH_CTRL_STATE_COUNT
};

/* Read what has a comment; the rest is the machine's. */
struct auth_ctrl {
	enum auth_ctrl_state state;
	bool authenticated;	/* commands other than Authentication may be carried out */
	uint8_t failure;	/* enum auth_failure that ended it */
	bool by_peer;		/* ... as the host told us */
	enum cause cause;	/* with AUTH_WANT_CLOSE */
	uint64_t deadline_ns;	/* call auth_ctrl_expire() then; WORLD_NEVER */
	struct auth_job job;	/* with AUTH_WANT_COMPUTE */
	struct secret psk;	/* with AUTH_WANT_STORE_PSK: the generated PSK, of hash x.hash */
	bool psk_stored;	/* with AUTH_WANT_CLOSE: take the PSK back, it proves nothing */
	struct dhchap x;	/* x.concat: SC_C of this transaction */

	struct world *world;
	const struct auth_ctrl_config *config;
	uint32_t seq;
	bool c2_valid, mutual;
	uint8_t tries;	/* transactions begun since one succeeded */
	uint8_t r1[HASH_LEN_MAX];
	size_t out_len;
	uint8_t out[AUTH_MESSAGE_MAX];
};

/* @required: the host has config->timeout_ns from now on to authenticate. */
void auth_ctrl_init(struct auth_ctrl *c, struct world *w, const struct auth_ctrl_config *config,
		    bool required);
/* Wipes all of it. No job may be running. */
void auth_ctrl_clear(struct auth_ctrl *c);
/* Other keys or policy from the next transaction on; only between transactions. */
void auth_ctrl_use(struct auth_ctrl *c, const struct auth_ctrl_config *config);

enum auth_want auth_ctrl_want(const struct auth_ctrl *c);
const char *auth_ctrl_state_name(enum auth_ctrl_state s);

/* The data of an Authentication Send. Not while the machine wants COMPUTE or STORE_PSK. */
enum auth_want auth_ctrl_send(struct auth_ctrl *c, struct span msg);
/*
 * An Authentication Receive of @al bytes. Returns the status to complete it with; on success
 * (0) @ret_msg is the message, valid until the next call. Asked for when there is nothing to
 * fetch, the message is Failure1. Not while the machine wants COMPUTE or STORE_PSK.
 */
uint16_t auth_ctrl_receive(struct auth_ctrl *c, uint32_t al, struct span *ret_msg);
/* The job ran. (Harmless when the transaction ended meanwhile.) */
enum auth_want auth_ctrl_computed(struct auth_ctrl *c);
/* Every thread finds the PSK now; or, @good false, it could not be stored. */
enum auth_want auth_ctrl_psk_stored(struct auth_ctrl *c, bool good);
/* The deadline passed? A job that runs goes on running. */
enum auth_want auth_ctrl_expire(struct auth_ctrl *c);
