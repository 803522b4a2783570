/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_device.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const char op_letter[] = {
	[NVMETLS_READ] = 'R',	      [NVMETLS_WRITE] = 'W',	  [NVMETLS_FLUSH] = 'F',
	[NVMETLS_WRITE_ZEROES] = 'Z', [NVMETLS_DEALLOCATE] = 'D',
};

static void *queue(void *ctx, unsigned int index)
{
	struct fake_device *d = ctx;

	return index < FAKE_QUEUES ? &d->queue[index] : NULL;
}

static void write_log(struct fake_device *d, const struct nvmetls_io *io)
{
	size_t n = strlen(d->log);

	snprintf(d->log + n, sizeof(d->log) - n, "%s%c", n ? " " : "", op_letter[io->op]);
	n = strlen(d->log);
	if (io->op != NVMETLS_FLUSH)
		snprintf(d->log + n, sizeof(d->log) - n, "%llu+%u%s%s",
			 (unsigned long long)io->slba, io->blocks,
			 io->flags & NVMETLS_FUA ? "f" : "", io->flags & NVMETLS_UNMAP ? "u" : "");
}

static int submit(void *ctx, struct nvmetls_io *io)
{
	struct fake_queue *q = ctx;
	uint64_t one = 1;
	ssize_t n;

	if (q->d->gone)
		return -ENOTCONN;
	if (q->count == q->depth)
		return -EAGAIN;
	if (q == &q->d->queue[0])
		write_log(q->d, io);
	q->pending[q->count++] = io;
	n = write(q->fd, &one, sizeof(one));
	(void)n;
	return 0;
}

/* Between the disk at @at and the caller's memory. */
static void copy(struct fake_device *d, struct nvmetls_io *io, uint64_t at)
{
	size_t sum = 0;

	for (int i = 0; i < io->iov_count; i++) {
		struct iovec *v = &io->iov[i];

		if (io->op == NVMETLS_READ)
			memcpy(v->iov_base, d->bytes + at + sum, v->iov_len);
		else
			memcpy(d->bytes + at + sum, v->iov_base, v->iov_len);
		sum += v->iov_len;
	}
	assert(sum == (size_t)io->blocks * d->ns.block_bytes);
	assert(sum <= d->device.max_bytes);
}

static int execute(struct fake_device *d, struct nvmetls_io *io)
{
	uint64_t block = d->ns.block_bytes;

	if (d->fail_op == op_letter[io->op] &&
	    (io->op == NVMETLS_FLUSH ||
	     (d->fail_block >= io->slba && d->fail_block < io->slba + io->blocks)))
		return d->fail_status;
	if (io->op == NVMETLS_FLUSH) {
		d->flushes++;
		return 0;
	}
	assert(io->slba + io->blocks <= d->ns.blocks);
	if (io->op == NVMETLS_WRITE_ZEROES)
		memset(d->bytes + io->slba * block, 0, io->blocks * block);
	else if (io->op != NVMETLS_DEALLOCATE)
		copy(d, io, io->slba * block);
	return 0;
}

/* About half of what is pending, at least one. */
static int poll_queue(void *ctx, int timeout_ms)
{
	struct fake_queue *q = ctx;
	unsigned int n = q->d->keep ? 0 : (q->count + 1) / 2;
	uint64_t count;
	ssize_t rc = read(q->fd, &count, sizeof(count));

	(void)rc;
	(void)timeout_ms;
	for (unsigned int i = 0; i < n; i++) {
		unsigned int pick = (unsigned int)prng_below(&q->random, q->count);
		struct nvmetls_io *io = q->pending[pick];
		int status;

		q->pending[pick] = q->pending[--q->count];
		pthread_mutex_lock(&q->d->mutex);
		status = execute(q->d, io);
		pthread_mutex_unlock(&q->d->mutex);
		io->done(io, status);
	}
	count = 1;
	if (q->count)
		rc = write(q->fd, &count, sizeof(count));
	return (int)n;
}

static int queue_fd(void *ctx)
{
	return ((struct fake_queue *)ctx)->fd;
}

static const struct device_ops ops = { queue, submit, poll_queue, queue_fd };

void fake_device_init(struct fake_device *d, uint32_t block_bytes, uint64_t blocks,
		      uint32_t max_bytes)
{
	memset(d, 0, sizeof(*d));
	d->device = (struct device){ &ops, d, FAKE_QUEUES, max_bytes };
	d->ns = (struct nvmetls_ns){
		.nsid = 1, .block_bytes = block_bytes, .blocks = blocks,
		.can_deallocate = true, .can_write_zeroes = true,
	};
	d->bytes = malloc(blocks * block_bytes);
	assert(d->bytes);
	memset(d->bytes, 0xaa, blocks * block_bytes);
	pthread_mutex_init(&d->mutex, NULL);
	for (unsigned int i = 0; i < FAKE_QUEUES; i++) {
		d->queue[i].d = d;
		d->queue[i].depth = FAKE_DEPTH;
		d->queue[i].fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		prng_seed(&d->queue[i].random, i + 1);
	}
}

void fake_device_free(struct fake_device *d)
{
	for (unsigned int i = 0; i < FAKE_QUEUES; i++)
		close(d->queue[i].fd);
	pthread_mutex_destroy(&d->mutex);
	free(d->bytes);
}
