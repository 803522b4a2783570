/* SPDX-License-Identifier: BSD-3-Clause */
#include "session_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

/* Byte @k of the data of command @i, direction @d, is 31 i + 7 k + d. */
static uint8_t pattern[256 + TINY_DATA_MAX];

static uint32_t pattern_at(uint32_t i, uint32_t d)
{
	return (31 * i + d) * 183 % 256; /* 183 * 7 = 1 (mod 256) */
}

static uint32_t data_len(uint32_t i, uint32_t d)
{
	static const uint32_t lens[2][7] = { { 0, 512, 4096, 0, 64, 8192, 1024 },
					     { 4096, 512, TINY_DATA_MAX, 4, 16384, 0, 4096 } };

	return lens[d][(i * 5 + i / 7) % 7];
}

static void released(void *owner, void *token)
{
	struct tiny *t = owner;

	(void)token;
	t->tokens--;
}

static void add(struct tiny *t, void *hdr, uint32_t i, uint32_t d, uint32_t len)
{
	static struct iovec iov = { .iov_base = pattern, .iov_len = sizeof(pattern) };

	if (len)
		t->tokens++;
	pdu_writer_add(&t->s.writer, hdr, &iov, pattern_at(i, d), len, len ? t : NULL);
}

static void send_command(struct tiny *t)
{
	struct nvme_tcp_cmd_pdu p = { .hdr = { .type = NVME_TCP_CMD } };

	store_le32((uint8_t *)&p + 40, t->sent);
	store_le16((uint8_t *)&p + 10, (uint16_t)(t->sent % TINY_DEPTH));
	t->read_bytes[t->sent % TINY_DEPTH] = 0;
	add(t, &p, t->sent, 0, data_len(t->sent, 0));
	t->sent++;
}

static void send_answer(struct tiny *t, uint32_t i)
{
	struct nvme_tcp_data_pdu d = { .hdr = { .type = NVME_TCP_C2H_DATA,
						.flags = NVME_TCP_F_DATA_LAST } };
	struct nvme_tcp_rsp_pdu r = { .hdr = { .type = NVME_TCP_RSP } };
	uint32_t len = data_len(i, 1);

	store_le16(d.command_id, (uint16_t)(i % TINY_DEPTH));
	store_le32(d.data_length, len);
	if (len)
		add(t, &d, i, 1, len);
	store_le32((uint8_t *)&r + 8, i);
	add(t, &r, i, 1, 0);
}

/* Server: commands come in order, their data is what it should be. */
static void server_event(struct tiny *t, enum pdu_step step, const struct pdu_event *ev)
{
	uint32_t i = load_le32(ev->hdr + 40);

	if (ev->hdr[0] == NVME_TCP_ICREQ)
		return;
	assert_int_equal(ev->hdr[0], NVME_TCP_CMD);
	if (step == PDU_HEADER) {
		assert_int_equal(i, t->done);
		assert_int_equal(ev->data_len, data_len(i, 0));
	} else if (step == PDU_DATA) {
		assert_memory_equal(ev->data.ptr, pattern + pattern_at(i, 0) + ev->data_off,
				    ev->data.len);
		if (ev->data.ptr >= t->buf[0] && ev->data.ptr < t->buf[TINY_DEPTH])
			t->landed += (uint32_t)ev->data.len;
	} else {
		t->done++;
		send_answer(t, i);
	}
}

static void client_response(struct tiny *t, uint32_t i)
{
	uint32_t slot = i % TINY_DEPTH, len = data_len(i, 1);

	assert_int_equal(i, t->done);
	assert_int_equal(t->read_bytes[slot], len);
	assert_memory_equal(t->buf[slot], pattern + pattern_at(i, 1), len);
	memset(t->buf[slot], 0, len);
	t->done++;
	t->s.finish = t->done == t->total;
}

static void client_event(struct tiny *t, enum pdu_step step, const struct pdu_event *ev)
{
	uint32_t slot = load_le16(ev->hdr + 8);

	if (step == PDU_DATA) {
		uint8_t *to = t->buf[slot] + ev->data_off;

		if (to == ev->data.ptr)
			t->landed += (uint32_t)ev->data.len;
		else
			memmove(to, ev->data.ptr, ev->data.len);
		t->read_bytes[slot] += (uint32_t)ev->data.len;
	} else if (step == PDU_END && ev->hdr[0] == NVME_TCP_RSP) {
		client_response(t, load_le32(ev->hdr + 8));
	}
}

static bool wants_block(struct tiny *t)
{
	return pdu_writer_room(&t->s.writer) < 3 ||
	       (t->block_percent && prng_below(t->prng, 100) < t->block_percent);
}

static struct fault input(struct stream *s, struct span *in)
{
	struct tiny *t = (struct tiny *)s;

