/* SPDX-License-Identifier: BSD-3-Clause */
/* Subsystems, namespaces, ports, hosts: built at the start, owned by the control loop. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "target/target_impl.h"

void target_config_init(struct target_config *c)
{
	*c = (struct target_config){
		.mdts_bytes = 1u << 20,
		.capsule_data_bytes = 16384,
		.maxh2cdata_bytes = 1u << 20,
		.queue_size_max = 128,
		.queues_max = 64,
		.controllers_max = 1024,
		.icreq_timeout_ns = 10 * NS_PER_SEC,
		.connect_timeout_ns = 10 * NS_PER_SEC,
		.pdu_timeout_ns = 30 * NS_PER_SEC,
		.r2t_timeout_ns = 30 * NS_PER_SEC,
		.auth_timeout_ns = 30 * NS_PER_SEC,
		.cqt_ms = 2000,
		.kato_discovery_ms = NVME_KATO_DISC_DEFAULT_MS,
		.hdgst = true,
		.ddgst = true,
		.threads = 1,
	};
}

/* --- views --- */

static struct target_view *view_new(uint32_t count, uint32_t mdts_bytes)
{
	struct target_view *v = calloc(1, sizeof(*v) + count * sizeof(v->ns[0]));

	if (v) {
		atomic_init(&v->refs, 1);
		v->count = count;
		v->mdts_bytes = mdts_bytes;
	}
	return v;
}

struct target_view *target_view_ref(struct target_view *v)
{
	atomic_fetch_add(&v->refs, 1);
	return v;
}

void target_view_unref(struct target_view *v)
{
	if (v && atomic_fetch_sub(&v->refs, 1) == 1)
		free(v);
}

const struct target_ns *target_view_ns(const struct target_view *v, uint32_t nsid)
{
	/* namespaces are mostly numbered from 1 without gaps */
	if (nsid - 1 < v->count && v->ns[nsid - 1].nsid == nsid)
		return &v->ns[nsid - 1];
	for (uint32_t i = 0; i < v->count; i++)
		if (v->ns[i].nsid == nsid)
			return &v->ns[i];
	return NULL;
}

/* --- building --- */

static struct target_subsys *subsys_new(struct target *t, const char *nqn)
{
	struct target_subsys *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->target = t;
	snprintf(s->nqn, sizeof(s->nqn), "%s", nqn);
	s->view = view_new(0, t->config.mdts_bytes);
	list_init(&s->controllers);
	s->cntlid_min = NVME_CNTLID_MIN;
	s->cntlid_max = NVME_CNTLID_MAX;
	s->queues_max = t->config.queues_max;
	if (s->view)
		return s;
	free(s);
	return NULL;
}

/* What was asked for, within what the memory of the threads can serve and our tables hold. */
static void limit(struct target_config *c, struct world *const *worlds, uint32_t world_count)
{
	for (uint32_t i = 0; i < world_count; i++) {
		const struct pool *p = worlds[i]->buffers;

		assert(p->buf_bytes >= NVME_TCP_ADMIN_CAPSULE_MAX);
		while (c->mdts_bytes > 4096 && (!tconn_buffers_suffice(p, c->mdts_bytes) ||
						c->mdts_bytes > (TCMD_IOV_MAX - 1) * p->buf_bytes))
			c->mdts_bytes /= 2;
		c->capsule_data_bytes = (uint32_t)min_u64(c->capsule_data_bytes, p->buf_bytes) &
					~15u;
	}
	c->queues_max = (uint16_t)min_u64(max_u64(c->queues_max, 1), TARGET_QUEUES_MAX);
	c->queue_size_max = (uint16_t)max_u64(c->queue_size_max, 2);
	c->maxh2cdata_bytes = (uint32_t)max_u64(c->maxh2cdata_bytes & ~3u, NVME_TCP_MIN_MAXH2CDATA);
}

struct target *target_new(const struct target_config *c, struct world *const *worlds,
			  uint32_t world_count)
{
	struct target *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->config = *c;
	limit(&t->config, worlds, world_count);
	t->worlds = worlds;
	t->world_count = world_count;
	t->genctr = 1;
	list_init(&t->subsystems);
	list_init(&t->ports);
	t->discovery = subsys_new(t, NVME_DISC_SUBSYS_NAME);
	if (!t->discovery) {
		free(t);
		return NULL;
	}
	t->discovery->discovery = t->discovery->allow_any_host = true;
	snprintf(t->discovery->serial, sizeof(t->discovery->serial), "nvmetls-discovery");
	snprintf(t->discovery->model, sizeof(t->discovery->model), "nvmetls");
	snprintf(t->discovery->firmware, sizeof(t->discovery->firmware), "0.1");
	return t;
}

