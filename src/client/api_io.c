/* SPDX-License-Identifier: BSD-3-Clause */
/* I/O: from struct nvmetls_io to a command, and who may do it. */
#include <errno.h>
#include <string.h>

#include "client/api_impl.h"
#include "nvme/status.h"

#define BLOCKS_MAX 65536u

int api_io_status(const struct io_req *r)
{
	if (!fault_is(r->cmd.why))
		return r->cmd.status;
	/* whoever was faster at closing, it was on request */
	return atomic_load(&r->q->c->leaving) ? -ECANCELED : api_command_error(r->cmd.why);
}

int api_gone_status(const struct io_req *r)
{
	if (atomic_load(&r->q->c->leaving))
		return -ECANCELED;
	return r->q->c->recover ? -EIO : -ENOTCONN;
}

static int data_command(struct nvmetls_queue *q, struct nvmetls_io *io)
{
	struct io_req *r = io_req(io);
	struct hcmd *c = &r->cmd;
	uint32_t shift;
	uint64_t len, sum = 0;
	int rc = api_block_shift(q->c, io->nsid, &shift);

	if (rc)
		return rc;
	len = (uint64_t)io->blocks << shift;
	if (len > q->c->mdts_bytes)
		return -EINVAL;
	if (io->iov) {
		c->iov = io->iov;
		c->iov_count = io->iov_count;
		for (int i = 0; i < io->iov_count; i++)
			sum += io->iov[i].iov_len;
		if (sum != len)
			return -EINVAL;
	} else {
		if (!io->buf)
			return -EINVAL;
		r->iov = (struct iovec){ io->buf, len };
		c->iov = &r->iov;
		c->iov_count = 1;
	}
	c->len = (uint32_t)len;
	c->dir = io->op == NVMETLS_READ ? HCMD_FROM_CTRL : HCMD_TO_CTRL;
	nvme_sqe_rw(&c->sqe, io->op == NVMETLS_READ ? NVME_CMD_READ : NVME_CMD_WRITE, io->nsid,
		    io->slba, io->blocks, io->flags & NVMETLS_FUA ? NVME_RW_FUA : 0);
	return 0;
}

static void deallocate(struct nvmetls_io *io)
{
	struct io_req *r = io_req(io);

	nvme_dsm_range_set(&r->range, io->slba, io->blocks);
	r->iov = (struct iovec){ &r->range, sizeof(r->range) };
	r->cmd.iov = &r->iov;
	r->cmd.iov_count = 1;
	r->cmd.len = sizeof(r->range);
	r->cmd.dir = HCMD_TO_CTRL;
	nvme_sqe_dsm(&r->cmd.sqe, io->nsid, 1, NVME_DSM_AD);
}

static bool flags_fit(const struct nvmetls_io *io)
{
	unsigned int allowed = NVMETLS_FUA;

	if (io->op == NVMETLS_WRITE_ZEROES)
		allowed |= NVMETLS_UNMAP;
	return !(io->flags & ~allowed);
}

static uint32_t zero_flags(const struct nvmetls_io *io)
{
	return (io->flags & NVMETLS_FUA ? NVME_RW_FUA : 0) |
	       (io->flags & NVMETLS_UNMAP ? NVME_RW_DEAC : 0);
}

int api_io_prepare(struct nvmetls_queue *q, struct nvmetls_io *io)
{
	struct io_req *r = io_req(io);
	struct hcmd *c = &r->cmd;

	*c = (struct hcmd){ .dir = HCMD_NONE };
	r->q = q;
	if (io->op != NVMETLS_READ && io->op != NVMETLS_WRITE && api_ns_refused(q->c, io->nsid))
		return -EIO;
	r->sync = false;
	r->tries = 0;
	if (io->op == NVMETLS_FLUSH) {
		nvme_sqe_flush(&c->sqe, io->nsid);
		return 0;
	}
	if (io->blocks == 0 || io->blocks > BLOCKS_MAX || !flags_fit(io))
		return -EINVAL;
	switch (io->op) {
	case NVMETLS_READ:
	case NVMETLS_WRITE:
		return data_command(q, io);
	case NVMETLS_WRITE_ZEROES:
		nvme_sqe_rw(&c->sqe, NVME_CMD_WRITE_ZEROES, io->nsid, io->slba, io->blocks,
			    zero_flags(io));
		return 0;
	case NVMETLS_DEALLOCATE:
		deallocate(io);
		return 0;
	default:
		return -EINVAL;
	}
}

struct nvmetls_queue *nvmetls_get_queue(struct nvmetls *c, unsigned int index)
{
	return index < c->queue_count ? &c->queues[index] : NULL;
}

/* Is it this thread's? The first to ask gets it. */
static int check_owner(struct nvmetls_queue *q)
{
	uintptr_t me = api_thread(), owner = atomic_load_explicit(&q->owner, memory_order_relaxed);

	if (api_forked(q->c))
		return -ECHILD;
	if (owner == me)
		return 0;
	if (owner != 0 || !atomic_compare_exchange_strong(&q->owner, &owner, me))
		return -EPERM;
	return 0;
}

