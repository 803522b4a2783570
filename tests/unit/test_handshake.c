/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handshake: ClientHellos made byte by byte (RFC 8446 4.1.2) against our server, which answers each
 * with a ServerHello or one named cause; and our client against libssl's servers, with and without
 * our PSK, and the records of both after it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/bytes.h"
#include "tls/client_hello.h"
#include "tls/record_impl.h"

static struct secret key_256 = { .len = 32 }, key_384 = { .len = 48 }, key_no = { .len = 32 };

static int find(void *ctx, struct span identity, struct tls_psk *ret, int max)
{
	static const struct tls_psk table[] = { { "known", NVME_HASH_SHA256, &key_256 },
						{ "known384", NVME_HASH_SHA384, &key_384 } };
	int n = 0;

	(void)ctx;
	for (size_t i = 0; i < ARRAY_SIZE(table) && n < max; i++)
		if (strlen(table[i].identity) == identity.len &&
		    memcmp(table[i].identity, identity.ptr, identity.len) == 0)
			ret[n++] = table[i];
	return n;
}

static void nearest(void *ctx, struct span identity, char *hint, size_t size)
{
	(void)ctx, (void)identity;
	snprintf(hint, size, "known");
}

static const struct handshake_config server = { .role = TLS_SERVER,
						.source = { find, nearest, NULL } };

/* --- a ClientHello --- */

struct offer {
	const char *identity;	/* ends at its first NUL unless @nul */
	bool nul;		/* the NUL is part of the identity */
	enum nvme_hash hash;
	const struct secret *psk;
};

struct hello {
	const char *name;
	uint16_t version;	/* in supported_versions; 0: none */
	uint8_t suite;		/* 13xxh; 0: a suite of TLS 1.2 */
	int mode;		/* of psk_key_exchange_modes; -1: none */
	uint16_t group;		/* of the key share: 0: none */
	struct offer offer[10];
	int offers;
	enum cause cause;	/* NONE: a ServerHello with @selected */
	int selected;
	uint8_t alert;
};

struct out {
	uint8_t bytes[4096];
	size_t len;
};

static void put(struct out *o, size_t n, size_t value)
{
	while (n--)
		o->bytes[o->len++] = (uint8_t)(value >> 8 * n);
}

static void put_bytes(struct out *o, const void *p, size_t n)
{
	memcpy(o->bytes + o->len, p, n);
	o->len += n;
}

static size_t identity_len(const struct offer *o)
{
	return strlen(o->identity) + o->nul;
}

static void binder(const struct offer *o, struct span truncated, uint8_t *to)
{
	struct span empty = span_of("", 0), part;
	uint8_t transcript[HASH_LEN_MAX], nothing[HASH_LEN_MAX], mac[HASH_LEN_MAX];
	size_t n = hash_len(o->hash);
	SECRET(early);
	SECRET(key);
	SECRET(finished);

	kdf_hash(o->hash, &truncated, 1, transcript);
	kdf_hash(o->hash, &empty, 1, nothing);
	kdf_extract(o->hash, o->psk, &early);
	kdf_expand_label(o->hash, &early, "ext binder", span_of(nothing, n), n, &key);
	kdf_expand_label(o->hash, &key, "finished", empty, n, &finished);
	part = span_of(transcript, n);
	kdf_hmac(o->hash, span_of(finished.bytes, n), &part, 1, mac);
	memcpy(to, mac, n);
}

static void put_psks(struct out *o, const struct hello *h)
{
	size_t ids = 0, binders = 0, at;

	for (int i = 0; i < h->offers; i++) {
		ids += 2 + identity_len(&h->offer[i]) + 4;
		binders += 1 + hash_len(h->offer[i].hash);
	}
	put(o, 2, 41);
	put(o, 2, 2 + ids + 2 + binders);
	put(o, 2, ids);
	for (int i = 0; i < h->offers; i++) {
		put(o, 2, identity_len(&h->offer[i]));
		put_bytes(o, h->offer[i].identity, identity_len(&h->offer[i]));
		put(o, 4, 0);
	}
	at = o->len;
	put(o, 2, binders);
	/* lengths first: they are part of what the binders cover */
	store_be16(o->bytes + 2, (uint16_t)(at + 2 + binders - 4));
	store_be16(o->bytes + 4 + 2 + 32 + 1 + 32 + 2 + 2 + 2,
		   (uint16_t)(at + 2 + binders - (4 + 2 + 32 + 1 + 32 + 2 + 2 + 2 + 2)));
	for (int i = 0; i < h->offers; i++) {
		put(o, 1, hash_len(h->offer[i].hash));
		binder(&h->offer[i], span_of(o->bytes, at), o->bytes + o->len);
		o->len += hash_len(h->offer[i].hash);
	}
}

