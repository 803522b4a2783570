/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * psk: interchange form, identities, derivations.
 *
 * The answers come from the real nvme-cli and the kernel's keyring (tests/vectors/nvme-cli.json),
 * and from two published chains (NVMe/TCP's unit tests in libnvme and in the kernel).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <json-c/json.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "keys/keytable.h"
#include "tls/psk.h"

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

static const char *text(struct json_object *o, const char *name)
{
	struct json_object *v = NULL;

	json_object_object_get_ex(o, name, &v);
	return v ? json_object_get_string(v) : "";
}

static int number(struct json_object *o, const char *name)
{
	struct json_object *v = NULL;

	json_object_object_get_ex(o, name, &v);
	return v ? json_object_get_int(v) : 0;
}

static struct json_object *list(const char *name, size_t *ret_count)
{
	struct json_object *l = NULL;

	assert_true(json_object_object_get_ex(vectors, name, &l));
	*ret_count = json_object_array_length(l);
	assert_true(*ret_count > 0);
	return l;
}

static void hex_of(const struct secret *s, char out[2 * SECRET_LEN_MAX + 1])
{
	assert_true(hex_encode(out, 2 * SECRET_LEN_MAX + 1, s->bytes, s->len) > 0);
}

static void as_nvme_cli_computes(void **state)
{
	size_t count;
	struct json_object *l = list("tls", &count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		struct json_object *v = json_object_array_get_idx(l, i);
		enum psk_derivation d = strstr(text(v, "derivation"), "RFC8446 HKDF") ? PSK_RFC : PSK_COMPAT;
		struct psk_owner owner = { text(v, "hostnqn"), text(v, "subsysnqn") };
		char identity[PSK_IDENTITY_LEN_MAX + 1], hex[2 * SECRET_LEN_MAX + 1],
			again[PSK_INTERCHANGE_LEN_MAX + 1];
		int version = number(v, "version");
		struct psk_config psk;
		SECRET(retained);
		SECRET(tls);

		assert_int_equal(psk_parse(text(v, "interchange"), &psk).kind, FAULT_NONE);
		hex_of(&psk.key, hex);
		assert_string_equal(hex, text(v, "configured_psk"));
		psk_format(&psk, again);
		assert_string_equal(again, text(v, "interchange"));
		assert_false(fault_is(psk_retain(&psk, owner.hostnqn, d, &retained)));
		hex_of(&retained, hex);
		assert_string_equal(hex, text(v, "retained_psk_recomputed"));
		assert_false(fault_is(psk_identity(version, PSK_RETAINED, psk_tls_hash(&psk),
						   &retained, &owner, identity)));
		assert_string_equal(identity, text(v, "identity"));
		assert_false(fault_is(psk_tls(version, PSK_RETAINED, psk_tls_hash(&psk), &retained,
					      &owner, d, &tls)));
		hex_of(&tls, hex);
		assert_string_equal(hex, text(v, "tls_psk"));
		secret_wipe(&psk.key);
	}
}

/* Strings that nvme-cli 2.16 takes or refuses, and what it made of those it took. */
static void takes_and_refuses_as_nvme_cli(void **state)
{
	size_t count;
	struct json_object *l = list("tls_edge_sid", &count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		struct json_object *v = json_object_array_get_idx(l, i);
		struct psk_identity_parts parts;
		const char *id = text(v, "output");
		char hex[2 * SECRET_LEN_MAX + 1];
		struct psk_config psk;
		struct fault why = psk_parse(text(v, "interchange"), &psk);
		struct psk_owner owner;
		SECRET(retained);
		SECRET(tls);

		print_message("- %s\n", text(v, "name"));
		assert_int_equal(fault_is(why), number(v, "rc") != 0);
		if (fault_is(why) || !text(v, "tls_psk")[0])
			continue;
		assert_true(psk_identity_parse(span_of(id, strlen(id)), &parts));
		owner = (struct psk_owner){ parts.hostnqn, parts.subsysnqn };
		assert_false(fault_is(psk_retain(&psk, parts.hostnqn, PSK_RFC, &retained)));
		assert_false(fault_is(psk_tls(parts.version, PSK_RETAINED, parts.hash, &retained,
					      &owner, PSK_RFC, &tls)));
		hex_of(&tls, hex);
		assert_string_equal(hex, text(v, "tls_psk"));
	}
}

/* The kernel's own unit test of the generated PSK's chain. */
static void generated_as_the_kernel(void **state)
{
	static const struct {
		enum nvme_hash h;
		const char *psk, *digest, *tls, *tls_6_17;
	} cases[] = {
		{ NVME_HASH_SHA256, "1733c59fa7f48fcf37f5f26fc4ff0268ad4f78e030f4f3b0bfd1d47e7bb1447a",
		  "OldoKuTfKddMuyCznAZojkWD7P4D9/AtzDzLimtOxqI=",
		  "3c17da628474a04d2247c4cab47968c915388193f7c071bd9489cc3666cd7cc8",
		  "bfc8def3bb5120bf5c99d6c8d54d61b3efcf3ebece1f00b93a1324c75d749364" },
		{ NVME_HASH_SHA384,
		  "f14b2dd3234c459694d3bc63f8968bd6b37c2c6de849e22e118749001ce4bbe8640b9e3a748cb11ce4b1d71d359cce39",
		  "cffMWk8TSS7HOQebjgYEIkrPrjWPV4JE5cdPB8WhEvY4JBW5YynKyv66XscN4A9n",
		  "2774753233537b3fa50eb7d16a8e43457d85f4906c005b2236616c5d80939d0898fff15bb8b77119d2be0aac423e7590",
		  "87a06ece47db98f7b1fe32e7f7376cecc25228d3a0bcfbf7a0982fe63a29f2bb1d2abb916fdf6e16f5d1b9bb13419920" },
	};
	const struct psk_owner owner = { "hostnqn", "subsysnqn" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char identity[PSK_IDENTITY_LEN_MAX + 1], want[PSK_IDENTITY_LEN_MAX + 1],
			hex[2 * SECRET_LEN_MAX + 1];
		struct secret generated = { .len = (uint8_t)hash_len(cases[i].h) };
		SECRET(tls);

		hex_decode(generated.bytes, sizeof(generated.bytes), cases[i].psk,
			   strlen(cases[i].psk));
		assert_false(fault_is(
			psk_identity(1, PSK_GENERATED, cases[i].h, &generated, &owner, identity)));
		snprintf(want, sizeof(want), "NVMe1G0%d hostnqn subsysnqn %s", (int)cases[i].h,
			 cases[i].digest);
		assert_string_equal(identity, want);
		assert_false(fault_is(
			psk_tls(1, PSK_GENERATED, cases[i].h, &generated, &owner, PSK_RFC, &tls)));
		hex_of(&tls, hex);
		assert_string_equal(hex, cases[i].tls);
		assert_false(fault_is(psk_tls(1, PSK_GENERATED, cases[i].h, &generated, &owner,
					      PSK_LINUX_6_17, &tls)));
		hex_of(&tls, hex);
		assert_string_equal(hex, cases[i].tls_6_17);
	}
}

static void refused_says_why(void **state)
{
	static const struct {
		const char *name, *text;
		int err;
	} cases[] = {
		{ "empty", "", EINVAL },
		{ "no final colon",
		  "NVMeTLSkey-1:01:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR", EINVAL },
		{ "newline", "NVMeTLSkey-1:01:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:\n",
		  EINVAL },
		{ "other version",
		  "NVMeTLSkey-2:01:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:", ENOTSUP },
		{ "unknown hash",
		  "NVMeTLSkey-1:03:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:", ENOTSUP },
		{ "hash and length disagree",
		  "NVMeTLSkey-1:02:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:", EMSGSIZE },
		{ "a key bit flipped",
		  "NVMeTLSkey-1:01:AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:", EBADMSG },
		{ "not base64",
		  "NVMeTLSkey-1:01:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+Kfia!:", EINVAL },
		{ "another kind of key",
		  "DHHC-1:01:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:", EINVAL },
	};
	static const struct secret zero;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct psk_config psk;
		struct fault why = psk_parse(cases[i].text, &psk);

		print_message("- %s\n", cases[i].name);
		assert_int_equal(why.kind, FAULT_OS);
		assert_int_equal(why.code, cases[i].err);
		assert_memory_equal(&psk.key, &zero, sizeof(zero));	/* nothing leaks on failure */
	}
}

