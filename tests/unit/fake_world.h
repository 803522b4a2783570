/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fake_world - a world that a test turns by hand: its clock stands, posts, jobs, file I/O and
 * timers wait until they are told to happen. No sockets. Several of them are several threads.
 */
#pragma once

#include "base/pool.h"
#include "base/world.h"

struct fake_world {
	struct world world; /* first */
	struct pool pool;
	uint64_t now_ns;
	uint64_t seed;
	struct world_post *posts; /* oldest first */
	struct list ios, jobs, timers, tasks;
	uint32_t io_count; /* file operations that ended */
	bool io_dsync;	   /* of the last one */
	enum world_io_op io_op;
	int io_error; /* negative errno that all file operations end with; 0: they really happen */
};

void fake_world_init(struct fake_world *w, uint32_t index, size_t buf_bytes, uint32_t buf_count);
/* Everything must have happened, and all buffers be back. */
void fake_world_free(struct fake_world *w);

/* Run what waits now (not what that adds). Each returns how many there were. */
int fake_world_posts(struct fake_world *w);
int fake_world_jobs(struct fake_world *w);
int fake_world_tasks(struct fake_world *w);
/* At most @max file operations, oldest first. */
int fake_world_ios(struct fake_world *w, int max);
/* Let time pass and fire the timers that are due. */
int fake_world_advance(struct fake_world *w, uint64_t ns);
