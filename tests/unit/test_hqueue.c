/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/hqueue against a controller made of PDUs: what it sends is the Linux host's, byte for
 * byte; what it accepts and refuses is NVMe/TCP Transport 3.5 and 3.6, row by row.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/world.h"
#include "fake_io.h"
#include "nvme/status.h"
#include "pcap.h"

/* ---- connecting ---- */

static void speaks_as_linux_does(void **state)
{
	static const uint8_t hostid[16] = { 0,	  0,	0,    0,    0x11, 0x11, 0x22, 0x22,
					    0x33, 0x33, 0x44, 0x44, 0x44, 0x44, 0x44, 0x44 };
	struct hqueue_config c = {
		.entries = 32, .cntlid = 0xffff, .kato_ms = 5000, .capsule_data_max = 8192
	};
	struct fake_ctrl f = { 0 };
	uint8_t *want;
	size_t len;

	(void)state;
	memcpy(c.hostid, hostid, 16);
	fake_init(&f, &c);
	assert_int_equal(fake_turn(&f), 1);
	want = pcap_file(pcap_vector("wire/icreq.bin"), &len);
	assert_int_equal(len, 128);
	assert_memory_equal(f.pdu[0].h.bytes, want, len);
	free(want);

	must(fake_icresp(&f));
	fake_forget(&f);
	assert_int_equal(fake_turn(&f), 1);
	want = pcap_file(pcap_vector("wire/connect.bin"), &len);
	assert_int_equal(len, 72 + 1024);
	store_le16(f.pdu[0].h.cmd.sqe.cid, load_le16(want + 10));
	assert_memory_equal(f.pdu[0].h.bytes, want, 72);
	assert_memory_equal(f.pdu[0].data, want + 72, 1024);
	free(want);
	assert_false(hqueue_live(f.q));
	fake_free(&f);
}

static const struct {
	const char *what;
	uint16_t status;
	uint64_t dw0;
	enum cause cause;
} refusals[] = {
	{ "subsystem unknown", 0x4182, 0x10100, CAUSE_SUBSYS_UNKNOWN },
	{ "host NQN", 0x4182, 0x10200, CAUSE_HOST_DENIED },
	{ "controller id", 0x182, 0x10010, CAUSE_CNTLID_UNKNOWN },
	{ "SQSIZE, in the SQE", 0x182, 44, CAUSE_NVME_CONNECT },
	{ "offset 256 of the SQE is none", 0x182, 0x100, CAUSE_NVME_CONNECT },
	{ "host not allowed", 0x4184, 0, CAUSE_HOST_DENIED },
	{ "busy", 0x181, 0, CAUSE_CTRL_BUSY },
	{ "anything else", 0x00c, 0, CAUSE_NVME_CONNECT },
};

static void connect_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct fake_ctrl f = { 0 };

		fake_init(&f, NULL);
		fake_turn(&f);
		must(fake_icresp(&f));
		fake_forget(&f);
		fake_turn(&f);
		must(fake_resp(&f, fake_cid(&f, 0), refusals[i].status, refusals[i].dw0));
		fake_turn(&f);
		assert_int_equal(f.connected, 1);
		refused(f.connect_why, FAULT_NVME, refusals[i].status & 0x7ff,
			(uint32_t)refusals[i].dw0);
		assert_int_equal(f.connect_why.cause, refusals[i].cause);
		assert_false(hqueue_live(f.q));
		fake_free(&f);
	}
}

static void icresp_refused(void **state)
{
	static const struct {
		uint8_t at, value;
		uint16_t fes;
		uint32_t fei;
	} rows[] = {
		{ 8, 1, 6, 8 },	   /* PFV */
		{ 10, 32, 1, 10 }, /* CPDA */
		{ 11, 1, 1, 11 },  /* a header digest nobody asked for */
		{ 11, 2, 1, 11 },  /* a data digest nobody asked for */
		{ 13, 15, 1, 12 }, /* MAXH2CDATA 3840 */
		{ 12, 2, 1, 12 },  /* not a multiple of 4 */
		{ 4, 129, 1, 4 },  /* PLEN */
		{ 2, 127, 1, 2 },  /* HLEN */
		{ 0, 5, 2, 0 },	   /* a response before ICResp */
		{ 0, 7, 2, 0 },
		{ 0, 0, 1, 0 },	   /* the host's own type */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t resp[128] = { 1, 0, 128, 0, 128, 0, 0, 0, [13] = 16 };
		struct fake_ctrl f = { 0 };

		fake_init(&f, NULL);
		fake_turn(&f);
		resp[rows[i].at] = rows[i].value;
		f.why = fake_bytes(&f, resp, sizeof(resp));
		refused(f.why, FAULT_PDU, rows[i].fes, rows[i].fei);
		fake_free(&f);
	}
}

