/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool - page-aligned buffers of one size, taken once, for one thread.
 *
 * No lock, no malloc after pool_init(). pool_get() returns NULL when all are
 * out: that is back-pressure, the caller waits. Contents are not wiped.
 *
 * Buffers lie buf_bytes + 4096 apart. A stride that is a power of two would
 * put the same offset of every buffer into the same few sets of the L2 and L3
 * caches, and these offsets (record headers, first blocks) are what is
 * touched most.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_ALIGN 4096u

struct pool {
	void *memory;
	void **free;		/* stack of @avail pointers */
	uint8_t *out;		/* per buffer: 1 while it is out */
	uint32_t avail, count;
	size_t buf_bytes;	/* multiple of 4096 */
	size_t stride;		/* buf_bytes + 4096 */
};

/*
 * Returns 0 or -ENOMEM. @buf_bytes is rounded up to a multiple of 4096.
 * Memory is reserved here and faulted in when a buffer is first used.
 */
int pool_init(struct pool *p, size_t buf_bytes, uint32_t count);
/* All buffers must be back. */
void pool_free(struct pool *p);
/* The buffer that came back last is handed out first: it is warm. */
void *pool_get(struct pool *p);
/* @buf came from pool_get() of this pool. */
void pool_put(struct pool *p, void *buf);
