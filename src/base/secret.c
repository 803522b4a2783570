/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/secret.h"

#include <assert.h>

bool bytes_equal_ct(const void *a, const void *b, size_t len)
{
	const uint8_t *x = a, *y = b;
	uint8_t diff = 0;

	for (size_t i = 0; i < len; i++) {
		diff |= x[i] ^ y[i];
		/* The compiler must not see that one set bit decides the result. */
		__asm__ volatile("" : "+r"(diff));
	}
	return diff == 0;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
	assert(a->len <= SECRET_LEN_MAX && b->len <= SECRET_LEN_MAX);
	return a->len == b->len && bytes_equal_ct(a->bytes, b->bytes, a->len);
}
