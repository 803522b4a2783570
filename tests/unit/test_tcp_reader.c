/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pdu_reader: every rule of the NVMe/TCP Transport Specification that a header alone can break,
 * one line each. The answers (FES, FEI) are the specification's; the bytes are written by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "tcp/pdu_reader.h"

enum { H = PDU_FROM_HOST, C = PDU_FROM_CTRL };
enum { F1 = NVME_TCP_FES_INVALID_HDR, F2 = NVME_TCP_FES_SEQ_ERROR };

static const struct pdu_rules none,
	plain = { .capsule_data_max = 8192, .data_max = 131072 },
	hd = { .hdgst = true, .capsule_data_max = 8192, .data_max = 131072 },
	both = { .hdgst = true, .ddgst = true, .capsule_data_max = 8192, .data_max = 131072 },
	pda = { .pda = 7, .capsule_data_max = 8192, .data_max = 131072 };

#define EARLY (&none)

/*
 * A header: type, flags, HLEN, PDO, PLEN, DATAL (data PDUs). fes 0: accepted, with this many
 * bytes of data.
 */
static const struct rule_case {
	const char *what;
	int from;
	const struct pdu_rules *rules;
	uint8_t type, flags, hlen, pdo;
	uint32_t plen, datal;
	uint16_t fes;
	uint32_t fei_or_data;
} cases[] = {
	/* clang-format off */
	/* before digests and limits are agreed on */
	{ "ICReq",                    H, EARLY,  0x00, 0x00, 128, 0, 128, 0,       0, 0 },
	{ "ICResp",                   C, EARLY,  0x01, 0x00, 128, 0, 128, 0,       0, 0 },
	{ "ICReq, reserved flags",    H, EARLY,  0x00, 0xf0, 128, 0, 128, 0,       0, 0 },
	{ "ICReq with HDGSTF",        H, EARLY,  0x00, 0x01, 128, 0, 128, 0,       F1, 1 },
	{ "ICReq, HLEN 127",          H, EARLY,  0x00, 0x00, 127, 0, 128, 0,       F1, 2 },
	{ "ICReq, PLEN 127",          H, EARLY,  0x00, 0x00, 128, 0, 127, 0,       F1, 4 },
	{ "ICReq, PLEN 129",          H, EARLY,  0x00, 0x00, 128, 0, 129, 0,       F1, 4 },
	{ "ICReq, PLEN 4 GiB - 1",    H, EARLY,  0x00, 0x00, 128, 0, UINT32_MAX, 0, F1, 4 },
	{ "ICReq from the controller", C, EARLY, 0x00, 0x00, 128, 0, 128, 0,       F1, 0 },
	{ "ICResp from the host",     H, EARLY,  0x01, 0x00, 128, 0, 128, 0,       F1, 0 },
	{ "CapsuleCmd before ICReq",  H, EARLY,  0x04, 0x00,  72, 0,  72, 0,       F2, 0 },
	{ "Connect before ICReq",     H, EARLY,  0x04, 0x00,  72, 72, 1096, 0,     F2, 0 },
	{ "H2CData before ICReq",     H, EARLY,  0x06, 0x04,  24, 24, 4120, 4096,  F2, 0 },
	{ "C2HData before ICResp",    C, EARLY,  0x07, 0x04,  24, 24, 4120, 4096,  F2, 0 },
	{ "R2T before ICResp",        C, EARLY,  0x09, 0x00,  24, 0,  24, 0,       F2, 0 },
	{ "H2CTermReq before ICReq",  H, EARLY,  0x02, 0x00,  24, 0,  24, 0,       0, 0 },

	/* types */
	{ "type 08h",                 H, &plain, 0x08, 0x00,  24, 0,  24, 0,       F1, 0 },
	{ "KDReq",                    H, &plain, 0x0a, 0x00,  24, 0,  24, 0,       F1, 0 },
	{ "KDResp",                   C, &plain, 0x0b, 0x00,  24, 0,  24, 0,       F1, 0 },
	{ "type FFh",                 C, &plain, 0xff, 0x00,  24, 0,  24, 0,       F1, 0 },
	{ "TLS record as a PDU",      H, EARLY,  0x16, 0x03, 0x01, 0, 512, 0,      F1, 0 },
	{ "CapsuleResp from the host", H, &plain, 0x05, 0x00, 24, 0,  24, 0,       F1, 0 },
	{ "R2T from the host",        H, &plain, 0x09, 0x00,  24, 0,  24, 0,       F1, 0 },
	{ "C2HData from the host",    H, &plain, 0x07, 0x04,  24, 24, 4120, 4096,  F1, 0 },
	{ "C2HTermReq from the host", H, &plain, 0x03, 0x00,  24, 0,  24, 0,       F1, 0 },
	{ "CapsuleCmd from the controller", C, &plain, 0x04, 0, 72, 0, 72, 0,      F1, 0 },
	{ "H2CData from the controller", C, &plain, 0x06, 0x04, 24, 24, 4120, 4096, F1, 0 },
	{ "H2CTermReq from the controller", C, &plain, 0x02, 0, 24, 0, 24, 0,      F1, 0 },

	/* CapsuleCmd */
	{ "CapsuleCmd",               H, &plain, 0x04, 0x00,  72, 0,  72, 0,       0, 0 },
	{ "CapsuleCmd, data",         H, &plain, 0x04, 0x00,  72, 72, 1096, 0,     0, 1024 },
	{ "CapsuleCmd, one byte",     H, &plain, 0x04, 0x00,  72, 72, 73, 0,       0, 1 },
	{ "CapsuleCmd, most data",    H, &plain, 0x04, 0x00,  72, 72, 72 + 8192, 0, 0, 8192 },
	{ "CapsuleCmd, one byte too much", H, &plain, 0x04, 0, 72, 72, 73 + 8192, 0, F1, 4 },
	{ "CapsuleCmd, PLEN 4 GiB - 1", H, &plain, 0x04, 0,   72, 72, UINT32_MAX, 0, F1, 4 },
	{ "CapsuleCmd, HLEN 64",      H, &plain, 0x04, 0x00,  64, 0,  72, 0,       F1, 2 },
	{ "CapsuleCmd, HLEN 0",       H, &plain, 0x04, 0x00,   0, 0,  72, 0,       F1, 2 },
	{ "CapsuleCmd, PLEN 71",      H, &plain, 0x04, 0x00,  72, 0,  71, 0,       F1, 4 },
	{ "CapsuleCmd, PLEN 0",       H, &plain, 0x04, 0x00,  72, 0,   0, 0,       F1, 4 },
	{ "CapsuleCmd, PDO in the header", H, &plain, 0x04, 0, 72, 68, 1096, 0,    F1, 3 },
	{ "CapsuleCmd, PDO 0 with data", H, &plain, 0x04, 0,  72, 0, 1096, 0,      F1, 3 },
	{ "CapsuleCmd, PDO odd",      H, &plain, 0x04, 0x00,  72, 73, 1096, 0,     F1, 3 },
	{ "CapsuleCmd, PDO behind the end", H, &plain, 0x04, 0, 72, 100, 100, 0,   F1, 3 },
	{ "CapsuleCmd, padding",      H, &plain, 0x04, 0x00,  72, 128, 128 + 64, 0, 0, 64 },
	{ "CapsuleCmd, LAST",         H, &plain, 0x04, 0x04,  72, 0,  72, 0,       F1, 1 },
	{ "CapsuleCmd, SUCCESS",      H, &plain, 0x04, 0x08,  72, 0,  72, 0,       F1, 1 },
	{ "HDGSTF, not agreed",       H, &plain, 0x04, 0x01,  72, 0,  76, 0,       F1, 1 },
	{ "no HDGSTF, agreed",        H, &hd,    0x04, 0x00,  72, 0,  72, 0,       F1, 1 },
	{ "HDGST",                    H, &hd,    0x04, 0x01,  72, 0,  76, 0,       0, 0 },
	{ "HDGST, PLEN without it",   H, &hd,    0x04, 0x01,  72, 0,  72, 0,       F1, 4 },
	{ "HDGST, PDO in the digest", H, &hd,    0x04, 0x01,  72, 72, 1100, 0,     F1, 3 },
	{ "DDGSTF without data",      H, &both,  0x04, 0x03,  72, 0,  76, 0,       F1, 1 },
	{ "no DDGSTF with data",      H, &both,  0x04, 0x01,  72, 76, 1104, 0,     F1, 1 },
	{ "both digests",             H, &both,  0x04, 0x03,  72, 76, 1104, 0,     0, 1024 },
	{ "DDGST and no byte of data", H, &both, 0x04, 0x03,  72, 76, 80, 0,       F1, 4 },
	{ "DDGST cut off",            H, &both,  0x04, 0x03,  72, 76, 78, 0,       F1, 4 },
	{ "DDGST and one byte",       H, &both,  0x04, 0x03,  72, 76, 81, 0,       0, 1 },
	{ "CPDA 32, aligned",         H, &pda,   0x04, 0x00,  72, 96, 96 + 512, 0, 0, 512 },
	{ "CPDA 32, not aligned",     H, &pda,   0x04, 0x00,  72, 72, 72 + 512, 0, F1, 3 },
	{ "CPDA 32, dword aligned",   H, &pda,   0x04, 0x00,  72, 100, 612, 0,     F1, 3 },

	/* CapsuleResp, R2T */
	{ "CapsuleResp",              C, &plain, 0x05, 0x00,  24, 0,  24, 0,       0, 0 },
	{ "CapsuleResp, PLEN 25",     C, &plain, 0x05, 0x00,  24, 0,  25, 0,       F1, 4 },
	{ "CapsuleResp, HDGST",       C, &both,  0x05, 0x01,  24, 0,  28, 0,       0, 0 },
	{ "CapsuleResp, DDGSTF",      C, &both,  0x05, 0x03,  24, 0,  28, 0,       F1, 1 },
	{ "R2T",                      C, &plain, 0x09, 0x00,  24, 0,  24, 0,       0, 0 },
	{ "R2T, LAST",                C, &plain, 0x09, 0x04,  24, 0,  24, 0,       F1, 1 },
	{ "R2T with data",            C, &plain, 0x09, 0x00,  24, 24, 28, 0,       F1, 4 },
	{ "R2T, HLEN 28",             C, &plain, 0x09, 0x00,  28, 0,  28, 0,       F1, 2 },

	/* data PDUs */
	{ "H2CData",                  H, &plain, 0x06, 0x04,  24, 24, 4120, 4096,  0, 4096 },
	{ "H2CData, not the last",    H, &plain, 0x06, 0x00,  24, 24, 4120, 4096,  0, 4096 },
	{ "H2CData, SUCCESS",         H, &plain, 0x06, 0x0c,  24, 24, 4120, 4096,  F1, 1 },
	{ "H2CData, no data",         H, &plain, 0x06, 0x04,  24, 24, 24, 0,       F1, 3 },
	{ "H2CData, DATAL 0",         H, &plain, 0x06, 0x04,  24, 24, 4120, 0,     F1, 16 },
	{ "H2CData, DATAL short",     H, &plain, 0x06, 0x04,  24, 24, 4120, 4092,  F1, 16 },
	{ "H2CData, DATAL long",      H, &plain, 0x06, 0x04,  24, 24, 4120, 4100,  F1, 16 },
	{ "H2CData, DATAL 4 GiB - 1", H, &plain, 0x06, 0x04,  24, 24, 4120, UINT32_MAX, F1, 16 },
	{ "H2CData, MAXH2CDATA",      H, &plain, 0x06, 0x04,  24, 24, 24 + 131072, 131072, 0, 131072 },
	{ "H2CData, above MAXH2CDATA", H, &plain, 0x06, 0x04, 24, 24, 28 + 131072, 131076,
	  NVME_TCP_FES_DATA_LIMIT, 0 },
	{ "H2CData, digests",         H, &both,  0x06, 0x07,  24, 28, 28 + 512 + 4, 512, 0, 512 },
	{ "H2CData, digest in DATAL", H, &both,  0x06, 0x07,  24, 28, 28 + 512 + 4, 516, F1, 16 },
	{ "H2CData, digests, 510 bytes", H, &both, 0x06, 0x07, 24, 28, 28 + 510 + 4, 510, F1, 16 },
	{ "C2HData, last, success",   C, &plain, 0x07, 0x0c,  24, 24, 4120, 4096,  0, 4096 },
	{ "C2HData, SUCCESS without LAST", C, &plain, 0x07, 0x08, 24, 24, 4120, 4096, F1, 1 },
	{ "C2HData, HPDA 32",         C, &pda,   0x07, 0x04,  24, 32, 32 + 512, 512, 0, 512 },
	{ "C2HData, HPDA 32, PDO 24", C, &pda,   0x07, 0x04,  24, 24, 24 + 512, 512, F1, 3 },
	{ "C2HData, PDO 0",           C, &plain, 0x07, 0x04,  24, 0, 4120, 4096,   F1, 3 },
	{ "C2HData, more than the host takes", C, &plain, 0x07, 0x04, 24, 24, 28 + 131072, 131076,
	  NVME_TCP_FES_DATA_RANGE, 0 },

	/* TermReq: no digests, PDO reserved */
	{ "H2CTermReq",               H, &both,  0x02, 0x00,  24, 0,  24 + 72, 0,  0, 72 },
	{ "H2CTermReq, longest",      H, &both,  0x02, 0x00,  24, 0,  152, 0,      0, 128 },
	{ "C2HTermReq, PDO set",      C, &both,  0x03, 0x00,  24, 24, 24 + 8, 0,   0, 8 },
	{ "C2HTermReq, HLEN 28",      C, &both,  0x03, 0x00,  28, 0,  28, 0,       F1, 2 },
	/* clang-format on */
};

