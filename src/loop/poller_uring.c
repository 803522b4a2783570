/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waits with io_uring: multishot polls of the sockets, and the files' reads and writes.
 *
 * The ring is made disabled and enabled by the thread that polls first: only that thread may
 * submit (IORING_SETUP_SINGLE_ISSUER). A poll holds its file, so a closed socket is gone when the
 * cancelled poll is: before the pass ends. Polls are armed when the ring is entered, by token;
 * what was closed meanwhile is not armed any more.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "loop/loop_impl.h"

#define SQ_ENTRIES    256u
#define CQ_ENTRIES    4096u
#define CQES_PER_POLL 64u

/* Multishot polls came with 5.13, as this did; waiting with a timeout (EXT_ARG) with 5.11. */
#define FEATURES (IORING_FEAT_RSRC_TAGS | IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP)

struct done {
	uint64_t token;
	int res;
	bool more;
};

struct tokens {
	uint64_t *v;
	uint32_t count, size;
};

struct poller {
	struct io_uring ring;
	bool enabled;
	bool tells;		   /* the kernel says in memory when it has work to do for us */
	uint32_t in_kernel;	   /* file operations */
	uint32_t polls;		   /* armed, and their end not seen */
	struct list ios;	   /* that found the submission queue full */
	struct tokens arm, cancel; /* when the ring is entered next */
	int wrap_fd, timer_fd, bell_fd; /* only for fd(); -1: not asked for yet */
	uint64_t timer_ns;
};

/* Best first; each kernel takes what it knows. */
static const unsigned int setups[] = {
	IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
	IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
	0,
};

static int ring_init(struct io_uring *ring, uint32_t sq, uint32_t cq, unsigned int *ret_flags)
{
	int rc = -ENOSYS;

	for (size_t i = 0; i < ARRAY_SIZE(setups); i++) {
		struct io_uring_params params = {
			.flags = setups[i] | IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE,
			.cq_entries = cq,
		};

		rc = io_uring_queue_init_params(sq, ring, &params);
		if (rc == -EINVAL)
			continue;
		if (rc == 0 && (params.features & FEATURES) != FEATURES) {
			io_uring_queue_exit(ring);
			return -ENOTSUP;
		}
		*ret_flags = setups[i];
		return rc;
	}
	return rc;
}

int poller_uring_works(void)
{
	struct io_uring ring;
	unsigned int flags;
	int rc = ring_init(&ring, 4, 8, &flags);

	if (rc == 0)
		io_uring_queue_exit(&ring);
	return rc;
}

static int later(struct tokens *t, uint64_t token)
{
	if (t->count == t->size) {
		uint32_t size = t->size ? t->size * 2 : 64;
		uint64_t *v = realloc(t->v, size * sizeof(*v));

		if (!v)
			return -ENOMEM;
		t->v = v;
		t->size = size;
	}
	t->v[t->count++] = token;
	return 0;
}

static void remove_first(struct tokens *t, uint32_t n)
{
	t->count -= n;
	if (t->count)
		memmove(t->v, t->v + n, t->count * sizeof(*t->v));
}

static int add(struct loop *l, int fd, uint64_t token, bool listener)
{
	(void)fd, (void)listener; /* the slot knows them when the ring is entered */
	return later(&l->poller_state->arm, token);
}

/* NULL: the ring is not, or not any more, ours to submit to. */
static struct io_uring_sqe *get_sqe(struct poller *p)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&p->ring);

	if (!sqe && p->enabled && io_uring_submit(&p->ring) > 0)
		sqe = io_uring_get_sqe(&p->ring);
	return sqe;
}

static void del(struct loop *l, int fd, uint64_t token)
{
	struct poller *p = l->poller_state;

	(void)fd;
	if (p->enabled && later(&p->cancel, token))
		log_error("cannot leave a socket: out of memory");
}

