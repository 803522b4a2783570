/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target/fabrics: Connect. Every refusal of protocol.md 2.4 with its status, IPO and IATTR, who
 * may connect to what, and what an accepted one tells.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "target_rig.h"

#define OTHER_HOST "nqn.2014-08.org.example:other"
#define DNR	   NVME_STATUS_DNR
#define IN_DATA	   (1u << 16)

static struct rig rig;
static struct rig_conn conn, admin, second;

static void set_nqn(char field[NVME_NQN_FIELD], const char *nqn)
{
	memset(field, 0, NVME_NQN_FIELD);
	memcpy(field, nqn, strlen(nqn));
}

/* --- one thing wrong at a time --- */

struct refusal {
	const char *what;
	enum { SQE, DATA, NQN } where;
	uint16_t at;	 /* byte offset in SQE or data */
	uint8_t size;	 /* bytes of @value */
	uint64_t value;	 /* little endian */
	const char *nqn; /* NQN: what the field says */
	uint16_t status;
	uint32_t dw0;
};

static void change(struct rig_connect *k, const struct refusal *r)
{
	uint8_t *p = r->where == SQE ? (uint8_t *)&k->sqe : (uint8_t *)&k->data, value[8];

	store_le64(value, r->value);
	if (r->where == NQN)
		set_nqn((char *)p + r->at, r->nqn);
	else
		memcpy(p + r->at, value, r->size);
}

/* 256 bytes, with and without a NUL behind it. */
#define A32  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A192 A32 A32 A32 A32 A32 A32
#define L224 "nqn." A192 "aaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L256 L224 A32

static const struct refusal refusals[] = {
	/* clang-format off */
	{ "RECFMT",               SQE,  40, 2, 1,      NULL,        0x180 | DNR, 0 },
	{ "CNTLID FFFEh",         DATA, 16, 2, 0xfffe, NULL,        0x182 | DNR, IN_DATA | 16 },
	{ "CNTLID 0",             DATA, 16, 2, 0,      NULL,        0x182 | DNR, IN_DATA | 16 },
	{ "CNTLID 1",             DATA, 16, 2, 1,      NULL,        0x182 | DNR, IN_DATA | 16 },
	{ "CNTLID reserved",      DATA, 16, 2, 0xfff0, NULL,        0x182 | DNR, IN_DATA | 16 },
	{ "SQSIZE 0",             SQE,  44, 2, 0,      NULL,        0x182 | DNR, 44 },
	{ "SQSIZE over MQES",     SQE,  44, 2, 128,    NULL,        0x182 | DNR, 44 },
	{ "SQSIZE FFFFh",         SQE,  44, 2, 0xffff, NULL,        0x182 | DNR, 44 },
	{ "QID over the limit",   SQE,  42, 2, 65,     NULL,        0x182 | DNR, 42 },
	{ "QID FFFFh",            SQE,  42, 2, 0xffff, NULL,        0x182 | DNR, 42 },
	{ "unknown subsystem",    NQN, 256, 0, 0,      "nqn.test2", 0x182 | DNR, IN_DATA | 256 },
	{ "prefix of a name",     NQN, 256, 0, 0,      "nqn.tes",   0x182 | DNR, IN_DATA | 256 },
	{ "no subsystem",         NQN, 256, 0, 0,      "",          0x182 | DNR, IN_DATA | 256 },
	{ "SUBNQN without NUL",   NQN, 256, 0, 0,      L256,        0x182 | DNR, IN_DATA | 256 },
	{ "SUBNQN with escapes",  NQN, 256, 0, 0,      "nqn.\x1b[", 0x182 | DNR, IN_DATA | 256 },
	{ "HOSTNQN is empty",     NQN, 512, 0, 0,      "",          0x182 | DNR, IN_DATA | 512 },
	{ "HOSTNQN with a blank", NQN, 512, 0, 0,      "nqn.a b",   0x182 | DNR, IN_DATA | 512 },
	{ "HOSTNQN without NUL",  NQN, 512, 0, 0,      L256,        0x182 | DNR, IN_DATA | 512 },
	{ "HOSTNQN too long",     NQN, 512, 0, 0,      L224,        0x182 | DNR, IN_DATA | 512 },
	{ "SGL too short",        SQE,  32, 4, 1020,   NULL,        0x00f | DNR, 0 },
	{ "SGL over 8 KiB",       SQE,  32, 4, 9000,   NULL,        0x016 | DNR, 0 },
	{ "SGL with an offset",   SQE,  24, 8, 4,      NULL,        0x016 | DNR, 0 },
	{ "SGL keyed",            SQE,  39, 1, 0x4f,   NULL,        0x011 | DNR, 0 },
	{ "SGL transport",        SQE,  39, 1, 0x5a,   NULL,        0x00f | DNR, 0 },
	{ "PSDT 00b",             SQE,   1, 1, 0,      NULL,        0x002 | DNR, 0 },
	{ "fused",                SQE,   1, 1, 0x41,   NULL,        0x002 | DNR, 0 },
	/* clang-format on */
};

