/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets over real loops, on both kinds: bytes, ends, moves between threads, floods, idleness. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "loop/loop.h"

#define ECHO_BYTES (1u << 20)
#define MOVES	   1000
#define FLOOD	   200
#define IDLE	   100

/* The side that listens. It echoes, and may change worlds after every echo. */
struct echo {
	struct world *w;
	struct world_sock *s;
	struct echo_server *server;
	uint8_t buf[16384];
	size_t got, sent; /* bytes in buf */
	int end;	  /* 1: not yet; else what recv said: 0 or negative errno */
	struct world_post move;
};

struct echo_server {
	struct loops *loops;
	struct world_sock *listener;
	struct sockaddr_storage addr;
	struct echo echoes[FLOOD];
	atomic_uint count, ends, moves;
	bool moving;
	struct world_post close_all;
	sem_t done;
};

/* The side that connects, sends a pattern and wants it back. */
struct client {
	struct world *w;
	struct world_sock *s;
	struct echo_server *server;
	size_t sent, got, want, piece; /* @piece: bytes that may be under way */
	int err, end;
	bool up;
	struct world_post start, finish;
	bool abort;
	sem_t done, closed;
};

static struct echo_server server;
static struct client client;

static uint8_t pattern(size_t at)
{
	return (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

static void wait_for(sem_t *s)
{
	struct timespec at;

	clock_gettime(CLOCK_REALTIME, &at);
	at.tv_sec += 10;
	assert_int_equal(sem_timedwait(s, &at), 0);
}

static bool echo_ready(void *ctx, unsigned int events);

static void echo_arrive(struct world *w, struct world_post *p)
{
	struct echo *e = container_of(p, struct echo, move);

	e->w = w;
	atomic_fetch_add(&e->server->moves, 1);
	w->ops->watch(w, e->s, echo_ready, e);
}

static void echo_move(struct echo *e)
{
	struct world *to = loops_world(e->server->loops, 1 - e->w->index);

	e->w->ops->unwatch(e->s);
	e->move.run = echo_arrive;
	world_post(to, &e->move);
}

/* Returns whether the socket can take more. */
static bool echo_back(struct echo *e)
{
	while (e->sent < e->got) {
		struct iovec iov = { e->buf + e->sent, e->got - e->sent };
		ssize_t n = e->w->ops->send(e->s, &iov, 1);

		if (n < 0)
			return false;
		e->sent += (size_t)n;
	}
	e->got = e->sent = 0;
	return true;
}

static bool echo_ready(void *ctx, unsigned int events)
{
	struct echo *e = ctx;
	bool moved = false;

	(void)events;
	while (e->end == 1 && echo_back(e)) {
		struct iovec iov[2] = { { e->buf, 5000 },
					{ e->buf + 5000, sizeof(e->buf) - 5000 } };
		ssize_t n = e->w->ops->recv(e->s, iov, 2);

		if (n == -EAGAIN)
			break;
		moved = true;
		if (n > 0) {
			e->got = (size_t)n;
			continue;
		}
		e->end = (int)n;
		atomic_fetch_add(&e->server->ends, 1);
		sem_post(&e->server->done);
	}
	if (moved && e->server->moving && e->end == 1)
		echo_move(e);
	return moved;
}

static void accepted(void *ctx, struct world *w, struct world_sock *s, const struct sockaddr *addr)
{
	struct echo_server *srv = ctx;
	uint32_t i = atomic_fetch_add(&srv->count, 1);
	struct echo *e = &srv->echoes[i];

	assert_true(i < FLOOD);
	assert_int_equal(addr->sa_family, srv->addr.ss_family);
	*e = (struct echo){ .w = w, .s = s, .server = srv, .end = 1 };
	w->ops->watch(w, s, echo_ready, e);
}

static void client_end(struct client *c, int end)
{
	c->end = end;
	sem_post(&c->done);
}

static bool client_send(struct client *c)
{
	bool moved = false;

	while (c->sent < c->want && c->sent - c->got < c->piece) {
		uint8_t buf[4096];
		size_t len = min_u64(min_u64(sizeof(buf), c->want - c->sent),
				     c->piece - (c->sent - c->got));
		struct iovec iov = { buf, len };
		ssize_t n;

		for (size_t i = 0; i < len; i++)
			buf[i] = pattern(c->sent + i);
		n = c->w->ops->send(c->s, &iov, 1);
		if (n == -EAGAIN)
			break;
		assert_true(n > 0);
		c->sent += (size_t)n;
		moved = true;
	}
	return moved;
}

static bool client_recv(struct client *c)
{
	struct iovec iov = { c->w->rx, c->w->rx_bytes };
	bool moved = false;
	ssize_t n;

	while ((n = c->w->ops->recv(c->s, &iov, 1)) > 0) {
		for (size_t i = 0; i < (size_t)n; i++)
			assert_int_equal(c->w->rx[i], pattern(c->got + i));
		c->got += (size_t)n;
		moved = true;
		client_send(c);
	}
	if (n != -EAGAIN)
		client_end(c, (int)n);
	else if (moved && c->got == c->want)
		client_end(c, 1);
	return moved;
}

static bool client_ready(void *ctx, unsigned int events)
{
	struct client *c = ctx;
	bool moved;

	if (c->end != 2)
		return false;
	if (!c->up) {
		if (!(events & WORLD_WRITABLE))
			return false;
		c->err = c->w->ops->sock_error(c->s);
		c->up = c->err == 0;
		if (c->err) {
			client_end(c, -c->err);
			return false;
		}
	}
	moved = client_send(c);
	return client_recv(c) || moved;
}

static void client_start(struct world *w, struct world_post *p)
{
	struct client *c = container_of(p, struct client, start);
	int rc;

	c->w = w;
	rc = w->ops->connect(w, (struct sockaddr *)&c->server->addr, sizeof(c->server->addr),
			     &c->s);
	if (rc == 0)
		w->ops->watch(w, c->s, client_ready, c);
	else
		client_end(c, rc);
}

static void client_finish(struct world *w, struct world_post *p)
{
	struct client *c = container_of(p, struct client, finish);

	if (c->s)
		w->ops->close(c->s, c->abort);
	c->s = NULL;
	sem_post(&c->closed);
}

static void setup(enum loop_kind kind, uint32_t spin_us, int family)
{
	struct loop_config config = { .kind = kind,
				      .threads = 2,
				      .workers = 1,
				      .buf_count = 1,
				      .spin_us = spin_us,
				      .cpu_first = -1 };
	struct world *w;
	char why[256];
	int rc;

	memset(&server, 0, sizeof(server));
	memset(&client, 0, sizeof(client));
	assert_int_equal(loops_new(&config, &server.loops, why, sizeof(why)), 0);
	server.addr.ss_family = (sa_family_t)family;
	if (family == AF_INET6)
		((struct sockaddr_in6 *)&server.addr)->sin6_addr = in6addr_loopback;
	else
		((struct sockaddr_in *)&server.addr)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sem_init(&server.done, 0, 0);
	sem_init(&client.done, 0, 0);
	sem_init(&client.closed, 0, 0);
	w = loops_world(server.loops, 0);
	rc = w->ops->listen(w, (struct sockaddr *)&server.addr, sizeof(server.addr), 512, accepted,
			    &server, &server.listener);
	assert_int_equal(rc, 0);
	assert_int_equal(w->ops->local_addr(server.listener, &server.addr), 0);
	client.server = &server;
	client.end = 2;
	client.start.run = client_start;
	client.finish.run = client_finish;
	assert_int_equal(loops_spawn(server.loops), 0);
}

static void run_client(size_t want, size_t piece, int end)
{
	client.want = want;
	client.piece = piece;
	world_post(loops_world(server.loops, 1), &client.start);
	wait_for(&client.done);
	assert_int_equal(client.end, end);
}

static void finish_client(bool abort)
{
	client.abort = abort;
	world_post(loops_world(server.loops, 1), &client.finish);
	wait_for(&client.closed);
}

static void teardown(void)
{
	loops_stop(server.loops);
	loops_join(server.loops);
	for (uint32_t i = 0; i < server.count; i++)
		server.echoes[i].w->ops->close(server.echoes[i].s, false);
	loops_world(server.loops, 0)->ops->close(server.listener, false);
	loops_free(server.loops);
}

static const struct {
	const char *what;
	uint32_t spin_us;
	int family;
	size_t bytes, piece;
	bool abort;
	int end; /* what the server sees */
} echoes[] = {
	{ "a stream", 0, AF_INET, ECHO_BYTES, 65536, false, 0 },
	{ "a stream, spinning", 50, AF_INET, ECHO_BYTES, 65536, false, 0 },
	{ "IPv6, one piece at a time", 20, AF_INET6, 20000, 100, false, 0 },
	{ "reset", 0, AF_INET, 1000, 1000, true, -ECONNRESET },
};

static void test_echo(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(echoes); i++) {
		print_message("- %s\n", echoes[i].what);
		setup(*(enum loop_kind *)*state, echoes[i].spin_us, echoes[i].family);
		run_client(echoes[i].bytes, echoes[i].piece, 1);
		finish_client(echoes[i].abort);
		wait_for(&server.done);
		assert_int_equal(server.echoes[0].end, echoes[i].end);
		teardown();
	}
}

/* Every message finds the socket on the other thread; no edge is lost between two worlds. */
static void test_move(void **state)
{
	for (uint32_t spin_us = 0; spin_us <= 20; spin_us += 20) {
		setup(*(enum loop_kind *)*state, spin_us, AF_INET);
		server.moving = true;
		run_client(MOVES * 8, 8, 1);
		assert_true(server.moves >= MOVES / 2);
		finish_client(false);
		wait_for(&server.done);
		assert_int_equal(server.echoes[0].end, 0);
		teardown();
	}
}

static void test_refused(void **state)
{
	struct sockaddr_storage addr;
	struct world *w;

	setup(*(enum loop_kind *)*state, 0, AF_INET);
	w = loops_world(server.loops, 0);
	loops_stop(server.loops);
	loops_join(server.loops);
	w->ops->close(server.listener, false);
	loops_free(server.loops);
	server.count = 0;
	addr = server.addr; /* nobody listens there any more */
	setup(*(enum loop_kind *)*state, 0, AF_INET);
	server.addr = addr;
	run_client(1, 1, -ECONNREFUSED);
	finish_client(false);
	teardown();
}

static int plain_connect(void)
{
	int fd = socket(server.addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&server.addr, sizeof(server.addr)), 0);
	return fd;
}

