/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rule of the place hint: a record that holds header, data and response is opened in place
 * before its tag is known, and yet nothing happens but by its tag. Every byte of such a record is
 * changed once; no byte reaches the stream, no command completes, nothing outside of the
 * command's own buffer is written, and the connection ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "session/session_impl.h"
#include "session_pair.h"

/* One end with known traffic secrets, without a handshake. */
static void open_end(struct pair *p, struct session *s, enum nvme_hash hash, bool server)
{
	struct handshake_result r = { .hash = hash, .peer_plain_max = 16384 };
	struct record_config rc = { .own_plain_max = 16384 };

	r.tx.len = r.rx.len = hash == NVME_HASH_SHA384 ? 48 : 32;
	memset(r.tx.bytes, server ? 's' : 'c', r.tx.len);
	memset(r.rx.bytes, server ? 'c' : 's', r.rx.len);
	s->channel = record_new(&r, &rc);
	assert_non_null(s->channel);
	s->state = SESSION_OPEN;
	s->secure = s->greeted = true;
	(void)p;
}

static void open_pair(struct pair *p, enum nvme_hash hash, uint32_t commands)
{
	struct pair_config c = { .client = SESSION_TLS, .server = SESSION_TLS,
				 .commands = commands };

	pair_init(p, &c);
	open_end(p, &p->cs, hash, false);
	open_end(p, &p->ss, hash, true);
}

/* What the client's stream looks like from outside. */
struct stream_state {
	struct pdu_reader reader;
	uint32_t sent, done, read_bytes[TINY_DEPTH];
	int inputs;
};

static struct stream_state state_of(const struct tiny *t)
{
	struct stream_state s;

	memset(&s, 0, sizeof(s));
	s.reader = t->s.reader;
	s.sent = t->sent;
	s.done = t->done;
	memcpy(s.read_bytes, t->read_bytes, sizeof(s.read_bytes));
	s.inputs = t->inputs;
	return s;
}

static struct pair pair;

/* The first command's answer: one record with C2HData header, 4 KiB, CapsuleResp. */
static size_t answer(struct pair *p, enum nvme_hash hash, uint8_t *record, size_t size)
{
	size_t len;

	open_pair(p, hash, 1);
	pair_side(p, &p->cs);
	while (p->up.len)
		pair_side(p, &p->ss);
	len = p->down.len;
	assert_int_equal(len, 24 + 4096 + 24 + RECORD_OVERHEAD);
	assert_true(len <= size);
	memcpy(record, p->down.bytes, len);
	return len;
}

/* Give @record to the client in one piece. */
static void deliver(struct pair *p, const uint8_t *record, size_t len)
{
	p->down.bytes = realloc(p->down.bytes, len);
	assert_non_null(p->down.bytes);
	memcpy(p->down.bytes, record, len);
	p->down.len = p->down.cap = len;
	while (p->down.len && p->cs.state == SESSION_OPEN)
		pair_side(p, &p->cs);
}

static void unchanged_outside(const struct tiny *t)
{
	for (uint32_t slot = 0; slot < TINY_DEPTH; slot++)
		for (uint32_t i = slot ? 0 : 4096; i < TINY_DATA_MAX; i++)
			if (t->buf[slot][i] != 0)
				fail_msg("byte %u of buffer %u was written", i, slot);
}

static void flip(enum nvme_hash hash)
{
	static uint8_t record[8192];
	struct pair *p = &pair;
	size_t len = answer(p, hash, record, sizeof(record));

	/* as it is: it lands in place, and the command completes */
	p->client.s.finish = false;
	deliver(p, record, len);
	assert_int_equal(p->client.done, 1);
	assert_int_equal(p->client.landed, 4096);
	pair_free(p);

	for (size_t at = 0; at < len; at++) {
		struct stream_state before, after;
		bool waits;

		open_pair(p, hash, 1);
		pair_side(p, &p->cs); /* the command is outstanding */
		before = state_of(&p->client);
		record[at] ^= (uint8_t)(1u << at % 8);
		/* a longer record is waited for; its rest makes it whole, and wrong */
		waits = load_be16(record + 3) > len - RECORD_HEADER_LEN;
		deliver(p, record, len);
		after = state_of(&p->client);
		record[at] ^= (uint8_t)(1u << at % 8);
		assert_memory_equal(&before, &after, sizeof(before));
		if (p->cs.state == SESSION_OPEN)
			assert_true(waits);
		else
			assert_int_equal(p->cs.why.kind, FAULT_TLS);
		assert_int_equal(p->client.ends, p->cs.state != SESSION_OPEN);
		if (at % 128 == 0)
			unchanged_outside(&p->client);
		pair_free(p);
	}
}

static void aes_128(void **state)
{
	(void)state;
	flip(NVME_HASH_SHA256);
}

static void aes_256(void **state)
{
	(void)state;
	flip(NVME_HASH_SHA384);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aes_128),
		cmocka_unit_test(aes_256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