static uint32_t build(const struct rule_case *c, uint8_t *b)
{
	uint32_t hlen = nvme_tcp_hlen(c->type);

	memset(b, 0x5a, 256);
	b[0] = c->type;
	b[1] = c->flags;
	b[2] = c->hlen;
	b[3] = c->pdo;
	store_le32(b + 4, c->plen);
	store_le32(b + 16, c->datal);
	if (c->type == 0x06 || c->type == 0x07 || hlen == 0)
		hlen = 24;
	/* a good header digest, so that it is not what the reader complains about */
	store_le32(b + hlen, crc32c(0, b, hlen));
	return hlen + (c->rules->hdgst && c->type >= 0x04 ? 4 : 0);
}

static enum pdu_step read_header(const struct rule_case *c, const uint8_t *b, uint32_t len,
				 uint32_t cut, struct pdu_reader *r, struct pdu_event *ev,
				 struct fault *why)
{
	enum pdu_step step = PDU_MORE;

	pdu_reader_init(r, (enum pdu_from)c->from);
	if (c->rules != EARLY)
		pdu_reader_rules(r, c->rules);
	for (uint32_t at = 0; at < len && step == PDU_MORE; at += cut) {
		struct span in = span_of(b + at, cut < len - at ? cut : len - at);

		step = pdu_reader_step(r, &in, ev, why);
	}
	return step;
}

