/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/hex.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* All ones when lo <= v <= hi, else 0. */
static uint32_t in_range(uint32_t v, uint32_t lo, uint32_t hi)
{
	return ~(uint32_t)(((int32_t)(v - lo) | (int32_t)(hi - v)) >> 31);
}

static char digit_of(uint32_t v)
{
	return (char)(v + '0' + (in_range(v, 10, 15) & ('a' - '0' - 10)));
}

/* 0..15; any other character gives a value with bit 31 set. */
static uint32_t value_of(uint8_t c)
{
	uint32_t v = 0x80000000u;

	v += in_range(c, '0', '9') & (0x80000000u + c - '0');
	v += in_range(c, 'a', 'f') & (0x80000000u + c - 'a' + 10);
	v += in_range(c, 'A', 'F') & (0x80000000u + c - 'A' + 10);
	return v;
}

int hex_encode(char *dst, size_t dst_size, const void *src, size_t len)
{
	const uint8_t *s = src;

	if (len > INT_MAX / 2 || 2 * len + 1 > dst_size)
		return -ENOSPC;
	for (size_t i = 0; i < len; i++) {
		dst[2 * i] = digit_of(s[i] >> 4);
		dst[2 * i + 1] = digit_of(s[i] & 15);
	}
	dst[2 * len] = '\0';
	return (int)(2 * len);
}

int hex_decode(void *dst, size_t dst_size, const char *src, size_t src_len)
{
	size_t len = src_len / 2;
	uint8_t *d = dst;
	uint32_t bad = 0;

	if (src_len % 2 != 0 || src_len > INT_MAX || len > dst_size) {
		explicit_bzero(dst, dst_size);
		return src_len % 2 != 0 || src_len > INT_MAX ? -EINVAL : -ENOSPC;
	}
	for (size_t i = 0; i < len; i++) {
		uint32_t hi = value_of((uint8_t)src[2 * i]);
		uint32_t lo = value_of((uint8_t)src[2 * i + 1]);

		bad |= hi | lo;
		d[i] = (uint8_t)(hi << 4 | lo);
	}
	if (bad & 0x80000000u) {
		explicit_bzero(dst, dst_size);
		return -EINVAL;
	}
	return (int)len;
}