static void subsys_free(struct target_subsys *s)
{
	for (uint32_t i = 0; i < s->view->count; i++)
		backend_close(s->view->ns[i].backend);
	target_view_unref(s->view);
	free(s->hosts);
	free(s);
}

void target_free(struct target *t)
{
	list_each_safe(it, next, &t->ports) {
		struct target_port *p = container_of(it, struct target_port, node);

		free(p->links);
		free(p);
	}
	list_each_safe(it, next, &t->subsystems)
		subsys_free(container_of(it, struct target_subsys, node));
	subsys_free(t->discovery);
	free(t);
}

/* FNV-1a: identifiers that stay the same as long as the names do. */
static uint64_t stable_hash(const char *text, uint32_t number)
{
	uint64_t h = 0xcbf29ce484222325ull ^ number;

	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001b3ull;
	return (h ^ number) * 0x100000001b3ull;
}

int target_add_subsys(struct target *t, const struct target_subsys_config *c,
		      struct target_subsys **ret)
{
	uint16_t cntlid_min = c->cntlid_min ? c->cntlid_min : NVME_CNTLID_MIN;
	uint16_t cntlid_max = c->cntlid_max ? c->cntlid_max : NVME_CNTLID_MAX;
	struct target_subsys *s;

	if (!nvme_name_valid(c->nqn, strlen(c->nqn) + 1) || cntlid_max > NVME_CNTLID_MAX ||
	    cntlid_min > cntlid_max)
		return -EINVAL;
	if (strcmp(c->nqn, NVME_DISC_SUBSYS_NAME) == 0)
		return -EEXIST;
	list_each(it, &t->subsystems)
		if (strcmp(container_of(it, struct target_subsys, node)->nqn, c->nqn) == 0)
			return -EEXIST;
	s = subsys_new(t, c->nqn);
	if (!s)
		return -ENOMEM;
	if (c->queues_max)
		s->queues_max = (uint16_t)min_u64(c->queues_max, s->queues_max);
	s->allow_any_host = c->allow_any_host;
	s->tls_required = c->tls_required;
	s->auth_required = c->auth_required;
	s->auth_with_tls = c->auth_with_tls;
	s->cntlid_min = cntlid_min;
	s->cntlid_max = cntlid_max;
	snprintf(s->model, sizeof(s->model), "%s", c->model ? c->model : "nvmetls");
	snprintf(s->firmware, sizeof(s->firmware), "%s", c->firmware ? c->firmware : "0.1");
	if (c->serial)
		snprintf(s->serial, sizeof(s->serial), "%s", c->serial);
	else
		snprintf(s->serial, sizeof(s->serial), "%016llx", (unsigned long long)stable_hash(c->nqn, 0));
	list_add_tail(&t->subsystems, &s->node);
	t->genctr++;
	*ret = s;
	return 0;
}

static bool is_zero(const uint8_t *p)
{
	static const uint8_t zero[16];

	return memcmp(p, zero, 16) == 0;
}

static void name_namespace(struct target_ns *ns, const char *nqn)
{
	if (is_zero(ns->uuid)) {
		store_be64(ns->uuid, stable_hash(nqn, ns->nsid));
		store_be64(ns->uuid + 8, stable_hash(nqn, ns->nsid + 0x10000));
		ns->uuid[6] = (uint8_t)((ns->uuid[6] & 0x0f) | 0x80);	/* version 8: of our own making */
		ns->uuid[8] = (uint8_t)((ns->uuid[8] & 0x3f) | 0x80);
	}
	if (is_zero(ns->nguid))
		memcpy(ns->nguid, ns->uuid, 16);
}

static uint8_t log2_of(uint32_t bytes)
{
	return (uint8_t)(31 - __builtin_clz(bytes));
}

int target_add_namespace(struct target_subsys *s, const struct target_ns_config *c)
{
	struct target_view *v = view_new(s->view->count + 1, s->view->mdts_bytes);
	uint32_t block = c->block_bytes ? c->block_bytes : c->backend->block_bytes;
	uint32_t nsid = c->nsid ? c->nsid : s->view->count + 1, at = 0;
	bool bad;

	if (!v)
		return -ENOMEM;
	while (!c->nsid && target_view_ns(s->view, nsid))
		nsid++;
	/* powers of two; at least one block, and none that is a part of the backend's */
	bad = nsid > TARGET_NSID_MAX || block < c->backend->block_bytes || block & (block - 1) ||
	      block > c->backend->size_bytes;
	if (bad || target_view_ns(s->view, nsid)) {
		free(v);
		return bad ? -EINVAL : -EEXIST;
	}
	while (at < s->view->count && s->view->ns[at].nsid < nsid)
		at++;
	memcpy(v->ns, s->view->ns, at * sizeof(v->ns[0]));
	memcpy(v->ns + at + 1, s->view->ns + at, (s->view->count - at) * sizeof(v->ns[0]));
	v->ns[at] = (struct target_ns){ .nsid = nsid,
					.backend = c->backend,
					.lba_shift = log2_of(block),
					.blocks = c->backend->size_bytes >> log2_of(block) };
	memcpy(v->ns[at].uuid, c->uuid, 16);
	memcpy(v->ns[at].nguid, c->nguid, 16);
	name_namespace(&v->ns[at], s->nqn);
	target_view_unref(s->view);
	s->view = v;
	return 0;
}

