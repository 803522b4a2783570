/* SPDX-License-Identifier: BSD-3-Clause */
#include "client/reidentify.h"

#include <errno.h>

#include "base/bytes.h"
#include "nvme/command.h"
#include "nvme/status.h"

static void ask(struct reidentify *r, struct hqueue *q, uint8_t cns,
		void (*done)(struct hqueue *q, struct hcmd *c))
{
	r->iov = (struct iovec){ r->data, sizeof(r->data) };
	r->cmd = (struct hcmd){
		.dir = HCMD_FROM_CTRL,
		.iov = &r->iov,
		.iov_count = 1,
		.len = sizeof(r->data),
		.done = done,
	};
	nvme_sqe_identify(&r->cmd.sqe, cns, r->was.nsid, 0, NVME_CSI_NVM);
	hqueue_submit(q, &r->cmd, world_now(r->w));
}

static void descs_done(struct hqueue *q, struct hcmd *c)
{
	static const uint8_t none[sizeof(((struct ns_id *)0)->uuid)];
	struct reidentify *r = container_of(c, struct reidentify, cmd);

	(void)q;
	if (fault_is(c->why))
		return;
	if (c->status == 0)
		ns_id_read_descs(r->data, &r->is);
	else if (memcmp(r->was.uuid, none, sizeof(none)) != 0) {
		r->judged(r->ctx, NS_OTHER, c->status); /* it had them */
		return;
	}
	r->judged(r->ctx, ns_id_compare(&r->was, &r->is), 0);
}

static void ns_done(struct hqueue *q, struct hcmd *c)
{
	struct reidentify *r = container_of(c, struct reidentify, cmd);
	int rc = c->status;

	if (fault_is(c->why))
		return;
	if (rc == 0)
		rc = ns_id_read((const struct nvme_id_ns *)(void *)r->data, r->was.nsid, &r->is);
	if (rc == 0)
		ask(r, q, NVME_CNS_NS_DESC_LIST, descs_done);
	else if (rc > 0 && nvme_status_code((uint16_t)rc) == NVME_SC_INVALID_NS)
		r->judged(r->ctx, NS_GONE, 0);
	else if (rc == -ENOTSUP)
		r->judged(r->ctx, NS_FORMAT, 0);
	else
		r->judged(r->ctx, NS_OTHER, rc);
}

void reidentify_start(struct reidentify *r, struct hqueue *q)
{
	ask(r, q, NVME_CNS_NS, ns_done);
}
