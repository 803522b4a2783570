/* SPDX-License-Identifier: BSD-3-Clause */
/* session: two ends over pipes, in the clear and over TLS; and every way it can end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "session_pair.h"

static struct pair pair;

/* All commands are answered with the right bytes, and both ends call it an orderly end. */
static void traffic(const struct pair_config *c)
{
	struct pair *p = &pair;
	bool tls = c->client == SESSION_TLS;

	pair_init(p, c);
	pair_run(p);
	if (p->client.done != c->commands || fault_is(p->cs.why) || fault_is(p->ss.why))
		fail_msg("seed %llu: %u commands, client %s (%s), server %s (%s)",
			 (unsigned long long)c->seed, p->client.done, cause_name(p->cs.why.cause),
			 p->cs.detail, cause_name(p->ss.why.cause), p->ss.detail);
	assert_int_equal(p->client.ends, 1);
	assert_int_equal(p->server.ends, 1);
	assert_int_equal(p->client.secured, 1);
	assert_int_equal(p->client.peer.tls, tls);
	assert_int_equal(p->server.peer.tls, tls);
	if (tls && c->block_percent == 0 && c->commands >= 60) /* hints were used */
		assert_true(p->client.landed > 100000 && p->server.landed > 10000);
	if (c->rekey_bytes) {
		assert_true(p->cs.channel->counters.key_updates_sent > 2);
		assert_true(p->ss.channel->counters.key_updates_sent > 2);
	}
	pair_free(p);
}

static void clear(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++)
		traffic(&(struct pair_config){ .seed = seed,
					       .client = SESSION_CLEAR,
					       .server = seed % 2 ? SESSION_CLEAR :
								    SESSION_TLS_OPTIONAL,
					       .hdgst = seed & 1,
					       .ddgst = seed & 2,
					       .commands = 60,
					       .cut_max = seed % 5 ? 5000 : 0,
					       .block_percent = (uint32_t)(seed % 3 * 10) });
}

static void tls(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++)
		traffic(&(struct pair_config){ .seed = seed,
					       .client = SESSION_TLS,
					       .server = seed % 2 ? SESSION_TLS :
								    SESSION_TLS_OPTIONAL,
					       .hdgst = seed & 1,
					       .ddgst = seed & 2,
					       .commands = 60,
					       .cut_max = seed % 5 * 4000,
					       .block_percent = (uint32_t)(seed % 3 * 10) });
}

/* Pieces of a few bytes: record headers, handshake messages and PDU headers are all cut. */
static void tls_crumbs(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++)
		traffic(&(struct pair_config){ .seed = seed,
					       .client = SESSION_TLS,
					       .server = SESSION_TLS,
					       .commands = 8,
					       .cut_max = 1 + seed * 3,
					       .block_percent = seed > 2 ? 20 : 0 });
}

/* A new key every 64 KiB, in both directions: the server may once it has seen one. */
static void key_updates(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++)
		traffic(&(struct pair_config){ .seed = seed,
					       .client = SESSION_TLS,
					       .server = SESSION_TLS,
					       .commands = 200,
					       .rekey_bytes = 65536,
					       .cut_max = seed * 5000,
					       .block_percent = seed % 2 ? 10 : 0 });
}