static void check(struct rig_conn *c, struct rig_connect *k, uint16_t status, uint32_t dw0)
{
	struct nvme_cqe cqe = rig_connect(c, k);

	assert_int_equal(rig_status(&cqe), status);
	assert_int_equal(load_le32(cqe.dw0), dw0);
	assert_int_equal(load_le32(cqe.dw1), 0);
	assert_false(c->ended);
}

/* On one connection: a refused Connect leaves it as it was, and the next one may be right. */
static void refused(void **state)
{
	struct target_counters n;
	struct rig_connect k;
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	(void)state;
	rig_init(&rig, NULL);
	rig_open(&rig, &conn, NULL);
	rig_icreq(&conn);
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		rig_connect_init(&k, 0, NVME_CNTLID_DYNAMIC);
		change(&k, &refusals[i]);
		check(&conn, &k, refusals[i].status, refusals[i].dw0);
		assert_false(tconn_connected(conn.tc));
		rig_forget(&conn);
	}
	/* without its data, which is not asked for either */
	rig_connect_init(&k, 0, NVME_CNTLID_DYNAMIC);
	memcpy(&sqe, &k.sqe, sizeof(sqe));
	nvme_sqe_sgl_transport(&sqe, sizeof(k.data));
	cqe = rig_do(&conn, &sqe, NULL, 0);
	assert_int_equal(rig_status(&cqe), 0x00f | DNR);
	assert_null(rig_last(&conn, NVME_TCP_R2T));
	check(&conn, &k, 0, 1);
	assert_true(tconn_connected(conn.tc));
	/* and another one comes too late */
	check(&conn, &k, 0x00c | DNR, 0);
	target_counters(rig.target, &n);
	assert_int_equal(n.connects, 1);
	assert_int_equal(n.controllers, 1);
	rig_close(&conn);
	rig_free(&rig);
}

/* SQSIZE at its limits. */
static void sizes(void **state)
{
	static const uint16_t sqsize[] = { 1, 31, 127 };
	struct rig_connect k;

	(void)state;
	rig_init(&rig, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(sqsize); i++) {
		rig_open(&rig, &conn, NULL);
		rig_icreq(&conn);
		rig_connect_init(&k, 0, NVME_CNTLID_DYNAMIC);
		store_le16(k.sqe.sqsize, sqsize[i]);
		/* numbers go round: one that was just in use is not given again */
		check(&conn, &k, 0, (uint32_t)i + 1);
		rig_close(&conn);
	}
	rig_free(&rig);
}

/* --- I/O queues --- */

