/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/perf_verify.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/prng.h"

#define HEADER_BYTES 32u
#define CRC_AT	     28u
#define POOL_BYTES   (256u << 10)	/* small enough for a second level cache */

static const char magic[8] = { 'n', 'v', 't', 'l', 's', 'P', 'R', 'F' };

bool perf_pattern_init(struct perf_pattern *p, uint64_t seed, uint32_t block_bytes)
{
	struct prng random;

	p->seed = seed;
	p->block_bytes = block_bytes;
	p->pool = NULL;
	if (block_bytes < 512 || block_bytes > PERF_BLOCK_MAX || (block_bytes & (block_bytes - 1)))
		return false;
	p->pool = malloc(POOL_BYTES + block_bytes);
	if (!p->pool)
		return false;
	prng_seed(&random, seed);
	prng_fill(&random, p->pool, POOL_BYTES + block_bytes);
	return true;
}

void perf_pattern_free(struct perf_pattern *p)
{
	free(p->pool);
	p->pool = NULL;
}

/* Where in the pool the random part of a block begins. */
static const uint8_t *body_of(const struct perf_pattern *p, uint64_t lba, uint32_t gen)
{
	uint64_t mix = p->seed ^ lba * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)gen << 40;

	return p->pool + splitmix64(&mix) % (POOL_BYTES / 8) * 8;
}

static void make_header(const struct perf_pattern *p, uint8_t h[HEADER_BYTES], uint64_t lba,
			uint32_t gen)
{
	memcpy(h, magic, sizeof(magic));
	store_le64(h + 8, p->seed);
	store_le64(h + 16, lba);
	store_le32(h + 24, gen);
	store_le32(h + CRC_AT, crc32c(0, h, CRC_AT));
}

void perf_pattern_fill(const struct perf_pattern *p, uint8_t *buf, uint64_t lba, uint32_t blocks,
		       uint32_t gen)
{
	assert(gen > 0);
	for (uint32_t i = 0; i < blocks; i++, buf += p->block_bytes) {
		make_header(p, buf, lba + i, gen);
		memcpy(buf + HEADER_BYTES, body_of(p, lba + i, gen), p->block_bytes - HEADER_BYTES);
	}
}

/* The first byte in which @buf differs from what generation @gen of @lba is; block_bytes: none. */
static uint32_t first_difference(const struct perf_pattern *p, const uint8_t *buf, uint64_t lba,
				 uint32_t gen)
{
	const uint8_t *body = body_of(p, lba, gen);
	uint8_t header[HEADER_BYTES];
	uint32_t i = 0;

	make_header(p, header, lba, gen);
	while (i < HEADER_BYTES && buf[i] == header[i])
		i++;
	if (i < HEADER_BYTES)
		return i;
	if (memcmp(buf + HEADER_BYTES, body, p->block_bytes - HEADER_BYTES) == 0)
		return p->block_bytes;
	while (buf[i] == body[i - HEADER_BYTES])
		i++;
	return i;
}

static enum perf_found check_block(const struct perf_pattern *p, const uint8_t *buf, uint64_t lba,
				   struct perf_expect expect, struct perf_mismatch *ret)
{
	bool ours = memcmp(buf, magic, sizeof(magic)) == 0 && load_le64(buf + 8) == p->seed &&
		    load_le32(buf + CRC_AT) == crc32c(0, buf, CRC_AT);
	uint64_t got_lba = load_le64(buf + 16);
	uint32_t gen = load_le32(buf + 24);

	if (!ours)
		return expect.low == 0 ? PERF_GOOD : PERF_FOREIGN;
	ret->got_lba = got_lba;
	ret->got_generation = gen;
	if (got_lba != lba)
		return PERF_WRONG_LBA;
	if (gen < expect.low || gen > expect.high || gen == 0)
		return PERF_WRONG_GENERATION;
	ret->at = first_difference(p, buf, lba, gen);
	return ret->at < p->block_bytes ? PERF_CORRUPT : PERF_GOOD;
}

bool perf_pattern_check(const struct perf_pattern *p, const uint8_t *buf, uint64_t lba,
			uint32_t blocks, struct perf_expect expect, struct perf_mismatch *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (uint32_t i = 0; i < blocks; i++, buf += p->block_bytes) {
		ret->found = check_block(p, buf, lba + i, expect, ret);
		if (ret->found != PERF_GOOD) {
			ret->lba = lba + i;
			ret->expected = expect;
			return false;
		}
	}
	return true;
}

const char *perf_mismatch_text(const struct perf_mismatch *m, char *text, size_t size)
{
	char got[96];

	switch (m->found) {
	case PERF_FOREIGN:
		snprintf(got, sizeof(got), "data that this run did not write");
		break;
	case PERF_WRONG_LBA:
		snprintf(got, sizeof(got), "the data of block %" PRIu64, m->got_lba);
		break;
	case PERF_WRONG_GENERATION:
		snprintf(got, sizeof(got), "generation %" PRIu32, m->got_generation);
		break;
	default:
		snprintf(got, sizeof(got), "generation %" PRIu32 " changed at byte %" PRIu32,
			 m->got_generation, m->at);
		break;
	}
	snprintf(text, size, "block %" PRIu64 ": expected generation %" PRIu32 " to %" PRIu32 ", got %s",
		 m->lba, m->expected.low, m->expected.high, got);
	return text;
}

bool perf_model_init(struct perf_model *m, uint64_t units)
{
	m->units = units;
	m->issued = calloc(units, sizeof(*m->issued));
	m->acked = calloc(units, sizeof(*m->acked));
	if (m->issued && m->acked)
		return true;
	perf_model_free(m);
	return false;
}

void perf_model_free(struct perf_model *m)
{
	free(m->issued);
	free(m->acked);
	*m = (struct perf_model){ .units = 0 };
}

uint32_t perf_model_write(struct perf_model *m, uint64_t unit)
{
	assert(unit < m->units);
	if (m->issued[unit] != m->acked[unit])
		return 0;
	return ++m->issued[unit];
}

void perf_model_written(struct perf_model *m, uint64_t unit, uint32_t gen)
{
	assert(unit < m->units && m->issued[unit] == gen);
	m->acked[unit] = gen;
}

uint32_t perf_model_read(const struct perf_model *m, uint64_t unit)
{
	assert(unit < m->units);
	return m->acked[unit];
}

struct perf_expect perf_model_expect(const struct perf_model *m, uint64_t unit, uint32_t low)
{
	assert(unit < m->units);
	return (struct perf_expect){ low, m->issued[unit] };
}
