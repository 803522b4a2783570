/* SPDX-License-Identifier: BSD-3-Clause */
/* The published sequences, so that a seed means the same on every machine and in every release. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/prng.h"

/* splitmix64 with seed 1234567, as in Vigna's splitmix64.c. */
static void splitmix64_is_the_published_one(void **state)
{
	static const uint64_t want[] = {
		6457827717110365317u, 3203168211198807973u, 9817491932198370423u,
		4593380528125082431u, 16408922859458223821u,
	};
	uint64_t s = 1234567;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		assert_true(splitmix64(&s) == want[i]);
}

/* xoshiro256** from the state 1, 2, 3, 4, as in xoshiro256starstar.c and Rust's rand_xoshiro. */
static void xoshiro_is_the_published_one(void **state)
{
	static const uint64_t want[] = {
		11520u, 0u, 1509978240u, 1215971899390074240u, 1216172134540287360u,
		607988272756665600u, 16172922978634559625u, 8476171486693032832u,
		10595114339597558777u, 2904607092377533576u,
	};
	struct prng p = { { 1, 2, 3, 4 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		assert_true(prng_next(&p) == want[i]);
}

static void fill_is_the_sequence_in_little_endian(void **state)
{
	struct prng a, b;
	uint8_t bytes[21];

	(void)state;
	prng_seed(&a, 42);
	prng_seed(&b, 42);
	prng_fill(&a, bytes, sizeof(bytes));
	assert_true(load_le64(bytes) == prng_next(&b));
	assert_true(load_le64(bytes + 8) == prng_next(&b));
	assert_memory_equal(bytes + 16, &(uint64_t){ htole64(prng_next(&b)) }, 5);
	assert_true(prng_next(&a) == prng_next(&b));
}

static void below_stays_below_and_reaches_all(void **state)
{
	unsigned int count[7] = { 0 };
	struct prng p;

	(void)state;
	prng_seed(&p, 0);
	for (int i = 0; i < 70000; i++) {
		uint64_t v = prng_below(&p, 7);

		assert_true(v < 7);
		count[v]++;
	}
	for (int i = 0; i < 7; i++)
		assert_in_range(count[i], 9500, 10500);	/* 5 sigma of a fair die */
	assert_true(prng_below(&p, 1) == 0);
	for (int i = 0; i < 100; i++)
		assert_true(prng_below(&p, (1ull << 63) + 1) <= 1ull << 63);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splitmix64_is_the_published_one),
		cmocka_unit_test(xoshiro_is_the_published_one),
		cmocka_unit_test(fill_is_the_sequence_in_little_endian),
		cmocka_unit_test(below_stays_below_and_reaches_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