static void waits_have_an_end(void **state)
{
	struct hqueue_config c = { .entries = 32, .cntlid = 0xffff, .capsule_data_max = 8192,
				   .ic_timeout_ns = 100, .connect_timeout_ns = 200,
				   .command_timeout_ns = 300 };
	struct fake_ctrl f = { .now = 1000 };
	struct io io, slow, ka;

	(void)state;
	fake_init(&f, &c);
	fake_turn(&f);
	assert_int_equal(f.deadline_ns, 1100);
	f.now = 1099;
	fake_turn(&f);
	must(f.why);
	f.now = 1100;
	fake_turn(&f);
	refused(f.why, FAULT_OS, ETIMEDOUT, 0);
	assert_int_equal(f.why.cause, CAUSE_IC_TIMEOUT);
	assert_int_equal(hqueue_stream(f.q)->ops->eof_cause(hqueue_stream(f.q)),
			 CAUSE_CLOSED_AFTER_ICREQ);
	f.now = 1050;
	must(fake_icresp(&f));
	fake_turn(&f);
	assert_int_equal(f.deadline_ns, 1250);
	f.now = 1250;
	fake_turn(&f);
	assert_int_equal(f.why.cause, CAUSE_NVME_CONNECT_TIMEOUT);
	fake_free(&f);

	f = (struct fake_ctrl){ .now = 1000 };
	fake_live(&f, &c, 1);
	assert_int_equal(f.deadline_ns, WORLD_NEVER);
	io_prepare(&slow, HCMD_NONE, 0, 0);
	slow.cmd.timeout_ns = 500;
	hqueue_submit(f.q, &slow.cmd, 1000);
	io_start(&f, &io, HCMD_NONE, 0);
	io_prepare(&ka, HCMD_NONE, 0, 0);
	nvme_sqe_keep_alive(&ka.cmd.sqe);
	ka.cmd.timeout_ns = 100;
	hqueue_submit_reserved(f.q, &ka.cmd, 1000);
	fake_turn(&f);
	assert_int_equal(f.deadline_ns, 1100);
	f.now = 1100;
	fake_turn(&f);
	assert_int_equal(f.why.cause, CAUSE_KATO_EXPIRED);
	must(fake_resp(&f, fake_cid(&f, 2), 0, 0));
	fake_turn(&f);
	must(f.why);
	assert_int_equal(ka.done, 1);
	assert_int_equal(f.deadline_ns, 1300);
	f.now = 1300;
	fake_turn(&f);
	refused(f.why, FAULT_OS, ETIMEDOUT, 0);
	assert_int_equal(f.why.cause, CAUSE_CMD_TIMEOUT);
	assert_int_equal(io.done, 0);
	fake_free(&f);
	assert_int_equal(io.done, 1);
	assert_int_equal(slow.done, 1);
	refused(io.cmd.why, FAULT_OS, ETIMEDOUT, 0);
}

/* ---- the error table: a read of 4096 and a write of 32768 bytes are outstanding ---- */

enum { READ = 0x1000, WRITE = 0x2000, FREE_SLOT = 0x3000, STALE = 0x4000 };

