/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	free(t->warnings);
	memset(t, 0, sizeof(*t));
}

void cfg_warn(struct cfg_tree *t, const char *where, const char *format, ...)
{
	struct cfg_error *w = grow(&t->warnings, &t->warning_count, sizeof(*w));
	va_list args;

	if (!w)
		return;
	snprintf(w->where, sizeof(w->where), "%s", where);
	va_start(args, format);
	vsnprintf(w->what, sizeof(w->what), format, args);
	va_end(args);
}
