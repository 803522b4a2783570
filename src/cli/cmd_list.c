/* SPDX-License-Identifier: BSD-3-Clause */
/* list, list-subsys: what nvmetls-host processes have connected, as nvme-cli 2 shows it. */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "cli/hosts.h"
#include "cli/verbs.h"

struct list_options {
	bool json;
};

static const struct opt list_opts[] = {
	{ "output-format", 'o', OPT_FORMAT, offsetof(struct list_options, json), "FMT",
	  "output format: normal|json", 0, 0 },
};

/* Calls @show with every device of every host. */
static void each_device(const struct hosts *h,
			void (*show)(struct json_object *host, struct json_object *device,
				     void *arg),
			void *arg)
{
	for (size_t i = 0; i < h->count; i++) {
		struct json_object *devices;

		if (!h->info[i] || !json_object_object_get_ex(h->info[i], "devices", &devices))
			continue;
		for (size_t k = 0; k < json_object_array_length(devices); k++)
			show(h->info[i], json_object_array_get_idx(devices, k), arg);
	}
}

/* The shortest of B, kB, MB, ...: powers of 1000, as nvme-cli's "list" has them. */
static double decimal(uint64_t bytes, const char **unit)
{
	static const char *const units[] = { "", "k", "M", "G", "T", "P", "E" };
	double v = (double)bytes;
	size_t i = 0;

	for (; v >= 1000 && i + 1 < ARRAY_SIZE(units); i++)
		v /= 1000;
	*unit = units[i];
	return v;
}

/* The same in powers of 1024, for blocks. */
static uint64_t binary(uint64_t bytes, const char **unit)
{
	bool kib = bytes >= 1024 && bytes % 1024 == 0;

	*unit = kib ? "Ki" : "";
	return kib ? bytes / 1024 : bytes;
}

#define ROW "%-21s %-21s %-20s %-40s %-9s %-26s %-16s %-8s %s\n"

static void print_device(struct json_object *host, struct json_object *d, void *arg)
{
	uint64_t block = info_number(d, "block_bytes");
	const char *used_unit, *size_unit, *block_unit;
	char usage[64], format[32], nsid[16];
	double used = decimal(info_number(d, "used_blocks") * block, &used_unit);
	double size = decimal(info_number(d, "blocks") * block, &size_unit);
	uint64_t n = binary(block, &block_unit);

	(void)arg;
	snprintf(usage, sizeof(usage), "%6.2f %2sB / %6.2f %2sB", used, used_unit, size, size_unit);
	snprintf(format, sizeof(format), "%3" PRIu64 " %2sB + %2d B", n, block_unit, 0);
	snprintf(nsid, sizeof(nsid), "%#" PRIx64, info_number(d, "nsid"));
	printf(ROW, info_text(d, "path"), info_text(d, "loop")[0] ? info_text(d, "loop") : "-",
	       info_text(host, "serial"), info_text(host, "model"), nsid, usage, format,
	       info_text(host, "firmware"), info_text(host, "state"));
}

static void print_list(const struct hosts *h)
{
	printf(ROW, "Node", "Loop", "SN", "Model", "Namespace", "Usage", "Format", "FW Rev", "State");
	printf(ROW, "---------------------", "---------------------", "--------------------",
	       "----------------------------------------", "---------", "--------------------------",
	       "----------------", "--------", "-----");
	each_device(h, print_device, NULL);
}

static void add_text(struct json_object *o, const char *name, const char *value)
{
	json_object_object_add(o, name, json_object_new_string(value));
}

static void add_number(struct json_object *o, const char *name, uint64_t value)
{
	json_object_object_add(o, name, json_object_new_uint64(value));
}

static void json_device(struct json_object *host, struct json_object *d, void *arg)
{
	struct json_object *o = json_object_new_object();
	uint64_t block = info_number(d, "block_bytes"), blocks = info_number(d, "blocks");

	add_number(o, "NameSpace", info_number(d, "nsid"));
	add_text(o, "DevicePath", info_text(d, "path"));
	if (info_text(d, "loop")[0])
		add_text(o, "LoopPath", info_text(d, "loop"));
	add_text(o, "Firmware", info_text(host, "firmware"));
	add_text(o, "ModelNumber", info_text(host, "model"));
	add_text(o, "SerialNumber", info_text(host, "serial"));
	add_number(o, "UsedBytes", info_number(d, "used_blocks") * block);
	add_number(o, "MaximumLBA", blocks);
	add_number(o, "PhysicalSize", blocks * block);
	add_number(o, "SectorSize", block);
	add_text(o, "State", info_text(host, "state"));
	json_object_array_add(arg, o);
}

