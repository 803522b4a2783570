/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * auth_ctrl: every message and command at every place of a transaction, and connections that go at
 * every step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auth_rig.h"
#include "base/bytes.h"
#include "nvme/status.h"

/* Messages where none is expected: the first of a connection, and after the last. */
static void out_of_order(void **state)
{
	static const uint16_t not_first[] = { AUTH_CHALLENGE, AUTH_REPLY,    AUTH_SUCCESS1,
					      AUTH_SUCCESS2,  AUTH_FAILURE1, AUTH_FAILURE2 };
	struct auth_rig r;
	struct span msg;

	(void)state;
	for (int late = 0; late < 2; late++)
		for (size_t i = 0; i < ARRAY_SIZE(not_first); i++) {
			uint8_t m[72] = { (uint8_t)(not_first[i] >> 8), (uint8_t)not_first[i] };

			rig_init(&r);
			if (late)
				rig_run(&r, AUTH_NO_CONCAT);
			assert_int_equal(r.c.authenticated, late);
			auth_ctrl_send(&r.c, span_of(m, sizeof(m)));
			assert_int_equal(r.c.state, AUTH_CTRL_FAILURE1);
			assert_int_equal(r.c.failure, AUTH_BAD_MESSAGE);
			assert_int_equal(auth_ctrl_receive(&r.c, 8, &msg), 0);
			assert_int_equal(auth_ctrl_want(&r.c), AUTH_WANT_CLOSE);
			rig_free(&r);
		}
}

/* How far a mutual transaction has come after so many steps of the host. */
static const struct {
	int steps;
	enum auth_ctrl_state state;
	bool under_way;
} places[] = {
	{ 0, AUTH_CTRL_IDLE, false },	 { 1, AUTH_CTRL_CHALLENGE, true },
	{ 2, AUTH_CTRL_REPLY, true },	 { 4, AUTH_CTRL_SUCCESS1, true },
	{ 5, AUTH_CTRL_SUCCESS2, true }, { 6, AUTH_CTRL_DONE, false },
};

static void place(struct auth_rig *r, size_t i)
{
	rig_init(r);
	assert_true(rig_run_some(r, AUTH_NO_CONCAT, places[i].steps));
	assert_int_equal(r->c.state, places[i].state);
}

/* Every message at every place: one row of the machine's table each, checked from outside. */
static void every_message_everywhere(void **state)
{
	static const uint16_t ids[] = { AUTH_NEGOTIATE, AUTH_CHALLENGE, AUTH_REPLY,
					AUTH_SUCCESS1,	AUTH_SUCCESS2,	AUTH_FAILURE1,
					AUTH_FAILURE2,	0x0105,		0xffff };
	struct auth_rig r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		for (size_t k = 0; k < ARRAY_SIZE(ids); k++) {
			enum auth_ctrl_state want = AUTH_CTRL_FAILURE1;
			uint8_t m[16] = { (uint8_t)(ids[k] >> 8), (uint8_t)ids[k] };
			uint8_t failure = AUTH_BAD_MESSAGE;

			place(&r, i);
			store_le16(m + 4, r.c.x.t_id);
			if (ids[k] == AUTH_NEGOTIATE ||
			    (ids[k] == AUTH_REPLY && r.c.state == AUTH_CTRL_REPLY))
				failure = AUTH_BAD_PAYLOAD;	/* welcome, but malformed */
			if (ids[k] == AUTH_FAILURE2 && places[i].under_way) {
				want = AUTH_CTRL_FAILED;
				failure = 0;	/* as the message says */
			} else if (ids[k] == AUTH_SUCCESS2 && r.c.state == AUTH_CTRL_SUCCESS2) {
				want = AUTH_CTRL_DONE;
				failure = 0;
			}
			auth_ctrl_send(&r.c, span_of(m, sizeof(m)));
			if (r.c.state != want || r.c.failure != failure)
				fail_msg("%04x in %s: %s, %s", ids[k],
					 auth_ctrl_state_name(places[i].state),
					 auth_ctrl_state_name(r.c.state),
					 auth_failure_text(r.c.failure));
			assert_int_equal(r.c.authenticated, want == AUTH_CTRL_DONE);
			rig_free(&r);
		}
}