/* What a peer without NVMe-TLS says first, and what it is called. */
static void first_bytes(void **state)
{
	static const struct {
		bool server;
		enum session_tls tls;
		uint8_t first;
		enum cause cause;
	} cases[] = {
		{ true, SESSION_TLS, 0x00, CAUSE_PLAIN_ON_TLS },
		{ true, SESSION_TLS, 'G', CAUSE_NOT_NVME },
		{ true, SESSION_TLS_OPTIONAL, 'G', CAUSE_NOT_NVME },
		{ true, SESSION_TLS_OPTIONAL, 0x04, CAUSE_NOT_NVME },
		{ true, SESSION_TLS_OPTIONAL, 0x15, CAUSE_NOT_NVME },
		{ true, SESSION_CLEAR, 0x16, CAUSE_TLS_ON_PLAIN },
		{ false, SESSION_TLS, 0x01, CAUSE_TLS_ON_PLAIN },
		{ false, SESSION_TLS, 0x03, CAUSE_TLS_ON_PLAIN },
		{ false, SESSION_TLS, 'H', CAUSE_NOT_NVME },
		{ false, SESSION_CLEAR, 0x15, CAUSE_PLAIN_ON_TLS },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pair_config c = { .client = cases[i].tls,
					 .server = cases[i].tls,
					 .commands = 1 };
		struct pair *p = &pair;
		struct session *s = cases[i].server ? &p->ss : &p->cs;
		struct tiny *t = cases[i].server ? &p->server : &p->client;
		struct pair_pipe *in = cases[i].server ? &p->up : &p->down;

		pair_init(p, &c);
		pair_side(p, s); /* a client says its first words */
		in->bytes = calloc(1, in->cap = in->len = 128);
		in->bytes[0] = cases[i].first;
		pair_side(p, s);
		assert_int_equal(s->state, SESSION_DEAD);
		assert_int_equal(s->why.cause, cases[i].cause);
		assert_true(strstr(s->detail, "first byte") != NULL);
		assert_int_equal(t->ends, 1);
		assert_int_equal(t->inputs, 0);
		pair_free(p);
	}
}

/* The peer goes away; where, and what that means. */
static void closed(void **state)
{
	struct pair *p = &pair;
	struct pair_config c = { .client = SESSION_TLS, .server = SESSION_TLS, .commands = 5 };

	(void)state;
	pair_init(p, &c); /* after our ClientHello, as a Linux target does for an unknown PSK */
	pair_side(p, &p->cs);
	pair_side(p, &p->cs);
	assert_true(p->up.len > 0);
	p->down.closed = true;
	pair_side(p, &p->cs);
	assert_int_equal(p->cs.why.cause, CAUSE_CLOSED_AFTER_HELLO);
	assert_int_equal(p->client.ends, 1);
	pair_free(p);

	pair_init(p, &c); /* before it said anything */
	p->up.closed = true;
	pair_side(p, &p->ss);
	assert_int_equal(p->ss.why.cause, CAUSE_CLOSED_SILENT);
	pair_free(p);

	c.client = c.server = SESSION_CLEAR;
	pair_init(p, &c); /* with a command outstanding */
	pair_side(p, &p->cs);
	p->down.closed = true;
	pair_side(p, &p->cs);
	assert_int_equal(p->cs.why.cause, CAUSE_PEER_CLOSED);
	assert_int_equal(p->client.why.cause, CAUSE_PEER_CLOSED);
	pair_free(p);

	pair_init(p, &c); /* in the middle of a PDU */
	pair_side(p, &p->cs);
	p->up.len = 20;
	pair_side(p, &p->ss);
	p->up.closed = true;
	pair_side(p, &p->ss);
	assert_int_equal(p->ss.why.cause, CAUSE_PEER_CLOSED);
	pair_free(p);

	c.commands = 0;
	pair_init(p, &c); /* nothing is outstanding: an orderly end, also by a reset */
	session_socket_error(&p->ss, -ECONNRESET);
	assert_false(fault_is(p->ss.why));
	p->client.eof = CAUSE_CLOSED_AFTER_ICREQ;
	session_socket_error(&p->cs, -ECONNRESET);
	assert_int_equal(p->cs.why.cause, CAUSE_CLOSED_AFTER_ICREQ);
	pair_free(p);
}

