/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target/subsystem: what may be configured and what is refused, the numbers of controllers and
 * namespaces, identifiers that stay, and limits that follow from the memory there is.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "target/target_impl.h"
#include "target_rig.h"

static struct rig rig;
static struct rig_conn conn, other;

static struct backend *memory(const char *spec)
{
	struct backend *b = NULL;
	char why[128];

	assert_int_equal(backend_open(spec, false, &b, why, sizeof(why)), 0);
	return b;
}

/* --- subsystems --- */

static void subsystems(void **state)
{
	static const struct {
		const char *nqn;
		uint16_t min, max;
		int rc;
	} cases[] = {
		{ "nqn.second", 0, 0, 0 },
		{ "nqn.second", 0, 0, -EEXIST },
		{ RIG_SUBSYS, 0, 0, -EEXIST },
		{ NVME_DISC_SUBSYS_NAME, 0, 0, -EEXIST },
		{ "second", 0, 0, 0 }, /* as on Linux */
		{ "", 0, 0, -EINVAL },
		{ "nqn.with space", 0, 0, -EINVAL },
		{ "nqn.one", 7, 7, 0 },
		{ "nqn.all", 1, 0xffef, 0 },
		{ "nqn.last", 0xffef, 0, 0 },
		{ "nqn.crossed", 8, 7, -EINVAL },
		{ "nqn.over", 1, 0xfff0, -EINVAL },
		{ "nqn.reserved", 0xfff0, 0, -EINVAL },
		{ "nqn.dynamic", 0xffff, 0, -EINVAL },
		{ "nqn.highest", 0xffff, 0xffff, -EINVAL },
	};
	struct target_subsys *s;

	(void)state;
	rig_init(&rig, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct target_subsys_config c = { .nqn = cases[i].nqn,
						  .cntlid_min = cases[i].min,
						  .cntlid_max = cases[i].max };
		int rc = target_add_subsys(rig.target, &c, &s);

		if (rc != cases[i].rc)
			fail_msg("'%s' %u-%u: %d", c.nqn, c.cntlid_min, c.cntlid_max, rc);
	}
	assert_int_equal(target_allow_host(rig.subsys, "a host"), -EINVAL);
	assert_int_equal(target_allow_host(rig.subsys, ""), -EINVAL);
	assert_int_equal(rig.subsys->host_count, 0);
	rig_free(&rig);
}

static uint16_t connect_to(struct rig_conn *c, const char *nqn, uint16_t *ret_cntlid)
{
	struct rig_connect k;
	struct nvme_cqe cqe;

	rig_open(&rig, c, NULL);
	rig_icreq(c);
	rig_connect_init(&k, 0, NVME_CNTLID_DYNAMIC);
	memset(k.data.subsysnqn, 0, sizeof(k.data.subsysnqn));
	memcpy(k.data.subsysnqn, nqn, strlen(nqn));
	cqe = rig_connect(c, &k);
	*ret_cntlid = load_le16(cqe.dw0);
	return rig_status(&cqe);
}

/* Numbers go round in their range; when all are out it is busy, which may pass. */
static void cntlids(void **state)
{
	static const uint16_t want[] = { 40, 41, 42, 40, 41 };
	struct target_subsys_config c = {
		.nqn = "nqn.few", .allow_any_host = true, .cntlid_min = 40, .cntlid_max = 42
	};
	static struct rig_conn third, fourth;
	struct target_subsys *s;
	uint16_t id, freed;

	(void)state;
	rig_init(&rig, NULL);
	assert_int_equal(target_add_subsys(rig.target, &c, &s), 0);
	/* not behind any port: as if it were not there */
	assert_int_equal(connect_to(&conn, c.nqn, &id), 0x182 | DNR);
	rig_close(&conn);
	assert_int_equal(target_link(rig.port, s), 0);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		assert_int_equal(connect_to(&conn, c.nqn, &id), 0);
		assert_int_equal(id, want[i]);
		rig_close(&conn);
	}
	assert_int_equal(connect_to(&conn, c.nqn, &id), 0);
	assert_int_equal(connect_to(&other, c.nqn, &freed), 0);
	assert_int_equal(connect_to(&third, c.nqn, &id), 0);
	assert_int_equal(connect_to(&fourth, c.nqn, &id), NVME_SC_CONNECT_CTRL_BUSY);
	rig_close(&fourth);
	rig_close(&other);
	/* the only one that is free, wherever the round is */
	assert_int_equal(connect_to(&other, c.nqn, &id), 0);
	assert_int_equal(id, freed);
	/* other subsystems have their own */
	assert_int_equal(connect_to(&fourth, RIG_SUBSYS, &id), 0);
	assert_int_equal(id, 1);
	rig_close(&fourth);
	rig_close(&third);
	rig_close(&other);
	rig_close(&conn);
	rig_free(&rig);
}

