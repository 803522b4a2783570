/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim_model - what each block of the namespace may hold.
 *
 * Every write of a block has the next generation of that block; no two commands in flight touch
 * the same block. So what a read returns must be a generation from @low to @issued:
 *
 *	issued	the last write that was submitted
 *	low	the last one that was acknowledged; after a crash, the last one known durable
 *	durable	the last one that was acknowledged before an acknowledged flush, or with FUA
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MODEL_BLOCK  512u
#define MODEL_BLOCKS 2048u

struct model_block {
	uint32_t issued, low, durable;
	uint32_t zero;		/* the last generation that was written as zeroes; 0: never written */
	bool busy;		/* a command is in flight on it */
};

struct model {
	struct model_block block[MODEL_BLOCKS];
	uint64_t seed;
	char why[160];		/* the first thing that was wrong */
};

/* A free run of @n blocks at or after @from, or UINT32_MAX. */
uint32_t model_find_free(const struct model *m, uint32_t from, uint32_t n);
void model_lock(struct model *m, uint32_t at, uint32_t n, bool busy);
/* Next generation for the run; @data (n blocks) is filled for a write, NULL for zeroes. */
void model_issue(struct model *m, uint32_t at, uint32_t n, uint8_t *data);
/* The write was acknowledged. */
void model_acked(struct model *m, uint32_t at, uint32_t n, bool fua);
/* Is what was read allowed? It is then the only generation that is still possible. */
bool model_check(struct model *m, uint32_t at, uint32_t n, const uint8_t *data);
/* What is acknowledged now: to be made durable when the flush is acknowledged. */
void model_flush_begin(const struct model *m, uint32_t *snapshot);
void model_flush_acked(struct model *m, const uint32_t *snapshot);
void model_crashed(struct model *m);
