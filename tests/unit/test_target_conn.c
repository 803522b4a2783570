/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target/tconn, one connection: its states, ICReq, what ends it and with which TermReq
 * (protocol.md 1.10), timeouts, CIDs, and a host that does not read.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "target/conn_state.h"
#include "target_rig.h"

static struct rig rig;
static struct rig_conn conn, admin;

static void ended(const struct rig_conn *c, enum fault_kind kind, uint16_t code, uint32_t at)
{
	assert_true(c->ended);
	assert_int_equal(c->why.kind, kind);
	assert_int_equal(c->why.code, code);
	assert_int_equal(c->why.at, at);
}

/* The last PDU is a C2HTermReq with these. */
static void term(const struct rig_conn *c, uint16_t fes, uint32_t fei)
{
	const struct rig_pdu *p = rig_last(c, NVME_TCP_C2H_TERM);

	ended(c, FAULT_PDU, fes, fei);
	assert_non_null(p);
	assert_ptr_equal(p, &c->pdu[c->count - 1]);
	assert_int_equal(load_le16(p->h.term.fes), fes);
	assert_int_equal(load_le32(p->h.term.fei), fei);
}

/* Every state, every PDU type: what may arrive, and where one may go. */
static void states(void **state)
{
	static const struct {
		enum conn_state s;
		const char *accepts; /* by type, '1': yes */
		const char *next;    /* by state */
	} table[] = {
		/* clang-format off */
		/*                ICReq ICResp H2CTerm C2HTerm Cmd Rsp H2CData C2HData - R2T */
		{ CONN_ICREQ,   "1010000000", "01011" },
		{ CONN_CONNECT, "0010100000", "00111" },
		{ CONN_LIVE,    "0010101000", "00011" },
		{ CONN_TERM,    "0000000000", "00001" },
		{ CONN_CLOSED,  "0000000000", "00000" },
		/* clang-format on */
	};

	(void)state;
	assert_int_equal(ARRAY_SIZE(table), CONN_STATE_COUNT);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		assert_true(strlen(conn_state_name(table[i].s)) > 0);
		for (uint8_t t = 0; t <= NVME_TCP_R2T; t++) {
			struct fault why = conn_accepts(table[i].s, t);

			assert_int_equal(fault_is(why), table[i].accepts[t] == '0');
			if (fault_is(why)) {
				assert_int_equal(why.kind, FAULT_PDU);
				assert_int_equal(why.code, NVME_TCP_FES_SEQ_ERROR);
			}
		}
		for (int n = 0; n < CONN_STATE_COUNT; n++)
			assert_int_equal(conn_may_enter(table[i].s, (enum conn_state)n),
					 table[i].next[n] == '1');
	}
}

struct icreq_case {
	const char *what;
	uint8_t at, value;	/* a byte of ICReq that is changed */
	uint16_t fes;		/* 0: accepted */
	uint32_t fei;
};

