/* SPDX-License-Identifier: BSD-3-Clause */
/* auth_host and auth_ctrl against each other: everything that both may do; time; what ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auth_rig.h"
#include "base/bytes.h"

static void both_done(const struct auth_rig *r)
{
	assert_int_equal(r->h.state, AUTH_HOST_DONE);
	assert_int_equal(r->c.state, AUTH_CTRL_DONE);
	assert_true(r->c.authenticated);
	assert_true(r->c.deadline_ns == WORLD_NEVER && r->h.deadline_ns == WORLD_NEVER);
	assert_false(r->c.psk_stored);
	/* nothing secret is left */
	assert_int_equal(r->c.x.ks.len + r->h.x.ks.len + r->c.psk.len + r->h.psk.len, 0);
	assert_int_equal(r->c.job.x.len + r->h.job.x.len + r->c.job.ks.len + r->h.job.ks.len, 0);
}

static void every_hash_and_group(void **state)
{
	struct auth_rig r;

	(void)state;
	for (uint8_t hash = 1; hash <= 3; hash++)
		for (uint8_t group = 0; group < AUTH_GROUPS; group++)
			for (int mutual = 0; mutual < 2; mutual++) {
				rig_init(&r);
				rig_restrict(&r.cc.policy, hash, group);
				if (!mutual)
					secret_wipe(&r.hc.k_c);
				rig_run(&r, AUTH_NO_CONCAT);
				both_done(&r);
				assert_int_equal(r.c.x.hash, hash);
				assert_int_equal(r.c.x.group, group);
				assert_int_equal(r.seen[rig_index(AUTH_SUCCESS2)].len,
						 mutual ? 16 : 0);
				assert_int_equal(r.jobs, group ? 3 : 0);
				assert_int_equal(r.stored, 0);
				rig_free(&r);
			}
}

static void every_concatenation(void **state)
{
	struct auth_rig r;

	(void)state;
	for (uint8_t hash = 1; hash <= 2; hash++)
		for (uint8_t group = 1; group < AUTH_GROUPS; group++)
			for (int mutual = 0; mutual < 2; mutual++) {
				rig_init(&r);
				rig_restrict(&r.cc.policy, hash, group);
				if (!mutual)
					secret_wipe(&r.hc.k_c);
				rig_run(&r, AUTH_NEW_TLS_PSK);
				both_done(&r);
				assert_int_equal(r.host_psk.len, hash_len((enum nvme_hash)hash));
				assert_true(secret_equal(&r.host_psk, &r.ctrl_psk));
				assert_int_equal(r.stored, 1);
				rig_free(&r);
			}
}

/* A hundred times over TLS: each time another PSK, the same on both ends. */
static void replaced_again_and_again(void **state)
{
	struct secret last = { .len = 0 };
	struct auth_rig r;

	(void)state;
	rig_init(&r);
	r.cc.tls = true;
	for (int i = 0; i < 100; i++) {
		rig_run(&r, AUTH_REPLACE_TLS_PSK);
		both_done(&r);
		assert_true(secret_equal(&r.host_psk, &r.ctrl_psk));
		assert_false(secret_equal(&r.host_psk, &last));
		secret_copy(&last, &r.host_psk);
		r.stored = 0;
	}
	rig_free(&r);
}

/* Transaction ids and sequence numbers go on counting; mutual and one-way may alternate. */
static void again(void **state)
{
	struct secret k_c;
	struct auth_rig r;

	(void)state;
	rig_init(&r);
	secret_copy(&k_c, &r.hc.k_c);
	for (int i = 0; i < 20; i++) {
		uint16_t t_id = r.h.x.t_id;
		uint32_t s1 = r.c.x.s1;

		rig_run(&r, AUTH_NO_CONCAT);
		both_done(&r);
		assert_int_equal(r.c.x.t_id, r.h.x.t_id);
		assert_int_equal(r.c.x.s1, r.h.x.s1);
		assert_int_equal(r.c.mutual, i % 2 == 0);
		if (i > 0) {
			assert_int_equal(r.h.x.t_id, (uint16_t)(t_id + 1));
			assert_int_equal(r.c.x.s1, s1 + 1);
		}
		secret_copy(&r.hc.k_c, &k_c);
		if (i % 2 == 0)
			secret_wipe(&r.hc.k_c);
	}
	rig_free(&r);
}

