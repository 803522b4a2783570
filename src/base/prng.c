/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/prng.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"

uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

void prng_seed(struct prng *p, uint64_t seed)
{
	for (size_t i = 0; i < ARRAY_SIZE(p->s); i++)
		p->s[i] = splitmix64(&seed);
}

static uint64_t rotl(uint64_t v, int n)
{
	return v << n | v >> (64 - n);
}

uint64_t prng_next(struct prng *p)
{
	uint64_t *s = p->s;
	uint64_t ret = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return ret;
}

uint64_t prng_below(struct prng *p, uint64_t n)
{
	uint64_t limit, v;

	assert(n > 0);
	limit = UINT64_MAX - UINT64_MAX % n;	/* a multiple of n */
	do
		v = prng_next(p);
	while (v >= limit);
	return v % n;
}

void prng_fill(struct prng *p, void *buf, size_t len)
{
	uint8_t *d = buf;

	for (; len >= 8; len -= 8, d += 8)
		store_le64(d, prng_next(p));
	if (len > 0) {
		uint8_t last[8];

		store_le64(last, prng_next(p));
		memcpy(d, last, len);
	}
}
