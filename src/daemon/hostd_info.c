/* SPDX-License-Identifier: BSD-3-Clause */
/* What a running host knows about its controller, and tells. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "daemon/hostd_impl.h"
#include "nvme/command.h"
#include "nvme/identify.h"
#include "nvme/uuid.h"

static int identify(struct nvmetls *c, uint8_t cns, uint32_t nsid, void *data)
{
	struct nvmetls_admin cmd = { .data = data, .len = NVME_IDENTIFY_BYTES };
	struct nvme_sqe sqe;

	memset(data, 0, NVME_IDENTIFY_BYTES);
	nvme_sqe_identify(&sqe, cns, nsid, 0, 0);
	memcpy(cmd.sqe, &sqe, sizeof(cmd.sqe));
	return nvmetls_admin_command(c, &cmd);
}

/* Blank-padded ASCII without its padding. */
static void text(char *ret, const void *src, size_t len)
{
	log_safe(ret, len + 1, src, len);
	for (size_t n = strlen(ret); n && ret[n - 1] == ' '; n--)
		ret[n - 1] = '\0';
}

static int identify_device(struct hostd *h, uint32_t nsid, struct nvme_id_ns *id)
{
	struct hostd_device *d = &h->devices[h->count];
	struct nvmetls_ns ns;
	int rc = nvmetls_namespace(h->conn, nsid, &ns);

	if (rc == 0)
		rc = identify(h->conn, NVME_CNS_NS, nsid, id);
	if (rc == -ENOTSUP) {
		log_warn("namespace %u has metadata or a block size that is not served", nsid);
		return 0;
	}
	if (rc)
		return rc;
	d->used_blocks = load_le64(id->nuse);
	snprintf(d->name, sizeof(d->name), "%sn%u", h->name, nsid);
	run_path(&h->dir, h->x, strchr(d->name, 'n') + strlen(h->name), d->path);
	disk_init(&d->fuse.disk, &ns, &h->device);
	h->count++;
	return 0;
}

static bool has_device(const struct hostd *h, uint32_t nsid)
{
	for (unsigned int i = 0; i < h->count; i++)
		if (h->devices[i].fuse.disk.ns.nsid == nsid)
			return true;
	return false;
}

static int identify_active(struct hostd *h, void *data)
{
	struct nvme_ns_list list;
	int rc = identify(h->conn, NVME_CNS_NS_ACTIVE_LIST, 0, &list);

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(list.ns); i++) {
		uint32_t nsid = load_le32(list.ns[i]);

		if (nsid == 0)
			break;
		if (has_device(h, nsid))
			continue;
		if (h->count == HOSTD_DEVICES_MAX) {
			log_warn("only the first %d namespaces become devices", HOSTD_DEVICES_MAX);
			break;
		}
		rc = identify_device(h, nsid, data);
	}
	return rc;
}

static int identify_all(struct hostd *h, void *data)
{
	struct nvme_id_ctrl *id = data;
	int rc = identify(h->conn, NVME_CNS_CTRL, 0, id);

	if (rc)
		return rc;
	text(h->serial, id->sn, sizeof(id->sn));
	text(h->model, id->mn, sizeof(id->mn));
	text(h->firmware, id->fr, sizeof(id->fr));
	return identify_active(h, data);
}

int hostd_identify_more(struct hostd *h)
{
	void *data = malloc(NVME_IDENTIFY_BYTES);
	int rc = data ? identify_active(h, data) : -ENOMEM;

	free(data);
	return rc;
}

int hostd_identify(struct hostd *h)
{
	void *data = malloc(NVME_IDENTIFY_BYTES);
	int rc = data ? identify_all(h, data) : -ENOMEM;

	free(data);
	return rc;
}

/* ---- telling ---- */

static void put(struct json_object *o, const char *name, const char *value)
{
	json_object_object_add(o, name, json_object_new_string(value ? value : ""));
}

static void put_number(struct json_object *o, const char *name, uint64_t value)
{
	json_object_object_add(o, name, json_object_new_uint64(value));
}

static struct json_object *device_info(struct hostd_device *d)
{
	struct json_object *o = json_object_new_object();
	const struct nvmetls_ns *ns = &d->fuse.disk.ns;
	char uuid[NVME_UUID_STR_BYTES];

	put(o, "name", d->name);
	put(o, "path", d->path);
	put(o, "loop", d->loop);
	put_number(o, "nsid", ns->nsid);
	put_number(o, "blocks", d->fuse.disk.bytes >> d->fuse.disk.shift);
	put_number(o, "used_blocks", d->used_blocks);
	put_number(o, "block_bytes", ns->block_bytes);
	nvme_uuid_format(ns->uuid, uuid);
	put(o, "uuid", uuid);
	json_object_object_add(o, "read_only", json_object_new_boolean(ns->read_only));
	put_number(o, "opens", atomic_load(&d->fuse.opens));
	return o;
}

struct json_object *hostd_error(const struct nvmetls_error *e)
{
	struct json_object *top = json_object_new_object(), *o = json_object_new_object();

	put(o, "cause", e->cause);
	put(o, "message", e->message);
	put(o, "hint", e->hint);
	json_object_object_add(o, "status", json_object_new_int(e->err));
	json_object_object_add(top, "error", o);
	return top;
}

struct json_object *hostd_info(struct hostd *h)
{
	struct json_object *o = json_object_new_object(), *devices = json_object_new_array();
	const struct nvmetls_options *a = &h->c.options;
	char hostid[NVME_UUID_STR_BYTES];
	struct nvmetls_error why;
	int lost;

	memset(&why, 0, sizeof(why));
	lost = nvmetls_state(h->conn, &why);
	nvmetls_get_info(h->conn, &h->info);
	nvme_uuid_format(h->info.hostid, hostid);
	put(o, "name", h->name);
	put_number(o, "pid", (uint64_t)getpid());
	put(o, "state", lost == -EAGAIN ? "connecting" : lost ? "dead" : "live");
	put(o, "cause", lost ? why.cause : "");
	put(o, "message", lost ? why.message : "");
	put(o, "transport", "tcp");
	put(o, "traddr", a->traddr);
	put(o, "trsvcid", a->trsvcid ? a->trsvcid : "4420");
	put(o, "subsysnqn", a->subsysnqn);
	put(o, "hostnqn", h->info.hostnqn);
	put(o, "hostid", hostid);
	put_number(o, "cntlid", h->info.cntlid);
	put_number(o, "io_queues", h->info.io_queues);
	json_object_object_add(o, "tls", json_object_new_boolean(h->info.tls));
	put(o, "cipher", h->info.cipher);
	put(o, "serial", h->serial);
	put(o, "model", h->model);
	put(o, "firmware", h->firmware);
	for (unsigned int i = 0; i < h->count; i++)
		json_object_array_add(devices, device_info(&h->devices[i]));
	json_object_object_add(o, "devices", devices);
	return o;
}