static void make(struct out *o, const struct hello *h)
{
	uint8_t filler[32];
	size_t ext;

	memset(filler, 9, sizeof(filler));
	o->len = 0;
	put(o, 4, 0x01000000);
	put(o, 2, 0x0303);
	put_bytes(o, filler, 32);
	put(o, 1, 32);
	put_bytes(o, filler, 32);
	put(o, 2, 2);
	put(o, 2, h->suite ? 0x1300u | h->suite : 0xc02f);
	put(o, 2, 0x0100);
	ext = o->len;
	put(o, 2, 0);
	if (h->version) {
		put(o, 2, 43), put(o, 2, 3), put(o, 1, 2), put(o, 2, h->version);
	}
	if (h->mode >= 0) {
		put(o, 2, 45), put(o, 2, 2), put(o, 1, 1), put(o, 1, (size_t)h->mode);
	}
	put(o, 2, 10), put(o, 2, 6), put(o, 2, 4), put(o, 2, 29), put(o, 2, 24);
	if (h->group) {
		put(o, 2, 51), put(o, 2, 38), put(o, 2, 36), put(o, 2, h->group), put(o, 2, 32);
		put_bytes(o, filler, 32);
	}
	store_be16(o->bytes + ext, (uint16_t)(o->len - ext - 2));
	store_be16(o->bytes + 2, (uint16_t)(o->len - 4));
	if (h->offers)
		put_psks(o, h);
}

/* @msg in records of @cut bytes. */
static size_t records(const struct out *msg, size_t cut, uint8_t *to)
{
	size_t n = 0;

	for (size_t at = 0; at < msg->len; at += cut) {
		size_t part = min_u64(cut, msg->len - at);

		to[n] = 22;
		store_be16(to + n + 1, 0x0301);
		store_be16(to + n + 3, (uint16_t)part);
		memcpy(to + n + 5, msg->bytes + at, part);
		n += 5 + part;
	}
	return n;
}

/* Feed @len bytes, @step at a time, as a socket would. */
static struct fault feed(struct handshake *h, uint8_t *wire, size_t len, size_t step,
			 struct buf *out)
{
	enum handshake_state state;
	struct fault why = OK;
	struct span in = { wire, 0 };

	for (size_t have = 0; have < len && !fault_is(why);) {
		size_t n = min_u64(step, len - have);

		have += n;
		in.len += n;
		why = handshake_step(h, &in, out, &state);
		assert_int_equal(state, HANDSHAKE_MORE);
	}
	return why;
}

/* The selected_identity of the ServerHello at the front of @out. */
static int selected(struct span out)
{
	size_t at = 5 + 4 + 2 + 32 + 1 + 32 + 2 + 1 + 2;

	assert_true(out.len > at && out.ptr[0] == 22 && out.ptr[5] == 2);
	while (at + 4 <= 5u + load_be16(out.ptr + 3)) {
		if (load_be16(out.ptr + at) == 41)
			return load_be16(out.ptr + at + 4);
		at += 4u + load_be16(out.ptr + at + 2);
	}
	return -1;
}

#define SHA256 NVME_HASH_SHA256
#define SHA384 NVME_HASH_SHA384
#define GOOD                                     \
	{                                        \
		"known", false, SHA256, &key_256 \
	}
#define GOOD384                                     \
	{                                           \
		"known384", false, SHA384, &key_384 \
	}
#define NOT                                        \
	{                                          \
		"unknown", false, SHA256, &key_256 \
	}

