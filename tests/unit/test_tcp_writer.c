/* SPDX-License-Identifier: BSD-3-Clause */
/* pdu_writer: what goes on the wire, where records are cut, when memory comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "tcp/pdu_writer.h"
#include "tcp/stream.h"

#define RECORD 16384

static char released_log[64];

static void released(void *owner, void *token)
{
	size_t n = strlen(released_log);

	assert_ptr_equal(owner, released_log);
	assert_true(n + 1 < sizeof(released_log));
	released_log[n] = *(const char *)token;
}

static void init(struct pdu_writer *w)
{
	memset(released_log, 0, sizeof(released_log));
	assert_int_equal(pdu_writer_init(w, 8, released, released_log), 0);
}

static uint8_t memory[600000];

static void add(struct pdu_writer *w, uint8_t type, uint8_t flags, uint32_t len, const char *token)
{
	union nvme_tcp_pdu p = { .hdr = { .type = type, .flags = flags } };
	static struct iovec iov = { .iov_base = memory, .iov_len = sizeof(memory) };

	store_le32(p.data.data_length, len);
	pdu_writer_add(w, &p, &iov, 0, len, (void *)token);
}

/* Take a unit and return its length; the bytes go to @to. */
static size_t take(struct pdu_writer *w, size_t limit, int max, uint8_t *to)
{
	struct iovec iov[64];
	size_t sum = 0, n;
	int count;

	n = limit ? pdu_writer_gather(w, limit, iov, max, &count) :
		    pdu_writer_gather_all(w, iov, max, &count);
	assert_true(count <= max);
	for (int i = 0; i < count; i++) {
		if (to)
			memcpy(to + sum, iov[i].iov_base, iov[i].iov_len);
		sum += iov[i].iov_len;
	}
	assert_int_equal(sum, n);
	pdu_writer_consume(w, n);
	return n;
}

/* Sample headers of the specification's tables: type, flags, HLEN, PDO, PLEN. */
static void common_headers(void **state)
{
	static const struct {
		const char *what;
		bool hdgst, ddgst;
		uint8_t pda, type, flags;
		uint32_t len;
		uint8_t want[8];
		uint32_t wire;
	} cases[] = {
		/* clang-format off */
		{ "Connect",           0, 0, 0, 4, 0, 1024, { 4, 0, 0x48, 0x48, 0x48, 4, 0, 0 }, 0x448 },
		{ "Connect, digests",  1, 1, 0, 4, 0, 1024, { 4, 3, 0x48, 0x4c, 0x50, 4, 0, 0 }, 0x450 },
		{ "CapsuleCmd, digests", 1, 1, 0, 4, 0, 0,  { 4, 1, 0x48, 0, 0x4c, 0, 0, 0 }, 0x4c },
		{ "CapsuleResp",       0, 0, 0, 5, 0, 0,    { 5, 0, 0x18, 0, 0x18, 0, 0, 0 }, 24 },
		{ "CapsuleResp, digests", 1, 1, 0, 5, 0, 0, { 5, 1, 0x18, 0, 0x1c, 0, 0, 0 }, 28 },
		{ "R2T",               0, 0, 0, 9, 0, 0,    { 9, 0, 0x18, 0, 0x18, 0, 0, 0 }, 24 },
		{ "C2HData 4 KiB, last, success", 0, 0, 0, 7, 12, 4096,
		  { 7, 12, 0x18, 0x18, 0x18, 0x10, 0, 0 }, 4120 },
		{ "H2CData 4 KiB, last", 0, 0, 0, 6, 4, 4096, { 6, 4, 0x18, 0x18, 0x18, 0x10, 0, 0 }, 4120 },
		{ "C2HData, HPDA 128 bytes", 1, 1, 31, 7, 4, 512,
		  { 7, 7, 0x18, 0x80, 0x84, 2, 0, 0 }, 128 + 512 + 4 },
		{ "CapsuleCmd, CPDA 32 bytes", 0, 0, 7, 4, 0, 512, { 4, 0, 0x48, 0x60, 0x60, 2, 0, 0 }, 608 },
		{ "stale digest flags", 0, 0, 0, 5, 3, 0,   { 5, 0, 0x18, 0, 0x18, 0, 0, 0 }, 24 },
		{ "ICReq has no digest", 1, 1, 31, 0, 0, 0, { 0, 0, 0x80, 0, 0x80, 0, 0, 0 }, 128 },
		/* clang-format on */
	};
	static uint8_t wire[8192];

	(void)state;
	for (size_t i = 0; i < sizeof(memory); i++)
		memory[i] = (uint8_t)(i * 7 + i / 256);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pdu_writer w;
		uint32_t hlen = cases[i].want[2], pdo = cases[i].want[3], len = cases[i].len;

		init(&w);
		w.hdgst = cases[i].hdgst;
		w.ddgst = cases[i].ddgst;
		w.pda = cases[i].pda;
		add(&w, cases[i].type, cases[i].flags, len, NULL);
		assert_int_equal(w.bytes, cases[i].wire);
		assert_int_equal(take(&w, 0, 8, wire), cases[i].wire);
		assert_memory_equal(wire, cases[i].want, 8);
		if (cases[i].hdgst && cases[i].type >= 4)
			assert_int_equal(load_le32(wire + hlen), crc32c(0, wire, hlen));
		if (len)
			assert_memory_equal(wire + pdo, memory, len);
		if (len && cases[i].ddgst)
			assert_int_equal(load_le32(wire + pdo + len), crc32c(0, memory, len));
		pdu_writer_free(&w);
	}
}

