/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target/controller: properties, enabling, reset, shutdown, keep-alive, events, and how an
 * association ends when its queues live in two threads and have I/O at the backend.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "target_rig.h"

#define DNR NVME_STATUS_DNR

static struct rig rig;
static struct rig_conn admin, io, second;
static char path[] = "/tmp/nvmetls-unit-XXXXXX";

static uint16_t do_cmd(struct rig_conn *c, struct nvme_sqe *sqe, uint64_t *ret_result)
{
	struct nvme_cqe cqe = rig_do(c, sqe, NULL, 0);

	rig_forget(c);
	if (ret_result)
		*ret_result = load_le64(cqe.result);
	return rig_status(&cqe);
}

static uint64_t csts(void)
{
	uint64_t v = rig_property(&admin, NVME_REG_CSTS);

	rig_forget(&admin);
	return v;
}

static uint32_t controllers(void)
{
	struct target_counters n;

	target_counters(rig.target, &n);
	return n.controllers;
}

/* Two threads, a file that completes when it is told to. The first I/O queue lives in thread 1. */
static int file_setup(void **state)
{
	struct rig_config c = { .threads = 2, .backends = { path } };
	int fd;

	(void)state;
	memcpy(path + strlen(path) - 6, "XXXXXX", 6);
	fd = mkstemp(path);
	if (fd < 0 || ftruncate(fd, 1 << 20) != 0)
		return -1;
	close(fd);
	rig_init(&rig, &c);
	assert_int_equal(rig_live(&rig, &admin, 0, 0), 1);
	return 0;
}

static int file_teardown(void **state)
{
	(void)state;
	rig_close(&io);
	rig_close(&second);
	rig_close(&admin);
	rig_free(&rig);
	return unlink(path);
}

/* --- properties --- */

static void properties(void **state)
{
	static const struct {
		uint8_t attrib;
		uint32_t offset;
		uint16_t status;
		uint64_t value;
	} gets[] = {
		/* CSS: NVM and I/O command sets; TO 7.5 s; CQR; 128 entries */
		{ 1, 0x00, 0, 1ull << 43 | 1ull << 37 | 15 << 24 | 1 << 16 | 127 },
		{ 0, 0x08, 0, 0x00020000 },
		{ 0, 0x14, 0, RIG_CC },
		{ 0, 0x1c, 0, 1 },
		{ 0, 0x00, 0x002 | DNR, 0 }, /* CAP has eight bytes */
		{ 1, 0x08, 0x002 | DNR, 0 },
		{ 1, 0x14, 0x002 | DNR, 0 },
		{ 2, 0x1c, 0x002 | DNR, 0 },
		{ 0, 0x04, 0x002 | DNR, 0 },
		{ 0, 0x0c, 0x002 | DNR, 0 }, /* INTMS: not over fabrics */
		{ 0, 0x20, 0x002 | DNR, 0 }, /* NSSR */
		{ 0, 0x68, 0x002 | DNR, 0 }, /* CRTO */
		{ 1, 0xfffffff8, 0x002 | DNR, 0 },
	};
	struct nvme_property_sqe *p;
	struct nvme_sqe sqe;
	uint64_t value;

	(void)state;
	p = (void *)&sqe;
	rig_init(&rig, NULL);
	rig_live(&rig, &admin, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(gets); i++) {
		nvme_sqe_property_get(&sqe, NVME_REG_VS);
		p->attrib = gets[i].attrib;
		store_le32(p->offset, gets[i].offset);
		assert_int_equal(do_cmd(&admin, &sqe, &value), gets[i].status);
		if (gets[i].status == 0)
			assert_int_equal(value, gets[i].value);
	}
	/* CC is the only one that can be written, with four bytes */
	nvme_sqe_property_set(&sqe, NVME_REG_CSTS, 0);
	assert_int_equal(do_cmd(&admin, &sqe, NULL), 0x002 | DNR);
	nvme_sqe_property_set(&sqe, NVME_REG_NSSR, NVME_NSSR_MAGIC);
	assert_int_equal(do_cmd(&admin, &sqe, NULL), 0x002 | DNR);
	nvme_sqe_property_set(&sqe, NVME_REG_CC, 0);
	p->attrib = 1;
	assert_int_equal(do_cmd(&admin, &sqe, NULL), 0x002 | DNR);
	assert_int_equal(csts(), 1);
	rig_close(&admin);
	rig_free(&rig);
}

