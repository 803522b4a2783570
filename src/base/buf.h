/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * buf - a bounded run of bytes, written at the end, read from the front.
 *
 *	ptr      start           end          capacity
 *	 | consumed | readable    | writable      |
 *
 * It never grows: when buf_writable() is empty the caller has to consume, and
 * that is back-pressure. Spans are valid until the next buf_ call that is not
 * a query. Bytes move only in buf_compact() and buf_reserve().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct buf {
	uint8_t *ptr;
	size_t start, end, capacity;
	bool owned;	/* @ptr is from buf_init() */
};

/* Take @capacity bytes from malloc. Returns 0 or -ENOMEM. */
int buf_init(struct buf *b, size_t capacity);
/* Use the caller's @capacity bytes at @memory, which outlive @b. */
void buf_init_memory(struct buf *b, void *memory, size_t capacity);
/* Gives the memory back when it is ours. Harmless on a zeroed struct. Does not wipe. */
void buf_free(struct buf *b);

static inline size_t buf_len(const struct buf *b)
{
	return b->end - b->start;
}

static inline bool buf_empty(const struct buf *b)
{
	return b->start == b->end;
}

/* Both are empty on a zeroed struct (and C has no NULL + 0). */
static inline struct span buf_readable(const struct buf *b)
{
	return (struct span){ b->ptr ? b->ptr + b->start : NULL, b->end - b->start };
}

static inline struct mspan buf_writable(const struct buf *b)
{
	return (struct mspan){ b->ptr ? b->ptr + b->end : NULL, b->capacity - b->end };
}

/* @n bytes of buf_writable() were written. */
static inline void buf_commit(struct buf *b, size_t n)
{
	assert(n <= b->capacity - b->end);
	b->end += n;
}

/* @n bytes of buf_readable() are done with. An empty buf starts again at its front. */
static inline void buf_consume(struct buf *b, size_t n)
{
	assert(n <= b->end - b->start);
	b->start += n;
	if (b->start == b->end)
		b->start = b->end = 0;
}

static inline void buf_clear(struct buf *b)
{
	b->start = b->end = 0;
}

/* Move what is readable to the front. */
void buf_compact(struct buf *b);
/* Make buf_writable() at least @n bytes long, moving bytes only if needed; false if it cannot. */
bool buf_reserve(struct buf *b, size_t n);
/* Copy all of @len bytes in, or nothing; false if they do not fit. */
bool buf_append(struct buf *b, const void *data, size_t len);
