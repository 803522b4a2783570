/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target, corners: admin commands without buffers, a connection that goes while it is told to
 * stop, many connections at once on two threads, and what the end of a connection means.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "target/target_impl.h"
#include "target_io.h"

static uint32_t controllers(void)
{
	struct target_counters n;

	target_counters(rig.target, &n);
	return n.controllers;
}

static uint16_t ask_identify(uint8_t cns)
{
	struct nvme_sqe sqe;

	nvme_sqe_identify(&sqe, cns, cns == NVME_CNS_CTRL ? 0 : 1, 0, 0);
	nvme_sqe_sgl_transport(&sqe, 4096);
	return rig_cmd(&admin, &sqe, NULL, 0);
}

/* --- the admin queue without buffers --- */

static void *taken[64];
static int taken_count;

/* Only those are left that in-capsule data may have. */
static void take_buffers(void)
{
	while (rig.w[0].pool.avail > rig.w[0].pool.count / 8)
		taken[taken_count++] = pool_get(&rig.w[0].pool);
}

static void put_buffers(void)
{
	while (taken_count)
		pool_put(&rig.w[0].pool, taken[--taken_count]);
}

/* Identify waits, all else goes on; then the answers come, each with its own data. */
static void admin_waits(void **state)
{
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;
	uint16_t cid[6];

	(void)state;
	take_buffers();
	for (int i = 0; i < 6; i++)
		cid[i] = ask_identify(i % 2 ? NVME_CNS_CTRL : NVME_CNS_NS);
	assert_int_equal(admin.count, 0);
	nvme_sqe_keep_alive(&sqe);
	cqe = rig_do(&admin, &sqe, NULL, 0);
	assert_int_equal(rig_status(&cqe), 0);
	/* it looks again by itself, however long it takes */
	assert_int_equal(admin.deadline_ns, rig.w[0].now_ns + NS_PER_MS);
	rig.w[0].now_ns += 100 * NS_PER_SEC;
	rig_turn(&admin);
	assert_false(admin.ended);
	put_buffers();
	rig_turn(&admin);
	for (int i = 0; i < 6; i++) {
		const struct rig_pdu *p = rig_data(&admin, cid[i]);

		assert_non_null(rig_answer(&admin, cid[i]));
		assert_int_equal(rig_status(rig_answer(&admin, cid[i])), 0);
		assert_non_null(p);
		assert_int_equal(p->len, 4096);
		/* MNAN of a controller; NSZE of a namespace */
		assert_int_equal(load_le32(p->data + (i % 2 ? 540 : 0)), i % 2 ? 1024 : 2048);
	}
	assert_int_equal(rig.w[0].pool.avail, rig.w[0].pool.count);
}

/* The controller is reset while one waits: it is told so; nothing leaks. */
static void reset_while_waiting(void **state)
{
	uint16_t cid;

	(void)state;
	rig_close(&io);
	rig_close(&admin);
	rig_live(&rig, &admin, 0, 0);
	take_buffers();
	cid = ask_identify(NVME_CNS_CTRL);
	rig_set_cc(&admin, RIG_CC & ~NVME_CC_EN);
	put_buffers();
	rig_turn(&admin);
	assert_non_null(rig_answer(&admin, cid));
	assert_int_not_equal(rig_status(rig_answer(&admin, cid)), 0);
	assert_null(rig_data(&admin, cid));
	assert_int_equal(rig.w[0].pool.avail, rig.w[0].pool.count);
	rig_forget(&admin);
	/* and the number may be used again */
	admin.next_cid = cid;
	rig_set_cc(&admin, RIG_CC);
	assert_false(admin.ended);
}

/* No buffer at all in the middle of a header: that time is not the host's, the rest of it is. */
static void blocked_in_a_header(void **state)
{
	struct nvme_tcp_cmd_pdu p = { .hdr = { .type = 4, .hlen = 72, .plen = { 72 } } };
	void *last[8];
	int n = 0;

	(void)state;
	nvme_sqe_keep_alive(&p.sqe);
	store_le16(p.sqe.cid, 0x77);
	rig_bytes(&admin, &p, 40);
	take_buffers();
	while (rig.w[0].pool.avail)
		last[n++] = pool_get(&rig.w[0].pool);
	rig_bytes(&admin, (uint8_t *)&p + 40, 20);
	assert_true(tconn_stream(admin.tc)->blocked);
	rig.w[0].now_ns += 100 * NS_PER_SEC;
	rig_turn(&admin);
	assert_false(admin.ended);
	while (n)
		pool_put(&rig.w[0].pool, last[--n]);
	put_buffers();
	rig.w[0].now_ns += 100 * NS_PER_SEC;
	rig_turn(&admin);
	assert_false(admin.ended);
	assert_false(tconn_stream(admin.tc)->blocked);
	assert_int_equal(admin.deadline_ns, rig.w[0].now_ns + 30 * NS_PER_SEC);
	rig.w[0].now_ns += 29 * NS_PER_SEC;
	rig_bytes(&admin, (uint8_t *)&p + 60, 12);
	assert_non_null(rig_answer(&admin, 0x77));
	assert_int_equal(rig_status(rig_answer(&admin, 0x77)), 0);
}

