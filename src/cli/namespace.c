/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/namespace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "nvme/command.h"
#include "nvme/identify.h"
#include "nvme/status.h"

#define SHOWN_MAX 8 /* identifiers in one line */

/* "there are 1, 2" into @text; "" where the controller does not say. */
static void which_there_are(struct nvmetls *c, char *text, size_t size)
{
	struct nvme_ns_list list = { 0 };
	struct nvmetls_admin cmd = { .data = &list, .len = sizeof(list) };
	struct nvme_sqe sqe;
	size_t at;

	text[0] = '\0';
	nvme_sqe_identify(&sqe, NVME_CNS_NS_ACTIVE_LIST, 0, 0, 0);
	memcpy(cmd.sqe, &sqe, sizeof(cmd.sqe));
	if (nvmetls_admin_command(c, &cmd))
		return;
	at = (size_t)snprintf(text, size, "there %s",
			      load_le32(list.ns[0]) ? "are" : "is none at all");
	for (size_t i = 0; i < SHOWN_MAX && load_le32(list.ns[i]); i++)
		at += (size_t)snprintf(text + at, size - at, "%s %" PRIu32, i ? "," : "",
				       load_le32(list.ns[i]));
	if (load_le32(list.ns[SHOWN_MAX]))
		snprintf(text + at, size - at, " and more; see nvmetls list-ns");
}

int namespace_unknown(const struct report *r, struct nvmetls *c, uint32_t nsid)
{
	char which[256];

	which_there_are(c, which, sizeof(which));
	return report_failed(r, "namespace-unknown",
			     which[0] ? which : "nvmetls list-ns shows what there is",
			     "there is no namespace %" PRIu32, nsid);
}

int namespace_open(const struct report *r, struct nvmetls *c, uint32_t nsid, struct nvmetls_ns *ret)
{
	int rc = nvmetls_namespace(c, nsid, ret);

	if (rc > 0 && ((unsigned int)rc & NVME_STATUS_CODE_MASK) == NVME_SC_INVALID_NS)
		return namespace_unknown(r, c, nsid);
	if (rc == -ENOTSUP)
		return report_failed(r, "namespace-format",
				     "use one without metadata, with blocks of 512 to 65536 bytes",
				     "namespace %" PRIu32 " has a format that is not served here", nsid);
	return rc ? report_command(r, c, rc) : GO_ON;
}

int namespace_io_failed(const struct report *r, struct nvmetls *c, const struct nvmetls_ns *ns,
			int status)
{
	char hint[128];

	if (status <= 0 || ((unsigned int)status & NVME_STATUS_CODE_MASK) != NVME_SC_LBA_RANGE ||
	    !ns->blocks)
		return report_command(r, c, status);
	snprintf(hint, sizeof(hint), "namespace %" PRIu32 " has blocks 0 to %" PRIu64 " of %" PRIu32
		 " bytes", ns->nsid, ns->blocks - 1, ns->block_bytes);
	return report_status_hint(r, status, hint);
}
