/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dhchap_key and dhchap: keys that nvme-cli made, exchanges of two Linux ends (both in
 * tests/vectors/nvme-cli.json), and answers of an independent script for the formulas of the
 * specification with every member set to something of its own.
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

#include "auth/auth_msg.h"
#include "auth/dhchap.h"
#include "auth/dhchap_key.h"
#include "base/bytes.h"
#include "base/hex.h"
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

static struct json_object *list(const char *name, size_t want)
{
	struct json_object *l = NULL;

	assert_true(json_object_object_get_ex(vectors, name, &l));
	assert_int_equal(json_object_array_length(l), want);
	return l;
}

static struct secret unhex(const char *hex)
{
	struct secret s = { .len = 0 };

	s.len = (uint8_t)hex_decode(s.bytes, sizeof(s.bytes), hex, strlen(hex));
	assert_int_equal(s.len, strlen(hex) / 2);
	return s;
}

static void is(const uint8_t *got, const char *want)
{
	char hex[2 * HASH_LEN_MAX + 1];

	hex_encode(hex, sizeof(hex), got, strlen(want) / 2);
	assert_string_equal(hex, want);
}

/* ---- keys ---- */

static void keys_of_nvme_cli(const char *which)
{
	struct json_object *l = list(which, 17);
	int good = 0;

	for (size_t i = 0; i < 17; i++) {
		struct json_object *o = json_object_array_get_idx(l, i);
		struct secret secret = unhex(text(o, "secret"));
		char again[DHCHAP_KEY_LEN_MAX + 1];
		struct dhchap_key key;
		enum dhchap_form form;

		if (number(o, "rc"))
			continue;
		assert_false(fault_is(dhchap_key_parse(text(o, "key"), &key)));
		assert_int_equal(key.hash, number(o, "hmac"));
		is(key.secret.bytes, text(o, "payload_hex"));
		dhchap_key_format(&key, again);
		assert_string_equal(again, text(o, "key"));
		assert_false(fault_is(dhchap_key_form(&key, &secret, text(o, "nqn"), &form)));
		assert_int_equal(form, number(o, "payload_is_secret") ? DHCHAP_FORM_SECRET :
									DHCHAP_FORM_TRANSFORMED);
		assert_false(fault_is(dhchap_key_form(&key, &secret, "nqn.other", &form)));
		assert_int_equal(form, key.hash ? DHCHAP_FORM_OTHER : DHCHAP_FORM_SECRET);
		good++;
	}
	assert_int_equal(good, 9);
}

static void made_by_nvme_cli(void **state)
{
	(void)state;
	keys_of_nvme_cli("dhchap_sid");
	keys_of_nvme_cli("dhchap_trixie");
}

static void checked_by_nvme_cli(void **state)
{
	(void)state;
	for (size_t i = 0; i < 9; i++) {
		struct json_object *o = json_object_array_get_idx(list("dhchap_check_sid", 9), i);
		struct dhchap_key key;
		char line[96];

		assert_false(fault_is(dhchap_key_parse(text(o, "key"), &key)));
		snprintf(line, sizeof(line), "Key is valid (HMAC %d, length %d, CRC %08x)",
			 (int)key.hash, key.secret.len, dhchap_key_crc(&key));
		assert_string_equal(line, text(o, "output"));
	}
}

#define GOOD "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR"