	t->inputs++;
	for (;;) {
		struct pdu_event ev;
		struct fault why;
		enum pdu_step step = pdu_reader_step(&s->reader, in, &ev, &why);

		if (step == PDU_FAULT)
			return why;
		if (step == PDU_MORE)
			return OK;
		assert_false(ev.ddgst_bad && step == PDU_END);
		if (step == PDU_END && (ev.hdr[0] & ~1) == NVME_TCP_H2C_TERM)
			return stream_term_received(ev.hdr);
		if ((ev.hdr[0] & ~1) == NVME_TCP_H2C_TERM)
			continue;
		if (t->server)
			server_event(t, step, &ev);
		else
			client_event(t, step, &ev);
		if (wants_block(t)) {
			s->blocked = true;
			return OK;
		}
	}
}

static struct fault turn(struct stream *s, uint64_t now_ns, uint64_t *ret_deadline_ns)
{
	struct tiny *t = (struct tiny *)s;

	(void)now_ns;
	*ret_deadline_ns = WORLD_NEVER;
	if (s->blocked && pdu_writer_room(&s->writer) >= 3)
		s->blocked = prng_below(t->prng, 3) == 0;
	if (!t->server && !t->greeted) {
		struct nvme_tcp_icreq_pdu p = { .hdr = { .type = NVME_TCP_ICREQ } };

		pdu_writer_add(&s->writer, &p, NULL, 0, 0, NULL);
		t->greeted = true;
	}
	while (!t->server && t->sent < t->total && t->sent - t->done < TINY_DEPTH &&
	       pdu_writer_room(&s->writer) > 1)
		send_command(t);
	return t->fail_turn;
}

static void end(struct stream *s, struct fault why)
{
	struct tiny *t = (struct tiny *)s;

	/* the promise of session/: at its end a stream gets all of its memory back */
	assert_int_equal(t->tokens, 0);
	t->ends++;
	t->why = why;
}

static bool drained(const struct stream *s)
{
	const struct tiny *t = (const struct tiny *)s;

	return t->tokens == 0 && !t->busy;
}

static enum cause eof_cause(const struct stream *s)
{
	const struct tiny *t = (const struct tiny *)s;

	return t->sent == t->done || t->server ? t->eof : CAUSE_PEER_CLOSED;
}

static const struct stream_ops tiny_ops = { "tiny", input, turn, end, drained, eof_cause };

/* The client's places are its commands' buffers; the server takes what comes in order. */
static struct mspan dest(void *owner, const uint8_t *hdr, uint32_t off, bool trusted,
			 unsigned int nth)
{
	struct tiny *t = owner;
	uint32_t slot = t->server ? nth : load_le16(hdr + 8);

	if (slot >= TINY_DEPTH || off >= TINY_DATA_MAX || (t->server && trusted))
		return (struct mspan){ NULL, 1000 };
	return (struct mspan){ t->buf[slot] + off, TINY_DATA_MAX - off };
}

void tiny_init(struct tiny *t, bool server, struct prng *prng, bool hdgst, bool ddgst)
{
	struct pdu_rules rules = { hdgst, ddgst, 0, 8192, TINY_DATA_MAX };

	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(7 * i);
	*t = (struct tiny){ .server = server, .prng = prng };
	t->s.ops = &tiny_ops;
	t->buf = calloc(TINY_DEPTH, sizeof(*t->buf));
	assert_non_null(t->buf);
	assert_int_equal(pdu_writer_init(&t->s.writer, 20, released, t), 0);
	t->s.writer.hdgst = hdgst;
	t->s.writer.ddgst = ddgst;
	pdu_reader_init(&t->s.reader, server ? PDU_FROM_HOST : PDU_FROM_CTRL);
	pdu_reader_rules(&t->s.reader, &rules);
	pdu_place_init(&t->s.place, &t->s.reader, t, dest);
}

void tiny_free(struct tiny *t)
{
	pdu_writer_free(&t->s.writer);
	free(t->buf);
}

static void secured(void *ctx, const struct session_peer *peer)
{
	struct tiny *t = ctx;

	assert_int_equal(t->inputs, 0);
	t->secured++;
	t->peer = *peer;
}

#define IDENTITY "NVMe0R01 nqn.host nqn.subsys"

static int find_psk(void *ctx, struct span identity, struct tls_psk *ret, int max)
{
	struct pair *p = ctx;

	if (max < 1 || identity.len != strlen(IDENTITY) || !p->server_psk.len ||
	    memcmp(identity.ptr, IDENTITY, identity.len) != 0)
		return 0;
	*ret = (struct tls_psk){ IDENTITY, NVME_HASH_SHA256, &p->server_psk };
	return 1;
}

static struct session_config config_of(struct pair *p, const struct pair_config *c, bool server)
{
	struct session_config s = {
		.role = server ? TLS_SERVER : TLS_CLIENT,
		.tls = server ? c->server : c->client,
		.record = { .own_plain_max = 16384, .may_update = !server && c->rekey_bytes,
			    .rekey_bytes = c->rekey_bytes },
		.handshake_timeout_ns = 10 * NS_PER_SEC,
		.linger_ns = 30 * NS_PER_SEC,
		.secured = secured,
		.ctx = server ? &p->server : &p->client,
	};

