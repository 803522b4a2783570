/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fake_device - a disk in memory behind client/device.h. Commands take effect when poll() completes
 * them, in any order; everything that is submitted stands in a log.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/prng.h"
#include "client/device.h"

#define FAKE_QUEUES 4u
#define FAKE_DEPTH  64u

struct fake_queue {
	struct fake_device *d;
	struct nvmetls_io *pending[FAKE_DEPTH];
	unsigned int count, depth;
	struct prng random;
	int fd;		/* eventfd, readable while something is pending */
};

struct fake_device {
	struct device device;
	struct nvmetls_ns ns;
	uint8_t *bytes;
	pthread_mutex_t mutex;	/* a command takes effect at once */
	struct fake_queue queue[FAKE_QUEUES];
	char log[1024];		/* "R0+1 W2+3 Z8+16u Ff D..." of queue 0: op, block + blocks, flags */
	/* The command of kind @fail_op (as in the log) that touches @fail_block gets @fail_status. */
	char fail_op;
	uint64_t fail_block;
	int fail_status;
	bool gone;		/* submit() says -ENOTCONN */
	bool keep;		/* poll() completes nothing */
	atomic_uint flushes;
};

void fake_device_init(struct fake_device *d, uint32_t block_bytes, uint64_t blocks,
		      uint32_t max_bytes);
void fake_device_free(struct fake_device *d);