static struct json_object *json_list(const struct hosts *h)
{
	struct json_object *o = json_object_new_object(), *devices = json_object_new_array();

	each_device(h, json_device, devices);
	json_object_object_add(o, "Devices", devices);
	return o;
}

/* ---- list-subsys ---- */

static bool same(struct json_object *a, struct json_object *b)
{
	return a && b && strcmp(info_text(a, "subsysnqn"), info_text(b, "subsysnqn")) == 0 &&
	       strcmp(info_text(a, "hostnqn"), info_text(b, "hostnqn")) == 0;
}

/* Is @i the first host of its subsystem? */
static bool first_of(const struct hosts *h, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (same(h->info[k], h->info[i]))
			return false;
	return h->info[i] != NULL;
}

static void print_subsys(const struct hosts *h)
{
	for (size_t i = 0; i < h->count; i++) {
		if (!first_of(h, i))
			continue;
		printf("nvme-subsys%u - NQN=%s\n\\\n", h->x[i], info_text(h->info[i], "subsysnqn"));
		for (size_t k = i; k < h->count; k++) {
			struct json_object *o = h->info[k];

			if (same(h->info[i], o))
				printf(" +- %s tcp traddr=%s,trsvcid=%s %s\n", info_text(o, "name"),
				       info_text(o, "traddr"), info_text(o, "trsvcid"),
				       info_text(o, "state"));
		}
	}
}

static struct json_object *json_path(struct json_object *host)
{
	struct json_object *o = json_object_new_object();
	char address[600];

	snprintf(address, sizeof(address), "traddr=%s,trsvcid=%s", info_text(host, "traddr"),
		 info_text(host, "trsvcid"));
	add_text(o, "Name", info_text(host, "name"));
	add_text(o, "Transport", "tcp");
	add_text(o, "Address", address);
	add_text(o, "State", info_text(host, "state"));
	if (info_text(host, "cause")[0]) {
		add_text(o, "Cause", info_text(host, "cause"));
		add_text(o, "Message", info_text(host, "message"));
	}
	return o;
}

/* An object per host NQN and subsystem, as nvme-cli has one per host. */
static struct json_object *json_subsys(const struct hosts *h)
{
	struct json_object *top = json_object_new_array();
	char name[32];

	for (size_t i = 0; i < h->count; i++) {
		struct json_object *o, *list, *s, *paths;

		if (!first_of(h, i))
			continue;
		o = json_object_new_object();
		list = json_object_new_array();
		s = json_object_new_object();
		paths = json_object_new_array();
		add_text(o, "HostNQN", info_text(h->info[i], "hostnqn"));
		add_text(o, "HostID", info_text(h->info[i], "hostid"));
		snprintf(name, sizeof(name), "nvme-subsys%u", h->x[i]);
		add_text(s, "Name", name);
		add_text(s, "NQN", info_text(h->info[i], "subsysnqn"));
		for (size_t k = i; k < h->count; k++)
			if (same(h->info[i], h->info[k]))
				json_object_array_add(paths, json_path(h->info[k]));
		json_object_object_add(s, "Paths", paths);
		json_object_array_add(list, s);
		json_object_object_add(o, "Subsystems", list);
		json_object_array_add(top, o);
	}
	return top;
}

static int show(const struct verb *v, int argc, char **argv, void (*print)(const struct hosts *h),
		struct json_object *(*json)(const struct hosts *h))
{
	static struct hosts h;
	struct list_options o = { .json = false };
	const struct opt_set sets[] = { { list_opts, ARRAY_SIZE(list_opts), &o } };
	int rc = options_parse(v, sets, 1, argc, argv);
	struct report r = { .verb = v->name, .json = o.json };

	if (rc == GO_ON)
		rc = hosts_ask(&r, &h);
	if (rc != GO_ON)
		return rc;
	for (size_t i = 0; i < h.count; i++)
		if (!h.info[i])
			fprintf(stderr, "nvmetls: %s: nvme%u does not answer\n", v->name, h.x[i]);
	if (o.json) {
		rc = report_json(json(&h));
	} else {
		print(&h);
		rc = report_flush(&r);
	}
	hosts_free(&h);
	return rc;
}

int cmd_list(const struct verb *v, int argc, char **argv)
{
	return show(v, argc, argv, print_list, json_list);
}

int cmd_list_subsys(const struct verb *v, int argc, char **argv)
{
	return show(v, argc, argv, print_subsys, json_subsys);
}
