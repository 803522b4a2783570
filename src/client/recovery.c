/* SPDX-License-Identifier: BSD-3-Clause */
#include "client/recovery.h"

#include "base/bytes.h"
#include "base/world.h"

/*
 * The first attempts come soon, and then less and less often: a target that was restarted is back long
 * before the usual delay, and is not kept waiting for more than a fifth of the time it was away.
 */
#define FIRST_WAIT_NS (50 * NS_PER_MS)

struct transition {
	bool known;
	uint8_t next, todo;
};

static const struct transition table[RECOVERY_FAILED + 1][RECOVERY_EVENTS] = {
	[RECOVERY_LIVE] = {
		[RECOVERY_LOST] = { true, RECOVERY_ENDING, RECOVERY_HOLD },
		[RECOVERY_FINAL] = { true, RECOVERY_ENDING, RECOVERY_HOLD },
		[RECOVERY_RENEW] = { true, RECOVERY_ENDING, RECOVERY_HOLD },
	},
	[RECOVERY_ENDING] = {
		[RECOVERY_DOWN] = { true, RECOVERY_WAITING, 0 },
		[RECOVERY_EXPIRED] = { true, RECOVERY_FAILED, RECOVERY_GIVE_UP },
	},
	[RECOVERY_WAITING] = {
		[RECOVERY_RETRY] = { true, RECOVERY_CONNECTING, RECOVERY_CONNECT },
		[RECOVERY_EXPIRED] = { true, RECOVERY_FAILED, RECOVERY_GIVE_UP },
	},
	[RECOVERY_CONNECTING] = {
		[RECOVERY_UP] = { true, RECOVERY_FENCED, 0 },
		[RECOVERY_LOST] = { true, RECOVERY_ENDING, 0 },
		[RECOVERY_FINAL] = { true, RECOVERY_FAILED, RECOVERY_GIVE_UP },
		[RECOVERY_EXPIRED] = { true, RECOVERY_FAILED, RECOVERY_GIVE_UP },
	},
	[RECOVERY_FENCED] = {
		[RECOVERY_DEAD] = { true, RECOVERY_LIVE, RECOVERY_RESUME },
		[RECOVERY_LOST] = { true, RECOVERY_ENDING, 0 },
		[RECOVERY_FINAL] = { true, RECOVERY_ENDING, 0 },
		[RECOVERY_EXPIRED] = { true, RECOVERY_FAILED, RECOVERY_GIVE_UP },
	},
};

static uint64_t after(uint64_t ns, uint64_t by)
{
	return ns > WORLD_NEVER - by ? WORLD_NEVER : ns + by;
}

void recovery_init(struct recovery *r, const struct recovery_config *c)
{
	*r = (struct recovery){ .config = *c, .flowed = true };
}

static void enter(struct recovery *r, enum recovery_state was, uint64_t now_ns)
{
	if (was == RECOVERY_LIVE) {
		r->lost_ns = now_ns;
		r->wait_ns = min_u64(FIRST_WAIT_NS, r->config.delay_ns);
	}
	if (r->state == RECOVERY_WAITING) {
		r->retry_ns = after(now_ns, r->wait_ns);
		r->wait_ns = min_u64(r->wait_ns ? r->wait_ns + r->wait_ns / 4 : FIRST_WAIT_NS,
				     r->config.delay_ns);
	}
	if (r->state == RECOVERY_LIVE) {
		r->flowed = true;
		r->refusing = false;
	}
}

static unsigned int step(struct recovery *r, enum recovery_event e, uint64_t now_ns)
{
	const struct transition *t = &table[r->state][e];
	enum recovery_state was = r->state;

	if (!t->known)
		return 0;
	r->state = t->next;
	enter(r, was, now_ns);
	if (e == RECOVERY_RENEW)
		r->wait_ns = 0;
	return t->todo;
}

static bool recovering(const struct recovery *r)
{
	return r->state != RECOVERY_LIVE && r->state != RECOVERY_FAILED;
}

/* Which event is due next, and when? RECOVERY_EVENTS: none ever. */
static enum recovery_event next_event(const struct recovery *r, uint64_t *ret_at_ns)
{
	enum recovery_event e = RECOVERY_EVENTS;
	uint64_t expiry = after(r->lost_ns, r->config.loss_ns);

	*ret_at_ns = WORLD_NEVER;
	if (r->state == RECOVERY_WAITING) {
		e = RECOVERY_RETRY;
		*ret_at_ns = r->retry_ns;
	} else if (r->state == RECOVERY_FENCED) {
		e = RECOVERY_DEAD;
		*ret_at_ns = r->dead_ns;
	}
	if (recovering(r) && expiry < *ret_at_ns) {
		e = RECOVERY_EXPIRED;
		*ret_at_ns = expiry;
	}
	return e;
}

unsigned int recovery_turn(struct recovery *r, uint64_t now_ns, uint64_t *ret_next_ns)
{
	unsigned int todo = 0;
	uint64_t at, fail = after(r->lost_ns, r->config.fast_fail_ns);
	enum recovery_event e;

	while ((e = next_event(r, &at)) != RECOVERY_EVENTS && at <= now_ns)
		todo |= step(r, e, now_ns);
	if (recovering(r) && !r->refusing && fail <= now_ns) {
		r->refusing = true;
		todo |= RECOVERY_REFUSE;
	}
	*ret_next_ns = at;
	if (recovering(r) && !r->refusing)
		*ret_next_ns = min_u64(at, fail);
	return todo;
}

unsigned int recovery_event(struct recovery *r, enum recovery_event e, uint64_t now_ns)
{
	uint64_t next;
	unsigned int todo = step(r, e, now_ns);

	return todo | recovery_turn(r, now_ns, &next);
}

unsigned int recovery_down(struct recovery *r, uint64_t quiet_ns, uint64_t now_ns)
{
	/* an association over which nothing went leaves nothing behind */
	if (r->flowed)
		r->dead_ns = after(now_ns, quiet_ns);
	r->flowed = false;
	return recovery_event(r, RECOVERY_DOWN, now_ns);
}
