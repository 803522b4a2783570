/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/print_discovery.h"

#include <inttypes.h>
#include <json-c/json.h>

#include "nvme/discovery.h"

void print_discovery(FILE *to, const struct nvmetls_discovery *d)
{
	fprintf(to, "\nDiscovery Log Number of Records %zu, Generation counter %" PRIu64 "\n",
		d->count, d->genctr);
	for (size_t i = 0; i < d->count; i++) {
		const struct nvmetls_discovery_record *r = &d->record[i];

		fprintf(to, "=====Discovery Log Entry %zu======\n", i);
		fprintf(to, "trtype:  %s\n", nvmf_trtype_str(r->trtype));
		fprintf(to, "adrfam:  %s\n", r->traddr[0] ? nvmf_adrfam_str(r->adrfam) : "");
		fprintf(to, "subtype: %s\n", nvmf_subtype_str(r->subtype));
		fprintf(to, "treq:    %s\n", nvmf_treq_str(r->treq));
		fprintf(to, "portid:  %u\n", r->portid);
		fprintf(to, "trsvcid: %s\n", r->trsvcid);
		fprintf(to, "subnqn:  %s\n", r->subnqn);
		fprintf(to, "traddr:  %s\n", r->traddr);
		fprintf(to, "eflags:  %s\n", nvmf_eflags_str(r->eflags));
		if (r->trtype == NVMF_TRTYPE_TCP)
			fprintf(to, "sectype: %s\n", nvmf_sectype_str(r->sectype));
	}
}

static void add(struct json_object *o, const char *name, const char *text)
{
	json_object_object_add(o, name, json_object_new_string(text));
}

static struct json_object *json_record(const struct nvmetls_discovery_record *r)
{
	struct json_object *o = json_object_new_object();

	add(o, "trtype", nvmf_trtype_str(r->trtype));
	add(o, "adrfam", nvmf_adrfam_str(r->adrfam));
	add(o, "subtype", nvmf_subtype_str(r->subtype));
	add(o, "treq", nvmf_treq_str(r->treq));
	json_object_object_add(o, "portid", json_object_new_int(r->portid));
	add(o, "trsvcid", r->trsvcid);
	add(o, "subnqn", r->subnqn);
	add(o, "traddr", r->traddr);
	add(o, "eflags", nvmf_eflags_str(r->eflags));
	if (r->trtype == NVMF_TRTYPE_TCP)
		add(o, "sectype", nvmf_sectype_str(r->sectype));
	return o;
}

struct json_object *json_discovery(const struct nvmetls_discovery *d)
{
	struct json_object *o = json_object_new_object(), *records = json_object_new_array();

	json_object_object_add(o, "genctr", json_object_new_uint64(d->genctr));
	for (size_t i = 0; i < d->count; i++)
		json_object_array_add(records, json_record(&d->record[i]));
	json_object_object_add(o, "records", records);
	return o;
}