static void poller_free(struct loop *l)
{
	struct poller *p = l->poller_state;

	if (p->wrap_fd >= 0)
		close(p->wrap_fd);
	if (p->timer_fd >= 0)
		close(p->timer_fd);
	if (p->bell_fd >= 0)
		close(p->bell_fd);
	io_uring_queue_exit(&p->ring);
	free(p->arm.v);
	free(p->cancel.v);
	free(p);
	l->poller_state = NULL;
}

static int init(struct loop *l)
{
	struct poller *p = calloc(1, sizeof(*p));
	unsigned int flags;
	int rc;

	if (!p)
		return -ENOMEM;
	rc = ring_init(&p->ring, SQ_ENTRIES, CQ_ENTRIES, &flags);
	if (rc) {
		free(p);
		return rc;
	}
	p->tells = flags & IORING_SETUP_TASKRUN_FLAG;
	p->wrap_fd = p->timer_fd = p->bell_fd = -1;
	p->timer_ns = WORLD_NEVER;
	list_init(&p->ios);
	l->poller_state = p;
	rc = later(&p->arm, TOKEN_EVENT);
	if (rc)
		poller_free(l);
	return rc;
}

/* Returns false when the submission queue is full. */
static bool arm_one(struct loop *l, uint64_t token)
{
	struct poller *p = l->poller_state;
	unsigned int mask = POLLIN;
	struct world_sock *s = NULL;
	struct io_uring_sqe *sqe;

	if (token != TOKEN_EVENT) {
		s = slot_find(l, token);
		if (!s)
			return true;
		if (!s->accept)
			mask |= POLLOUT | POLLRDHUP;
	}
	sqe = get_sqe(p);
	if (!sqe)
		return false;
	io_uring_prep_poll_multishot(sqe, s ? s->fd : l->event_fd, mask);
	io_uring_sqe_set_data64(sqe, token);
	p->polls++;
	return true;
}

static void prep_transfer(struct io_uring_sqe *sqe, struct world_io *io)
{
	unsigned int count = (unsigned int)min_u64((uint64_t)io->iov_count, IOV_MAX);

	if (io->op == WORLD_IO_READ)
		io_uring_prep_readv(sqe, io->fd, io->iov, count, io->offset);
	else
		io_uring_prep_writev2(sqe, io->fd, io->iov, count, io->offset,
				      io->dsync ? RWF_DSYNC : 0);
}

static bool submit_io(struct poller *p, struct world_io *io)
{
	struct io_uring_sqe *sqe = get_sqe(p);

	if (!sqe)
		return false;
	switch (io->op) {
	case WORLD_IO_READ:
	case WORLD_IO_WRITE:
		prep_transfer(sqe, io);
		break;
	case WORLD_IO_FDATASYNC:
		io_uring_prep_fsync(sqe, io->fd, IORING_FSYNC_DATASYNC);
		break;
	case WORLD_IO_PUNCH_HOLE:
		io_uring_prep_fallocate(sqe, io->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					(off_t)io->offset, (off_t)io->len);
		break;
	case WORLD_IO_ZERO_RANGE:
		io_uring_prep_fallocate(sqe, io->fd, FALLOC_FL_ZERO_RANGE, (off_t)io->offset,
					(off_t)io->len);
		break;
	}
	io_uring_sqe_set_data(sqe, io);
	p->in_kernel++;
	return true;
}

static void io_submit(struct loop *l, struct world_io *io)
{
	struct poller *p = l->poller_state;

	if (!list_empty(&p->ios) || !submit_io(p, io))
		list_add_tail(&p->ios, &io->node);
	loop_kick(l);
}

