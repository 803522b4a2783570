/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of namespaces, and which of them are not to be touched any more. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/api_impl.h"

static int identify(struct nvmetls *c, uint8_t cns, uint32_t nsid, void *data)
{
	struct nvme_sqe sqe;

	nvme_sqe_identify(&sqe, cns, nsid, 0, NVME_CSI_NVM);
	return api_admin(c, &sqe, HCMD_FROM_CTRL, data, NVME_IDENTIFY_BYTES, NULL);
}

static int read_ns(struct nvmetls *c, uint32_t nsid, struct ns_id *ret)
{
	uint8_t *b = malloc(NVME_IDENTIFY_BYTES);
	int rc;

	if (!b)
		return -ENOMEM;
	rc = identify(c, NVME_CNS_NS, nsid, b);
	if (rc == 0)
		rc = ns_id_read((const struct nvme_id_ns *)(void *)b, nsid, ret);
	/* not every controller has descriptors; a UUID is not needed to work */
	if (rc == 0 && identify(c, NVME_CNS_NS_DESC_LIST, nsid, b) == 0)
		ns_id_read_descs(b, ret);
	free(b);
	return rc;
}

/* Under the lock. NULL: not known. */
static struct api_ns *find(struct nvmetls *c, uint32_t nsid)
{
	for (unsigned int i = 0; i < atomic_load(&c->ns_count); i++)
		if (c->ns[i].id.nsid == nsid)
			return &c->ns[i];
	return NULL;
}

/* From now on it has to be the same after each reconnect. */
static void remember(struct nvmetls *c, const struct ns_id *id)
{
	unsigned int n;

	pthread_mutex_lock(&c->ns_lock);
	n = atomic_load(&c->ns_count);
	if (!find(c, id->nsid) && n < API_NS_MAX) {
		c->ns[n].id = *id;
		c->ns[n].usable_nsid = id->nsid;
		c->ns[n].block_shift = id->block_shift;
		atomic_store_explicit(&c->ns_count, n + 1, memory_order_release);
	}
	pthread_mutex_unlock(&c->ns_lock);
}

int nvmetls_namespace(struct nvmetls *c, uint32_t nsid, struct nvmetls_ns *ret)
{
	struct ns_id id;
	int rc;

	if (api_forked(c))
		return -ECHILD;
	if (nsid == NVME_NSID_NONE || nsid == NVME_NSID_ALL)
		return -EINVAL;
	rc = read_ns(c, nsid, &id);
	if (rc)
		return rc;
	remember(c, &id);
	*ret = (struct nvmetls_ns){
		.nsid = nsid,
		.block_bytes = 1u << id.block_shift,
		.blocks = id.blocks,
		.read_only = id.read_only,
		.can_deallocate = c->oncs & NVME_CTRL_ONCS_DSM,
		.can_write_zeroes = c->oncs & NVME_CTRL_ONCS_WRITE_ZEROES,
	};
	memcpy(ret->uuid, id.uuid, sizeof(ret->uuid));
	memcpy(ret->nguid, id.nguid, sizeof(ret->nguid));
	return 0;
}

/* One that changed is not touched any more, until it is again what it was. */
bool api_ns_judge(struct nvmetls *c, unsigned int index, enum ns_verdict v, const struct ns_id *is)
{
	struct api_ns *ns = &c->ns[index];
	bool good = v == NS_SAME || v == NS_GROWN, was_good;

	pthread_mutex_lock(&c->ns_lock);
	was_good = ns->usable_nsid != 0;
	if (v == NS_GROWN)
		ns->id.blocks = is->blocks;
	ns->usable_nsid = good ? ns->id.nsid : 0;
	if (was_good && !good)
		c->ns_refused++;
	else if (good && !was_good)
		c->ns_refused--;
	pthread_mutex_unlock(&c->ns_lock);
	return good != was_good || v == NS_GROWN;
}

static bool known(const struct nvmetls *c, uint32_t nsid, uint32_t *ret)
{
	unsigned int n = atomic_load_explicit(&c->ns_count, memory_order_acquire);

	for (unsigned int i = 0; i < n; i++)
		if (atomic_load_explicit(&c->ns[i].usable_nsid, memory_order_relaxed) == nsid) {
			*ret = c->ns[i].block_shift;
			return true;
		}
	return false;
}

bool api_ns_refused(struct nvmetls *c, uint32_t nsid)
{
	struct api_ns *ns;
	bool refused;

	if (atomic_load_explicit(&c->ns_refused, memory_order_relaxed) == 0)
		return false;
	if (nsid == NVME_NSID_ALL)
		return true;
	pthread_mutex_lock(&c->ns_lock);
	ns = find(c, nsid);
	refused = ns && ns->usable_nsid == 0;
	pthread_mutex_unlock(&c->ns_lock);
	return refused;
}

int api_block_shift(struct nvmetls *c, uint32_t nsid, uint32_t *ret)
{
	struct nvmetls_ns ns;
	int rc;

	if (known(c, nsid, ret))
		return 0;
	if (api_ns_refused(c, nsid))
		return -EIO;
	rc = nvmetls_namespace(c, nsid, &ns);
	if (rc == 0)
		*ret = (uint32_t)__builtin_ctz(ns.block_bytes);
	return rc;
}
