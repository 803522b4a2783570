/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conn: two sessions over the simulator's network, each in its own world; the server moves to
 * another world in the middle. Whatever happens, both ends are told once that it is over, and
 * nothing stays behind in a world.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "loop/conn.h"
#include "session_pair.h"
#include "sim/sim.h"

struct end {
	struct conn conn;
	struct tiny tiny;
	int closed, left, moved;
	struct world *next;	/* where to move to; NULL: stay */
};

struct both {
	struct sim sim;
	struct end client, server;
	struct world_sock *listener;
	bool accepted;
	uint32_t commands;
};

static struct both both;

static void closed(struct conn *c)
{
	struct end *e = c->owner;

	assert_true(session_over(&c->session));
	assert_int_equal(e->tiny.ends, 1);
	e->closed++;
}

static void turned(struct conn *c)
{
	struct end *e = c->owner;

	if (e->next && e->tiny.done >= 5)
		conn_move(c, e->next);
}

/* Still here, and the last that happens here. */
static void leaving(struct conn *c)
{
	struct end *e = c->owner;

	assert_ptr_equal(c->moving_to, e->next);
	assert_ptr_not_equal(c->w, e->next);
	assert_int_equal(e->moved, 0);
	e->left++;
}

static void moved(struct conn *c)
{
	struct end *e = c->owner;

	assert_ptr_equal(c->w, e->next);
	e->next = NULL;
	e->moved++;
}

static void end_init(struct end *e, bool server, uint32_t commands)
{
	struct session_config sc = {
		.role = server ? TLS_SERVER : TLS_CLIENT,
		.tls = SESSION_CLEAR,
		.linger_ns = NS_PER_SEC,
	};

	memset(e, 0, sizeof(*e));
	tiny_init(&e->tiny, server, &both.sim.prng, true, true);
	e->tiny.total = commands;
	e->tiny.block_percent = 0;
	e->conn.owner = e;
	e->conn.closed = closed;
	e->conn.turned = turned;
	e->conn.leaving = leaving;
	e->conn.moved = moved;
	assert_int_equal(session_init(&e->conn.session, &sc, &e->tiny.s), 0);
}

static void end_free(struct end *e)
{
	session_free(&e->conn.session);
	tiny_free(&e->tiny);
}

static void accepted(void *ctx, struct world *w, struct world_sock *s, const struct sockaddr *addr)
{
	struct both *b = ctx;

	(void)addr;
	assert_false(b->accepted);
	b->accepted = true;
	conn_start(&b->server.conn, w, s, false, 0);
}

static struct sockaddr_in address(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

static void setup(uint64_t seed, uint32_t commands)
{
	struct sockaddr_in a = address(4420);
	struct world *w;

	memset(&both, 0, sizeof(both));
	sim_init(&both.sim, seed);
	both.sim.faults = (struct sim_faults){
		.net_delay_max_ns = 50000,
		.post_delay_max_ns = 100000,
		.cut_percent = (uint32_t)(seed % 4 * 25),
	};
	end_init(&both.client, false, commands);
	end_init(&both.server, true, 0);
	both.server.next = &both.sim.worlds[1].world;
	w = &both.sim.worlds[0].world;
	assert_int_equal(w->ops->listen(w, (struct sockaddr *)&a, sizeof(a), 8, accepted, &both,
					&both.listener),
			 0);
}

static int dial(uint16_t port, uint64_t timeout_ns)
{
	struct world *w = &both.sim.worlds[SIM_TARGET_WORLDS].world;
	struct sockaddr_in a = address(port);
	struct world_sock *s;
	int err = w->ops->connect(w, (struct sockaddr *)&a, sizeof(a), &s);

	if (err == 0)
		conn_start(&both.client.conn, w, s, true, timeout_ns);
	return err;
}

/* Until both ends were told that it is over. */
static void run(void)
{
	for (int i = 0; i < 3000000; i++) {
		if (both.client.closed && (both.server.closed || !both.accepted))
			return;
		if (!sim_step(&both.sim))
			break;
	}
	fail_msg("stuck: client state %d, server state %d, %u commands",
		 both.client.conn.session.state, both.server.conn.session.state,
		 both.client.tiny.done);
}

static void teardown(void)
{
	struct world *w = &both.sim.worlds[0].world;

	both.sim.current = NULL;
	w->ops->close(both.listener, false);
	for (int i = 0; i < 1000 && sim_step(&both.sim); i++)
		;
	assert_false(sim_step(&both.sim)); /* no timer, task or message stays behind */
	assert_int_equal(both.client.closed, 1);
	assert_int_equal(both.server.closed, both.accepted);
	end_free(&both.client);
	end_free(&both.server);
	sim_free(&both.sim);
}

static void traffic(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		setup(seed, 80);
		assert_int_equal(dial(4420, NS_PER_SEC), 0);
		run();
		assert_int_equal(both.client.tiny.done, 80);
		assert_int_equal(both.server.left, 1);
		assert_int_equal(both.server.moved, 1);
		assert_false(fault_is(both.client.conn.session.why));
		assert_false(fault_is(both.server.conn.session.why));
		assert_true(both.client.conn.session.counters.bytes_rx ==
			    both.server.conn.session.counters.bytes_tx);
		teardown();
	}
}

