/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/conn.h"

#include <errno.h>

#include "base/bytes.h"

#define RECVS_PER_TURN 8 /* then others have their turn */
#define SENDS_PER_TURN 16
#define SEND_IOVS      128

static const struct world_ops *ops(const struct conn *c)
{
	return c->w->ops;
}

static void look_again(struct conn *c)
{
	c->queued = true;
	world_wake(c->w, &c->task);
}

void conn_wake(struct conn *c)
{
	if (c->closed_told || c->away || !c->w)
		return;
	c->woken = true;
	look_again(c);
}

/* Receive until the socket is dry or nobody takes more. Returns bytes. */
static size_t receive(struct conn *c)
{
	size_t sum = 0;

	for (int i = 0; i < RECVS_PER_TURN && c->may_read; i++) {
		struct iovec iov[2];
		size_t room = 0;
		ssize_t n;
		int count = session_recv_iov(&c->session, c->w, iov);

		if (count == 0)
			return sum;
		n = ops(c)->recv(c->sock, iov, count);
		if (n == -EAGAIN) {
			c->may_read = false;
			return sum;
		}
		if (n < 0) {
			c->may_read = false;
			session_socket_error(&c->session, (int)n);
			return sum;
		}
		session_received(&c->session, c->w, (size_t)n);
		sum += (size_t)n;
		for (int v = 0; v < count; v++)
			room += iov[v].iov_len;
		/* a short read: answer first, look again after that */
		if ((size_t)n < room)
			break;
	}
	if (c->may_read)
		look_again(c);
	return sum;
}

/* What the peer said before it closed (an alert, a TermReq) tells more than the error does. */
static void send_failed(struct conn *c, int err)
{
	/* after a failure of our own, recv tells of an end that the peer knows nothing of */
	c->session.own_end |= err != -ECONNRESET && err != -EPIPE;
	c->may_read = true;
	receive(c);
	session_socket_error(&c->session, err);
}

/* Send until the socket is full or there is nothing more. Returns bytes. */
static size_t transmit(struct conn *c)
{
	const struct stream *st = c->session.stream;
	bool hungry = st->blocked || st->writer.used * 2 >= st->writer.slots;
	size_t sum = 0;

	for (int i = 0; i < SENDS_PER_TURN && !c->write_blocked; i++) {
		struct iovec iov[SEND_IOVS];
		int count = session_send_iov(&c->session, iov, SEND_IOVS);
		ssize_t n;

		if (count == 0) {
			if (sum && hungry)
				conn_wake(c); /* the stream has room again */
			return sum;
		}
		n = ops(c)->send(c->sock, iov, count);
		if (n == -EAGAIN) {
			c->write_blocked = true;
			return sum;
		}
		if (n < 0) {
			send_failed(c, (int)n);
			return sum;
		}
		session_sent(&c->session, (size_t)n);
		sum += (size_t)n;
	}
	if (!c->write_blocked)
		conn_wake(c);
	return sum;
}

static void job_work(struct world_job *j)
{
	session_job_work(&container_of(j, struct conn, job)->session);
}

static void job_done(struct world *w, struct world_job *j)
{
	struct conn *c = container_of(j, struct conn, job);

	c->job_running = false;
	session_job_done(&c->session, w);
	conn_wake(c);
}

static void run_job(struct conn *c)
{
	session_job_start(&c->session);
	c->job_running = true;
	c->job = (struct world_job){ .work = job_work, .done = job_done };
	world_job(c->w, &c->job);
}

static void set_timer(struct conn *c, uint64_t deadline_ns)
{
	if (deadline_ns == c->timer_ns || (deadline_ns == WORLD_NEVER && c->timer_ns == 0))
		return;
	if (deadline_ns == WORLD_NEVER) {
		world_timer_cancel(c->w, &c->timer);
		c->timer_ns = 0;
	} else {
		world_timer_set(c->w, &c->timer, deadline_ns);
		c->timer_ns = deadline_ns;
	}
}

static void close_socket(struct conn *c)
{
	if (!c->sock)
		return;
	/* what a peer that was given up has not taken by now it must not take later */
	ops(c)->close(c->sock, c->session.fin && !c->session.peer_closed);
	c->sock = NULL;
	c->may_read = false;
	c->write_blocked = true;
}

/*
 * Everything is over. The socket is closed when the stream's I/O has ended: a host that sees the
 * end, connects again and writes must not meet its own older write. Told from the task only: then
 * nothing of this conn is queued in the world, and the owner may free it.
 */
static void finish(struct conn *c, bool in_task)
{
	set_timer(c, WORLD_NEVER);
	c->may_read = false;
	c->write_blocked = true;
	if (c->closed_told || c->job_running || !session_over(&c->session))
		return;
	close_socket(c);
	if (!in_task || c->queued) {
		conn_wake(c);
		return;
	}
	c->closed_told = true;
	c->closed(c);
}

static void arrive(struct world *w, struct world_post *p);

static bool ready(void *ctx, unsigned int events);