static void icreq(void **state)
{
	static const struct icreq_case cases[] = {
		{ "plain", 16, 0, 0, 0 },
		{ "reserved bytes are ignored", 127, 0xff, 0, 0 },
		{ "HPDA 31", 10, 31, 0, 0 },
		{ "HPDA 32", 10, 32, NVME_TCP_FES_INVALID_HDR, 10 },
		{ "both digests", 11, 3, 0, 0 },
		{ "unknown digest bits", 11, 0xfc, 0, 0 },
		{ "PFV 1", 8, 1, NVME_TCP_FES_UNSUPPORTED, 8 },
		{ "PFV 256", 9, 1, NVME_TCP_FES_UNSUPPORTED, 8 },
		{ "MAXR2T huge", 15, 0xff, 0, 0 },
		{ "HLEN", 2, 64, NVME_TCP_FES_INVALID_HDR, 2 },
		{ "PLEN", 4, 0x84, NVME_TCP_FES_INVALID_HDR, 4 },
		{ "ICResp", 0, NVME_TCP_ICRESP, NVME_TCP_FES_INVALID_HDR, 0 },
		{ "KDReq", 0, NVME_TCP_KDREQ, NVME_TCP_FES_INVALID_HDR, 0 },
		{ "unknown type", 0, 0x42, NVME_TCP_FES_INVALID_HDR, 0 },
		{ "a TLS ClientHello", 0, 0x16, NVME_TCP_FES_INVALID_HDR, 0 },
		{ "a command", 0, NVME_TCP_CMD, NVME_TCP_FES_SEQ_ERROR, 0 },
		{ "H2CData", 0, NVME_TCP_H2C_DATA, NVME_TCP_FES_SEQ_ERROR, 0 },
		{ "HDGSTF", 1, 1, NVME_TCP_FES_INVALID_HDR, 1 },
	};

	(void)state;
	rig_init(&rig, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t req[128] = { 0, 0, 128, 0, 128 };

		rig_open(&rig, &conn, NULL);
		req[cases[i].at] = cases[i].value;
		rig_bytes(&conn, req, sizeof(req));
		if (cases[i].fes) {
			term(&conn, cases[i].fes, cases[i].fei);
		} else {
			const struct rig_pdu *p = rig_last(&conn, NVME_TCP_ICRESP);

			assert_int_equal(conn.count, 1);
			assert_int_equal(p->h.icresp.digest,
					 cases[i].at == 11 ? cases[i].value & 3 : 0);
			assert_int_equal(load_le32(p->h.icresp.maxdata), 1u << 20);
			assert_int_equal(p->h.icresp.cpda, 0);
		}
		rig_close(&conn);
	}
	rig_free(&rig);
}

/* Digests that the target does not allow are not granted, and nothing else changes. */
static void digests_refused(void **state)
{
	struct rig_config c = { 0 };

	(void)state;
	target_config_init(&c.target);
	c.target.hdgst = c.target.ddgst = false;
	rig_init(&rig, &c);
	rig_open(&rig, &conn, NULL);
	conn.hdgst = conn.ddgst = true;
	rig_go_live(&conn, 0, 0);
	assert_false(conn.hdgst || conn.ddgst);
	rig_close(&conn);
	rig_free(&rig);
}

static void send_type(uint8_t type)
{
	union nvme_tcp_pdu p = { .hdr.type = type };

	store_le32(p.data.data_length, 4);
	if (type == NVME_TCP_CMD)
		nvme_sqe_keep_alive(&p.cmd.sqe);
	rig_send(&conn, &p, "data", type == NVME_TCP_H2C_DATA ? 4 : 0);
}

/* What may not come in a state ends the connection with FES 2; the peer's TermReq just ends it. */
static void wrong_time(void **state)
{
	static const uint8_t types[] = { NVME_TCP_ICREQ, NVME_TCP_CMD, NVME_TCP_H2C_DATA };

	(void)state;
	rig_init(&rig, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		rig_open(&rig, &conn, NULL);
		rig_icreq(&conn);
		send_type(types[i]); /* a command other than Connect, too */
		term(&conn, NVME_TCP_FES_SEQ_ERROR, 0);
		rig_close(&conn);
	}
	rig_live(&rig, &conn, 0, 0);
	send_type(NVME_TCP_ICREQ);
	term(&conn, NVME_TCP_FES_SEQ_ERROR, 0);
	rig_close(&conn);
	rig_live(&rig, &conn, 0, 0);
	send_type(NVME_TCP_H2C_TERM);
	ended(&conn, FAULT_PDU_PEER, 0, 0);
	assert_null(rig_last(&conn, NVME_TCP_C2H_TERM));
	rig_close(&conn);
	rig_free(&rig);
}