static unsigned int kernel_flags(struct poller *p)
{
	return IO_URING_READ_ONCE(*p->ring.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

static bool urgent(struct loop *l)
{
	struct poller *p = l->poller_state;

	return !p->enabled || p->arm.count || p->cancel.count || !list_empty(&p->ios) ||
	       io_uring_sq_ready(&p->ring) || (p->in_kernel && kernel_flags(p)) ||
	       io_uring_cq_ready(&p->ring);
}

static bool pending(struct loop *l)
{
	return urgent(l) || kernel_flags(l->poller_state);
}

/* As many as the submission queue takes. */
static void cancel_some(struct poller *p)
{
	uint32_t n = 0;

	while (n < p->cancel.count) {
		struct io_uring_sqe *sqe = get_sqe(p);

		if (!sqe)
			break;
		/* not POLL_REMOVE, which leaves a poll alone that has just been woken */
		io_uring_prep_cancel64(sqe, p->cancel.v[n++], 0);
		io_uring_sqe_set_data64(sqe, TOKEN_NONE);
	}
	remove_first(&p->cancel, n);
}

static void fill_queue(struct loop *l)
{
	struct poller *p = l->poller_state;
	uint32_t armed = 0;
	struct list *n;

	cancel_some(p);
	while (armed < p->arm.count && arm_one(l, p->arm.v[armed]))
		armed++;
	remove_first(&p->arm, armed);
	while ((n = list_first(&p->ios))) {
		list_del(n);
		if (submit_io(p, container_of(n, struct world_io, node)))
			continue;
		list_add_tail(p->ios.next, n);
		break;
	}
}

/* Into the kernel, unless nothing is to be had there. */
static void enter_ring(struct loop *l, uint64_t timeout_ns)
{
	struct poller *p = l->poller_state;
	struct __kernel_timespec ts = { .tv_sec = (long long)(timeout_ns / NS_PER_SEC),
					.tv_nsec = (long long)(timeout_ns % NS_PER_SEC) };
	struct io_uring_cqe *cqe;

	if (timeout_ns == 0 && p->tells && !io_uring_sq_ready(&p->ring) && !kernel_flags(p))
		return;
	count(&l->counters.syscalls_wait);
	if (timeout_ns == 0)
		(void)io_uring_submit_and_get_events(&p->ring);
	else
		(void)io_uring_submit_and_wait_timeout(
			&p->ring, &cqe, 1, timeout_ns == WORLD_NEVER ? NULL : &ts, NULL);
}

static uint32_t reap(struct poller *p, struct done *done)
{
	struct io_uring_cqe *cqes[CQES_PER_POLL];
	uint32_t n = io_uring_peek_batch_cqe(&p->ring, cqes, CQES_PER_POLL);

	for (uint32_t i = 0; i < n; i++) {
		bool more = cqes[i]->flags & IORING_CQE_F_MORE;

		done[i] = (struct done){ cqes[i]->user_data, cqes[i]->res, more };
		if (!(done[i].token & TOKEN_SOCK))
			p->in_kernel--;
		else if (done[i].token != TOKEN_NONE && !more)
			p->polls--;
	}
	io_uring_cq_advance(&p->ring, n);
	return n;
}

static void io_finished(struct loop *l, struct world_io *io, int res)
{
	struct poller *p = l->poller_state;
	bool transfer = io->op == WORLD_IO_READ || io->op == WORLD_IO_WRITE;

	if (transfer && res == 0 && io->len > 0)
		res = -EIO; /* the file ends before the namespace does */
	if (res == -EINTR || res == -EAGAIN ||
	    (transfer && res > 0 && file_io_advance(io, (size_t)res)))
		list_add_tail(&p->ios, &io->node);
	else
		loop_io_done(l, io, res < 0 ? res : 0);
}

static unsigned int events_of(int poll_events)
{
	unsigned int events = 0;

	if (poll_events & (POLLIN | POLLRDHUP | POLLHUP | POLLERR))
		events |= WORLD_READABLE;
	if (poll_events & (POLLOUT | POLLHUP | POLLERR))
		events |= WORLD_WRITABLE;
	return events;
}

static void polled(struct loop *l, const struct done *d)
{
	struct world_sock *s = slot_find(l, d->token);

	if (d->token == TOKEN_NONE || (d->token != TOKEN_EVENT && !s))
		return;
	if (d->res >= 0 && !d->more && later(&l->poller_state->arm, d->token))
		log_error("cannot watch a socket: out of memory");
	if (d->res < 0 && s) /* its owner sees it with the next recv, send or sock_error */
		s->broken = -d->res;
	loop_event(l, d->token, d->res < 0 ? WORLD_READABLE | WORLD_WRITABLE : events_of(d->res));
}

static uint32_t poll_events(struct loop *l, uint64_t timeout_ns)
{
	struct poller *p = l->poller_state;
	struct done done[CQES_PER_POLL];
	uint32_t n;

	if (!p->enabled) {
		int rc = io_uring_register((unsigned int)p->ring.ring_fd,
					   IORING_REGISTER_ENABLE_RINGS, NULL, 0);

		assert(rc == 0);
		p->enabled = true;
	}
	fill_queue(l);
	enter_ring(l, timeout_ns);
	loop_woke(l);
	n = reap(p, done);
	for (uint32_t i = 0; i < n; i++) {
		if (done[i].token & TOKEN_SOCK)
			polled(l, &done[i]);
		else
			io_finished(l, (struct world_io *)(uintptr_t)done[i].token, done[i].res);
	}
	return n;
}

static void drain(struct loop *l)
{
	struct poller *p = l->poller_state;
	struct done done[CQES_PER_POLL];

	if (!p->enabled)
		return;
	list_init(&p->ios);
	for (uint32_t i = 0; i < l->slot_count; i++)
		if (l->slots[i].sock)
			del(l, l->slots[i].sock->fd, sock_token(l, l->slots[i].sock));
	del(l, l->event_fd, TOKEN_EVENT);
	while (p->in_kernel || p->polls) {
		int rc;

		cancel_some(p);
		rc = io_uring_submit_and_wait(&p->ring, 1);
		if (rc < 0 && rc != -EINTR && rc != -EAGAIN && rc != -EBUSY)
			break; /* another thread's ring */
		(void)reap(p, done);
	}
	p->enabled = false;
}

static void ring_bell(struct poller *p)
{
	uint64_t one = 1;

	(void)!write(p->bell_fd, &one, sizeof(one));
}

/*
 * A bell that the kernel rings, and a timer, in one descriptor. The ring's own would not do: who
 * polls it is not woken by work that waits for this thread (IORING_SETUP_DEFER_TASKRUN).
 */
static int poller_fd(struct loop *l)
{
	struct poller *p = l->poller_state;
	struct epoll_event ev = { .events = EPOLLIN };

	if (p->wrap_fd >= 0)
		return p->wrap_fd;
	p->wrap_fd = epoll_create1(EPOLL_CLOEXEC);
	p->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	p->bell_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (p->wrap_fd < 0 || p->timer_fd < 0 || p->bell_fd < 0 ||
	    epoll_ctl(p->wrap_fd, EPOLL_CTL_ADD, p->bell_fd, &ev) ||
	    epoll_ctl(p->wrap_fd, EPOLL_CTL_ADD, p->timer_fd, &ev) ||
	    io_uring_register_eventfd(&p->ring, p->bell_fd))
		log_error("no descriptor to wait on");
	l->bell_fd = p->bell_fd;
	ring_bell(p); /* the first pass enables the ring; until then it reports nothing */
	return p->wrap_fd;
}

/* The last thing of a pass: silence the bell, and only then look whether something is left. */
static void fd_deadline(struct loop *l, uint64_t deadline_ns)
{
	struct poller *p = l->poller_state;
	uint64_t rings;

	if (p->wrap_fd < 0)
		return;
	(void)!read(p->bell_fd, &rings, sizeof(rings));
	if (pending(l))
		ring_bell(p);
	if (deadline_ns == p->timer_ns)
		return;
	loop_arm_timerfd(p->timer_fd, deadline_ns);
	p->timer_ns = deadline_ns;
}

const struct poller_ops poller_uring = {
	.name = "uring",
	.init = init,
	.free = poller_free,
	.add = add,
	.del = del,
	.io_submit = io_submit,
	.pending = pending,
	.urgent = urgent,
	.poll = poll_events,
	.drain = drain,
	.fd = poller_fd,
	.fd_deadline = fd_deadline,
};
