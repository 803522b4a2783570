/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets are read and written directly, without waiting; only readiness comes from the poller. */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "loop/loop_impl.h"

#define ACCEPT_PAUSE_NS (100 * NS_PER_MS)
#define HOT_NS		NS_PER_MS /* a socket that moved nothing for so long is not tried */

static struct world_sock *sock_new(int fd)
{
	struct world_sock *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->fd = fd;
	s->slot = SLOT_NONE;
	list_init(&s->accept_later.node);
	list_init(&s->accept_more.node);
	return s;
}

static void no_delay(int fd)
{
	int one = 1;

	/* ENOTSUP and the like: not TCP, then there is nothing to turn off */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static bool set_congestion(int fd, const char *name)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)) == 0;
}

/* bbr makes loopback and LAN streams slow and bimodal; whoever asks for it by name gets it. */
static void choose_congestion(struct loop *l, int fd)
{
	char now[16] = "";
	socklen_t len = sizeof(now) - 1;

	if (l->congestion[0]) {
		if (!set_congestion(fd, l->congestion))
			log_warn("TCP congestion control %s: %s", l->congestion, strerror(errno));
		return;
	}
	if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, now, &len) || strcmp(now, "bbr"))
		return;
	if (!set_congestion(fd, "cubic"))
		(void)set_congestion(fd, "reno");
}

/* A non-blocking TCP socket with our options. Returns it or negative errno. */
static int tcp_socket(struct loop *l, int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	no_delay(fd);
	choose_congestion(l, fd);
	return fd;
}

int sock_connect(struct world *w, const struct sockaddr *addr, socklen_t len,
		 struct world_sock **ret_sock)
{
	int fd = tcp_socket(loop_of(w), addr->sa_family), rc = 0;

	*ret_sock = NULL;
	if (fd < 0)
		return fd;
	if (connect(fd, addr, len) && errno != EINPROGRESS)
		rc = -errno;
	else if (!(*ret_sock = sock_new(fd)))
		rc = -ENOMEM;
	if (rc)
		close(fd);
	return rc;
}

int sock_local_addr(struct world_sock *s, struct sockaddr_storage *ret_addr)
{
	socklen_t len = sizeof(*ret_addr);

	memset(ret_addr, 0, sizeof(*ret_addr));
	return getsockname(s->fd, (struct sockaddr *)ret_addr, &len) ? -errno : 0;
}

int sock_error(struct world_sock *s)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (s->broken)
		return s->broken;
	return getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &len) ? errno : err;
}

static bool is_again(int err)
{
	return err == EAGAIN || err == EWOULDBLOCK;
}

ssize_t sock_recv(struct world_sock *s, const struct iovec *iov, int iov_count)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)iov_count };
	ssize_t n;
	int err;

	if (s->broken)
		return -s->broken;
	do {
		if (iov_count == 1)
			n = recv(s->fd, iov->iov_base, iov->iov_len, 0);
		else
			n = recvmsg(s->fd, &msg, 0);
		err = n < 0 ? errno : 0;
	} while (err == EINTR);
	if (s->l)
		count(is_again(err) ? &s->l->counters.recvs_empty : &s->l->counters.syscalls_recv);
	return err ? -(is_again(err) ? EAGAIN : err) : n;
}

ssize_t sock_send(struct world_sock *s, const struct iovec *iov, int iov_count)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)iov_count };
	ssize_t n;
	int err;

	if (s->broken)
		return -s->broken;
	do {
		if (iov_count == 1)
			n = send(s->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL);
		else
			n = sendmsg(s->fd, &msg, MSG_NOSIGNAL);
		err = n < 0 ? errno : 0;
	} while (err == EINTR);
	if (s->l)
		count(&s->l->counters.syscalls_send);
	return err ? -(is_again(err) ? EAGAIN : err) : n;
}

uint64_t sock_token(const struct loop *l, const struct world_sock *s)
{
	return TOKEN_SOCK | (uint64_t)l->slots[s->slot].gen << 32 | s->slot;
}

static void watch(struct loop *l, struct world_sock *s)
{
	int rc;

	assert(!s->l);
	s->l = l;
	s->moved_ns = 0;
	rc = slot_take(l, s);
	if (rc == 0)
		rc = l->poller->add(l, s->fd, sock_token(l, s), s->accept != NULL);
	l->look_soon = true;
	loop_kick(l);
	if (rc == 0)
		return;
	/* the owner sees it with its next recv, send or sock_error */
	s->broken = -rc;
	log_error("cannot watch a socket: %s", strerror(-rc));
}

void sock_watch(struct world *w, struct world_sock *s, world_ready_fn ready, void *ctx)
{
	assert(!s->accept);
	s->ready = ready;
	s->ctx = ctx;
	watch(loop_of(w), s);
}

static void cool(struct loop *l, struct world_sock *s)
{
	for (int i = 0; i < HOT_SOCKS; i++)
		if (l->hot[i] == s)
			l->hot[i] = NULL;
	s->hot = false;
}