static void identities_have_one_form(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		bool good;
	} cases[] = {
		{ "NVMe0R01 nqn.h nqn.s", 20, true },
		{ "NVMe0R01 nqn.h nqn.s", 21, true },	/* one NUL is tolerated */
		{ "NVMe1G02 nqn.h nqn.s digest", 27, true },
		{ "NVMe0R01 nqn.h nqn.s\0", 22, false },
		{ "NVMe0R01 nqn.h nqn.s ", 21, false },
		{ "NVMe0R01 nqn.h nqn.s x", 22, false },
		{ "NVMe0R01  nqn.h nqn.s", 21, false },
		{ " NVMe0R01 nqn.h nqn.s", 21, false },
		{ "NVMe1R01 nqn.h nqn.s", 20, false },
		{ "NVMe1R01 nqn.h nqn.s ", 21, false },
		{ "NVMe2R01 nqn.h nqn.s", 20, false },
		{ "NVMe0X01 nqn.h nqn.s", 20, false },
		{ "NVMe0R03 nqn.h nqn.s", 20, false },
		{ "NVMe0R01", 8, false },
		{ "", 0, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct psk_identity_parts p;

		print_message("- \"%s\"\n", cases[i].text);
		assert_int_equal(psk_identity_parse(span_of(cases[i].text, cases[i].len), &p),
				 cases[i].good);
	}
}

