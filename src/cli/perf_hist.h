/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * perf_hist - latencies in buckets whose width grows with the value: 64 per power of two, so
 * that a percentile is wrong by less than 1/64 of itself at most, whatever the range.
 */
#pragma once

#include <stdint.h>

#define PERF_HIST_SUB_BITS 6
#define PERF_HIST_SUB	   (1u << PERF_HIST_SUB_BITS)
#define PERF_HIST_GROUPS   (64 - PERF_HIST_SUB_BITS)	/* values of 64 bits */
#define PERF_HIST_BUCKETS  ((PERF_HIST_GROUPS + 1) * PERF_HIST_SUB)

/* All zero is empty. */
struct perf_hist {
	uint64_t n, min, max;		/* ns; min and max are exact */
	double sum, sum_squares;
	uint64_t bucket[PERF_HIST_BUCKETS];
};

void perf_hist_add(struct perf_hist *h, uint64_t ns);
void perf_hist_merge(struct perf_hist *into, const struct perf_hist *from);
double perf_hist_mean(const struct perf_hist *h);
double perf_hist_stddev(const struct perf_hist *h);
/* @percent: 0..100. The middle of the bucket, never outside min..max; 0 when empty. */
uint64_t perf_hist_percentile(const struct perf_hist *h, double percent);
