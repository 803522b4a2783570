/* SPDX-License-Identifier: BSD-3-Clause */
/* The world that a loop is to those who live in it; sockets are in sock.c. */
#include <assert.h>
#include <errno.h>
#include <sys/random.h>

#include "loop/loop_impl.h"

static uint64_t op_now(struct world *w)
{
	struct loop *l = loop_of(w);

	return l->inside ? l->now_ns : loop_clock_ns();
}

static void op_random(struct world *w, void *buf, size_t len)
{
	(void)w;
	while (len > 0) {
		ssize_t n = getrandom(buf, len, 0);

		assert(n > 0 || errno == EINTR); /* without random numbers there is no security */
		if (n > 0) {
			buf = (uint8_t *)buf + n;
			len -= (size_t)n;
		}
	}
}

static void op_post(struct world *to, struct world_post *p)
{
	if (post_push(&loop_of(to)->posts, p))
		loop_wake(loop_of(to));
}

static void op_job(struct world *w, struct world_job *j)
{
	struct loop *l = loop_of(w);

	j->home = w;
	if (list_empty(&l->jobs) && loop_give_job(l, j))
		return;
	list_add_tail(&l->jobs, &j->node);
	loop_kick(l);
}

static void op_io_submit(struct world *w, struct world_io *io)
{
	struct loop *l = loop_of(w);

	io->home = w;
	l->ios_out++;
	l->poller->io_submit(l, io);
}

static void op_timer_set(struct world *w, struct world_timer *t, uint64_t deadline_ns)
{
	if (deadline_ns == WORLD_NEVER) {
		timer_wheel_cancel(&loop_of(w)->timers, t);
		return;
	}
	timer_wheel_set(&loop_of(w)->timers, t, deadline_ns);
	loop_kick(loop_of(w));
}

static void op_timer_cancel(struct world *w, struct world_timer *t)
{
	timer_wheel_cancel(&loop_of(w)->timers, t);
}

static void op_wake(struct world *w, struct world_task *t)
{
	if (!list_empty(&t->node))
		return;
	list_add_tail(&loop_of(w)->tasks, &t->node);
	loop_kick(loop_of(w));
}

#define LOOP_OPS(kind)                                                                          \
	{                                                                                       \
		.name = kind, .now_ns = op_now, .random = op_random, .connect = sock_connect,   \
		.listen = sock_listen, .local_addr = sock_local_addr, .sock_error = sock_error, \
		.recv = sock_recv, .send = sock_send, .watch = sock_watch,                      \
		.unwatch = sock_unwatch, .finish = sock_finish, .close = sock_close,            \
		.io_submit = op_io_submit,                                                      \
		.job = op_job, .post = op_post, .timer_set = op_timer_set,                      \
		.timer_cancel = op_timer_cancel, .wake = op_wake,                               \
	}

const struct world_ops loop_ops_epoll = LOOP_OPS("epoll"), loop_ops_uring = LOOP_OPS("uring");
