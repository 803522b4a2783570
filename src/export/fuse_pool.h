/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuse_pool - the threads that serve FUSE mounts (fuse_disk.h): each has a queue of the device and
 * requests of its own, and takes what comes from any of the mounts. A thread never waits for one
 * request: it reads what the kernel has, submits it, and answers what has come back.
 */
#pragma once

#include "export/fuse_disk.h"

struct fuse_pool;

#define FUSE_POOL_DISKS 64

struct fuse_pool_config {
	const struct device *device;
	struct fuse_disk **disks;	/* mounted; they (not the array) outlive the pool */
	unsigned int disk_count;	/* up to FUSE_POOL_DISKS */
	unsigned int workers;		/* up to device->queues */
	unsigned int slots;		/* requests under way in one worker */
	uint32_t spin_us;		/* how long to look for work before sleeping */
};

/* 0 or -errno. All memory is taken here. */
int fuse_pool_new(const struct fuse_pool_config *c, struct fuse_pool **ret);
/*
 * One more, mounted. 0; -ENOSPC: there are too many; -EINVAL: its blocks are larger than those there were at
 * first. From the thread that flushes.
 */
int fuse_pool_add(struct fuse_pool *p, struct fuse_disk *d);
/* Flush all disks and wait. 0 or the first -errno; -ETIMEDOUT after @timeout_ms. */
int fuse_pool_flush(struct fuse_pool *p, unsigned int timeout_ms);
/*
 * The threads end. What is under way at the device must come back (its connection be closed) before
 * fuse_pool_free(); it is answered then. What was not received yet gets no answer.
 */
void fuse_pool_stop(struct fuse_pool *p);
void fuse_pool_free(struct fuse_pool *p);
