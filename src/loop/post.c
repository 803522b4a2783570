/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/post.h"

void post_init(struct post_queue *q)
{
	atomic_init(&q->head, NULL);
	atomic_init(&q->asleep, false);
}

bool post_push(struct post_queue *q, struct world_post *p)
{
	struct world_post *head = atomic_load_explicit(&q->head, memory_order_relaxed);

	do {
		p->next = head;
	} while (!atomic_compare_exchange_weak(&q->head, &head, p));
	/* sequentially consistent, as in post_sleep(): push, then look */
	return atomic_load(&q->asleep) && atomic_exchange(&q->asleep, false);
}

struct world_post *post_take(struct post_queue *q)
{
	struct world_post *p, *turned = NULL;

	if (!atomic_load_explicit(&q->head, memory_order_relaxed))
		return NULL;
	p = atomic_exchange(&q->head, NULL);
	while (p) {
		struct world_post *next = p->next;

		p->next = turned;
		turned = p;
		p = next;
	}
	return turned;
}

bool post_waiting(struct post_queue *q)
{
	return atomic_load_explicit(&q->head, memory_order_relaxed) != NULL;
}

bool post_sleep(struct post_queue *q)
{
	atomic_store(&q->asleep, true);
	if (!atomic_load(&q->head))
		return true;
	atomic_store(&q->asleep, false);
	return false;
}

void post_awake(struct post_queue *q)
{
	atomic_store_explicit(&q->asleep, false, memory_order_relaxed);
}