static void enabling(void **state)
{
	static const struct {
		uint32_t cc;
		uint64_t csts;
	} cases[] = {
		{ 0x00460001, 1 }, { 0x00460061, 1 },	    /* as Linux does */
		{ 0x00450001, 2 }, { 0x00360001, 2 },	    /* entry sizes */
		{ 0x00460081, 2 }, { 0x00460801, 2 },	    /* MPS, AMS */
		{ 0x00460011, 2 }, { 0x00460071, 2 },	    /* CSS */
		{ 0x00460060, 0 }, { 0x00000000, 0 },	    /* not enabled */
	};
	struct nvme_sqe sqe;

	(void)state;
	rig_init(&rig, NULL);
	rig_live(&rig, &admin, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		rig_set_cc(&admin, 0);
		assert_int_equal(csts(), 0);
		rig_set_cc(&admin, cases[i].cc);
		assert_int_equal(csts(), cases[i].csts);
		nvme_sqe_keep_alive(&sqe);
		assert_int_equal(do_cmd(&admin, &sqe, NULL),
				 cases[i].csts == 1 ? 0 : 0x00c | DNR);
	}
	rig_close(&admin);
	rig_free(&rig);
}

/* Which Fabrics commands belong to which queue. */
static void wrong_queue(void **state)
{
	struct nvme_sqe sqe;

	(void)state;
	rig_live(&rig, &io, 1, 1);
	nvme_sqe_property_get(&sqe, NVME_REG_VS);
	assert_int_equal(do_cmd(&io, &sqe, NULL), 0x002 | DNR);
	nvme_sqe_property_set(&sqe, NVME_REG_CC, 0);
	assert_int_equal(do_cmd(&io, &sqe, NULL), 0x002 | DNR);
	nvme_sqe_disconnect(&sqe);
	assert_int_equal(do_cmd(&admin, &sqe, NULL), 0x185 | DNR);
	nvme_sqe_auth_recv(&sqe, 4096);
	assert_int_equal(do_cmd(&admin, &sqe, NULL), 0x001 | DNR);
	nvme_sqe_fabrics(&sqe, (enum nvme_fctype)0xc0);
	assert_int_equal(do_cmd(&admin, &sqe, NULL), 0x001 | DNR);
	nvme_sqe_disconnect(&sqe);
	store_le16(sqe.cdw10, 1);
	assert_int_equal(do_cmd(&io, &sqe, NULL), 0x180 | DNR);
}

/* Disconnect: its answer is the last of the queue, and the association goes on. */
static void disconnect(void **state)
{
	struct nvme_sqe sqe;

	(void)state;
	rig_live(&rig, &io, 1, 1);
	nvme_sqe_disconnect(&sqe);
	assert_int_equal(do_cmd(&io, &sqe, NULL), 0);
	assert_true(io.ended);
	assert_int_equal(io.why.kind, FAULT_NONE);
	rig_close(&io);
	rig_turn(&admin);
	assert_false(admin.ended);
	rig_live(&rig, &io, 1, 1);
}

/* --- reset and shutdown, with I/O at the backend --- */

static void start_io(struct rig_conn *c)
{
	struct nvme_sqe sqe;

	nvme_sqe_flush(&sqe, 1);
	rig_cmd(c, &sqe, NULL, 0);
	assert_false(list_empty(&c->w->ios));
}

static void reset(void **state)
{
	(void)state;
	rig_live(&rig, &io, 1, 1);
	assert_ptr_equal(io.w, &rig.w[1]);
	start_io(&io);
	rig_set_cc(&admin, RIG_CC & ~NVME_CC_EN);
	/* not yet: there is I/O in another thread, and a socket */
	assert_int_equal(csts(), NVME_CSTS_RDY);
	rig_turn(&io);
	assert_true(io.ended);
	assert_false(tconn_stream(io.tc)->ops->drained(tconn_stream(io.tc)));
	assert_int_equal(csts(), NVME_CSTS_RDY);
	rig_close(&io);
	assert_int_equal(csts(), 0);
	/* the association lives on */
	rig_set_cc(&admin, RIG_CC);
	assert_int_equal(csts(), NVME_CSTS_RDY);
	rig_live(&rig, &io, 1, 1);
}

/* Enabled again before the reset was over: ready when it is. */
static void reset_in_a_hurry(void **state)
{
	(void)state;
	rig_live(&rig, &io, 1, 1);
	start_io(&io);
	rig_set_cc(&admin, 0);
	rig_set_cc(&admin, RIG_CC);
	rig_open(&rig, &second, NULL);
	rig_icreq(&second);
	rig_turn(&io);
	rig_close(&io);
	assert_int_equal(csts(), NVME_CSTS_RDY);
	rig_live(&rig, &io, 1, 1);
}

