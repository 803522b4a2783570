/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/timer.h"

#include "base/bytes.h"

/* Slots that one search for the next deadline looks at; beyond it, look again then. */
#define LOOK_AHEAD 256

static uint64_t tick_of(uint64_t ns)
{
	return (ns + TIMER_TICK_NS - 1) / TIMER_TICK_NS;
}

void timer_wheel_init(struct timer_wheel *tw, uint64_t now_ns)
{
	for (int i = 0; i < TIMER_SLOTS; i++)
		list_init(&tw->slot[i]);
	tw->tick = now_ns / TIMER_TICK_NS;
	tw->count = 0;
}

void timer_wheel_cancel(struct timer_wheel *tw, struct world_timer *t)
{
	if (list_empty(&t->node))
		return;
	list_del(&t->node);
	tw->count--;
}

void timer_wheel_set(struct timer_wheel *tw, struct world_timer *t, uint64_t deadline_ns)
{
	uint64_t tick = max_u64(tick_of(deadline_ns), tw->tick + 1);

	timer_wheel_cancel(tw, t);
	t->deadline_ns = deadline_ns;
	list_add_tail(&tw->slot[tick % TIMER_SLOTS], &t->node);
	tw->count++;
}

/* The due ones of a slot go to @due first: firing may set timers anew, into this very slot. */
static void collect(struct list *slot, uint64_t now_ns, struct list *due)
{
	list_each_safe(it, next, slot) {
		struct world_timer *t = container_of(it, struct world_timer, node);

		if (t->deadline_ns > now_ns)
			continue;
		list_del(it);
		list_add_tail(due, it);
	}
}

uint32_t timer_wheel_advance(struct timer_wheel *tw, struct world *w, uint64_t now_ns)
{
	uint64_t to = now_ns / TIMER_TICK_NS;
	uint32_t fired = 0;
	struct list due, *it;

	if (to <= tw->tick)
		return 0;
	if (to - tw->tick > TIMER_SLOTS)
		tw->tick = to - TIMER_SLOTS;
	list_init(&due);
	while (tw->count && tw->tick < to)
		collect(&tw->slot[++tw->tick % TIMER_SLOTS], now_ns, &due);
	tw->tick = to;
	while ((it = list_first(&due))) {
		struct world_timer *t = container_of(it, struct world_timer, node);

		list_del(it);
		tw->count--;
		fired++;
		t->fire(w, t);
	}
	return fired;
}

uint64_t timer_wheel_next(const struct timer_wheel *tw, uint64_t now_ns)
{
	if (tw->count == 0)
		return WORLD_NEVER;
	for (uint64_t i = 1; i <= LOOK_AHEAD; i++) {
		const struct list *slot = &tw->slot[(tw->tick + i) % TIMER_SLOTS];
		uint64_t at = (tw->tick + i) * TIMER_TICK_NS;

		if (list_empty(slot))
			continue;
		for (const struct list *it = slot->next; it != slot; it = it->next)
			if (container_of(it, struct world_timer, node)->deadline_ns <= at)
				return max_u64(at, now_ns);
	}
	return (tw->tick + LOOK_AHEAD) * TIMER_TICK_NS;
}