static const struct row {
	const char *what;
	uint8_t type, flags;
	uint16_t cid; /* READ, WRITE: of these commands */
	uint32_t off, len;
	uint16_t fes;
	uint32_t fei;
} rows[] = {
	{ "C2HData: no such command", NVME_TCP_C2H_DATA, 0, FREE_SLOT, 0, 64, 1, 8 },
	{ "C2HData: CID out of range", NVME_TCP_C2H_DATA, 0, 0xffff, 0, 64, 1, 8 },
	{ "C2HData: a CID of the past", NVME_TCP_C2H_DATA, 0, STALE, 0, 64, 1, 8 },
	{ "C2HData: for a write", NVME_TCP_C2H_DATA, 0, WRITE, 0, 64, 1, 8 },
	{ "C2HData: SUCCESS without LAST", NVME_TCP_C2H_DATA, SUCCESS, READ, 0, 4096, 1, 1 },
	{ "C2HData: not at the start", NVME_TCP_C2H_DATA, 0, READ, 64, 64, 2, 0 },
	{ "C2HData: beyond the buffer", NVME_TCP_C2H_DATA, LAST, READ, 0, 4100, 4, 0 },
	{ "C2HData: far beyond", NVME_TCP_C2H_DATA, 0, READ, 0xfffffffc, 64, 2, 0 },
	{ "C2HData: SUCCESS, but short", NVME_TCP_C2H_DATA, LAST | SUCCESS, READ, 0, 2048, 2, 0 },
	{ "R2T: no such command", NVME_TCP_R2T, 0, FREE_SLOT, 0, 4096, 1, 8 },
	{ "R2T: CID out of range", NVME_TCP_R2T, 0, 0x03ff, 0, 4096, 1, 8 },
	{ "R2T: a CID of the past", NVME_TCP_R2T, 0, STALE, 0, 4096, 1, 8 },
	{ "R2T: for a read", NVME_TCP_R2T, 0, READ, 0, 4096, 1, 8 },
	{ "R2T: not at the start", NVME_TCP_R2T, 0, WRITE, 4096, 4096, 2, 0 },
	{ "R2T: beyond the transfer", NVME_TCP_R2T, 0, WRITE, 0, 32772, 4, 0 },
	{ "R2T: length overflows", NVME_TCP_R2T, 0, WRITE, 0, 0xfffffffc, 4, 0 },
	{ "R2T: of nothing", NVME_TCP_R2T, 0, WRITE, 0, 0, 1, 16 },
	{ "R2T: not of whole dwords", NVME_TCP_R2T, 0, WRITE, 0, 4097, 1, 16 },
	{ "CapsuleResp: no such command", NVME_TCP_RSP, 0, FREE_SLOT, 0, 0, 1, 20 },
	{ "CapsuleResp: CID out of range", NVME_TCP_RSP, 0, 0xffff, 0, 0, 1, 20 },
	{ "CapsuleResp: a CID of the past", NVME_TCP_RSP, 0, STALE, 0, 0, 1, 20 },
	{ "CapsuleResp: success without data", NVME_TCP_RSP, 0, READ, 0, 0, 2, 0 },
	{ "CapsuleResp: success, data not asked for", NVME_TCP_RSP, 0, WRITE, 0, 0, 2, 0 },
	{ "a second ICResp", NVME_TCP_ICRESP, 0, 0, 0, 0, 2, 0 },
	{ "a host's type", NVME_TCP_CMD, 0, 0, 0, 0, 1, 0 },
	{ "a host's TermReq", NVME_TCP_H2C_TERM, 0, 0, 0, 0, 1, 0 },
	{ "KDResp", 0x0b, 0, 0, 0, 0, 1, 0 },
	{ "type 08h", 0x08, 0, 0, 0, 0, 1, 0 },
};

/* Send @r as bytes: nothing that the sender's code would not let pass is changed. */
static struct fault send_row(struct fake_ctrl *f, const struct row *r, uint16_t cid)
{
	static uint8_t b[8192];
	uint32_t data = r->type == NVME_TCP_C2H_DATA ? r->len : 0, hlen = 24;

	memset(b, 0, sizeof(b));
	if (r->type == NVME_TCP_ICRESP)
		hlen = 128;
	if (r->type == NVME_TCP_CMD)
		hlen = 72;
	b[0] = r->type;
	b[1] = r->flags;
	b[2] = (uint8_t)hlen;
	b[3] = data ? 24 : 0;
	store_le32(b + 4, hlen + data);
	store_le16(b + (r->type == NVME_TCP_RSP ? 20 : 8), cid);
	if (r->type != NVME_TCP_RSP) {
		store_le32(b + 12, r->off);
		store_le32(b + 16, r->len);
	}
	return fake_bytes(f, b, hlen + data);
}

