/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/bringup: the commands a Linux target sees from a Linux host, in order; a Linux target's
 * own Identify data (tests/vectors/wire); and every value that must not be believed.
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
#include "fake_ctrl.h"
#include "host/bringup.h"
#include "nvme/status.h"
#include "nvme/vendor.h"
#include "pcap.h"

/* nvmet's CAP: NVM and all command sets, 7.5 s, 1024 entries. */
#define CAP (NVME_CAP_CSS_NVM | NVME_CAP_CSS_CSI | 15ull << NVME_CAP_TO_SHIFT | 1023)

/* What the controller answers. Changed by a test to see what becomes of it. */
struct answers {
	uint64_t cap;
	uint32_t csts, vs, kato_ms, queues;
	int polls_until_ready;
	uint16_t status[16]; /* of the n-th command */
	struct nvme_id_ctrl id;
};

struct scene {
	struct fake_ctrl f;
	struct bringup b;
	struct answers a;
	struct nvme_sqe seen[64];
	int seen_count, wakes;
	uint64_t next_ns;
};

static void wake(void *ctx)
{
	((struct scene *)ctx)->wakes++;
}

static void scene_init(struct scene *s, enum bringup_purpose purpose, uint16_t io_queues)
{
	struct bringup_config c = { .purpose = purpose, .cntlid = 1, .kato_ms = 5000,
				    .io_queues = io_queues, .wake = wake, .ctx = s,
				    .timeout_ns = NS_PER_SEC };
	struct bringup_result before = { .cc = 0x460061 };
	uint8_t *id;
	size_t len;

	memset(s, 0, sizeof(*s));
	s->f.now = 1000;
	fake_live(&s->f, NULL, 1);
	s->a = (struct answers){ .cap = CAP, .csts = NVME_CSTS_RDY, .vs = NVME_VS(2, 1, 0),
				 .kato_ms = 5000, .queues = NVME_NUM_QUEUES(127, 127) };
	id = pcap_file(pcap_vector("wire/id-ctrl.bin"), &len);
	assert_int_equal(len, sizeof(s->a.id));
	memcpy(&s->a.id, id, len);
	free(id);
	if (purpose == BRINGUP_SHUTDOWN)
		s->a.csts |= NVME_CSTS_SHST_CMPLT;
	bringup_start(&s->b, &c, purpose == BRINGUP_SHUTDOWN ? &before : NULL);
}

static void scene_free(struct scene *s)
{
	fake_free(&s->f);
	assert_true(bringup_idle(&s->b));
}

static uint64_t property(struct scene *s, const struct nvme_sqe *sqe)
{
	const struct nvme_property_sqe *p = (const void *)sqe;
	uint32_t not_yet =
		s->b.config.purpose == BRINGUP_SHUTDOWN ? NVME_CSTS_RDY | NVME_CSTS_SHST_OCCUR : 0;

	if (sqe->fctype == NVME_FCTYPE_PROPERTY_SET)
		return 0;
	switch (load_le32(p->offset)) {
	case NVME_REG_CAP:
		return s->a.cap;
	case NVME_REG_VS:
		return s->a.vs;
	case NVME_REG_CSTS:
		return s->a.polls_until_ready-- > 0 ? not_yet : s->a.csts;
	default:
		fail();
		return 0;
	}
}

static void answer(struct scene *s, const struct nvme_sqe *sqe)
{
	uint16_t cid = load_le16(sqe->cid), status = 0;
	uint64_t result = 0;

	if (s->seen_count < 16)
		status = s->a.status[s->seen_count];
	s->seen[s->seen_count++ % 64] = *sqe;
	if (status == 0 && sqe->opcode == NVME_ADMIN_IDENTIFY)
		assert_false(fault_is(
			fake_data(&s->f, cid, 0, &s->a.id, sizeof(s->a.id), NVME_TCP_F_DATA_LAST)));
	if (sqe->opcode == NVME_ADMIN_FABRICS)
		result = property(s, sqe);
	else if (sqe->opcode == NVME_ADMIN_GET_FEATURES)
		result = s->a.kato_ms;
	else if (sqe->opcode == NVME_ADMIN_SET_FEATURES)
		result = s->a.queues;
	assert_false(fault_is(fake_resp(&s->f, cid, status, result)));
}

/* Until it is over. Time passes as it asks for. */
static void run(struct scene *s)
{
	for (int i = 0; i < 10000; i++) {
		if (bringup_turn(&s->b, s->f.q, s->f.now, &s->next_ns))
			return;
		fake_turn(&s->f);
		for (int k = 0; k < s->f.count; k++)
			answer(s, fake_command(&s->f, k));
		fake_forget(&s->f);
		fake_turn(&s->f);
		if (s->next_ns != WORLD_NEVER)
			s->f.now = s->next_ns;
	}
	fail();
}

