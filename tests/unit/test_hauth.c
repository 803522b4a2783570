/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/hauth: a queue authenticates with a controller machine (auth_ctrl) behind it; and every
 * way in which that fails has its reason.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auth/auth_ctrl.h"
#include "auth/dhchap_key.h"
#include "base/bytes.h"
#include "base/prng.h"
#include "fake_ctrl.h"
#include "host/hauth.h"
#include "nvme/status.h"

#define HOST   "nqn.h"
#define SUBSYS "nqn.s"

/* What the controller does besides what it should. */
enum trick {
	NO_TRICK,
	NO_COMPLETION,	 /* of a Failure1, as Linux */
	CLOSES,		 /* after Failure1, at once */
	SILENT,
	BAD_STATUS,
	SHORT_DATA,	 /* of an Authentication Receive */
	WRONG_PROOF,	 /* a bit of R2 is another one */
};

struct scene {
	struct world world;
	struct prng prng;
	struct world_job *job;	/* waits to be run */
	struct fake_ctrl f;
	struct auth_host_config hc;
	struct auth_ctrl_config cc;
	struct auth_ctrl c;
	struct secret psk;
	struct hauth h;
	enum trick trick;
	int sends, receives, jobs;
	struct fault verdict;	/* the queue's, about what the controller said */
};

/* ---- the world ---- */

static uint64_t now_ns(struct world *w)
{
	return container_of(w, struct scene, world)->f.now;
}

static void draw(struct world *w, void *buf, size_t len)
{
	prng_fill(&container_of(w, struct scene, world)->prng, buf, len);
}

static void take_job(struct world *w, struct world_job *j)
{
	container_of(w, struct scene, world)->job = j;
}

static const struct world_ops ops = {
	.name = "scene", .now_ns = now_ns, .random = draw, .job = take_job
};

static void run_job(struct scene *s)
{
	struct world_job *j = s->job;

	s->job = NULL;
	s->jobs++;
	j->work(j);
	j->done(&s->world, j);
}

/* ---- both ends ---- */

static void key_of(uint8_t fill, const char *nqn, struct secret *ret)
{
	struct dhchap_key key = { .hash = NVME_HASH_SHA384, .secret = { .len = 48 } };

	memset(key.secret.bytes, fill, 48);
	assert_false(fault_is(dhchap_key_transform(&key, nqn, ret)));
}

static void wake(void *ctx)
{
	(void)ctx;
}

static void scene_init(struct scene *s, bool mutual, uint8_t group)
{
	memset(s, 0, sizeof(*s));
	s->world.ops = &ops;
	prng_seed(&s->prng, 3);
	s->f.now = 1000;
	s->hc = (struct auth_host_config){ .hostnqn = HOST, .subsysnqn = SUBSYS,
					   .policy = auth_policy_strongest,
					   .timeout_ns = 5 * NS_PER_SEC };
	s->cc = (struct auth_ctrl_config){ .hostnqn = HOST, .subsysnqn = SUBSYS,
					   .concat = AUTH_CONCAT_ALLOWED, .admin_queue = true,
					   .timeout_ns = 120 * NS_PER_SEC };
	s->cc.policy = (struct auth_policy){ 1, 1, { NVME_HASH_SHA384 }, { group } };
	key_of(1, HOST, &s->hc.k_h);
	secret_copy(&s->cc.k_h, &s->hc.k_h);
	key_of(2, SUBSYS, &s->cc.k_c);
	if (mutual)
		secret_copy(&s->hc.k_c, &s->cc.k_c);
	fake_live(&s->f, NULL, 1);
	auth_ctrl_init(&s->c, &s->world, &s->cc, true);
	hauth_init(&s->h, &s->world,
		   &(struct hauth_config){ .host = &s->hc, .wake = wake, .ctx = s });
}

static void scene_free(struct scene *s)
{
	fake_free(&s->f);
	if (s->job)
		run_job(s);
	hauth_clear(&s->h);
	auth_ctrl_clear(&s->c);
}

static void run_ctrl(struct scene *s)
{
	while (auth_ctrl_want(&s->c) == AUTH_WANT_COMPUTE ||
	       auth_ctrl_want(&s->c) == AUTH_WANT_STORE_PSK) {
		if (auth_ctrl_want(&s->c) == AUTH_WANT_COMPUTE) {
			auth_job_run(&s->c.job);
			auth_ctrl_computed(&s->c);
		} else {
			secret_copy(&s->psk, &s->c.psk);
			auth_ctrl_psk_stored(&s->c, true);
		}
	}
}

static void answer_send(struct scene *s, int i, uint16_t cid)
{
	s->sends++;
	auth_ctrl_send(&s->c, span_of(s->f.pdu[i].data, s->f.pdu[i].len));
	run_ctrl(s);
	(void)fake_resp(&s->f, cid, s->trick == BAD_STATUS ? NVME_SC_INVALID_OPCODE : 0, 0);
}