static void header_digest(void **state)
{
	struct nvme_tcp_cmd_pdu p = { .hdr.type = NVME_TCP_CMD };
	uint8_t bytes[128];
	uint32_t got;
	size_t n;

	(void)state;
	rig_init(&rig, NULL);
	rig_open(&rig, &conn, NULL);
	conn.hdgst = conn.ddgst = true;
	rig_go_live(&conn, 0, 0);
	nvme_sqe_keep_alive(&p.sqe);
	n = rig_encode(&conn, &p, NULL, 0, bytes, sizeof(bytes));
	assert_int_equal(n, 76);
	bytes[74] ^= 0x10;
	got = load_le32(bytes + 72);
	rig_bytes(&conn, bytes, n);
	term(&conn, NVME_TCP_FES_HDGST, got);
	rig_close(&conn);
	rig_free(&rig);
}

/* --- CIDs --- */

static void cids(void **state)
{
	struct nvme_sqe sqe;
	uint16_t cid;

	(void)state;
	rig_init(&rig, NULL);
	rig_live(&rig, &conn, 0, 0);
	/* an event request stays outstanding; its CID must not be used by another command */
	conn.next_cid = 0xf01f;
	nvme_sqe_async_event(&sqe);
	cid = rig_cmd(&conn, &sqe, NULL, 0);
	assert_null(rig_answer(&conn, cid));
	for (int i = 0; i < 3; i++) {
		conn.next_cid = 0xf01f;
		nvme_sqe_keep_alive(&sqe);
		rig_cmd(&conn, &sqe, NULL, 0);
		assert_int_equal(rig_status(rig_answer(&conn, 0xf01f)),
				 NVME_SC_CMDID_CONFLICT | NVME_STATUS_DNR);
		rig_forget(&conn);
	}
	/* any 16 bits are a CID, and one that was answered is free again */
	for (int i = 0; i < 100; i++) {
		conn.next_cid = i % 2 ? 0xffff : 0x7abc;
		nvme_sqe_keep_alive(&sqe);
		cid = rig_cmd(&conn, &sqe, NULL, 0);
		assert_int_equal(rig_status(rig_answer(&conn, cid)), 0);
		rig_forget(&conn);
	}
	rig_close(&conn);
	rig_free(&rig);
}

/* More outstanding commands than the queue has entries. */
static void overrun(void **state)
{
	uint16_t cntlid;
	struct nvme_sqe sqe;
	int sent = 0;

	(void)state;
	rig_init(&rig, NULL);
	cntlid = rig_live(&rig, &admin, 0, 0);
	rig_live(&rig, &conn, 1, cntlid);
	while (!conn.ended && sent < 100) {
		nvme_sqe_rw(&sqe, NVME_CMD_WRITE, 1, 0, 8, 0);
		nvme_sqe_sgl_transport(&sqe, 4096);
		rig_cmd(&conn, &sqe, NULL, 0);
		sent++;
	}
	/* 32 entries, and the slot that Connect had */
	assert_int_equal(sent, 34);
	term(&conn, NVME_TCP_FES_SEQ_ERROR, 0);
	rig_close(&conn);
	rig_close(&admin);
	rig_free(&rig);
}

/* SQHD counts what was fetched, modulo the queue size; FFFFh without flow control. */
static void sqhd(void **state)
{
	struct rig_connect k;
	struct nvme_cqe cqe;
	struct nvme_sqe sqe;

	(void)state;
	rig_init(&rig, NULL);
	for (int off = 0; off < 2; off++) {
		rig_open(&rig, &conn, NULL);
		rig_icreq(&conn);
		rig_connect_init(&k, 0, NVME_CNTLID_DYNAMIC);
		k.sqe.cattr = off ? NVME_CONNECT_DISABLE_SQFLOW : 0;
		cqe = rig_connect(&conn, &k);
		assert_int_equal(load_le16(cqe.sqhd), off ? 0xffff : 1);
		for (uint16_t i = 2; i < 70; i++) {
			nvme_sqe_property_get(&sqe, NVME_REG_VS);
			cqe = rig_do(&conn, &sqe, NULL, 0);
			assert_int_equal(load_le16(cqe.sqhd), off ? 0xffff : i % 32);
			rig_forget(&conn);
		}
		rig_close(&conn);
	}
	rig_free(&rig);
}