static void io_controller(void **state)
{
	static const struct {
		uint8_t opcode, fctype;
		uint32_t offset; /* property, or CDW10 */
		uint64_t value;	 /* property, or CDW11 */
	} want[] = {
		{ 0x7f, 4, 0x00, 0 },	     { 0x7f, 0, 0x14, 0x460060 },
		{ 0x7f, 0, 0x14, 0x460061 }, { 0x7f, 4, 0x1c, 0 },
		{ 0x7f, 4, 0x1c, 0 },	     { 0x7f, 4, 0x1c, 0 },
		{ 0x7f, 4, 0x08, 0 },	     { 0x06, 0, 0x01, 0 },
		{ 0x0a, 0, 0x0f, 0 },	     { 0x09, 0, 0x07, 0x30003 },
	};
	struct scene s;

	(void)state;
	scene_init(&s, BRINGUP_IO, 4);
	s.a.polls_until_ready = 2;
	s.a.kato_ms = 6000;
	run(&s);
	assert_int_equal(s.b.state, BRINGUP_DONE);
	assert_int_equal(s.seen_count, ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		const struct nvme_property_sqe *p = (const void *)&s.seen[i];

		assert_int_equal(s.seen[i].opcode, want[i].opcode);
		assert_int_equal(s.seen[i].flags, 0x40);
		if (want[i].opcode == 0x7f) {
			assert_int_equal(p->fctype, want[i].fctype);
			assert_int_equal(load_le32(p->offset), want[i].offset);
			assert_int_equal(load_le64(p->value), want[i].value);
		} else {
			assert_int_equal(load_le32(s.seen[i].cdw10), want[i].offset);
			assert_int_equal(load_le32(s.seen[i].cdw11), want[i].value);
		}
	}
	/* what nvme-cli printed for the same controller */
	assert_int_equal(s.b.result.vs, NVME_VS(2, 1, 0));
	assert_int_equal(s.b.result.kato_ms, 6000);
	assert_int_equal(s.b.result.io_queues, 4);
	assert_int_equal(s.b.result.mdts_bytes, 4 << 20); /* MDTS 0 */
	assert_int_equal(s.b.result.capsule_data_max, 16384);
	assert_int_equal(s.b.result.entries_max, 1024);
	assert_true(s.b.result.traffic_based);
	assert_false(s.b.result.key_update);
	assert_false(s.b.result.discovery);
	scene_free(&s);
}

static void bounds(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, BRINGUP_IO, 8);
	s.a.cap = NVME_CAP_CSS_NVM | 1ull << 48 | 2ull << 52 | 127; /* MPSMIN 8 KiB */
	s.a.queues = NVME_NUM_QUEUES(5, 2);
	s.a.id.mdts = 3;
	store_le16(s.a.id.maxcmd, 64);
	store_le32(s.a.id.ioccsz, 4);
	store_le32(s.a.id.ctratt, 0);
	nvme_vendor_set(&s.a.id, NVME_VENDOR_KEY_UPDATE);
	run(&s);
	assert_int_equal(s.b.state, BRINGUP_DONE);
	assert_int_equal(s.b.result.cc, 0x4600c1 & ~0x40u); /* MPS 1, CSS NVM */
	assert_int_equal(s.b.result.io_queues, 3);
	assert_int_equal(s.b.result.mdts_bytes, 8192 << 3);
	assert_int_equal(s.b.result.entries_max, 64);
	assert_int_equal(s.b.result.capsule_data_max, 0);
	assert_false(s.b.result.traffic_based);
	assert_true(s.b.result.key_update);
	scene_free(&s);
}

static void discovery(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, BRINGUP_DISCOVERY, 0);
	s.a.id.cntrltype = NVME_CTRL_CNTRLTYPE_DISCOVERY;
	store_le16(s.a.id.kas, 0);
	store_le32(s.a.id.ioccsz, 0);
	/* it need not know the feature */
	s.a.status[6] = NVME_SC_INVALID_FIELD | NVME_STATUS_DNR;
	run(&s);
	assert_int_equal(s.b.state, BRINGUP_DONE);
	assert_int_equal(s.seen_count, 7);
	assert_int_equal(s.seen[6].opcode, NVME_ADMIN_GET_FEATURES);
	assert_int_equal(s.b.result.kato_ms, 5000);
	assert_true(s.b.result.discovery);
	scene_free(&s);

	/* by another NQN only what says that it is one */
	scene_init(&s, BRINGUP_DISCOVERY, 0);
	run(&s);
	assert_int_equal(s.b.state, BRINGUP_FAILED);
	scene_free(&s);

	scene_init(&s, BRINGUP_DISCOVERY, 0);
	s.b.config.well_known = true;
	run(&s);
	assert_int_equal(s.b.state, BRINGUP_DONE);
	scene_free(&s);
}