/* clang-format off */
static const struct hello hellos[] = {
	{ "one key", 0x304, 1, 1, 29, { GOOD }, 1, CAUSE_NONE, 0, 0 },
	{ "SHA-384", 0x304, 2, 1, 29, { GOOD384 }, 1, CAUSE_NONE, 0, 0 },
	{ "a NUL at the end", 0x304, 1, 1, 29, { { "known", true, SHA256, &key_256 } }, 1, CAUSE_NONE, 0, 0 },
	{ "unknown, then known", 0x304, 1, 1, 29, { NOT, GOOD }, 2, CAUSE_NONE, 1, 0 },
	{ "wrong, then right", 0x304, 1, 1, 29, { { "known", false, SHA256, &key_no }, GOOD }, 2, CAUSE_NONE, 1, 0 },
	{ "other suite's, then right", 0x304, 1, 1, 29, { GOOD384, GOOD }, 2, CAUSE_NONE, 1, 0 },
	{ "the eighth", 0x304, 1, 1, 29, { NOT, NOT, NOT, NOT, NOT, NOT, NOT, GOOD }, 8, CAUSE_NONE, 7, 0 },
	{ "the ninth is not looked at", 0x304, 1, 1, 29, { NOT, NOT, NOT, NOT, NOT, NOT, NOT, NOT, GOOD }, 9, CAUSE_PSK_UNKNOWN, 0, 51 },
	/* who has no key sees one alert, whatever the table says */
	{ "unknown", 0x304, 1, 1, 29, { NOT }, 1, CAUSE_PSK_UNKNOWN, 0, 51 },
	{ "wrong key", 0x304, 1, 1, 29, { { "known", false, SHA256, &key_no } }, 1, CAUSE_PSK_MISMATCH, 0, 51 },
	{ "other hash", 0x304, 2, 1, 29, { { "known", false, SHA384, &key_256 } }, 1, CAUSE_PSK_HASH, 0, 51 },
	{ "other suite", 0x304, 2, 1, 29, { GOOD }, 1, CAUSE_NO_COMMON_SUITE, 0, 51 },
	{ "384 with a SHA-256 binder", 0x304, 1, 1, 29, { { "known384", false, SHA256, &key_384 } }, 1, CAUSE_PSK_HASH, 0, 51 },
	/* nothing to do with keys */
	{ "no PSK", 0x304, 1, 1, 29, { NOT }, 0, CAUSE_PSK_NONE_OFFERED, 0, 109 },
	{ "psk_ke only", 0x304, 1, 0, 29, { GOOD }, 1, CAUSE_PSK_MODE, 0, 40 },
	{ "no modes", 0x304, 1, -1, 29, { GOOD }, 1, CAUSE_PSK_MODE, 0, 40 },
	{ "CHACHA20 only", 0x304, 3, 1, 29, { GOOD }, 1, CAUSE_NO_COMMON_SUITE, 0, 40 },
	{ "TLS 1.2 by extension", 0x303, 1, 1, 29, { GOOD }, 1, CAUSE_TLS_VERSION, 0, 70 },
	{ "TLS 1.2", 0, 0, -1, 0, { NOT }, 0, CAUSE_TLS_VERSION, 0, 70 },
};
/* clang-format on */

static void every_hello_has_an_answer(void **state)
{
	static const size_t cuts[] = { 16384, 100, 7 }, steps[] = { 65536, 1 };
	static uint8_t wire[30000];
	struct out msg;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hellos) * 6; i++) {
		const struct hello *t = &hellos[i / 6];
		struct handshake *h = handshake_new(&server);
		struct fault why;
		struct buf out;
		size_t len;

		assert_int_equal(buf_init(&out, 16384), 0);
		make(&msg, t);
		len = records(&msg, cuts[i % 3], wire);
		why = feed(h, wire, len, steps[i / 3 % 2], &out);
		if (why.cause != t->cause)
			fail_msg("%s: %s", t->name, cause_name((enum cause)why.cause));
		if (t->cause == CAUSE_NONE) {
			assert_int_equal(selected(buf_readable(&out)), t->selected);
		} else {
			const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, t->alert };

			assert_int_equal(why.kind, FAULT_TLS);
			assert_int_equal(why.code, t->alert);
			assert_int_equal(buf_len(&out), sizeof(alert));
			assert_memory_equal(buf_readable(&out).ptr, alert, sizeof(alert));
		}
		handshake_free(h);
		buf_free(&out);
	}
}

