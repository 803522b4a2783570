/* SPDX-License-Identifier: BSD-3-Clause */
/* rotate: running connections go over to the newest key of the key store. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "cli/hosts.h"
#include "cli/verbs.h"
#include "daemon/control.h"

#define ROTATE_MS 90000 /* a connect and a command may take their time */

struct rotate_options {
	char *nqn, *device;
	bool json;
};

#define AT(member) offsetof(struct rotate_options, member)

static const struct opt opts[] = {
	{ "nqn", 'n', OPT_TEXT, AT(nqn), "NQN", "all connections to that subsystem", 0, 0 },
	{ "device", 'd', OPT_TEXT, AT(device), "DEV",
	  "the connection nvmeX, or the one of the device nvmeXnY", 0, 0 },
	{ "output-format", 'o', OPT_FORMAT, AT(json), "FMT", "output format: normal|json", 0, 0 },
};

/* One connection; what became of it goes to @list, or is printed. */
static int rotate_one(const struct report *r, const struct hosts *h, size_t i,
		      struct json_object *list)
{
	struct json_object *o = control_ask(&h->dir, h->x[i], "reconnect", ROTATE_MS), *one;
	int rc = EXIT_DONE;

	if (!o || !json_object_object_get_ex(o, "done", NULL)) {
		rc = hosts_error(r, o);
	} else if (r->json) {
		one = json_object_new_object();
		json_object_object_add(one, "name",
				       json_object_new_string(info_text(h->info[i], "name")));
		json_object_object_add(one, "identity",
				       json_object_new_string(info_text(o, "identity")));
		json_object_array_add(list, one);
	} else {
		printf("%s: %s\n", info_text(h->info[i], "name"),
		       info_text(o, "identity")[0] ? info_text(o, "identity") : "no TLS");
	}
	json_object_put(o);
	return rc;
}

static int rotate(const struct report *r, const struct hosts *h, const struct rotate_options *o,
		  unsigned int x)
{
	struct json_object *list = json_object_new_array(), *json;
	unsigned int found = 0;
	int rc = EXIT_DONE;

	for (size_t i = 0; i < h->count && rc == EXIT_DONE; i++) {
		bool it = o->nqn ? strcmp(info_text(h->info[i], "subsysnqn"), o->nqn) == 0 :
				   h->x[i] == x;

		if (!it)
			continue;
		found++;
		rc = rotate_one(r, h, i, list);
	}
	if (!found)
		rc = report_failed(r, "not-connected", "nvmetls list shows what there is",
				   "there is no connection %s%s", o->nqn ? "to " : "",
				   o->nqn ? o->nqn : o->device);
	if (rc != EXIT_DONE || !r->json) {
		json_object_put(list);
		return rc == EXIT_DONE ? report_flush(r) : rc;
	}
	json = json_object_new_object();
	json_object_object_add(json, "rotated", list);
	return report_json(json);
}

int cmd_rotate(const struct verb *v, int argc, char **argv)
{
	static struct hosts h;
	struct rotate_options o = { .nqn = NULL };
	const struct opt_set sets[] = { { opts, ARRAY_SIZE(opts), &o } };
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
	rc = rotate(&r, &h, &o, x);
	hosts_free(&h);
	return rc;
}
