/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/attrs.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "nvme/uuid.h"

struct attr;
typedef bool (*attr_parse_fn)(const struct attr *a, void *field, const char *text);

struct attr {
	enum cfg_object object;
	const char *name;
	attr_parse_fn parse;
	size_t offset, size;		/* of the field */
	const char *wants;		/* what a value looks like, for the error line */
};

static bool parse_string(const struct attr *a, void *field, const char *text)
{
	size_t n = strlen(text);

	if (n == 0 || n >= a->size)
		return false;
	memcpy(field, text, n + 1);
	return true;
}

/* configfs shows a path that was never set as "(null)". */
static bool parse_string_or_none(const struct attr *a, void *field, const char *text)
{
	*(char *)field = '\0';
	return text[0] == '\0' || strcmp(text, "(null)") == 0 || parse_string(a, field, text);
}

static bool parse_u32(const struct attr *a, void *field, const char *text)
{
	unsigned long v;
	char *end;

	(void)a;
	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	v = strtoul(text, &end, 10);
	if (*end || errno || v > UINT32_MAX)
		return false;
	*(uint32_t *)field = (uint32_t)v;
	return true;
}

static bool parse_uuid(const struct attr *a, void *field, const char *text)
{
	(void)a;
	return nvme_uuid_parse(text, field);
}

static bool parse_tsas(const struct attr *a, void *field, const char *text)
{
	(void)a;
	*(bool *)field = strcmp(text, "tls1.3") == 0;
	return *(bool *)field || strcmp(text, "none") == 0;
}

static bool parse_treq(const struct attr *a, void *field, const char *text)
{
	static const char *const names[] = {
		[CFG_TREQ_NOT_SPECIFIED] = "not specified",
		[CFG_TREQ_REQUIRED] = "required",
		[CFG_TREQ_NOT_REQUIRED] = "not required",
	};

	(void)a;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(text, names[i]) == 0) {
			*(enum cfg_treq *)field = (enum cfg_treq)i;
			return true;
		}
	return false;
}

static bool parse_adrfam(const struct attr *a, void *field, const char *text)
{
	static const char *const names[] = {
		[CFG_ADRFAM_ANY] = "",	/* as nvmet shows a port that was never set up */
		[CFG_ADRFAM_IPV4] = "ipv4",
		[CFG_ADRFAM_IPV6] = "ipv6",
	};

	(void)a;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(text, names[i]) == 0) {
			*(enum cfg_adrfam *)field = (enum cfg_adrfam)i;
			return true;
		}
	return false;
}

static bool parse_trtype(const struct attr *a, void *field, const char *text)
{
	(void)a;
	(void)field;
	return strcmp(text, "tcp") == 0;
}

/* What the kernel's kstrtobool() takes is yes, no, or neither. */
static int truth(const char *text)
{
	static const char *const words[][2] = {
		{ "0", "1" }, { "false", "true" }, { "no", "yes" }, { "n", "y" }, { "off", "on" }
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		for (int yes = 0; yes < 2; yes++)
			if (strcasecmp(text, words[i][yes]) == 0)
				return yes;
	return -1;
}

static bool parse_bool(const struct attr *a, void *field, const char *text)
{
	(void)a;
	if (truth(text) < 0)
		return false;
	*(bool *)field = truth(text);
	return true;
}

/* 32 hexadecimal digits, as bytes that '-' or ':' may part: a UUID's form is one of these. */
static bool parse_nguid(const struct attr *a, void *field, const char *text)
{
	uint8_t id[16];

	(void)a;
	for (size_t i = 0; i < sizeof(id); i++) {
		unsigned int byte = 0;

		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) ||
		    sscanf(text, "%2x", &byte) != 1)
			return false;
		id[i] = (uint8_t)byte;
		text += 2;
		if (i + 1 < sizeof(id) && (*text == '-' || *text == ':'))
			text++;
	}
	if (*text)
		return false;
	memcpy(field, id, sizeof(id));
	return true;
}

/* Known to nvmet; whatever it says, nothing is lost here. */
static bool parse_ignored(const struct attr *a, void *field, const char *text)
{
	(void)a;
	(void)field;
	(void)text;
	return true;
}

/* Known to nvmet; wrong to ignore when it is there: someone relies on it for safety. */
static bool parse_refused(const struct attr *a, void *field, const char *text)
{
	(void)a;
	(void)field;
	return text[0] == '\0';
}