static void sequence_skips_zero(void **state)
{
	struct auth_rig r;

	(void)state;
	rig_init(&r);
	r.c.seq = r.h.seq = UINT32_MAX;
	rig_run(&r, AUTH_NO_CONCAT);
	both_done(&r);
	assert_int_equal(r.c.x.s1, 1);
	assert_int_equal(r.c.x.s2, 1);
	rig_free(&r);
}

/* ---- time, and connections that end ---- */

static void host_too_slow(void **state)
{
	struct auth_rig r;

	(void)state;
	rig_init(&r);
	r.now_ns = 120 * NS_PER_SEC - 1;	/* never began */
	assert_int_equal(auth_ctrl_expire(&r.c), AUTH_WANT_COMMAND);
	r.now_ns++;
	assert_int_equal(auth_ctrl_expire(&r.c), AUTH_WANT_CLOSE);
	assert_int_equal(r.c.cause, CAUSE_AUTH_TIMEOUT);
	rig_free(&r);
}

/* A queue that need not authenticate has no deadline; one that began has, and negotiating again
 * does not move it. */
static void one_deadline_for_all(void **state)
{
	struct auth_rig r;

	(void)state;
	rig_init(&r);
	auth_ctrl_init(&r.c, &r.world, &r.cc, false);
	assert_true(r.c.deadline_ns == WORLD_NEVER);
	rig_restrict(&r.cc.policy, NVME_HASH_SHA256, FFDH_NULL);
	auth_host_start(&r.h, AUTH_NO_CONCAT);
	assert_true(r.h.deadline_ns == 60 * NS_PER_SEC);
	assert_int_equal(auth_ctrl_send(&r.c, auth_host_message(&r.h)), AUTH_WANT_COMMAND);
	assert_true(r.c.deadline_ns == 120 * NS_PER_SEC);
	r.now_ns = 50 * NS_PER_SEC;
	auth_ctrl_send(&r.c, auth_host_message(&r.h));
	assert_int_equal(r.c.state, AUTH_CTRL_CHALLENGE);
	assert_true(r.c.deadline_ns == 120 * NS_PER_SEC);
	r.now_ns = 60 * NS_PER_SEC;
	assert_int_equal(auth_host_expire(&r.h), AUTH_WANT_CLOSE);
	assert_int_equal(r.h.cause, CAUSE_AUTH_TIMEOUT);
	rig_free(&r);
}

/* Negotiate again and again: a new challenge each time, but not for ever. */
static void restarts_are_counted(void **state)
{
	uint8_t c1[32];
	struct auth_rig r;

	(void)state;
	rig_init(&r);
	rig_restrict(&r.cc.policy, NVME_HASH_SHA256, FFDH_NULL);
	auth_host_start(&r.h, AUTH_NO_CONCAT);
	for (int i = 0; i < 8; i++) {
		memcpy(c1, r.c.x.c1, 32);
		auth_ctrl_send(&r.c, auth_host_message(&r.h));
		assert_int_equal(r.c.state, AUTH_CTRL_CHALLENGE);
		assert_memory_not_equal(c1, r.c.x.c1, 32);
	}
	auth_ctrl_send(&r.c, auth_host_message(&r.h));
	assert_int_equal(r.c.state, AUTH_CTRL_FAILURE1);
	rig_free(&r);
}

