/* SPDX-License-Identifier: BSD-3-Clause */
/* What needs the whole tree, or more than one attribute. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "config/tree.h"
#include "nvme/fabrics.h"

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

/* Of a subsystem or host. Linux takes any name; so do we, but tell: other hosts may not. */
static bool check_name(struct cfg_tree *t, const char *name, const char *where,
		       struct cfg_error *err)
{
	if (!nvme_name_valid(name, CFG_NQN_MAX))
		return mistake(err, where, "not an NQN; it has 1 to 223 characters and no blanks");
	if (!nvme_nqn_valid(name, CFG_NQN_MAX))
		cfg_warn(
			t, where,
			"%s is not an NQN, which begins with \"nqn.\"; taken as Linux does, but no TLS key can be made for it",
			name);
	return true;
}

/* --- subsystems --- */

/* One file for two namespaces: they would write over each other. Only readers may share. */
static bool taken(const struct cfg_tree *t, size_t si, size_t ni, char *what, size_t what_size)
{
	const struct cfg_namespace *n = &t->subsystems[si].namespaces[ni], *o;

	if (!backend_is_file(n->device_path))
		return false;
	for (size_t i = 0; i <= si; i++)
		for (size_t k = 0; k < (i < si ? t->subsystems[i].namespace_count : ni); k++) {
			o = &t->subsystems[i].namespaces[k];
			if (!o->enable || strcmp(o->device_path, n->device_path) != 0 ||
			    (o->readonly && n->readonly))
				continue;
			snprintf(what, what_size, "%.80s is namespace %u of %.120s already",
				 n->device_path, o->nsid, t->subsystems[i].nqn);
			return true;
		}
	return false;
}

static bool check_namespace(struct cfg_tree *t, size_t si, size_t ni, struct cfg_error *err)
{
	const struct cfg_subsys *s = &t->subsystems[si];
	const struct cfg_namespace *n = &s->namespaces[ni];
	char where[96], what[320];

	snprintf(where, sizeof(where), "subsystems[%zu].namespaces[%zu].nsid", si, ni);
	if (n->nsid == 0 || n->nsid > 1024)
		return mistake(err, where, "must be 1 to 1024");
	for (size_t k = 0; k < ni; k++)
		if (s->namespaces[k].nsid == n->nsid)
			return mistake(err, where, "used twice in this subsystem");
	snprintf(where, sizeof(where), "subsystems[%zu].namespaces[%zu].ana_grpid", si, ni);
	if (n->ana_grpid != 1)
		return mistake(err, where, "only ANA group 1 is supported");
	snprintf(where, sizeof(where), "subsystems[%zu].namespaces[%zu].device_path", si, ni);
	if (n->enable && backend_check(n->device_path, what, sizeof(what)))
		return mistake(err, where, what);
	if (n->enable && taken(t, si, ni, what, sizeof(what)))
		return mistake(err, where, what);
	return true;
}

static bool check_subsys(struct cfg_tree *t, size_t i, struct cfg_error *err)
{
	const struct cfg_subsys *s = &t->subsystems[i];
	uint32_t cntlid_max = s->attr_cntlid_max ? s->attr_cntlid_max : NVME_CNTLID_MAX;
	char where[80];

	snprintf(where, sizeof(where), "subsystems[%zu].nqn", i);
	if (!check_name(t, s->nqn, where, err))
		return false;
	if (strcmp(s->nqn, NVME_DISC_SUBSYS_NAME) == 0)
		return mistake(err, where, "the discovery subsystem is always there; leave it out");
	if (find_subsys(t, s->nqn) != s)
		return mistake(err, where, "this subsystem is there already");
	for (size_t k = 0; k < s->allowed_host_count; k++) {
		snprintf(where, sizeof(where), "subsystems[%zu].allowed_hosts[%zu]", i, k);
		if (!nvme_name_valid(s->allowed_hosts[k], CFG_NQN_MAX))
			return mistake(err, where, "not an NQN");
	}
	snprintf(where, sizeof(where), "subsystems[%zu].attr_cntlid_%s", i,
		 s->attr_cntlid_max ? "max" : "min");
	if (cntlid_max > NVME_CNTLID_MAX || s->attr_cntlid_min > cntlid_max)
		return mistake(err, where, "controller ids are 1 to 65519, cntlid_min not above cntlid_max");
	for (size_t k = 0; k < s->namespace_count; k++)
		if (!check_namespace(t, i, k, err))
			return false;
	return true;
}