/* Leave this world: nothing of the conn may stay in it. The session has no bytes in its buffers. */
static void leave(struct conn *c)
{
	struct world *to = c->moving_to;

	if (to == c->w) {
		c->moving_to = NULL;
		if (c->moved)
			c->moved(c);
		conn_wake(c);
		return;
	}
	ops(c)->unwatch(c->sock);
	set_timer(c, WORLD_NEVER);
	c->away = true;
	if (c->leaving)
		c->leaving(c);
	c->post.run = arrive;
	world_post(to, &c->post);
}

static void arrive(struct world *w, struct world_post *p)
{
	struct conn *c = container_of(p, struct conn, post);

	c->w = w;
	c->moving_to = NULL;
	c->away = false;
	c->may_read = true; /* what came in between has no edge here */
	c->write_blocked = false;
	if (c->moved)
		c->moved(c);
	conn_wake(c);
	ops(c)->watch(w, c->sock, ready, c);
}

/* The last part of a turn: send, start a job, sleep until the next deadline. */
static size_t turn_out(struct conn *c, uint64_t deadline_ns)
{
	enum session_state was = c->session.state;
	size_t sum = transmit(c);

	if (c->session.state != was && c->session.state != SESSION_DEAD)
		conn_wake(c); /* another deadline holds now */
	if (c->session.fin && !c->fin_sent && c->session.state == SESSION_CLOSING) {
		c->fin_sent = true;
		ops(c)->finish(c->sock);
	}
	if (session_wants_job(&c->session) && !c->job_running)
		run_job(c);
	if (c->session.state != SESSION_DEAD)
		set_timer(c, deadline_ns);
	return sum;
}

/* @try: only a look whether something came; without it there is no turn. */
static bool turn(struct conn *c, bool in_task, bool try)
{
	uint64_t deadline_ns;
	size_t moved = 0;

	if (c->session.state != SESSION_DEAD && c->sock) {
		moved = receive(c);
		if (try && moved == 0 && c->session.state != SESSION_DEAD)
			return false;
		session_turn(&c->session, c->w, world_now(c->w), &deadline_ns);
		if (c->turned && c->session.state != SESSION_DEAD)
			c->turned(c);
		if (c->moving_to && c->session.state == SESSION_OPEN) {
			if (in_task && !c->queued)
				leave(c);
			else
				conn_wake(c);
			return moved != 0;
		}
		moved += turn_out(c, deadline_ns);
	}
	if (c->session.state == SESSION_DEAD)
		finish(c, in_task);
	return moved != 0;
}

/* TCP stands, has failed, or its time is over. */
static void turn_connecting(struct conn *c, bool writable)
{
	uint64_t now = world_now(c->w);
	int err = writable ? ops(c)->sock_error(c->sock) : 0;

	if (err) {
		session_socket_error(&c->session, -err);
	} else if (writable) {
		c->connecting = false;
		session_start(&c->session, now);
	} else if (c->connect_deadline_ns && now >= c->connect_deadline_ns) {
		session_close(&c->session, fault_os(ETIMEDOUT, CAUSE_CONNECT_TIMEOUT));
	} else if (c->session.state != SESSION_DEAD) {
		set_timer(c, c->connect_deadline_ns ? c->connect_deadline_ns : WORLD_NEVER);
	}
}

static bool ready(void *ctx, unsigned int events)
{
	struct conn *c = ctx;

	if (c->closed_told || !c->sock)
		return false;
	if (c->connecting && events & WORLD_WRITABLE)
		turn_connecting(c, true);
	if (c->connecting && c->session.state != SESSION_DEAD)
		return false;
	if (events & WORLD_WRITABLE)
		c->write_blocked = false;
	if (events & WORLD_READABLE || events == 0)
		c->may_read = true;
	return turn(c, false, events == 0);
}

static void run_task(struct world *w, struct world_task *t)
{
	struct conn *c = container_of(t, struct conn, task);
	bool try = !c->woken;

	(void)w;
	c->queued = c->woken = false;
	if (c->connecting && c->session.state != SESSION_DEAD)
		turn_connecting(c, false);
	if (c->connecting && c->session.state != SESSION_DEAD)
		return;
	turn(c, true, try);
}

static void fire(struct world *w, struct world_timer *t)
{
	struct conn *c = container_of(t, struct conn, timer);

	(void)w;
	c->timer_ns = 0;
	conn_wake(c);
}

void conn_start(struct conn *c, struct world *w, struct world_sock *sock, bool connecting,
		uint64_t connect_timeout_ns)
{
	c->w = w;
	c->sock = sock;
	c->connecting = connecting;
	c->may_read = !connecting;
	c->task.run = run_task;
	c->timer.fire = fire;
	list_init(&c->task.node);
	list_init(&c->timer.node);
	if (!connecting)
		session_start(&c->session, world_now(w));
	else if (connect_timeout_ns)
		c->connect_deadline_ns = world_now(w) + connect_timeout_ns;
	w->ops->watch(w, sock, ready, c);
	conn_wake(c);
}

void conn_move(struct conn *c, struct world *to)
{
	assert(!c->job_running);
	c->moving_to = to;
}
