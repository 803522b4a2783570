/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * auth_host and auth_ctrl against what Linux sent. Exchanges whose session key is known
 * (tests/vectors/nvme-cli.json): given Linux's random numbers, each machine writes Linux's
 * messages byte for byte. Captures without it (tests/vectors/dhchap-captures.txt): each is
 * followed as far as it can be without the key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "auth/dhchap_key.h"
#include "auth_rig.h"
#include "base/bytes.h"
#include "base/hex.h"

#define LINUX_HOST "nqn.2014-08.org.nvmexpress:uuid:00000000-1111-2222-3333-444444444444"

static struct json_object *vectors;

static int load(void **state)
{
	char path[4096];

	(void)state;
	snprintf(path, sizeof(path), "%s/nvme-cli.json", getenv("VECTORS"));
	vectors = json_object_from_file(path);
	return vectors ? 0 : -1;
}

static int unload(void **state)
{
	(void)state;
	json_object_put(vectors);
	return 0;
}

/* One exchange, as bytes. */
struct exchange {
	uint8_t hash, group, concat;
	bool mutual;
	struct secret k_h, k_c, ks, psk;
	size_t hl;
	uint8_t c1[64], c2[64];
	uint32_t s1, s2;
	size_t negotiate_len, challenge_len, reply_len, success1_len;
	uint8_t negotiate[AUTH_MESSAGE_MAX], challenge[AUTH_MESSAGE_MAX], reply[AUTH_MESSAGE_MAX],
		success1[AUTH_MESSAGE_MAX];
};

static const char *text(struct json_object *o, const char *name)
{
	struct json_object *v = NULL;

	json_object_object_get_ex(o, name, &v);
	return v ? json_object_get_string(v) : "";
}

/* Append the bytes of member @name. */
static size_t append(struct json_object *o, const char *name, uint8_t *buf, size_t at)
{
	const char *hex = text(o, name);
	int n = hex_decode(buf + at, AUTH_MESSAGE_MAX - at, hex, strlen(hex));

	assert_true(n >= 0);
	return at + (size_t)n;
}

static void key_of(struct json_object *o, const char *name, const char *nqn, struct secret *ret)
{
	struct dhchap_key key;

	assert_false(fault_is(dhchap_key_parse(text(o, name), &key)));
	assert_false(fault_is(dhchap_key_transform(&key, nqn, ret)));
}

static struct exchange load_exchange(size_t i)
{
	struct json_object *l = NULL, *o;
	struct exchange x = { .mutual = i > 0 };

	json_object_object_get_ex(vectors, "dhchap_exchange", &l);
	o = json_object_array_get_idx(l, i);
	x.negotiate_len = append(o, "negotiate", x.negotiate, 0);
	x.challenge_len = append(o, "challenge_header", x.challenge, 0);
	x.challenge_len = append(o, "c1", x.challenge, x.challenge_len);
	x.challenge_len = append(o, "ctrl_pub", x.challenge, x.challenge_len);
	x.reply_len = append(o, "reply_header", x.reply, 0);
	x.reply_len = append(o, "host_response", x.reply, x.reply_len);
	x.reply_len = append(o, "c2", x.reply, x.reply_len);
	x.reply_len = append(o, "host_pub", x.reply, x.reply_len);
	x.success1_len = append(o, "success1_header", x.success1, 0);
	x.success1_len = append(o, "ctrl_response", x.success1, x.success1_len);
	x.hl = append(o, "c1", x.c1, 0);
	append(o, "c2", x.c2, 0);
	x.ks.len = (uint8_t)append(o, "session_key_H_of_shared", x.ks.bytes, 0);
	x.psk.len = (uint8_t)append(o, "generated_psk", x.psk.bytes, 0);
	x.hash = x.challenge[8];
	x.group = x.challenge[9];
	x.concat = x.negotiate[6];
	x.s1 = load_le32(x.challenge + 12);
	x.s2 = load_le32(x.reply + 12);
	key_of(o, "host_key", LINUX_HOST, &x.k_h);
	key_of(o, "ctrl_key", "nqn.test", &x.k_c);
	return x;
}

static void rig_as_linux(struct auth_rig *r, const struct exchange *x)
{
	rig_init(r);
	r->hc.hostnqn = r->cc.hostnqn = LINUX_HOST;
	r->hc.subsysnqn = r->cc.subsysnqn = "nqn.test";
	assert_true(auth_policy_set_hashes(&r->hc.policy, "hmac(sha256),hmac(sha384),hmac(sha512)"));
	assert_true(auth_policy_set_groups(
		&r->hc.policy, "null,ffdhe2048,ffdhe3072,ffdhe4096,ffdhe6144,ffdhe8192"));
	rig_restrict(&r->cc.policy, x->hash, x->group);
	secret_copy(&r->hc.k_h, &x->k_h);
	secret_copy(&r->cc.k_h, &x->k_h);
	secret_copy(&r->cc.k_c, &x->k_c);
	secret_copy(&r->hc.k_c, &x->k_c);
	if (!x->mutual)
		secret_wipe(&r->hc.k_c);
	r->h.t_id = 0;
}