int target_allow_host(struct target_subsys *s, const char *hostnqn)
{
	void *bigger;

	if (!nvme_name_valid(hostnqn, strlen(hostnqn) + 1))
		return -EINVAL;
	bigger = reallocarray(s->hosts, s->host_count + 1, sizeof(*s->hosts));
	if (!bigger)
		return -ENOMEM;
	s->hosts = bigger;
	snprintf(s->hosts[s->host_count++], sizeof(*s->hosts), "%s", hostnqn);
	s->target->genctr++;
	return 0;
}

bool target_host_allowed(const struct target_subsys *s, const char *hostnqn)
{
	if (s->allow_any_host)
		return true;
	for (size_t i = 0; i < s->host_count; i++)
		if (strcmp(s->hosts[i], hostnqn) == 0)
			return true;
	return false;
}

bool target_find_auth(const struct target *t, const char *hostnqn, const char *subsysnqn,
		      struct target_auth_keys *ret)
{
	memset(ret, 0, sizeof(*ret));
	return t->auth.find && t->auth.find(t->auth.ctx, hostnqn, subsysnqn, ret);
}

int target_add_port(struct target *t, const struct target_port_config *c, struct target_port **ret)
{
	struct target_port *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->target = t;
	p->portid = c->portid;
	p->adrfam = c->adrfam;
	p->tls = c->tls;
	p->treq = c->treq;
	snprintf(p->traddr, sizeof(p->traddr), "%s", c->traddr);
	snprintf(p->trsvcid, sizeof(p->trsvcid), "%s", c->trsvcid);
	list_add_tail(&t->ports, &p->node);
	t->genctr++;
	*ret = p;
	return 0;
}

int target_link(struct target_port *p, struct target_subsys *s)
{
	void *bigger = reallocarray(p->links, p->link_count + 1, sizeof(*p->links));

	if (!bigger)
		return -ENOMEM;
	p->links = bigger;
	p->links[p->link_count++] = s;
	p->target->genctr++;
	return 0;
}

struct target_subsys *target_find_subsys(struct target_port *p, const char *nqn)
{
	if (strcmp(nqn, NVME_DISC_SUBSYS_NAME) == 0)
		return p->target->discovery;
	for (size_t i = 0; i < p->link_count; i++)
		if (strcmp(p->links[i]->nqn, nqn) == 0)
			return p->links[i];
	return NULL;
}

/* --- time and counters --- */

void target_io_sum_add(struct target_io_sum *sum, const struct tconn *tc)
{
	sum->reads += atomic_load_explicit(&tc->reads, memory_order_relaxed);
	sum->writes += atomic_load_explicit(&tc->writes, memory_order_relaxed);
	sum->read_bytes += atomic_load_explicit(&tc->read_bytes, memory_order_relaxed);
	sum->written_bytes += atomic_load_explicit(&tc->written_bytes, memory_order_relaxed);
}

void target_io_sum(const struct target_subsys *s, struct target_io_sum *ret)
{
	*ret = s->io_past;
	list_each(it, &s->controllers) {
		const struct controller *ctrl = container_of(it, struct controller, node);

		for (uint32_t q = 1; ctrl->queue_count && q <= TARGET_QUEUES_MAX; q++)
			if (ctrl->queue[q])
				target_io_sum_add(ret, ctrl->queue[q]);
	}
}

static uint64_t subsys_turn(struct target_subsys *s, uint64_t now_ns)
{
	uint64_t next = WORLD_NEVER;

	list_each_safe(it, nx, &s->controllers)
		next = min_u64(next,
			       controller_turn(container_of(it, struct controller, node), now_ns));
	return next;
}

uint64_t target_turn(struct target *t, uint64_t now_ns)
{
	uint64_t next = subsys_turn(t->discovery, now_ns);

	list_each(it, &t->subsystems)
		next = min_u64(next,
			       subsys_turn(container_of(it, struct target_subsys, node), now_ns));
	return next;
}

void target_set_auth(struct target *t, const struct target_auth *auth)
{
	t->auth = *auth;
}

void target_set_wake(struct target *t, void (*wake)(void *ctx), void *ctx)
{
	t->wake = wake;
	t->wake_ctx = ctx;
}

void target_counters(const struct target *t, struct target_counters *ret)
{
	*ret = t->counters;
}