/* One key is found by each identity that it may be addressed by; two behind one are both found. */
static void table_registers_every_identity(void **state)
{
	struct key_entry e[2] = { { .hostnqn = "nqn.h", .subsysnqn = "nqn.s" },
				  { .hostnqn = "nqn.h", .subsysnqn = "nqn.s" } };
	struct tls_psk found[4];
	struct tls_psk_source source;
	struct keytable *t;
	char hint[300];

	(void)state;
	for (int i = 0; i < 2; i++) {
		e[i].psk.hash = NVME_HASH_SHA256;
		e[i].psk.key.len = 32;
		memset(e[i].psk.key.bytes, i + 1, 32);
	}
	t = keytable_new(e, 2, true);
	assert_non_null(t);
	assert_int_equal(keytable_count(t), 8);
	source = keytable_source(t);
	assert_int_equal(source.find(source.ctx, span_of("NVMe0R01 nqn.h nqn.s", 20), found, 4), 4);
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < i; k++)
			assert_false(secret_equal(found[i].psk, found[k].psk));
	/* no prefix matches: a key for nqn.s is none for nqn.s2, nor the other way round */
	assert_int_equal(source.find(source.ctx, span_of("NVMe0R01 nqn.h nqn.s2", 21), found, 4), 0);
	assert_int_equal(source.find(source.ctx, span_of("NVMe0R01 nqn.h nqn.", 19), found, 4), 0);
	source.nearest(source.ctx, span_of("NVMe0R01 nqn.h nqn.s2", 21), hint, sizeof(hint));
	assert_non_null(strstr(hint, "nqn.h nqn.s"));
	keytable_unref(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_nvme_cli_computes),
		cmocka_unit_test(takes_and_refuses_as_nvme_cli),
		cmocka_unit_test(generated_as_the_kernel),
		cmocka_unit_test(refused_says_why),
		cmocka_unit_test(identities_have_one_form),
		cmocka_unit_test(table_registers_every_identity),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
