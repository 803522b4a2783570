/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/target_report.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "loop/loop.h"

bool target_write_addr_file(const struct node *n, const char *path)
{
	char tmp[4096];
	FILE *f;
	bool good;

	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.tmp", path) >= sizeof(tmp)) {
		log_error("address file: %s", strerror(ENAMETOOLONG));
		return false;
	}
	f = fopen(tmp, "we");
	good = f != NULL;
	for (size_t i = 0; good && node_listen_addr(n, i)[0]; i++)
		good = fprintf(f, "%s\n", node_listen_addr(n, i)) > 0;
	if (f)
		good = fclose(f) == 0 && good;
	if (good && rename(tmp, path) == 0)
		return true;
	log_error("address file %s: %s; it is written beside its place and renamed", path,
		  strerror(errno));
	if (f)
		unlink(tmp);
	return false;
}

static void add_u64(struct json_object *o, const char *name, uint64_t v)
{
	json_object_object_add(o, name, json_object_new_uint64(v));
}

static void add_node(struct json_object *o, const struct node_counters *c)
{
	add_u64(o, "accepted", c->accepted);
	add_u64(o, "refused_half_open", c->refused_half_open);
	add_u64(o, "handshakes_ok", c->handshakes_ok);
	add_u64(o, "handshakes_failed", c->handshakes_failed);
	add_u64(o, "connections", c->connections);
	add_u64(o, "half_open", c->half_open);
	add_u64(o, "recvs", c->recvs);
	add_u64(o, "sends", c->sends);
	add_u64(o, "bytes_rx", c->bytes_rx);
	add_u64(o, "bytes_tx", c->bytes_tx);
	add_u64(o, "key_updates_received", c->key_updates_received);
	add_u64(o, "key_updates_sent", c->key_updates_sent);
}

void target_report(const struct node *n, struct world *const *worlds, uint32_t count)
{
	struct json_object *o = json_object_new_object();
	struct loop_counters loop, sum = { 0 };
	struct node_counters counters;
	struct rusage usage;

	node_counters(n, &counters);
	add_node(o, &counters);
	for (uint32_t i = 0; i < count; i++) {
		loop_counters(worlds[i], &loop);
		sum.syscalls_recv += loop.syscalls_recv;
		sum.syscalls_send += loop.syscalls_send;
		sum.syscalls_wait += loop.syscalls_wait;
	}
	add_u64(o, "syscalls_recv", sum.syscalls_recv);
	add_u64(o, "syscalls_send", sum.syscalls_send);
	add_u64(o, "syscalls_wait", sum.syscalls_wait);
	getrusage(RUSAGE_SELF, &usage);
	add_u64(o, "cpu_user_us", (uint64_t)usage.ru_utime.tv_sec * 1000000u + (uint64_t)usage.ru_utime.tv_usec);
	add_u64(o, "cpu_sys_us", (uint64_t)usage.ru_stime.tv_sec * 1000000u + (uint64_t)usage.ru_stime.tv_usec);
	fprintf(stderr, "stats: %s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
}
