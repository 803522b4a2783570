/* SPDX-License-Identifier: BSD-3-Clause */
/* Waits with epoll, edge-triggered. Files are read and written by the worker pool. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/bytes.h"
#include "loop/loop_impl.h"

#define EVENTS_PER_POLL 64

struct poller {
	int epoll_fd;
	int timer_fd;	      /* only for fd(); -1: not asked for yet */
	uint64_t timer_ns;    /* what it is set to */
	bool no_epoll_pwait2; /* the kernel, or a filter around us, does not know it */
	struct epoll_event events[EVENTS_PER_POLL];
};

static int add(struct loop *l, int fd, uint64_t token, bool listener)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.u64 = token };

	if (!listener)
		ev.events |= EPOLLOUT | EPOLLRDHUP;
	return epoll_ctl(l->poller_state->epoll_fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static void del(struct loop *l, int fd, uint64_t token)
{
	(void)token; /* what was fetched already has a generation that is over */
	(void)epoll_ctl(l->poller_state->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

static void poller_free(struct loop *l)
{
	struct poller *p = l->poller_state;

	if (p->timer_fd >= 0)
		close(p->timer_fd);
	close(p->epoll_fd);
	free(p);
	l->poller_state = NULL;
}

static int init(struct loop *l)
{
	struct poller *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return -ENOMEM;
	p->timer_fd = -1;
	p->timer_ns = WORLD_NEVER;
	p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (p->epoll_fd < 0) {
		rc = -errno;
		free(p);
		return rc;
	}
	l->poller_state = p;
	rc = add(l, l->event_fd, TOKEN_EVENT, true);
	if (rc)
		poller_free(l);
	return rc;
}

static void io_work(struct world_job *j)
{
	struct world_io *io = container_of(j, struct world_io, job);

	io->result = file_io_run(io);
}

static void io_submit(struct loop *l, struct world_io *io)
{
	io->job =
		(struct world_job){ .home = &l->world, .work = io_work, .back.run = loop_io_back };
	if (l->workers && workers_submit(l->workers, &io->job, WORK_IO)) {
		l->pool_ios++;
		return;
	}
	/* no pool: the loop does it by itself, later in this pass */
	list_add_tail(&l->ios, &io->node);
	loop_kick(l);
}

/* epoll_wait() itself tells: there is no cheaper way. */
static bool pending(struct loop *l)
{
	(void)l;
	return false;
}

static int wait_ms(struct poller *p, uint64_t timeout_ns)
{
	uint64_t ms = timeout_ns / NS_PER_MS + (timeout_ns % NS_PER_MS != 0);

	return epoll_wait(p->epoll_fd, p->events, EVENTS_PER_POLL,
			  timeout_ns == WORLD_NEVER ? -1 : (int)min_u64(ms, INT32_MAX));
}

static int wait_ns(struct poller *p, uint64_t timeout_ns)
{
	struct timespec ts = { .tv_sec = (time_t)(timeout_ns / NS_PER_SEC),
			       .tv_nsec = (long)(timeout_ns % NS_PER_SEC) };
	int n;

	if (p->no_epoll_pwait2 || timeout_ns == 0)
		return wait_ms(p, timeout_ns);
	n = epoll_pwait2(p->epoll_fd, p->events, EVENTS_PER_POLL,
			 timeout_ns == WORLD_NEVER ? NULL : &ts, NULL);
	if (n >= 0 || errno == EINTR)
		return n;
	p->no_epoll_pwait2 = true;
	return wait_ms(p, timeout_ns);
}

/* An error or a hang-up is for both directions to see. */
static unsigned int events_of(uint32_t epoll_events)
{
	unsigned int events = 0;

	if (epoll_events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		events |= WORLD_READABLE;
	if (epoll_events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		events |= WORLD_WRITABLE;
	return events;
}

static uint32_t poll_events(struct loop *l, uint64_t timeout_ns)
{
	struct poller *p = l->poller_state;
	int n = wait_ns(p, timeout_ns);

	count(&l->counters.syscalls_wait);
	loop_woke(l);
	for (int i = 0; i < n; i++)
		loop_event(l, p->events[i].data.u64, events_of(p->events[i].events));
	return n > 0 ? (uint32_t)n : 0;
}

/* Workers are stopped before: nothing is in flight any more. */
static void drain(struct loop *l)
{
	(void)l;
}

static int poller_fd(struct loop *l)
{
	struct poller *p = l->poller_state;

	if (p->timer_fd < 0) {
		p->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
		if (p->timer_fd >= 0)
			(void)add(l, p->timer_fd, TOKEN_NONE, true);
	}
	return p->epoll_fd;
}

static void fd_deadline(struct loop *l, uint64_t deadline_ns)
{
	struct poller *p = l->poller_state;

	if (p->timer_fd < 0 || deadline_ns == p->timer_ns)
		return;
	loop_arm_timerfd(p->timer_fd, deadline_ns);
	p->timer_ns = deadline_ns;
}

const struct poller_ops poller_epoll = {
	.name = "epoll",
	.init = init,
	.free = poller_free,
	.add = add,
	.del = del,
	.io_submit = io_submit,
	.pending = pending,
	.urgent = pending,
	.poll = poll_events,
	.drain = drain,
	.fd = poller_fd,
	.fd_deadline = fd_deadline,
};