static void answer_receive(struct scene *s, const struct nvme_auth_sqe *sqe, uint16_t cid)
{
	uint8_t data[AUTH_TRANSFER_MAX] = { 0 };
	struct span msg;
	bool failure;

	s->receives++;
	assert_int_equal(auth_ctrl_receive(&s->c, load_le32(sqe->len), &msg), 0);
	memcpy(data, msg.ptr, msg.len);
	failure = data[0] == 0 && data[1] == 0xf1;
	if (s->trick == WRONG_PROOF && data[0] == 1 && data[1] == 3)
		data[16] ^= 1;
	if (s->trick == SHORT_DATA) {
		(void)fake_data(&s->f, cid, 0, data, 64, NVME_TCP_F_DATA_LAST);
		s->verdict = fake_resp(&s->f, cid, 0, 0);
		return;
	}
	assert_false(fault_is(fake_data(&s->f, cid, 0, data, sizeof(data), NVME_TCP_F_DATA_LAST)));
	if (failure && s->trick == CLOSES)
		fake_end(&s->f, fault_os(EPIPE, CAUSE_PEER_CLOSED));
	else if (!failure || s->trick != NO_COMPLETION)
		assert_false(fault_is(fake_resp(&s->f, cid, 0, 0)));
}

static void answer(struct scene *s)
{
	for (int i = 0; s->trick != SILENT && i < s->f.count; i++) {
		const struct nvme_sqe *sqe = fake_command(&s->f, i);
		const struct nvme_auth_sqe *a = (const void *)sqe;

		assert_int_equal(auth_check_command(a), 0);
		if (sqe->fctype == NVME_FCTYPE_AUTH_SEND)
			answer_send(s, i, load_le16(sqe->cid));
		else
			answer_receive(s, a, load_le16(sqe->cid));
	}
	fake_forget(&s->f);
}

/* Until it is over, or nothing happens any more. */
static bool run(struct scene *s, enum auth_concat concat)
{
	uint64_t next;

	hauth_start(&s->h, concat);
	for (int i = 0; i < 40; i++) {
		if (hauth_turn(&s->h, s->f.q, s->f.now, &next))
			return true;
		if (s->job)
			run_job(s);
		fake_turn(&s->f);
		answer(s);
		if (hqueue_live(s->f.q) && !fault_is(s->verdict))
			fake_turn(&s->f);
	}
	return false;
}

/* ---- what goes well ---- */

static void authenticates(void **state)
{
	static const struct {
		bool mutual;
		uint8_t group;
		int sends, jobs;
	} cases[] = {
		{ false, FFDH_NULL, 2, 0 },
		{ true, FFDH_NULL, 3, 0 },
		{ false, FFDHE_2048, 2, 1 },
		{ true, FFDHE_2048, 3, 1 },
	};
	struct scene s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scene_init(&s, cases[i].mutual, cases[i].group);
		assert_true(run(&s, AUTH_NO_CONCAT));
		assert_int_equal(s.h.state, HAUTH_DONE);
		assert_true(s.c.authenticated);
		assert_int_equal(s.h.hash, NVME_HASH_SHA384);
		assert_int_equal(s.h.group, cases[i].group);
		assert_int_equal(s.sends, cases[i].sends);
		assert_int_equal(s.jobs, cases[i].jobs);
		/* and once more, on the same queue */
		assert_true(run(&s, AUTH_NO_CONCAT));
		assert_int_equal(s.h.state, HAUTH_DONE);
		scene_free(&s);
	}
}

static void both_have_the_same_psk(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, true, FFDHE_2048);
	assert_true(run(&s, AUTH_NEW_TLS_PSK));
	assert_int_equal(s.h.state, HAUTH_DONE);
	assert_int_equal(s.h.psk.len, 48);
	assert_true(secret_equal(&s.h.psk, &s.psk));
	scene_free(&s);
}

/* ---- what does not ---- */

static void failed(struct scene *s, enum cause cause, const char *words)
{
	assert_int_equal(s->h.state, HAUTH_FAILED);
	assert_string_equal(cause_name((enum cause)s->h.why.cause), cause_name(cause));
	if (!strstr(s->h.detail, words))
		fail_msg("\"%s\" is not in \"%s\"", words, s->h.detail);
	assert_int_equal(s->h.psk.len, 0);
}

static void wrong_key(void **state)
{
	static const enum trick tricks[] = { NO_TRICK, NO_COMPLETION, CLOSES };
	struct scene s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tricks); i++) {
		scene_init(&s, false, FFDH_NULL);
		s.trick = tricks[i];
		key_of(9, HOST, &s.hc.k_h);
		assert_true(run(&s, AUTH_NO_CONCAT));
		failed(&s, CAUSE_AUTH_FAILED, "the controller says: ");
		assert_int_equal(s.h.why.code, EACCES);
		scene_free(&s);
	}
}