static void every_rule(void **state)
{
	static const uint32_t cuts[] = { 512, 8, 3, 1 };
	uint8_t b[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases) * ARRAY_SIZE(cuts); i++) {
		const struct rule_case *c = &cases[i / ARRAY_SIZE(cuts)];
		uint32_t len = build(c, b);
		struct pdu_reader r;
		struct pdu_event ev = { 0 };
		struct fault why = OK;
		enum pdu_step step =
			read_header(c, b, len, cuts[i % ARRAY_SIZE(cuts)], &r, &ev, &why);

		if (step != (c->fes ? PDU_FAULT : PDU_HEADER) || (c->fes && why.code != c->fes) ||
		    (c->fes && why.at != c->fei_or_data))
			fail_msg("%s: step %d, FES %u, FEI %u", c->what, step, why.code, why.at);
		if (c->fes) {
			assert_int_equal(why.kind, FAULT_PDU);
			assert_int_equal(why.cause, CAUSE_PDU_INVALID);
			assert_true(pdu_reader_bad_hdr(&r).len >= 8);
			assert_memory_equal(pdu_reader_bad_hdr(&r).ptr, b,
					    pdu_reader_bad_hdr(&r).len);
		} else {
			assert_int_equal(ev.data_len, c->fei_or_data);
			assert_memory_equal(ev.hdr, b, c->hlen);
			assert_true(pdu_reader_in_pdu(&r));
		}
	}
}

