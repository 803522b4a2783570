/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * timer - a hashed timer wheel: 1 ms ticks, O(1) to set and cancel.
 *
 * A timer far ahead stays in its slot for several rounds of the wheel; advancing looks at the
 * slots that have come up only. Never fires early, and late by less than two ticks.
 */
#pragma once

#include "base/world.h"

#define TIMER_SLOTS   1024
#define TIMER_TICK_NS NS_PER_MS

struct timer_wheel {
	struct list slot[TIMER_SLOTS];
	uint64_t tick;		/* all slots up to and including this one were looked at */
	uint32_t count;
};

void timer_wheel_init(struct timer_wheel *tw, uint64_t now_ns);
void timer_wheel_set(struct timer_wheel *tw, struct world_timer *t, uint64_t deadline_ns);
void timer_wheel_cancel(struct timer_wheel *tw, struct world_timer *t);
/* Fire what is due. Returns how many fired. */
uint32_t timer_wheel_advance(struct timer_wheel *tw, struct world *w, uint64_t now_ns);
/* When to look again at the latest: not after the earliest deadline; WORLD_NEVER: no timers. */
uint64_t timer_wheel_next(const struct timer_wheel *tw, uint64_t now_ns);
