/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tls: handshakes between our two ends and against libssl itself, and the records that follow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "base/bytes.h"
#include "base/prng.h"
#include "tls/handshake.h"
#include "tls/record.h"

static struct secret key_a = { .len = 32 }, key_b = { .len = 32 }, key_384 = { .len = 48 };

/* A server's key table for tests: all entries with the wanted identity. */
struct table {
	struct tls_psk psk[4];
	int count;
};

static int find(void *ctx, struct span identity, struct tls_psk *ret, int max)
{
	const struct table *t = ctx;
	int n = 0;

	for (int i = 0; i < t->count && n < max; i++)
		if (strlen(t->psk[i].identity) == identity.len &&
		    memcmp(t->psk[i].identity, identity.ptr, identity.len) == 0)
			ret[n++] = t->psk[i];
	return n;
}

/* One end and what it has sent but the other has not read. */
struct end {
	struct handshake *h;
	struct buf out;
	struct fault why;
	enum handshake_state state;
};

static void end_init(struct end *e, const struct handshake_config *c)
{
	memset(e, 0, sizeof(*e));
	e->h = handshake_new(c);
	assert_non_null(e->h);
	assert_int_equal(buf_init(&e->out, 65536), 0);
}

static void end_free(struct end *e)
{
	handshake_free(e->h);
	buf_free(&e->out);
}

/* Let @to read up to @chunk bytes more than it has not consumed yet; carry keeps the rest. */
static bool feed(struct end *from, struct end *to, struct buf *carry, size_t chunk)
{
	struct span avail = buf_readable(&from->out), in;
	size_t n = min_u64(avail.len, chunk);

	assert_true(buf_append(carry, avail.ptr, n));
	buf_consume(&from->out, n);
	if (fault_is(to->why) || to->state == HANDSHAKE_DONE)
		return n != 0;
	in = buf_readable(carry);
	to->why = handshake_step(to->h, &in, &to->out, &to->state);
	buf_consume(carry, buf_len(carry) - in.len);
	return n != 0;
}

/* Run both until nothing moves. */
static void shake(struct end *client, struct end *server, size_t chunk)
{
	struct buf to_client, to_server;
	struct span none = { NULL, 0 };
	bool moved = true;

	buf_init(&to_client, 65536);
	buf_init(&to_server, 65536);
	client->why = handshake_step(client->h, &none, &client->out, &client->state);
	while (moved) {
		moved = feed(client, server, &to_server, chunk);
		moved |= feed(server, client, &to_client, chunk);
	}
	buf_free(&to_client);
	buf_free(&to_server);
}

static struct handshake_config client_config(const char *identity, enum nvme_hash h,
					     const struct secret *psk)
{
	return (struct handshake_config){ .role = TLS_CLIENT, .psk = { identity, h, psk } };
}

static struct handshake_config server_config(struct table *t)
{
	return (struct handshake_config){ .role = TLS_SERVER, .source = { find, NULL, t } };
}

static void both_hashes_and_long_identities(void **state)
{
	char longest[PSK_IDENTITY_LEN_MAX + 1];
	const struct {
		const char *identity;
		enum nvme_hash hash;
		const struct secret *psk;
		const char *client_groups, *server_groups;
		size_t chunk;
	} cases[] = {
		{ "NVMe0R01 nqn.h nqn.s", NVME_HASH_SHA256, &key_a, NULL, NULL, 65536 },
		{ "NVMe1R02 nqn.h nqn.s x", NVME_HASH_SHA384, &key_384, NULL, NULL, 65536 },
		{ longest, NVME_HASH_SHA256, &key_a, NULL, NULL, 65536 },
		{ "byte by byte", NVME_HASH_SHA256, &key_a, NULL, NULL, 1 },
		{ "hello retry", NVME_HASH_SHA256, &key_a, "X25519:P-384", "P-384", 65536 },
		{ "hello retry", NVME_HASH_SHA384, &key_384, "X25519:ffdhe3072", "ffdhe3072", 100 },
	};

	(void)state;
	memset(longest, 'x', PSK_IDENTITY_LEN_MAX);
	longest[PSK_IDENTITY_LEN_MAX] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct table t = { { { cases[i].identity, cases[i].hash, cases[i].psk } }, 1 };
		struct handshake_config cc =
			client_config(cases[i].identity, cases[i].hash, cases[i].psk);
		struct handshake_config sc = server_config(&t);
		const struct handshake_result *cr, *sr;
		struct end c, s;

		cc.groups = cases[i].client_groups;
		sc.groups = cases[i].server_groups;
		cc.record_size_limit = 4097;
		end_init(&c, &cc);
		end_init(&s, &sc);
		shake(&c, &s, cases[i].chunk);
		assert_int_equal(c.state, HANDSHAKE_DONE);
		assert_int_equal(s.state, HANDSHAKE_DONE);
		cr = handshake_result(c.h);
		sr = handshake_result(s.h);
		assert_true(secret_equal(&cr->tx, &sr->rx) && secret_equal(&cr->rx, &sr->tx));
		assert_false(secret_equal(&cr->tx, &cr->rx));
		assert_int_equal(cr->tx.len, hash_len(cases[i].hash));
		assert_string_equal(sr->identity, cases[i].identity);
		assert_int_equal(sr->peer_plain_max, 4096);
		assert_int_equal(cr->peer_plain_max, 16384);
		if (cases[i].server_groups)
			assert_int_equal(strcasecmp(sr->group, cases[i].server_groups) == 0 ||
						 strcmp(sr->group, "secp384r1") == 0,
					 1);
		end_free(&c);
		end_free(&s);
	}
}