/* "PLEN out of range: ignore its content, terminate immediately": no TermReq answers a TermReq. */
static void term_of_bad_length(void **state)
{
	static const uint32_t plens[] = { 0, 23, 153, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(plens); i++) {
		struct rule_case c = {
			.from = C, .rules = &plain, .type = 0x03, .hlen = 24, .plen = plens[i]
		};
		uint8_t b[256];
		struct pdu_reader r;
		struct pdu_event ev;
		struct fault why = OK;

		assert_int_equal(read_header(&c, b, build(&c, b), 64, &r, &ev, &why), PDU_FAULT);
		assert_int_equal(why.kind, FAULT_PDU_PEER);
	}
}

static void header_digest(void **state)
{
	struct rule_case c = {
		.from = H, .rules = &hd, .type = 4, .flags = 1, .hlen = 72, .plen = 76
	};
	uint8_t b[256];
	struct pdu_reader r;
	struct pdu_event ev;
	struct fault why = OK;

	(void)state;
	build(&c, b);
	b[40] ^= 1;
	assert_int_equal(read_header(&c, b, 76, 5, &r, &ev, &why), PDU_FAULT);
	assert_int_equal(why.code, NVME_TCP_FES_HDGST);
	assert_int_equal(why.cause, CAUSE_HDGST);
	assert_int_equal(why.at, load_le32(b + 72));
	assert_int_equal(pdu_reader_bad_hdr(&r).len, 72);
}