/* A Negotiate that is right begins anew, at every place. */
static void anew_everywhere(void **state)
{
	uint8_t negotiate[AUTH_MESSAGE_MAX];
	struct auth_rig r;
	struct span msg;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct auth_negotiate n = { .t_id = 0x4711, .hash_count = 1, .group_count = 1 };

		place(&r, i);
		n.hashes[0] = NVME_HASH_SHA256;
		n.groups[0] = FFDHE_2048;
		msg = span_of(negotiate, auth_write_negotiate(negotiate, &n));
		assert_int_equal(auth_ctrl_send(&r.c, msg), AUTH_WANT_COMPUTE);
		assert_int_equal(r.c.x.t_id, 0x4711);
		assert_int_equal(r.c.authenticated, places[i].state == AUTH_CTRL_DONE);
		rig_free(&r);
	}
}

/* A PSK that is stored is not left behind by beginning anew: that host has to go. */
static void not_anew_behind_a_psk(void **state)
{
	struct auth_rig r;

	(void)state;
	rig_init(&r);
	assert_true(rig_run_some(&r, AUTH_NEW_TLS_PSK, 4));
	assert_int_equal(r.c.state, AUTH_CTRL_SUCCESS1);
	assert_true(r.c.psk_stored);
	auth_ctrl_send(&r.c, span_of(r.seen[rig_index(AUTH_NEGOTIATE)].buf, 72));
	assert_int_equal(r.c.failure, AUTH_BAD_MESSAGE);
	assert_true(r.c.psk_stored);
	rig_free(&r);
}

/* The connection goes at every step, at either end. */
static void lost_everywhere(void **state)
{
	struct auth_rig r;

	(void)state;
	for (int steps = 0; steps <= 7; steps++) {
		rig_init(&r);
		assert_true(rig_run_some(&r, AUTH_NEW_TLS_PSK, steps));
		auth_host_lost(&r.h, CAUSE_PEER_RESET);
		assert_int_equal(r.h.state, AUTH_HOST_FAILED);
		assert_int_equal(r.h.cause, CAUSE_PEER_RESET);
		assert_int_equal(r.h.x.ks.len + r.h.psk.len, 0);
		r.now_ns = 121 * NS_PER_SEC;
		auth_ctrl_expire(&r.c);
		assert_int_equal(r.c.state, steps < 6 ? AUTH_CTRL_FAILED : AUTH_CTRL_DONE);
		assert_int_equal(r.c.x.ks.len + r.c.psk.len, 0);
		rig_free(&r);
		assert_int_equal(r.c.job.x.len + r.h.job.x.len, 0);
	}
}

/* Authentication Receive with nothing to fetch, too small, and after the end. */
static void receive_out_of_order(void **state)
{
	struct auth_rig r;
	struct span msg;

	(void)state;
	rig_init(&r);
	rig_restrict(&r.cc.policy, NVME_HASH_SHA256, FFDH_NULL);
	auth_host_start(&r.h, AUTH_NO_CONCAT);
	auth_ctrl_send(&r.c, auth_host_message(&r.h));
	assert_int_equal(auth_ctrl_receive(&r.c, 0, &msg), NVME_SC_INVALID_FIELD | NVME_STATUS_DNR);
	assert_int_equal(auth_ctrl_receive(&r.c, 47, &msg),
			 NVME_SC_INVALID_FIELD | NVME_STATUS_DNR);
	assert_int_equal(msg.len, 0);
	assert_int_equal(auth_ctrl_receive(&r.c, 48, &msg), 0);
	assert_int_equal(msg.len, 48);
	/* the challenge was fetched; once more is an error, and the end */
	assert_int_equal(auth_ctrl_receive(&r.c, 4096, &msg), 0);
	assert_int_equal(msg.len, 8);
	assert_memory_equal(msg.ptr, "\0\xf1", 2);
	assert_int_equal(msg.ptr[7], AUTH_BAD_MESSAGE);
	assert_int_equal(auth_ctrl_want(&r.c), AUTH_WANT_CLOSE);
	assert_int_equal(auth_ctrl_receive(&r.c, 4096, &msg),
			 NVME_SC_CMD_SEQ_ERROR | NVME_STATUS_DNR);
	assert_int_equal(auth_ctrl_send(&r.c, auth_host_message(&r.h)), AUTH_WANT_CLOSE);
	rig_free(&r);
}

