/* SPDX-License-Identifier: BSD-3-Clause */
#include "export/range_lock.h"

#include "base/bytes.h"

void range_lock_init(struct range_lock *l)
{
	pthread_mutex_init(&l->mutex, NULL);
	list_init(&l->held);
	list_init(&l->waiting);
	l->exclusives = 0;
}

void range_lock_free(struct range_lock *l)
{
	pthread_mutex_destroy(&l->mutex);
}

static bool excludes(const struct range *a, const struct range *b)
{
	return (a->exclusive || b->exclusive) && a->first < b->end && b->first < a->end;
}

/* Does one of @in before @until (NULL: of all) exclude @r? */
static bool any_excludes(const struct list *in, const struct list *until, const struct range *r)
{
	list_each(it, in) {
		if (it == until)
			return false;
		if (excludes(container_of(it, struct range, node), r))
			return true;
	}
	return false;
}

static bool must_wait(const struct range_lock *l, const struct range *r)
{
	if (l->exclusives == 0 && !r->exclusive)
		return false;
	return any_excludes(&l->held, NULL, r) || any_excludes(&l->waiting, NULL, r);
}

bool range_acquire(struct range_lock *l, struct range *r)
{
	bool wait;

	pthread_mutex_lock(&l->mutex);
	wait = must_wait(l, r);
	l->exclusives += r->exclusive;
	list_add_tail(wait ? &l->waiting : &l->held, &r->node);
	pthread_mutex_unlock(&l->mutex);
	return !wait;
}

static void serve_waiters(struct range_lock *l)
{
	list_each_safe(it, next, &l->waiting) {
		struct range *r = container_of(it, struct range, node);

		if (any_excludes(&l->held, NULL, r) || any_excludes(&l->waiting, it, r))
			continue;
		list_del(it);
		list_add_tail(&l->held, it);
		r->granted(r);
	}
}

void range_release(struct range_lock *l, struct range *r)
{
	pthread_mutex_lock(&l->mutex);
	list_del(&r->node);
	l->exclusives -= r->exclusive;
	serve_waiters(l);
	pthread_mutex_unlock(&l->mutex);
}