static void io_refused(void **state)
{
	static const struct refusal cases[] = {
		/* clang-format off */
		{ "HOSTNQN differs",   NQN, 512, 0, 0, OTHER_HOST,  0x182 | DNR, IN_DATA | 512 },
		{ "HOSTID differs",    DATA, 15, 1, 0, NULL,        0x182 | DNR, IN_DATA | 0 },
		{ "CNTLID unknown",    DATA, 16, 2, 77, NULL,       0x182 | DNR, IN_DATA | 16 },
		{ "CNTLID dynamic",    DATA, 16, 2, 0xffff, NULL,   0x182 | DNR, IN_DATA | 16 },
		{ "another subsystem", NQN, 256, 0, 0, NVME_DISC_SUBSYS_NAME, 0x182 | DNR, IN_DATA | 16 },
		{ "unknown subsystem", NQN, 256, 0, 0, "nqn.test2", 0x182 | DNR, IN_DATA | 256 },
		{ "SQSIZE over MQES",  SQE,  44, 2, 128, NULL,      0x182 | DNR, 44 },
		/* clang-format on */
	};
	struct rig_connect k;
	uint16_t cntlid;

	(void)state;
	rig_init(&rig, NULL);
	cntlid = rig_live(&rig, &admin, 0, 0);
	rig_open(&rig, &conn, NULL);
	rig_icreq(&conn);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		rig_connect_init(&k, 1, cntlid);
		change(&k, &cases[i]);
		check(&conn, &k, cases[i].status, cases[i].dw0);
		rig_forget(&conn);
	}
	/* a HOSTID of zero is no HOSTID */
	rig_connect_init(&k, 1, cntlid);
	memset(k.data.hostid, 0, sizeof(k.data.hostid));
	check(&conn, &k, 0, cntlid);
	/* the same QID on another connection */
	rig_open(&rig, &second, NULL);
	rig_icreq(&second);
	rig_connect_init(&k, 1, cntlid);
	check(&second, &k, 0x00c | DNR, 0);
	rig_forget(&second);
	rig_connect_init(&k, 64, cntlid);
	check(&second, &k, 0, cntlid);
	rig_close(&second);
	rig_close(&conn);
	rig_close(&admin);
	rig_free(&rig);
}

/* Before the controller is ready, and after the association has ended, there are no I/O queues. */
static void io_too_early(void **state)
{
	struct rig_connect k;

	(void)state;
	rig_init(&rig, NULL);
	rig_open(&rig, &admin, NULL);
	rig_icreq(&admin);
	rig_connect_init(&k, 0, NVME_CNTLID_DYNAMIC);
	check(&admin, &k, 0, 1);
	rig_open(&rig, &conn, NULL);
	rig_icreq(&conn);
	rig_connect_init(&k, 1, 1);
	check(&conn, &k, 0x182 | DNR, 42);
	rig_set_cc(&admin, RIG_CC);
	rig_forget(&conn);
	check(&conn, &k, 0, 1);
	rig_close(&admin);
	rig_open(&rig, &second, NULL);
	rig_icreq(&second);
	rig_connect_init(&k, 2, 1);
	check(&second, &k, 0x182 | DNR, IN_DATA | 16);
	rig_close(&second);
	rig_turn(&conn);
	assert_true(conn.ended);
	rig_close(&conn);
	rig_free(&rig);
}

/* --- who --- */

static void access_lists(void **state)
{
	struct rig_config c = { .allow_listed_only = true };
	struct rig_connect k;

	(void)state;
	rig_init(&rig, &c);
	rig_open(&rig, &conn, NULL);
	rig_icreq(&conn);
	rig_connect_init(&k, 0, NVME_CNTLID_DYNAMIC);
	check(&conn, &k, 0x184 | DNR, 0);
	assert_int_equal(target_allow_host(rig.subsys, OTHER_HOST), 0);
	rig_forget(&conn);
	check(&conn, &k, 0x184 | DNR, 0);
	assert_int_equal(target_allow_host(rig.subsys, RIG_HOST), 0);
	rig_forget(&conn);
	check(&conn, &k, 0, 1);
	rig_close(&conn);
	/* discovery is for everybody */
	rig_open(&rig, &conn, NULL);
	rig_icreq(&conn);
	set_nqn(k.data.hostnqn, OTHER_HOST);
	set_nqn(k.data.subsysnqn, NVME_DISC_SUBSYS_NAME);
	check(&conn, &k, 0, 1);
	rig_close(&conn);
	rig_free(&rig);
}

