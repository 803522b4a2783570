/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvme/fabrics.h"

/* Grow an array by one zeroed element; returns it, or NULL with the array as it was. */
static void *grow(void *array_ptr, size_t *count, size_t elem)
{
	void **array = array_ptr;
	void *bigger = reallocarray(*array, *count + 1, elem);

	if (!bigger)
		return NULL;
	*array = bigger;
	bigger = (char *)bigger + *count * elem;
	memset(bigger, 0, elem);
	(*count)++;
	return bigger;
}

static void copy_nqn(char dst[CFG_NQN_MAX], const char *nqn)
{
	snprintf(dst, CFG_NQN_MAX, "%s", nqn);
}

struct cfg_host *cfg_add_host(struct cfg_tree *t, const char *nqn)
{
	struct cfg_host *h = grow(&t->hosts, &t->host_count, sizeof(*h));

	if (h)
		copy_nqn(h->nqn, nqn);
	return h;
}

struct cfg_subsys *cfg_add_subsys(struct cfg_tree *t, const char *nqn)
{
	struct cfg_subsys *s = grow(&t->subsystems, &t->subsys_count, sizeof(*s));

	if (s)
		copy_nqn(s->nqn, nqn);
	return s;
}

struct cfg_namespace *cfg_add_namespace(struct cfg_subsys *s)
{
	struct cfg_namespace *n = grow(&s->namespaces, &s->namespace_count, sizeof(*n));

	if (n) {
		n->nsid = (uint32_t)s->namespace_count;
		n->ana_grpid = 1;
		n->enable = true;
	}
	return n;
}

struct cfg_port *cfg_add_port(struct cfg_tree *t)
{
	struct cfg_port *p = grow(&t->ports, &t->port_count, sizeof(*p));

	if (p)
		p->portid = (uint32_t)t->port_count;
	return p;
}

bool cfg_allow_host(struct cfg_subsys *s, const char *nqn)
{
	char(*slot)[CFG_NQN_MAX] = grow(&s->allowed_hosts, &s->allowed_host_count, sizeof(*slot));

	if (slot)
		copy_nqn(*slot, nqn);
	return slot != NULL;
}

bool cfg_link(struct cfg_port *p, const char *subsysnqn)
{
	char(*slot)[CFG_NQN_MAX] = grow(&p->subsystems, &p->subsystem_count, sizeof(*slot));

	if (slot)
		copy_nqn(*slot, subsysnqn);
	return slot != NULL;
}

void cfg_free(struct cfg_tree *t)
{
	for (size_t i = 0; i < t->subsys_count; i++) {
		free(t->subsystems[i].namespaces);
		free(t->subsystems[i].allowed_hosts);
	}
	for (size_t i = 0; i < t->port_count; i++)
		free(t->ports[i].subsystems);
	free(t->hosts);
	free(t->subsystems);
	free(t->ports);
	memset(t, 0, sizeof(*t));
}

static bool mistake(struct cfg_error *err, const char *where, const char *what)
{
	snprintf(err->where, sizeof(err->where), "%s", where);
	snprintf(err->what, sizeof(err->what), "%s", what);
	return false;
}

static const struct cfg_subsys *find_subsys(const struct cfg_tree *t, const char *nqn)
{
	for (size_t i = 0; i < t->subsys_count; i++)
		if (strcmp(t->subsystems[i].nqn, nqn) == 0)
			return &t->subsystems[i];
	return NULL;
}

static bool check_namespaces(const struct cfg_subsys *s, size_t index, struct cfg_error *err)
{
	char where[96];

	for (size_t i = 0; i < s->namespace_count; i++) {
		const struct cfg_namespace *n = &s->namespaces[i];

		snprintf(where, sizeof(where), "subsystems[%zu].namespaces[%zu].nsid", index, i);
		if (n->nsid == 0 || n->nsid > 1024)
			return mistake(err, where, "must be 1 to 1024");
		for (size_t k = 0; k < i; k++)
			if (s->namespaces[k].nsid == n->nsid)
				return mistake(err, where, "used twice in this subsystem");
		if (n->ana_grpid != 1) {
			snprintf(where, sizeof(where), "subsystems[%zu].namespaces[%zu].ana_grpid",
				 index, i);
			return mistake(err, where, "only ANA group 1 is supported");
		}
		if (n->device_path[0] == '\0') {
			snprintf(where, sizeof(where), "subsystems[%zu].namespaces[%zu].device_path",
				 index, i);
			return mistake(err, where, "missing; give a path, mem:SIZE or null:SIZE");
		}
	}
	return true;
}

