/* SPDX-License-Identifier: BSD-3-Clause */
/* From the object tree to a running node: backends, subsystems, listeners. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/log.h"
#include "daemon/node_impl.h"
#include "nvme/discovery.h"

struct setup {
	struct node *n;
	const struct cfg_tree *tree;
	struct target_subsys **subsys;	/* one per tree->subsystems */
	char *why;
	size_t why_size;
};

void node_config_init(struct node_config *c)
{
	*c = (struct node_config){
		.handshake_timeout_ns = 10 * NS_PER_SEC,
		.half_open_max = 1024,
		.half_open_per_addr_max = 256,
		.linger_ns = 30 * NS_PER_SEC,
	};
	target_config_init(&c->target);
}

static int failed(struct setup *s, int rc, const char *what, const char *more)
{
	snprintf(s->why, s->why_size, "%s: %s", what, more);
	return rc;
}

static void warn_tail(const char *nqn, const struct cfg_namespace *c, const struct backend *b)
{
	if (b->tail_bytes)
		log_warn("namespace %u of %s, %s: the last %u bytes are not a whole block of %u and cannot be reached",
			 c->nsid, nqn, c->device_path, b->tail_bytes, b->block_bytes);
}

/* The lock on @c's file is our own, by another name of it. Which namespace is it? */
static bool same_file(const struct setup *s, const struct cfg_namespace *c, char *why,
		      size_t why_size)
{
	struct stat mine, st;

	if (stat(c->device_path, &mine) != 0)
		return false;
	for (size_t i = 0; i < s->tree->subsys_count; i++)
		for (size_t k = 0; k < s->tree->subsystems[i].namespace_count; k++) {
			const struct cfg_namespace *o = &s->tree->subsystems[i].namespaces[k];

			if (o == c)
				return false;
			if (!o->enable || stat(o->device_path, &st) != 0 ||
			    st.st_dev != mine.st_dev || st.st_ino != mine.st_ino)
				continue;
			snprintf(why, why_size, "the same file as namespace %u of %s, %.150s", o->nsid,
				 s->tree->subsystems[i].nqn, o->device_path);
			return true;
		}
	return false;
}

/*
 * What was in memory is gone with the process: the next one's is another namespace, and a host that
 * comes back is to notice. A name that was configured stays.
 */
static void name_memory(struct setup *s, const char *spec, struct target_ns_config *c)
{
	static const uint8_t none[sizeof(c->uuid)];
	struct world *w = s->n->worlds[0];

	if (strncmp(spec, "mem:", 4) != 0 || memcmp(c->uuid, none, sizeof(none)) != 0)
		return;
	world_random(w, c->uuid, sizeof(c->uuid));
	c->uuid[6] = (uint8_t)((c->uuid[6] & 0x0f) | 0x40);	/* version 4 */
	c->uuid[8] = (uint8_t)((c->uuid[8] & 0x3f) | 0x80);
}

static int add_namespace(struct setup *s, struct target_subsys *subsys, const char *nqn,
			 const struct cfg_namespace *c)
{
	struct target_ns_config config = { .nsid = c->nsid };
	char why[512];
	int rc;

	if (!c->enable)
		return 0;
	rc = backend_open(c->device_path, c->readonly, &config.backend, why, sizeof(why));
	if (rc == -EBUSY && same_file(s, c, why, sizeof(why)))
		return failed(s, rc, c->device_path, why);
	if (rc)
		return failed(s, rc, "namespace", why);
	memcpy(config.uuid, c->device_uuid, sizeof(config.uuid));
	memcpy(config.nguid, c->device_nguid, sizeof(config.nguid));
	name_memory(s, c->device_path, &config);
	rc = target_add_namespace(subsys, &config);
	if (rc == 0) {
		warn_tail(nqn, c, config.backend);
		return 0;
	}
	backend_close(config.backend);
	return failed(s, rc, c->device_path, strerror(-rc));
}

