/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tlshd_store: a key of the store becomes, in each of tests/vectors/nvme-cli.json, what the real nvme-cli put
 * into the kernel's keyring; and what happens to one that is there already.
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

#include "base/hex.h"
#include "tlshd/store.h"

static const char *text(struct json_object *row, const char *name)
{
	return json_object_get_string(json_object_object_get(row, name));
}

static void one(struct json_object *row)
{
	struct key_entry e = { 0 };
	char hex[2 * SECRET_LEN_MAX + 1];
	struct keyring_psk k;

	snprintf(e.hostnqn, sizeof(e.hostnqn), "%s", text(row, "hostnqn"));
	snprintf(e.subsysnqn, sizeof(e.subsysnqn), "%s", text(row, "subsysnqn"));
	e.identity_version = json_object_get_int(json_object_object_get(row, "version"));
	e.derivation = strncmp(text(row, "derivation"), "RFC8446", 7) == 0 ? PSK_RFC : PSK_COMPAT;
	assert_int_equal(psk_parse(text(row, "interchange"), &e.psk).kind, FAULT_NONE);
	assert_true(store_derive(&e, &k));
	assert_string_equal(k.identity, text(row, "key_description"));
	assert_true(hex_encode(hex, sizeof(hex), k.psk.bytes, k.psk.len) > 0);
	assert_string_equal(hex, text(row, "tls_psk"));
	assert_int_equal(hash_len(k.hash), k.psk.len);
}

static void as_nvme_cli(void **state)
{
	char path[4096];
	struct json_object *all, *rows;
	size_t n = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s/nvme-cli.json", getenv("VECTORS"));
	all = json_object_from_file(path);
	rows = json_object_object_get(all, "tls");
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		if (!text(row, "tls_psk"))
			continue;
		one(row);
		n++;
	}
	assert_true(n > 50);
	json_object_put(all);
}

static void beside_others(void **state)
{
	struct keyring_psk want = { .psk = { { 1 }, 32 } }, same = want,
			   other = { .psk = { { 2 }, 32 } };

	(void)state;
	assert_int_equal(store_judge(NULL, false, &want), STORE_ADD);
	assert_int_equal(store_judge(&same, false, &want), STORE_KEEP);
	assert_int_equal(store_judge(&same, true, &want), STORE_KEEP);
	assert_int_equal(store_judge(&other, true, &want), STORE_ADD);
	assert_int_equal(store_judge(&other, false, &want), STORE_LEAVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(as_nvme_cli),
					    cmocka_unit_test(beside_others) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