static const struct {
	const char *text;
	int err;
} strings[] = {
	{ "DHHC-1:01:" GOOD ":", 0 },
	{ "DHHC-1:03:" GOOD ":", 0 },	/* length and hh need not agree, as in Linux */
	{ "DHHC-1:01:" GOOD, EINVAL },
	{ "DHHC-1:01:" GOOD ":\n", EINVAL },
	{ " DHHC-1:01:" GOOD ":", EINVAL },
	{ "dhhc-1:01:" GOOD ":", EINVAL },
	{ "DHHC-2:01:" GOOD ":", ENOTSUP },
	{ "DHHC-1:04:" GOOD ":", ENOTSUP },
	{ "DHHC-1:11:" GOOD ":", ENOTSUP },
	{ "DHHC-1:1:" GOOD ":", EINVAL },
	{ "DHHC-1:01:", EINVAL },
	{ "DHHC-1:01::", EINVAL },
	{ "DHHC-1:", EINVAL },
	{ "", EINVAL },
	{ "NVMeTLSkey-1:01:" GOOD ":", EINVAL },
	{ "DHHC-1:01:BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:", EBADMSG },
	{ "DHHC-1:01:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd:", EINVAL },	/* 30 bytes */
	{ "DHHC-1:01:" GOOD GOOD GOOD ":", EINVAL },
	{ "DHHC-1:01:*AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:", EINVAL },
};

static void parse_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		struct dhchap_key key;
		struct fault f = dhchap_key_parse(strings[i].text, &key);

		if (fault_is(f) ? f.code != strings[i].err : strings[i].err)
			fail_msg("%s: %d", strings[i].text, f.code);
		if (strings[i].err)
			assert_int_equal(key.secret.len, 0);
	}
}

/* ---- computations ---- */

#define HOST   "nqn.2014-08.org.example:host"
#define SUBSYS "nqn.2014-08.org.example:subsys"

static struct secret k_of(const char *key_text, const char *nqn)
{
	struct dhchap_key key;
	struct secret k;

	assert_false(fault_is(dhchap_key_parse(key_text, &key)));
	assert_false(fault_is(dhchap_key_transform(&key, nqn, &k)));
	return k;
}

/* The numbers of the script: C1[i] = A0h + i, C2[i] = 40h + i. */
static struct dhchap script(uint8_t group, uint8_t concat)
{
	struct dhchap x = { .hash = 1, .group = group, .concat = concat, .t_id = 0x1234 };

	x.s1 = 0x01020304;
	x.s2 = 0x0a0b0c0d;
	x.hostnqn = HOST;
	x.subsysnqn = SUBSYS;
	for (size_t i = 0; i < 32; i++) {
		x.c1[i] = (uint8_t)(0xa0 + i);
		x.c2[i] = (uint8_t)(0x40 + i);
	}
	return x;
}

static const struct {
	uint8_t group, concat;
	const char *r1, *r2;
} responses[] = {
	{ 0, 0, "158cc4d37a23eefd85fa443774b35628a8159169c42cf30b0ca2102a2acff380",
	  "9df6bff469d513c5a4f479c999fb1c2d9b595548fd9e627cfbaf5d3b4b08ef68" },
	{ 1, 0, "a5570e020fa637a7e8ae90e6813b01163d02b020ac5af3046a71e3690c08ef41",
	  "5173ed2adda6c6f45b95aa7dfafb0b816ae513d7f3f20420fa39b460c9109722" },
	{ 1, 2, "2774c145c1a2039465aeb992db459b14e21a8778ebcb86b58e1fb735c1a61284",
	  "f3c6fa6794231bc6b35b217d2fb2126c9d3e9b3a1345b7a815863ccc1833aabe" },
};

