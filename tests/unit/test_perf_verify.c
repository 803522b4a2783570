/* SPDX-License-Identifier: BSD-3-Clause */
/* What perf --verify must see: every changed byte, a block of elsewhere, an old one, a torn one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/perf_verify.h"

#define BLOCK  512u
#define BLOCKS 4u

static struct perf_pattern p;
static uint8_t buf[BLOCKS * BLOCK];
static struct perf_mismatch m;

static int setup(void **state)
{
	(void)state;
	return perf_pattern_init(&p, 42, BLOCK) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	perf_pattern_free(&p);
	return 0;
}

static bool check(uint64_t lba, uint32_t low, uint32_t high)
{
	return perf_pattern_check(&p, buf, lba, BLOCKS, (struct perf_expect){ low, high }, &m);
}

static void what_was_filled_is_good(void **state)
{
	(void)state;
	perf_pattern_fill(&p, buf, 1000, BLOCKS, 7);
	assert_true(check(1000, 7, 7));
	assert_true(check(1000, 1, 9));
	assert_true(check(1000, 0, 7));
}

static void every_changed_bit_is_seen(void **state)
{
	(void)state;
	perf_pattern_fill(&p, buf, 1000, BLOCKS, 7);
	for (uint32_t bit = 0; bit < 8 * BLOCKS * BLOCK; bit++) {
		buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(check(1000, 7, 7));
		assert_int_equal(m.lba, 1000 + bit / 8 / BLOCK);
		if (bit / 8 % BLOCK >= 32) {
			assert_int_equal(m.found, PERF_CORRUPT);
			assert_int_equal(m.at, bit / 8 % BLOCK);
		}
		buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_true(check(1000, 7, 7));
}

static void a_block_of_elsewhere_is_seen(void **state)
{
	(void)state;
	perf_pattern_fill(&p, buf, 1000, BLOCKS, 7);
	perf_pattern_fill(&p, buf + 2 * BLOCK, 2000, 1, 7);
	assert_false(check(1000, 7, 7));
	assert_int_equal(m.found, PERF_WRONG_LBA);
	assert_int_equal(m.lba, 1002);
	assert_int_equal(m.got_lba, 2000);
	/* also where this run has not written yet */
	assert_false(check(1000, 0, 7));
}

static void generations_have_a_window(void **state)
{
	(void)state;
	perf_pattern_fill(&p, buf, 1000, BLOCKS, 7);
	assert_false(check(1000, 8, 8));	/* the write of generation 8 was lost */
	assert_int_equal(m.found, PERF_WRONG_GENERATION);
	assert_int_equal(m.got_generation, 7);
	assert_false(check(1000, 1, 6));	/* a write that was never issued */
	/* torn while a write is under way: both are allowed, a third is not */
	perf_pattern_fill(&p, buf, 1000, 2, 8);
	assert_true(check(1000, 7, 8));
	perf_pattern_fill(&p, buf, 1000, 1, 6);
	assert_false(check(1000, 7, 8));
}

static void data_of_others_is_an_error_only_where_we_wrote(void **state)
{
	struct perf_pattern other;

	(void)state;
	memset(buf, 0, sizeof(buf));
	assert_true(check(1000, 0, 3));
	assert_false(check(1000, 1, 3));
	assert_int_equal(m.found, PERF_FOREIGN);
	/* another run's blocks are as foreign as zeroes */
	assert_true(perf_pattern_init(&other, 43, BLOCK));
	perf_pattern_fill(&other, buf, 1000, BLOCKS, 7);
	assert_true(check(1000, 0, 0));
	assert_false(check(1000, 7, 7));
	assert_int_equal(m.found, PERF_FOREIGN);
	perf_pattern_free(&other);
}

static void no_two_blocks_are_alike(void **state)
{
	uint8_t a[BLOCK], b[BLOCK];

	(void)state;
	perf_pattern_fill(&p, a, 1, 1, 1);
	perf_pattern_fill(&p, b, 2, 1, 1);
	assert_memory_not_equal(a + 32, b + 32, BLOCK - 32);
	perf_pattern_fill(&p, b, 1, 1, 2);
	assert_memory_not_equal(a + 32, b + 32, BLOCK - 32);
}

static void the_model_allows_one_write_at_a_time(void **state)
{
	struct perf_model model;
	struct perf_expect e;
	uint32_t low;

	(void)state;
	assert_true(perf_model_init(&model, 2));
	low = perf_model_read(&model, 1);
	assert_int_equal(low, 0);
	assert_int_equal(perf_model_write(&model, 1), 1);
	assert_int_equal(perf_model_write(&model, 1), 0);
	assert_int_equal(perf_model_write(&model, 0), 1);
	e = perf_model_expect(&model, 1, low);
	assert_true(e.low == 0 && e.high == 1);
	perf_model_written(&model, 1, 1);
	low = perf_model_read(&model, 1);
	assert_int_equal(perf_model_write(&model, 1), 2);
	e = perf_model_expect(&model, 1, low);
	assert_true(e.low == 1 && e.high == 2);
	perf_model_free(&model);
}

static void block_sizes(void **state)
{
	struct perf_pattern x;

	(void)state;
	assert_false(perf_pattern_init(&x, 1, 256));
	assert_false(perf_pattern_init(&x, 1, 520));
	assert_false(perf_pattern_init(&x, 1, 2 * PERF_BLOCK_MAX));
	assert_true(perf_pattern_init(&x, 1, 4096));
	perf_pattern_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_filled_is_good),
		cmocka_unit_test(every_changed_bit_is_seen),
		cmocka_unit_test(a_block_of_elsewhere_is_seen),
		cmocka_unit_test(generations_have_a_window),
		cmocka_unit_test(data_of_others_is_an_error_only_where_we_wrote),
		cmocka_unit_test(no_two_blocks_are_alike),
		cmocka_unit_test(the_model_allows_one_write_at_a_time),
		cmocka_unit_test(block_sizes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
