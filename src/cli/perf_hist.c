/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/perf_hist.h"

#include <math.h>

/*
 * Below PERF_HIST_SUB a value is its own bucket; above, the bucket is the position of the
 * highest bit (the group) and the 6 bits after it.
 */
static unsigned int index_of(uint64_t ns)
{
	unsigned int shift;

	if (ns < PERF_HIST_SUB)
		return (unsigned int)ns;
	shift = 63u - (unsigned int)__builtin_clzll(ns) - PERF_HIST_SUB_BITS;
	return (shift + 1) * PERF_HIST_SUB + (unsigned int)(ns >> shift) % PERF_HIST_SUB;
}

/* The middle of bucket @i. */
static uint64_t value_of(unsigned int i)
{
	unsigned int shift;
	uint64_t low;

	if (i < PERF_HIST_SUB)
		return i;
	shift = i / PERF_HIST_SUB - 1;
	low = (uint64_t)(PERF_HIST_SUB + i % PERF_HIST_SUB) << shift;
	return low + ((UINT64_C(1) << shift) >> 1);
}

void perf_hist_add(struct perf_hist *h, uint64_t ns)
{
	h->bucket[index_of(ns)]++;
	h->min = h->n == 0 || ns < h->min ? ns : h->min;
	h->max = ns > h->max ? ns : h->max;
	h->n++;
	h->sum += (double)ns;
	h->sum_squares += (double)ns * (double)ns;
}

void perf_hist_merge(struct perf_hist *into, const struct perf_hist *from)
{
	if (from->n == 0)
		return;
	into->min = into->n == 0 || from->min < into->min ? from->min : into->min;
	into->max = from->max > into->max ? from->max : into->max;
	into->n += from->n;
	into->sum += from->sum;
	into->sum_squares += from->sum_squares;
	for (unsigned int i = 0; i < PERF_HIST_BUCKETS; i++)
		into->bucket[i] += from->bucket[i];
}

double perf_hist_mean(const struct perf_hist *h)
{
	return h->n ? h->sum / (double)h->n : 0;
}

double perf_hist_stddev(const struct perf_hist *h)
{
	double mean = perf_hist_mean(h);
	double variance = h->n ? h->sum_squares / (double)h->n - mean * mean : 0;

	return variance > 0 ? sqrt(variance) : 0;
}

uint64_t perf_hist_percentile(const struct perf_hist *h, double percent)
{
	/* the rank of the value: the smallest that @percent of all are not above */
	uint64_t want = (uint64_t)ceil(percent / 100.0 * (double)h->n);
	uint64_t seen = 0, v = 0;

	if (h->n == 0)
		return 0;
	if (want >= h->n)
		return h->max;
	for (unsigned int i = 0; i < PERF_HIST_BUCKETS && (seen == 0 || seen < want); i++) {
		seen += h->bucket[i];
		v = value_of(i);
	}
	return v < h->min ? h->min : v > h->max ? h->max : v;
}