static void error_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fake_ctrl f = { 0 };
		uint16_t cids[3], cid = rows[i].cid;
		struct io old, rd, wr;

		fake_live(&f, &io_queue, 1);
		io_start(&f, &old, HCMD_NONE, 0);
		fake_turn(&f);
		cids[2] = fake_cid(&f, 0);
		must(fake_resp(&f, cids[2], 0, 0));
		fake_turn(&f);
		assert_int_equal(old.done, 1);
		fake_forget(&f);
		io_start(&f, &rd, HCMD_FROM_CTRL, 4096);
		io_start(&f, &wr, HCMD_TO_CTRL, 32768);
		fake_turn(&f);
		cids[0] = fake_cid(&f, 0);
		cids[1] = fake_cid(&f, 1);
		cid = cid == READ ? cids[0] : cid == WRITE ? cids[1] : cid == STALE ? cids[2] : cid;
		if (cid == FREE_SLOT)
			cid = 77;
		f.why = send_row(&f, &rows[i], cid);
		if (f.why.kind != FAULT_PDU || f.why.code != rows[i].fes || f.why.at != rows[i].fei)
			fail_msg("%s: kind %u, FES %u, FEI %u", rows[i].what, f.why.kind,
				 f.why.code, f.why.at);
		fake_free(&f);
		/* each is given back once, with the reason */
		assert_int_equal(rd.done + wr.done, 2);
		assert_int_equal(rd.cmd.why.code, rows[i].fes);
		assert_int_equal(wr.cmd.why.code, rows[i].fes);
		free(rd.mem);
		free(wr.mem);
	}
}

static void too_many_r2ts(void **state)
{
	struct hqueue_config c = io_queue;
	struct fake_ctrl f = { 0 };
	struct io io;

	(void)state;
	c.ic.maxr2t = 1; /* 0's-based: two */
	fake_live(&f, &c, 1);
	io_start(&f, &io, HCMD_TO_CTRL, 32768);
	fake_turn(&f);
	must(fake_r2t(&f, fake_cid(&f, 0), 1, 0, 4096));
	must(fake_r2t(&f, fake_cid(&f, 0), 2, 4096, 4096));
	f.why = fake_r2t(&f, fake_cid(&f, 0), 3, 8192, 4096);
	refused(f.why, FAULT_PDU, NVME_TCP_FES_DATA_LIMIT, 0);
	fake_free(&f);
	free(io.mem);
}

static void nothing_after_last(void **state)
{
	static const uint8_t zeros[4096];
	struct fake_ctrl f = { 0 };
	struct io io;

	(void)state;
	fake_live(&f, &io_queue, 1);
	io_start(&f, &io, HCMD_FROM_CTRL, 4096);
	fake_turn(&f);
	must(fake_data(&f, fake_cid(&f, 0), 0, zeros, 2048, LAST));
	f.why = fake_data(&f, fake_cid(&f, 0), 2048, zeros, 2048, LAST);
	refused(f.why, FAULT_PDU, NVME_TCP_FES_SEQ_ERROR, 0);
	fake_free(&f);
	free(io.mem);
}

static void term_received(void **state)
{
	uint8_t b[24 + 72] = { 3, 0, 24, 0, 96, 0, 0, 0, 5, 0, 12, 0, 0, 0 };
	struct fake_ctrl f = { 0 };
	struct io io;

	(void)state;
	fake_live(&f, &io_queue, 1);
	io_start(&f, &io, HCMD_NONE, 0);
	fake_turn(&f);
	f.why = fake_bytes(&f, b, sizeof(b));
	refused(f.why, FAULT_PDU_PEER, 5, 12);
	fake_free(&f);
	assert_int_equal(io.cmd.why.kind, FAULT_PDU_PEER);
}

/* ---- slots ---- */

