/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/base64.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* All ones when lo <= v <= hi, else 0. Arguments below 2^31. */
static uint32_t in_range(uint32_t v, uint32_t lo, uint32_t hi)
{
	return ~(uint32_t)(((int32_t)(v - lo) | (int32_t)(hi - v)) >> 31);
}

/* 0..63 to its character, by adding up what the alphabet jumps. */
static char char_of(uint32_t v)
{
	uint32_t c = v + 'A';

	c += in_range(v, 26, 63) & ('a' - 'A' - 26);
	c -= in_range(v, 52, 63) & ('a' + 26 - '0');
	c += in_range(v, 62, 63) & (uint32_t)('+' - '0' - 10);
	c += in_range(v, 63, 63) & ('/' - '+' - 1);
	return (char)c;
}

/* A character to 0..63; any other gives a value with bit 31 set. */
static uint32_t value_of(uint8_t c)
{
	uint32_t v = 0x80000000u;

	v += in_range(c, 'A', 'Z') & (0x80000000u + c - 'A');
	v += in_range(c, 'a', 'z') & (0x80000000u + c - 'a' + 26);
	v += in_range(c, '0', '9') & (0x80000000u + c - '0' + 52);
	v += in_range(c, '+', '+') & (0x80000000u + 62);
	v += in_range(c, '/', '/') & (0x80000000u + 63);
	return v;
}

int base64_encode(char *dst, size_t dst_size, const void *src, size_t len)
{
	const uint8_t *s = src;
	size_t at = 0;

	if (len > INT_MAX / 2 || BASE64_CHARS(len) + 1 > dst_size)
		return -ENOSPC;
	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t v = (uint32_t)s[i] << 16;

		if (n > 1)
			v |= (uint32_t)s[i + 1] << 8;
		if (n > 2)
			v |= s[i + 2];
		dst[at++] = char_of(v >> 18);
		dst[at++] = char_of(v >> 12 & 63);
		dst[at++] = n > 1 ? char_of(v >> 6 & 63) : '=';
		dst[at++] = n > 2 ? char_of(v & 63) : '=';
	}
	dst[at] = '\0';
	return (int)at;
}

static size_t padding(const char *src, size_t src_len)
{
	if (src_len == 0 || src[src_len - 1] != '=')
		return 0;
	return src[src_len - 2] == '=' ? 2 : 1;
}

/* @n characters of a group (2..4) to n - 1 bytes. Returns bit 31 set when they are wrong. */
static uint32_t decode_group(uint8_t *dst, const char *src, size_t n)
{
	uint32_t bad = 0, bits = 0;
	uint32_t unused = n == 4 ? 0 : n == 3 ? 0xff : 0xffff;

	for (size_t i = 0; i < 4; i++) {
		uint32_t v = i < n ? value_of((uint8_t)src[i]) : 0;

		bad |= v;
		bits = bits << 6 | (v & 63);
	}
	bad |= 0u - (bits & unused);	/* non-canonical: a non-zero value below 2^16 turns negative */
	for (size_t i = 0; i + 1 < n; i++)
		dst[i] = (uint8_t)(bits >> (16 - 8 * i));
	return bad & 0x80000000u;
}

int base64_decode(void *dst, size_t dst_size, const char *src, size_t src_len)
{
	size_t pad, len, at = 0;
	uint32_t bad = 0;
	uint8_t *d = dst;

	if (src_len % 4 != 0 || src_len > INT_MAX) {
		explicit_bzero(dst, dst_size);
		return -EINVAL;
	}
	pad = padding(src, src_len);
	len = src_len / 4 * 3 - pad;
	if (len > dst_size) {
		explicit_bzero(dst, dst_size);
		return -ENOSPC;
	}
	for (size_t i = 0; i < src_len; i += 4) {
		size_t n = i + 4 == src_len ? 4 - pad : 4;

		bad |= decode_group(d + at, src + i, n);
		at += n - 1;
	}
	if (bad) {
		explicit_bzero(dst, dst_size);
		return -EINVAL;
	}
	return (int)len;
}
