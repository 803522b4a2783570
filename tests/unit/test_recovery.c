/* SPDX-License-Identifier: BSD-3-Clause */
/* The states of a host that lost its controller: scripts, and that nothing flows too early. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/prng.h"
#include "base/world.h"
#include "client/recovery.h"

#define MS    NS_PER_MS
#define NEVER WORLD_NEVER
#define TURN  RECOVERY_EVENTS /* in a script: only time passes */
#define STEPS 14

struct script_step {
	uint64_t at_ms;
	enum recovery_event event;
	uint64_t quiet_ms; /* RECOVERY_DOWN; NEVER */
	unsigned int todo;
	enum recovery_state state;
};

struct script {
	const char *name;
	struct recovery_config config;
	struct script_step step[STEPS]; /* until at_ms is 0 */
};

#define USUAL                                  \
	{                                      \
		10000 * MS, 600000 * MS, NEVER \
	}
#define LIVE	RECOVERY_LIVE
#define ENDING	RECOVERY_ENDING
#define WAITING RECOVERY_WAITING
#define CONNECTING RECOVERY_CONNECTING
#define FENCED	RECOVERY_FENCED
#define FAILED	RECOVERY_FAILED

/* clang-format off */
static const struct script scripts[] = {
	{ "the peer closed: back as soon as it listens", USUAL, {
		{ 1000, RECOVERY_LOST, 0, RECOVERY_HOLD, ENDING },
		{ 1001, RECOVERY_DOWN, 0, 0, WAITING },
		{ 1050, TURN, 0, 0, WAITING },
		{ 1051, TURN, 0, RECOVERY_CONNECT, CONNECTING },
		{ 1060, RECOVERY_LOST, 0, 0, ENDING },
		{ 1060, RECOVERY_DOWN, 0, 0, WAITING },
		{ 1122, TURN, 0, 0, WAITING },
		{ 1123, TURN, 0, RECOVERY_CONNECT, CONNECTING },
		{ 1130, RECOVERY_UP, 0, RECOVERY_RESUME, LIVE },
	} },
	{ "on request: at once, and patient when that fails", USUAL, {
		{ 1000, RECOVERY_RENEW, 0, RECOVERY_HOLD, ENDING },
		{ 1001, RECOVERY_DOWN, 0, RECOVERY_CONNECT, CONNECTING },
		{ 1010, RECOVERY_LOST, 0, 0, ENDING },
		{ 1010, RECOVERY_DOWN, 0, 0, WAITING },
		{ 1059, TURN, 0, 0, WAITING },
		{ 1060, TURN, 0, RECOVERY_CONNECT, CONNECTING },
		{ 1070, RECOVERY_UP, 0, RECOVERY_RESUME, LIVE },
	} },
	{ "on request, nobody closed: nothing flows before the controller has stopped", USUAL, {
		{ 1000, RECOVERY_RENEW, 0, RECOVERY_HOLD, ENDING },
		{ 2000, RECOVERY_DOWN, 5000, RECOVERY_CONNECT, CONNECTING },
		{ 2060, RECOVERY_UP, 0, 0, FENCED },
		{ 6999, TURN, 0, 0, FENCED },
		{ 7000, TURN, 0, RECOVERY_RESUME, LIVE },
	} },
	{ "nobody closed: nothing flows before the controller has stopped", USUAL, {
		{ 1000, RECOVERY_LOST, 0, RECOVERY_HOLD, ENDING },
		{ 2000, RECOVERY_DOWN, 5000, 0, WAITING },
		{ 2050, TURN, 0, RECOVERY_CONNECT, CONNECTING },
		{ 2060, RECOVERY_UP, 0, 0, FENCED },
		{ 6999, TURN, 0, 0, FENCED },
		{ 7000, TURN, 0, RECOVERY_RESUME, LIVE },
	} },
	{ "an attempt that was lost proves nothing about the old one", USUAL, {
		{ 1000, RECOVERY_LOST, 0, RECOVERY_HOLD, ENDING },
		{ 2000, RECOVERY_DOWN, 5000, 0, WAITING },
		{ 2050, TURN, 0, RECOVERY_CONNECT, CONNECTING },
		{ 2060, RECOVERY_UP, 0, 0, FENCED },
		{ 2070, RECOVERY_LOST, 0, 0, ENDING },
		{ 2080, RECOVERY_DOWN, 0, 0, WAITING },
		{ 2180, TURN, 0, RECOVERY_CONNECT, CONNECTING },
		{ 2190, RECOVERY_UP, 0, 0, FENCED },
		{ 7000, TURN, 0, RECOVERY_RESUME, LIVE },
	} },
	{ "no keep-alive, nobody closed: never", { 1000 * MS, NEVER, NEVER }, {
		{ 1000, RECOVERY_LOST, 0, RECOVERY_HOLD, ENDING },
		{ 2000, RECOVERY_DOWN, NEVER, 0, WAITING },
		{ 2050, TURN, 0, RECOVERY_CONNECT, CONNECTING },
		{ 2060, RECOVERY_UP, 0, 0, FENCED },
		{ 100000000, TURN, 0, 0, FENCED },
	} },
	{ "given up while it waits", { 1000 * MS, 1100 * MS, NEVER }, {
		{ 1000, RECOVERY_LOST, 0, RECOVERY_HOLD, ENDING },
		{ 1000, RECOVERY_DOWN, 0, 0, WAITING },
		{ 1050, TURN, 0, RECOVERY_CONNECT, CONNECTING },
		{ 1050, RECOVERY_LOST, 0, 0, ENDING },
		{ 2050, RECOVERY_DOWN, 0, 0, WAITING },
		{ 2100, TURN, 0, RECOVERY_GIVE_UP, FAILED },
		{ 2200, TURN, 0, 0, FAILED },
		{ 2200, RECOVERY_DOWN, 0, 0, FAILED },
		{ 2200, RECOVERY_UP, 0, 0, FAILED },
	} },
	{ "given up behind the fence", { 1000 * MS, 3000 * MS, NEVER }, {
		{ 1000, RECOVERY_LOST, 0, RECOVERY_HOLD, ENDING },
		{ 1000, RECOVERY_DOWN, 5000, 0, WAITING },
		{ 1050, TURN, 0, RECOVERY_CONNECT, CONNECTING },
		{ 1060, RECOVERY_UP, 0, 0, FENCED },
		{ 4000, TURN, 0, RECOVERY_GIVE_UP, FAILED },
	} },
	{ "ctrl-loss-tmo 0: no attempt at all", { 1000 * MS, 0, NEVER }, {
		{ 1000, RECOVERY_LOST, 0, RECOVERY_HOLD | RECOVERY_GIVE_UP, FAILED },
	} },
	{ "a final refusal ends it", USUAL, {
		{ 1000, RECOVERY_LOST, 0, RECOVERY_HOLD, ENDING },
		{ 1000, RECOVERY_DOWN, 0, 0, WAITING },
		{ 1050, TURN, 0, RECOVERY_CONNECT, CONNECTING },
		{ 1060, RECOVERY_FINAL, 0, RECOVERY_GIVE_UP, FAILED },
	} },
	{ "fast-io-fail: commands fail, attempts go on, commands flow again",
	  { 1000 * MS, NEVER, 500 * MS }, {
		{ 1000, RECOVERY_LOST, 0, RECOVERY_HOLD, ENDING },
		{ 1499, TURN, 0, 0, ENDING },
		{ 1500, TURN, 0, RECOVERY_REFUSE, ENDING },
		{ 1501, TURN, 0, 0, ENDING },
		{ 2000, RECOVERY_DOWN, 0, 0, WAITING },
		{ 2050, TURN, 0, RECOVERY_CONNECT, CONNECTING },
		{ 2060, RECOVERY_UP, 0, RECOVERY_RESUME, LIVE },
		{ 3000, RECOVERY_LOST, 0, RECOVERY_HOLD, ENDING },
		{ 3500, TURN, 0, RECOVERY_REFUSE, ENDING },
	} },
	{ "the wait grows up to the delay", { 70 * MS, NEVER, NEVER }, {
		{ 1000, RECOVERY_LOST, 0, RECOVERY_HOLD, ENDING },
		{ 1000, RECOVERY_DOWN, 0, 0, WAITING },
		{ 1050, TURN, 0, RECOVERY_CONNECT, CONNECTING },
		{ 1050, RECOVERY_LOST, 0, 0, ENDING },
		{ 1050, RECOVERY_DOWN, 0, 0, WAITING },
		{ 1112, TURN, 0, 0, WAITING },
		{ 1113, TURN, 0, RECOVERY_CONNECT, CONNECTING },
		{ 1113, RECOVERY_LOST, 0, 0, ENDING },
		{ 1113, RECOVERY_DOWN, 0, 0, WAITING },
		{ 1182, TURN, 0, 0, WAITING },
		{ 1183, TURN, 0, RECOVERY_CONNECT, CONNECTING },
		{ 1183, RECOVERY_LOST, 0, 0, ENDING },
		{ 1183, RECOVERY_DOWN, 0, 0, WAITING },
		{ 1253, TURN, 0, RECOVERY_CONNECT, CONNECTING },
	} },
};
/* clang-format on */

