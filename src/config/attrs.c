/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/attrs.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static bool parse_bool(const struct attr *a, void *field, const char *text)
{
	bool yes = strcmp(text, "1") == 0 || strcmp(text, "true") == 0;

	(void)a;
	if (!yes && strcmp(text, "0") != 0 && strcmp(text, "false") != 0)
		return false;
	*(bool *)field = yes;
	return true;
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
	(void)a;
	*(bool *)field = strcmp(text, "ipv6") == 0;
	return *(bool *)field || strcmp(text, "ipv4") == 0;
}

static bool parse_trtype(const struct attr *a, void *field, const char *text)
{
	(void)a;
	(void)field;
	return strcmp(text, "tcp") == 0;
}

/* Known to nvmet, without effect here. */
static bool parse_ignored(const struct attr *a, void *field, const char *text)
{
	(void)a;
	(void)field;
	(void)text;
	return true;
}

/* Known to nvmet, and wrong to ignore: someone relies on it for safety. */
static bool parse_refused(const struct attr *a, void *field, const char *text)
{
	(void)a;
	(void)field;
	return text[0] == '\0';
}

#define FIELD(type, field) offsetof(struct type, field), sizeof(((struct type *)0)->field)
#define AUTH_WANTS "nothing: in-band authentication is not supported yet; remove it or use TLS PSKs"

static const struct attr attrs[] = {
	{ CFG_HOST, "nqn", parse_string, FIELD(cfg_host, nqn), "an NQN" },
	{ CFG_HOST, "dhchap_key", parse_refused, 0, 0, AUTH_WANTS },
	{ CFG_HOST, "dhchap_ctrl_key", parse_refused, 0, 0, AUTH_WANTS },
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
	{ CFG_SUBSYS, "attr_ieee_oui", parse_ignored, 0, 0, "" },
	{ CFG_SUBSYS, "attr_vendor_id", parse_ignored, 0, 0, "" },
	{ CFG_SUBSYS, "attr_subsys_vendor_id", parse_ignored, 0, 0, "" },
	{ CFG_SUBSYS, "attr_pi_enable", parse_ignored, 0, 0, "" },

	{ CFG_NAMESPACE, "nsid", parse_u32, FIELD(cfg_namespace, nsid), "a number" },
	{ CFG_NAMESPACE, "enable", parse_bool, FIELD(cfg_namespace, enable), "0 or 1" },
	{ CFG_NAMESPACE, "readonly", parse_bool, FIELD(cfg_namespace, readonly), "0 or 1" },
	{ CFG_NAMESPACE, "ana_grpid", parse_u32, FIELD(cfg_namespace, ana_grpid), "a number" },
	{ CFG_NAMESPACE, "device_p2pmem", parse_ignored, 0, 0, "" },
	{ CFG_NAMESPACE, "device_path", parse_string, FIELD(cfg_namespace, device_path),
	  "a path, mem:SIZE or null:SIZE" },
	{ CFG_NAMESPACE, "device_uuid", parse_uuid, FIELD(cfg_namespace, device_uuid), "a UUID" },
	{ CFG_NAMESPACE, "device_nguid", parse_uuid, FIELD(cfg_namespace, device_nguid), "a UUID" },
	{ CFG_NAMESPACE, "buffered_io", parse_ignored, 0, 0, "" },
	{ CFG_NAMESPACE, "p2pmem", parse_ignored, 0, 0, "" },
	{ CFG_NAMESPACE, "resv_enable", parse_ignored, 0, 0, "" },
	{ CFG_NAMESPACE, "revalidate_size", parse_ignored, 0, 0, "" },

	{ CFG_PORT, "portid", parse_u32, FIELD(cfg_port, portid), "a number" },
	{ CFG_PORT, "addr_traddr", parse_string, FIELD(cfg_port, addr_traddr), "an IPv4 or IPv6 address" },
	{ CFG_PORT, "addr_trsvcid", parse_string, FIELD(cfg_port, addr_trsvcid), "a port number" },
	{ CFG_PORT, "addr_adrfam", parse_adrfam, FIELD(cfg_port, addr_adrfam_ipv6), "\"ipv4\" or \"ipv6\"" },
	{ CFG_PORT, "addr_trtype", parse_trtype, 0, 0, "\"tcp\"" },
	{ CFG_PORT, "addr_tsas", parse_tsas, FIELD(cfg_port, addr_tsas_tls13), "\"none\" or \"tls1.3\"" },
	{ CFG_PORT, "addr_treq", parse_treq, FIELD(cfg_port, addr_treq),
	  "\"not specified\", \"required\" or \"not required\"" },
	{ CFG_PORT, "param_inline_data_size", parse_ignored, 0, 0, "" },
	{ CFG_PORT, "param_max_queue_size", parse_ignored, 0, 0, "" },
	{ CFG_PORT, "param_mdts", parse_ignored, 0, 0, "" },
	{ CFG_PORT, "param_pi_enable", parse_ignored, 0, 0, "" },
};

bool cfg_attr_set(enum cfg_object object, void *ptr, const char *name, const char *text,
		  char *what, size_t what_size)
{
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++) {
		const struct attr *a = &attrs[i];

		if (a->object != object || strcmp(a->name, name) != 0)
			continue;
		if (a->parse(a, (char *)ptr + a->offset, text))
			return true;
		snprintf(what, what_size, "\"%.100s\" does not fit; it wants %s", text, a->wants);
		return false;
	}
	snprintf(what, what_size, "there is no such attribute");
	return false;
}