static int add_subsys(struct setup *s, const struct cfg_subsys *c, struct target_subsys **ret)
{
	struct target_subsys_config config = {
		.nqn = c->nqn,
		.allow_any_host = c->attr_allow_any_host,
		.tls_required = c->attr_tls_required,
		.serial = c->attr_serial[0] ? c->attr_serial : NULL,
		.model = c->attr_model[0] ? c->attr_model : NULL,
		.firmware = c->attr_firmware[0] ? c->attr_firmware : NULL,
		.cntlid_min = (uint16_t)c->attr_cntlid_min,
		.cntlid_max = (uint16_t)c->attr_cntlid_max,
		.queues_max = c->attr_qid_max,
	};
	int rc = target_add_subsys(s->n->target, &config, ret);

	if (rc)
		return failed(s, rc, c->nqn, strerror(-rc));
	for (size_t i = 0; rc == 0 && i < c->namespace_count; i++)
		rc = add_namespace(s, *ret, c->nqn, &c->namespaces[i]);
	for (size_t i = 0; rc == 0 && i < c->allowed_host_count; i++)
		rc = target_allow_host(*ret, c->allowed_hosts[i]);
	return rc;
}

/* What can be done about an address that cannot be had. */
static const char *listen_hint(int err)
{
	switch (err) {
	case EADDRINUSE:
		return "; something listens there already, another process or an earlier --listen: take another port (0: any free one)";
	case EADDRNOTAVAIL:
		return "; this machine has no such address: see ip addr";
	case EACCES:
		return "; ports below 1024 need root or CAP_NET_BIND_SERVICE: take a higher one";
	default:
		return "";
	}
}

static int listen_on(struct setup *s, const struct cfg_port *c, struct listener *l, char trsvcid[8])
{
	struct world *w = s->n->worlds[0];
	struct sockaddr_storage addr;
	char what[CFG_TRADDR_MAX + 64], why[192];
	socklen_t len = 0;
	int rc = cfg_port_addr(c, &addr, &len);

	if (rc)
		return failed(s, rc, c->addr_traddr, "not an address and port");
	rc = w->ops->listen(w, (struct sockaddr *)&addr, len, 1024, node_accept, l, &l->sock);
	if (rc) {
		snprintf(what, sizeof(what), "cannot listen on %s port %s", c->addr_traddr,
			 c->addr_trsvcid[0] ? c->addr_trsvcid : "4420");
		snprintf(why, sizeof(why), "%s%s", strerror(-rc), listen_hint(-rc));
		return failed(s, rc, what, why);
	}
	w->ops->local_addr(l->sock, &addr);
	node_format_addr((struct sockaddr *)&addr, l->addr, sizeof(l->addr));
	snprintf(trsvcid, 8, "%u", addr.ss_family == AF_INET6
					 ? ntohs(((struct sockaddr_in6 *)(void *)&addr)->sin6_port)
					 : ntohs(((struct sockaddr_in *)(void *)&addr)->sin_port));
	return 0;
}

static enum target_treq port_treq(const struct cfg_port *c)
{
	if (!c->addr_tsas_tls13)
		return c->addr_treq == CFG_TREQ_NOT_REQUIRED ? TARGET_TREQ_NOT_REQUIRED
							     : TARGET_TREQ_NOT_SPECIFIED;
	return c->addr_treq == CFG_TREQ_NOT_REQUIRED ? TARGET_TREQ_NOT_REQUIRED
						     : TARGET_TREQ_REQUIRED;
}

static int link_subsystems(struct setup *s, const struct cfg_port *c, struct target_port *port)
{
	for (size_t i = 0; i < c->subsystem_count; i++)
		for (size_t k = 0; k < s->tree->subsys_count; k++) {
			int rc;

			if (strcmp(c->subsystems[i], s->tree->subsystems[k].nqn) != 0)
				continue;
			rc = target_link(port, s->subsys[k]);
			if (rc)
				return failed(s, rc, c->subsystems[i], strerror(-rc));
		}
	return 0;
}