static void shutdown_normal(void **state)
{
	struct nvme_sqe sqe;

	(void)state;
	rig_live(&rig, &io, 1, 1);
	start_io(&io);
	rig_set_cc(&admin, RIG_CC | NVME_CC_SHN_NORMAL);
	assert_int_equal(csts() & NVME_CSTS_SHST_MASK, NVME_CSTS_SHST_OCCUR);
	nvme_sqe_keep_alive(&sqe);
	assert_int_equal(do_cmd(&admin, &sqe, NULL), 0x00c | DNR);
	rig_turn(&io);
	rig_close(&io);
	assert_int_equal(csts(), NVME_CSTS_SHST_CMPLT);
	/* the controller does not end the connection, nor does time: keep-alive is off */
	rig_pass(&rig, 60 * NS_PER_SEC);
	rig_turn(&admin);
	assert_false(admin.ended);
	rig_set_cc(&admin, 0);
	assert_int_equal(csts(), 0);
	rig_set_cc(&admin, RIG_CC);
	assert_int_equal(csts(), NVME_CSTS_RDY);
}

/* --- ends of the association --- */

/* The admin connection goes: all queues go, and the number is free when the last I/O has ended. */
static void admin_lost(void **state)
{
	(void)state;
	rig_live(&rig, &io, 1, 1);
	rig_live(&rig, &second, 2, 1);
	assert_ptr_not_equal(io.w, second.w);
	start_io(&io);
	rig_close(&admin);
	rig_turn(&io);
	rig_turn(&second);
	assert_true(io.ended && second.ended);
	assert_int_equal(controllers(), 1);
	rig_close(&second);
	assert_int_equal(controllers(), 1);
	rig_close(&io);
	assert_int_equal(controllers(), 0);
}

/* Linux closes its I/O queues, then writes CC.SHN and waits for the answer. */
static void io_lost(void **state)
{
	(void)state;
	rig_live(&rig, &io, 1, 1);
	rig_live(&rig, &second, 2, 1);
	rig_close(&io);
	rig_turn(&second);
	rig_turn(&admin);
	assert_false(admin.ended || second.ended);
	rig_live(&rig, &io, 1, 1);
	rig_close(&io);
	rig_close(&second);
	rig_set_cc(&admin, RIG_CC | NVME_CC_SHN_NORMAL);
	assert_int_equal(csts(), NVME_CSTS_SHST_CMPLT);
	assert_false(admin.ended);
	rig_close(&admin);
	assert_int_equal(controllers(), 0);
}

/* A stop that comes to the other thread before the connection itself does. */
static void stop_overtakes(void **state)
{
	struct rig_connect k;
	struct nvme_cqe cqe;

	(void)state;
	rig_open(&rig, &io, NULL);
	rig_icreq(&io);
	io.away = true;
	rig_connect_init(&k, 1, 1);
	cqe = rig_connect(&io, &k);
	assert_int_equal(rig_status(&cqe), 0);
	assert_int_equal(tconn_placement(io.tc), 1);
	rig_close(&admin);
	io.wakes = 0;
	rig_settle(&rig);
	assert_int_equal(io.wakes, 0); /* nobody may touch it from there */
	io.away = false;
	rig_turn(&io);
	assert_ptr_equal(io.w, &rig.w[1]);
	rig_turn(&io);
	assert_true(io.ended);
	assert_int_equal(io.why.cause, CAUSE_SHUTDOWN);
	rig_close(&io);
	assert_int_equal(controllers(), 0);
}

/* The same, and it never gets there. */
static void stop_in_vain(void **state)
{
	struct rig_connect k;

	(void)state;
	rig_open(&rig, &io, NULL);
	rig_icreq(&io);
	io.away = true;
	rig_connect_init(&k, 1, 1);
	rig_connect(&io, &k);
	rig_close(&admin);
	rig_close(&io);
	assert_int_equal(controllers(), 0);
}

/* --- keep-alive --- */

static void set_kato(uint32_t ms, uint32_t effective)
{
	struct nvme_sqe sqe;
	uint64_t v;

	nvme_sqe_set_features(&sqe, NVME_FEAT_KATO, 0, ms);
	assert_int_equal(do_cmd(&admin, &sqe, NULL), 0);
	nvme_sqe_get_features(&sqe, NVME_FEAT_KATO, NVME_FEAT_SEL_CURRENT, 0, 0);
	assert_int_equal(do_cmd(&admin, &sqe, &v), 0);
	assert_int_equal(v, effective);
}

