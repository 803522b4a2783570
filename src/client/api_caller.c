/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queues that the caller's thread serves: each has a loop of its own, made by the thread that
 * first uses the queue, and its connection moves there.
 */
#include <errno.h>
#include <time.h>

#include "client/api_impl.h"

/* While the connection is on its way. */
#define LOOK_NS NS_PER_MS

static void move(struct nvmetls *c, void *arg)
{
	struct nvmetls_queue *q = arg;

	q->own_world = loop_world(q->loop);
	if (c->flowing && c->assoc->state == ASSOC_UP)
		assoc_move(c->assoc, q->index, q->own_world);
}

static int make_loop(struct nvmetls_queue *q)
{
	struct loop_config lc = {
		.threads = 1,
		.spin_us = q->c->spin_us,
		.spin_always = q->c->spin_always,
		.buf_bytes = 4096,
		.buf_count = 1,
		.cpu_first = -1,
	};

	return q->loop ? 0 : loop_new(&lc, q->c->loops, &q->loop);
}

/* The connection comes here for the first time; later it comes by itself. */
static int own(struct nvmetls_queue *q)
{
	int rc = make_loop(q);

	if (rc)
		return rc;
	q->asked = true;
	api_at_home(q->c, move, q);
	while (!q->hq && api_state(q->c) == API_UP)
		loop_run_once(q->loop, LOOK_NS);
	return 0;
}

int api_caller_own(struct nvmetls_queue *q)
{
	int rc = q->asked ? 0 : own(q);

	if (rc)
		return rc;
	return q->hq || api_comes_back(q->c) ? 0 : -ENOTCONN;
}

static void finish(struct io_req *r, int status)
{
	struct nvmetls_queue *q = r->q;
	struct nvmetls_io *io = io_of(r);

	q->in_flight--;
	q->completed++;
	io->done(io, status);
}

static void io_done(struct hqueue *hq, struct hcmd *cmd)
{
	struct io_req *r = container_of(cmd, struct io_req, cmd);

	(void)hq;
	if (!fault_is(cmd->why) || !api_hold(r))
		finish(r, api_io_status(r));
}

/* There is room for all: a connection that comes back has queues as large as before. */
void api_caller_arrived(struct nvmetls_queue *q)
{
	uint64_t now = world_now(loop_world(q->loop));
	struct io_req *r, *refused = NULL;

	q->aq = assoc_io(q->c->assoc, q->index);
	q->hq = q->aq->hq;
	while (hqueue_live(q->hq) && (r = api_held(q))) {
		r->cmd.done = io_done;
		if (!api_ns_refused(q->c, load_le32(r->cmd.sqe.nsid))) {
			hqueue_submit(q->hq, &r->cmd, now);
			continue;
		}
		r->next = refused;
		refused = r;
	}
	while ((r = refused)) {
		refused = r->next;
		finish(r, -EIO);
	}
}

void api_caller_drop(struct nvmetls_queue *q)
{
	struct io_req *r;

	while ((r = api_held(q)))
		finish(r, api_gone_status(r));
}

static void news(struct world *w, struct world_post *p)
{
	struct nvmetls_queue *q = container_of(p, struct nvmetls_queue, news_post);

	(void)w;
	atomic_store(&q->news_posted, false);
	if (!api_holds(q->c))
		api_caller_drop(q);
}

void api_caller_news(struct nvmetls_queue *q)
{
	if (!q->own_world || atomic_exchange(&q->news_posted, true))
		return;
	q->news_post.run = news;
	world_post(q->own_world, &q->news_post);
}

static void submit(struct nvmetls_queue *q, struct io_req *r)
{
	r->cmd.done = io_done;
	q->in_flight++;
	hqueue_submit(q->hq, &r->cmd, world_now(loop_world(q->loop)));
}

/* There is no connection here to submit to, or not yet. */
static int submit_later(struct nvmetls_queue *q, struct io_req *r)
{
	int rc = q->hq ? 0 : api_caller_own(q);

	if (rc)
		return rc;
	if (q->hq && hqueue_live(q->hq)) {
		submit(q, r);
		return 0;
	}
	if (!api_hold(r))
		return -ENOTCONN;
	r->tries = 0; /* it was not sent yet */
	q->in_flight++;
	return 0;
}

int api_caller_submit(struct nvmetls_queue *q, struct io_req *r)
{
	if (!q->hq || !hqueue_live(q->hq))
		return submit_later(q, r);
	submit(q, r);
	return 0;
}

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
}

/* Will anything ever come back, or be taken? */
static bool serves(const struct nvmetls_queue *q)
{
	return (q->hq && hqueue_live(q->hq)) || api_comes_back(q->c);
}

int api_caller_poll(struct nvmetls_queue *q, int timeout_ms)
{
	uint64_t now, until = WORLD_NEVER;
	int rc = q->hq ? 0 : api_caller_own(q);

	if (rc && q->in_flight == 0)
		return rc;
	q->completed = 0;
	loop_run_once(q->loop, 0);
	if (timeout_ms > 0)
		until = clock_ns() + (unsigned int)timeout_ms * NS_PER_MS;
	while (timeout_ms && q->completed == 0 && q->in_flight) {
		now = timeout_ms > 0 ? clock_ns() : 0;
		if (now >= until)
			break;
		loop_run_once(q->loop, until == WORLD_NEVER ? WORLD_NEVER : until - now);
	}
	if (q->completed == 0 && q->in_flight == 0 && !serves(q))
		return -ENOTCONN;
	return (int)q->completed;
}