static int add_port(struct setup *s, const struct cfg_port *c, struct listener *l)
{
	struct target_port_config config = {
		.portid = (uint16_t)c->portid,
		.traddr = c->addr_traddr,
		.tls = c->addr_tsas_tls13,
		.treq = port_treq(c),
	};
	char trsvcid[8];
	int rc;

	l->node = s->n;
	l->tls = !config.tls ? SESSION_CLEAR
		 : config.treq == TARGET_TREQ_REQUIRED ? SESSION_TLS : SESSION_TLS_OPTIONAL;
	rc = listen_on(s, c, l, trsvcid);
	if (rc)
		return rc;
	config.trsvcid = trsvcid;
	config.adrfam = strchr(c->addr_traddr, ':') ? NVMF_ADDR_FAMILY_IP6 : NVMF_ADDR_FAMILY_IP4;
	rc = target_add_port(s->n->target, &config, &l->port);
	if (rc)
		return failed(s, rc, l->addr, strerror(-rc));
	return link_subsystems(s, c, l->port);
}

static void target_due(struct world *w, struct world_timer *t)
{
	struct node *n = container_of(t, struct node, target_timer);
	uint64_t next = target_turn(n->target, world_now(w));

	if (next != WORLD_NEVER)
		world_timer_set(w, t, next);
	node_stopped_when_empty(n);
}

static void target_wake(void *ctx)
{
	struct node *n = ctx;

	world_timer_set(n->worlds[0], &n->target_timer, world_now(n->worlds[0]));
}

static int build(struct setup *s)
{
	struct node *n = s->n;
	int rc = 0;

	n->target = target_new(&n->config.target, n->worlds, n->world_count);
	n->listeners = calloc(s->tree->port_count, sizeof(*n->listeners));
	if (!n->target || !n->listeners)
		return failed(s, -ENOMEM, "target", strerror(ENOMEM));
	target_set_wake(n->target, target_wake, n);
	for (size_t i = 0; rc == 0 && i < s->tree->subsys_count; i++)
		rc = add_subsys(s, &s->tree->subsystems[i], &s->subsys[i]);
	for (size_t i = 0; rc == 0 && i < s->tree->port_count; i++) {
		n->listener_count++;
		rc = add_port(s, &s->tree->ports[i], &n->listeners[i]);
	}
	return rc;
}

int node_new(const struct node_config *config, const struct cfg_tree *tree, struct key_watch *keys,
	     struct world *const *worlds, uint32_t world_count, struct node **ret, char *why,
	     size_t why_size)
{
	struct setup s = { .tree = tree, .why = why, .why_size = why_size };
	int rc = -ENOMEM;

	s.n = calloc(1, sizeof(*s.n));
	s.subsys = calloc(tree->subsys_count + 1, sizeof(struct target_subsys *));
	if (s.n && s.subsys) {
		s.n->config = *config;
		s.n->worlds = worlds;
		s.n->world_count = world_count;
		s.n->keys = keys;
		list_init(&s.n->conns);
		list_init(&s.n->target_timer.node);
		list_init(&s.n->grace_timer.node);
		s.n->target_timer.fire = target_due;
		rc = build(&s);
	} else {
		failed(&s, rc, "target", strerror(ENOMEM));
	}
	free(s.subsys);
	if (rc && s.n)
		node_free(s.n);
	else
		*ret = s.n;
	return rc;
}

void node_free(struct node *n)
{
	for (size_t i = 0; i < n->listener_count; i++)
		if (n->listeners[i].sock)
			n->worlds[0]->ops->close(n->listeners[i].sock, false);
	if (n->target)
		target_free(n->target);
	free(n->listeners);
	free(n);
}

const char *node_listen_addr(const struct node *n, size_t i)
{
	return i < n->listener_count ? n->listeners[i].addr : "";
}
