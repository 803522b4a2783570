/* SPDX-License-Identifier: BSD-3-Clause */
/* auth_policy: the lists that are offered, what is chosen from them; auth_job: two ends agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auth/auth_job.h"
#include "auth/auth_policy.h"
#include "base/bytes.h"

/* Linux's offer, as captured: every hash and group, the weakest first. */
static const struct auth_negotiate linux_offer = {
	.hash_count = 3,
	.group_count = 6,
	.hashes = { 1, 2, 3 },
	.groups = { 0, 1, 2, 3, 4, 5 },
};

static const struct choice {
	const char *what, *hashes, *groups;	/* the controller's policy */
	uint8_t concat;
	const char *offered_hashes, *offered_groups;	/* identifiers; NULL: Linux's */
	enum auth_failure failure;
	uint8_t hash, group;
} choices[] = {
	{ "the strongest", NULL, NULL, 0, NULL, NULL, AUTH_FINE, 3, 5 },
	{ "the strongest for TLS", NULL, NULL, 2, NULL, NULL, AUTH_FINE, 2, 5 },
	{ "our order, not the host's", "hmac(sha256),hmac(sha512)", "ffdhe3072,ffdhe8192", 0, NULL,
	  NULL, AUTH_FINE, 1, 2 },
	{ "the second of ours", NULL, NULL, 0, "\2\1", "\1\2", AUTH_FINE, 2, 2 },
	{ "unknown identifiers", NULL, NULL, 0, "\x09\1\xff", "\x10\x20\1", AUTH_FINE, 1, 1 },
	{ "only unknown hashes", NULL, NULL, 0, "\x04\xff", "\1", AUTH_NO_HASH, 0, 0 },
	{ "only unknown groups", NULL, NULL, 0, "\1", "\x06\xff", AUTH_NO_GROUP, 0, 0 },
	{ "no hash in common", "hmac(sha512)", NULL, 0, "\1\2", "\1", AUTH_NO_HASH, 0, 0 },
	{ "no group in common", NULL, "ffdhe8192", 0, "\1\2", "\1\2", AUTH_NO_GROUP, 0, 0 },
	{ "NULL is not forced", NULL, "ffdhe2048,ffdhe3072", 0, "\1", "\x06\x07", AUTH_NO_GROUP, 0, 0 },
	{ "SHA-512 and TLS", "hmac(sha512)", NULL, 2, NULL, NULL, AUTH_NO_HASH, 0, 0 },
	{ "NULL and TLS", NULL, "null", 3, NULL, NULL, AUTH_NO_GROUP, 0, 0 },
};

static void choose_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
		const struct choice *t = &choices[i];
		struct auth_policy p = auth_policy_strongest;
		struct auth_negotiate n = linux_offer;
		uint8_t hash = 0, group = 0;

		assert_true(!t->hashes || auth_policy_set_hashes(&p, t->hashes));
		assert_true(!t->groups || auth_policy_set_groups(&p, t->groups));
		n.concat = t->concat;
		if (t->offered_hashes) {
			n.hash_count = (uint8_t)strlen(t->offered_hashes);
			n.group_count = (uint8_t)strlen(t->offered_groups);
			memcpy(n.hashes, t->offered_hashes, n.hash_count);
			memcpy(n.groups, t->offered_groups, n.group_count);
		}
		if (auth_policy_choose(&p, &n, &hash, &group) != t->failure)
			fail_msg("%s", t->what);
		if (t->failure == AUTH_FINE && (hash != t->hash || group != t->group))
			fail_msg("%s: %d %d", t->what, hash, group);
	}
}

static void offers(void **state)
{
	struct auth_policy p = auth_policy_strongest;
	struct auth_negotiate n = { .concat = AUTH_NO_CONCAT };

	(void)state;
	assert_true(auth_policy_offer(&p, &n));
	assert_int_equal(n.hash_count, 3);
	assert_memory_equal(n.hashes, "\3\2\1", 3);
	assert_int_equal(n.group_count, 6);
	assert_memory_equal(n.groups, "\5\4\3\2\1\0", 6);
	n.concat = AUTH_NEW_TLS_PSK;
	assert_true(auth_policy_offer(&p, &n));
	assert_int_equal(n.hash_count, 2);
	assert_memory_equal(n.hashes, "\2\1", 2);
	assert_int_equal(n.group_count, 5);
	assert_true(auth_policy_set_hashes(&p, "hmac(sha512)"));
	assert_false(auth_policy_offer(&p, &n));
}

static void lists_of_names(void **state)
{
	static const char *const bad[] = { "", ",", "null,", ",null", "null,null", "NULL", "null ",
					   "ffdhe2048;null", "ffdhe1024" };
	struct auth_policy p = auth_policy_strongest;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(auth_policy_set_groups(&p, bad[i]));
		assert_false(auth_policy_set_hashes(&p, bad[i]));
	}
	assert_memory_equal(&p, &auth_policy_strongest, sizeof(p));
	assert_true(auth_policy_set_groups(&p, "null,ffdhe6144"));
	assert_int_equal(p.group_count, 2);
	assert_memory_equal(p.groups, "\0\4", 2);
	assert_string_equal(auth_hash_name(2), "hmac(sha384)");
	assert_null(auth_hash_name(0));
	assert_null(auth_hash_name(4));
	assert_string_equal(auth_group_name(0), "null");
	assert_null(auth_group_name(6));
}

static struct auth_job job_of(uint8_t fill)
{
	struct auth_job j = { .hash = 1, .group = FFDHE_2048, .want_own = true };

	j.x.len = 32;
	memset(j.x.bytes, fill, 32);
	auth_job_run(&j);
	assert_int_equal(j.failure, AUTH_FINE);
	return j;
}

static void take_key(struct auth_job *j, const uint8_t *peer)
{
	j->want_own = false;
	j->want_key = true;
	memcpy(j->peer, peer, 256);
	auth_job_run(j);
}

static void jobs(void **state)
{
	struct auth_job a = job_of(0x81), b = job_of(0x42);
	uint8_t one[256] = { 0 };

	(void)state;
	take_key(&a, b.own);
	take_key(&b, a.own);
	assert_int_equal(a.failure, AUTH_FINE);
	assert_int_equal(a.ks.len, 32);
	assert_true(secret_equal(&a.ks, &b.ks));
	take_key(&a, a.own);
	assert_int_equal(a.failure, AUTH_BAD_PAYLOAD);
	one[255] = 1;
	take_key(&a, one);
	assert_int_equal(a.failure, AUTH_BAD_PAYLOAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(choose_table),
		cmocka_unit_test(offers),
		cmocka_unit_test(lists_of_names),
		cmocka_unit_test(jobs),
	};

	return cmocka_run_group_tests_name("auth_policy", tests, NULL, NULL);
}
