/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disk - a namespace in bytes: reads, writes and zeroes at any offset and of any length, over a
 * device (client/device.h) that knows blocks. Knows nothing of FUSE.
 *
 * A write that begins or ends inside a block reads that block, changes it and writes it back
 * while nobody else writes it (range_lock.h, across all queues of the disk). Another host may:
 * blocks are the smallest unit that two hosts can share.
 *
 * Nothing here allocates after disk_init() and disk_req_init(). A struct disk_queue and its requests
 * belong to one thread; a disk is shared.
 */
#pragma once

#include <nvmetls.h>
#include <pthread.h>

#include "base/list.h"
#include "client/device.h"
#include "export/range_lock.h"

struct disk {
	struct nvmetls_ns ns;	/* as at first: blocks may be more by now */
	_Atomic uint64_t bytes;
	uint32_t shift;		/* log2 of the block */
	uint32_t max_bytes;	/* of one command; whole blocks */
	struct range_lock lock;
};

struct disk_queue {
	const struct device *device;
	void *queue;
	struct list stalled;	/* the device's queue was full */
	unsigned int in_flight;	/* commands at the device */
	pthread_mutex_t mutex;
	struct list granted;	/* by any thread, under the mutex */
	int wake_fd;		/* readable when something was granted, or disk_queue_wake() */
};

enum disk_op { DISK_READ, DISK_WRITE, DISK_ZERO, DISK_FLUSH };

struct disk_req {
	/* The caller's. */
	enum disk_op op;
	bool fua;		/* WRITE, ZERO */
	bool unmap;		/* ZERO: the blocks may be deallocated */
	uint64_t offset, len;	/* bytes, within the disk; len > 0 unless FLUSH */
	uint8_t *data;		/* READ, WRITE: len bytes */
	/* In the queue's thread; @err: 0 or -errno. May submit again. */
	void (*done)(struct disk_req *r, int err);

	/* The disk's. */
	struct disk *disk;
	struct disk_queue *q;
	uint8_t *edge[2];	/* a block each: the first, the last, where it is used in part */
	uint32_t head, tail;	/* bytes of data in them; 0: that edge is not used */
	uint32_t head_at;	/* where in the first block they begin */
	uint64_t first;		/* block */
	uint64_t span, pos;	/* bytes in whole blocks; how far the transfer is */
	int phase;
	int err;
	bool locked;
	struct range range;
	struct list node;
	struct iovec iov[3];
	struct nvmetls_io io;
};

void disk_init(struct disk *d, const struct nvmetls_ns *ns, const struct device *dev);
void disk_free(struct disk *d);
/* It has @blocks now. From any thread. False: that is no more than before. */
bool disk_grow(struct disk *d, uint64_t blocks);

/* 0 or -errno. @index: of the device's queue; the thread that uses it first keeps it. */
int disk_queue_init(struct disk_queue *q, const struct device *dev, unsigned int index);
/* Also after a failed disk_queue_init(). */
void disk_queue_free(struct disk_queue *q);
/*
 * Complete what can be completed without waiting: calls done(). Returns how many commands came back,
 * or -errno of the device when none will any more.
 */
int disk_queue_run(struct disk_queue *q);
/* The device's descriptor (-errno); beside it watch wake_fd. */
int disk_queue_fd(struct disk_queue *q);
/* From any thread. */
void disk_queue_wake(struct disk_queue *q);

/* Blocks of up to @block_bytes_max. 0 or -ENOMEM. */
int disk_req_init(struct disk_req *r, uint32_t block_bytes_max);
void disk_req_free(struct disk_req *r);
void disk_submit(struct disk *d, struct disk_queue *q, struct disk_req *r);

/* What a caller of read(2) gets for the status of a command: 0 or -errno. */
int disk_errno(int status);