static void formulas(void **state)
{
	struct secret kh = k_of("DHHC-1:01:" GOOD ":", HOST), psk;
	struct secret kc = k_of("DHHC-1:01:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj/jBqb2:", SUBSYS);
	uint8_t shared[256], r[HASH_LEN_MAX];

	(void)state;
	is(kh.bytes, "7863a339224010efc7e5b0e158ccc774c033e64ca11d995ba94d47581974e625");
	is(kc.bytes, "06bbc7d043a070474f05c035c614df8a3921bffd2c89e968cd83bd713f07c5a6");
	for (size_t i = 0; i < sizeof(shared); i++)
		shared[i] = (uint8_t)(255 - i % 251);
	for (size_t i = 0; i < ARRAY_SIZE(responses); i++) {
		struct dhchap x = script(responses[i].group, responses[i].concat);

		if (x.group)
			assert_int_equal(dhchap_session_key(NVME_HASH_SHA256,
							    span_of(shared, sizeof(shared)), &x.ks),
					 0);
		assert_int_equal(dhchap_response1(&x, &kh, r), 0);
		is(r, responses[i].r1);
		assert_int_equal(dhchap_response2(&x, &kc, r), 0);
		is(r, responses[i].r2);
		if (!x.group)
			continue;
		is(x.ks.bytes, "4d8231d8141fbc63e2eda1df53a8ae82487d59acb088e50fa2b63704f0960ae2");
		assert_int_equal(dhchap_generated_psk(&x, &psk), 0);
		is(psk.bytes, "8ff23f2773f5b171dd777135758820ee5c40586dd0b23d84d074ba7ec126f3b1");
	}
}

/* SEQNUM and T_ID stand in the vectors as they stood on the wire. */
static struct dhchap linux_exchange(struct json_object *o)
{
	struct dhchap x = { .hash = (uint8_t)number(o, "hash_id"),
			    .group = (uint8_t)number(o, "dhgroup_id"),
			    .concat = (uint8_t)number(o, "sc_c") };
	struct secret c1 = unhex(text(o, "c1")), c2 = unhex(text(o, "c2"));

	x.t_id = load_le16(unhex(text(o, "transaction")).bytes);
	x.s1 = load_le32(unhex(text(o, "seq1")).bytes);
	x.s2 = load_le32(unhex(text(o, "seq2")).bytes);
	memcpy(x.c1, c1.bytes, c1.len);
	memcpy(x.c2, c2.bytes, c2.len);
	if (x.group)
		x.ks = unhex(text(o, "session_key_H_of_shared"));
	x.hostnqn = text(o, "hostnqn");
	x.subsysnqn = text(o, "subnqn");
	return x;
}

static void exchanges_of_linux(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct json_object *o = json_object_array_get_idx(list("dhchap_exchange", 3), i);
		struct dhchap x = linux_exchange(o);
		struct secret kh = k_of(text(o, "host_key"), x.hostnqn);
		struct secret kc = k_of(text(o, "ctrl_key"), x.subsysnqn);
		uint8_t r[HASH_LEN_MAX];

		assert_int_equal(dhchap_response1(&x, &kh, r), 0);
		is(r, text(o, "host_response"));
		if (!*text(o, "ctrl_response"))
			continue;
		assert_int_equal(dhchap_response2(&x, &kc, r), 0);
		is(r, text(o, "ctrl_response"));
	}
}

/* From the exchange to the key that Linux put into its keyring. */
static void concatenation_of_linux(void **state)
{
	struct json_object *o = json_object_array_get_idx(list("dhchap_exchange", 3), 0);
	struct dhchap x = linux_exchange(o);
	struct psk_owner owner = { x.hostnqn, x.subsysnqn };
	char identity[PSK_IDENTITY_LEN_MAX + 1];
	struct secret psk, tls;

	(void)state;
	assert_int_equal(dhchap_generated_psk(&x, &psk), 0);
	is(psk.bytes, text(o, "generated_psk"));
	assert_false(
		fault_is(psk_identity(1, PSK_GENERATED, NVME_HASH_SHA256, &psk, &owner, identity)));
	assert_string_equal(identity, text(o, "identity"));
	assert_false(
		fault_is(psk_tls(1, PSK_GENERATED, NVME_HASH_SHA256, &psk, &owner, PSK_RFC, &tls)));
	is(tls.bytes, text(o, "tls_psk"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_by_nvme_cli),	cmocka_unit_test(checked_by_nvme_cli),
		cmocka_unit_test(parse_table),		cmocka_unit_test(formulas),
		cmocka_unit_test(exchanges_of_linux),	cmocka_unit_test(concatenation_of_linux),
	};

	return cmocka_run_group_tests_name("auth_dhchap", tests, load, unload);
}
