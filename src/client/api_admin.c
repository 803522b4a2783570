/* SPDX-License-Identifier: BSD-3-Clause */
/* Admin commands, one caller waiting for each; what is known of namespaces. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/api_impl.h"
#include "nvme/status.h"

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
	struct hqueue *q = assoc_admin(c->assoc);
	struct list *n;

	while ((n = list_first(&c->admin_backlog))) {
		struct admin_req *r = container_of(n, struct admin_req, node);
		/* a queue that ends does not become live again: nothing may wait for it */
		bool live = hqueue_live(q) && c->assoc->state < ASSOC_SHUTDOWN;

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

/* ---- namespaces ---- */

static int identify(struct nvmetls *c, uint8_t cns, uint32_t nsid, void *data)
{
	struct nvme_sqe sqe;

	nvme_sqe_identify(&sqe, cns, nsid, 0, NVME_CSI_NVM);
	return api_admin(c, &sqe, HCMD_FROM_CTRL, data, NVME_IDENTIFY_BYTES, NULL);
}

/* Block size and capacity, as far as we can use them. */
static int read_id_ns(const struct nvme_id_ns *id, uint32_t nsid, struct nvmetls_ns *ret)
{
	const struct nvme_lbaf *f = &id->lbaf[nvme_id_ns_lbaf_index(id)];

	memset(ret, 0, sizeof(*ret));
	ret->nsid = nsid;
	ret->blocks = load_le64(id->nsze);
	if (ret->blocks == 0)
		return NVME_SC_INVALID_NS; /* an inactive one is all zeroes */
	if (f->ds < 9 || f->ds > 16 || load_le16(f->ms) != 0)
		return -ENOTSUP; /* metadata, or a block we cannot handle */
	ret->block_bytes = 1u << f->ds;
	memcpy(ret->nguid, id->nguid, sizeof(ret->nguid));
	ret->read_only = id->nsattr & NVME_NS_NSATTR_WRITE_PROTECTED;
	return 0;
}

/* The UUID among the descriptors; zero where there is none. */
static void read_descs(const uint8_t *list, uint8_t uuid[16])
{
	size_t at = 0;

	while (at + sizeof(struct nvme_ns_id_desc) <= NVME_IDENTIFY_BYTES) {
		const struct nvme_ns_id_desc *d = (const void *)(list + at);

		at += sizeof(*d);
		if (d->nidl == 0 || at + d->nidl > NVME_IDENTIFY_BYTES)
			return;
		if (d->nidt == NVME_NIDT_UUID && d->nidl == 16)
			memcpy(uuid, list + at, 16);
		at += d->nidl;
	}
}

int nvmetls_namespace(struct nvmetls *c, uint32_t nsid, struct nvmetls_ns *ret)
{
	uint16_t oncs;
	uint8_t *b;
	int rc;

	if (api_forked(c))
		return -ECHILD;
	if (nsid == NVME_NSID_NONE || nsid == NVME_NSID_ALL)
		return -EINVAL;
	b = malloc(NVME_IDENTIFY_BYTES);
	if (!b)
		return -ENOMEM;
	rc = identify(c, NVME_CNS_NS, nsid, b);
	if (rc == 0)
		rc = read_id_ns((const struct nvme_id_ns *)(void *)b, nsid, ret);
	/* not every controller has descriptors; a UUID is not needed to work */
	if (rc == 0 && identify(c, NVME_CNS_NS_DESC_LIST, nsid, b) == 0)
		read_descs(b, ret->uuid);
	free(b);
	oncs = load_le16(c->assoc->bringup.result.id.oncs);
	ret->can_deallocate = oncs & NVME_CTRL_ONCS_DSM;
	ret->can_write_zeroes = oncs & NVME_CTRL_ONCS_WRITE_ZEROES;
	return rc;
}

static bool known(const struct nvmetls *c, uint32_t nsid, uint32_t *ret)
{
	unsigned int n = atomic_load_explicit(&c->ns_count, memory_order_acquire);

	for (unsigned int i = 0; i < n; i++)
		if (c->ns[i].nsid == nsid) {
			*ret = c->ns[i].block_shift;
			return true;
		}
	return false;
}

int api_block_shift(struct nvmetls *c, uint32_t nsid, uint32_t *ret)
{
	struct nvmetls_ns ns;
	unsigned int n;
	int rc;

	if (known(c, nsid, ret))
		return 0;
	rc = nvmetls_namespace(c, nsid, &ns);
	if (rc)
		return rc;
	*ret = (uint32_t)__builtin_ctz(ns.block_bytes);
	pthread_mutex_lock(&c->ns_lock);
	n = atomic_load(&c->ns_count);
	if (n < API_NS_MAX) {
		c->ns[n] = (struct api_ns){ nsid, *ret };
		atomic_store_explicit(&c->ns_count, n + 1, memory_order_release);
	}
	pthread_mutex_unlock(&c->ns_lock);
	return 0;
}
