/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Properties of record open():
 *  - plaintext does not depend on the place hint, nor on how it cuts the record;
 *  - a record that was changed anywhere is refused, and nothing of it comes out;
 *  - bytes that were never sealed are refused without harm.
 *
 * Input: 1 byte kind, 1 byte seed, 2 bytes where to change, then plaintext or raw wire bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "tls/record.h"

#define MUST(x)                  \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct scatter {
	struct place place;
	uint8_t landing[20000];
	size_t used;
	uint32_t seed;
};

static void begin(struct place *p)
{
	((struct scatter *)p)->used = 0;
}

static void next(struct place *p, uint8_t **dst, size_t *len)
{
	struct scatter *s = (struct scatter *)p;

	s->seed = s->seed * 1664525u + 1013904223u;
	*dst = s->seed >> 16 & 1 ? s->landing + s->used : NULL;
	*len = 1 + (s->seed >> 20) % 900;
	if (s->used + *len > sizeof(s->landing))
		*dst = NULL;
}

static void landed(struct place *p, const uint8_t *scratch, size_t n)
{
	if (!scratch)
		((struct scatter *)p)->used += n;
}

static struct channel *end(enum tls_role role)
{
	struct handshake_result r = { .hash = NVME_HASH_SHA256, .peer_plain_max = 16384 };
	struct record_config c = { .role = role };
	struct channel *ch;

	r.tx.len = r.rx.len = 32;
	memset(r.tx.bytes, role == TLS_CLIENT, 32);
	memset(r.rx.bytes, role != TLS_CLIENT, 32);
	ch = record_new(&r, &c);
	MUST(ch);
	return ch;
}

/* Open @wire with @place; the plaintext to @out. Returns its length, or -1. */
static long open_all(struct mspan wire, struct place *place, uint8_t *out)
{
	struct channel *c = end(TLS_SERVER);
	struct plain plain;
	long n = 0;

	while (wire.len && n >= 0) {
		size_t unit = c->ops->frame(c, span_of(wire.ptr, wire.len));

		if (unit == 0 || unit > wire.len)
			break;
		if (fault_is(c->ops->open(c, &wire, place, &plain))) {
			MUST(plain.count == 0);
			n = -1;
			break;
		}
		for (int i = 0; i < plain.count; i++) {
			memcpy(out + n, plain.piece[i].ptr, plain.piece[i].len);
			n += (long)plain.piece[i].len;
		}
	}
	c->ops->free(c);
	return n;
}

static void sealed(const uint8_t *data, size_t size, uint32_t seed, uint16_t where)
{
	static uint8_t wire[20000], copy[20000], a[20000], b[20000];
	static struct scatter s = { { begin, next, landed }, { 0 }, 0, 0 };
	struct channel *c = end(TLS_CLIENT);
	struct mspan room = { wire, sizeof(wire) };
	struct iovec iov = { (void *)data, min_u64(size, 16384) };
	size_t len;

	MUST(!fault_is(c->ops->seal(c, &iov, 1, &room)));
	c->ops->free(c);
	len = sizeof(wire) - room.len;
	s.seed = seed;
	memcpy(copy, wire, len);
	MUST(open_all((struct mspan){ copy, len }, &s.place, a) == (long)iov.iov_len);
	memcpy(copy, wire, len);
	MUST(open_all((struct mspan){ copy, len }, NULL, b) == (long)iov.iov_len);
	MUST(memcmp(a, b, iov.iov_len) == 0 && memcmp(a, data, iov.iov_len) == 0);
	memcpy(copy, wire, len);
	copy[5 + where % (len - 5)] ^= (uint8_t)(1u << seed % 8);
	MUST(open_all((struct mspan){ copy, len }, &s.place, a) == -1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t copy[70000], out[70000];

	if (size < 5 || size > 65000)
		return 0;
	if (data[0] & 1) {
		sealed(data + 4, size - 4, data[1], load_le16(data + 2));
		return 0;
	}
	memcpy(copy, data + 1, size - 1);
	/* a tag that verifies by chance would be a find */
	MUST(open_all((struct mspan){ copy, size - 1 }, NULL, out) <= 0);
	return 0;
}