/* Header digest, padding, data, data digest, then a response: all at once and byte by byte. */
static void whole_stream(void **state)
{
	static const struct pdu_rules rules = {
		.hdgst = true, .ddgst = true, .pda = 7, .data_max = 4096
	};
	static const char check[] = "123456789abc";
	uint8_t b[32 + 12 + 4 + 28] = { 0 };

	(void)state;
	memcpy(b, (uint8_t[]){ 7, 0x07, 24, 32, 48, 0, 0, 0 }, 8);
	store_le32(b + 16, 12);
	store_le32(b + 24, crc32c(0, b, 24));
	memcpy(b + 32, check, 12);
	store_le32(b + 44, crc32c(0, check, 12));
	memcpy(b + 48, (uint8_t[]){ 5, 0x01, 24, 0, 28, 0, 0, 0 }, 8);
	store_le32(b + 72, crc32c(0, b + 48, 24));
	for (size_t cut = 1; cut <= sizeof(b); cut++) {
		char data[12], events[64] = "";
		size_t n = 0;
		struct pdu_reader r;

		pdu_reader_init(&r, PDU_FROM_CTRL);
		pdu_reader_rules(&r, &rules);
		for (size_t at = 0; at < sizeof(b); at += cut) {
			struct span in =
				span_of(b + at, cut < sizeof(b) - at ? cut : sizeof(b) - at);
			struct pdu_event ev;
			struct fault why;
			enum pdu_step step;

			while ((step = pdu_reader_step(&r, &in, &ev, &why)) != PDU_MORE) {
				assert_int_not_equal(step, PDU_FAULT);
				if (step == PDU_DATA) {
					assert_int_equal(ev.data_off, n);
					assert_true(ev.data.len > 0);
					memcpy(data + n, ev.data.ptr, ev.data.len);
					n += ev.data.len;
					continue;
				}
				assert_false(step == PDU_END && ev.ddgst_bad);
				events[strlen(events)] = step == PDU_HEADER ? 'h' : 'e';
			}
			assert_int_equal(in.len, 0);
		}
		assert_string_equal(events, "hehe");
		assert_int_equal(n, 12);
		assert_memory_equal(data, check, 12);
		assert_false(pdu_reader_in_pdu(&r));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rule),
		cmocka_unit_test(term_of_bad_length),
		cmocka_unit_test(header_digest),
		cmocka_unit_test(whole_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
