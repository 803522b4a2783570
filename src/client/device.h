/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device - what export/ needs of a controller: queues that take I/O, and no more. A connection of
 * the library is one (device_of()); a test brings its own.
 *
 * A queue belongs to the thread that uses it first, as in nvmetls.h.
 */
#pragma once

#include <nvmetls.h>

struct device_ops {
	/* Queue @index, or NULL. */
	void *(*queue)(void *ctx, unsigned int index);
	/* 0, -EAGAIN (full: poll first) or another negative errno: then io->done() is not called. */
	int (*submit)(void *queue, struct nvmetls_io *io);
	/* Send what was submitted, run completions; as nvmetls_poll(). */
	int (*poll)(void *queue, int timeout_ms);
	/* Readable when poll() has something to do; -errno. */
	int (*fd)(void *queue);
};

struct device {
	const struct device_ops *ops;
	void *ctx;
	unsigned int queues;
	uint32_t max_bytes;	/* largest READ or WRITE; a multiple of every block size in use */
};

/* @c outlives *ret. */
void device_of(struct nvmetls *c, struct device *ret);
