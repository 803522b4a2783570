/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * record: what may stand in a record. Records are made here byte by byte, from RFC 8446 5.2 and
 * not by seal(); each case is opened without and with a place hint, and the answer is the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "tls/record_impl.h"

/* The other end of @c: seals any inner bytes. */
struct peer {
	struct channel *c;
	struct aead *key;
	uint8_t iv[12];
	uint64_t seq;
};

static void peer_init(struct peer *p, enum tls_role role, uint16_t plain_max)
{
	struct handshake_result r = { .hash = NVME_HASH_SHA256, .peer_plain_max = 16384 };
	struct record_config c = { .role = role, .own_plain_max = plain_max };
	SECRET(key);
	SECRET(iv);

	r.tx.len = r.rx.len = 32;
	memset(r.tx.bytes, 't', 32);
	memset(r.rx.bytes, 'r', 32);
	assert_int_equal(kdf_expand_label(r.hash, &r.rx, "key", span_of("", 0), 16, &key), 0);
	assert_int_equal(kdf_expand_label(r.hash, &r.rx, "iv", span_of("", 0), 12, &iv), 0);
	memcpy(p->iv, iv.bytes, 12);
	p->key = aead_new(AEAD_AES_128_GCM, key.bytes);
	p->seq = 0;
	p->c = record_new(&r, &c);
	assert_true(p->c && p->key);
}

static void peer_free(struct peer *p)
{
	p->c->ops->free(p->c);
	aead_free(p->key);
}

/* Seal @len content bytes, the type, @padding zeros. Returns the record's length. */
static size_t wrap(struct peer *p, uint8_t type, const void *content, size_t len, size_t padding,
		   uint8_t *wire)
{
	static const uint8_t zeros[17000];
	struct iovec in[3] = { { (void *)content, len }, { &type, 1 }, { (void *)zeros, padding } };
	size_t inner = len + 1 + padding;
	uint8_t nonce[12];

	wire[0] = 23;
	store_be16(wire + 1, 0x0303);
	store_be16(wire + 3, (uint16_t)(inner + 16));
	memcpy(nonce, p->iv, 12);
	for (int i = 0; i < 8; i++)
		nonce[4 + i] ^= (uint8_t)(p->seq >> (56 - 8 * i));
	p->seq++;
	aead_seal(p->key, nonce, wire, 5, in, 3, wire + 5, wire + 5 + inner);
	return 5 + inner + 16;
}

/* 72 bytes to scratch, then 1000 to landing, and so on; 0 as @step: by turns, byte by byte. */
struct hint {
	struct place place;
	uint8_t landing[20000];
	size_t at, seen, step;
	bool last_placed;	/* where did the last byte go? */
};

static void begin(struct place *p)
{
	struct hint *h = (struct hint *)p;

	h->at = h->seen = 0;
	h->last_placed = false;
}

static void next(struct place *p, uint8_t **dst, size_t *len)
{
	struct hint *h = (struct hint *)p;
	size_t in_turn = h->step ? h->seen % (72 + h->step) : 0;

	if (h->step == 0) {
		*dst = h->seen & 1 ? h->landing + h->at : NULL;
		*len = 1;
		return;
	}
	*dst = in_turn < 72 ? NULL : h->landing + h->at;
	*len = in_turn < 72 ? 72 - in_turn : 72 + h->step - in_turn;
}

static void landed(struct place *p, const uint8_t *scratch, size_t n)
{
	struct hint *h = (struct hint *)p;

	h->seen += n;
	h->at += scratch ? 0 : n;
	h->last_placed = !scratch;
}

static struct hint hint = { .place = { begin, next, landed } };

/* 0: no hint. */
static struct place *hint_of(int variant)
{
	static const size_t steps[] = { 0, 0, 1000, 4096, 100000 };

	hint.step = steps[variant];
	return variant ? &hint.place : NULL;
}
#define VARIANTS 5

/* Open one record; the plaintext to @out, its length to *ret_len. */
static struct fault open_one(struct peer *p, uint8_t *wire, size_t len, struct place *place,
			     uint8_t *out, size_t *ret_len)
{
	struct mspan in = { wire, len };
	struct plain plain;
	struct fault why;

	assert_int_equal(p->c->ops->frame(p->c, span_of(wire, len)), len);
	why = p->c->ops->open(p->c, &in, place, &plain);
	assert_int_equal(in.len, 0);
	*ret_len = 0;
	if (fault_is(why))
		assert_int_equal(plain.count, 0);
	assert_true(plain.count <= PLAIN_PIECES_MAX);
	for (int i = 0; i < plain.count; i++) {
		memcpy(out + *ret_len, plain.piece[i].ptr, plain.piece[i].len);
		*ret_len += plain.piece[i].len;
	}
	return why;
}