/* The names that the TLS identity proved, against those that Connect claims. */
static void identity(void **state)
{
	static const struct {
		const char *host, *subsys;	       /* proved */
		const char *claimed_host, *claimed_subsys;
		uint16_t status;
	} cases[] = {
		/* clang-format off */
		{ RIG_HOST,   RIG_SUBSYS,            RIG_HOST,   RIG_SUBSYS,            0 },
		{ OTHER_HOST, RIG_SUBSYS,            RIG_HOST,   RIG_SUBSYS,            0x184 | DNR },
		{ RIG_HOST,   NVME_DISC_SUBSYS_NAME, RIG_HOST,   RIG_SUBSYS,            0x184 | DNR },
		{ RIG_HOST,   NVME_DISC_SUBSYS_NAME, RIG_HOST,   NVME_DISC_SUBSYS_NAME, 0 },
		{ RIG_HOST,   RIG_SUBSYS,            RIG_HOST,   NVME_DISC_SUBSYS_NAME, 0x184 | DNR },
		{ OTHER_HOST, RIG_SUBSYS,            OTHER_HOST, RIG_SUBSYS,            0 },
		{ RIG_HOST,   RIG_SUBSYS,            RIG_HOST "x", RIG_SUBSYS,          0x184 | DNR },
		{ "",         "",                    RIG_HOST,   RIG_SUBSYS,            0x184 | DNR },
		/* clang-format on */
	};

	(void)state;
	rig_init(&rig, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tconn_peer peer = { .tls = true };
		struct rig_connect k;
		struct nvme_cqe cqe;

		memcpy(peer.hostnqn, cases[i].host, strlen(cases[i].host));
		memcpy(peer.subsysnqn, cases[i].subsys, strlen(cases[i].subsys));
		rig_open(&rig, &conn, &peer);
		rig_icreq(&conn);
		rig_connect_init(&k, 0, NVME_CNTLID_DYNAMIC);
		set_nqn(k.data.hostnqn, cases[i].claimed_host);
		set_nqn(k.data.subsysnqn, cases[i].claimed_subsys);
		cqe = rig_connect(&conn, &k);
		assert_int_equal(rig_status(&cqe), cases[i].status);
		rig_close(&conn);
	}
	rig_free(&rig);
}

/* A subsystem with TLS required, and an I/O queue beside an admin queue of another kind. */
static void tls_needed(void **state)
{
	struct rig_config c = { .tls_required = true };
	struct tconn_peer peer = { .tls = true, .hostnqn = RIG_HOST, .subsysnqn = RIG_SUBSYS };
	struct rig_connect k;

	(void)state;
	for (int required = 0; required < 2; required++) {
		c.tls_required = required;
		rig_init(&rig, &c);
		rig_open(&rig, &admin, &peer);
		assert_int_equal(rig_go_live(&admin, 0, 0), 1);
		rig_open(&rig, &conn, NULL);
		rig_icreq(&conn);
		if (required) {
			rig_connect_init(&k, 0, NVME_CNTLID_DYNAMIC);
			check(&conn, &k, 0x184 | DNR, 0);
			rig_forget(&conn);
		}
		rig_connect_init(&k, 1, 1);
		check(&conn, &k, 0x184 | DNR, 0);
		rig_close(&conn);
		rig_open(&rig, &conn, &peer);
		rig_icreq(&conn);
		check(&conn, &k, 0, 1);
		rig_close(&conn);
		rig_close(&admin);
		rig_free(&rig);
	}
}

/* Controllers have a limit; without DNR, since it may pass. */
static void busy(void **state)
{
	struct rig_config c = { 0 };
	struct rig_connect k;

	(void)state;
	target_config_init(&c.target);
	c.target.controllers_max = 1;
	rig_init(&rig, &c);
	rig_live(&rig, &admin, 0, 0);
	rig_open(&rig, &conn, NULL);
	rig_icreq(&conn);
	rig_connect_init(&k, 0, NVME_CNTLID_DYNAMIC);
	check(&conn, &k, 0x181, 0);
	rig_close(&admin);
	rig_forget(&conn);
	check(&conn, &k, 0, 2);
	rig_close(&conn);
	rig_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),    cmocka_unit_test(sizes),
		cmocka_unit_test(io_refused), cmocka_unit_test(io_too_early),
		cmocka_unit_test(access_lists), cmocka_unit_test(identity),
		cmocka_unit_test(tls_needed), cmocka_unit_test(busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