/* Names that are given are told, in fields filled up with spaces; too long ones are cut. */
static void names(void **state)
{
	struct target_subsys_config c = {
		.nqn = "nqn.named", .allow_any_host = true,
		.serial = "S/N 1", .model = "0123456789012345678901234567890123456789-cut",
		.firmware = "1.2.3.4.5",
	};
	struct target_subsys *s;
	const struct rig_pdu *p;
	struct nvme_sqe sqe;
	uint16_t id;

	(void)state;
	rig_init(&rig, NULL);
	assert_int_equal(target_add_subsys(rig.target, &c, &s), 0);
	assert_int_equal(target_link(rig.port, s), 0);
	assert_int_equal(connect_to(&conn, c.nqn, &id), 0);
	rig_set_cc(&conn, RIG_CC);
	nvme_sqe_identify(&sqe, NVME_CNS_CTRL, 0, 0, 0);
	nvme_sqe_sgl_transport(&sqe, 4096);
	rig_do(&conn, &sqe, NULL, 0);
	p = rig_last(&conn, NVME_TCP_C2H_DATA);
	assert_non_null(p);
	assert_memory_equal(p->data + 4, "S/N 1               ", 20);
	assert_memory_equal(p->data + 24, c.model, 40);
	assert_memory_equal(p->data + 64, "1.2.3.4.", 8);
	assert_string_equal((char *)p->data + 768, c.nqn);
	rig_close(&conn);
	rig_free(&rig);
}

/* --- namespaces --- */

static void namespaces(void **state)
{
	static const struct {
		uint32_t nsid, block;
		int rc;
	} cases[] = {
		{ 1, 0, -EEXIST },    { 9, 0, 0 },	  { 9, 0, -EEXIST },
		{ 4, 4096, 0 },	      { 0, 0, 0 },	  { 1025, 0, -EINVAL },
		{ 0xffffffff, 0, -EINVAL },
		{ 1024, 0, 0 },	      { 20, 256, -EINVAL }, { 20, 1000, -EINVAL },
		{ 20, 131072, -EINVAL }, /* larger than all of it */
	};
	static const uint32_t want[] = { 1, 4, 5, 9, 1024 };

	(void)state;
	rig_init(&rig, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct target_ns_config c = { .nsid = cases[i].nsid,
					      .block_bytes = cases[i].block,
					      .backend = memory("mem:64K") };
		int rc = target_add_namespace(rig.subsys, &c);

		if (rc != cases[i].rc)
			fail_msg("nsid %u, blocks of %u: %d", c.nsid, c.block_bytes, rc);
		if (rc)
			backend_close(c.backend);
	}
	assert_int_equal(rig.subsys->view->count, ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		const struct target_ns *ns = target_view_ns(rig.subsys->view, want[i]);

		assert_ptr_equal(ns, &rig.subsys->view->ns[i]);
		assert_int_equal(ns->blocks, want[i] == 1 ? 2048 : want[i] == 4 ? 16 : 128);
	}
	assert_null(target_view_ns(rig.subsys->view, 2));
	assert_null(target_view_ns(rig.subsys->view, 0));
	rig_free(&rig);
}

/* Data of a namespace behind a gap, in blocks of 4096, comes from there. */
static void gaps(void **state)
{
	struct target_ns_config c = { .nsid = 700, .block_bytes = 4096 };
	static uint8_t data[4096];
	const struct rig_pdu *p;
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	(void)state;
	memset(data, 0xa7, sizeof(data));
	rig_init(&rig, NULL);
	c.backend = memory("mem:64K");
	assert_int_equal(target_add_namespace(rig.subsys, &c), 0);
	rig_live(&rig, &conn, 0, 0);
	rig_live(&rig, &other, 1, 1);
	nvme_sqe_rw(&sqe, NVME_CMD_WRITE, 700, 15, 1, 0);
	nvme_sqe_sgl_inline(&sqe, sizeof(data));
	cqe = rig_do(&other, &sqe, data, sizeof(data));
	assert_int_equal(rig_status(&cqe), 0);
	for (uint32_t nsid = 1; nsid <= 700; nsid += 699) {
		nvme_sqe_rw(&sqe, NVME_CMD_READ, nsid, 15, 1, 0);
		nvme_sqe_sgl_transport(&sqe, nsid == 1 ? 512 : 4096);
		cqe = rig_do(&other, &sqe, NULL, 0);
		assert_int_equal(rig_status(&cqe), 0);
		p = rig_last(&other, NVME_TCP_C2H_DATA);
		assert_int_equal(p->len, nsid == 1 ? 512 : 4096);
		assert_int_equal(p->data[0], nsid == 1 ? 0 : 0xa7);
	}
	nvme_sqe_rw(&sqe, NVME_CMD_READ, 700, 16, 1, 0);
	nvme_sqe_sgl_transport(&sqe, 4096);
	cqe = rig_do(&other, &sqe, NULL, 0);
	assert_int_equal(rig_status(&cqe), 0x080 | DNR);
	rig_close(&other);
	rig_close(&conn);
	rig_free(&rig);
}

