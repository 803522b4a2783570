/* SPDX-License-Identifier: BSD-3-Clause */
#include "keys/generated.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/list.h"

static const enum psk_derivation derivations[] = { PSK_RFC, PSK_LINUX_6_17 };

struct generated_psk {
	atomic_uint refs;
	struct list node;	/* in the set, the oldest first */
	uint64_t id, expires_ns;
	char hostnqn[224], subsysnqn[224];
	char identity[PSK_IDENTITY_LEN_MAX + 1];
	enum nvme_hash hash;
	struct secret tls[ARRAY_SIZE(derivations)];
};

struct generated {
	pthread_mutex_t lock;
	struct list psks;
	size_t count;
	uint64_t last_id;
};

struct generated *generated_new(void)
{
	struct generated *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	pthread_mutex_init(&g->lock, NULL);
	list_init(&g->psks);
	return g;
}

static struct generated_psk *psk_of(struct list *node)
{
	return container_of(node, struct generated_psk, node);
}

void generated_unpin(struct generated_psk *p)
{
	if (!p || atomic_fetch_sub(&p->refs, 1) != 1)
		return;
	explicit_bzero(p, sizeof(*p));
	free(p);
}

/* Locked. */
static void drop(struct generated *g, struct generated_psk *p)
{
	list_del(&p->node);
	g->count--;
	generated_unpin(p);
}

void generated_free(struct generated *g)
{
	if (!g)
		return;
	list_each_safe(it, next, &g->psks)
		drop(g, psk_of(it));
	pthread_mutex_destroy(&g->lock);
	free(g);
}

/* NULL: no memory, or it cannot be derived. */
static struct generated_psk *derive(const struct psk_owner *owner, enum nvme_hash hash,
				    const struct secret *psk)
{
	struct generated_psk *p = calloc(1, sizeof(*p));
	struct fault why;

	if (!p)
		return NULL;
	atomic_init(&p->refs, 1);
	p->hash = hash;
	why = psk_identity(1, PSK_GENERATED, hash, psk, owner, p->identity);
	for (size_t i = 0; i < ARRAY_SIZE(derivations) && !fault_is(why); i++)
		why = psk_tls(1, PSK_GENERATED, hash, psk, owner, derivations[i], &p->tls[i]);
	if (!fault_is(why))
		return p;
	generated_unpin(p);
	return NULL;
}

/* Locked. Room for one more of @p's pair: as many as there may be come and go in their order. */
static void make_room(struct generated *g, const struct generated_psk *p)
{
	struct generated_psk *oldest = NULL;
	size_t of_pair = 0;

	list_each(it, &g->psks) {
		struct generated_psk *o = psk_of(it);

		if (strcmp(o->hostnqn, p->hostnqn) != 0 || strcmp(o->subsysnqn, p->subsysnqn) != 0)
			continue;
		oldest = oldest ? oldest : o;
		of_pair++;
	}
	if (of_pair >= GENERATED_PAIR_MAX)
		drop(g, oldest);
	if (g->count >= GENERATED_MAX)
		drop(g, psk_of(list_first(&g->psks)));
}

uint64_t generated_add(struct generated *g, const struct psk_owner *owner, enum nvme_hash hash,
		       const struct secret *psk, uint64_t expires_ns)
{
	struct generated_psk *p = derive(owner, hash, psk);
	uint64_t id;

	if (!p)
		return 0;
	snprintf(p->hostnqn, sizeof(p->hostnqn), "%s", owner->hostnqn);
	snprintf(p->subsysnqn, sizeof(p->subsysnqn), "%s", owner->subsysnqn);
	p->expires_ns = expires_ns;
	pthread_mutex_lock(&g->lock);
	make_room(g, p);
	p->id = id = ++g->last_id;
	list_add_tail(&g->psks, &p->node);
	g->count++;
	pthread_mutex_unlock(&g->lock);
	return id;
}

void generated_drop(struct generated *g, uint64_t id)
{
	pthread_mutex_lock(&g->lock);
	list_each_safe(it, next, &g->psks)
		if (psk_of(it)->id == id)
			drop(g, psk_of(it));
	pthread_mutex_unlock(&g->lock);
}

uint64_t generated_expire(struct generated *g, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;

	pthread_mutex_lock(&g->lock);
	list_each_safe(it, next, &g->psks) {
		struct generated_psk *p = psk_of(it);

		if (p->expires_ns <= now_ns)
			drop(g, p);
		else
			next_ns = min_u64(next_ns, p->expires_ns);
	}
	pthread_mutex_unlock(&g->lock);
	return next_ns;
}

size_t generated_count(struct generated *g)
{
	size_t n;

	pthread_mutex_lock(&g->lock);
	n = g->count;
	pthread_mutex_unlock(&g->lock);
	return n;
}

struct generated_psk *generated_pin(struct generated *g, struct span identity)
{
	struct generated_psk *found = NULL;

	pthread_mutex_lock(&g->lock);
	list_each(it, &g->psks) {
		struct generated_psk *p = psk_of(it);

		if (strlen(p->identity) == identity.len &&
		    memcmp(p->identity, identity.ptr, identity.len) == 0)
			found = p;	/* one of the same identity that came later is the same PSK */
	}
	if (found)
		atomic_fetch_add(&found->refs, 1);
	pthread_mutex_unlock(&g->lock);
	return found;
}

int generated_candidates(const struct generated_psk *p, struct tls_psk *ret, int max)
{
	int n = 0;

	for (; n < max && n < (int)ARRAY_SIZE(derivations); n++)
		ret[n] = (struct tls_psk){ p->identity, p->hash, &p->tls[n] };
	return n;
}