static void tells_several_keys_apart(void **state)
{
	struct table t = {
		{ { "same", NVME_HASH_SHA256, &key_b }, { "same", NVME_HASH_SHA256, &key_a } }, 2
	};
	const struct secret *keys[] = { &key_a, &key_b };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct handshake_config cc = client_config("same", NVME_HASH_SHA256, keys[i]);
		struct handshake_config sc = server_config(&t);
		struct end c, s;

		end_init(&c, &cc);
		end_init(&s, &sc);
		shake(&c, &s, 65536);
		assert_int_equal(c.state, HANDSHAKE_DONE);
		assert_int_equal(s.state, HANDSHAKE_DONE);
		end_free(&c);
		end_free(&s);
	}
}

static void failures_have_names(void **state)
{
	struct table t = { { { "known", NVME_HASH_SHA256, &key_a }, { "known384", NVME_HASH_SHA384, &key_384 } }, 2 };
	const struct {
		const char *identity;
		enum nvme_hash hash;
		const struct secret *psk;
		const char *server_groups;
		enum cause client, server;
	} cases[] = {
		{ "unknown", NVME_HASH_SHA256, &key_a, NULL, CAUSE_PSK_REFUSED, CAUSE_PSK_UNKNOWN },
		{ "known", NVME_HASH_SHA256, &key_b, NULL, CAUSE_PSK_REFUSED, CAUSE_PSK_MISMATCH },
		{ "known", NVME_HASH_SHA384, &key_384, NULL, CAUSE_PSK_REFUSED, CAUSE_PSK_HASH },
		{ "known", NVME_HASH_SHA256, &key_a, "P-521", CAUSE_PSK_REFUSED, CAUSE_NO_COMMON_GROUP },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct handshake_config cc =
			client_config(cases[i].identity, cases[i].hash, cases[i].psk);
		struct handshake_config sc = server_config(&t);
		struct end c, s;

		sc.groups = cases[i].server_groups;
		end_init(&c, &cc);
		end_init(&s, &sc);
		shake(&c, &s, 65536);
		assert_int_equal(s.why.kind, FAULT_TLS);
		assert_int_equal(s.why.cause, cases[i].server);
		assert_int_equal(c.why.kind, FAULT_TLS_PEER);
		assert_int_equal(c.why.cause, cases[i].client);
		end_free(&c);
		end_free(&s);
	}
}

/* First bytes of a peer that is no TLS client, or no TLS server. */
static void strangers_have_names(void **state)
{
	static const struct {
		enum tls_role role;
		const char *bytes;
		size_t len;
		enum cause cause;
	} cases[] = {
		{ TLS_SERVER, "\0\0\200\0\200\0\0\0", 8, CAUSE_PLAIN_ON_TLS },
		{ TLS_SERVER, "GET / HTTP/1.1", 14, CAUSE_NOT_NVME },
		{ TLS_SERVER, "\26\3\1\377\377", 5, CAUSE_TLS_PROTOCOL },
		{ TLS_SERVER, "\26\3\1\0\4\1\0\0\0", 9, CAUSE_TLS_PROTOCOL },
		{ TLS_SERVER, "\26\3\1\0\5\2\0\0\1\0", 10, CAUSE_TLS_PROTOCOL },
		{ TLS_CLIENT, "\3\0\30\0\30\0\0\0", 8, CAUSE_TLS_ON_PLAIN },
		{ TLS_CLIENT, "SSH-2.0", 7, CAUSE_NOT_NVME },
	};
	struct table t = { .count = 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct handshake_config c = cases[i].role == TLS_SERVER ?
						    server_config(&t) :
						    client_config("x", NVME_HASH_SHA256, &key_a);
		struct span in = span_of(cases[i].bytes, cases[i].len);
		struct end e;

		end_init(&e, &c);
		e.why = handshake_step(e.h, &in, &e.out, &e.state);
		assert_true(fault_is(e.why));
		assert_int_equal(e.why.cause, cases[i].cause);
		end_free(&e);
	}
}