static void depth(void **state)
{
	struct hqueue_config c = { .entries = 32, .cntlid = 0xffff, .capsule_data_max = 8192 };
	struct fake_ctrl f = { 0 };
	struct io io[31];
	uint32_t seen = 0;

	(void)state;
	fake_live(&f, &c, 1);
	assert_int_equal(hqueue_room(f.q), 30); /* of 31, one is kept for Keep Alive */
	for (int i = 0; i < 30; i++)
		io_start(&f, &io[i], HCMD_NONE, 0);
	assert_int_equal(hqueue_room(f.q), 0);
	io_prepare(&io[30], HCMD_NONE, 0, 0);
	hqueue_submit_reserved(f.q, &io[30].cmd, 0);
	assert_int_equal(hqueue_outstanding(f.q), 31);
	assert_int_equal(fake_turn(&f), 31);
	for (int i = 0; i < 31; i++)
		seen |= 1u << (fake_cid(&f, i) & 1023);
	assert_int_equal(seen, 0x7fffffff);
	for (int i = 30; i >= 0; i--)
		must(fake_resp(&f, fake_cid(&f, i), 0, (uint64_t)i << 33));
	fake_turn(&f);
	for (int i = 0; i < 31; i++) {
		assert_int_equal(io[i].done, 1);
		assert_int_equal(load_le64(io[i].cmd.cqe.result), (uint64_t)i << 33);
	}
	fake_free(&f);
}

/* A slot's CIDs differ from one use to the next, and none is FFFFh. */
static void generations(void **state)
{
	struct hqueue_config c = io_queue;
	struct fake_ctrl f = { 0 };
	uint16_t last = 0xffff;
	struct io io;

	(void)state;
	c.entries = 2;
	fake_live(&f, &c, 1);
	for (int i = 0; i < 200; i++) {
		fake_forget(&f);
		io_start(&f, &io, HCMD_NONE, 0);
		fake_turn(&f);
		assert_int_not_equal(fake_cid(&f, 0), last);
		last = fake_cid(&f, 0);
		assert_int_not_equal(last, 0xffff);
		must(fake_resp(&f, last, 0, 0));
		fake_turn(&f);
		assert_int_equal(io.done, 1);
	}
	fake_free(&f);
}

static void done_submits_again(void **state)
{
	struct fake_ctrl f = { 0 };
	struct io a, b;
	int wakes;

	(void)state;
	fake_live(&f, &io_queue, 1);
	io_prepare(&b, HCMD_NONE, 0, 0);
	io_start(&f, &a, HCMD_NONE, 0);
	assert_int_equal(f.wakes, 1);
	a.again = &b;
	fake_turn(&f);
	must(fake_resp(&f, fake_cid(&f, 0), 0, 0));
	fake_forget(&f);
	wakes = f.wakes;
	assert_int_equal(fake_turn(&f), 1); /* goes out in the same turn */
	assert_int_equal(f.wakes, wakes);
	must(fake_resp(&f, fake_cid(&f, 0), 0, 0));
	fake_turn(&f);
	assert_int_equal(a.done + b.done, 2);
	fake_free(&f);
}

/* An orderly end, with commands in every state. */
static void ends_once(void **state)
{
	struct fake_ctrl f = { 0 };
	struct io io[4];

	(void)state;
	fake_live(&f, &io_queue, 1);
	io_start(&f, &io[0], HCMD_FROM_CTRL, 4096);
	io_start(&f, &io[1], HCMD_TO_CTRL, 32768);
	fake_turn(&f);
	must(fake_r2t(&f, fake_cid(&f, 1), 5, 0, 16384));
	io_start(&f, &io[2], HCMD_TO_CTRL, 4096); /* not sent yet */
	must(fake_resp(&f, fake_cid(&f, 0), NVME_SC_READ_ERROR, 0)); /* answered, not told yet */
	io_prepare(&io[3], HCMD_NONE, 0, 0);
	fake_free(&f);
	for (int i = 0; i < 3; i++)
		assert_int_equal(io[i].done, 1);
	must(io[0].cmd.why);
	assert_int_equal(io[0].cmd.status, NVME_SC_READ_ERROR);
	refused(io[1].cmd.why, FAULT_OS, ECANCELED, 0);
	refused(io[2].cmd.why, FAULT_OS, ECANCELED, 0);
	for (int i = 0; i < 3; i++)
		free(io[i].mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(speaks_as_linux_does),
		cmocka_unit_test(connect_refused),
		cmocka_unit_test(icresp_refused),
		cmocka_unit_test(waits_have_an_end),
		cmocka_unit_test(error_rows),
		cmocka_unit_test(too_many_r2ts),
		cmocka_unit_test(nothing_after_last),
		cmocka_unit_test(term_received),
		cmocka_unit_test(depth),
		cmocka_unit_test(generations),
		cmocka_unit_test(done_submits_again),
		cmocka_unit_test(ends_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
