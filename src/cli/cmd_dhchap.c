/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gen-dhchap-key, check-dhchap-key: nvme-cli's options and output. The secret goes into the key
 * as it is, as nvme-cli 3.0 does; --compat writes what nvme-cli 2 wrote.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "auth/dhchap_key.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "cli/key_text.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "nvme/fabrics.h"

struct dhchap_options {
	char *secret, *nqn, *keydata, *keyfile;
	uint64_t hmac, length;
	bool compat, json;
	char key[DHCHAP_KEY_LEN_MAX + 8];	/* longer than any key, so that a longer one is seen */
};

#define AT(member) offsetof(struct dhchap_options, member)

/* clang-format off */
static const struct opt gen_opts[] = {
	{ "secret", 's', OPT_TEXT, AT(secret), "HEX|@FILE|-", "these 32, 48 or 64 bytes instead of random ones", 0, 0 },
	{ "key-length", 'l', OPT_NUMBER, AT(length), "32|48|64", "bytes of the secret (default: as the hash, or 32)", 32, 64 },
	{ "hmac", 'm', OPT_NUMBER, AT(hmac), "0|1|2|3", "hash that transforms the secret: 0 = none (default), 1 = SHA-256, 2 = SHA-384, 3 = SHA-512", 0, 3 },
	{ "compat", 'C', OPT_FLAG, AT(compat), NULL, "write the secret transformed for --nqn, as nvme-cli 2 does", 0, 0 },
};

static const struct opt check_opts[] = {
	{ "key", 'k', OPT_TEXT, AT(keydata), "KEY|@FILE|-", "the key (default: standard input)", 0, 0 },
	{ "keyfile", 'f', OPT_TEXT, AT(keyfile), "FILE", "read the key from FILE", 0, 0 },
	{ "secret", 's', OPT_TEXT, AT(secret), "HEX|@FILE", "tell how the key was made from this secret", 0, 0 },
};

static const struct opt both_opts[] = {
	{ "nqn", 'n', OPT_TEXT, AT(nqn), "NQN", "whose key it is: NQN of the host, or of the subsystem for a controller's key", 0, 0 },
	{ "output-format", 'o', OPT_FORMAT, AT(json), "FMT", "output format: normal|json", 0, 0 },
};
/* clang-format on */

static int parse(const struct verb *v, const struct opt *own, size_t own_count,
		 struct dhchap_options *o, int argc, char **argv)
{
	const struct opt_set sets[] = { { own, own_count, o },
					{ both_opts, ARRAY_SIZE(both_opts), o } };
	int rc = options_parse(v, sets, ARRAY_SIZE(sets), argc, argv);

	if (rc != GO_ON)
		return rc;
	if (o->nqn && !nvme_nqn_valid(o->nqn, strlen(o->nqn) + 1))
		return options_misuse(v, "--nqn: not an NQN (it begins with \"nqn.\" and has at "
					 "most %d printable characters)", NVME_NQN_MAX);
	return GO_ON;
}

static int take_secret(const struct verb *v, const struct report *r, char *arg, struct secret *ret)
{
	char text[2 * SECRET_LEN_MAX + 8];
	int n, rc = key_text_take(v, r, arg, text, sizeof(text));

	if (rc != GO_ON)
		return rc;
	n = hex_decode(ret->bytes, sizeof(ret->bytes), text, strlen(text));
	explicit_bzero(text, sizeof(text));
	if (n < 0)
		return options_misuse(v, "--secret: not hexadecimal");
	if (n != 32 && n != 48 && n != 64)
		return options_misuse(v, "--secret: %d bytes, a secret has 32, 48 or 64", n);
	ret->len = (uint8_t)n;
	return GO_ON;
}

/* ---- gen-dhchap-key ---- */

/* What --key-length, --hmac and the secret say must be one number. */
static int check_length(const struct verb *v, const struct dhchap_options *o, size_t *length)
{
	size_t of_hash = hash_len((enum nvme_hash)o->hmac);

	if (o->length && *length && o->length != *length)
		return options_misuse(v, "--secret: %zu bytes, --key-length %d", *length, (int)o->length);
	if (o->length)
		*length = o->length;
	if (*length == 0)
		*length = of_hash ? of_hash : 32;
	if (*length != 32 && *length != 48 && *length != 64)
		return options_misuse(v, "--key-length: 32, 48 or 64");
	if (of_hash && *length != of_hash)
		return options_misuse(v, "invalid key length %zu for SHA(%zu)", *length, of_hash * 8);
	return GO_ON;
}

static int make_secret(const struct verb *v, const struct report *r, struct dhchap_options *o,
		       struct secret *ret)
{
	size_t length = 0;
	int rc = o->secret ? take_secret(v, r, o->secret, ret) : GO_ON;

	length = ret->len;
	if (rc == GO_ON)
		rc = check_length(v, o, &length);
	if (rc != GO_ON || o->secret)
		return rc;
	if (getrandom(ret->bytes, length, 0) != (ssize_t)length)
		return report_status(r, -EIO);
	ret->len = (uint8_t)length;
	return GO_ON;
}