/* UUIDs that are made up are valid, differ, and are the same after a restart in another order. */
static void identifiers(void **state)
{
	uint8_t first[2][16];

	(void)state;
	for (int restart = 0; restart < 2; restart++) {
		rig_init(&rig, NULL);
		for (uint32_t i = 0; i < 2; i++) {
			struct target_ns_config c = { .nsid = 5 + (i ^ (uint32_t)restart),
						      .backend = memory("mem:64K") };

			assert_int_equal(target_add_namespace(rig.subsys, &c), 0);
		}
		for (uint32_t i = 0; i < 2; i++) {
			const struct target_ns *ns = target_view_ns(rig.subsys->view, 5 + i);

			assert_int_equal(ns->uuid[6] >> 4, 8);
			assert_int_equal(ns->uuid[8] >> 6, 2);
			assert_memory_equal(ns->uuid, ns->nguid, 16);
			assert_memory_not_equal(ns->uuid + 1, ns->uuid + 9, 5);
			if (restart)
				assert_memory_equal(ns->uuid, first[i], 16);
			else
				memcpy(first[i], ns->uuid, 16);
		}
		assert_memory_not_equal(first[0], first[1], 16);
		rig_free(&rig);
	}
}

/* --- limits --- */

/* What is promised is what the buffers can serve, and at that size it works. */
static void limits(void **state)
{
	static const struct {
		uint32_t buffers, asked, got;
	} cases[] = {
		{ 64, 1 << 20, 1 << 20 }, { 64, 1 << 21, 1 << 20 }, { 64, 1 << 16, 1 << 16 },
		{ 12, 1 << 20, 1 << 20 }, { 64, 4096, 4096 },
	};
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rig_config c = { .buf_count = cases[i].buffers, .backends = { "mem:4M" } };

		target_config_init(&c.target);
		c.target.mdts_bytes = cases[i].asked;
		c.target.queues_max = 0;
		c.target.queue_size_max = 0;
		rig_init(&rig, &c);
		if (rig.target->config.mdts_bytes != cases[i].got)
			fail_msg("%u buffers, %u asked: %u", c.buf_count, cases[i].asked,
				 rig.target->config.mdts_bytes);
		assert_int_equal(rig.target->config.queues_max, 1);
		assert_int_equal(rig.target->config.queue_size_max, 2);
		rig_free(&rig);
		c.target.queue_size_max = 128;
		rig_init(&rig, &c);
		rig_live(&rig, &conn, 0, 0);
		rig_live(&rig, &other, 1, 1);
		nvme_sqe_rw(&sqe, NVME_CMD_READ, 1, 0, cases[i].got / 512, 0);
		nvme_sqe_sgl_transport(&sqe, cases[i].got);
		cqe = rig_do(&other, &sqe, NULL, 0);
		assert_int_equal(rig_status(&cqe), 0);
		assert_int_equal(rig_last(&other, NVME_TCP_C2H_DATA)->len, cases[i].got);
		rig_close(&other);
		rig_close(&conn);
		rig_free(&rig);
	}
}

/* A subsystem's own limit of queues: what Set Features grants, and what Connect takes. */
static void few_queues(void **state)
{
	static const struct {
		uint32_t asked, got;
	} cases[] = { { 2, 2 }, { 1, 1 }, { 0, 64 }, { 128, 64 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct target_subsys_config c = { .nqn = "nqn.few",
						  .allow_any_host = true,
						  .queues_max = cases[i].asked };
		struct target_subsys *s;
		struct rig_connect k;
		struct nvme_cqe cqe;
		struct nvme_sqe sqe;
		uint16_t id;

		rig_init(&rig, NULL);
		assert_int_equal(target_add_subsys(rig.target, &c, &s), 0);
		assert_int_equal(target_link(rig.port, s), 0);
		assert_int_equal(connect_to(&conn, c.nqn, &id), 0);
		cqe = rig_set_cc(&conn, RIG_CC);
		assert_int_equal(rig_status(&cqe), 0);
		nvme_sqe_set_features(&sqe, NVME_FEAT_NUM_QUEUES, 0, NVME_NUM_QUEUES(999, 999));
		cqe = rig_do(&conn, &sqe, NULL, 0);
		assert_int_equal(rig_status(&cqe), 0);
		assert_int_equal(load_le32(cqe.dw0),
				 NVME_NUM_QUEUES(cases[i].got - 1, cases[i].got - 1));
		for (uint32_t over = 0; over < 2; over++) {
			rig_open(&rig, &other, NULL);
			rig_icreq(&other);
			rig_connect_init(&k, (uint16_t)(cases[i].got + over), id);
			memcpy(k.data.subsysnqn, c.nqn, strlen(c.nqn) + 1);
			cqe = rig_connect(&other, &k);
			assert_int_equal(rig_status(&cqe), over ? 0x182 | DNR : 0);
			rig_close(&other);
		}
		rig_close(&conn);
		rig_free(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subsystems), cmocka_unit_test(cntlids),
		cmocka_unit_test(names),      cmocka_unit_test(namespaces),
		cmocka_unit_test(gaps),	      cmocka_unit_test(identifiers),
		cmocka_unit_test(limits),     cmocka_unit_test(few_queues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
