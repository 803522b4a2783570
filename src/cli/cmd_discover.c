/* SPDX-License-Identifier: BSD-3-Clause */
/* discover: the discovery log, in nvme-cli's words. */
#include <json-c/json.h>
#include <string.h>

#include "cli/address.h"
#include "cli/print_discovery.h"
#include "cli/verbs.h"

static int show(const struct report *r, const struct nvmetls_discovery *d)
{
	if (r->json)
		return report_json(json_discovery(d));
	print_discovery(stdout, d);
	return report_flush(r);
}

int cmd_discover(const struct verb *v, int argc, char **argv)
{
	struct address a = ADDRESS_INIT;
	const struct opt_set sets[] = { OPTIONS_ADDRESS(&a) };
	struct nvmetls_discovery *d = NULL;
	struct nvmetls_options o;
	struct nvmetls_error e;
	int rc = options_parse(v, sets, 1, argc, argv);
	struct report r = { .verb = v->name, .json = a.json };

	if (rc == GO_ON)
		rc = address_check(v, &a, true, &o);
	if (rc == GO_ON) {
		memset(&e, 0, sizeof(e));
		rc = nvmetls_discover(&o, &d, &e) ? report_error(&r, &e) : show(&r, d);
		nvmetls_discovery_free(d);
	}
	address_done(&a);
	return rc;
}