static uint8_t content[16400], wire[34000], out[20000];

/* Content of any length with any padding comes out as it went in, wherever it lands. */
static void padding_is_cut(void **state)
{
	static const struct {
		size_t len, padding;
	} cases[] = {
		{ 1, 0 },	{ 1, 16383 }, { 0, 0 },	    { 0, 16384 }, { 100, 1 },
		{ 600, 0 },	{ 600, 600 }, { 72, 1500 }, { 4144, 0 },  { 4144, 255 },
		{ 1072, 4000 }, { 16384, 0 }, { 16383, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)(i * 31 + (i >> 8));
	memset(content + 500, 0, 100);	/* zeros at the end of content are content */
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (int v = 0; v < VARIANTS; v++) {
			struct peer p;
			size_t n, len;

			peer_init(&p, TLS_CLIENT, 0);
			n = wrap(&p, RECORD_DATA, content, cases[i].len, cases[i].padding, wire);
			assert_false(fault_is(open_one(&p, wire, n, hint_of(v), out, &len)));
			assert_int_equal(len, cases[i].len);
			assert_memory_equal(out, content, len);
			/* the content type never lands in a command's buffer */
			assert_false(hint.last_placed);
			peer_free(&p);
		}
}

/* One record of @type with @bytes to an end of role @role: the fault's alert, -1 for none. */
static void other_content(void **state)
{
	static const struct {
		const char *name;
		enum tls_role role;
		uint8_t type;
		const char *bytes;
		size_t len;
		int alert;
		enum fault_kind kind;
	} cases[] = {
		{ "close_notify", TLS_SERVER, 21, "\1\0", 2, -1, FAULT_NONE },
		{ "close_notify, level fatal", TLS_SERVER, 21, "\2\0", 2, -1, FAULT_NONE },
		{ "user_canceled", TLS_SERVER, 21, "\1\132", 2, -1, FAULT_NONE },
		{ "bad_record_mac", TLS_SERVER, 21, "\2\24", 2, 20, FAULT_TLS_PEER },
		{ "warning is fatal too", TLS_SERVER, 21, "\1\12", 2, 10, FAULT_TLS_PEER },
		{ "short alert", TLS_SERVER, 21, "\2", 1, 50, FAULT_TLS },
		{ "long alert", TLS_SERVER, 21, "\2\24\0", 3, 50, FAULT_TLS },
		{ "no alert", TLS_SERVER, 21, "", 0, 50, FAULT_TLS },
		{ "KeyUpdate", TLS_SERVER, 22, "\30\0\0\1\0", 5, -1, FAULT_NONE },
		{ "KeyUpdate, requested", TLS_SERVER, 22, "\30\0\0\1\1", 5, -1, FAULT_NONE },
		{ "KeyUpdate 2", TLS_SERVER, 22, "\30\0\0\1\2", 5, 47, FAULT_TLS },
		{ "KeyUpdate too long", TLS_SERVER, 22, "\30\0\0\2\0\0", 6, 50, FAULT_TLS },
		{ "KeyUpdate and more", TLS_SERVER, 22, "\30\0\0\1\0\30", 6, 10, FAULT_TLS },
		{ "no handshake", TLS_SERVER, 22, "", 0, 10, FAULT_TLS },
		{ "ClientHello", TLS_SERVER, 22, "\1\0\0\1\0", 5, 10, FAULT_TLS },
		{ "ticket to a client", TLS_CLIENT, 22, "\4\0\0\2ab", 6, -1, FAULT_NONE },
		{ "ticket to a server", TLS_SERVER, 22, "\4\0\0\2ab", 6, 10, FAULT_TLS },
		{ "protected CCS", TLS_SERVER, 20, "\1", 1, 10, FAULT_TLS },
		{ "type 0 and nothing else", TLS_SERVER, 0, "", 0, 10, FAULT_TLS },
		{ "unknown type", TLS_SERVER, 24, "x", 1, 10, FAULT_TLS },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (int v = 0; v < 2 * VARIANTS; v++) {
			struct peer p;
			struct fault why;
			size_t n, len;

			/* with much padding the hint is asked too, and must not matter */
			peer_init(&p, cases[i].role, 0);
			n = wrap(&p, cases[i].type, cases[i].bytes, cases[i].len,
				 v < VARIANTS ? 0 : 5000, wire);
			why = open_one(&p, wire, n, hint_of(v % VARIANTS), out, &len);
			if (why.kind != cases[i].kind ||
			    (fault_is(why) && why.code != cases[i].alert))
				fail_msg("%s: kind %d code %d", cases[i].name, why.kind, why.code);
			assert_int_equal(len, 0);
			peer_free(&p);
		}
}

/* RFC 8449: with a limit, one byte more is record_overflow, be it content or padding. */
static void limits(void **state)
{
	static const uint16_t max[] = { 63, 4096, 16384 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(max); i++)
		for (size_t pad = 0; pad < 2; pad++) {
			struct peer p;
			struct fault why;
			size_t n, len;

			peer_init(&p, TLS_SERVER, max[i]);
			n = wrap(&p, RECORD_DATA, content, max[i] - pad, pad, wire);
			assert_false(fault_is(open_one(&p, wire, n, NULL, out, &len)));
			n = wrap(&p, RECORD_DATA, content, max[i] + 1 - pad, pad, wire);
			why = open_one(&p, wire, n, NULL, out, &len);
			assert_int_equal(why.kind, FAULT_TLS);
			assert_int_equal(why.code, 22);
			peer_free(&p);
		}
}

static size_t bare(uint8_t type, const char *bytes, size_t len)
{
	wire[0] = type;
	store_be16(wire + 1, 0x0303);
	store_be16(wire + 3, (uint16_t)len);
	memcpy(wire + 5, bytes, len);
	return 5 + len;
}

/* Records without protection, records too short, and what is allowed a bounded number of times. */
static void bounded_patience(void **state)
{
	struct peer p;
	struct fault why;
	size_t n, len;

	(void)state;
	peer_init(&p, TLS_SERVER, 0);
	for (int i = 0; i < RECORD_CCS_MAX; i++)
		assert_false(fault_is(open_one(&p, wire, bare(20, "\1", 1), NULL, out, &len)));
	why = open_one(&p, wire, bare(20, "\1", 1), NULL, out, &len);
	assert_int_equal(why.code, 10);
	peer_free(&p);

	peer_init(&p, TLS_SERVER, 0);
	for (int i = 0; i < EMPTY_RECORDS_MAX; i++) {
		n = wrap(&p, RECORD_DATA, "", 0, 3, wire);
		assert_false(fault_is(open_one(&p, wire, n, NULL, out, &len)));
	}
	n = wrap(&p, RECORD_DATA, "x", 1, 0, wire);
	assert_false(fault_is(open_one(&p, wire, n, NULL, out, &len)));	/* counts from anew */
	for (int i = 0; i <= EMPTY_RECORDS_MAX; i++) {
		n = wrap(&p, RECORD_DATA, "", 0, 0, wire);
		why = open_one(&p, wire, n, NULL, out, &len);
	}
	assert_int_equal(why.code, 10);
	peer_free(&p);
}

static void unprotected_is_refused(void **state)
{
	static const struct {
		uint8_t type;
		const char *bytes;
		size_t len;
		int alert;
	} cases[] = {
		{ 20, "\2", 1, 10 }, { 20, "\1\1", 2, 10 }, { 20, "", 0, 10 }, { 21, "\1\0", 2, 10 },
		{ 22, "\30\0\0\1\0", 5, 10 }, { 0, "x", 1, 10 }, { 23, "", 0, 20 },
		{ 23, "0123456789abcdef", 16, 20 }, { 23, "0123456789abcdefg", 17, 20 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct peer p;
		struct fault why;
		size_t len;

		peer_init(&p, TLS_SERVER, 0);
		why = open_one(&p, wire, bare(cases[i].type, cases[i].bytes, cases[i].len), NULL,
			       out, &len);
		assert_int_equal(why.kind, FAULT_TLS);
		assert_int_equal(why.code, cases[i].alert);
		peer_free(&p);
	}
}

/* A message in several records: fine if nothing comes between (RFC 8446 5.1). */
static void messages_in_parts(void **state)
{
	static const char ticket[] = "\4\0\0\14hello ticket";
	struct peer p;
	size_t n, len;

	(void)state;
	peer_init(&p, TLS_CLIENT, 0);
	for (size_t i = 0; i < sizeof(ticket) - 1; i++) {
		n = wrap(&p, RECORD_HANDSHAKE, ticket + i, 1, 0, wire);
		assert_false(fault_is(open_one(&p, wire, n, NULL, out, &len)));
	}
	n = wrap(&p, RECORD_HANDSHAKE, "\30\0\0", 3, 0, wire);
	assert_false(fault_is(open_one(&p, wire, n, NULL, out, &len)));
	n = wrap(&p, RECORD_HANDSHAKE, "\1\1", 2, 0, wire);
	assert_false(fault_is(open_one(&p, wire, n, NULL, out, &len)));
	assert_true(p.c->events & CHANNEL_REKEYED_RX);
	assert_true(p.c->events & CHANNEL_SEAL_CONTROL);	/* ours is asked for */
	peer_free(&p);

	for (size_t cut = 1; cut < sizeof(ticket) - 1; cut++) {
		peer_init(&p, TLS_CLIENT, 0);
		n = wrap(&p, RECORD_HANDSHAKE, ticket, cut, 0, wire);
		assert_false(fault_is(open_one(&p, wire, n, NULL, out, &len)));
		n = wrap(&p, RECORD_DATA, "data", 4, 0, wire);
		assert_int_equal(open_one(&p, wire, n, NULL, out, &len).code, 10);
		peer_free(&p);
	}
}

/* The application data record of the client in RFC 8448 section 3: opened, and sealed. */
static void rfc_8448_record(void **state)
{
	static const char hex[] =
		"1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd5"
		"4a9a20441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4";
	static const char secret[] = "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5";
	struct handshake_result r = { .hash = NVME_HASH_SHA256, .peer_plain_max = 16384 };
	struct record_config config = { .role = TLS_SERVER };
	uint8_t want[80], got[100], text[50];
	struct iovec in = { text, sizeof(text) };
	struct mspan room = { got, sizeof(got) }, rec;
	struct channel *c;
	struct plain plain;
	size_t n = strlen(hex) / 2;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)i;
	assert_int_equal(hex_decode(want, sizeof(want), hex, strlen(hex)), n);
	r.tx.len = r.rx.len = 32;
	hex_decode(r.tx.bytes, 32, secret, 64);
	hex_decode(r.rx.bytes, 32, secret, 64);
	c = record_new(&r, &config);
	assert_non_null(c);
	assert_false(fault_is(c->ops->seal(c, &in, 1, &room)));
	assert_int_equal(sizeof(got) - room.len, n);
	assert_memory_equal(got, want, n);
	rec = (struct mspan){ want, n };
	assert_false(fault_is(c->ops->open(c, &rec, NULL, &plain)));
	assert_int_equal(plain.count, 1);
	assert_int_equal(plain.piece[0].len, 50);
	assert_memory_equal(plain.piece[0].ptr, text, 50);
	c->ops->free(c);
}

/* At the limit of RFC 8446 5.5 a sender that may not update stops, and had said so in time. */
static void stops_at_the_key_limit(void **state)
{
	struct iovec in = { content, 100 };
	struct mspan room = { wire, sizeof(wire) };
	struct record *r;
	struct peer p;

	(void)state;
	peer_init(&p, TLS_CLIENT, 0);
	r = (struct record *)p.c;
	r->tx.seq = RECORD_LIMIT - 1;
	assert_false(fault_is(p.c->ops->seal(p.c, &in, 1, &room)));
	assert_false(p.c->events & CHANNEL_SEAL_CONTROL);
	assert_int_equal(p.c->ops->seal(p.c, &in, 1, &room).cause, CAUSE_TLS_KEY_LIMIT);
	record_set_may_update(p.c, true);
	r->tx.seq--;
	assert_false(fault_is(p.c->ops->seal(p.c, &in, 1, &room)));
	assert_true(p.c->events & CHANNEL_SEAL_CONTROL);
	p.c->ops->seal_control(p.c, &room);
	assert_false(fault_is(p.c->ops->seal(p.c, &in, 1, &room)));
	assert_int_equal(p.c->counters.key_updates_sent, 1);
	peer_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(padding_is_cut),
		cmocka_unit_test(other_content),
		cmocka_unit_test(limits),
		cmocka_unit_test(bounded_patience),
		cmocka_unit_test(unprotected_is_refused),
		cmocka_unit_test(messages_in_parts),
		cmocka_unit_test(rfc_8448_record),
		cmocka_unit_test(stops_at_the_key_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
