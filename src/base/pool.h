/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool - page-aligned buffers of one size, taken once, for one thread.
 *
 * No lock, no malloc after pool_init(). pool_get() returns NULL when all are
 * out: that is back-pressure, the caller waits. Contents are not wiped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool {
	void *memory;
	void **free;		/* stack of @avail pointers */
	uint32_t avail, count;
	size_t buf_bytes;	/* multiple of 4096 */
};

/* Returns 0 or -ENOMEM. @buf_bytes is rounded up to a multiple of 4096. */
int pool_init(struct pool *p, size_t buf_bytes, uint32_t count);
/* All buffers must be back. */
void pool_free(struct pool *p);
void *pool_get(struct pool *p);
void pool_put(struct pool *p, void *buf);