/* The same when it is switched on. */
static bool parse_off(const struct attr *a, void *field, const char *text)
{
	(void)a;
	(void)field;
	return truth(text) == 0;
}

/* A number that is taken for identity data there, 0 if it was never set. */
static bool parse_zero(const struct attr *a, void *field, const char *text)
{
	(void)a;
	(void)field;
	return strspn(text, "0x") == strlen(text);
}

static bool parse_no_p2pmem(const struct attr *a, void *field, const char *text)
{
	(void)a;
	(void)field;
	return strcmp(text, "none") == 0 || truth(text) == 0;
}

#define FIELD(type, field) offsetof(struct type, field), sizeof(((struct type *)0)->field)
#define NO_AUTH "in-band authentication is not supported yet; remove it or use TLS PSKs"
#define NO_PI	"there is no end-to-end protection information here"
#define OWN_IDS "identify data is this target's own"

static const struct attr attrs[] = {
	{ CFG_HOST, "nqn", parse_string, FIELD(cfg_host, nqn), "an NQN" },
	{ CFG_HOST, "dhchap_key", parse_refused, 0, 0, NO_AUTH },
	{ CFG_HOST, "dhchap_ctrl_key", parse_refused, 0, 0, NO_AUTH },
	{ CFG_HOST, "dhchap_hash", parse_ignored, 0, 0, "" },
	{ CFG_HOST, "dhchap_dhgroup", parse_ignored, 0, 0, "" },

	{ CFG_SUBSYS, "nqn", parse_string, FIELD(cfg_subsys, nqn), "an NQN" },
	{ CFG_SUBSYS, "attr_allow_any_host", parse_bool, FIELD(cfg_subsys, attr_allow_any_host), "0 or 1" },
	{ CFG_SUBSYS, "attr_serial", parse_string, FIELD(cfg_subsys, attr_serial), "1 to 20 characters" },
	{ CFG_SUBSYS, "attr_model", parse_string, FIELD(cfg_subsys, attr_model), "1 to 40 characters" },
	{ CFG_SUBSYS, "attr_firmware", parse_string, FIELD(cfg_subsys, attr_firmware), "1 to 8 characters" },
	{ CFG_SUBSYS, "attr_cntlid_min", parse_u32, FIELD(cfg_subsys, attr_cntlid_min), "a number" },
	{ CFG_SUBSYS, "attr_cntlid_max", parse_u32, FIELD(cfg_subsys, attr_cntlid_max), "a number" },
	{ CFG_SUBSYS, "attr_qid_max", parse_u32, FIELD(cfg_subsys, attr_qid_max), "a number" },
	{ CFG_SUBSYS, "attr_tls_required", parse_bool, FIELD(cfg_subsys, attr_tls_required), "0 or 1" },
	{ CFG_SUBSYS, "attr_version", parse_ignored, 0, 0, "" },
	{ CFG_SUBSYS, "attr_ieee_oui", parse_zero, 0, 0, OWN_IDS },
	{ CFG_SUBSYS, "attr_vendor_id", parse_zero, 0, 0, OWN_IDS },
	{ CFG_SUBSYS, "attr_subsys_vendor_id", parse_zero, 0, 0, OWN_IDS },
	{ CFG_SUBSYS, "attr_pi_enable", parse_off, 0, 0, NO_PI },

	{ CFG_NAMESPACE, "nsid", parse_u32, FIELD(cfg_namespace, nsid), "a number" },
	{ CFG_NAMESPACE, "enable", parse_bool, FIELD(cfg_namespace, enable), "0 or 1" },
	{ CFG_NAMESPACE, "readonly", parse_bool, FIELD(cfg_namespace, readonly), "0 or 1" },
	{ CFG_NAMESPACE, "ana_grpid", parse_u32, FIELD(cfg_namespace, ana_grpid), "a number" },
	{ CFG_NAMESPACE, "device_p2pmem", parse_no_p2pmem, 0, 0, "there is no peer-to-peer memory here" },
	{ CFG_NAMESPACE, "device_path", parse_string_or_none, FIELD(cfg_namespace, device_path),
	  "a path, mem:SIZE or null:SIZE" },
	{ CFG_NAMESPACE, "device_uuid", parse_uuid, FIELD(cfg_namespace, device_uuid), "a UUID" },
	{ CFG_NAMESPACE, "device_nguid", parse_nguid, FIELD(cfg_namespace, device_nguid),
	  "16 bytes in hexadecimal, or a UUID" },
	{ CFG_NAMESPACE, "buffered_io", parse_ignored, 0, 0, "" },
	{ CFG_NAMESPACE, "p2pmem", parse_no_p2pmem, 0, 0, "there is no peer-to-peer memory here" },
	{ CFG_NAMESPACE, "resv_enable", parse_off, 0, 0,
	  "reservations are not supported, and hosts that count on them could overwrite each other" },
	{ CFG_NAMESPACE, "revalidate_size", parse_ignored, 0, 0, "" },

	{ CFG_PORT, "portid", parse_u32, FIELD(cfg_port, portid), "a number" },
	{ CFG_PORT, "addr_traddr", parse_string, FIELD(cfg_port, addr_traddr), "an IPv4 or IPv6 address" },
	{ CFG_PORT, "addr_trsvcid", parse_string, FIELD(cfg_port, addr_trsvcid), "a port number" },
	{ CFG_PORT, "addr_adrfam", parse_adrfam, FIELD(cfg_port, addr_adrfam), "\"ipv4\" or \"ipv6\"" },
	{ CFG_PORT, "addr_trtype", parse_trtype, 0, 0, "\"tcp\"" },
	{ CFG_PORT, "addr_tsas", parse_tsas, FIELD(cfg_port, addr_tsas_tls13), "\"none\" or \"tls1.3\"" },
	{ CFG_PORT, "addr_treq", parse_treq, FIELD(cfg_port, addr_treq),
	  "\"not specified\", \"required\" or \"not required\"" },
	{ CFG_PORT, "param_inline_data_size", parse_ignored, 0, 0, "" },
	{ CFG_PORT, "param_max_queue_size", parse_ignored, 0, 0, "" },
	{ CFG_PORT, "param_mdts", parse_ignored, 0, 0, "" },
	{ CFG_PORT, "param_pi_enable", parse_off, 0, 0, NO_PI },

	{ CFG_PASSTHRU, "device_path", parse_string_or_none, FIELD(cfg_passthru, device_path), "a path" },
	{ CFG_PASSTHRU, "enable", parse_off, 0, 0,
	  "passthru of a controller is not supported; export its namespaces by device_path" },
	{ CFG_PASSTHRU, "admin_timeout", parse_ignored, 0, 0, "" },
	{ CFG_PASSTHRU, "io_timeout", parse_ignored, 0, 0, "" },
	{ CFG_PASSTHRU, "clear_ids", parse_ignored, 0, 0, "" },

	{ CFG_ANA_GROUP, "grpid", parse_u32, FIELD(cfg_ana_group, grpid), "a number" },
	{ CFG_ANA_GROUP, "ana_grpid", parse_u32, FIELD(cfg_ana_group, grpid), "a number" },
	{ CFG_ANA_GROUP, "ana_state", parse_string, FIELD(cfg_ana_group, ana_state), "an ANA state" },
};

