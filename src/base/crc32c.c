/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/crc32c.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/bytes.h"

#ifdef HAVE_ISAL
#include <isa-l/crc.h>
#endif
#ifdef __x86_64__
#include <nmmintrin.h>
#endif

/* ---- table: slicing by 8, for machines without an instruction ---- */

#define POLY 0x82f63b78u

static uint32_t table[8][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void table_fill(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? POLY : 0);
		table[0][i] = c;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int t = 1; t < 8; t++)
			table[t][i] = table[t - 1][i] >> 8 ^ table[0][table[t - 1][i] & 0xff];
}

static uint32_t update_table(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	pthread_once(&table_once, table_fill);
	crc = ~crc;
	for (; len >= 8; len -= 8, p += 8) {
		uint64_t v = load_le64(p) ^ crc;

		crc = table[7][v & 0xff] ^ table[6][v >> 8 & 0xff] ^ table[5][v >> 16 & 0xff] ^
		      table[4][v >> 24 & 0xff] ^ table[3][v >> 32 & 0xff] ^
		      table[2][v >> 40 & 0xff] ^ table[1][v >> 48 & 0xff] ^ table[0][v >> 56];
	}
	for (; len; len--, p++)
		crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xff];
	return ~crc;
}

/* ---- the instruction of SSE4.2 ---- */

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t update_sse42(uint32_t crc, const void *data,
							       size_t len)
{
	const uint8_t *p = data;
	uint64_t c = (uint32_t)~crc;

	for (; len >= 8; len -= 8, p += 8)
		c = _mm_crc32_u64(c, load_le64(p));
	for (; len; len--, p++)
		c = _mm_crc32_u8((uint32_t)c, *p);
	return ~(uint32_t)c;
}
#endif

/* ---- ISA-L: folds with carry-less multiplication; picks its own best for the CPU ---- */

#ifdef HAVE_ISAL
#define ISAL_CHUNK (1 << 30)	/* its length is an int */
#define ISAL_MIN   129		/* its set-up costs 10 ns: headers are faster by the instruction */

static uint32_t update_isal(uint32_t crc, const void *data, size_t len)
{
	/* It only reads; its type says otherwise. */
	unsigned char *p = (unsigned char *)(uintptr_t)data;

#ifdef __x86_64__
	if (len < ISAL_MIN && __builtin_cpu_supports("sse4.2"))
		return update_sse42(crc, data, len);
#endif
	crc = ~crc;
	for (; len > ISAL_CHUNK; len -= ISAL_CHUNK, p += ISAL_CHUNK)
		crc = crc32_iscsi(p, ISAL_CHUNK, crc);
	return ~crc32_iscsi(p, (int)len, crc);
}
#endif

/* ---- choice ---- */

enum { IMPL_MAX = 3 };

static unsigned int list_impls(struct crc32c_impl ret[IMPL_MAX])
{
	unsigned int n = 0;

#ifdef HAVE_ISAL
	ret[n++] = (struct crc32c_impl){ "isa-l", update_isal };
#endif
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		ret[n++] = (struct crc32c_impl){ "sse4.2", update_sse42 };
#endif
	ret[n++] = (struct crc32c_impl){ "table", update_table };
	return n;
}

static uint32_t update_first(uint32_t crc, const void *data, size_t len);

static _Atomic(uint32_t (*)(uint32_t, const void *, size_t)) chosen = update_first;

static uint32_t update_first(uint32_t crc, const void *data, size_t len)
{
	struct crc32c_impl impls[IMPL_MAX];

	list_impls(impls);
	atomic_store_explicit(&chosen, impls[0].update, memory_order_relaxed);
	return impls[0].update(crc, data, len);
}

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
	return atomic_load_explicit(&chosen, memory_order_relaxed)(crc, data, len);
}

const char *crc32c_provider(void)
{
	struct crc32c_impl impls[IMPL_MAX];

	list_impls(impls);
	return impls[0].name;
}

bool crc32c_impl(unsigned int index, struct crc32c_impl *ret)
{
	struct crc32c_impl impls[IMPL_MAX];

	if (index >= list_impls(impls))
		return false;
	*ret = impls[index];
	return true;
}
