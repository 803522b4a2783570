/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gen-tls-key, check-tls-key: nvme-cli 2.16's options and output; keys go into the key store
 * instead of a kernel keyring, and come also from a file or standard input.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "base/secret.h"
#include "cli/key_text.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "nvme/fabrics.h"
#include "nvmetls.h"

struct key_options {
	char *hostnqn, *subsysnqn, *keystore, *secret, *keydata, *keyfile, *keyring, *keytype;
	uint64_t hmac, identity;
	bool insert, compat, json;
	char key[NVMETLS_KEY_LEN + 8];	/* longer than any key, so that a longer one is seen */
};

#define AT(member) offsetof(struct key_options, member)

/* clang-format off */
static const struct opt gen_opts[] = {
	{ "hmac", 'm', OPT_NUMBER, AT(hmac), "1|2", "hash of the key: 1 = SHA-256 (default), 2 = SHA-384", 1, 2 },
	{ "secret", 's', OPT_TEXT, AT(secret), "HEX|@FILE|-", "these 32 or 48 bytes instead of random ones", 0, 0 },
	{ "secret", 'S', OPT_TEXT, AT(secret), "HEX|@FILE|-", "the same", 0, 0 },
};

static const struct opt check_opts[] = {
	{ "keydata", 'd', OPT_TEXT, AT(keydata), "KEY|@FILE|-", "the key (default: standard input)", 0, 0 },
	{ "keyfile", 'f', OPT_TEXT, AT(keyfile), "FILE", "read the key from FILE", 0, 0 },
};

static const struct opt key_opts[] = {
	{ "subsysnqn", 'c', OPT_TEXT, AT(subsysnqn), "NQN", "subsystem NQN that the key is for", 0, 0 },
	{ "hostnqn", 'n', OPT_TEXT, AT(hostnqn), "NQN", "host NQN that the key is for, instead of this host's", 0, 0 },
	{ "identity", 'I', OPT_NUMBER, AT(identity), "0|1", "TLS identity version: 0 = NVMe TCP 1.0c (default), 1 = NVMe TCP 2.0", 0, 1 },
	{ "insert", 'i', OPT_FLAG, AT(insert), NULL, "insert the key into the key store", 0, 0 },
	{ "compat", 'C', OPT_FLAG, AT(compat), NULL, "derive as libnvme before 1.16 did (not RFC 8446)", 0, 0 },
	{ "keystore", 0, OPT_TEXT, AT(keystore), "DIR", "directory of TLS keys", 0, 0 },
	{ "keyring", 'k', OPT_TEXT, AT(keyring), "NAME", "refused: keys are kept in the key store", 0, 0 },
	{ "keytype", 't', OPT_TEXT, AT(keytype), "TYPE", "refused: keys are kept in the key store", 0, 0 },
	{ "output-format", 'o', OPT_FORMAT, AT(json), "FMT", "output format: normal|json", 0, 0 },
};
/* clang-format on */

static int parse(const struct verb *v, const struct opt *own, size_t own_count,
		 struct key_options *o, int argc, char **argv)
{
	const struct opt_set sets[] = { { own, own_count, o },
					{ key_opts, ARRAY_SIZE(key_opts), o } };
	int rc = options_parse(v, sets, ARRAY_SIZE(sets), argc, argv);

	if (rc != GO_ON)
		return rc;
	if (o->keyring || o->keytype)
		return options_misuse(v, "there is no kernel keyring here, keys go into --keystore DIR");
	if (o->subsysnqn && !nvme_nqn_valid(o->subsysnqn, strlen(o->subsysnqn) + 1))
		return options_misuse(v, "--subsysnqn: not an NQN (it begins with \"nqn.\" and has at "
					 "most %d printable characters)", NVME_NQN_MAX);
	if (o->hostnqn && !nvme_nqn_valid(o->hostnqn, strlen(o->hostnqn) + 1))
		return options_misuse(v, "--hostnqn: not an NQN (it begins with \"nqn.\" and has at "
					 "most %d printable characters)", NVME_NQN_MAX);
	return GO_ON;
}

/* Insert o->key; *ret_id for "Inserted TLS key %08x". */
static int insert(const struct report *r, const struct key_options *o, uint32_t *ret_id)
{
	struct nvmetls_key k = { o->key, o->hostnqn, o->subsysnqn, (int)o->identity, o->compat };
	struct nvmetls_error e;

	memset(&e, 0, sizeof(e));
	if (nvmetls_key_insert(&k, o->keystore, ret_id, &e) == 0)
		return GO_ON;
	return report_error(r, &e);
}

