/* SPDX-License-Identifier: BSD-3-Clause */
/* connect, connect-all, disconnect: devices come and go. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "cli/address.h"
#include "cli/hosts.h"
#include "cli/verbs.h"
#include "daemon/control.h"
#include "nvme/discovery.h"

#define DISCONNECT_MS 60000	/* with a flush that takes its time */

struct connect_options {
	struct address a;
	bool loop, duplicate;
};

#define AT(member) offsetof(struct connect_options, member)

static const struct opt connect_opts[] = {
	{ "loop", 0, OPT_FLAG, AT(loop), NULL, "attach a loop device to each namespace (root)", 0,
	  0 },
	{ "duplicate-connect", 'D', OPT_FLAG, AT(duplicate), NULL,
	  "connect also when there is a connection already", 0, 0 },
};

/* In JSON, the device goes to @list, or is all there is to print (@list NULL). */
static int start(const struct report *r, const struct address *a, bool loop,
		 struct json_object *list)
{
	struct json_object *info, *o;
	int rc = hosts_start(r, a, loop, &info);

	if (rc != GO_ON)
		return rc;
	if (r->json) {
		o = json_object_new_object();
		json_object_object_add(o, "device", json_object_new_string(info_text(info, "name")));
		rc = EXIT_DONE;
		if (list)
			json_object_array_add(list, o);
		else
			rc = report_json(o);
	} else {
		printf("connecting to device: %s\n", info_text(info, "name"));
		rc = report_flush(r);
	}
	json_object_put(info);
	return rc;
}

int cmd_connect(const struct verb *v, int argc, char **argv)
{
	static struct hosts h;
	struct connect_options o = { .a = ADDRESS_INIT };
	const struct opt_set sets[] = { { connect_opts, ARRAY_SIZE(connect_opts), &o },
					OPTIONS_RECOVERY(&o.a),
					OPTIONS_ADDRESS(&o.a) };
	struct nvmetls_options unused;
	int rc = options_parse(v, sets, ARRAY_SIZE(sets), argc, argv);
	struct report r = { .verb = v->name, .json = o.a.json };
	const char *other;

	if (rc == GO_ON)
		rc = address_check(v, &o.a, false, &unused);
	if (rc == GO_ON)
		rc = hosts_ask(&r, &h);
	if (rc != GO_ON)
		goto out;
	other = o.duplicate ? NULL : hosts_connected(&h, &o.a);
	if (other)
		rc = report_failed(&r, "already-connected", "-D connects once more",
				   "already connected: %s", other);
	else
		rc = start(&r, &o.a, o.loop, NULL);
	hosts_free(&h);
out:
	address_done(&o.a);
	return rc;
}

/* ---- connect-all ---- */

/* One record of the discovery log; EXIT_DONE also for what is not to be connected. */
static int connect_record(const struct report *r, const struct connect_options *o,
			  const struct hosts *h, struct nvmetls_discovery_record *d,
			  struct json_object *list)
{
	struct address a = o->a;
	int rc;

	if (d->subtype != NVME_NQN_NVME || d->trtype != NVMF_TRTYPE_TCP)
		return EXIT_DONE;
	a.traddr = d->traddr;
	a.trsvcid = d->trsvcid;
	a.nqn = d->subnqn;
	a.tls = a.tls || d->sectype == NVMF_TCP_SECTYPE_TLS13;
	if (!o->duplicate && hosts_connected(h, &a))
		rc = EXIT_DONE;
	else
		rc = start(r, &a, o->loop, list);
	address_done(&a);
	return rc;
}

static int connect_log(const struct report *r, const struct connect_options *o,
		       struct nvmetls_discovery *d)
{
	struct json_object *list, *json;
	static struct hosts h;
	int rc = hosts_ask(r, &h), all = EXIT_DONE;

	if (rc != GO_ON)
		return rc;
	list = json_object_new_array();
	for (size_t i = 0; i < d->count; i++)
		if (connect_record(r, o, &h, &d->record[i], list) != EXIT_DONE)
			all = EXIT_FAILED;
	hosts_free(&h);
	/* what failed was said by itself, and is then all that is said */
	if (!r->json || all != EXIT_DONE) {
		json_object_put(list);
		return all;
	}
	json = json_object_new_object();
	json_object_object_add(json, "connected", list);
	return report_json(json);
}