static void the_log_tells_more(void **state)
{
	static uint8_t wire[5000];
	struct out msg;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hellos); i++) {
		struct handshake *h = handshake_new(&server);
		struct buf out;

		assert_int_equal(buf_init(&out, 16384), 0);
		make(&msg, &hellos[i]);
		(void)!fault_is(feed(h, wire, records(&msg, 16384, wire), 65536, &out));
		if (hellos[i].cause == CAUSE_PSK_UNKNOWN)
			assert_string_equal(handshake_detail(h), "identity \"unknown\"; nearest: known");
		if (hellos[i].cause == CAUSE_PSK_MISMATCH)
			assert_string_equal(handshake_detail(h), "identity \"known\"");
		if (hellos[i].cause == CAUSE_NONE)
			assert_string_equal(handshake_detail(h), "");
		handshake_free(h);
		buf_free(&out);
	}
}

/* A change anywhere, a cut anywhere: never a ServerHello, and never silence at the end. */
static void every_change_is_refused(void **state)
{
	struct client_hello parsed;
	struct out msg;
	size_t len;

	(void)state;
	make(&msg, &hellos[0]);
	len = msg.len;
	assert_false(fault_is(client_hello_parse(span_of(msg.bytes, len), &parsed)));
	assert_int_equal(parsed.psk_count, 1);
	assert_int_equal(parsed.truncated_len, len - 35);
	for (size_t at = 0; at < len; at++) {
		struct span all = span_of(msg.bytes, len);

		assert_true(fault_is(client_hello_parse(span_of(msg.bytes, at), &parsed)));
		msg.bytes[at] ^= 0x20;
		if (!fault_is(client_hello_parse(all, &parsed)) && parsed.psk_count)
			assert_false(client_hello_binder_ok(all, &parsed, parsed.psk[0].binder,
							    SHA256, &key_256));
		msg.bytes[at] ^= 0x20;
	}
}

/* RFC 8446 4.2.11: an identity has a byte, a binder has 32, and nothing comes after. */
static void psk_extension_is_strict(void **state)
{
	static const struct {
		const char *name;
		size_t len;
		const char *bytes;	/* of the extension's body */
	} cases[] = {
		{ "no identity", 4, "\0\0\0\0" },
		{ "empty identity", 43, "\0\6\0\0\0\0\0\0\0\41\40" },
		{ "short binder", 13, "\0\7\0\1x\0\0\0\0\0\2\1b" },
		{ "no binder", 11, "\0\7\0\1x\0\0\0\0\0\0" },
		{ "two binders for one", 77, "\0\7\0\1x\0\0\0\0\0\102\40" },
		{ "something behind", 45, "\0\7\0\1x\0\0\0\0\0\41\40" },
	};
	struct hello none = hellos[0];

	(void)state;
	none.offers = 0;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct client_hello parsed;
		struct out msg;
		size_t ext = 4 + 2 + 32 + 1 + 32 + 2 + 2 + 2;

		make(&msg, &none);
		put(&msg, 2, 41);
		put(&msg, 2, cases[i].len);
		memset(msg.bytes + msg.len, 0x20, cases[i].len);	/* binders of 32 bytes of 20h */
		memcpy(msg.bytes + msg.len, cases[i].bytes,
		       min_u64(cases[i].len,
			       cases[i].len > 40 ? (i == 1 ? 11 : 12) : cases[i].len));
		msg.len += cases[i].len;
		store_be16(msg.bytes + ext, (uint16_t)(msg.len - ext - 2));
		store_be16(msg.bytes + 2, (uint16_t)(msg.len - 4));
		if (!fault_is(client_hello_parse(span_of(msg.bytes, msg.len), &parsed)))
			fail_msg("%s is accepted", cases[i].name);
	}
}