/* clang-format off */
static void spoil_cntlid(struct answers *a) { store_le16(a->id.cntlid, 2); }
static void spoil_kas(struct answers *a) { store_le16(a->id.kas, 0); }
static void spoil_ioccsz(struct answers *a) { store_le32(a->id.ioccsz, 3); }
static void spoil_iorcsz(struct answers *a) { store_le32(a->id.iorcsz, 0); }
static void spoil_icdoff(struct answers *a) { store_le16(a->id.icdoff, 1); }
static void spoil_sgls(struct answers *a) { store_le32(a->id.sgls, 0x100000); }
static void spoil_subnqn(struct answers *a) { memset(a->id.subnqn, 'x', sizeof(a->id.subnqn)); }
static void spoil_type(struct answers *a) { a->id.cntrltype = NVME_CTRL_CNTRLTYPE_DISCOVERY; }
static void spoil_maxcmd(struct answers *a) { store_le16(a->id.maxcmd, 1); }
static void spoil_mqes(struct answers *a) { a->cap &= ~0xffffull; }
static void spoil_css(struct answers *a) { a->cap = 1023; }
static void spoil_mps(struct answers *a) { a->cap |= 3ull << 48; }
static void spoil_vs(struct answers *a) { a->vs = 0; }
static void spoil_csts(struct answers *a) { a->csts = NVME_CSTS_CFS | NVME_CSTS_RDY; }
static void spoil_rdy(struct answers *a) { a->polls_until_ready = INT32_MAX; }
static void spoil_cap_status(struct answers *a) { a->status[0] = NVME_SC_INVALID_FIELD; }
static void spoil_identify(struct answers *a) { a->status[5] = NVME_SC_INTERNAL; }
/* clang-format on */

static void unusable(void **state)
{
	static const struct {
		void (*spoil)(struct answers *a);
		const char *detail;
	} rows[] = {
		{ spoil_cntlid, "CNTLID" },
		{ spoil_kas, "KAS" },
		{ spoil_ioccsz, "IOCCSZ" },
		{ spoil_iorcsz, "IORCSZ" },
		{ spoil_icdoff, "ICDOFF" },
		{ spoil_sgls, "SGLS" },
		{ spoil_subnqn, "SUBNQN" },
		{ spoil_type, "CNTRLTYPE" },
		{ spoil_maxcmd, "MAXCMD" },
		{ spoil_mqes, "MQES" },
		{ spoil_css, "command set" },
		{ spoil_mps, "MPSMIN" },
		{ spoil_vs, "version" },
		{ spoil_csts, "CSTS.CFS" },
		{ spoil_rdy, "not in the time" },
		{ spoil_cap_status, "Property Get CAP: status 002h" },
		{ spoil_identify, "Identify Controller: status 006h" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct scene s;

		scene_init(&s, BRINGUP_IO, 4);
		rows[i].spoil(&s.a);
		run(&s);
		assert_int_equal(s.b.state, BRINGUP_FAILED);
		assert_int_equal(s.b.why.cause, CAUSE_CTRL_INVALID);
		if (!strstr(s.b.detail, rows[i].detail))
			fail_msg("\"%s\" does not name %s", s.b.detail, rows[i].detail);
		scene_free(&s);
	}
}

/* CSTS.RDY is waited for as long as CAP.TO says: 7.5 s here. */
static void ready_in_time(void **state)
{
	struct scene s;
	uint64_t began;

	(void)state;
	scene_init(&s, BRINGUP_IO, 0);
	spoil_rdy(&s.a);
	began = s.f.now;
	run(&s);
	assert_int_equal(s.b.state, BRINGUP_FAILED);
	assert_in_range((s.f.now - began) / NS_PER_MS, 7500, 7510);
	scene_free(&s);
}

static void shutdown_order(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, BRINGUP_SHUTDOWN, 0);
	s.a.polls_until_ready = 3;
	run(&s);
	assert_int_equal(s.b.state, BRINGUP_DONE);
	assert_int_equal(s.seen_count, 5);
	assert_int_equal(load_le64(((const struct nvme_property_sqe *)&s.seen[0])->value),
			 0x464061);
	scene_free(&s);

	/* a controller that does not finish is left */
	scene_init(&s, BRINGUP_SHUTDOWN, 0);
	spoil_rdy(&s.a);
	run(&s);
	assert_int_equal(s.b.state, BRINGUP_FAILED);
	assert_in_range(s.f.now / NS_PER_MS, 1000, 1010);
	scene_free(&s);
}

/* The connection fails under a command: its fault is told, and the object can go. */
static void connection_lost(void **state)
{
	struct fault why = fault_os(ECONNRESET, CAUSE_PEER_RESET);
	struct scene s;
	uint64_t next;

	(void)state;
	scene_init(&s, BRINGUP_IO, 4);
	assert_false(bringup_turn(&s.b, s.f.q, s.f.now, &next));
	assert_false(bringup_idle(&s.b));
	fake_turn(&s.f);
	fake_end(&s.f, why);
	assert_int_equal(s.wakes, 1);
	assert_true(bringup_idle(&s.b));
	assert_true(bringup_turn(&s.b, s.f.q, s.f.now, &next));
	assert_int_equal(s.b.state, BRINGUP_FAILED);
	assert_int_equal(s.b.why.cause, CAUSE_PEER_RESET);
	scene_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(io_controller), cmocka_unit_test(bounds),
		cmocka_unit_test(discovery),	 cmocka_unit_test(unusable),
		cmocka_unit_test(ready_in_time), cmocka_unit_test(shutdown_order),
		cmocka_unit_test(connection_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
