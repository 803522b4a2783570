/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_model.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

uint32_t model_find_free(const struct model *m, uint32_t from, uint32_t n)
{
	uint32_t run = 0;

	for (uint32_t at = from; at < MODEL_BLOCKS; at++) {
		run = m->block[at].busy ? 0 : run + 1;
		if (run == n)
			return at - n + 1;
	}
	return UINT32_MAX;
}

void model_lock(struct model *m, uint32_t at, uint32_t n, bool busy)
{
	for (uint32_t i = at; i < at + n; i++)
		m->block[i].busy = busy;
}

/* Every eight bytes of a block say which block, which generation, which place, which run. */
static uint64_t word(const struct model *m, uint32_t at, uint32_t generation, uint32_t i)
{
	return (m->seed * 0x9e3779b97f4a7c15ull) ^
	       ((uint64_t)at << 40 | (uint64_t)i << 32 | generation);
}

void model_issue(struct model *m, uint32_t at, uint32_t n, uint8_t *data)
{
	for (uint32_t b = at; b < at + n; b++) {
		m->block[b].issued++;
		if (!data)
			m->block[b].zero = m->block[b].issued;
		for (uint32_t i = 0; data && i < MODEL_BLOCK / 8; i++)
			store_le64(data + (b - at) * MODEL_BLOCK + i * 8,
				   word(m, b, m->block[b].issued, i));
	}
}

void model_acked(struct model *m, uint32_t at, uint32_t n, bool fua)
{
	for (uint32_t b = at; b < at + n; b++) {
		m->block[b].low = m->block[b].issued;
		if (fua)
			m->block[b].durable = m->block[b].issued;
	}
}

/* The generation that the block holds; UINT32_MAX: none of ours. */
static uint32_t generation_of(const struct model *m, uint32_t at, const uint8_t *data)
{
	static const uint8_t zero[MODEL_BLOCK];
	uint32_t generation = (uint32_t)(load_le64(data) ^ word(m, at, 0, 0));

	if (memcmp(data, zero, MODEL_BLOCK) == 0)
		return m->block[at].zero;
	for (uint32_t i = 0; i < MODEL_BLOCK / 8; i++)
		if (load_le64(data + i * 8) != word(m, at, generation, i))
			return UINT32_MAX;
	return generation;
}

bool model_check(struct model *m, uint32_t at, uint32_t n, const uint8_t *data)
{
	for (uint32_t b = at; b < at + n; b++) {
		uint32_t g = generation_of(m, b, data + (b - at) * MODEL_BLOCK);

		if (g < m->block[b].low || g > m->block[b].issued) {
			snprintf(m->why, sizeof(m->why),
				 "block %u holds generation %u, allowed are %u to %u", b, g,
				 m->block[b].low, m->block[b].issued);
			return false;
		}
		m->block[b].low = g;
	}
	return true;
}

void model_flush_begin(const struct model *m, uint32_t *snapshot)
{
	for (uint32_t b = 0; b < MODEL_BLOCKS; b++)
		snapshot[b] = m->block[b].low;
}

void model_flush_acked(struct model *m, const uint32_t *snapshot)
{
	for (uint32_t b = 0; b < MODEL_BLOCKS; b++)
		m->block[b].durable = (uint32_t)max_u64(m->block[b].durable, snapshot[b]);
}

void model_crashed(struct model *m)
{
	for (uint32_t b = 0; b < MODEL_BLOCKS; b++)
		m->block[b].low = m->block[b].durable;
}