static void keep_alive(void **state)
{
	struct nvme_sqe sqe;
	struct target_counters n;

	(void)state;
	set_kato(4001, 5000);
	/* any command on any queue counts */
	rig_live(&rig, &io, 1, 1);
	for (int i = 0; i < 10; i++) {
		rig_pass(&rig, 5 * NS_PER_SEC);
		if (i % 2) {
			nvme_sqe_keep_alive(&sqe);
			assert_int_equal(do_cmd(&admin, &sqe, NULL), 0);
		} else {
			nvme_sqe_flush(&sqe, 1);
			assert_int_equal(do_cmd(&io, &sqe, NULL), 0);
		}
	}
	/* silence ends it, twice the time at most */
	rig_pass(&rig, 5 * NS_PER_SEC);
	rig_turn(&admin);
	assert_false(admin.ended);
	rig_pass(&rig, 5 * NS_PER_SEC);
	rig_turn(&admin);
	rig_turn(&io);
	assert_true(admin.ended && io.ended);
	assert_int_equal(admin.why.cause, CAUSE_KATO_EXPIRED);
	target_counters(rig.target, &n);
	assert_int_equal(n.kato_expired, 1);
}

/* KATO 0: no timer on an I/O controller, the default on a discovery controller. */
static void no_keep_alive(void **state)
{
	struct rig_connect k;
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;
	uint64_t v;

	(void)state;
	set_kato(0, 0);
	rig_pass(&rig, 3600 * NS_PER_SEC);
	rig_turn(&admin);
	assert_false(admin.ended);
	rig_close(&admin);
	rig_open(&rig, &admin, NULL);
	rig_icreq(&admin);
	rig_connect_init(&k, 0, NVME_CNTLID_DYNAMIC);
	memset(k.data.subsysnqn, 0, sizeof(k.data.subsysnqn));
	memcpy(k.data.subsysnqn, NVME_DISC_SUBSYS_NAME, strlen(NVME_DISC_SUBSYS_NAME));
	store_le32(k.sqe.kato, 0);
	cqe = rig_connect(&admin, &k);
	assert_int_equal(rig_status(&cqe), 0);
	rig_set_cc(&admin, NVME_CC_EN);
	nvme_sqe_get_features(&sqe, NVME_FEAT_KATO, NVME_FEAT_SEL_CURRENT, 0, 0);
	assert_int_equal(do_cmd(&admin, &sqe, &v), 0);
	assert_int_equal(v, 120000);
}

/* An association of which nothing is made ends, too; two minutes it may wait. */
static void never_enabled(void **state)
{
	(void)state;
	rig_set_cc(&admin, 0);
	rig_pass(&rig, 120 * NS_PER_SEC);
	rig_turn(&admin);
	assert_false(admin.ended);
	rig_pass(&rig, 60 * NS_PER_SEC);
	rig_turn(&admin);
	assert_true(admin.ended);
}

/* --- events --- */

static void events(void **state)
{
	struct nvme_sqe sqe;

	(void)state;
	for (int round = 0; round < 3; round++) {
		admin.next_cid = 100; /* a reset forgets them: the numbers are free again */
		for (int i = 0; i < 4; i++) {
			nvme_sqe_async_event(&sqe);
			rig_cmd(&admin, &sqe, NULL, 0);
		}
		assert_int_equal(admin.count, 0);
		nvme_sqe_async_event(&sqe);
		assert_int_equal(do_cmd(&admin, &sqe, NULL), 0x105);
		rig_set_cc(&admin, 0);
		rig_set_cc(&admin, RIG_CC);
		rig_forget(&admin);
	}
}

int main(void)
{
#define FILE_TEST(f) cmocka_unit_test_setup_teardown(f, file_setup, file_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(properties), cmocka_unit_test(enabling),
		FILE_TEST(wrong_queue),	      FILE_TEST(disconnect),
		FILE_TEST(reset),	      FILE_TEST(reset_in_a_hurry),
		FILE_TEST(shutdown_normal),   FILE_TEST(admin_lost),
		FILE_TEST(io_lost),	      FILE_TEST(stop_overtakes),
		FILE_TEST(stop_in_vain),      FILE_TEST(keep_alive),
		FILE_TEST(no_keep_alive),     FILE_TEST(never_enabled),
		FILE_TEST(events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
