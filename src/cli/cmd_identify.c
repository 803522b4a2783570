/* SPDX-License-Identifier: BSD-3-Clause */
/* id-ctrl, id-ns, list-ns, show-regs: admin commands on a connection without I/O queues. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "base/bytes.h"
#include "cli/address.h"
#include "cli/namespace.h"
#include "cli/print_identify.h"
#include "cli/verbs.h"
#include "nvme/command.h"
#include "nvme/fabrics.h"
#include "nvme/status.h"

struct identify_options {
	struct address a;
	uint64_t nsid;
};

#define AT(member) offsetof(struct identify_options, member)

static const struct opt nsid_opts[] = {
	{ "namespace-id", 'N', OPT_NUMBER, AT(nsid), "N", "identifier of the namespace (default 1)", 1,
	  0xfffffffe },
};

static const struct opt first_opts[] = {
	{ "namespace-id", 'N', OPT_NUMBER, AT(nsid), "N",
	  "list the namespaces from this identifier on (default 1)", 1, 0xfffffffe },
};

/* What a verb does with its connection. */
typedef int (*work_fn)(const struct report *r, struct nvmetls *c, const struct identify_options *o);

static int with_controller(const struct verb *v, const struct opt *own, size_t own_count, int argc,
			   char **argv, work_fn work)
{
	struct identify_options o = { .a = ADDRESS_INIT, .nsid = 1 };
	const struct opt_set sets[] = { { own, own_count, &o }, OPTIONS_ADDRESS(&o.a) };
	struct nvmetls_options options;
	struct nvmetls *c;
	int rc = options_parse(v, sets, ARRAY_SIZE(sets), argc, argv);
	struct report r = { .verb = v->name, .json = o.a.json };

	if (rc == GO_ON)
		rc = address_check(v, &o.a, false, &options);
	if (rc == GO_ON)
		rc = address_connect(&r, &options, &c);
	address_done(&o.a);
	if (rc != GO_ON)
		return rc;
	rc = work(&r, c, &o);
	nvmetls_disconnect(c);
	return rc;
}

/* 0, or what the library returned. @data: 4096 bytes. */
static int identify(struct nvmetls *c, uint8_t cns, uint32_t nsid, void *data)
{
	struct nvmetls_admin cmd = { .data = data, .len = NVME_IDENTIFY_BYTES };
	struct nvme_sqe sqe;

	memset(data, 0, NVME_IDENTIFY_BYTES);
	nvme_sqe_identify(&sqe, cns, nsid, 0, 0);
	memcpy(cmd.sqe, &sqe, sizeof(cmd.sqe));
	return nvmetls_admin_command(c, &cmd);
}

static int id_ctrl(const struct report *r, struct nvmetls *c, const struct identify_options *o)
{
	struct nvme_id_ctrl id;
	int rc = identify(c, NVME_CNS_CTRL, 0, &id);

	(void)o;
	if (rc)
		return report_command(r, c, rc);
	if (r->json)
		return report_json(json_id_ctrl(&id));
	print_id_ctrl(stdout, &id);
	return report_flush(r);
}

static int id_ns(const struct report *r, struct nvmetls *c, const struct identify_options *o)
{
	struct nvme_id_ns ns;
	int rc = identify(c, NVME_CNS_NS, (uint32_t)o->nsid, &ns);

	if (rc > 0 && ((unsigned int)rc & NVME_STATUS_CODE_MASK) == NVME_SC_INVALID_NS)
		return namespace_unknown(r, c, (uint32_t)o->nsid);
	if (rc)
		return report_command(r, c, rc);
	if (load_le64(ns.nsze) == 0)	/* Base 2.1 5.1.13.2.1: zeroes for an inactive NSID */
		return namespace_unknown(r, c, (uint32_t)o->nsid);
	if (r->json)
		return report_json(json_id_ns(&ns));
	print_id_ns(stdout, &ns, (uint32_t)o->nsid);
	return report_flush(r);
}

static int list_ns(const struct report *r, struct nvmetls *c, const struct identify_options *o)
{
	struct nvme_ns_list list;
	/* the command returns what is greater than its NSID */
	int rc = identify(c, NVME_CNS_NS_ACTIVE_LIST, (uint32_t)o->nsid - 1, &list);

	if (rc)
		return report_command(r, c, rc);
	if (r->json)
		return report_json(json_list_ns(&list));
	print_list_ns(stdout, &list);
	return report_flush(r);
}

static const struct {
	const char *name, *json_name;
	enum nvme_property prop;
	bool optional;
} regs[] = {
	{ "cap", "cap", NVME_REG_CAP, false },	  { "version", "vs", NVME_REG_VS, false },
	{ "cc", "cc", NVME_REG_CC, false },	  { "csts", "csts", NVME_REG_CSTS, false },
	{ "nssr", "nssr", NVME_REG_NSSR, true },
};

/* Optional properties that a controller does not have are left out, as nvme-cli does. */
static int show_regs(const struct report *r, struct nvmetls *c, const struct identify_options *o)
{
	struct json_object *json = r->json ? json_object_new_object() : NULL;
	uint64_t value;
	int rc = 0;

	(void)o;
	for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
		rc = nvmetls_property_get(c, regs[i].prop, nvme_property_size(regs[i].prop) == 8,
					  &value);
		if (rc > 0 && regs[i].optional)
			rc = 0;
		else if (rc)
			break;
		else if (json)
			json_object_object_add(json, regs[i].json_name,
					       json_object_new_uint64(value));
		else
			printf("%-8s: %#" PRIx64 "\n", regs[i].name, value);
	}
	if (rc) {
		json_object_put(json);
		return report_command(r, c, rc);
	}
	return json ? report_json(json) : report_flush(r);
}

int cmd_id_ctrl(const struct verb *v, int argc, char **argv)
{
	return with_controller(v, NULL, 0, argc, argv, id_ctrl);
}

int cmd_id_ns(const struct verb *v, int argc, char **argv)
{
	return with_controller(v, nsid_opts, ARRAY_SIZE(nsid_opts), argc, argv, id_ns);
}

int cmd_list_ns(const struct verb *v, int argc, char **argv)
{
	return with_controller(v, first_opts, ARRAY_SIZE(first_opts), argc, argv, list_ns);
}

int cmd_show_regs(const struct verb *v, int argc, char **argv)
{
	return with_controller(v, NULL, 0, argc, argv, show_regs);
}