int cmd_connect_all(const struct verb *v, int argc, char **argv)
{
	struct connect_options o = { .a = ADDRESS_INIT };
	const struct opt_set sets[] = { { connect_opts, ARRAY_SIZE(connect_opts), &o },
					OPTIONS_RECOVERY(&o.a),
					OPTIONS_ADDRESS(&o.a) };
	struct nvmetls_discovery *d = NULL;
	struct nvmetls_options options;
	struct nvmetls_error e;
	int rc = options_parse(v, sets, ARRAY_SIZE(sets), argc, argv);
	struct report r = { .verb = v->name, .json = o.a.json };

	if (rc == GO_ON)
		rc = address_check(v, &o.a, true, &options);
	if (rc == GO_ON) {
		memset(&e, 0, sizeof(e));
		options.io_queues = 0;
		rc = nvmetls_discover(&options, &d, &e) ? report_error(&r, &e) :
							  connect_log(&r, &o, d);
		nvmetls_discovery_free(d);
	}
	address_done(&o.a);
	return rc;
}

/* ---- disconnect ---- */

struct disconnect_options {
	char *nqn, *device;
	bool force, json;
};

#define DAT(member) offsetof(struct disconnect_options, member)

static const struct opt disconnect_opts[] = {
	{ "nqn", 'n', OPT_TEXT, DAT(nqn), "NQN", "all connections to that subsystem", 0, 0 },
	{ "device", 'd', OPT_TEXT, DAT(device), "DEV", "the connection nvmeX, or the one of the device nvmeXnY", 0, 0 },
	{ "force", 0, OPT_FLAG, DAT(force), NULL, "also while it is open or mounted", 0, 0 },
	{ "output-format", 'o', OPT_FORMAT, DAT(json), "FMT", "output format: normal|json", 0, 0 },
};

static int disconnect_one(const struct report *r, const struct hosts *h, size_t i, bool force)
{
	struct json_object *o = control_ask(
		&h->dir, h->x[i], force ? "disconnect force" : "disconnect", DISCONNECT_MS);
	int rc = o && json_object_object_get_ex(o, "done", NULL) ? EXIT_DONE : hosts_error(r, o);

	json_object_put(o);
	return rc;
}

static int disconnect(const struct report *r, const struct hosts *h,
		      const struct disconnect_options *o, unsigned int x)
{
	unsigned int done = 0, failed = 0;
	struct json_object *json;

	for (size_t i = 0; i < h->count; i++) {
		bool it = o->nqn ? strcmp(info_text(h->info[i], "subsysnqn"), o->nqn) == 0 :
				   h->x[i] == x;

		if (!it && !h->info[i] && o->nqn) {
			report_failed(r, "not-answering", "nvmetls disconnect -d names it; see its log",
				      "nvme%u does not answer, it may be connected to that", h->x[i]);
			failed++;
		}
		if (it && disconnect_one(r, h, i, o->force) == EXIT_DONE)
			done++;
		else if (it)
			failed++;
	}
	if (failed && done && !r->json)
		printf("NQN:%s disconnected %u controller(s)\n", o->nqn, done);
	if (failed)
		return EXIT_FAILED;
	if (!o->nqn && !done)
		return report_failed(r, "not-connected", "nvmetls list shows what there is",
				     "there is no connection %s", o->device);
	if (r->json) {
		json = json_object_new_object();
		json_object_object_add(json, "disconnected", json_object_new_int((int)done));
		return report_json(json);
	}
	if (o->nqn)
		printf("NQN:%s disconnected %u controller(s)\n", o->nqn, done);
	return report_flush(r);
}

int cmd_disconnect(const struct verb *v, int argc, char **argv)
{
	static struct hosts h;
	struct disconnect_options o = { .nqn = NULL };
	const struct opt_set sets[] = { { disconnect_opts, ARRAY_SIZE(disconnect_opts), &o } };
	int rc = options_parse(v, sets, 1, argc, argv);
	struct report r = { .verb = v->name, .json = o.json };
	unsigned int x = 0;

	if (rc != GO_ON)
		return rc;
	if (!o.nqn == !o.device)
		return options_misuse(v, "one of --nqn and --device is needed");
	if (o.device && !hosts_number(o.device, &x))
		return options_misuse(v, "--device: \"%s\" is not nvmeX or nvmeXnY", o.device);
	rc = hosts_ask(&r, &h);
	if (rc != GO_ON)
		return rc;
	rc = disconnect(&r, &h, &o, x);
	hosts_free(&h);
	return rc;
}