/* Not a value of ours: is that a mistake of form, a loss, or only worth a word? */
static enum cfg_verdict unfit(const struct attr *a, const char *text, char *what, size_t what_size)
{
	if (a->parse == parse_zero || a->parse == parse_no_p2pmem) {
		snprintf(what, what_size, "\"%.100s\" has no effect: %s", text, a->wants);
		return CFG_ATTR_NO_EFFECT;
	}
	/* not the text: it may be a secret */
	if (a->parse == parse_refused || (a->parse == parse_off && truth(text) == 1))
		snprintf(what, what_size, "%s", a->wants);
	else
		snprintf(what, what_size, "\"%.100s\" does not fit; it wants %s", text,
			 a->parse == parse_off ? "0" : a->wants);
	return CFG_ATTR_BAD;
}

enum cfg_verdict cfg_attr_set(enum cfg_object object, void *ptr, const char *name, const char *text,
			      char *what, size_t what_size)
{
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++) {
		const struct attr *a = &attrs[i];

		if (a->object != object || strcmp(a->name, name) != 0)
			continue;
		if (a->parse(a, (char *)ptr + a->offset, text))
			return CFG_ATTR_GOOD;
		return unfit(a, text, what, what_size);
	}
	snprintf(what, what_size, "there is no such attribute");
	return CFG_ATTR_BAD;
}
