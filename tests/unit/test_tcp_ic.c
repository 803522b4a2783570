/* SPDX-License-Identifier: BSD-3-Clause */
/* ic: what is agreed on and what is refused (NVMe/TCP Transport 3.6.2.2, 3.6.2.3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "tcp/ic.h"

static void request(void **state)
{
	static const struct {
		const char *what;
		int at, value;	/* one byte of the ICReq changed */
		uint16_t fes;
		uint32_t fei;
	} cases[] = {
		{ "as it is", 8, 0, 0, 0 },
		{ "PFV 1", 8, 1, NVME_TCP_FES_UNSUPPORTED, 8 },
		{ "PFV 256", 9, 1, NVME_TCP_FES_UNSUPPORTED, 8 },
		{ "HPDA 31", 10, 31, 0, 0 },
		{ "HPDA 32", 10, 32, NVME_TCP_FES_INVALID_HDR, 10 },
		{ "HPDA 255", 10, 255, NVME_TCP_FES_INVALID_HDR, 10 },
		{ "reserved digest bits", 11, 0xff, 0, 0 },
		{ "reserved byte", 127, 1, 0, 0 },
	};
	struct ic_host h = { .hdgst = true, .hpda = 3, .maxr2t = 15 };
	struct ic_ctrl c = { .hdgst = true, .ddgst = true, .cpda = 1, .maxh2cdata = 131072 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nvme_tcp_icreq_pdu req;
		struct nvme_tcp_icresp_pdu resp;
		struct ic_result got;
		struct fault why;

		ic_req_build(&h, &req);
		((uint8_t *)&req)[cases[i].at] = (uint8_t)cases[i].value;
		why = ic_req_accept(&req, &c, &got, &resp);
		assert_int_equal(why.code, cases[i].fes);
		assert_int_equal(why.at, cases[i].fei);
		assert_int_equal(why.kind, cases[i].fes ? FAULT_PDU : FAULT_NONE);
		assert_int_equal(why.cause, cases[i].fes ? CAUSE_IC_REFUSED : CAUSE_NONE);
		if (cases[i].fes)
			continue;
		assert_true(got.hdgst);
		assert_int_equal(got.maxr2t, 15);
		assert_int_equal(got.cpda, 1);
		assert_int_equal(got.maxh2cdata, 131072);
	}
}

/* A digest is active only if it was asked for and granted. */
static void digests(void **state)
{
	(void)state;
	for (int bits = 0; bits < 16; bits++) {
		struct ic_host h = { .hdgst = bits & 1, .ddgst = bits & 2 };
		struct ic_ctrl c = { .hdgst = bits & 4, .ddgst = bits & 8, .maxh2cdata = 4096 };
		struct nvme_tcp_icreq_pdu req;
		struct nvme_tcp_icresp_pdu resp;
		struct ic_result ctrl, host;

		ic_req_build(&h, &req);
		assert_false(fault_is(ic_req_accept(&req, &c, &ctrl, &resp)));
		assert_false(fault_is(ic_resp_accept(&resp, &h, &host)));
		assert_int_equal(ctrl.hdgst, h.hdgst && c.hdgst);
		assert_int_equal(ctrl.ddgst, h.ddgst && c.ddgst);
		assert_memory_equal(&ctrl, &host, sizeof(ctrl));
	}
}

static void response(void **state)
{
	static const struct {
		const char *what;
		uint8_t cpda, digest;
		uint16_t pfv;
		uint32_t maxdata;
		uint16_t fes;
		uint32_t fei;
	} cases[] = {
		{ "what was asked for", 0, 1, 0, 4096, 0, 0 },
		{ "less", 0, 0, 0, 0x400000, 0, 0 },
		{ "data digest not asked for", 0, 3, 0, 4096, NVME_TCP_FES_INVALID_HDR, 11 },
		{ "CPDA 31", 31, 1, 0, 4096, 0, 0 },
		{ "CPDA 32", 32, 1, 0, 4096, NVME_TCP_FES_INVALID_HDR, 10 },
		{ "PFV 1", 0, 1, 1, 4096, NVME_TCP_FES_UNSUPPORTED, 8 },
		{ "MAXH2CDATA 4092", 0, 1, 0, 4092, NVME_TCP_FES_INVALID_HDR, 12 },
		{ "MAXH2CDATA 0", 0, 1, 0, 0, NVME_TCP_FES_INVALID_HDR, 12 },
		{ "MAXH2CDATA 4097", 0, 1, 0, 4097, NVME_TCP_FES_INVALID_HDR, 12 },
	};
	struct ic_host h = { .hdgst = true, .maxr2t = 3 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nvme_tcp_icresp_pdu p = { .hdr = { 1, 0, 128, 0, { 128 } },
						 .cpda = cases[i].cpda,
						 .digest = cases[i].digest };
		struct ic_result got;
		struct fault why;

		store_le16(p.pfv, cases[i].pfv);
		store_le32(p.maxdata, cases[i].maxdata);
		why = ic_resp_accept(&p, &h, &got);
		if (why.code != cases[i].fes || why.at != cases[i].fei)
			fail_msg("%s: FES %u FEI %u", cases[i].what, why.code, why.at);
		if (!cases[i].fes)
			assert_int_equal(got.cpda, cases[i].cpda);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request),
		cmocka_unit_test(digests),
		cmocka_unit_test(response),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