/* What works, but hardly as it was meant. */
static void warn_subsys(struct cfg_tree *t, size_t i)
{
	const struct cfg_subsys *s = &t->subsystems[i];
	size_t enabled = 0;
	char where[64];

	for (size_t k = 0; k < s->namespace_count; k++)
		enabled += s->namespaces[k].enable;
	snprintf(where, sizeof(where), "subsystems[%zu].namespaces", i);
	if (!enabled)
		cfg_warn(t, where, "%s has no namespace that is enabled; hosts find nothing in it", s->nqn);
	snprintf(where, sizeof(where), "subsystems[%zu].allowed_hosts", i);
	if (s->attr_allow_any_host && s->allowed_host_count)
		cfg_warn(t, where, "without effect: any host may use %s (attr_allow_any_host)", s->nqn);
	if (!s->attr_allow_any_host && s->allowed_host_count == 0)
		cfg_warn(t, where, "nobody may use %s; list hosts or set attr_allow_any_host", s->nqn);
}

/* --- ports --- */

int cfg_port_addr(const struct cfg_port *p, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	struct sockaddr_in6 *v6 = (void *)ret;
	struct sockaddr_in *v4 = (void *)ret;
	const char *text = p->addr_trsvcid[0] ? p->addr_trsvcid : "4420";
	unsigned long port = strtoul(text, NULL, 10);

	if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 5 || port > 65535)
		return -EINVAL;
	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, p->addr_traddr, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		*ret_len = sizeof(*v4);
		return p->addr_adrfam == CFG_ADRFAM_IPV6 ? -EAFNOSUPPORT : 0;
	}
	if (inet_pton(AF_INET6, p->addr_traddr, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		*ret_len = sizeof(*v6);
		return p->addr_adrfam == CFG_ADRFAM_IPV4 ? -EAFNOSUPPORT : 0;
	}
	return -EADDRNOTAVAIL;
}

static bool check_addr(const struct cfg_port *p, size_t i, struct cfg_error *err)
{
	struct sockaddr_storage addr;
	char where[64], what[320];
	socklen_t len;

	switch (cfg_port_addr(p, &addr, &len)) {
	case 0:
		return true;
	case -EINVAL:
		snprintf(where, sizeof(where), "ports[%zu].addr_trsvcid", i);
		snprintf(what, sizeof(what), "\"%s\" is not a port number (0 to 65535)",
			 p->addr_trsvcid);
		break;
	case -EAFNOSUPPORT:
		snprintf(where, sizeof(where), "ports[%zu].addr_traddr", i);
		snprintf(what, sizeof(what), "%.100s is not an %s address, as addr_adrfam says",
			 p->addr_traddr, p->addr_adrfam == CFG_ADRFAM_IPV6 ? "IPv6" : "IPv4");
		break;
	default:
		snprintf(where, sizeof(where), "ports[%zu].addr_traddr", i);
		snprintf(what, sizeof(what), "\"%.100s\" is not an IPv4 or IPv6 address",
			 p->addr_traddr);
	}
	return mistake(err, where, what);
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
	if (!check_addr(p, i, err))
		return false;
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

bool cfg_check(struct cfg_tree *t, struct cfg_error *err)
{
	char where[32];

	memset(err, 0, sizeof(*err));
	if (t->port_count == 0)
		return mistake(err, "ports", "there is none; nobody could connect");
	for (size_t i = 0; i < t->host_count; i++) {
		snprintf(where, sizeof(where), "hosts[%zu].nqn", i);
		if (!check_name(t, t->hosts[i].nqn, where, err))
			return false;
	}
	for (size_t i = 0; i < t->subsys_count; i++) {
		if (!check_subsys(t, i, err))
			return false;
		warn_subsys(t, i);
	}
	for (size_t i = 0; i < t->port_count; i++)
		if (!check_port(t, i, err))
			return false;
	return true;
}