/* Connections that break at any time. */
static void resets(void **state)
{
	int broken = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		setup(seed, 80);
		both.sim.faults.reset_ppm = 20000;
		assert_int_equal(dial(4420, NS_PER_SEC), 0);
		run();
		broken += fault_is(both.client.conn.session.why);
		if (both.client.tiny.done < 80)
			assert_true(fault_is(both.client.conn.session.why));
		teardown();
	}
	assert_true(broken > 10);
}

static void refused(void **state)
{
	(void)state;
	setup(3, 1);
	assert_int_equal(dial(4421, NS_PER_SEC), 0);
	run();
	assert_int_equal(both.client.conn.session.why.cause, CAUSE_REFUSED);
	teardown();
}

/* The network swallows our SYN. */
static void timeout(void **state)
{
	uint64_t start;

	(void)state;
	setup(4, 1);
	start = both.sim.now;
	both.sim.faults.net_delay_max_ns = 1000 * NS_PER_SEC;
	assert_int_equal(dial(4420, NS_PER_SEC), 0);
	for (int i = 0; i < 1000 && !both.client.closed && sim_step(&both.sim); i++)
		;
	assert_int_equal(both.client.conn.session.why.cause, CAUSE_CONNECT_TIMEOUT);
	assert_true(both.sim.now - start < 2 * NS_PER_SEC);
	run();
	teardown();
}

/* Step until @done; false: nothing happens any more. */
static bool step_until(bool (*done)(void))
{
	for (int i = 0; i < 3000000; i++) {
		if (done())
			return true;
		if (!sim_step(&both.sim))
			return false;
	}
	return false;
}

static bool some_commands(void)
{
	return both.client.tiny.done >= 10 && both.sim.current == &both.sim.worlds[2];
}

static bool client_closed(void)
{
	return both.client.closed;
}

static bool server_over(void)
{
	return both.server.closed || both.server.conn.session.state == SESSION_DEAD;
}

/* The client leaves in the middle, by itself or because the server said something bad. */
static void start_awaiting(uint64_t seed, bool busy)
{
	setup(seed, 80);
	both.client.conn.session.config.await_close = true;
	both.server.tiny.busy = busy;
	assert_int_equal(dial(4420, NS_PER_SEC), 0);
	assert_true(step_until(some_commands));
	if (seed % 2)
		both.client.tiny.fail_turn = fault_os(ETIMEDOUT, CAUSE_OS);
	else
		session_close(&both.client.conn.session, fault_os(ECONNABORTED, CAUSE_OS));
	conn_wake(&both.client.conn);
}

static void let_go(struct sim *s, void *a, uint64_t b)
{
	(void)s;
	(void)a;
	(void)b;
	both.server.tiny.busy = false;
	conn_wake(&both.server.conn);
}

/* The server's backend is done at @at; nothing tells the client before. */
static void let_go_at(uint64_t at)
{
	sim_at(&both.sim, sim_of(both.server.conn.w), at, let_go, NULL, 0);
	while (both.server.tiny.busy && sim_step(&both.sim))
		assert_false(both.client.closed && both.client.conn.session.peer_closed);
}

/* What comes back is over at the other end, too; and who waits for that hears it. */
static void awaits_close(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		start_awaiting(seed, seed % 4 > 1);
		assert_true(step_until(server_over));
		if (both.server.tiny.busy)
			let_go_at(both.sim.now + 500 * NS_PER_MS);
		assert_true(step_until(client_closed));
		assert_true(session_over(&both.server.conn.session));
		assert_true(both.client.conn.session.peer_closed);
		assert_int_equal(both.sim.resets, 0);
		teardown();
	}
}

/* A peer that does not close is reset, and that is not taken for its end. */
static void never_closes(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		uint64_t left;

		start_awaiting(seed, true);
		left = both.sim.now;
		assert_true(step_until(client_closed));
		assert_true(both.sim.now - left >= NS_PER_SEC);
		assert_false(both.client.conn.session.peer_closed);
		assert_int_equal(both.server.closed, 0);
		let_go_at(both.sim.now + 1);
		run();
		teardown();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(traffic),
		cmocka_unit_test(resets),
		cmocka_unit_test(refused),
		cmocka_unit_test(timeout),
		cmocka_unit_test(awaits_close),
		cmocka_unit_test(never_closes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
