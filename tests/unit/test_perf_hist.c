/* SPDX-License-Identifier: BSD-3-Clause */
/* Percentiles against exact ones of the sorted values, whatever their distribution. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "cli/perf_hist.h"

#define VALUES 20000

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Nearest rank, from the definition: the smallest value with at least percent of all at or below. */
static uint64_t exact(const uint64_t *sorted, double percent)
{
	double rank = percent / 100 * VALUES;
	size_t i = (size_t)rank;

	if ((double)i < rank)
		i++;
	return sorted[i ? i - 1 : 0];
}

static void assert_near(uint64_t got, uint64_t want)
{
	uint64_t off = got > want ? got - want : want - got;

	if (off > want / 64 + 1)
		fail_msg("%llu is too far from %llu", (unsigned long long)got, (unsigned long long)want);
}

static void percentiles_are_those_of_the_sorted_values(void **state)
{
	static const double percents[] = { 0, 1, 50, 90, 99, 99.9, 99.99, 100 };
	static uint64_t v[VALUES];
	struct perf_hist *h = calloc(1, sizeof(*h));
	struct prng p;

	(void)state;
	/* uniform in a width of 4 to 60 bits: all magnitudes */
	for (unsigned int bits = 4; bits <= 60; bits += 4) {
		memset(h, 0, sizeof(*h));
		prng_seed(&p, bits);
		for (size_t i = 0; i < VALUES; i++) {
			v[i] = prng_next(&p) >> (64 - bits);
			perf_hist_add(h, v[i]);
		}
		qsort(v, VALUES, sizeof(v[0]), compare);
		for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++)
			assert_near(perf_hist_percentile(h, percents[i]), exact(v, percents[i]));
		assert_true(h->min == v[0] && h->max == v[VALUES - 1] && h->n == VALUES);
	}
	free(h);
}

static void every_value_has_a_bucket(void **state)
{
	struct perf_hist *h = calloc(1, sizeof(*h));

	(void)state;
	perf_hist_add(h, 0);
	perf_hist_add(h, UINT64_MAX);
	for (unsigned int bit = 0; bit < 64; bit++) {
		perf_hist_add(h, UINT64_C(1) << bit);
		perf_hist_add(h, (UINT64_C(1) << bit) - 1);
	}
	assert_true(perf_hist_percentile(h, 0) == 0);
	assert_true(perf_hist_percentile(h, 100) == UINT64_MAX);
	assert_int_equal(h->n, 130);
	free(h);
}

static void merging_is_adding_all(void **state)
{
	struct perf_hist *all = calloc(1, sizeof(*all)), *a = calloc(1, sizeof(*a)),
			 *b = calloc(1, sizeof(*b));
	struct prng p;

	(void)state;
	prng_seed(&p, 9);
	for (int i = 0; i < 1000; i++) {
		uint64_t v = prng_below(&p, 1000000);

		perf_hist_add(all, v);
		perf_hist_add(i % 3 ? a : b, v);
	}
	perf_hist_merge(a, b);
	assert_memory_equal(a->bucket, all->bucket, sizeof(a->bucket));
	assert_true(a->n == all->n && a->min == all->min && a->max == all->max);
	memset(b, 0, sizeof(*b));
	perf_hist_merge(a, b);	/* of nothing changes nothing */
	assert_true(a->min == all->min);
	free(all);
	free(a);
	free(b);
}

static void mean_and_deviation(void **state)
{
	/* 2 4 4 4 5 5 7 9: mean 5, deviation 2 */
	static const uint64_t v[] = { 2, 4, 4, 4, 5, 5, 7, 9 };
	struct perf_hist *h = calloc(1, sizeof(*h));

	(void)state;
	assert_true(perf_hist_mean(h) == 0 && perf_hist_stddev(h) == 0);
	assert_true(perf_hist_percentile(h, 50) == 0);
	for (size_t i = 0; i < 8; i++)
		perf_hist_add(h, v[i]);
	assert_true(perf_hist_mean(h) == 5);
	assert_true(perf_hist_stddev(h) == 2);
	assert_true(perf_hist_percentile(h, 50) == 4);
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles_are_those_of_the_sorted_values),
		cmocka_unit_test(every_value_has_a_bucket),
		cmocka_unit_test(merging_is_adding_all),
		cmocka_unit_test(mean_and_deviation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
