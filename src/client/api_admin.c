/* SPDX-License-Identifier: BSD-3-Clause */
/* Admin commands, one caller waiting for each. */
#include <errno.h>
#include <string.h>

#include "client/api_impl.h"

/* ---- at home ---- */

static void finish(struct admin_req *r, struct fault why)
{
	r->cmd.why = why;
	sem_post(&r->sem);
}

static void pump(struct nvmetls *c);

static void admin_done(struct hqueue *q, struct hcmd *cmd)
{
	struct admin_req *r = container_of(cmd, struct admin_req, cmd);
	struct nvmetls *c = r->c;

	(void)q;
	sem_post(&r->sem); /* @r is gone now */
	pump(c);
}

/* Submit what waits for room. */
static void pump(struct nvmetls *c)
{
	/* one that is just connecting is not ready for this */
	bool is_up = c->assoc && c->assoc->state == ASSOC_UP;
	struct hqueue *q = is_up ? assoc_admin(c->assoc) : NULL;
	struct list *n;

	while ((n = list_first(&c->admin_backlog))) {
		struct admin_req *r = container_of(n, struct admin_req, node);
		/* a queue that ends does not become live again: nothing may wait for it */
		bool live = q && hqueue_live(q);

		if (live && hqueue_room(q) == 0)
			return;
		list_del(n);
		if (live)
			hqueue_submit(q, &r->cmd, world_now(c->home));
		else
			finish(r, fault_os(ENOTCONN, CAUSE_SHUTDOWN));
	}
}

static void submit(struct nvmetls *c, void *arg)
{
	struct admin_req *r = arg;

	list_add_tail(&c->admin_backlog, &r->node);
	pump(c);
}

/* ---- at the caller's ---- */

int api_admin(struct nvmetls *c, const struct nvme_sqe *sqe, enum hcmd_dir dir, void *data,
	      uint32_t len, struct nvme_cqe *ret_cqe)
{
	struct admin_req r = {
		.c = c,
		.cmd = { .sqe = *sqe, .dir = len ? dir : HCMD_NONE, .len = len,
			 .done = admin_done },
		.iov = { data, len },
	};

	if (api_forked(c))
		return -ECHILD;
	if (len % 4 != 0 || (len && !data))
		return -EINVAL;
	r.cmd.iov = &r.iov;
	r.cmd.iov_count = len ? 1 : 0;
	sem_init(&r.sem, 0, 0);
	api_at_home(c, submit, &r);
	while (sem_wait(&r.sem) != 0 && errno == EINTR)
		;
	sem_destroy(&r.sem);
	if (fault_is(r.cmd.why))
		return api_command_error(r.cmd.why);
	if (ret_cqe)
		*ret_cqe = r.cmd.cqe;
	return r.cmd.status;
}

int nvmetls_admin_command(struct nvmetls *c, struct nvmetls_admin *cmd)
{
	struct nvme_cqe cqe = { 0 };
	struct nvme_sqe sqe;
	int rc;

	memcpy(&sqe, cmd->sqe, sizeof(sqe));
	rc = api_admin(c, &sqe, cmd->to_controller ? HCMD_TO_CTRL : HCMD_FROM_CTRL, cmd->data,
		       cmd->len, &cqe);
	cmd->result = load_le64(cqe.result);
	return rc;
}

int nvmetls_property_get(struct nvmetls *c, uint32_t offset, bool eight_bytes, uint64_t *ret)
{
	struct nvme_property_sqe *p;
	struct nvme_cqe cqe;
	struct nvme_sqe sqe;
	int rc;

	nvme_sqe_fabrics(&sqe, NVME_FCTYPE_PROPERTY_GET);
	p = (struct nvme_property_sqe *)&sqe;
	p->attrib = eight_bytes ? NVME_PROP_SIZE_8 : 0;
	store_le32(p->offset, offset);
	rc = api_admin(c, &sqe, HCMD_NONE, NULL, 0, &cqe);
	if (rc == 0)
		*ret = eight_bytes ? load_le64(cqe.result) : load_le32(cqe.dw0);
	return rc;
}