/* --- time --- */

static void timeouts(void **state)
{
	uint8_t half[40] = { 4, 0, 72, 0, 72 };
	struct nvme_tcp_cmd_pdu two[2];
	uint64_t start;

	(void)state;
	rig_init(&rig, NULL);
	/* no ICReq */
	rig_open(&rig, &conn, NULL);
	rig_turn(&conn);
	assert_int_equal(conn.deadline_ns, rig.w[0].now_ns + 10 * NS_PER_SEC);
	rig_pass(&rig, 10 * NS_PER_SEC);
	rig_turn(&conn);
	ended(&conn, FAULT_OS, ETIMEDOUT, 0);
	assert_int_equal(conn.why.cause, CAUSE_IC_TIMEOUT);
	rig_close(&conn);
	/* no Connect */
	rig_open(&rig, &conn, NULL);
	rig_icreq(&conn);
	rig_pass(&rig, 10 * NS_PER_SEC);
	rig_turn(&conn);
	assert_int_equal(conn.why.cause, CAUSE_NVME_CONNECT_TIMEOUT);
	rig_close(&conn);
	/* half a PDU, byte by byte: the time counts from its beginning */
	rig_live(&rig, &conn, 0, 0);
	start = rig.w[0].now_ns;
	for (size_t i = 0; i < sizeof(half) && !conn.ended; i++) {
		rig_bytes(&conn, half + i, 1);
		rig.w[0].now_ns += NS_PER_SEC;
	}
	assert_true(conn.ended);
	assert_int_equal(conn.why.cause, CAUSE_PDU_TIMEOUT);
	assert_int_equal(rig.w[0].now_ns - start, 31 * NS_PER_SEC);
	rig_close(&conn);
	/* one ends in time, and another begins with it */
	rig_live(&rig, &conn, 0, 0);
	nvme_sqe_keep_alive(&two[0].sqe);
	two[0].hdr = two[1].hdr = (struct nvme_tcp_hdr){ .type = 4, .hlen = 72, .plen = { 72 } };
	two[1].sqe = two[0].sqe;
	rig_bytes(&conn, two, 40);
	rig.w[0].now_ns += 29 * NS_PER_SEC;
	rig_bytes(&conn, (uint8_t *)two + 40, 40);
	rig.w[0].now_ns += 29 * NS_PER_SEC;
	rig_turn(&conn);
	assert_false(conn.ended);
	rig.w[0].now_ns += NS_PER_SEC;
	rig_turn(&conn);
	assert_int_equal(conn.why.cause, CAUSE_PDU_TIMEOUT);
	rig_close(&conn);
	rig_free(&rig);
}

/* An R2T is to be served; what comes for others is patience, but not for ever. */
static void r2t_timeout(void **state)
{
	static uint8_t data[4096];
	struct nvme_sqe sqe;
	uint16_t cntlid, cid, ttag;
	uint64_t start;

	(void)state;
	rig_init(&rig, NULL);
	cntlid = rig_live(&rig, &admin, 0, 0);
	for (int busy = 0; busy < 2; busy++) {
		rig_live(&rig, &conn, 1, cntlid);
		nvme_sqe_rw(&sqe, NVME_CMD_WRITE, 1, 0, 8, 0);
		nvme_sqe_sgl_transport(&sqe, sizeof(data));
		rig_cmd(&conn, &sqe, NULL, 0); /* the one that is never served */
		start = rig.w[0].now_ns;
		for (int s = 0; s < 1000 && !conn.ended; s++) {
			rig.w[0].now_ns += NS_PER_SEC;
			if (busy) {
				cid = rig_cmd(&conn, &sqe, NULL, 0);
				if (conn.ended)
					break;
				ttag = load_le16(rig_last(&conn, NVME_TCP_R2T)->h.r2t.ttag);
				rig_h2c(&conn, cid, ttag, 0, data, sizeof(data), true);
				rig_forget(&conn);
			}
			rig_turn(&conn);
		}
		assert_true(conn.ended);
		assert_int_equal(conn.why.cause, CAUSE_PDU_TIMEOUT);
		assert_int_equal(rig.w[0].now_ns - start, (busy ? 240 : 30) * NS_PER_SEC);
		rig_close(&conn);
		rig_turn(&admin);
		assert_false(admin.ended);
	}
	rig_close(&admin);
	rig_free(&rig);
}