static bool check_subsys(const struct cfg_tree *t, size_t i, struct cfg_error *err)
{
	const struct cfg_subsys *s = &t->subsystems[i];
	uint32_t cntlid_max = s->attr_cntlid_max ? s->attr_cntlid_max : NVME_CNTLID_MAX;
	char where[80];

	snprintf(where, sizeof(where), "subsystems[%zu].nqn", i);
	if (!nvme_nqn_valid(s->nqn, sizeof(s->nqn)))
		return mistake(err, where, "not an NQN; it begins with \"nqn.\" and has at most 223 characters");
	if (strcmp(s->nqn, NVME_DISC_SUBSYS_NAME) == 0)
		return mistake(err, where, "the discovery subsystem is always there; leave it out");
	if (find_subsys(t, s->nqn) != s)
		return mistake(err, where, "this subsystem is there already");
	for (size_t k = 0; k < s->allowed_host_count; k++) {
		snprintf(where, sizeof(where), "subsystems[%zu].allowed_hosts[%zu]", i, k);
		if (!nvme_nqn_valid(s->allowed_hosts[k], CFG_NQN_MAX))
			return mistake(err, where, "not an NQN");
	}
	snprintf(where, sizeof(where), "subsystems[%zu].attr_cntlid_%s", i,
		 s->attr_cntlid_max ? "max" : "min");
	if (cntlid_max > NVME_CNTLID_MAX || s->attr_cntlid_min > cntlid_max)
		return mistake(err, where, "controller ids are 1 to 65519, cntlid_min not above cntlid_max");
	return check_namespaces(s, i, err);
}

static bool check_port(const struct cfg_tree *t, size_t i, struct cfg_error *err)
{
	const struct cfg_port *p = &t->ports[i];
	char where[64], what[320];

	for (size_t k = 0; k < i; k++)
		if (t->ports[k].portid == p->portid) {
			snprintf(where, sizeof(where), "ports[%zu].portid", i);
			return mistake(err, where, "used twice");
		}
	snprintf(where, sizeof(where), "ports[%zu].addr_traddr", i);
	if (p->addr_traddr[0] == '\0')
		return mistake(err, where, "missing; give an IPv4 or IPv6 address");
	snprintf(where, sizeof(where), "ports[%zu].addr_treq", i);
	if (p->addr_treq == CFG_TREQ_REQUIRED && !p->addr_tsas_tls13)
		return mistake(err, where, "\"required\" needs addr_tsas \"tls1.3\"");
	for (size_t k = 0; k < p->subsystem_count; k++) {
		if (find_subsys(t, p->subsystems[k]))
			continue;
		snprintf(where, sizeof(where), "ports[%zu].subsystems[%zu]", i, k);
		snprintf(what, sizeof(what), "there is no subsystem %.223s", p->subsystems[k]);
		return mistake(err, where, what);
	}
	return true;
}

bool cfg_check(const struct cfg_tree *t, struct cfg_error *err)
{
	memset(err, 0, sizeof(*err));
	if (t->port_count == 0)
		return mistake(err, "ports", "there is none; nobody could connect");
	for (size_t i = 0; i < t->host_count; i++)
		if (!nvme_nqn_valid(t->hosts[i].nqn, CFG_NQN_MAX))
			return mistake(err, "hosts", "a host's nqn is not an NQN");
	for (size_t i = 0; i < t->subsys_count; i++)
		if (!check_subsys(t, i, err))
			return false;
	for (size_t i = 0; i < t->port_count; i++)
		if (!check_port(t, i, err))
			return false;
	return true;
}
