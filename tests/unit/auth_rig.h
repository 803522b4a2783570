/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * auth_rig - a host and a controller machine that speak to each other, in a world whose clock
 * stands and whose random numbers come from a seed, or from a script of what Linux once drew.
 * A test may change each message on its way.
 */
#pragma once

#include "auth/auth_ctrl.h"
#include "auth/auth_host.h"
#include "base/prng.h"

#define RIG_HOST   "nqn.2014-08.org.example:host"
#define RIG_SUBSYS "nqn.2014-08.org.example:subsys"
#define RIG_MESSAGES 7

struct auth_rig;

/* @buf holds AUTH_TRANSFER_MAX bytes; change them and *len. */
typedef void (*rig_meddle)(struct auth_rig *r, uint8_t *buf, size_t *len);

struct auth_rig {
	struct world world;
	uint64_t now_ns;
	struct prng prng;
	const struct span *script;	/* drawn first, one after the other; then the seed's */
	size_t script_count;

	struct auth_host_config hc;
	struct auth_ctrl_config cc;
	struct auth_host h;
	struct auth_ctrl c;
	struct secret host_psk, ctrl_psk;	/* what was stored */
	int stored;	/* by the controller, before Success1 was fetched */
	int jobs;

	rig_meddle meddle;	/* NULL: nobody */
	const void *arg;	/* meddle's */
	struct {
		size_t len;
		uint8_t buf[AUTH_TRANSFER_MAX];
	} seen[RIG_MESSAGES], before[RIG_MESSAGES];	/* by rig_index(); before: the last transaction's */
};

/* Both ends have the same keys, may use everything, and prove themselves; ffdhe2048, SHA-256. */
void rig_init(struct auth_rig *r);
void rig_free(struct auth_rig *r);
/* One transaction, until both ends have nothing to do or one is closed. */
void rig_run(struct auth_rig *r, enum auth_concat concat);
/* The first @steps steps of one; false where it ended before. */
bool rig_run_some(struct auth_rig *r, enum auth_concat concat, int steps);
/* Only one hash and group. */
void rig_restrict(struct auth_policy *p, uint8_t hash, uint8_t group);
/* 0 .. 6 for the messages there are. */
int rig_index(uint16_t message);
