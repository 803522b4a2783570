/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tauth - in-band authentication of one queue: the machine of auth/auth_ctrl.h over the queue's
 * Authentication Send and Receive commands, with Diffie-Hellman on the worker pool.
 *
 * There is one on every queue of a host that has a DH-HMAC-CHAP key (struct target_auth). Without
 * TLS it is required there: until it has succeeded every other command is answered with
 * Authentication Required (Base 2.1 §8.3.5). After secure channel concatenation the admin queue
 * without TLS has done its work: properties only, the host comes back over TLS.
 */
#pragma once

#include "auth/auth_ctrl.h"
#include "base/fault.h"
#include "target/target.h"

struct tconn;
struct tcmd;

struct tauth {
	struct tconn *tc;
	struct auth_ctrl machine;
	struct auth_ctrl_config config;
	struct world_job job;
	struct tcmd *send;	/* the Authentication Send that waits for the job; NULL: none, or dropped */
	uint64_t psk_id;	/* of the PSK that was generated, for target_auth.drop_psk */
	bool computing;
	bool required;
	bool over;		/* its failure was taken note of */
};

/* What Connect decides with. */
struct tauth_rule {
	const struct target_auth_keys *keys;
	bool admin, required;
	enum auth_concat_policy concat;
};

/* At Connect: @tc knows its NQNs and queue. Returns 0 or -ENOMEM. */
int tauth_new(struct tconn *tc, const struct tauth_rule *rule);
void tauth_free(struct tconn *tc);
/* AUTHREQ for Connect's result. */
uint32_t tauth_authreq(const struct tconn *tc);
/* The status for a command that may not be carried out on this queue now; 0: go on. */
uint16_t tauth_check(const struct tcmd *c);
/* Is there nothing that has to be authenticated first, and may I/O queues join? */
bool tauth_settled(const struct tconn *tc);
void tauth_send(struct tcmd *c);
void tauth_receive(struct tcmd *c);
/* Each turn: a deadline, or the end. *ret_deadline_ns is moved forward. */
struct fault tauth_turn(struct tconn *tc, uint64_t now_ns, uint64_t *ret_deadline_ns) MUST_CHECK;
/* The connection has moved to tc->w; it has ended. */
void tauth_moved(struct tconn *tc);
void tauth_end(struct tconn *tc);
/* Why it failed; CAUSE_NONE: it did not. */
enum cause tauth_cause(const struct tconn *tc);