/* --- records --- */

static void pair(struct channel **client, struct channel **server, enum nvme_hash h,
		 const struct record_config *config)
{
	struct handshake_result r = { .hash = h, .peer_plain_max = 16384 };
	struct record_config rc = *config;
	struct prng p;

	prng_seed(&p, h);
	r.tx.len = r.rx.len = (uint8_t)hash_len(h);
	prng_fill(&p, r.tx.bytes, r.tx.len);
	prng_fill(&p, r.rx.bytes, r.rx.len);
	rc.role = TLS_CLIENT;
	*client = record_new(&r, &rc);
	secret_copy(&r.tx, &r.rx);
	prng_seed(&p, h);
	prng_fill(&p, r.rx.bytes, r.rx.len);
	rc.role = TLS_SERVER;
	*server = record_new(&r, &rc);
	assert_true(*client && *server);
}

static void drop(struct channel *a, struct channel *b)
{
	a->ops->free(a);
	b->ops->free(b);
}

/* Seal @len bytes and what control records wait, open them at the other end, compare. */
static void pass(struct channel *from, struct channel *to, const uint8_t *data, size_t len)
{
	static uint8_t wire[40000];
	struct mspan room = { wire, sizeof(wire) }, in;
	struct iovec iov[2] = { { (void *)data, len / 2 },
				{ (void *)(data + len / 2), len - len / 2 } };
	struct plain out;
	size_t got = 0;

	if (from->events & CHANNEL_SEAL_CONTROL)
		from->ops->seal_control(from, &room);
	assert_false(fault_is(from->ops->seal(from, iov, 2, &room)));
	in = (struct mspan){ wire, sizeof(wire) - room.len };
	while (in.len) {
		assert_false(fault_is(to->ops->open(to, &in, NULL, &out)));
		for (int i = 0; i < out.count; i++) {
			assert_memory_equal(out.piece[i].ptr, data + got, out.piece[i].len);
			got += out.piece[i].len;
		}
	}
	assert_int_equal(got, len);
}

static void key_updates_both_ways(void **state)
{
	const struct record_config config = { .may_update = true, .rekey_bytes = 100000 };
	uint8_t data[16384];
	struct channel *c, *s;
	struct prng p;

	(void)state;
	prng_seed(&p, 1);
	prng_fill(&p, data, sizeof(data));
	for (enum nvme_hash h = NVME_HASH_SHA256; h <= NVME_HASH_SHA384; h++) {
		pair(&c, &s, h, &config);
		for (int i = 0; i < 200; i++) {
			pass(c, s, data, 1 + prng_below(&p, sizeof(data)));
			pass(s, c, data, 1 + prng_below(&p, sizeof(data)));
		}
		assert_true(c->counters.key_updates_sent >= 10);
		assert_true(s->counters.key_updates_sent >= c->counters.key_updates_sent);
		assert_true(s->counters.key_updates_received >= c->counters.key_updates_sent - 1);
		drop(c, s);
	}
}

/* A hint that sends everything to one buffer but the first 24 bytes. */
struct one_place {
	struct place place;
	uint8_t *to;
	size_t at, seen;
};

static void op_begin(struct place *p)
{
	struct one_place *o = (struct one_place *)p;

	o->at = o->seen = 0;
}

static void op_next(struct place *p, uint8_t **dst, size_t *len)
{
	struct one_place *o = (struct one_place *)p;

	*dst = o->seen < 24 ? NULL : o->to + o->at;
	*len = o->seen < 24 ? 24 - o->seen : 100000;
}

static void op_landed(struct place *p, const uint8_t *scratch, size_t n)
{
	struct one_place *o = (struct one_place *)p;

	o->seen += n;
	o->at += scratch ? 0 : n;
}

static void placed_and_every_flip_refused(void **state)
{
	const struct record_config config = { .role = TLS_CLIENT };
	uint8_t data[1400], wire[2000], copy[2000], landing[2000];
	struct one_place place = { { op_begin, op_next, op_landed }, landing, 0, 0 };
	struct iovec in = { data, sizeof(data) };
	struct channel *c, *s;
	struct mspan room, rec;
	struct plain out;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	pair(&c, &s, NVME_HASH_SHA256, &config);
	room = (struct mspan){ wire, sizeof(wire) };
	assert_false(fault_is(c->ops->seal(c, &in, 1, &room)));
	len = sizeof(wire) - room.len;
	rec = (struct mspan){ wire, len };
	memcpy(copy, wire, len);
	assert_false(fault_is(s->ops->open(s, &rec, &place.place, &out)));
	assert_memory_equal(landing, data + 24, sizeof(data) - 25);
	assert_ptr_equal(out.piece[1].ptr, landing);
	drop(c, s);
	for (size_t i = 0; i < len; i++) {
		pair(&c, &s, NVME_HASH_SHA256, &config);
		memcpy(wire, copy, len);
		wire[i] ^= 0x40;
		rec = (struct mspan){ wire, len };
		if (s->ops->frame(s, span_of(wire, len)) == len || i < 3) {
			assert_true(fault_is(s->ops->open(s, &rec, &place.place, &out)) || i == 1 ||
				    i == 2);
			if (i != 1 && i != 2)
				assert_int_equal(out.count, 0);
		}
		drop(c, s);
	}
}

