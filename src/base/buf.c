/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int buf_init(struct buf *b, size_t capacity)
{
	void *memory;

	assert(capacity > 0);
	memory = malloc(capacity);
	buf_init_memory(b, memory, memory ? capacity : 0);
	b->owned = memory != NULL;
	return memory ? 0 : -ENOMEM;
}

void buf_init_memory(struct buf *b, void *memory, size_t capacity)
{
	*b = (struct buf){ .ptr = memory, .capacity = capacity };
}

void buf_free(struct buf *b)
{
	if (b->owned)
		free(b->ptr);
	*b = (struct buf){ .ptr = NULL };
}

void buf_compact(struct buf *b)
{
	if (b->start == 0)
		return;
	memmove(b->ptr, b->ptr + b->start, buf_len(b));
	b->end -= b->start;
	b->start = 0;
}

bool buf_reserve(struct buf *b, size_t n)
{
	if (n <= b->capacity - b->end)
		return true;
	if (n > b->capacity - buf_len(b))
		return false;
	buf_compact(b);
	return true;
}

bool buf_append(struct buf *b, const void *data, size_t len)
{
	if (!buf_reserve(b, len))
		return false;
	if (len > 0)
		memcpy(b->ptr + b->end, data, len);
	b->end += len;
	return true;
}