/* Data in several iovecs, from the middle of the first; with any number of iovecs per call. */
static void scattered_data(void **state)
{
	struct iovec iov[] = {
		{ memory, 10 }, { memory + 100, 0 }, { memory + 200, 50 }, { memory + 300, 1000 }
	};
	union nvme_tcp_pdu p = { .hdr = { .type = NVME_TCP_C2H_DATA } };
	uint8_t want[100], wire[256];

	(void)state;
	memcpy(want, memory + 203, 47);
	memcpy(want + 47, memory + 300, 53);
	for (int max = 1; max < 8; max++) {
		struct pdu_writer w;
		size_t n = 0;

		init(&w);
		w.hdgst = w.ddgst = true;
		w.pda = 9;
		pdu_writer_add(&w, &p, iov, 13, 100, NULL);
		while (w.used)
			n += take(&w, 0, max, wire + n);
		assert_int_equal(n, 40 + 100 + 4);
		assert_memory_equal(wire + 40, want, 100);
		assert_int_equal(load_le32(wire + 140), crc32c(0, want, 100));
		assert_int_equal(w.bytes, 0);
		pdu_writer_free(&w);
	}
}

/* What is queued, and the records that it becomes. 0 ends a list. */
static void record_cuts(void **state)
{
	static const struct {
		const char *what;
		struct {
			uint8_t type;
			uint32_t len;
		} pdu[8];
		uint32_t records[16];
	} cases[] = {
		/* clang-format off */
		{ "commands are packed", { { 4, 0 }, { 4, 0 }, { 4, 0 } }, { 3 * 72 } },
		{ "a response rides with its data", { { 7, 4096 }, { 5, 0 }, { 7, 4096 }, { 5, 0 } },
		  { 2 * 4144 } },
		{ "whole PDUs share a record", { { 7, 4096 }, { 7, 4096 }, { 7, 4096 }, { 7, 4096 } },
		  { 3 * 4120, 4120 } },
		{ "data behind small ones", { { 4, 0 }, { 4, 0 }, { 4, 4096 }, { 4, 4096 } },
		  { 144 + 2 * 4168 } },
		{ "data that does not fit begins anew", { { 5, 0 }, { 7, 16360 }, { 5, 0 } },
		  { 24, 16384, 24 } },
		{ "large data fills records", { { 7, 131072 }, { 5, 0 } },
		  { RECORD, RECORD, RECORD, RECORD, RECORD, RECORD, RECORD, RECORD, 48 } },
		{ "large data follows large data", { { 7, 32768 }, { 5, 0 }, { 7, 32768 }, { 5, 0 } },
		  { RECORD, RECORD, RECORD, RECORD, 96 } },
		{ "4 KiB behind the end of large data", { { 7, 16384 }, { 7, 4096 } },
		  { RECORD, 24 + 4120 } },
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pdu_writer w;

		init(&w);
		for (int k = 0; cases[i].pdu[k].type; k++)
			add(&w, cases[i].pdu[k].type, 0, cases[i].pdu[k].len, NULL);
		for (int k = 0; w.used; k++) {
			size_t n = take(&w, RECORD, 64, NULL);

			if (n != cases[i].records[k])
				fail_msg("%s: record %d has %zu bytes", cases[i].what, k, n);
		}
		pdu_writer_free(&w);
	}
}

