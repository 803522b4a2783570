/* SPDX-License-Identifier: BSD-3-Clause */
/* bytes - integers in wire order, at any alignment. */
#pragma once

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define BYTES_LOADSTORE(order, bits, conv_to_host, conv_to_wire)                  \
	static inline uint##bits##_t load_##order##bits(const void *p)            \
	{                                                                         \
		uint##bits##_t v;                                                 \
		memcpy(&v, p, sizeof(v));                                         \
		return conv_to_host(v);                                           \
	}                                                                         \
	static inline void store_##order##bits(void *p, uint##bits##_t v)         \
	{                                                                         \
		v = conv_to_wire(v);                                              \
		memcpy(p, &v, sizeof(v));                                         \
	}

BYTES_LOADSTORE(le, 16, le16toh, htole16)
BYTES_LOADSTORE(le, 32, le32toh, htole32)
BYTES_LOADSTORE(le, 64, le64toh, htole64)
BYTES_LOADSTORE(be, 16, be16toh, htobe16)
BYTES_LOADSTORE(be, 32, be32toh, htobe32)
BYTES_LOADSTORE(be, 64, be64toh, htobe64)
#undef BYTES_LOADSTORE

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}