/* After a failure no second try on the same connection. */
static void one_chance(void **state)
{
	struct auth_rig r;

	(void)state;
	rig_init(&r);
	auth_host_start(&r.h, AUTH_NO_CONCAT);
	auth_ctrl_send(&r.c, span_of("x", 1));
	assert_int_equal(r.c.state, AUTH_CTRL_FAILURE1);
	auth_ctrl_send(&r.c, auth_host_message(&r.h));
	assert_int_equal(r.c.state, AUTH_CTRL_FAILURE1);
	r.now_ns = 121 * NS_PER_SEC;	/* and Failure1 is not kept for ever */
	assert_int_equal(auth_ctrl_expire(&r.c), AUTH_WANT_CLOSE);
	assert_int_equal(r.c.failure, AUTH_BAD_PAYLOAD);
	rig_free(&r);
}

static const struct {
	const char *what;
	uint8_t secp, spsp0, spsp1;
	uint32_t len, sgl_len;
	uint16_t status;
} commands[] = {
	{ "as Linux", 0xe9, 1, 1, 4096, 4096, 0 },
	{ "the shortest", 0xe9, 1, 1, 1, 1, 0 },
	{ "nothing", 0xe9, 1, 1, 0, 0, NVME_SC_INVALID_FIELD | NVME_STATUS_DNR },
	{ "4097", 0xe9, 1, 1, 4097, 4097, NVME_SC_INVALID_FIELD | NVME_STATUS_DNR },
	{ "4 GiB", 0xe9, 1, 1, UINT32_MAX, UINT32_MAX, NVME_SC_INVALID_FIELD | NVME_STATUS_DNR },
	{ "SGL shorter", 0xe9, 1, 1, 72, 71, NVME_SC_SGL_INVALID_DATA | NVME_STATUS_DNR },
	{ "SGL longer", 0xe9, 1, 1, 72, 73, NVME_SC_SGL_INVALID_DATA | NVME_STATUS_DNR },
	{ "another SECP", 0xea, 1, 1, 72, 72, NVME_SC_INVALID_FIELD | NVME_STATUS_DNR },
	{ "another SPSP0", 0xe9, 0, 1, 72, 72, NVME_SC_INVALID_FIELD | NVME_STATUS_DNR },
	{ "another SPSP1", 0xe9, 1, 2, 72, 72, NVME_SC_INVALID_FIELD | NVME_STATUS_DNR },
};

static void command_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		struct nvme_auth_sqe sqe = { .secp = commands[i].secp,
					     .spsp0 = commands[i].spsp0,
					     .spsp1 = commands[i].spsp1 };

		store_le32(sqe.len, commands[i].len);
		store_le32(sqe.sgl.length, commands[i].sgl_len);
		if (auth_check_command(&sqe) != commands[i].status)
			fail_msg("%s", commands[i].what);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(out_of_order),
		cmocka_unit_test(every_message_everywhere),
		cmocka_unit_test(anew_everywhere),
		cmocka_unit_test(not_anew_behind_a_psk),
		cmocka_unit_test(lost_everywhere),
		cmocka_unit_test(receive_out_of_order),
		cmocka_unit_test(one_chance),
		cmocka_unit_test(command_table),
	};

	return cmocka_run_group_tests_name("auth_order", tests, NULL, NULL);
}