/* What to print: a line, and after -i "Inserted TLS key ..." */
static int show(const struct report *r, const char *name, const char *value, const uint32_t *id)
{
	struct json_object *o;
	char text[16] = "";

	if (id)
		snprintf(text, sizeof(text), "%08x", *id);
	if (!r->json) {
		if (value)
			printf("%s\n", value);
		if (id)
			printf("Inserted TLS key %s\n", text);
		return report_flush(r);
	}
	o = json_object_new_object();
	if (value)
		json_object_object_add(o, name, json_object_new_string(value));
	if (id)
		json_object_object_add(o, "inserted", json_object_new_string(text));
	return report_json(o);
}

/* --secret: hexadecimal, as long as the hash. */
static int take_secret(const struct verb *v, const struct report *r, const struct key_options *o,
		       struct secret *ret)
{
	size_t want = o->hmac == 2 ? 48 : 32;
	char text[2 * SECRET_LEN_MAX + 8];
	int n, rc = key_text_take(v, r, o->secret, text, sizeof(text));

	if (rc != GO_ON)
		return rc;
	n = hex_decode(ret->bytes, sizeof(ret->bytes), text, strlen(text));
	explicit_bzero(text, sizeof(text));
	if (n < 0)
		return options_misuse(v, "--secret: not hexadecimal");
	if ((size_t)n != want)
		return options_misuse(v, "--secret: %d bytes, --hmac %d takes %zu", n, (int)o->hmac, want);
	ret->len = (uint8_t)n;
	return GO_ON;
}

static int generate(const struct verb *v, const struct report *r, struct key_options *o)
{
	SECRET(secret);
	uint32_t id;
	int rc = GO_ON;

	if (o->secret)
		rc = take_secret(v, r, o, &secret);
	if (rc != GO_ON)
		return rc;
	rc = nvmetls_key_generate((int)o->hmac, o->secret ? secret.bytes : NULL, secret.len,
				  o->key);
	if (rc)
		return report_status(r, rc);
	if (!o->insert)
		return show(r, "key", o->key, NULL);
	rc = insert(r, o, &id);
	return rc == GO_ON ? show(r, "key", o->key, &id) : rc;
}

int cmd_gen_tls_key(const struct verb *v, int argc, char **argv)
{
	struct key_options o = { .hmac = 1 };
	int rc = parse(v, gen_opts, ARRAY_SIZE(gen_opts), &o, argc, argv);
	struct report r = { .verb = v->name, .json = o.json };

	if (rc == GO_ON && o.insert && !o.subsysnqn)
		rc = options_misuse(v, "--insert needs --subsysnqn");
	if (rc == GO_ON)
		rc = generate(v, &r, &o);
	explicit_bzero(&o, sizeof(o));
	return rc;
}

static int take_key(const struct verb *v, const struct report *r, struct key_options *o)
{
	if (o->keydata && o->keyfile)
		return options_misuse(v, "--keydata and --keyfile: give the key once");
	if (o->keydata)
		return key_text_take(v, r, o->keydata, o->key, sizeof(o->key));
	if (!o->keyfile && isatty(STDIN_FILENO))
		return options_misuse(v, "no key: give --keydata, --keyfile or standard input");
	return key_text_read(r, o->keyfile ? o->keyfile : "-", o->key, sizeof(o->key));
}

static int check(const struct report *r, const struct key_options *o)
{
	struct nvmetls_key k = { o->key, o->hostnqn, o->subsysnqn, (int)o->identity, o->compat };
	char identity[NVMETLS_IDENTITY_LEN];
	struct nvmetls_error e;
	uint32_t id;
	int rc;

	memset(&e, 0, sizeof(e));
	rc = nvmetls_key_check(&k, identity, &e);
	if (rc)
		return report_error(r, &e);
	if (!o->insert)
		return show(r, "identity", identity, NULL);
	rc = insert(r, o, &id);
	/* nvme-cli prints the identity or the insertion, not both; in JSON both have a name */
	return rc == GO_ON ? show(r, "identity", r->json ? identity : NULL, &id) : rc;
}

int cmd_check_tls_key(const struct verb *v, int argc, char **argv)
{
	struct key_options o = { .hmac = 0 };
	int rc = parse(v, check_opts, ARRAY_SIZE(check_opts), &o, argc, argv);
	struct report r = { .verb = v->name, .json = o.json };

	if (rc == GO_ON && !o.subsysnqn)
		rc = options_misuse(v, "--subsysnqn is missing");
	if (rc == GO_ON)
		rc = take_key(v, &r, &o);
	if (rc == GO_ON)
		rc = check(&r, &o);
	explicit_bzero(&o, sizeof(o));
	return rc;
}
