/* SPDX-License-Identifier: BSD-3-Clause */
/* dhchap_store: what is written is found, the pair before the host alone; bad files are left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "keys/dhchap_store.h"

#define HOST "nqn.h"
/* tests/vectors/nvme-cli.json */
#define SECRET_1 "DHHC-1:00:AAgSHiw8TmJ4kKrG5AQmSnCYwu4cTH6y6CBaltQUVppyCmJC:"

static char top[64], dir[96];
static struct keystore ks;

static int make_top(void **state)
{
	(void)state;
	log_set_level(LOG_ERROR);
	snprintf(top, sizeof(top), "/tmp/nvmetls-dhchap.XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(dir, sizeof(dir), "%s/keys", top);
	keystore_init(&ks, dir);
	return 0;
}

static int remove_top(void **state)
{
	char cmd[96];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", top);
	return system(cmd);
}

static struct dhchap_entry entry(const char *subsys, uint8_t fill, uint8_t ctrl)
{
	struct dhchap_entry e = { .hostnqn = HOST, .host = { .hash = NVME_HASH_SHA384 } };

	snprintf(e.subsysnqn, sizeof(e.subsysnqn), "%s", subsys);
	e.host.secret.len = 48;
	memset(e.host.secret.bytes, fill, 48);
	if (ctrl) {
		e.ctrl.secret.len = 64;
		memset(e.ctrl.secret.bytes, ctrl, 64);
	}
	return e;
}

static void insert(const char *subsys, uint8_t fill, uint8_t ctrl)
{
	struct dhchap_entry e = entry(subsys, fill, ctrl);

	assert_false(fault_is(keystore_dhchap_insert(&ks, &e)));
}

static void found(const char *subsys, uint8_t fill, uint8_t ctrl)
{
	struct dhchap_entry want = entry(subsys, fill, ctrl), got;

	assert_false(fault_is(keystore_dhchap_get(&ks, HOST, subsys, &got)));
	assert_int_equal(got.host.hash, NVME_HASH_SHA384);
	assert_true(secret_equal(&got.host.secret, &want.host.secret));
	assert_true(secret_equal(&got.ctrl.secret, &want.ctrl.secret));
	assert_true(got.created_s > 0);
}

static void the_pair_comes_before_the_host(void **state)
{
	struct dhchap_entry got, *list;
	struct fault why;
	size_t count;

	(void)state;
	why = keystore_dhchap_get(&ks, HOST, "nqn.a", &got);
	assert_int_equal(why.cause, CAUSE_AUTH_KEY_MISSING);
	assert_non_null(strstr(ks.error, "nqn.a"));
	assert_non_null(strstr(ks.error, "does not exist"));
	insert("nqn.a", 1, 0);
	found("nqn.a", 1, 0);
	why = keystore_dhchap_get(&ks, HOST, "nqn.b", &got);
	assert_int_equal(why.cause, CAUSE_AUTH_KEY_MISSING);
	insert("", 2, 3);
	found("nqn.a", 1, 0);
	found("nqn.b", 2, 3);
	assert_true(fault_is(keystore_dhchap_get(&ks, "nqn.other", "nqn.a", &got)));
	insert("nqn.a", 4, 5);	/* another secret takes the place of the first */
	found("nqn.a", 4, 5);
	assert_false(fault_is(keystore_dhchap_list(&ks, &list, &count)));
	assert_int_equal(count, 2);
	for (size_t i = 0; i < count; i++)
		assert_false(fault_is(keystore_dhchap_remove(&ks, list[i].id)));
	keystore_dhchap_free_list(list, count);
	assert_true(fault_is(keystore_dhchap_get(&ks, HOST, "nqn.a", &got)));
	assert_int_equal(keystore_dhchap_remove(&ks, 1).code, ENOENT);
}

static void a_change_is_seen(void **state)
{
	uint64_t before;
	int64_t newest;

	(void)state;
	insert("nqn.a", 1, 0);
	before = keystore_stamp(&ks, &newest);
	insert("nqn.b", 1, 0);
	assert_int_not_equal(keystore_stamp(&ks, &newest), before);
}

static void write_file(const char *text, mode_t mode)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/0000000f.dhchap", dir);
	unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void what_a_file_may_say(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		bool good;
	} cases[] = {
		{ "hostnqn nqn.h\nsecret " SECRET_1 "\n", 0600, true },
		{ "secret " SECRET_1 "\r\nsubsysnqn nqn.x \nhostnqn nqn.h\n", 0600, true },
		{ "hostnqn nqn.h\nsecret " SECRET_1 "\nctrl-secret " SECRET_1 "\n", 0600, true },
		{ "hostnqn nqn.h\nsecret " SECRET_1 "\n", 0640, false },
		{ "subsysnqn nqn.x\nsecret " SECRET_1 "\n", 0600, false },
		{ "hostnqn nqn.h\n", 0600, false },
		{ "hostnqn nqn.h\nctrl-secret " SECRET_1 "\n", 0600, false },
		{ "hostnqn h\nsecret " SECRET_1 "\n", 0600, false },
		{ "hostnqn nqn.h\nsubsysnqn x\nsecret " SECRET_1 "\n", 0600, false },
		{ "hostnqn nqn.h\nsubsysnqn \nsecret " SECRET_1 "\n", 0600, false },
		{ "hostnqn nqn.h\nsecret DHHC-1:00:AAAA:\n", 0600, false },
		{ "hostnqn nqn.h\nsecret " SECRET_1 "\nctrl-secret DHHC-1:00:AAAA:\n", 0600, false },
		{ "hostnqn nqn.h\nsecret " SECRET_1 "\nctrl-secret \n", 0600, false },
		{ "", 0600, false },
	};
	struct dhchap_entry *list;
	size_t count;

	(void)state;
	assert_int_equal(mkdir(dir, 0700), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_file(cases[i].text, cases[i].mode);
		assert_false(fault_is(keystore_dhchap_list(&ks, &list, &count)));
		if (count != cases[i].good)
			fail_msg("case %zu: %zu keys", i, count);
		if (count)
			assert_int_equal(list[0].host.secret.bytes[1], 0x08);
		keystore_dhchap_free_list(list, count);
	}
}

static void names_that_are_none(void **state)
{
	struct dhchap_entry e = entry("nqn.a\nsecret x", 1, 0);

	(void)state;
	assert_true(fault_is(keystore_dhchap_insert(&ks, &e)));
	e = entry("nqn.a", 1, 0);
	e.host.secret.len = 0;
	assert_true(fault_is(keystore_dhchap_insert(&ks, &e)));
	e = entry("nqn.a", 1, 0);
	e.hostnqn[0] = '\0';
	assert_true(fault_is(keystore_dhchap_insert(&ks, &e)));
	assert_int_not_equal(access(dir, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_pair_comes_before_the_host, make_top,
						remove_top),
		cmocka_unit_test_setup_teardown(a_change_is_seen, make_top, remove_top),
		cmocka_unit_test_setup_teardown(what_a_file_may_say, make_top, remove_top),
		cmocka_unit_test_setup_teardown(names_that_are_none, make_top, remove_top),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