static int show_key(const struct report *r, const struct dhchap_key *key)
{
	char text[DHCHAP_KEY_LEN_MAX + 1];
	struct json_object *o;

	dhchap_key_format(key, text);
	if (r->json) {
		o = json_object_new_object();
		json_object_object_add(o, "key", json_object_new_string(text));
		explicit_bzero(text, sizeof(text));
		return report_json(o);
	}
	printf("%s\n", text);
	explicit_bzero(text, sizeof(text));
	return report_flush(r);
}

static int generate(const struct verb *v, const struct report *r, struct dhchap_options *o)
{
	struct dhchap_key key = { .hash = (enum nvme_hash)o->hmac };
	int rc = make_secret(v, r, o, &key.secret);
	SECRET(transformed);

	if (rc == GO_ON && o->compat) {
		if (fault_is(dhchap_key_transform(&key, o->nqn, &transformed)))
			rc = report_status(r, -EIO);
		else
			secret_copy(&key.secret, &transformed);
	}
	if (rc == GO_ON)
		rc = show_key(r, &key);
	secret_wipe(&key.secret);
	return rc;
}

int cmd_gen_dhchap_key(const struct verb *v, int argc, char **argv)
{
	struct dhchap_options o = { .hmac = 0 };
	int rc = parse(v, gen_opts, ARRAY_SIZE(gen_opts), &o, argc, argv);
	struct report r = { .verb = v->name, .json = o.json };

	if (rc == GO_ON && o.compat && !o.nqn)
		rc = options_misuse(v, "--compat needs --nqn");
	return rc == GO_ON ? generate(v, &r, &o) : rc;
}

/* ---- check-dhchap-key ---- */

static int take_key(const struct verb *v, const struct report *r, struct dhchap_options *o)
{
	if (o->keydata && o->keyfile)
		return options_misuse(v, "--key and --keyfile: give the key once");
	if (o->keydata)
		return key_text_take(v, r, o->keydata, o->key, sizeof(o->key));
	if (!o->keyfile && isatty(STDIN_FILENO))
		return options_misuse(v, "no key: give --key, --keyfile or standard input");
	return key_text_read(r, o->keyfile ? o->keyfile : "-", o->key, sizeof(o->key));
}

static int malformed(const struct report *r, struct fault why)
{
	const char *what = why.code == EBADMSG ? "damaged (its CRC does not match)" :
			   why.code == ENOTSUP ? "of an unknown kind" : "malformed";

	return report_failed(r, "key-invalid", "a key looks like DHHC-1:01:BASE64:", "the key is %s",
			     what);
}

/* What is known about how the key was made; forms[DHCHAP_FORM_OTHER] is a failure. */
static const struct {
	const char *name, *text;
} forms[] = {
	[DHCHAP_FORM_OTHER] = { "other", "the key was not made from this secret" },
	[DHCHAP_FORM_SECRET] = { "secret", "Key holds the secret" },
	[DHCHAP_FORM_TRANSFORMED] = { "transformed", "Key holds the secret transformed (nvme-cli 2)" },
};

static int show_check(const struct report *r, const struct dhchap_key *key,
		      const enum dhchap_form *form)
{
	struct json_object *o;
	char crc[16];

	snprintf(crc, sizeof(crc), "%08x", dhchap_key_crc(key));
	if (!r->json) {
		printf("Key is valid (HMAC %d, length %d, CRC %s)\n", (int)key->hash, key->secret.len, crc);
		if (form)
			printf("%s\n", forms[*form].text);
		return report_flush(r);
	}
	o = json_object_new_object();
	json_object_object_add(o, "hmac", json_object_new_int((int)key->hash));
	json_object_object_add(o, "length", json_object_new_int(key->secret.len));
	json_object_object_add(o, "crc", json_object_new_string(crc));
	if (form)
		json_object_object_add(o, "form", json_object_new_string(forms[*form].name));
	return report_json(o);
}

static int check(const struct verb *v, const struct report *r, const struct dhchap_options *o,
		 const struct dhchap_key *key)
{
	enum dhchap_form form = DHCHAP_FORM_OTHER;
	SECRET(secret);
	int rc;

	if (!o->secret)
		return show_check(r, key, NULL);
	rc = take_secret(v, r, o->secret, &secret);
	if (rc != GO_ON)
		return rc;
	if (fault_is(dhchap_key_form(key, &secret, o->nqn, &form)))
		return report_status(r, -EIO);
	if (form == DHCHAP_FORM_OTHER)
		return report_failed(r, "key-other", "check the secret and --nqn", "%s",
				     forms[form].text);
	return show_check(r, key, &form);
}

int cmd_check_dhchap_key(const struct verb *v, int argc, char **argv)
{
	struct dhchap_options o = { .hmac = 0 };
	struct dhchap_key key = { .hash = NVME_HASH_NONE };
	int rc = parse(v, check_opts, ARRAY_SIZE(check_opts), &o, argc, argv);
	struct report r = { .verb = v->name, .json = o.json };
	struct fault why;

	if (rc == GO_ON && o.secret && !o.nqn)
		rc = options_misuse(v, "--secret needs --nqn");
	if (rc == GO_ON)
		rc = take_key(v, &r, &o);
	if (rc == GO_ON) {
		why = dhchap_key_parse(o.key, &key);
		rc = fault_is(why) ? malformed(&r, why) : check(v, &r, &o, &key);
	}
	explicit_bzero(&o, sizeof(o));
	secret_wipe(&key.secret);
	return rc;
}