/* A client of the last century has no extensions at all. */
static void no_extensions(void **state)
{
	uint8_t wire[5 + 4 + 2 + 32 + 1 + 2 + 2 + 2] = { 22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 1 };
	struct handshake *h = handshake_new(&server);
	struct fault why;
	struct buf out;

	(void)state;
	assert_int_equal(buf_init(&out, 16384), 0);
	memcpy(wire + sizeof(wire) - 6, "\0\2\0\57\1\0", 6);
	why = feed(h, wire, sizeof(wire), 65536, &out);
	assert_int_equal(why.cause, CAUSE_TLS_VERSION);
	assert_int_equal(why.code, 70);
	handshake_free(h);
	buf_free(&out);
}

/* --- our client against libssl's servers --- */

static int find_session(SSL *ssl, const unsigned char *id, size_t len, SSL_SESSION **ret)
{
	const struct secret *psk = SSL_get_app_data(ssl);
	const uint8_t suite[2] = { 0x13, psk->len == 48 ? 2 : 1 };

	assert_int_equal(len, 5);
	assert_memory_equal(id, "known", 5);
	*ret = SSL_SESSION_new();
	SSL_SESSION_set1_master_key(*ret, psk->bytes, psk->len);
	SSL_SESSION_set_cipher(*ret, SSL_CIPHER_find(ssl, suite));
	SSL_SESSION_set_protocol_version(*ret, TLS1_3_VERSION);
	return 1;
}

/* A self-signed certificate: what any web server has. */
static void certify(SSL_CTX *ctx)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();

	assert_true(key && cert);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* A libssl server and its two BIOs, owned by @ssl. */
struct peer {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out;
};

static void peer_init(struct peer *p, const struct secret *psk, int version)
{
	p->ctx = SSL_CTX_new(TLS_server_method());
	assert_non_null(p->ctx);
	if (psk)
		SSL_CTX_set_psk_find_session_callback(p->ctx, find_session);
	else
		certify(p->ctx);
	SSL_CTX_set_min_proto_version(p->ctx, version);
	SSL_CTX_set_max_proto_version(p->ctx, version);
	p->ssl = SSL_new(p->ctx);
	SSL_set_app_data(p->ssl, (void *)psk);
	p->in = BIO_new(BIO_s_mem());
	p->out = BIO_new(BIO_s_mem());
	SSL_set_bio(p->ssl, p->in, p->out);
	SSL_set_accept_state(p->ssl);
}

static void peer_free(struct peer *p)
{
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
}

/*
 * Until our end is done or has failed. What the server sends may come in pieces of @step bytes.
 * @rest: what is behind the handshake.
 */
static struct fault shake(struct handshake *h, struct peer *p, size_t step, struct buf *rest)
{
	enum handshake_state state = HANDSHAKE_MORE;
	struct fault why = OK;
	struct buf out;

	assert_int_equal(buf_init(&out, 16384), 0);
	for (int i = 0; i < 5000 && state == HANDSHAKE_MORE && !fault_is(why); i++) {
		struct span in = buf_readable(rest);
		size_t had = in.len;
		int n;

		why = handshake_step(h, &in, &out, &state);
		buf_consume(rest, had - in.len);
		if (buf_len(&out))
			BIO_write(p->in, buf_readable(&out).ptr, (int)buf_len(&out));
		buf_clear(&out);
		SSL_do_handshake(p->ssl);
		assert_true(buf_reserve(rest, step));
		n = BIO_read(p->out, buf_writable(rest).ptr, (int)step);
		buf_commit(rest, n > 0 ? (size_t)n : 0);
	}
	buf_free(&out);
	return why;
}

static void open_all(struct channel *c, struct buf *wire, BIO *from, const uint8_t *want,
		     size_t len)
{
	struct plain plain;
	struct mspan rec;
	size_t at = 0;
	int n;

	assert_true(buf_reserve(wire, 20000));
	while ((n = BIO_read(from, buf_writable(wire).ptr, (int)buf_writable(wire).len)) > 0)
		buf_commit(wire, (size_t)n);
	rec = (struct mspan){ wire->ptr + wire->start, buf_len(wire) };
	while (rec.len) {
		assert_false(fault_is(c->ops->open(c, &rec, NULL, &plain)));
		for (int i = 0; i < plain.count; i++) {
			assert_memory_equal(plain.piece[i].ptr, want + at, plain.piece[i].len);
			at += plain.piece[i].len;
		}
	}
	assert_int_equal(at, len);
	buf_clear(wire);
}

