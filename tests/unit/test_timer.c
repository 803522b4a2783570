/* SPDX-License-Identifier: BSD-3-Clause */
/* The timer wheel against a plain list of deadlines: order, never early, hardly late, cancelled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/prng.h"
#include "loop/timer.h"

#define TIMERS 512
#define START  (123456789ull * NS_PER_MS + 777) /* a clock does not stand on a tick */

static struct timer_wheel wheel;
static uint64_t now;

struct probe {
	struct world_timer timer;
	uint64_t deadline_ns; /* what was asked for; WORLD_NEVER: not set */
	uint32_t fired;
	struct probe *cancels; /* whom it cancels when it fires */
	uint64_t again_ns;     /* sets itself anew so far ahead */
};

static struct probe probes[TIMERS];

static void fire(struct world *w, struct world_timer *t)
{
	struct probe *p = container_of(t, struct probe, timer);

	(void)w;
	assert_true(p->deadline_ns != WORLD_NEVER);
	assert_true(now >= p->deadline_ns);
	assert_true(now - p->deadline_ns < 2 * TIMER_TICK_NS);
	p->fired++;
	p->deadline_ns = WORLD_NEVER;
	if (p->cancels) {
		timer_wheel_cancel(&wheel, &p->cancels->timer);
		p->cancels->deadline_ns = WORLD_NEVER;
	}
	if (p->again_ns) {
		p->deadline_ns = now + p->again_ns;
		timer_wheel_set(&wheel, t, p->deadline_ns);
	}
}

static void set(struct probe *p, uint64_t deadline_ns)
{
	p->deadline_ns = deadline_ns;
	timer_wheel_set(&wheel, &p->timer, deadline_ns);
}

static int setup(void **state)
{
	(void)state;
	now = START;
	timer_wheel_init(&wheel, now);
	memset(probes, 0, sizeof(probes));
	for (int i = 0; i < TIMERS; i++) {
		list_init(&probes[i].timer.node);
		probes[i].timer.fire = fire;
		probes[i].deadline_ns = WORLD_NEVER;
	}
	return 0;
}

static uint32_t advance_to(uint64_t to)
{
	now = to;
	return timer_wheel_advance(&wheel, NULL, now);
}

static void fires_at_its_time(void **state)
{
	/* around a tick, around one round of the wheel, and years ahead */
	static const uint64_t after[] = {
		1,
		TIMER_TICK_NS - 1,
		TIMER_TICK_NS,
		TIMER_TICK_NS + 1,
		(TIMER_SLOTS - 1) * TIMER_TICK_NS,
		TIMER_SLOTS * TIMER_TICK_NS,
		(TIMER_SLOTS + 1) * TIMER_TICK_NS,
		10 * TIMER_SLOTS * TIMER_TICK_NS + 5,
		3600 * NS_PER_SEC,
	};

	for (size_t i = 0; i < ARRAY_SIZE(after); i++) {
		setup(state);
		set(&probes[0], START + after[i]);
		assert_int_equal(advance_to(START + after[i] - 1), 0);
		assert_int_equal(advance_to(START + after[i] + 2 * TIMER_TICK_NS - 1), 1);
		assert_int_equal(probes[0].fired, 1);
		assert_int_equal(advance_to(now + 20 * NS_PER_SEC), 0);
		assert_true(timer_wheel_next(&wheel, now) == WORLD_NEVER);
	}
}

static void the_past_fires_with_the_next_tick(void **state)
{
	(void)state;
	set(&probes[0], START - 1);
	assert_true(timer_wheel_next(&wheel, now) <= START + TIMER_TICK_NS);
	assert_int_equal(advance_to(START + TIMER_TICK_NS), 1);
}

static void moves_and_cancels(void **state)
{
	(void)state;
	set(&probes[0], START + 5 * NS_PER_MS);
	set(&probes[0], START + 50 * NS_PER_MS);
	set(&probes[1], START + 50 * NS_PER_MS);
	set(&probes[1], START + 5 * NS_PER_MS);
	set(&probes[2], START + 5 * NS_PER_MS);
	timer_wheel_cancel(&wheel, &probes[2].timer);
	timer_wheel_cancel(&wheel, &probes[2].timer); /* harmless */
	timer_wheel_cancel(&wheel, &probes[3].timer); /* was never set */
	assert_int_equal(advance_to(START + 6 * NS_PER_MS), 1);
	assert_int_equal(probes[1].fired, 1);
	assert_int_equal(advance_to(START + 51 * NS_PER_MS), 1);
	assert_int_equal(probes[0].fired, 1);
	assert_int_equal(probes[2].fired, 0);
	assert_int_equal(wheel.count, 0);
}