/* --- against libssl: its records are opened by ours, ours by its; its KeyUpdate is followed --- */

static unsigned int ssl_psk(SSL *ssl, const char *hint, char *id, unsigned int id_len,
			    unsigned char *psk, unsigned int psk_len)
{
	(void)ssl, (void)hint, (void)psk_len;
	snprintf(id, id_len, "libssl");
	memcpy(psk, key_a.bytes, 32);
	return 32;
}

static void with_libssl(void **state)
{
	struct table t = { { { "libssl", NVME_HASH_SHA256, &key_a } }, 1 };
	struct handshake_config sc = server_config(&t);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct record_config rc = { .role = TLS_SERVER };
	uint8_t wire[70000], text[16384], got[16384];
	struct end s;
	struct channel *ch;
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	SSL *ssl = SSL_new(ctx);
	size_t have = 0;
	int n;

	(void)state;
	SSL_set_ciphersuites(ssl, "TLS_AES_128_GCM_SHA256");
	SSL_set_psk_client_callback(ssl, ssl_psk);
	SSL_set_bio(ssl, in, out);
	SSL_set_connect_state(ssl);
	end_init(&s, &sc);
	for (int i = 0; i < 10 && s.state != HANDSHAKE_DONE; i++) {
		struct span rest;

		SSL_do_handshake(ssl);
		n = BIO_read(out, wire + have, (int)(sizeof(wire) - have));
		have += n > 0 ? (size_t)n : 0;
		rest = span_of(wire, have);
		assert_false(fault_is(handshake_step(s.h, &rest, &s.out, &s.state)));
		memmove(wire, rest.ptr, rest.len);
		have = rest.len;
		BIO_write(in, buf_readable(&s.out).ptr, (int)buf_len(&s.out));
		buf_clear(&s.out);
	}
	assert_int_equal(s.state, HANDSHAKE_DONE);
	ch = record_new(handshake_result(s.h), &rc);
	for (int round = 0; round < 6; round++) {
		struct mspan room = { wire, sizeof(wire) }, rec;
		struct iovec iov = { text, 5000 };
		struct plain plain;
		size_t at = 0;

		memset(text, 'a' + round, sizeof(text));
		if (round % 2)
			SSL_key_update(ssl, round == 3 ? SSL_KEY_UPDATE_REQUESTED :
							 SSL_KEY_UPDATE_NOT_REQUESTED);
		assert_int_equal(SSL_write(ssl, text, 10000), 10000);
		n = BIO_read(out, wire, sizeof(wire));
		rec = (struct mspan){ wire, (size_t)n };
		while (rec.len) {
			assert_false(fault_is(ch->ops->open(ch, &rec, NULL, &plain)));
			for (int i = 0; i < plain.count; i++) {
				memcpy(got + at, plain.piece[i].ptr, plain.piece[i].len);
				at += plain.piece[i].len;
			}
		}
		assert_int_equal(at, 10000);
		assert_memory_equal(got, text, 10000);
		if (ch->events & CHANNEL_SEAL_CONTROL)
			ch->ops->seal_control(ch, &room);
		assert_false(fault_is(ch->ops->seal(ch, &iov, 1, &room)));
		BIO_write(in, wire, (int)(sizeof(wire) - room.len));
		assert_int_equal(SSL_read(ssl, got, sizeof(got)), 5000);
		assert_memory_equal(got, text, 5000);
	}
	assert_int_equal(ch->counters.key_updates_received, 3);
	assert_int_equal(ch->counters.key_updates_sent, 1);
	ch->ops->free(ch);
	end_free(&s);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_hashes_and_long_identities),
		cmocka_unit_test(tells_several_keys_apart),
		cmocka_unit_test(failures_have_names),
		cmocka_unit_test(strangers_have_names),
		cmocka_unit_test(key_updates_both_ways),
		cmocka_unit_test(placed_and_every_flip_refused),
		cmocka_unit_test(with_libssl),
	};
	struct prng p;

	prng_seed(&p, 42);
	prng_fill(&p, key_a.bytes, 32);
	prng_fill(&p, key_b.bytes, 32);
	prng_fill(&p, key_384.bytes, 48);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