static void socket_errors(void **state)
{
	static const struct {
		int err;
		enum cause cause;
	} cases[] = {
		{ -ECONNREFUSED, CAUSE_REFUSED },     { -EHOSTUNREACH, CAUSE_UNREACHABLE },
		{ -ENETUNREACH, CAUSE_UNREACHABLE },  { -ETIMEDOUT, CAUSE_CONNECT_TIMEOUT },
		{ -EMFILE, CAUSE_OS },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct session_config sc = { .role = TLS_CLIENT, .tls = SESSION_CLEAR };
		struct session s;
		struct tiny t;
		struct prng prng;

		prng_seed(&prng, 1);
		tiny_init(&t, false, &prng, false, false);
		assert_int_equal(session_init(&s, &sc, &t.s), 0);
		session_socket_error(&s, cases[i].err);
		assert_int_equal(s.why.cause, cases[i].cause);
		assert_int_equal(s.why.code, -cases[i].err);
		assert_true(session_over(&s));
		assert_int_equal(t.ends, 1);
		session_free(&s);
		tiny_free(&t);
	}
}

static void handshake_timeout(void **state)
{
	struct pair_config c = { .client = SESSION_TLS, .server = SESSION_TLS_OPTIONAL };
	struct pair *p = &pair;
	uint64_t deadline;

	(void)state;
	pair_init(p, &c);
	session_turn(&p->ss, &p->world, p->now, &deadline);
	assert_int_equal(deadline, p->now + 10 * NS_PER_SEC);
	session_turn(&p->ss, &p->world, deadline - 1, &deadline);
	assert_int_equal(p->ss.state, SESSION_SNIFF);
	session_turn(&p->ss, &p->world, deadline, &deadline);
	assert_int_equal(p->ss.state, SESSION_DEAD);
	assert_int_equal(p->ss.why.cause, CAUSE_HANDSHAKE_TIMEOUT);
	assert_int_equal(deadline, WORLD_NEVER);
	pair_free(p);
}

static void wrong_keys(void **state)
{
	struct pair_config c = { .client = SESSION_TLS, .server = SESSION_TLS };
	struct pair *p = &pair;

	(void)state;
	for (int i = 0; i < 2; i++) {
		c.wrong_psk = i == 0;
		c.unknown_psk = i == 1;
		pair_init(p, &c);
		pair_run(p);
		assert_int_equal(p->ss.why.cause, i == 0 ? CAUSE_PSK_MISMATCH : CAUSE_PSK_UNKNOWN);
		assert_int_equal(p->ss.why.kind, FAULT_TLS);
		assert_int_equal(p->cs.why.kind, FAULT_TLS_PEER); /* the alert arrived */
		assert_int_equal(p->client.secured + p->server.secured, 0);
		assert_int_equal(p->client.inputs + p->server.inputs, 0);
		assert_int_equal(p->client.ends, 1);
		assert_int_equal(p->server.ends, 1);
		pair_free(p);
	}
}

/* Open both ends and let the first commands flow. */
static void open_pair(struct pair *p, struct pair_config *c)
{
	c->commands = 1000000;
	pair_init(p, c);
	for (int i = 0; i < 10000 && p->client.done < 3; i++)
		pair_step(p);
	assert_int_equal(p->cs.state, SESSION_OPEN);
	assert_int_equal(p->ss.state, SESSION_OPEN);
}

/* The server refuses a PDU: its TermReq arrives, then it waits for the client to close. */
static void term(void **state)
{
	struct pair *p = &pair;

	(void)state;
	for (int tls_on = 0; tls_on < 2; tls_on++) {
		enum session_tls how = tls_on ? SESSION_TLS : SESSION_CLEAR;
		struct pair_config c = { .client = how, .server = how, .cut_max = 700 };

		open_pair(p, &c);
		while (p->server.s.writer.front_done) /* not in the middle of a PDU */
			pair_step(p);
		p->server.fail_turn = (struct fault){ FAULT_PDU, CAUSE_PDU_INVALID, 4, 0 };
		pair_run(p);
		assert_int_equal(p->ss.why.kind, FAULT_PDU);
		assert_int_equal(p->server.ends, 1);
		assert_int_equal(p->cs.why.kind, FAULT_PDU_PEER);
		assert_int_equal(p->cs.why.cause, CAUSE_PDU_TERM);
		assert_int_equal(p->cs.why.code, 4);
		assert_true(strstr(p->cs.detail, "TermReq received: FES 4") != NULL);
		assert_int_equal(p->client.ends, 1);
		pair_free(p);
	}
}