static void until(atomic_uint *what, uint32_t value)
{
	for (int i = 0; i < 10000 && atomic_load(what) < value; i++)
		usleep(1000);
	assert_int_equal(atomic_load(what), value);
}

/* More connections at once than one pass accepts. */
static void test_flood(void **state)
{
	int fd[FLOOD];

	setup(*(enum loop_kind *)*state, 0, AF_INET);
	for (int i = 0; i < FLOOD; i++)
		fd[i] = plain_connect();
	until(&server.count, FLOOD);
	for (int i = 0; i < FLOOD; i++)
		close(fd[i]);
	until(&server.ends, FLOOD);
	teardown();
}

/* Out of descriptors: the connection waits, is served when one is free, and the loop sleeps. */
static void test_emfile(void **state)
{
	struct loop_counters before, after;
	struct rlimit limit, old;
	int fd, probe, spare[64], spares = 0;

	setup(*(enum loop_kind *)*state, 0, AF_INET);
	fd = plain_connect();
	until(&server.count, 1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	limit = (struct rlimit){ (rlim_t)probe + 32, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (spares < 64 && (spare[spares] = dup(probe)) >= 0)
		spares++;
	assert_int_equal(connect(probe, (struct sockaddr *)&server.addr, sizeof(server.addr)), 0);
	loop_counters(loops_world(server.loops, 0), &before);
	usleep(250000);
	assert_int_equal(server.count, 1);
	loop_counters(loops_world(server.loops, 0), &after);
	assert_true(after.syscalls_wait - before.syscalls_wait < 20);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	until(&server.count, 2);
	while (spares > 0)
		close(spare[--spares]);
	close(probe);
	close(fd);
	teardown();
}

static void test_options(void **state)
{
	char name[16] = "";
	socklen_t len = sizeof(name);
	int on = 0, fd;

	setup(*(enum loop_kind *)*state, 0, AF_INET);
	fd = plain_connect();
	until(&server.count, 1);
	loops_stop(server.loops);
	loops_join(server.loops);
	/* the accepted one is the connected socket that is not ours */
	for (int d = 3; d < 64; d++) {
		struct sockaddr_storage peer;
		socklen_t peer_len = sizeof(peer);

		if (d == fd || getpeername(d, (struct sockaddr *)&peer, &peer_len))
			continue;
		len = sizeof(on);
		assert_int_equal(getsockopt(d, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
		assert_true(on);
		len = sizeof(name);
		assert_int_equal(getsockopt(d, IPPROTO_TCP, TCP_CONGESTION, name, &len), 0);
		assert_string_not_equal(name, "bbr"); /* which is the default on some systems */
	}
	assert_true(on);
	close(fd);
	teardown();
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* Idle connections cost nothing, also where spinning was allowed and has been paying. */
static void test_idle(void **state)
{
	struct loop_counters before, after;
	uint64_t cpu;
	int fd[IDLE];

	setup(*(enum loop_kind *)*state, 50, AF_INET);
	for (int i = 0; i < IDLE; i++)
		fd[i] = plain_connect();
	until(&server.count, IDLE);
	usleep(20000);
	loop_counters(loops_world(server.loops, 0), &before);
	cpu = cpu_ns();
	usleep(400000);
	cpu = cpu_ns() - cpu;
	loop_counters(loops_world(server.loops, 0), &after);
	assert_true(after.waits - before.waits <= 2);
	assert_int_equal(after.spins_lost, before.spins_lost);
	print_message("  cpu of 0.4 s idle: %.3f ms\n", (double)cpu / NS_PER_MS);	/* no test asserts a time */
	for (int i = 0; i < IDLE; i++)
		close(fd[i]);
	teardown();
}

int main(void)
{
	static enum loop_kind kinds[] = { LOOP_EPOLL, LOOP_URING };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(test_echo, &kinds[0]),
		cmocka_unit_test_prestate(test_move, &kinds[0]),
		cmocka_unit_test_prestate(test_refused, &kinds[0]),
		cmocka_unit_test_prestate(test_flood, &kinds[0]),
		cmocka_unit_test_prestate(test_emfile, &kinds[0]),
		cmocka_unit_test_prestate(test_options, &kinds[0]),
		cmocka_unit_test_prestate(test_idle, &kinds[0]),
	};
	const struct CMUnitTest uring_tests[] = {
		cmocka_unit_test_prestate(test_echo, &kinds[1]),
		cmocka_unit_test_prestate(test_move, &kinds[1]),
		cmocka_unit_test_prestate(test_refused, &kinds[1]),
		cmocka_unit_test_prestate(test_flood, &kinds[1]),
		cmocka_unit_test_prestate(test_emfile, &kinds[1]),
		cmocka_unit_test_prestate(test_options, &kinds[1]),
		cmocka_unit_test_prestate(test_idle, &kinds[1]),
	};
	const char *why;
	int failed = cmocka_run_group_tests_name("epoll", tests, NULL, NULL);

	if (loop_choose(LOOP_URING, &why) == LOOP_URING)
		failed += cmocka_run_group_tests_name("uring", uring_tests, NULL, NULL);
	else
		print_message("no io_uring: %s\n", why);
	return failed;
}
