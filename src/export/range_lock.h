/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * range_lock - who may write where, so that a write of less than a block (read, change, write
 * back) loses no byte that somebody else writes into that block meanwhile.
 *
 * A range is shared (whole blocks) or exclusive (the first or last block is written in part).
 * Shared ranges do not exclude each other: overlapping writes of whole blocks are the caller's
 * affair, as on any disk. Waiters are served in the order in which they came; none is overtaken
 * by one that it excludes. Any thread; nobody blocks.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct range {
	uint64_t first, end;	/* blocks; end is behind the last */
	bool exclusive;
	/* It is held from now on. Called by whoever released; must be short, and not call back. */
	void (*granted)(struct range *r);
	struct list node;
};

struct range_lock {
	pthread_mutex_t mutex;
	struct list held, waiting;
	unsigned int exclusives;	/* held or waiting: with none a shared range need not look */
};

void range_lock_init(struct range_lock *l);
void range_lock_free(struct range_lock *l);
/* true: @r is held. false: it waits, and r->granted() will be called. */
bool range_acquire(struct range_lock *l, struct range *r);
void range_release(struct range_lock *l, struct range *r);