/* The client never closes: after the linger time the server does. */
static void linger(void **state)
{
	struct pair_config c = { .client = SESSION_CLEAR, .server = SESSION_CLEAR };
	struct pair *p = &pair;
	uint64_t deadline, start;

	(void)state;
	c.commands = 0;
	pair_init(p, &c);
	start = p->now;
	p->server.fail_turn = (struct fault){ FAULT_PDU, CAUSE_PDU_INVALID, 2, 0 };
	session_turn(&p->ss, &p->world, start, &deadline);
	assert_int_equal(p->ss.state, SESSION_CLOSING);
	assert_int_equal(deadline, start + 30 * NS_PER_SEC);
	pair_side(p, &p->ss);
	assert_int_equal(p->down.len, 24); /* no header was read: no copy */
	assert_int_equal(p->down.bytes[0], NVME_TCP_C2H_TERM);
	session_received(&p->ss, &p->world, 100); /* discarded */
	assert_int_equal(p->server.inputs, 0);
	session_turn(&p->ss, &p->world, deadline - 1, &deadline);
	assert_int_equal(p->ss.state, SESSION_CLOSING);
	session_turn(&p->ss, &p->world, deadline, &deadline);
	assert_true(session_over(&p->ss));
	assert_int_equal(p->ss.why.kind, FAULT_PDU);
	pair_free(p);
}

/* From this side, with a reason and without. */
static void close_from_here(void **state)
{
	struct pair *p = &pair;

	(void)state;
	for (int i = 0; i < 4; i++) {
		enum session_tls how = i & 1 ? SESSION_TLS : SESSION_CLEAR;
		struct pair_config c = { .client = how, .server = how };
		struct fault why = i & 2 ? fault_os(EIO, CAUSE_KATO_EXPIRED) : OK;

		open_pair(p, &c);
		session_close(&p->ss, why);
		pair_run(p);
		assert_int_equal(p->ss.why.cause, i & 2 ? CAUSE_KATO_EXPIRED : CAUSE_NONE);
		assert_int_equal(p->server.ends, 1);
		/* the client had commands outstanding */
		assert_int_equal(p->cs.why.cause, CAUSE_PEER_CLOSED);
		assert_int_equal(p->client.ends, 1);
		pair_free(p);
	}
}

/* A close while a handshake step runs on a pool thread takes effect when it comes back. */
static void close_during_job(void **state)
{
	struct pair_config c = { .client = SESSION_TLS, .server = SESSION_TLS };
	struct pair *p = &pair;

	(void)state;
	pair_init(p, &c);
	assert_true(session_wants_job(&p->cs));
	session_job_start(&p->cs);
	session_close(&p->cs, fault_os(ECANCELED, CAUSE_SHUTDOWN));
	assert_int_equal(p->cs.state, SESSION_JOB);
	session_job_work(&p->cs);
	session_job_done(&p->cs, &p->world);
	assert_true(session_over(&p->cs));
	assert_int_equal(p->cs.why.cause, CAUSE_SHUTDOWN);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clear),
		cmocka_unit_test(tls),
		cmocka_unit_test(tls_crumbs),
		cmocka_unit_test(key_updates),
		cmocka_unit_test(first_bytes),
		cmocka_unit_test(closed),
		cmocka_unit_test(socket_errors),
		cmocka_unit_test(handshake_timeout),
		cmocka_unit_test(wrong_keys),
		cmocka_unit_test(term),
		cmocka_unit_test(linger),
		cmocka_unit_test(close_from_here),
		cmocka_unit_test(close_during_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