static void feature_selections(void **state)
{
	static const struct {
		uint8_t fid, sel;
		uint16_t status;
	} cases[] = {
		{ NVME_FEAT_KATO, 0, 0 },
		{ NVME_FEAT_KATO, 3, 0x002 | DNR },
		{ NVME_FEAT_NUM_QUEUES, 3, 0x002 | DNR },
		{ NVME_FEAT_VOLATILE_WC, 0, 0 },
		{ NVME_FEAT_HOST_ID, 0, 0x002 | DNR },
	};
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		nvme_sqe_get_features(&sqe, cases[i].fid, (enum nvme_feature_sel)cases[i].sel, 0,
				      0);
		nvme_sqe_sgl_transport(&sqe, 0);
		cqe = rig_do(&admin, &sqe, NULL, 0);
		assert_int_equal(rig_status(&cqe), cases[i].status);
		rig_forget(&admin);
	}
}

/* --- ends --- */

/* A close means nothing bad once the connection was live; before, somebody gave up. */
static void end_of_stream(void **state)
{
	static struct rig_conn c;

	(void)state;
	for (int step = 0; step < 3; step++) {
		rig_open(&rig, &c, NULL);
		if (step == 1)
			rig_icreq(&c);
		else if (step == 2)
			rig_go_live(&c, 0, 0);
		assert_int_equal(tconn_stream(c.tc)->ops->eof_cause(tconn_stream(c.tc)),
				 step < 2 ? CAUSE_PEER_CLOSED : CAUSE_NONE);
		rig_close(&c);
	}
}

/*
 * An I/O queue ends by itself, and its release is with the control loop before the thread has
 * seen that it was to stop: its memory stays until that message is back.
 */
static void release_before_stop(void **state)
{
	struct rig_config c = { .threads = 2 };
	struct stream *s;

	(void)state;
	rig_init(&rig, &c);
	rig_live(&rig, &admin, 0, 0);
	rig_live(&rig, &io, 1, 1);
	assert_ptr_equal(io.w, &rig.w[1]);
	/* the admin queue goes; the message is on its way to thread 1 */
	s = tconn_stream(admin.tc);
	s->ops->end(s, OK);
	tconn_release(admin.tc);
	assert_int_equal(fake_world_posts(&rig.w[0]), 1);
	/* and thread 1 finds a closed socket first */
	s = tconn_stream(io.tc);
	s->ops->end(s, OK);
	tconn_release(io.tc);
	assert_int_equal(fake_world_posts(&rig.w[0]), 1);
	assert_int_equal(controllers(), 0);
	assert_int_equal(rig.target->counters.connections, 1);
	assert_int_equal(fake_world_posts(&rig.w[1]), 1);
	assert_int_equal(fake_world_posts(&rig.w[0]), 1);
	assert_int_equal(rig.target->counters.connections, 0);
	/* the rig's own part of what it would have closed */
	for (int i = 0; i < 2; i++) {
		struct rig_conn *k = i ? &io : &admin;

		k->tc = NULL;
		pdu_writer_free(&k->writer);
		rig_forget(k);
		free(k->stash);
	}
	rig_free(&rig);
}

/* --- many --- */

#define HOSTS 6

static void write_all(struct rig_conn q[2], int host)
{
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	for (int k = 0; k < 2; k++) {
		nvme_sqe_rw(&sqe, NVME_CMD_WRITE, 1, (uint64_t)(host * 2 + k), 1, 0);
		nvme_sqe_sgl_inline(&sqe, BLOCK);
		cqe = rig_do(&q[k], &sqe, pattern + host * 1024 + k * 512, BLOCK);
		assert_int_equal(rig_status(&cqe), 0);
		rig_forget(&q[k]);
	}
}

/* Associations side by side, each with queues on both threads: one that goes takes only its own. */
static void side_by_side(void **state)
{
	static struct rig_conn a[HOSTS], q[HOSTS][2];
	struct rig_config c = { .threads = 2, .buf_count = 32 };
	bool threads[2] = { false, false };

	(void)state;
	rig_init(&rig, &c);
	for (int i = 0; i < HOSTS; i++) {
		uint16_t id = rig_live(&rig, &a[i], 0, 0);

		assert_int_equal(id, i + 1);
		for (uint16_t k = 0; k < 2; k++) {
			rig_live(&rig, &q[i][k], (uint16_t)(k + 1), id);
			threads[q[i][k].w - rig.w] = true;
		}
	}
	assert_true(threads[0] && threads[1]);
	assert_int_equal(controllers(), HOSTS);
	for (int gone = 0; gone < HOSTS; gone++) {
		for (int i = gone; i < HOSTS; i++)
			write_all(q[i], i);
		/* even: the admin queue goes first; odd: an I/O queue, which ends nothing else */
		if (gone % 2) {
			rig_close(&q[gone][0]);
			rig_turn(&q[gone][1]);
			rig_turn(&a[gone]);
			assert_false(q[gone][1].ended || a[gone].ended);
		}
		rig_close(&a[gone]);
		for (int k = 0; k < 2; k++) {
			rig_turn(&q[gone][k]);
			assert_true(!q[gone][k].tc || q[gone][k].ended);
			rig_close(&q[gone][k]);
		}
		assert_int_equal(controllers(), HOSTS - gone - 1);
	}
	rig_live(&rig, &admin, 0, 0);
	rig_live(&rig, &io, 1, HOSTS + 1);
	assert_int_equal(read_back(0, HOSTS * 2, pattern), 0);
	rig_close(&io);
	rig_close(&admin);
	rig_free(&rig);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(admin_waits),
		T(reset_while_waiting),
		T(blocked_in_a_header),
		T(feature_selections),
		T(end_of_stream),
		cmocka_unit_test(release_before_stop),
		cmocka_unit_test(side_by_side),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
