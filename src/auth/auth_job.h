/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * auth_job - the slow part of a transaction: Diffie-Hellman. The state machines fill one in
 * and then want AUTH_WANT_COMPUTE; the caller runs it wherever it likes, usually on the worker
 * pool, and comes back with auth_host_computed() or auth_ctrl_computed().
 *
 * A job touches nothing but itself; while it runs nobody else touches it, nor may the machine
 * that holds it go away.
 */
#pragma once

#include "auth/auth_msg.h"
#include "crypto/ffdh.h"

struct auth_job {
	uint8_t hash, group;		/* a group with Diffie-Hellman */
	bool want_own, want_key;	/* what to compute: own, ks */
	struct secret x;		/* our private exponent */
	uint8_t peer[FFDH_BYTES_MAX];	/* for want_key: the peer's value, ffdh_len() bytes */
	uint8_t own[FFDH_BYTES_MAX];	/* our public value, ffdh_len() bytes */
	struct secret ks;		/* the session key */
	uint8_t failure;		/* result: AUTH_FINE, AUTH_BAD_PAYLOAD (peer's value), AUTH_FAILED */
};

void auth_job_run(struct auth_job *j);