void sock_unwatch(struct world_sock *s)
{
	struct loop *l = s->l;

	if (!l)
		return;
	if (s->hot)
		cool(l, s);
	if (s->slot != SLOT_NONE) {
		l->poller->del(l, s->fd, sock_token(l, s));
		slot_give(l, s);
	}
	s->l = NULL;
}

void sock_finish(struct world_sock *s)
{
	(void)shutdown(s->fd, SHUT_WR); /* it may be broken: recv will tell */
}

void sock_close(struct world_sock *s, bool abort)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (s->accept && s->l) {
		timer_wheel_cancel(&s->l->timers, &s->accept_later);
		list_del(&s->accept_more.node);
	}
	sock_unwatch(s);
	if (abort)
		(void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(s->fd);
	free(s);
}

/* Something moved: try this socket while spinning, in the place of the one that is idle longest. */
static void warm(struct loop *l, struct world_sock *s)
{
	int coldest = 0;

	s->moved_ns = l->now_ns;
	if (s->hot)
		return;
	for (int i = 0; i < HOT_SOCKS; i++) {
		if (!l->hot[i]) {
			coldest = i;
			break;
		}
		if (l->hot[i]->moved_ns < l->hot[coldest]->moved_ns)
			coldest = i;
	}
	if (l->hot[coldest])
		l->hot[coldest]->hot = false;
	l->hot[coldest] = s;
	s->hot = true;
}

bool sock_ready(struct loop *l, struct world_sock *s, unsigned int events)
{
	uint32_t slot = s->slot, gen = l->slots[slot].gen;

	if (!s->ready(s->ctx, events))
		return false;
	/* the callback may have closed it */
	if (l->slots[slot].gen == gen && !s->accept)
		warm(l, s);
	return true;
}

bool sock_try_hot(struct loop *l)
{
	bool moved = false;

	for (int i = 0; i < HOT_SOCKS; i++) {
		struct world_sock *s = l->hot[i];

		if (!s)
			continue;
		if (l->now_ns - s->moved_ns > HOT_NS)
			cool(l, s);
		else
			moved |= sock_ready(l, s, 0);
	}
	return moved;
}

static void accept_pause(struct world_sock *s, int err)
{
	if (!s->accept_paused)
		log_warn("cannot accept connections: %s; waiting", strerror(err));
	s->accept_paused = true;
	timer_wheel_set(&s->l->timers, &s->accept_later, loop_clock_ns() + ACCEPT_PAUSE_NS);
}

/* One connection. Returns whether there may be another one. */
static bool accept_one(struct world_sock *s)
{
	struct sockaddr_storage addr = { 0 };
	socklen_t len = sizeof(addr);
	struct world_sock *conn;
	int fd = accept4(s->fd, (struct sockaddr *)&addr, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
		accept_pause(s, errno);
		return false;
	}
	if (fd < 0) /* all others are about the connection that was lost */
		return !is_again(errno) && errno != EBADF && errno != EINVAL;
	s->accept_paused = false;
	no_delay(fd);
	conn = sock_new(fd);
	if (!conn) {
		close(fd);
		return true;
	}
	s->accept(s->accept_ctx, &s->l->world, conn, (struct sockaddr *)&addr);
	return true;
}

/*
 * A flood of connections gets its share of a pass, not all of it: those that were given up while
 * they waited are found dead, and not counted any more, before the next are let in.
 */
static bool accept_some(void *ctx, unsigned int events)
{
	struct world_sock *s = ctx;
	struct loop *l = s->l;
	uint32_t slot = s->slot, gen = l->slots[slot].gen;
	int n = 0;

	(void)events;
	while (n < ACCEPTS_PER_TURN && accept_one(s)) {
		if (l->slots[slot].gen != gen)
			return true; /* the owner closed the listener */
		n++;
	}
	if (n == ACCEPTS_PER_TURN)
		world_wake(&l->world, &s->accept_more);
	return n > 0;
}

static void accept_again(struct world *w, struct world_timer *t)
{
	(void)w;
	accept_some(container_of(t, struct world_sock, accept_later), 0);
}

static void accept_on(struct world *w, struct world_task *t)
{
	(void)w;
	accept_some(container_of(t, struct world_sock, accept_more), 0);
}

int sock_listen(struct world *w, const struct sockaddr *addr, socklen_t len, int backlog,
		world_accept_fn accept, void *ctx, struct world_sock **ret_sock)
{
	int one = 1, rc = 0, fd = tcp_socket(loop_of(w), addr->sa_family);
	struct world_sock *s = NULL;

	*ret_sock = NULL;
	if (fd < 0)
		return fd;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* [::] and 0.0.0.0 are two listeners: one must not shut the other out */
	if (addr->sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, addr, len) || listen(fd, backlog))
		rc = -errno;
	else if (!(s = sock_new(fd)))
		rc = -ENOMEM;
	if (rc) {
		close(fd);
		return rc;
	}
	s->accept = accept;
	s->accept_ctx = ctx;
	s->accept_later.fire = accept_again;
	s->accept_more.run = accept_on;
	s->ready = accept_some;
	s->ctx = s;
	watch(loop_of(w), s);
	if (s->broken) {
		rc = -s->broken;
		sock_close(s, false);
		return rc;
	}
	*ret_sock = s;
	return 0;
}