int nvmetls_submit(struct nvmetls_queue *q, struct nvmetls_io *io)
{
	int rc = check_owner(q);

	if (rc)
		return rc;
	if (q->in_flight == q->depth)
		return -EAGAIN;
	rc = api_io_prepare(q, io);
	if (rc)
		return rc > 0 ? -EINVAL : rc;
	if (q->c->serve == NVMETLS_SERVE_CALLER)
		return api_caller_submit(q, io_req(io));
	if (atomic_load_explicit(&q->c->up, memory_order_relaxed) == false)
		return -ENOTCONN;
	q->in_flight++;
	api_thread_submit(q, io_req(io));
	return 0;
}

int nvmetls_poll(struct nvmetls_queue *q, int timeout_ms)
{
	int rc = check_owner(q);

	if (rc)
		return rc;
	return q->c->serve == NVMETLS_SERVE_CALLER ? api_caller_poll(q, timeout_ms) :
						     api_thread_poll(q, timeout_ms);
}

int nvmetls_fd(struct nvmetls_queue *q)
{
	int rc = check_owner(q);

	if (rc)
		return rc;
	if (q->c->serve == NVMETLS_SERVE_THREAD)
		return api_thread_fd(q);
	rc = api_caller_own(q);
	return rc ? rc : loop_fd(q->loop);
}

/* ---- numbers ---- */

struct stats_call {
	struct nvmetls_queue *q;
	struct nvmetls_queue_stats *ret;
};

static void add_stats(struct nvmetls_queue_stats *to, const struct session_counters *n)
{
	to->recvs += n->recvs;
	to->sends += n->sends;
	to->bytes_rx += n->bytes_rx;
	to->bytes_tx += n->bytes_tx;
}

static void copy_stats(struct nvmetls_queue *q, struct nvmetls_queue_stats *ret)
{
	*ret = q->past;
	if (q->aq)
		add_stats(ret, &q->aq->conn.session.counters);
}

/* In the queue's world. */
void api_queue_left(struct nvmetls_queue *q)
{
	if (q->aq)
		add_stats(&q->past, &q->aq->counters);
	q->aq = NULL;
	q->hq = NULL;
}

static void read_stats(struct nvmetls *c, void *arg)
{
	struct stats_call *s = arg;

	(void)c;
	copy_stats(s->q, s->ret);
}

void nvmetls_get_queue_stats(struct nvmetls_queue *q, struct nvmetls_queue_stats *ret)
{
	struct stats_call s = { q, ret };

	memset(ret, 0, sizeof(*ret));
	if (api_forked(q->c))
		return;
	if (q->c->serve == NVMETLS_SERVE_CALLER && atomic_load(&q->owner) != 0)
		copy_stats(q, ret);
	else
		api_at_home(q->c, read_stats, &s);
}

/* ---- synchronous I/O ---- */

static int rw_once(struct nvmetls_queue *q, struct nvmetls_io *io)
{
	struct io_req *r = io_req(io);
	int rc = api_io_prepare(q, io);
	sem_t sem;

	if (rc)
		return rc;
	sem_init(&sem, 0, 0);
	r->sync = true;
	r->sem = &sem;
	api_thread_submit(q, r);
	while (sem_wait(&sem) != 0 && errno == EINTR)
		;
	sem_destroy(&sem);
	return r->status;
}

/* One command moves so many blocks. */
static int blocks_per_command(struct nvmetls *c, enum nvmetls_op op, uint32_t nsid, uint32_t *ret)
{
	uint32_t shift = 0;
	int rc;

	*ret = BLOCKS_MAX;
	if (op != NVMETLS_READ && op != NVMETLS_WRITE)
		return 0;
	rc = api_block_shift(c, nsid, &shift);
	if (rc == 0)
		*ret = (uint32_t)min_u64(BLOCKS_MAX, c->mdts_bytes >> shift);
	return rc;
}

int nvmetls_rw(struct nvmetls *c, enum nvmetls_op op, unsigned int flags, uint32_t nsid,
	       uint64_t slba, uint32_t blocks, void *buf)
{
	uint32_t most, shift = 0;
	uint8_t *at = buf;
	int rc;

	if (api_forked(c))
		return -ECHILD;
	if (c->serve == NVMETLS_SERVE_CALLER)
		return -ENOTSUP;
	if (c->queue_count == 0)
		return -EINVAL;
	rc = blocks_per_command(c, op, nsid, &most);
	if (rc == 0 && at)
		rc = api_block_shift(c, nsid, &shift);
	do {
		struct nvmetls_io io = { .op = op, .flags = flags, .nsid = nsid, .slba = slba };
		uint32_t n = blocks < most ? blocks : most;

		io.blocks = n;
		io.buf = at;
		if (rc == 0)
			rc = rw_once(&c->queues[0], &io);
		slba += n;
		blocks -= n;
		at += at ? (size_t)n << shift : 0;
	} while (rc == 0 && blocks);
	return rc;
}
