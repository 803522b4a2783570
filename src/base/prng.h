/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * prng - repeatable random numbers for simulation, workloads and data patterns:
 * xoshiro256** seeded through splitmix64 (Blackman and Vigna). Never for
 * anything secret; that is world_random().
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct prng {
	uint64_t s[4];	/* not all zero */
};

/* Any seed will do. */
void prng_seed(struct prng *p, uint64_t seed);
uint64_t prng_next(struct prng *p);
/* 0 .. @n - 1, each as likely as the other; @n is not 0. */
uint64_t prng_below(struct prng *p, uint64_t n);
/* The same bytes on every machine. */
void prng_fill(struct prng *p, void *buf, size_t len);
/* One step of splitmix64; also a good mixer of a counter: splitmix64(&(uint64_t){ n }). */
uint64_t splitmix64(uint64_t *state);