/* Its end is seen before anybody looked at its last words. */
static void the_last_words_count(void **state)
{
	struct scene s;
	uint64_t next;

	(void)state;
	scene_init(&s, false, FFDH_NULL);
	s.trick = CLOSES;
	key_of(9, HOST, &s.hc.k_h);
	hauth_start(&s.h, AUTH_NO_CONCAT);
	while (hqueue_live(s.f.q)) {
		assert_false(hauth_turn(&s.h, s.f.q, s.f.now, &next));
		fake_turn(&s.f);
		answer(&s);
		if (hqueue_live(s.f.q))
			fake_turn(&s.f);
	}
	hauth_lost(&s.h, fault_os(EPIPE, CAUSE_PEER_CLOSED));
	failed(&s, CAUSE_AUTH_FAILED, "the controller says: ");
	scene_free(&s);
}

static void no_common_hash_or_group(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, false, FFDH_NULL);
	assert_true(auth_policy_set_hashes(&s.hc.policy, "hmac(sha256)"));
	assert_true(run(&s, AUTH_NO_CONCAT));
	failed(&s, CAUSE_AUTH_NO_COMMON, "hash");
	scene_free(&s);
	scene_init(&s, false, FFDH_NULL);
	assert_true(auth_policy_set_groups(&s.hc.policy, "ffdhe2048"));
	assert_true(run(&s, AUTH_NO_CONCAT));
	failed(&s, CAUSE_AUTH_NO_COMMON, "DH group");
	scene_free(&s);
}

static void the_controller_must_prove_itself(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, true, FFDH_NULL);
	s.trick = WRONG_PROOF;
	assert_true(run(&s, AUTH_NO_CONCAT));
	failed(&s, CAUSE_AUTH_CTRL, "this host finds: ");
	assert_int_equal(s.sends, 3);	/* Failure2 was said */
	assert_false(s.c.authenticated);
	scene_free(&s);
	scene_init(&s, true, FFDH_NULL);	/* it has another key */
	key_of(9, SUBSYS, &s.cc.k_c);
	assert_true(run(&s, AUTH_NO_CONCAT));
	failed(&s, CAUSE_AUTH_CTRL, "");
	scene_free(&s);
	scene_init(&s, true, FFDH_NULL);	/* it has none */
	secret_wipe(&s.cc.k_c);
	assert_true(run(&s, AUTH_NO_CONCAT));
	assert_int_equal(s.h.state, HAUTH_FAILED);
	scene_free(&s);
}

static void a_command_is_refused(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, false, FFDH_NULL);
	s.trick = BAD_STATUS;
	assert_true(run(&s, AUTH_NO_CONCAT));
	failed(&s, CAUSE_AUTH_REFUSED, "Authentication Send: status 001h");
	assert_int_equal(s.h.why.kind, FAULT_NVME);
	scene_free(&s);
}

/* Success with a part of the data breaks the protocol: the connection ends. */
static void a_part_of_the_data(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, false, FFDH_NULL);
	s.trick = SHORT_DATA;
	assert_false(run(&s, AUTH_NO_CONCAT));
	assert_true(fault_is(s.verdict));
	fake_end(&s.f, s.verdict);
	hauth_lost(&s.h, s.verdict);
	failed(&s, CAUSE_PROTOCOL, "challenge");
	scene_free(&s);
}

static void nobody_answers(void **state)
{
	struct scene s;
	uint64_t next;

	(void)state;
	scene_init(&s, false, FFDH_NULL);
	s.trick = SILENT;
	assert_false(run(&s, AUTH_NO_CONCAT));
	assert_false(hauth_turn(&s.h, s.f.q, s.f.now, &next));
	assert_int_equal(next, 1000 + 5 * NS_PER_SEC);
	s.f.now = next;
	assert_true(hauth_turn(&s.h, s.f.q, s.f.now, &next));
	failed(&s, CAUSE_AUTH_TIMEOUT, "");
	assert_int_equal(s.h.why.code, ETIMEDOUT);
	assert_false(hauth_idle(&s.h));	/* its command is in the queue */
	scene_free(&s);
}

/* The connection ends while the worker computes: its result is nobody's. */
static void lost_under_a_job(void **state)
{
	struct scene s;
	uint64_t next;

	(void)state;
	scene_init(&s, false, FFDHE_2048);
	hauth_start(&s.h, AUTH_NO_CONCAT);
	while (!s.job) {
		assert_false(hauth_turn(&s.h, s.f.q, s.f.now, &next));
		fake_turn(&s.f);
		answer(&s);
		fake_turn(&s.f);
	}
	fake_end(&s.f, fault_os(EPIPE, CAUSE_PEER_CLOSED));
	hauth_lost(&s.h, fault_os(EPIPE, CAUSE_PEER_CLOSED));
	failed(&s, CAUSE_PEER_CLOSED, "compute");
	assert_false(hauth_idle(&s.h));
	run_job(&s);
	assert_true(hauth_idle(&s.h));
	scene_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(authenticates),
		cmocka_unit_test(both_have_the_same_psk),
		cmocka_unit_test(wrong_key),
		cmocka_unit_test(the_last_words_count),
		cmocka_unit_test(no_common_hash_or_group),
		cmocka_unit_test(the_controller_must_prove_itself),
		cmocka_unit_test(a_command_is_refused),
		cmocka_unit_test(a_part_of_the_data),
		cmocka_unit_test(nobody_answers),
		cmocka_unit_test(lost_under_a_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