/* A host that does not read its answers is let go; one that sleeps long without asking is not. */
static void deaf(void **state)
{
	struct nvme_sqe sqe;
	uint16_t cntlid;

	(void)state;
	rig_init(&rig, NULL);
	cntlid = rig_live(&rig, &admin, 0, 0);
	rig_live(&rig, &conn, 1, cntlid);
	rig.w[0].now_ns += 1000 * NS_PER_SEC;
	nvme_sqe_rw(&sqe, NVME_CMD_READ, 1, 0, 8, 0);
	nvme_sqe_sgl_transport(&sqe, 4096);
	conn.deaf = true;
	rig_cmd(&conn, &sqe, NULL, 0);
	assert_false(conn.ended);
	rig.w[0].now_ns += 29 * NS_PER_SEC;
	rig_turn(&conn);
	assert_false(conn.ended);
	rig.w[0].now_ns += NS_PER_SEC;
	rig_turn(&conn);
	assert_true(conn.ended);
	assert_int_equal(conn.why.cause, CAUSE_PDU_TIMEOUT);
	rig_close(&conn);
	rig_close(&admin);
	rig_free(&rig);
}

/* Asked to finish: what is at the backend is answered first, new commands are not read. */
static void finish(void **state)
{
	char path[] = "/tmp/nvmetls-unit-XXXXXX";
	struct rig_config c = { .backends = { path } };
	struct nvme_sqe sqe;
	uint16_t cntlid, cid, late;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0 && ftruncate(fd, 1 << 20) == 0);
	rig_init(&rig, &c);
	cntlid = rig_live(&rig, &admin, 0, 0);
	rig_live(&rig, &conn, 1, cntlid);
	nvme_sqe_flush(&sqe, 1);
	cid = rig_cmd(&conn, &sqe, NULL, 0);
	assert_null(rig_answer(&conn, cid));
	tconn_finish(conn.tc);
	late = rig_cmd(&conn, &sqe, NULL, 0);
	assert_false(conn.ended);
	rig_run(&conn);
	assert_int_equal(rig_status(rig_answer(&conn, cid)), 0);
	assert_null(rig_answer(&conn, late));
	ended(&conn, FAULT_NONE, 0, 0);
	rig_close(&conn);
	rig_close(&admin);
	rig_free(&rig);
	close(fd);
	unlink(path);
}

static void described(void **state)
{
	char text[700];

	(void)state;
	rig_init(&rig, NULL);
	rig_open(&rig, &conn, NULL);
	assert_non_null(strstr(tconn_describe(conn.tc, text, sizeof(text)), "127.0.0.1:1"));
	rig_go_live(&conn, 0, 0);
	tconn_describe(conn.tc, text, sizeof(text));
	assert_non_null(strstr(text, RIG_HOST));
	assert_non_null(strstr(text, RIG_SUBSYS));
	assert_non_null(strstr(text, "qid 0"));
	rig_close(&conn);
	rig_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states),	   cmocka_unit_test(icreq),
		cmocka_unit_test(digests_refused), cmocka_unit_test(wrong_time),
		cmocka_unit_test(header_digest),   cmocka_unit_test(cids),
		cmocka_unit_test(overrun),	   cmocka_unit_test(sqhd),
		cmocka_unit_test(timeouts),	   cmocka_unit_test(r2t_timeout),
		cmocka_unit_test(deaf),		   cmocka_unit_test(finish),
		cmocka_unit_test(described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
