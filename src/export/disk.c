/* SPDX-License-Identifier: BSD-3-Clause */
#include "export/disk.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/bytes.h"
#include "nvme/status.h"

#define PAGE		4096u
#define ZERO_BLOCKS_MAX 65536u	/* NLB has 16 bits */

/* What a request goes through; READ and FLUSH begin with PHASE_MOVE. */
enum { PHASE_READ_HEAD, PHASE_READ_TAIL, PHASE_ZERO_HEAD, PHASE_ZERO_TAIL, PHASE_MOVE, PHASE_END };

int disk_errno(int status)
{
	if (status <= 0)
		return status ? -EIO : 0;	/* the connection's reasons are no file's */
	switch (nvme_status_code((uint16_t)status)) {
	case NVME_SC_CAP_EXCEEDED:
		return -ENOSPC;
	case NVME_SC_NS_WRITE_PROTECTED:
	case NVME_SC_READ_ONLY:
		return -EROFS;
	case NVME_SC_INVALID_OPCODE:
		return -EOPNOTSUPP;
	case NVME_SC_RESERVATION_CONFLICT:
		return -EBADE;	/* as the kernel's block layer */
	default:
		return -EIO;
	}
}

void disk_init(struct disk *d, const struct nvmetls_ns *ns, const struct device *dev)
{
	d->ns = *ns;
	d->shift = (uint32_t)__builtin_ctz(ns->block_bytes);
	d->bytes = ns->blocks << d->shift;
	d->max_bytes = dev->max_bytes & ~(ns->block_bytes - 1);
	assert(d->max_bytes >= ns->block_bytes);
	range_lock_init(&d->lock);
}

void disk_free(struct disk *d)
{
	range_lock_free(&d->lock);
}

bool disk_grow(struct disk *d, uint64_t blocks)
{
	if (blocks << d->shift <= d->bytes)
		return false;
	d->bytes = blocks << d->shift;
	return true;
}

int disk_req_init(struct disk_req *r, uint32_t block_bytes_max)
{
	void *p;

	memset(r, 0, sizeof(*r));
	list_init(&r->node);
	if (posix_memalign(&p, PAGE, 2 * (size_t)block_bytes_max))
		return -ENOMEM;
	memset(p, 0, 2 * (size_t)block_bytes_max);	/* the pages are there from now on */
	r->edge[0] = p;
	r->edge[1] = r->edge[0] + block_bytes_max;
	return 0;
}

void disk_req_free(struct disk_req *r)
{
	free(r->edge[0]);
	r->edge[0] = NULL;
}

/* ---- one command ---- */

static void advance(struct disk_req *r);

static void io_done(struct nvmetls_io *io, int status)
{
	struct disk_req *r = io->user;

	r->q->in_flight--;
	r->err = disk_errno(status);
	advance(r);
}

static void submit(struct disk_req *r)
{
	struct disk_queue *q = r->q;
	int rc;

	/* before: done() may be called, and the request be over, within submit() */
	q->in_flight++;
	rc = q->device->ops->submit(q->queue, &r->io);
	if (rc == 0)
		return;
	q->in_flight--;
	if (rc == -EAGAIN) {
		list_add_tail(&q->stalled, &r->node);
		return;
	}
	r->err = disk_errno(rc);
	r->phase = PHASE_END;
	list_add_tail(&q->stalled, &r->node);	/* it ends in disk_queue_run(), not in here */
}

static void command(struct disk_req *r, enum nvmetls_op op, uint64_t block, uint64_t blocks)
{
	r->io.op = op;
	r->io.flags = 0;
	if (r->fua && (op == NVMETLS_WRITE || op == NVMETLS_WRITE_ZEROES))
		r->io.flags |= NVMETLS_FUA;
	if (r->unmap && op == NVMETLS_WRITE_ZEROES)
		r->io.flags |= NVMETLS_UNMAP;
	r->io.nsid = r->disk->ns.nsid;
	r->io.slba = block;
	r->io.blocks = (uint32_t)blocks;
	r->io.done = io_done;
	r->io.user = r;
	submit(r);
}

/* A whole block between the disk and an edge. */
static void edge_command(struct disk_req *r, enum nvmetls_op op, int edge)
{
	uint64_t last = r->first + (r->span >> r->disk->shift) - 1;

	r->iov[0] = (struct iovec){ r->edge[edge], r->disk->ns.block_bytes };
	r->io.iov = r->iov;
	r->io.iov_count = 1;
	command(r, op, edge == 0 ? r->first : last, 1);
}

