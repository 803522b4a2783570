/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * perf_verify - data that knows where it belongs, and what may stand where.
 *
 * A logical block written by a run holds
 *
 *	OFFSET  SIZE  FIELD (little endian)
 *	   0      8   "nvtlsPRF"
 *	   8      8   seed: a random number of this run
 *	  16      8   logical block address
 *	  24      4   generation: the count of writes of its unit, from 1
 *	  28      4   CRC32C of bytes 0 to 27
 *	  32          random bytes, which seed, address and generation determine
 *
 * so that a block of another address, an older one, a torn or a changed one is found, each byte
 * of it. The unit is one I/O (--bs); a unit has at most one write under way, and a read may
 * find any generation from the last acknowledged when it began to the last issued when it ended.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PERF_BLOCK_MAX 65536u	/* bytes of a logical block */

/* ---- the pattern: shared by all threads, read only ---- */

struct perf_pattern {
	uint64_t seed;
	uint32_t block_bytes;	/* 512 .. PERF_BLOCK_MAX, a power of two */
	uint8_t *pool;		/* random bytes that blocks are cut out of */
};

/* False: no memory, or a block size that is not served. */
bool perf_pattern_init(struct perf_pattern *p, uint64_t seed, uint32_t block_bytes);
void perf_pattern_free(struct perf_pattern *p);
/* Write @blocks blocks for @lba and following at generation @gen (1 or more). */
void perf_pattern_fill(const struct perf_pattern *p, uint8_t *buf, uint64_t lba, uint32_t blocks,
		       uint32_t gen);

/* What a read may find. low 0: this run may not have written it. */
struct perf_expect {
	uint32_t low, high;	/* generations, inclusive */
};

enum perf_found {
	PERF_GOOD,
	PERF_FOREIGN,		/* not written by this run, where it should be */
	PERF_WRONG_LBA,		/* written by this run for another block */
	PERF_WRONG_GENERATION,	/* lost or too early a write */
	PERF_CORRUPT,		/* header or data changed */
};

struct perf_mismatch {
	enum perf_found found;
	uint64_t lba;			/* where */
	struct perf_expect expected;
	uint64_t got_lba;		/* WRONG_LBA */
	uint32_t got_generation;	/* WRONG_GENERATION, CORRUPT */
	uint32_t at;			/* CORRUPT: byte in the block */
};

/* Check @blocks blocks. True: good. False: *ret is the first that is not. */
bool perf_pattern_check(const struct perf_pattern *p, const uint8_t *buf, uint64_t lba,
			uint32_t blocks, struct perf_expect expect, struct perf_mismatch *ret);
/* One line for people; returns @text. */
const char *perf_mismatch_text(const struct perf_mismatch *m, char *text, size_t size);

/* ---- the model: what a job has written; one thread ---- */

struct perf_model {
	uint64_t units;
	uint32_t *issued, *acked;	/* generation per unit; 0: never */
};

bool perf_model_init(struct perf_model *m, uint64_t units);
void perf_model_free(struct perf_model *m);
/* The generation to write, or 0: a write of the unit is under way. */
uint32_t perf_model_write(struct perf_model *m, uint64_t unit);
/* It was acknowledged. A write that failed is never done: the unit stays uncertain. */
void perf_model_written(struct perf_model *m, uint64_t unit, uint32_t gen);
/* Begin a read: keep low. End it: what the read may have found. */
uint32_t perf_model_read(const struct perf_model *m, uint64_t unit);
struct perf_expect perf_model_expect(const struct perf_model *m, uint64_t unit, uint32_t low);