/* Handshake, then records both ways with key updates by either end. */
static void talk(const struct secret *psk, enum nvme_hash hash, size_t step)
{
	struct handshake_config c = { .role = TLS_CLIENT, .psk = { "known", hash, psk } };
	struct record_config rc = { .role = TLS_CLIENT };
	struct handshake *h = handshake_new(&c);
	static uint8_t text[10000], wire[20000], got[10000];
	struct channel *ch;
	struct peer p;
	struct buf rest;

	assert_int_equal(buf_init(&rest, 60000), 0);
	peer_init(&p, psk, TLS1_3_VERSION);	/* sends its two tickets: they are skipped */
	assert_false(fault_is(shake(h, &p, step, &rest)));
	SSL_do_handshake(p.ssl);
	assert_true(SSL_is_init_finished(p.ssl) && SSL_session_reused(p.ssl));
	ch = record_new(handshake_result(h), &rc);
	for (int round = 0; round < 8; round++) {
		struct mspan room = { wire, sizeof(wire) };
		struct iovec iov = { text, 5000 };

		memset(text, 'a' + round, sizeof(text));
		if (round == 2 || round == 5)
			SSL_key_update(p.ssl, round == 5 ? SSL_KEY_UPDATE_REQUESTED :
							   SSL_KEY_UPDATE_NOT_REQUESTED);
		if (round == 3)
			record_request_update(ch);
		assert_int_equal(SSL_write(p.ssl, text, sizeof(text)), sizeof(text));
		open_all(ch, &rest, p.out, text, sizeof(text));
		if (ch->events & CHANNEL_SEAL_CONTROL)
			ch->ops->seal_control(ch, &room);
		assert_false(fault_is(ch->ops->seal(ch, &iov, 1, &room)));
		BIO_write(p.in, wire, (int)(sizeof(wire) - room.len));
		assert_int_equal(SSL_read(p.ssl, got, sizeof(got)), 5000);
		assert_memory_equal(got, text, 5000);
	}
	assert_int_equal(ch->counters.key_updates_received, 3);	/* two of its own, one answer */
	assert_int_equal(ch->counters.key_updates_sent, 2);
	ch->ops->free(ch);
	handshake_free(h);
	peer_free(&p);
	buf_free(&rest);
}

static void our_client_with_libssl(void **state)
{
	(void)state;
	talk(&key_256, SHA256, 16384);
	talk(&key_256, SHA256, 1);
	talk(&key_384, SHA384, 16384);
}

/* Servers that are not for us. */
static void other_servers(void **state)
{
	static const struct {
		const char *name;
		const struct secret *psk;
		int version;
		enum cause cause;
	} cases[] = {
		{ "another key", &key_no, TLS1_3_VERSION, CAUSE_PSK_REFUSED },
		{ "a certificate, no PSK", NULL, TLS1_3_VERSION, CAUSE_PSK_REFUSED },
		{ "TLS 1.2 only", NULL, TLS1_2_VERSION, CAUSE_TLS_VERSION },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct handshake_config c = { .role = TLS_CLIENT,
					      .psk = { "known", SHA256, &key_256 } };
		struct handshake *h = handshake_new(&c);
		struct fault why;
		struct peer p;
		struct buf rest;

		assert_int_equal(buf_init(&rest, 60000), 0);
		peer_init(&p, cases[i].psk, cases[i].version);
		why = shake(h, &p, 16384, &rest);
		if (why.cause != cases[i].cause)
			fail_msg("%s: %s (%s)", cases[i].name, cause_name((enum cause)why.cause),
				 handshake_detail(h));
		assert_false(SSL_is_init_finished(p.ssl));
		handshake_free(h);
		peer_free(&p);
		buf_free(&rest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_hello_has_an_answer),
		cmocka_unit_test(the_log_tells_more),
		cmocka_unit_test(every_change_is_refused),
		cmocka_unit_test(psk_extension_is_strict),
		cmocka_unit_test(no_extensions),
		cmocka_unit_test(our_client_with_libssl),
		cmocka_unit_test(other_servers),
	};

	memset(key_256.bytes, 1, 32);
	memset(key_384.bytes, 2, 48);
	memset(key_no.bytes, 3, 32);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