static unsigned int play(struct recovery *r, const struct script_step *s)
{
	uint64_t next, quiet = s->quiet_ms == NEVER ? NEVER : s->quiet_ms * MS;

	if (s->event == RECOVERY_DOWN)
		return recovery_down(r, quiet, s->at_ms * MS);
	if (s->event != TURN)
		return recovery_event(r, s->event, s->at_ms * MS);
	return recovery_turn(r, s->at_ms * MS, &next);
}

static void test_scripts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		struct recovery r;

		recovery_init(&r, &scripts[i].config);
		for (size_t k = 0; k < STEPS && scripts[i].step[k].at_ms; k++) {
			const struct script_step *s = &scripts[i].step[k];
			unsigned int todo = play(&r, s);

			if (todo != s->todo || r.state != s->state)
				fail_msg("%s, step %zu: todo %x, not %x; state %d, not %d",
					 scripts[i].name, k, todo, s->todo, r.state, s->state);
		}
	}
}

/* Who calls at the time that was told, and no more often, misses nothing. */
static void test_next(void **state)
{
	static const struct recovery_config c = { 1000 * MS, 5000 * MS, 2000 * MS };
	struct recovery r;
	uint64_t next;

	(void)state;
	recovery_init(&r, &c);
	recovery_turn(&r, 1 * MS, &next);
	assert_true(next == NEVER);
	recovery_event(&r, RECOVERY_LOST, 10 * MS);
	recovery_turn(&r, 10 * MS, &next);
	assert_true(next == 2010 * MS);
	assert_int_equal(recovery_turn(&r, next, &next), RECOVERY_REFUSE);
	assert_true(next == 5010 * MS);
	recovery_down(&r, 0, 2100 * MS);
	recovery_turn(&r, 2100 * MS, &next);
	assert_true(next == 2150 * MS);
	assert_int_equal(recovery_turn(&r, next, &next), RECOVERY_CONNECT);
	assert_true(next == 5010 * MS);
}