	s.handshake.role = s.role;
	s.handshake.source = (struct tls_psk_source){ .find = find_psk, .ctx = p };
	s.handshake.psk = (struct tls_psk){ IDENTITY, NVME_HASH_SHA256, &p->client_psk };
	return s;
}

void pair_init(struct pair *p, const struct pair_config *c)
{
	struct session_config cc, sc;

	memset(p, 0, sizeof(*p));
	prng_seed(&p->prng, c->seed);
	p->cut_max = c->cut_max;
	p->world.rx = p->rx + WORLD_RX_HEADROOM;
	p->world.rx_bytes = sizeof(p->rx) - WORLD_RX_HEADROOM;
	p->now = 1000;
	p->client_psk.len = p->server_psk.len = 32;
	memset(p->client_psk.bytes, 7, 32);
	memset(p->server_psk.bytes, c->wrong_psk ? 8 : 7, 32);
	if (c->unknown_psk)
		p->server_psk.len = 0;
	tiny_init(&p->client, false, &p->prng, c->hdgst, c->ddgst);
	tiny_init(&p->server, true, &p->prng, c->hdgst, c->ddgst);
	p->client.total = c->commands;
	p->client.block_percent = p->server.block_percent = c->block_percent;
	cc = config_of(p, c, false);
	sc = config_of(p, c, true);
	assert_int_equal(session_init(&p->cs, &cc, &p->client.s), 0);
	assert_int_equal(session_init(&p->ss, &sc, &p->server.s), 0);
	session_start(&p->cs, p->now);
	session_start(&p->ss, p->now);
}

void pair_free(struct pair *p)
{
	session_free(&p->cs);
	session_free(&p->ss);
	tiny_free(&p->client);
	tiny_free(&p->server);
	free(p->up.bytes);
	free(p->down.bytes);
}

static size_t cut(struct pair *p, size_t n)
{
	size_t max = p->cut_max && p->cut_max < n ? p->cut_max : n;

	return p->cut_max ? 1 + prng_below(&p->prng, max) : n;
}

static void receive(struct pair *p, struct session *s, struct pair_pipe *from)
{
	struct iovec iov[2];
	int count = session_recv_iov(s, &p->world, iov);
	size_t n, at = 0;

	if (count == 0 || (from->len == 0 && !from->closed))
		return;
	n = from->len ? cut(p, from->len) : 0;
	for (int i = 0; i < count && at < n; i++) {
		size_t part = iov[i].iov_len < n - at ? iov[i].iov_len : n - at;

		memcpy(iov[i].iov_base, from->bytes + at, part);
		at += part;
	}
	if (from->len > at)
		memmove(from->bytes, from->bytes + at, from->len - at);
	from->len -= at;
	session_received(s, &p->world, at);
	memset(p->rx, 0xdd, sizeof(p->rx)); /* another connection's turn */
}

static void transmit(struct pair *p, struct session *s, struct pair_pipe *to)
{
	struct iovec iov[16];
	int count = session_send_iov(s, iov, 16);
	size_t sum = 0, n;

	for (int i = 0; i < count; i++)
		sum += iov[i].iov_len;
	if (sum == 0)
		return;
	n = sum = cut(p, sum);
	if (to->len + n > to->cap) {
		to->cap = (to->len + n) * 2;
		to->bytes = realloc(to->bytes, to->cap);
		assert_non_null(to->bytes);
	}
	for (int i = 0; i < count && n; i++) {
		size_t part = iov[i].iov_len < n ? iov[i].iov_len : n;

		memcpy(to->bytes + to->len, iov[i].iov_base, part);
		to->len += part;
		n -= part;
	}
	session_sent(s, sum);
}

void pair_side(struct pair *p, struct session *s)
{
	struct pair_pipe *in = s == &p->cs ? &p->down : &p->up;
	struct pair_pipe *out = s == &p->cs ? &p->up : &p->down;
	uint64_t deadline;

	receive(p, s, in);
	session_turn(s, &p->world, p->now, &deadline);
	transmit(p, s, out);
	if (session_wants_job(s)) {
		session_job_start(s);
		session_job_work(s);
		session_job_done(s, &p->world);
	}
	if (s->state == SESSION_DEAD)
		out->closed = true;
}

void pair_step(struct pair *p)
{
	p->now += 1000;
	pair_side(p, &p->cs);
	pair_side(p, &p->ss);
}

void pair_run(struct pair *p)
{
	for (int i = 0; i < 4000000; i++) {
		pair_step(p);
		if (session_over(&p->cs) && session_over(&p->ss))
			return;
	}
	fail_msg("not over: client state %d, server state %d, %u of %u commands", p->cs.state,
		 p->ss.state, p->client.done, p->client.total);
}
