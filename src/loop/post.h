/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * post - many senders, one receiver, no lock.
 *
 * Senders push onto a stack; the receiver takes all of it and turns it round, which gives the
 * order of pushing. Sleeping is announced before the last look at the queue, and a sender looks
 * at the announcement after its push: one of the two always sees the other.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "base/world.h"

struct post_queue {
	_Alignas(64) _Atomic(struct world_post *) head;
	atomic_bool asleep;
	char pad[64 - sizeof(void *) - sizeof(atomic_bool)]; /* senders write this line */
};

void post_init(struct post_queue *q);
/* From any thread. Returns whether the receiver sleeps and the caller is the one to wake it. */
bool post_push(struct post_queue *q, struct world_post *p);
/* All that was pushed, oldest first, linked by next; NULL: nothing. */
struct world_post *post_take(struct post_queue *q);
bool post_waiting(struct post_queue *q);
/* The receiver is about to sleep. Returns false, and it must not, when something is queued. */
bool post_sleep(struct post_queue *q);
void post_awake(struct post_queue *q);
