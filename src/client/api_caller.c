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

struct move_call {
	struct nvmetls_queue *q;
	bool started;
};

static void move(struct nvmetls *c, void *arg)
{
	struct move_call *m = arg;

	if (c->assoc->state != ASSOC_UP || !hqueue_live(assoc_io(c->assoc, m->q->index)->hq))
		return;
	assoc_move(c->assoc, m->q->index, loop_world(m->q->loop));
	m->started = true;
}

int api_caller_own(struct nvmetls_queue *q)
{
	struct loop_config lc = {
		.threads = 1,
		.spin_us = q->c->spin_us,
		.spin_always = q->c->spin_always,
		.buf_bytes = 4096,
		.buf_count = 1,
		.cpu_first = -1,
	};
	struct move_call m = { .q = q };
	int rc;

	if (q->arrived)
		return 0;
	if (!q->loop) {
		rc = loop_new(&lc, q->c->loops, &q->loop);
		if (rc)
			return rc;
	}
	api_at_home(q->c, move, &m);
	if (!m.started)
		return -ENOTCONN;
	while (!q->arrived && api_state(q->c) == API_UP)
		loop_run_once(q->loop, LOOK_NS);
	return q->arrived ? 0 : -ENOTCONN;
}

static void io_done(struct hqueue *hq, struct hcmd *cmd)
{
	struct io_req *r = container_of(cmd, struct io_req, cmd);
	struct nvmetls_queue *q = r->q;
	struct nvmetls_io *io = io_of(r);

	(void)hq;
	q->in_flight--;
	q->completed++;
	io->done(io, api_io_status(r));
}

int api_caller_submit(struct nvmetls_queue *q, struct io_req *r)
{
	struct hqueue *hq = assoc_io(q->c->assoc, q->index)->hq;
	int rc = api_caller_own(q);

	if (rc)
		return rc;
	if (!hqueue_live(hq))
		return -ENOTCONN;
	r->cmd.done = io_done;
	q->in_flight++;
	hqueue_submit(hq, &r->cmd, world_now(loop_world(q->loop)));
	return 0;
}

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
}

int api_caller_poll(struct nvmetls_queue *q, int timeout_ms)
{
	struct hqueue *hq = assoc_io(q->c->assoc, q->index)->hq;
	uint64_t now, until = WORLD_NEVER;
	int rc = api_caller_own(q);

	if (rc)
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
	if (q->completed == 0 && q->in_flight == 0 && !hqueue_live(hq))
		return -ENOTCONN;
	return (int)q->completed;
}