/* Time is up while the worker pool computes: its result is not looked at. */
static void expired_while_computing(void **state)
{
	struct auth_rig r;

	(void)state;
	rig_init(&r);
	auth_host_start(&r.h, AUTH_NO_CONCAT);
	assert_int_equal(auth_ctrl_send(&r.c, auth_host_message(&r.h)), AUTH_WANT_COMPUTE);
	r.now_ns = 121 * NS_PER_SEC;
	assert_int_equal(auth_ctrl_expire(&r.c), AUTH_WANT_CLOSE);
	auth_job_run(&r.c.job);
	assert_int_equal(auth_ctrl_computed(&r.c), AUTH_WANT_CLOSE);
	rig_free(&r);
}

static void connection_ends(void **state)
{
	struct auth_rig r;

	(void)state;
	rig_init(&r);
	auth_host_start(&r.h, AUTH_NO_CONCAT);
	assert_int_equal(auth_host_sent(&r.h), AUTH_WANT_RECEIVE);
	assert_int_equal(auth_host_lost(&r.h, CAUSE_PEER_CLOSED), AUTH_WANT_CLOSE);
	assert_int_equal(r.h.cause, CAUSE_PEER_CLOSED);
	assert_int_equal(auth_host_lost(&r.h, CAUSE_PEER_RESET), AUTH_WANT_CLOSE);
	assert_int_equal(r.h.cause, CAUSE_PEER_CLOSED);
	rig_free(&r);
}

/* Failure1 in the data is enough; no completion has to come (Linux sends none). */
static void failure_in_the_data(void **state)
{
	static const uint8_t failure1[8] = { 0, 0xf1, 0, 0, 0, 0, 1, 5 };
	struct auth_rig r;

	(void)state;
	rig_init(&r);
	auth_host_start(&r.h, AUTH_NO_CONCAT);
	auth_host_sent(&r.h);
	assert_int_equal(auth_host_data(&r.h, span_of("\1\1", 2)), AUTH_WANT_RECEIVE);
	assert_int_equal(auth_host_data(&r.h, span_of(failure1, 8)), AUTH_WANT_CLOSE);
	assert_int_equal(r.h.failure, AUTH_NO_GROUP);
	assert_true(r.h.by_peer);
	assert_int_equal(auth_host_received(&r.h, span_of(failure1, 8)), AUTH_WANT_CLOSE);
	rig_free(&r);
}

/* ... whatever its code is. */
static void failure_without_a_code(void **state)
{
	static const uint8_t failure1[8] = { 0, 0xf1 };
	struct auth_rig r;

	(void)state;
	rig_init(&r);
	auth_host_start(&r.h, AUTH_NO_CONCAT);
	auth_host_sent(&r.h);
	assert_int_equal(auth_host_data(&r.h, span_of(failure1, 8)), AUTH_WANT_CLOSE);
	assert_int_equal(r.h.cause, CAUSE_AUTH_FAILED);
	rig_free(&r);
}

static void nothing_to_offer(void **state)
{
	struct auth_rig r;

	(void)state;
	rig_init(&r);
	rig_restrict(&r.hc.policy, NVME_HASH_SHA256, FFDH_NULL);
	assert_int_equal(auth_host_start(&r.h, AUTH_NEW_TLS_PSK), AUTH_WANT_CLOSE);
	assert_int_equal(r.h.cause, CAUSE_AUTH_NO_COMMON);
	rig_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_hash_and_group),
		cmocka_unit_test(every_concatenation),
		cmocka_unit_test(replaced_again_and_again),
		cmocka_unit_test(again),
		cmocka_unit_test(sequence_skips_zero),
		cmocka_unit_test(host_too_slow),
		cmocka_unit_test(one_deadline_for_all),
		cmocka_unit_test(restarts_are_counted),
		cmocka_unit_test(expired_while_computing),
		cmocka_unit_test(connection_ends),
		cmocka_unit_test(failure_in_the_data),
		cmocka_unit_test(failure_without_a_code),
		cmocka_unit_test(nothing_to_offer),
	};

	return cmocka_run_group_tests_name("auth_pair", tests, NULL, NULL);
}