/* What the worker pool would have found, had it drawn what Linux drew. */
static void computed(struct auth_job *j, const struct exchange *x, const uint8_t *own)
{
	memcpy(j->own, own, ffdh_len(x->group));
	secret_copy(&j->ks, &x->ks);
	j->failure = AUTH_FINE;
}

static void same(struct span got, const uint8_t *want, size_t len)
{
	assert_int_equal(got.len, len);
	assert_memory_equal(got.ptr, want, len);
}

static void host_writes_what_linux_wrote(void **state)
{
	static const uint8_t x_any[32];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct exchange x = load_exchange(i);
		struct span script[] = { { x.c2, x.hl }, { (uint8_t *)&x.s2, 4 }, { x_any, 32 } };
		struct auth_rig r;
		enum auth_want want;

		rig_as_linux(&r, &x);
		if (!x.mutual)	/* no S2 */
			script[1] = script[2];
		r.script = script;
		r.script_count = (x.mutual ? 2u : 1u) + (x.group ? 1u : 0u);
		assert_int_equal(auth_host_start(&r.h, x.concat), AUTH_WANT_SEND);
		if (!x.concat)	/* where Linux offers SHA-512, too */
			same(auth_host_message(&r.h), x.negotiate, x.negotiate_len);
		auth_host_sent(&r.h);
		want = auth_host_received(&r.h, span_of(x.challenge, x.challenge_len));
		if (x.group) {
			assert_int_equal(want, AUTH_WANT_COMPUTE);
			same(span_of(r.h.job.peer, ffdh_len(x.group)), x.challenge + 16 + x.hl,
			     ffdh_len(x.group));
			computed(&r.h.job, &x, x.reply + 16 + 2 * x.hl);
			want = auth_host_computed(&r.h);
		}
		assert_int_equal(want, AUTH_WANT_SEND);
		same(auth_host_message(&r.h), x.reply, x.reply_len);
		auth_host_sent(&r.h);
		want = auth_host_received(&r.h, span_of(x.success1, x.success1_len));
		if (x.mutual) {
			same(auth_host_message(&r.h), (const uint8_t *)"\1\4\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
			want = auth_host_sent(&r.h);
		}
		if (x.concat) {
			assert_int_equal(want, AUTH_WANT_STORE_PSK);
			assert_true(secret_equal(&r.h.psk, &x.psk));
			want = auth_host_psk_stored(&r.h, true);
		}
		assert_int_equal(want, AUTH_WANT_NOTHING);
		assert_int_equal(r.h.state, AUTH_HOST_DONE);
		rig_free(&r);
	}
}

static void ctrl_writes_what_linux_wrote(void **state)
{
	static const uint8_t success2[16] = { 1, 4 }, x_any[32];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct exchange x = load_exchange(i);
		struct span script[] = { { (uint8_t *)&x.s1, 4 }, { x.c1, x.hl }, { x_any, 32 } },
			    msg;
		struct auth_rig r;
		enum auth_want want;

		rig_as_linux(&r, &x);
		r.script = script;
		r.script_count = x.group ? 3 : 2;
		want = auth_ctrl_send(&r.c, span_of(x.negotiate, x.negotiate_len));
		if (x.group) {
			assert_int_equal(want, AUTH_WANT_COMPUTE);
			computed(&r.c.job, &x, x.challenge + 16 + x.hl);
			want = auth_ctrl_computed(&r.c);
		}
		assert_int_equal(want, AUTH_WANT_COMMAND);
		assert_int_equal(auth_ctrl_receive(&r.c, 4096, &msg), 0);
		same(msg, x.challenge, x.challenge_len);
		want = auth_ctrl_send(&r.c, span_of(x.reply, x.reply_len));
		if (x.group) {
			assert_int_equal(want, AUTH_WANT_COMPUTE);
			same(span_of(r.c.job.peer, ffdh_len(x.group)), x.reply + 16 + 2 * x.hl,
			     ffdh_len(x.group));
			computed(&r.c.job, &x, x.challenge + 16 + x.hl);
			want = auth_ctrl_computed(&r.c);
		}
		if (x.concat) {
			assert_int_equal(want, AUTH_WANT_STORE_PSK);
			assert_true(secret_equal(&r.c.psk, &x.psk));
			want = auth_ctrl_psk_stored(&r.c, true);
		}
		assert_int_equal(auth_ctrl_receive(&r.c, 4096, &msg), 0);
		same(msg, x.success1, x.success1_len);
		assert_int_equal(r.c.authenticated, !x.mutual);
		if (x.mutual)
			auth_ctrl_send(&r.c, span_of(success2, sizeof(success2)));
		assert_true(r.c.authenticated);
		assert_int_equal(r.c.state, AUTH_CTRL_DONE);
		rig_free(&r);
	}
}