/* ---- transfers: [edge 0] [data] [edge 1] as one run of blocks ---- */

static int add_piece(struct iovec *to, uint8_t *base, uint64_t at, uint64_t len, uint64_t from,
		     uint64_t end)
{
	uint64_t a = max_u64(at, from), b = min_u64(at + len, end);

	if (a >= b)
		return 0;
	*to = (struct iovec){ base + (a - at), b - a };
	return 1;
}

static void transfer(struct disk_req *r)
{
	uint32_t block = r->disk->ns.block_bytes;
	uint64_t end = min_u64(r->span, r->pos + r->disk->max_bytes);
	uint64_t lead = r->head ? block : 0, mid = r->span - lead - (r->tail ? block : 0);
	uint64_t first = r->first + (r->pos >> r->disk->shift), len = end - r->pos;
	int n = add_piece(r->iov, r->edge[0], 0, lead, r->pos, end);

	n += add_piece(r->iov + n, r->data + r->head, lead, mid, r->pos, end);
	n += add_piece(r->iov + n, r->edge[1], lead + mid, r->tail ? block : 0, r->pos, end);
	r->io.iov = r->iov;
	r->io.iov_count = n;
	r->pos = end;
	command(r, r->op == DISK_READ ? NVMETLS_READ : NVMETLS_WRITE, first,
		len >> r->disk->shift);
}

static void zero_blocks(struct disk_req *r, uint64_t end)
{
	uint64_t first = r->first + (r->pos >> r->disk->shift);
	uint64_t n = min_u64((end - r->pos) >> r->disk->shift, ZERO_BLOCKS_MAX);

	r->io.iov = NULL;
	r->io.iov_count = 0;
	r->pos += n << r->disk->shift;
	command(r, NVMETLS_WRITE_ZEROES, first, n);
}

/* Put the request's bytes into the blocks that were read. */
static void change_edges(struct disk_req *r)
{
	if (r->head && r->op == DISK_ZERO)
		memset(r->edge[0] + r->head_at, 0, r->head);
	else if (r->head)
		memcpy(r->edge[0] + r->head_at, r->data, r->head);
	if (r->tail && r->op == DISK_ZERO)
		memset(r->edge[1], 0, r->tail);
	else if (r->tail)
		memcpy(r->edge[1], r->data + r->len - r->tail, r->tail);
}

/* ---- a request ---- */

static void finish(struct disk_req *r)
{
	if (r->locked)
		range_release(&r->disk->lock, &r->range);
	r->locked = false;
	if (r->err == 0 && r->op == DISK_READ && r->head)
		memcpy(r->data, r->edge[0] + r->head_at, r->head);
	if (r->err == 0 && r->op == DISK_READ && r->tail)
		memcpy(r->data + r->len - r->tail, r->edge[1], r->tail);
	r->done(r, r->err);
}

/* The next command of the move; false when it is over. */
static bool move_on(struct disk_req *r)
{
	uint32_t block = r->disk->ns.block_bytes;
	uint64_t end = r->span;

	if (r->op == DISK_FLUSH) {
		if (r->pos)
			return false;
		r->pos = 1;
		command(r, NVMETLS_FLUSH, 0, 0);
		return true;
	}
	if (r->op == DISK_ZERO) {
		end -= r->tail ? block : 0;
		r->pos = max_u64(r->pos, r->head ? block : 0);
	}
	if (r->pos >= end)
		return false;
	if (r->op == DISK_ZERO)
		zero_blocks(r, end);
	else
		transfer(r);
	return true;
}

/* Take the next step that is needed; the edges first. */
static void advance(struct disk_req *r)
{
	static const struct {
		enum nvmetls_op op;
		int edge;
	} step[] = {
		[PHASE_READ_HEAD] = { NVMETLS_READ, 0 },
		[PHASE_READ_TAIL] = { NVMETLS_READ, 1 },
		[PHASE_ZERO_HEAD] = { NVMETLS_WRITE, 0 },
		[PHASE_ZERO_TAIL] = { NVMETLS_WRITE, 1 },
	};

	while (r->err == 0 && r->phase < PHASE_MOVE) {
		int phase = r->phase++;

		if (phase == PHASE_ZERO_HEAD)
			change_edges(r);	/* both have been read */
		if (phase >= PHASE_ZERO_HEAD && r->op != DISK_ZERO)
			continue;
		if (step[phase].edge == 0 ? r->head : r->tail) {
			edge_command(r, step[phase].op, step[phase].edge);
			return;
		}
	}
	if (r->err || r->phase == PHASE_END || !move_on(r))
		finish(r);
}