/* Any order of events: after a loss nothing flows before the last association that had commands is dead. */
static void test_never_early(void **state)
{
	struct prng p;
	uint64_t resumed = 0;

	(void)state;
	prng_seed(&p, 20261123);
	for (int run = 0; run < 2000; run++) {
		struct recovery_config c = { (1 + prng_below(&p, 50)) * MS, NEVER, NEVER };
		uint64_t now = 1, dead = 0, next;
		bool flowing = true, flowed = true;
		struct recovery r;

		recovery_init(&r, &c);
		for (int i = 0; i < 200; i++) {
			unsigned int todo;

			now += prng_below(&p, 20) * MS;
			if (r.state == RECOVERY_ENDING && prng_below(&p, 2)) {
				uint64_t quiet = prng_below(&p, 3) ? prng_below(&p, 300) * MS : 0;

				if (flowed)
					dead = now + quiet;
				flowed = false;
				todo = recovery_down(&r, quiet, now);
			} else if (prng_below(&p, 2)) {
				todo = recovery_turn(&r, now, &next);
			} else {
				todo = recovery_event(
					&r, prng_below(&p, 3) ? RECOVERY_UP : RECOVERY_LOST, now);
			}
			assert_false(todo & RECOVERY_GIVE_UP);
			if (todo & RECOVERY_HOLD)
				flowing = false;
			if (todo & RECOVERY_RESUME) {
				assert_false(flowing);
				assert_false(flowed);
				assert_true(now >= dead);
				flowing = flowed = true;
				resumed++;
			}
			assert_true((r.state == RECOVERY_LIVE) == flowing);
		}
	}
	assert_true(resumed > 1000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_never_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
