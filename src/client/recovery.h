/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * recovery - when a host that lost its controller connects again, and when its commands may be
 * sent again. A table of states; no I/O, no clock.
 *
 * A command that was under way when the connection was lost may still be carried out. Were it sent
 * again, or overtaken by a later one, before the controller is known to have let go of it, a late
 * old write could land on a newer one. So no command flows before the old association is known dead:
 * every I/O connection was closed by the peer, which does so after its I/O has ended; or the time
 * has passed after which a controller without keep-alive has stopped (NVMe Base 2.1 3.9, 9.6).
 *
 * All times are absolute or relative nanoseconds of one monotonic clock; WORLD_NEVER: never.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct recovery_config {
	uint64_t delay_ns;	/* longest wait between two attempts; > 0 */
	uint64_t loss_ns;	/* from the loss until it is given up */
	uint64_t fast_fail_ns;	/* from the loss until commands fail instead of being held */
};

enum recovery_state {
	RECOVERY_LIVE,		/* commands flow */
	RECOVERY_ENDING,	/* lost; what is left of the association is being closed */
	RECOVERY_WAITING,	/* for the next attempt */
	RECOVERY_CONNECTING,
	RECOVERY_FENCED,	/* connected; the old association is not known dead yet */
	RECOVERY_FAILED		/* given up */
};

enum recovery_event {
	RECOVERY_LOST,		/* the association, or the attempt, failed */
	RECOVERY_FINAL,		/* the same, and another attempt would not do better */
	RECOVERY_RENEW,		/* it is ended on request, to be made anew at once */
	RECOVERY_DOWN,		/* all its connections are closed; use recovery_down() */
	RECOVERY_UP,		/* connected, and it is the same controller */
	/* recovery_turn()'s own */
	RECOVERY_RETRY,
	RECOVERY_DEAD,
	RECOVERY_EXPIRED,
	RECOVERY_EVENTS
};

/* What the owner is to do; several at once. */
enum {
	RECOVERY_HOLD = 1,	/* keep commands from now on, those that come back and new ones */
	RECOVERY_CONNECT = 2,	/* start an association */
	RECOVERY_RESUME = 4,	/* send what is held; commands flow */
	RECOVERY_REFUSE = 8,	/* fail what is held, and new commands, until RESUME */
	RECOVERY_GIVE_UP = 16,	/* the same for ever; close what association there is */
};

struct recovery {
	struct recovery_config config;
	enum recovery_state state;
	bool flowed;		/* commands went over the association that is ending */
	bool refusing;
	uint64_t lost_ns;	/* when commands last flowed */
	uint64_t dead_ns;	/* all old associations are known dead then */
	uint64_t retry_ns, wait_ns;
};

void recovery_init(struct recovery *r, const struct recovery_config *c);
/* Each returns what is to be done. Events that a state does not expect change nothing. */
unsigned int recovery_event(struct recovery *r, enum recovery_event e, uint64_t now_ns);
/* RECOVERY_DOWN. @quiet_ns: from now until the controller is known to have stopped; 0: it has. */
unsigned int recovery_down(struct recovery *r, uint64_t quiet_ns, uint64_t now_ns);
/* Let time pass. *ret_next_ns: call again then. */
unsigned int recovery_turn(struct recovery *r, uint64_t now_ns, uint64_t *ret_next_ns);
