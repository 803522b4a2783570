/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queues that the library's thread serves. Two lists without locks stand between it and the
 * caller: what was submitted, and what is finished. Whoever makes a list non-empty wakes the
 * other side, and nobody else does.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "client/api_impl.h"

/* Returns whether the list was empty. */
static bool push(_Atomic(struct io_req *) *list, struct io_req *r)
{
	struct io_req *head = atomic_load_explicit(list, memory_order_relaxed);

	do
		r->next = head;
	while (!atomic_compare_exchange_weak(list, &head, r));
	return head == NULL;
}

/* All of it, oldest first. */
static struct io_req *take_all(_Atomic(struct io_req *) *list)
{
	struct io_req *r = atomic_exchange(list, NULL), *out = NULL;

	while (r) {
		struct io_req *next = r->next;

		r->next = out;
		out = r;
		r = next;
	}
	return out;
}

/* ---- home ---- */

static void signal_fd(struct nvmetls_queue *q)
{
	uint64_t one = 1;
	ssize_t n = write(q->fd, &one, sizeof(one));

	(void)n; /* full: it is readable, and that is all it has to be */
	/* behind the write: who sees it may read the descriptor empty */
	atomic_store(&q->signalled, true);
}

/* Once per turn, when all that came in has been told. */
static void run_signal(struct world *w, struct world_task *t)
{
	(void)w;
	signal_fd(container_of(t, struct nvmetls_queue, signal_task));
}

static void finish(struct io_req *r, int status)
{
	struct nvmetls_queue *q = r->q;

	r->status = status;
	if (r->sync) {
		sem_post(r->sem);
		return;
	}
	if (push(&q->finished, r) && atomic_load(&q->armed))
		world_wake(q->c->home, &q->signal_task);
}

static void io_done(struct hqueue *hq, struct hcmd *cmd);

/* Submit what waits, as far as there is room. */
void api_thread_pump(struct nvmetls_queue *q)
{
	while (q->backlog) {
		bool live = q->hq && hqueue_live(q->hq);
		struct io_req *r;

		if (live ? hqueue_room(q->hq) == 0 : api_holds(q->c))
			return;
		r = api_held(q);
		r->cmd.done = io_done;
		if (!live)
			finish(r, api_gone_status(r));
		else if (api_ns_refused(q->c, load_le32(r->cmd.sqe.nsid)))
			finish(r, -EIO);
		else
			hqueue_submit(q->hq, &r->cmd, world_now(q->c->home));
	}
}

static void io_done(struct hqueue *hq, struct hcmd *cmd)
{
	struct io_req *r = container_of(cmd, struct io_req, cmd);
	struct nvmetls_queue *q = r->q;

	(void)hq;
	if (!fault_is(cmd->why) || !api_hold(r))
		finish(r, api_io_status(r));
	if (q->backlog)
		api_thread_pump(q);
}

static void run_submit(struct world *w, struct world_post *p)
{
	struct nvmetls_queue *q = container_of(p, struct nvmetls_queue, submit_post);
	struct io_req *r = take_all(&q->submitted);

	(void)w;
	*q->backlog_tail = r;
	while (*q->backlog_tail)
		q->backlog_tail = &(*q->backlog_tail)->next;
	api_thread_pump(q);
}

void api_thread_lost(struct nvmetls *c)
{
	for (unsigned int i = 0; i < c->queue_count; i++)
		if (c->queues[i].fd >= 0)
			signal_fd(&c->queues[i]);
}

/* ---- the caller ---- */

int api_thread_init(struct nvmetls_queue *q)
{
	q->submit_post.run = run_submit;
	q->signal_task.run = run_signal;
	list_init(&q->signal_task.node);
	if (q->c->serve == NVMETLS_SERVE_CALLER)
		return 0;
	q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return q->fd < 0 ? -errno : 0;
}

void api_thread_submit(struct nvmetls_queue *q, struct io_req *r)
{
	if (push(&q->submitted, r))
		world_post(q->c->home, &q->submit_post);
}

uint32_t api_thread_reap(struct nvmetls_queue *q)
{
	struct io_req *r = take_all(&q->finished);
	uint32_t n = 0;

	while (r) {
		struct io_req *next = r->next; /* done() may submit @r again */
		struct nvmetls_io *io = io_of(r);

		q->in_flight--;
		n++;
		io->done(io, r->status);
		r = next;
	}
	return n;
}

static void clear_fd(struct nvmetls_queue *q)
{
	uint64_t count;

	if (atomic_exchange(&q->signalled, false)) {
		ssize_t n = read(q->fd, &count, sizeof(count));

		(void)n;
	}
}

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
}

static inline void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

/* Look for a while without sleeping. */
static bool spin(struct nvmetls_queue *q, uint64_t until_ns)
{
	do {
		for (int i = 0; i < 32; i++) {
			if (atomic_load_explicit(&q->finished, memory_order_relaxed))
				return true;
			relax();
		}
	} while (clock_ns() < until_ns);
	return false;
}

static bool is_up(const struct nvmetls_queue *q)
{
	return atomic_load_explicit(&q->c->up, memory_order_relaxed) || api_comes_back(q->c);
}

/* Until something is finished or @until_ns. */
static void wait_finished(struct nvmetls_queue *q, uint64_t until_ns)
{
	struct pollfd p = { .fd = q->fd, .events = POLLIN };

	if (q->c->spin_us && spin(q, min_u64(until_ns, clock_ns() + q->c->spin_us * 1000ull)))
		return;
	atomic_store(&q->armed, true);
	while (!atomic_load(&q->finished)) {
		uint64_t now = clock_ns(), left = until_ns > now ? until_ns - now : 0;
		int ms = until_ns == WORLD_NEVER ?
				 -1 :
				 (int)min_u64((left + 999999) / 1000000, INT32_MAX);

		if (left == 0)
			break;
		poll(&p, 1, ms);
		clear_fd(q);
		if (q->in_flight == 0)
			break;
	}
	if (!q->fd_wanted)
		atomic_store(&q->armed, false);
}

int api_thread_poll(struct nvmetls_queue *q, int timeout_ms)
{
	uint64_t until = timeout_ms < 0 ? WORLD_NEVER : 0;
	uint32_t n;

	clear_fd(q);
	n = api_thread_reap(q);
	if (n)
		return (int)n;
	if (q->in_flight == 0)
		return is_up(q) ? 0 : -ENOTCONN;
	if (timeout_ms == 0)
		return 0;
	if (timeout_ms > 0)
		until = clock_ns() + (unsigned int)timeout_ms * NS_PER_MS;
	wait_finished(q, until);
	return (int)api_thread_reap(q);
}

int api_thread_fd(struct nvmetls_queue *q)
{
	if (!q->fd_wanted) {
		q->fd_wanted = true;
		atomic_store(&q->armed, true);
		/* what finished before nobody was to be told of */
		if (atomic_load(&q->finished) || !is_up(q))
			signal_fd(q);
	}
	return q->fd;
}