/* ---- captures ---- */

/* The bytes of one message of a capture; false where it has none. */
static bool captured(const char *capture, const char *message, uint8_t *buf, size_t *ret_len)
{
	char path[4096], line[2048], who[32], what[16], hex[1024];
	bool found = false;
	unsigned int total;
	FILE *f;

	snprintf(path, sizeof(path), "%s/dhchap-captures.txt", getenv("VECTORS"));
	f = fopen(path, "re");
	assert_non_null(f);
	while (!found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%31s %15s %u %1023s", who, what, &total, hex) != 4 ||
		    strcmp(who, capture) != 0 || strcmp(what, message) != 0)
			continue;
		memset(buf, 0, AUTH_TRANSFER_MAX);
		assert_true(hex_decode(buf, AUTH_TRANSFER_MAX, hex, strlen(hex)) > 0);
		*ret_len = total;
		found = true;
	}
	fclose(f);
	return found;
}

static const struct capture {
	const char *name;
	enum auth_concat concat;
	bool mutual;
	/* a host that draws other numbers, given what the controller sent: */
	enum auth_host_state host_end;
	enum auth_failure host_failure;
	bool by_peer;
} captures[] = {
	{ "bidi-6.12", AUTH_NO_CONCAT, true, AUTH_HOST_FAILURE2, AUTH_FAILED, false },
	{ "bidi-7.3", AUTH_NO_CONCAT, true, AUTH_HOST_FAILURE2, AUTH_FAILED, false },
	{ "concat-7.3", AUTH_NEW_TLS_PSK, false, AUTH_HOST_STORE_PSK, AUTH_FINE, false },
	{ "wrong-key-7.3", AUTH_NO_CONCAT, false, AUTH_HOST_FAILED, AUTH_FAILED, true },
};

static void captures_at_the_host(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(captures); i++) {
		const struct capture *t = &captures[i];
		struct exchange x = load_exchange(t->mutual ? 1 : 0);
		uint8_t buf[AUTH_TRANSFER_MAX];
		struct auth_rig r;
		size_t len;

		rig_as_linux(&r, &x);
		auth_host_start(&r.h, t->concat);
		auth_host_sent(&r.h);
		assert_true(captured(t->name, "challenge", buf, &len));
		assert_int_equal(len, AUTH_TRANSFER_MAX);
		assert_int_equal(auth_host_received(&r.h, span_of(buf, len)), AUTH_WANT_COMPUTE);
		auth_job_run(&r.h.job);
		assert_int_equal(auth_host_computed(&r.h), AUTH_WANT_SEND);
		auth_host_sent(&r.h);
		if (!captured(t->name, "success1", buf, &len))
			assert_true(captured(t->name, "failure1", buf, &len));
		auth_host_data(&r.h, span_of(buf, len));
		auth_host_received(&r.h, span_of(buf, len));
		assert_int_equal(r.h.state, t->host_end);
		assert_int_equal(r.h.failure, t->host_failure);
		assert_int_equal(r.h.by_peer, t->by_peer);
		rig_free(&r);
	}
}

/* A Reply of long ago proves nothing to a controller that draws other numbers. */
static void captures_at_the_controller(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(captures); i++) {
		const struct capture *t = &captures[i];
		struct exchange x = load_exchange(t->mutual ? 1 : 0);
		uint8_t buf[AUTH_TRANSFER_MAX];
		struct auth_rig r;
		struct span msg;
		size_t len;

		rig_as_linux(&r, &x);
		assert_true(captured(t->name, "challenge", buf, &len));
		rig_restrict(&r.cc.policy, buf[8], buf[9]);
		assert_true(captured(t->name, "negotiate", buf, &len));
		assert_int_equal(auth_ctrl_send(&r.c, span_of(buf, len)), AUTH_WANT_COMPUTE);
		auth_job_run(&r.c.job);
		auth_ctrl_computed(&r.c);
		assert_int_equal(auth_ctrl_receive(&r.c, AUTH_TRANSFER_MAX, &msg), 0);
		assert_true(captured(t->name, "reply", buf, &len));
		assert_int_equal(auth_ctrl_send(&r.c, span_of(buf, len)), AUTH_WANT_COMPUTE);
		auth_job_run(&r.c.job);
		auth_ctrl_computed(&r.c);
		assert_int_equal(auth_ctrl_receive(&r.c, AUTH_TRANSFER_MAX, &msg), 0);
		same(msg, (const uint8_t *)"\0\xf1\0\0\0\0\1\1", 8);
		assert_int_equal(auth_ctrl_want(&r.c), AUTH_WANT_CLOSE);
		rig_free(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_writes_what_linux_wrote),
		cmocka_unit_test(ctrl_writes_what_linux_wrote),
		cmocka_unit_test(captures_at_the_host),
		cmocka_unit_test(captures_at_the_controller),
	};

	return cmocka_run_group_tests_name("auth_golden", tests, load, unload);
}