/* Which blocks, and what of the first and the last. */
static void cut(struct disk_req *r)
{
	uint32_t block = r->disk->ns.block_bytes;
	uint64_t end = r->offset + r->len;
	uint32_t over = (uint32_t)(end & (block - 1));

	r->first = r->offset >> r->disk->shift;
	r->head_at = (uint32_t)(r->offset & (block - 1));
	r->span = ((end + block - 1) >> r->disk->shift << r->disk->shift) -
		  (r->first << r->disk->shift);
	r->head = r->tail = 0;
	if (r->head_at || (over && r->span == block))
		r->head = (uint32_t)min_u64(block - r->head_at, r->len);
	if (over && r->span > block)
		r->tail = over;
}

static void granted(struct range *range)
{
	struct disk_req *r = container_of(range, struct disk_req, range);
	struct disk_queue *q = r->q;

	pthread_mutex_lock(&q->mutex);
	list_add_tail(&q->granted, &r->node);
	pthread_mutex_unlock(&q->mutex);
	disk_queue_wake(q);
}

void disk_submit(struct disk *d, struct disk_queue *q, struct disk_req *r)
{
	r->disk = d;
	r->q = q;
	r->pos = 0;
	r->err = 0;
	r->phase = PHASE_MOVE;
	r->head = r->tail = 0;
	if (r->op != DISK_FLUSH) {
		assert(r->len > 0 && r->offset < d->bytes && r->len <= d->bytes - r->offset);
		cut(r);
	}
	if (r->op == DISK_WRITE || r->op == DISK_ZERO) {
		r->phase = PHASE_READ_HEAD;
		r->range.first = r->first;
		r->range.end = r->first + (r->span >> d->shift);
		r->range.exclusive = r->head || r->tail;
		r->range.granted = granted;
		r->locked = true;
		if (!range_acquire(&d->lock, &r->range))
			return;
	}
	advance(r);
}

/* ---- a queue ---- */

int disk_queue_init(struct disk_queue *q, const struct device *dev, unsigned int index)
{
	memset(q, 0, sizeof(*q));
	q->queue = dev->ops->queue(dev->ctx, index);
	if (!q->queue)
		return -EINVAL;
	list_init(&q->stalled);
	list_init(&q->granted);
	q->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->wake_fd < 0)
		return -errno;
	pthread_mutex_init(&q->mutex, NULL);
	q->device = dev;
	return 0;
}

void disk_queue_free(struct disk_queue *q)
{
	if (!q->device)
		return;
	close(q->wake_fd);
	pthread_mutex_destroy(&q->mutex);
}

void disk_queue_wake(struct disk_queue *q)
{
	uint64_t one = 1;
	ssize_t n = write(q->wake_fd, &one, sizeof(one));

	(void)n; /* full: it is readable, and that is all it has to be */
}

int disk_queue_fd(struct disk_queue *q)
{
	return q->device->ops->fd(q->queue);
}

static struct disk_req *take_granted(struct disk_queue *q)
{
	struct list *n;

	pthread_mutex_lock(&q->mutex);
	n = list_first(&q->granted);
	if (n)
		list_del(n);
	pthread_mutex_unlock(&q->mutex);
	return n ? container_of(n, struct disk_req, node) : NULL;
}

static void retry_stalled(struct disk_queue *q)
{
	struct list todo, *n;

	list_init(&todo);
	while ((n = list_first(&q->stalled))) {
		list_del(n);
		list_add_tail(&todo, n);
	}
	while ((n = list_first(&todo))) {
		struct disk_req *r = container_of(n, struct disk_req, node);

		list_del(n);
		if (r->phase == PHASE_END)
			finish(r);
		else
			submit(r);
	}
}

int disk_queue_run(struct disk_queue *q)
{
	struct disk_req *r;
	uint64_t count;
	ssize_t n;
	int rc;

	if (q->in_flight == 0 || !list_empty(&q->stalled))
		retry_stalled(q);
	n = read(q->wake_fd, &count, sizeof(count));
	(void)n;
	while ((r = take_granted(q)))
		advance(r);
	rc = q->device->ops->poll(q->queue, 0);
	retry_stalled(q);
	return rc;
}
