/* SPDX-License-Identifier: BSD-3-Clause */
/* buf, pool, list, span and secret: what their headers promise. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/list.h"
#include "base/pool.h"
#include "base/prng.h"
#include "base/secret.h"

/* A random walk of writes and reads against a plain array that never wraps. */
static void buf_is_a_fifo(void **state)
{
	static uint8_t model[1 << 16];
	size_t written = 0, taken = 0;
	struct prng rng;
	struct buf b;

	(void)state;
	prng_seed(&rng, 7);
	prng_fill(&rng, model, sizeof(model));
	assert_int_equal(buf_init(&b, 100), 0);
	while (taken < sizeof(model)) {
		size_t n = (size_t)prng_below(&rng, 60), left = sizeof(model) - written;
		struct span r;

		n = n < left ? n : left;
		if (n <= 100 - buf_len(&b)) {
			assert_true(buf_append(&b, model + written, n));
			written += n;
		} else {
			assert_false(buf_append(&b, model + written, n));
			assert_false(buf_reserve(&b, n));
		}
		r = buf_readable(&b);
		assert_int_equal(r.len, written - taken);
		assert_memory_equal(r.ptr, model + taken, r.len);
		n = (size_t)prng_below(&rng, r.len + 1);
		buf_consume(&b, n);
		taken += n;
	}
	assert_true(buf_empty(&b));
	buf_free(&b);
	buf_free(&b);
}

static void buf_moves_only_when_it_must(void **state)
{
	uint8_t memory[8];
	struct buf b;

	(void)state;
	buf_init_memory(&b, memory, sizeof(memory));
	memcpy(buf_writable(&b).ptr, "abcdef", 6);
	buf_commit(&b, 6);
	buf_consume(&b, 4);
	assert_true(buf_reserve(&b, 2));
	assert_ptr_equal(buf_readable(&b).ptr, memory + 4);
	assert_int_equal(buf_writable(&b).len, 2);
	assert_true(buf_reserve(&b, 6));
	assert_ptr_equal(buf_readable(&b).ptr, memory);
	assert_memory_equal(memory, "ef", 2);
	assert_int_equal(buf_writable(&b).len, 6);
	assert_false(buf_reserve(&b, 7));
	buf_consume(&b, 2);
	assert_int_equal(buf_writable(&b).len, 8);
	buf_free(&b);
	assert_int_equal(buf_writable(&b).len, 0);
}

static void pool_hands_out_each_buffer_once(void **state)
{
	enum { COUNT = 37 };
	void *bufs[COUNT];
	struct pool p;

	(void)state;
	assert_int_equal(pool_init(&p, 5000, COUNT), 0);
	assert_int_equal(p.buf_bytes, 8192);
	for (uint32_t i = 0; i < COUNT; i++) {
		bufs[i] = pool_get(&p);
		assert_non_null(bufs[i]);
		assert_int_equal((uintptr_t)bufs[i] % 4096, 0);
		memset(bufs[i], (int)i, p.buf_bytes);
	}
	assert_null(pool_get(&p));
	for (uint32_t i = 0; i < COUNT; i++) {	/* nobody's bytes were somebody else's */
		uint8_t want[8192];

		memset(want, (int)i, sizeof(want));
		assert_memory_equal(bufs[i], want, sizeof(want));
		pool_put(&p, bufs[i]);
	}
	assert_ptr_equal(pool_get(&p), bufs[COUNT - 1]);	/* the warm one */
	pool_put(&p, bufs[COUNT - 1]);
	assert_int_equal(p.avail, COUNT);
	pool_free(&p);
}

/* Equal offsets of neighbours must not share their set in a cache indexed by low address bits. */
static void pool_spreads_over_cache_sets(void **state)
{
	struct pool p;
	bool seen[16] = { false };
	void *bufs[16];

	(void)state;
	assert_int_equal(pool_init(&p, 128 << 10, 16), 0);
	for (int i = 0; i < 16; i++) {
		bufs[i] = pool_get(&p);
		seen[(uintptr_t)bufs[i] / 4096 % 16] = true;	/* page colour of a 64 KiB way */
	}
	for (int i = 0; i < 16; i++) {
		assert_true(seen[i]);
		pool_put(&p, bufs[i]);
	}
	pool_free(&p);
}

