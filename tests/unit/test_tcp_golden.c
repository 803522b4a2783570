/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pdu_reader against the Linux kernel's own PDUs, with both digests, cut in many ways. What
 * they are was written down by an independent decoder (tests/vectors/captures/NAME.pdus).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "nvme/tcp_wire.h"
#include "pcap.h"
#include "pdu_lines.h"
#include "tcp/ic.h"
#include "tcp/pdu_reader.h"

/* What the peers agreed on; the capture's README and its first two PDUs say so. */
static const struct pdu_rules agreed = {
	.hdgst = true,
	.ddgst = true,
	.capsule_data_max = 16384,
	.data_max = 4 << 20,
};

/* Read @b in pieces of @cut bytes. */
static int replay(struct span b, enum pdu_from from, size_t cut, struct pdu_seen *ret)
{
	struct pdu_reader r;
	struct pdu_event ev;
	struct fault why;
	int count = 0;

	pdu_reader_init(&r, from);
	while (b.len) {
		struct span in = span_take(&b, cut < b.len ? cut : b.len);

		for (;;) {
			enum pdu_step step = pdu_reader_step(&r, &in, &ev, &why);

			assert_int_not_equal(step, PDU_FAULT);
			if (step == PDU_MORE)
				break;
			if (step == PDU_HEADER)
				pdu_lines_note(&ret[count++], ev.hdr);
			if (step == PDU_END) {
				assert_false(ev.ddgst_bad);
				if (count == 1)
					pdu_reader_rules(&r, &agreed);
			}
			assert_true(count < PDUS_MAX);
		}
	}
	assert_false(pdu_reader_in_pdu(&r));
	return count;
}

static void compare(const struct pcap_bytes *b, const char *text, int st, enum pdu_from from)
{
	static const size_t cuts[] = { SIZE_MAX, 65536, 1448, 97, 7, 1 };
	static struct pdu_seen want[PDUS_MAX], got[PDUS_MAX];
	int n = pdu_lines_expected(text, st, from == PDU_FROM_HOST ? "H>C" : "C>H", want);

	assert_true(n > 10);
	for (size_t c = 0; c < ARRAY_SIZE(cuts); c++) {
		assert_int_equal(replay(span_of(b->ptr, b->len), from, cuts[c], got), n);
		for (int i = 0; i < n; i++) {
			assert_string_equal(got[i].name, want[i].name);
			assert_int_equal(got[i].flags, want[i].flags);
			assert_int_equal(got[i].hlen, want[i].hlen);
			assert_int_equal(got[i].pdo, want[i].pdo);
			assert_int_equal(got[i].plen, want[i].plen);
		}
	}
}

static void kernel_pdus(void **state)
{
	struct pcap p;
	size_t len;
	char *text = (char *)pcap_file(pcap_vector("captures/plain-io-digests.pdus"), &len);

	(void)state;
	pcap_load(pcap_vector("captures/plain-io-digests.pcap"), &p);
	assert_int_equal(p.count, 2);
	for (int st = 0; st < p.count; st++) {
		compare(&p.streams[st].client, text, st, PDU_FROM_HOST);
		compare(&p.streams[st].server, text, st, PDU_FROM_CTRL);
	}
	pcap_free(&p);
	free(text);
}

/* One bit of a header or of data changed: the digests tell, and tell which. */
static void kernel_pdus_damaged(void **state)
{
	struct pdu_reader r;
	struct pdu_event ev;
	struct fault why;
	struct span in;
	struct pcap p;
	enum pdu_step step;

	(void)state;
	pcap_load(pcap_vector("captures/plain-io-digests.pcap"), &p);
	for (size_t at = 128 + 8; at < 128 + 72 + 4 + 1024 + 4; at++) {
		uint8_t *b = p.streams[0].client.ptr;
		bool header = at < 128 + 76;

		b[at] ^= 1;
		pdu_reader_init(&r, PDU_FROM_HOST);
		in = span_of(b, 128);
		while (pdu_reader_step(&r, &in, &ev, &why) != PDU_MORE)
			;
		pdu_reader_rules(&r, &agreed);
		in = span_of(b + 128, 1104);
		while ((step = pdu_reader_step(&r, &in, &ev, &why)) != PDU_FAULT)
			if (step == PDU_END)
				break;
		assert_int_equal(step, header ? PDU_FAULT : PDU_END);
		if (header) {
			assert_int_equal(why.cause, CAUSE_HDGST);
			assert_int_equal(why.code, NVME_TCP_FES_HDGST);
			assert_int_equal(why.at, load_le32(b + 128 + 72));
		} else {
			assert_true(ev.ddgst_bad);
		}
		b[at] ^= 1;
	}
	pcap_free(&p);
}

/* Our ICReq and ICResp are, byte for byte, the kernel's. */
static void kernel_ic(void **state)
{
	struct ic_host h = { .hdgst = true, .ddgst = true };
	struct ic_ctrl c = { .hdgst = true, .ddgst = true, .maxh2cdata = 4194304 };
	struct nvme_tcp_icreq_pdu req;
	struct nvme_tcp_icresp_pdu resp;
	struct ic_result got;
	struct pcap p;

	(void)state;
	pcap_load(pcap_vector("captures/plain-io-digests.pcap"), &p);
	ic_req_build(&h, &req);
	assert_memory_equal(&req, p.streams[0].client.ptr, 128);
	assert_false(fault_is(ic_req_accept((void *)p.streams[0].client.ptr, &c, &got, &resp)));
	assert_memory_equal(&resp, p.streams[0].server.ptr, 128);
	assert_false(fault_is(ic_resp_accept((void *)p.streams[0].server.ptr, &h, &got)));
	assert_true(got.hdgst && got.ddgst);
	assert_int_equal(got.maxh2cdata, 4194304);
	pcap_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_pdus),
		cmocka_unit_test(kernel_pdus_damaged),
		cmocka_unit_test(kernel_ic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