/* Two that are due together: the first one that fires cancels the other. */
static void cancels_one_that_is_due_too(void **state)
{
	(void)state;
	set(&probes[0], START + NS_PER_MS);
	set(&probes[1], START + NS_PER_MS);
	probes[0].cancels = &probes[1];
	assert_int_equal(advance_to(START + 2 * NS_PER_MS), 1);
	assert_int_equal(probes[0].fired + probes[1].fired, 1);
	assert_int_equal(wheel.count, 0);
}

/* It comes once per call, however late the call is; else it would hold the loop. */
static void sets_itself_again_without_holding_the_loop(void **state)
{
	(void)state;
	probes[0].again_ns = 1;
	set(&probes[0], START + 1);
	for (uint32_t i = 1; i <= 100; i++) {
		assert_int_equal(advance_to(now + TIMER_TICK_NS), 1);
		assert_int_equal(probes[0].fired, i);
	}
	timer_wheel_cancel(&wheel, &probes[0].timer);
}

static void one_tick_after_the_other_in_order(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < TIMERS; i++) /* 7 and 512 have no common divisor */
		set(&probes[i * 7 % TIMERS], START + (1 + i * 7 % TIMERS) * 3 * NS_PER_MS);
	for (uint32_t i = 0; i < TIMERS; i++) {
		assert_int_equal(advance_to(START + (1 + i) * 3 * NS_PER_MS + TIMER_TICK_NS), 1);
		assert_int_equal(probes[i].fired, 1);
	}
}

static uint64_t earliest(void)
{
	uint64_t at = WORLD_NEVER;

	for (int i = 0; i < TIMERS; i++)
		at = min_u64(at, probes[i].deadline_ns);
	return at;
}

static uint32_t due_by(uint64_t t)
{
	uint32_t n = 0;

	for (int i = 0; i < TIMERS; i++)
		n += probes[i].deadline_ns <= t;
	return n;
}

/* As a loop does: sleep until timer_wheel_next(), now and then less, now and then far too long. */
static void agrees_with_a_list_of_deadlines(void **state)
{
	struct prng r;

	(void)state;
	prng_seed(&r, 1);
	for (int step = 0; step < 20000; step++) {
		struct probe *p = &probes[prng_below(&r, TIMERS)];
		uint64_t at;

		if (prng_below(&r, 4) == 0) {
			timer_wheel_cancel(&wheel, &p->timer);
			p->deadline_ns = WORLD_NEVER;
		} else {
			set(p, now + prng_below(&r, 1ull << (10 + prng_below(&r, 24))));
		}
		at = timer_wheel_next(&wheel, now);
		if (earliest() == WORLD_NEVER) {
			assert_true(at == WORLD_NEVER);
			continue;
		}
		/* not oversleeping: a tick of granularity, and never more */
		assert_true(at < max_u64(earliest(), now) + 2 * TIMER_TICK_NS);
		at = prng_below(&r, 2) ? max_u64(at, now) : now + prng_below(&r, TIMER_TICK_NS);
		assert_true(advance_to(at) <= TIMERS);
		assert_int_equal(due_by(now - min_u64(now, 2 * TIMER_TICK_NS)), 0);
	}
}

/* A thread that did not run for minutes: all that is due fires, nothing twice, and fast. */
static void catches_up_after_a_long_pause(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < TIMERS; i++) {
		list_init(&probes[i].timer.node);
		timer_wheel_set(&wheel, &probes[i].timer, START + i * 100 * NS_PER_MS);
		probes[i].deadline_ns = START + 600 * NS_PER_SEC; /* late, and known to be */
	}
	assert_int_equal(advance_to(START + 600 * NS_PER_SEC), TIMERS);
	for (uint32_t i = 0; i < TIMERS; i++)
		assert_int_equal(probes[i].fired, 1);
	assert_int_equal(wheel.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(fires_at_its_time, setup),
		cmocka_unit_test_setup(the_past_fires_with_the_next_tick, setup),
		cmocka_unit_test_setup(moves_and_cancels, setup),
		cmocka_unit_test_setup(cancels_one_that_is_due_too, setup),
		cmocka_unit_test_setup(sets_itself_again_without_holding_the_loop, setup),
		cmocka_unit_test_setup(one_tick_after_the_other_in_order, setup),
		cmocka_unit_test_setup(agrees_with_a_list_of_deadlines, setup),
		cmocka_unit_test_setup(catches_up_after_a_long_pause, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
