/* SPDX-License-Identifier: BSD-3-Clause */
/* pdu_place: what the walk asks its owner, for a record as peers send it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "tcp/pdu_place.h"

static char asked[512];
static uint8_t target[4096];

static struct mspan dest(void *owner, const uint8_t *hdr, uint32_t off, bool trusted,
			 unsigned int nth)
{
	size_t n = strlen(asked);

	(void)owner;
	snprintf(asked + n, sizeof(asked) - n, "%u:%u%s%u ", hdr[8], off, trusted ? "t" : "u", nth);
	return (struct mspan){ target + off, sizeof(target) };
}

/* Put @rec where the walk says; returns the bytes that went to @target. */
static size_t land(struct pdu_place *p, const uint8_t *rec, size_t len)
{
	size_t placed = 0;

	p->place.begin(&p->place);
	for (size_t at = 0; at < len;) {
		uint8_t *dst;
		size_t n;

		p->place.next(&p->place, &dst, &n);
		n = n < len - at ? n : len - at;
		if (dst)
			memcpy(dst, rec + at, n);
		placed += dst ? n : 0;
		p->place.landed(&p->place, dst ? NULL : rec + at, n);
		at += n;
	}
	return placed;
}

static void read_all(struct pdu_reader *r, const uint8_t *b, size_t len)
{
	struct span in = span_of(b, len);
	struct pdu_event ev;
	struct fault why;
	enum pdu_step step;

	while ((step = pdu_reader_step(r, &in, &ev, &why)) != PDU_MORE)
		assert_int_not_equal(step, PDU_FAULT);
}

/* A C2HData with @len bytes of data and, behind it, a CapsuleResp; no digests. */
static size_t data_and_response(uint8_t *b, uint8_t cid, uint32_t len)
{
	memset(b, 0, 24 + len + 24);
	memcpy(b, (uint8_t[]){ 7, 4, 24, 24 }, 4);
	store_le32(b + 4, 24 + len);
	b[8] = cid;
	store_le32(b + 16, len);
	memset(b + 24, cid, len);
	memcpy(b + 24 + len, (uint8_t[]){ 5, 0, 24, 0, 24 }, 5);
	return 24 + len + 24;
}

static const struct pdu_rules rules = { .capsule_data_max = 8192, .data_max = 65536 };

static void init(struct pdu_place *p, struct pdu_reader *r, enum pdu_from from)
{
	pdu_reader_init(r, from);
	pdu_reader_rules(r, &rules);
	pdu_place_init(p, r, NULL, dest);
	asked[0] = 0;
}

/* Header, data and response share a record, twice: all data lands, nothing else does. */
static void shared_record(void **state)
{
	static uint8_t rec[4096];
	struct pdu_place p;
	struct pdu_reader r;
	size_t n;

	(void)state;
	init(&p, &r, PDU_FROM_CTRL);
	n = data_and_response(rec, 1, 1000);
	n += data_and_response(rec + n, 2, 500);
	assert_int_equal(land(&p, rec, n), 1500);
	assert_string_equal(asked, "1:0u0 2:0u0 ");
	/* begin() forgets: the same record again gives the same walk */
	assert_int_equal(land(&p, rec, n), 1500);
	assert_string_equal(asked, "1:0u0 2:0u0 1:0u0 2:0u0 ");
}

/* A PDU over several records: from the second on its header is trusted. */
static void split_data(void **state)
{
	static uint8_t pdu[4096];
	struct pdu_place p;
	struct pdu_reader r;
	size_t n = data_and_response(pdu, 9, 2000);

	(void)state;
	init(&p, &r, PDU_FROM_CTRL);
	assert_int_equal(land(&p, pdu, 10), 0); /* within the header */
	read_all(&r, pdu, 10);
	assert_int_equal(land(&p, pdu + 10, 14 + 700), 700);
	read_all(&r, pdu + 10, 14 + 700);
	assert_int_equal(land(&p, pdu + 724, n - 724), 1300);
	assert_string_equal(asked, "9:0u0 9:700t0 ");
	assert_memory_equal(target, pdu + 24, 2000);
}

/* In-capsule data: commands are told apart by their number within the record. */
static void capsules(void **state)
{
	static uint8_t rec[4096];
	struct pdu_place p;
	struct pdu_reader r;
	size_t n = 0;

	(void)state;
	init(&p, &r, PDU_FROM_HOST);
	for (uint8_t i = 0; i < 4; i++) {
		uint32_t len = i == 1 ? 0 : 512;

		memcpy(rec + n, (uint8_t[]){ 4, 0, 72, len ? 72 : 0 }, 4);
		store_le32(rec + n + 4, 72 + len);
		rec[n + 8] = i;
		n += 72 + len;
	}
	assert_int_equal(land(&p, rec, n), 3 * 512);
	assert_string_equal(asked, "0:0u0 2:0u1 3:0u2 ");
}

/* A claim that the reader would refuse leads nowhere. */
static void nonsense(void **state)
{
	static uint8_t rec[4096];
	struct pdu_place p;
	struct pdu_reader r;
	size_t n = data_and_response(rec, 1, 1000);

	(void)state;
	init(&p, &r, PDU_FROM_CTRL);
	for (size_t at = 0; at < 8; at++) {
		rec[at] ^= 0x80;
		/* bits 4-7 of FLAGS are reserved: the reader ignores them */
		assert_int_equal(land(&p, rec, n), at == 1 ? 1000 : 0);
		rec[at] ^= 0x80;
	}
	store_le32(rec + 16, 1001);
	assert_int_equal(land(&p, rec, n), 0);
	init(&p, &r, PDU_FROM_HOST);
	assert_int_equal(land(&p, rec, n), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shared_record),
		cmocka_unit_test(split_data),
		cmocka_unit_test(capsules),
		cmocka_unit_test(nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
