/* SPDX-License-Identifier: BSD-3-Clause */
/* span - a borrowed run of bytes. Whoever made it says how long it lives. */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

struct span {
	const uint8_t *ptr;
	size_t len;	/* bytes */
};

/* The same, writable. */
struct mspan {
	uint8_t *ptr;
	size_t len;	/* bytes */
};

static inline struct span span_of(const void *ptr, size_t len)
{
	return (struct span){ ptr, len };
}

/* Cut the first @n bytes off @s and return them. @n must not exceed the length. */
static inline struct span span_take(struct span *s, size_t n)
{
	struct span head = { s->ptr, n };

	assert(n <= s->len);
	s->ptr += n;
	s->len -= n;
	return head;
}