static void pool_that_cannot_be_is_refused(void **state)
{
	struct pool p;

	(void)state;
	assert_int_equal(pool_init(&p, SIZE_MAX / 4, 8), -ENOMEM);
}

struct item {
	int value;
	struct list node;
};

static void list_keeps_order(void **state)
{
	struct item items[4] = { { .value = 0 }, { .value = 1 }, { .value = 2 }, { .value = 3 } };
	struct list head;
	int sum = 0, at = 0;

	(void)state;
	list_init(&head);
	assert_true(list_empty(&head));
	assert_null(list_first(&head));
	for (int i = 0; i < 4; i++)
		list_add_tail(&head, &items[i].node);
	list_each(it, &head)
		assert_int_equal(container_of(it, struct item, node)->value, at++);
	assert_int_equal(at, 4);
	list_del(&items[1].node);
	list_del(&items[1].node);	/* harmless */
	assert_true(list_empty(&items[1].node));
	list_each_safe(it, nx, &head) {
		sum = 10 * sum + container_of(it, struct item, node)->value;
		list_del(it);
	}
	assert_int_equal(sum, 23);
	assert_true(list_empty(&head));
}

static void span_take_cuts_the_front(void **state)
{
	struct span s = span_of("abcdef", 6), head = span_take(&s, 2);

	(void)state;
	assert_memory_equal(head.ptr, "ab", 2);
	assert_int_equal(head.len, 2);
	assert_memory_equal(s.ptr, "cdef", 4);
	assert_int_equal(s.len, 4);
}

static void bytes_in_wire_order(void **state)
{
	const uint8_t wire[] = { 0xff, 1, 2, 3, 4, 5, 6, 7, 8 };
	uint8_t out[9] = { 0 };

	(void)state;
	assert_int_equal(load_le16(wire + 1), 0x0201);
	assert_int_equal(load_be16(wire + 1), 0x0102);
	assert_int_equal(load_le32(wire + 1), 0x04030201);
	assert_int_equal(load_be32(wire + 1), 0x01020304);
	assert_true(load_le64(wire + 1) == 0x0807060504030201ull);
	assert_true(load_be64(wire + 1) == 0x0102030405060708ull);
	store_be64(out + 1, 0x0102030405060708ull);
	assert_memory_equal(out + 1, wire + 1, 8);
	store_le64(out + 1, 0x0807060504030201ull);
	assert_memory_equal(out + 1, wire + 1, 8);
}

static void secrets_differ_in_every_bit(void **state)
{
	SECRET(a);
	SECRET(b);

	(void)state;
	a.len = 48;
	for (size_t i = 0; i < sizeof(a.bytes); i++)
		a.bytes[i] = (uint8_t)i;
	secret_copy(&b, &a);
	assert_true(secret_equal(&a, &b));
	for (size_t bit = 0; bit < 8 * sizeof(b.bytes); bit++) {
		b.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(secret_equal(&a, &b), bit >= 8 * 48);	/* beyond len: not the key */
		assert_int_equal(bytes_equal_ct(a.bytes, b.bytes, 48), bit >= 8 * 48);
		b.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	b.len = 47;
	assert_false(secret_equal(&a, &b));
	secret_wipe(&b);
	for (size_t i = 0; i < sizeof(b.bytes); i++)
		assert_int_equal(b.bytes[i], 0);
	assert_int_equal(b.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf_is_a_fifo),
		cmocka_unit_test(buf_moves_only_when_it_must),
		cmocka_unit_test(pool_hands_out_each_buffer_once),
		cmocka_unit_test(pool_spreads_over_cache_sets),
		cmocka_unit_test(pool_that_cannot_be_is_refused),
		cmocka_unit_test(list_keeps_order),
		cmocka_unit_test(span_take_cuts_the_front),
		cmocka_unit_test(bytes_in_wire_order),
		cmocka_unit_test(secrets_differ_in_every_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