/* Memory comes back in order, when the last byte was taken, and always once. */
static void release(void **state)
{
	struct pdu_writer w;

	(void)state;
	init(&w);
	add(&w, 7, 0, 4096, "a");
	add(&w, 5, 0, 0, NULL);
	add(&w, 7, 0, 100, "b");
	pdu_writer_consume(&w, 4119);
	assert_string_equal(released_log, "");
	pdu_writer_consume(&w, 1);
	assert_string_equal(released_log, "a");
	pdu_writer_consume(&w, 24 + 123);
	assert_string_equal(released_log, "a");
	add(&w, 7, 0, 10, "c");
	add(&w, 7, 0, 10, "d");
	pdu_writer_drop_rest(&w);
	assert_string_equal(released_log, "adc");
	assert_int_equal(w.bytes, 1);
	assert_int_equal(take(&w, RECORD, 64, NULL), 1);
	assert_string_equal(released_log, "adcb");
	for (int i = 0; i < 20; i++) { /* around the ring */
		add(&w, 7, 0, 50, "e");
		assert_int_equal(take(&w, RECORD, 64, NULL), 74);
	}
	add(&w, 7, 0, 10, "f");
	add(&w, 7, 0, 10, "g");
	pdu_writer_consume(&w, 3);
	pdu_writer_drop_all(&w);
	assert_string_equal(released_log + 24, "gf");
	assert_int_equal(w.bytes, 0);
	add(&w, 7, 0, 10, "h");
	pdu_writer_free(&w);
	assert_string_equal(released_log + 24, "gfh");
}

/* A TermReq carries a copy of the bad header, and nothing but what was begun goes before it. */
static void term(void **state)
{
	struct stream s = { 0 };
	struct fault why = { FAULT_PDU, CAUSE_PDU_INVALID, NVME_TCP_FES_INVALID_HDR, 0x01020304 };
	uint8_t bad[200], wire[512];

	(void)state;
	memset(bad, 0xab, sizeof(bad));
	init(&s.writer);
	s.writer.hdgst = s.writer.ddgst = true;
	add(&s.writer, 5, 0, 0, NULL);
	pdu_writer_consume(&s.writer, 1);
	add(&s.writer, 5, 0, 0, NULL);
	stream_term(&s, NVME_TCP_C2H_TERM, why, span_of(bad, sizeof(bad)));
	memset(bad, 0, sizeof(bad));
	assert_true(s.term_sent);
	assert_int_equal(take(&s.writer, RECORD, 64, wire), 27 + 152);
	assert_memory_equal(wire + 27, ((uint8_t[]){ 3, 0, 24, 0, 152, 0, 0, 0, 1, 0, 4, 3, 2, 1 }),
			    14);
	for (int i = 24; i < 152; i++)
		assert_int_equal(wire[27 + i], 0xab);
	why = stream_term_received(wire + 27);
	assert_int_equal(why.kind, FAULT_PDU_PEER);
	assert_int_equal(why.code, NVME_TCP_FES_INVALID_HDR);
	assert_int_equal(why.at, 0x01020304);
	pdu_writer_free(&s.writer);
}

/* A ring that wraps around and whose front was begun: the same bytes come out after growing. */
static void grow(void **state)
{
	static uint8_t before[8192], after[8192];
	struct pdu_writer w[2];
	size_t n[2];

	(void)state;
	for (int k = 0; k < 2; k++) {
		uint8_t *to = k ? after : before;

		init(&w[k]);
		for (int i = 0; i < 7; i++)
			add(&w[k], NVME_TCP_RSP, 0, 0, "r");
		pdu_writer_consume(&w[k], 6 * 24 + 10);
		for (int i = 0; i < 6; i++)
			add(&w[k], NVME_TCP_C2H_DATA, 0, 512, "d");
		if (k)
			assert_int_equal(pdu_writer_grow(&w[k], 20), 0);
		assert_int_equal(pdu_writer_room(&w[k]), k ? 13 : 1);
		n[k] = take(&w[k], 0, 64, to);
		assert_string_equal(released_log, "rrrrrrrdddddd");
		pdu_writer_free(&w[k]);
	}
	assert_int_equal(n[0], n[1]);
	assert_memory_equal(before, after, n[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(common_headers), cmocka_unit_test(scattered_data),
		cmocka_unit_test(record_cuts),	  cmocka_unit_test(release),
		cmocka_unit_test(term),		  cmocka_unit_test(grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
