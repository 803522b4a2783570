/* SPDX-License-Identifier: BSD-3-Clause */
/* Record protection: RFC 8446 5.1 to 5.5. */
#include "tls/record.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "tls/record_impl.h"

#define IOV_MAX_SEAL 128	/* pieces that one seal() gathers */
#define PLACE_MIN    512	/* inner bytes below which a copy costs less than cutting the cipher */

static struct record *of(struct channel *c)
{
	return (struct record *)c;
}

/* 5.3: the sequence number, padded to the left, XORed with the IV. */
static void make_nonce(const struct record_half *half, uint8_t nonce[AEAD_NONCE_LEN])
{
	memcpy(nonce, half->iv, AEAD_NONCE_LEN);
	store_be64(nonce + 4, load_be64(nonce + 4) ^ half->seq);
}

/* --- seal --- */

void record_seal_typed(struct record *r, enum record_type type, const struct iovec *in,
		       int in_count, size_t len, struct mspan *wire)
{
	uint8_t nonce[AEAD_NONCE_LEN], inner_type = (uint8_t)type, *p = wire->ptr;
	struct iovec iov[IOV_MAX_SEAL + 1];
	size_t total = RECORD_OVERHEAD + len;

	assert(in_count <= IOV_MAX_SEAL && wire->len >= total);
	for (int i = 0; i < in_count; i++)
		iov[i] = in[i];
	iov[in_count] = (struct iovec){ &inner_type, 1 };
	p[0] = RECORD_DATA;
	store_be16(p + 1, 0x0303);
	store_be16(p + 3, (uint16_t)(len + 1 + AEAD_TAG_LEN));
	make_nonce(&r->tx, nonce);
	aead_seal(r->tx.aead, nonce, p, RECORD_HEADER_LEN, iov, in_count + 1, p + RECORD_HEADER_LEN,
		  p + RECORD_HEADER_LEN + len + 1);
	r->tx.seq++;
	r->tx.bytes += len;
	r->channel.counters.records_tx++;
	wire->ptr += total;
	wire->len -= total;
}

static struct fault record_seal(struct channel *c, const struct iovec *in, int in_count,
				struct mspan *wire)
{
	struct record *r = of(c);
	size_t len = 0;

	for (int i = 0; i < in_count; i++)
		len += in[i].iov_len;
	assert(len >= 1 && len <= c->plain_max);
	if (r->dead)
		return record_fault(ALERT_INTERNAL_ERROR, CAUSE_NO_MEMORY);
	if (r->tx.seq >= RECORD_LIMIT)
		return record_fault(ALERT_CLOSE_NOTIFY, CAUSE_TLS_KEY_LIMIT);
	record_seal_typed(r, RECORD_DATA, in, in_count, len, wire);
	record_check_limit(r);
	return OK;
}

static void record_seal_control(struct channel *c, struct mspan *wire)
{
	struct record *r = of(c);

	c->events &= ~(uint32_t)CHANNEL_SEAL_CONTROL;
	if (r->update_due && !r->dead)
		record_send_update(r, wire);
	if (r->alert_due) {
		uint8_t alert[2] = { r->alert == ALERT_CLOSE_NOTIFY ? 1 : 2, r->alert };
		struct iovec in = { alert, sizeof(alert) };

		r->alert_due = false;
		record_seal_typed(r, RECORD_ALERT, &in, 1, sizeof(alert), wire);
	}
}

static void record_say(struct channel *c, uint8_t alert)
{
	struct record *r = of(c);

	r->alert_due = true;
	r->alert = alert;
	c->events |= CHANNEL_SEAL_CONTROL;
}

/* --- open --- */

static size_t record_frame(const struct channel *c, struct span wire)
{
	(void)c;
	return wire.len < RECORD_HEADER_LEN ? 0 :
					      (size_t)RECORD_HEADER_LEN + load_be16(wire.ptr + 3);
}

static void add_piece(struct plain *out, const uint8_t *ptr, size_t n)
{
	struct span *last = out->count ? &out->piece[out->count - 1] : NULL;

	if (last && last->ptr + last->len == ptr)
		last->len += n;
	else
		out->piece[out->count++] = span_of(ptr, n);
}

/*
 * Open @inner bytes at @cipher to where @place says, tag not looked at yet. The last byte always
 * goes to scratch: it is the content type, or padding, and never data.
 */
static void open_placed(struct record *r, struct place *place, const uint8_t *cipher, size_t inner,
			struct plain *out)
{
	size_t at = 0;

	place->begin(place);
	while (at < inner) {
		uint8_t *dst = NULL;
		size_t n = inner - at, left = inner - at;

		if (out->count < PLAIN_PIECES_MAX - 2 && left > 1)
			place->next(place, &dst, &n);
		if (dst && n >= left)
			n = left - 1;
		n = min_u64(n, left);
		aead_open_update(r->rx.aead, dst ? dst : r->scratch + at, cipher + at, n);
		place->landed(place, dst ? NULL : r->scratch + at, n);
		add_piece(out, dst ? dst : r->scratch + at, n);
		at += n;
	}
}

/* Decrypt the record's body; true if its tag verifies. */
static bool decrypt(struct record *r, const uint8_t *rec, size_t body, struct place *place,
		    struct plain *out)
{
	const uint8_t *cipher = rec + RECORD_HEADER_LEN;
	size_t inner = body - AEAD_TAG_LEN;
	uint8_t nonce[AEAD_NONCE_LEN];

	make_nonce(&r->rx, nonce);
	if (!place || inner < PLACE_MIN) {
		add_piece(out, r->scratch, inner);
		return aead_open(r->rx.aead, nonce, rec, RECORD_HEADER_LEN, r->scratch, cipher,
				 inner, cipher + inner);
	}
	aead_open_begin(r->rx.aead, nonce, rec, RECORD_HEADER_LEN);
	open_placed(r, place, cipher, inner, out);
	return aead_open_end(r->rx.aead, cipher + inner);
}

/* 5.4: the last byte that is not zero is the type; what is behind it is padding. -1: there is none. */
static int strip_type(struct plain *out)
{
	while (out->count) {
		struct span *last = &out->piece[out->count - 1];

		while (last->len && last->ptr[last->len - 1] == 0)
			last->len--;
		if (last->len) {
			last->len--;
			return last->ptr[last->len];
		}
		out->count--;
	}
	return -1;
}

/* Content that is not data is short or of no interest: collect it in scratch. */
static struct span flatten(struct record *r, struct plain *out)
{
	size_t at = 0;

	for (int i = 0; i < out->count; i++) {
		memmove(r->scratch + at, out->piece[i].ptr, out->piece[i].len);
		at += out->piece[i].len;
	}
	out->count = 0;
	return span_of(r->scratch, at);
}

/* RFC 8446 6: the peer's alert as a named cause. */
static struct fault received_alert(struct record *r, struct span content)
{
	if (content.len != 2)
		return record_fault(ALERT_DECODE_ERROR, CAUSE_TLS_PROTOCOL);
	if (content.ptr[1] == ALERT_USER_CANCELED)
		return OK;
	if (content.ptr[1] == ALERT_CLOSE_NOTIFY) {
		r->channel.events |= CHANNEL_CLOSE_NOTIFY;
		return OK;
	}
	return (struct fault){ FAULT_TLS_PEER,
			       content.ptr[1] == ALERT_BAD_RECORD_MAC ? CAUSE_TLS_BAD_RECORD :
									CAUSE_TLS_ALERT,
			       content.ptr[1], 0 };
}

static struct fault dispatch(struct record *r, struct plain *out)
{
	int type = strip_type(out);
	size_t sum = 0;

	for (int i = 0; i < out->count; i++)
		sum += out->piece[i].len;
	switch (type) {
	case RECORD_DATA:
		r->rx.bytes += sum;
		r->empty_run = sum ? 0 : r->empty_run + 1;
		/* 5.1: nothing may come between the parts of a handshake message */
		if (r->empty_run > EMPTY_RECORDS_MAX || r->hs_have || r->hs_skip)
			return record_fault(ALERT_UNEXPECTED_MESSAGE, CAUSE_TLS_PROTOCOL);
		return OK;
	case RECORD_ALERT:
		return received_alert(r, flatten(r, out));
	case RECORD_HANDSHAKE:
		if (sum == 0)
			return record_fault(ALERT_UNEXPECTED_MESSAGE, CAUSE_TLS_PROTOCOL);
		return record_handshake_bytes(r, flatten(r, out));
	default:
		return record_fault(ALERT_UNEXPECTED_MESSAGE, CAUSE_TLS_PROTOCOL);
	}
}

/* Records that are not protected: CCS of middlebox mode is ignored, the rest is out of place. */
static struct fault unprotected(struct record *r, const uint8_t *rec, size_t body)
{
	if (rec[0] == RECORD_CCS && body == 1 && rec[5] == 1 && ++r->ccs_seen <= RECORD_CCS_MAX)
		return OK;
	return record_fault(ALERT_UNEXPECTED_MESSAGE, CAUSE_TLS_PROTOCOL);
}

static struct fault open_one(struct record *r, const uint8_t *rec, size_t body, struct place *place,
			     struct plain *ret)
{
	if (rec[0] != RECORD_DATA)
		return unprotected(r, rec, body);
	/* 5.2, 5.4 and RFC 8449 4: the limit holds for content, type and padding together */
	if (body > (size_t)r->config.own_plain_max + 1 + AEAD_TAG_LEN)
		return record_fault(ALERT_RECORD_OVERFLOW, CAUSE_TLS_PROTOCOL);
	if (body < AEAD_TAG_LEN + 1)
		return record_fault(ALERT_BAD_RECORD_MAC, CAUSE_TLS_BAD_RECORD);
	if (!decrypt(r, rec, body, place, ret)) {
		explicit_bzero(r->scratch, sizeof(r->scratch));
		ret->count = 0;
		return record_fault(ALERT_BAD_RECORD_MAC, CAUSE_TLS_BAD_RECORD);
	}
	r->rx.seq++;
	r->channel.counters.records_rx++;
	return dispatch(r, ret);
}

static struct fault record_open(struct channel *c, struct mspan *wire, struct place *place,
				struct plain *ret)
{
	struct record *r = of(c);
	size_t size = record_frame(c, span_of(wire->ptr, wire->len));
	const uint8_t *rec = wire->ptr;
	struct fault why;

	assert(size && wire->len >= size && !r->dead);
	wire->ptr += size;
	wire->len -= size;
	ret->count = 0;
	why = open_one(r, rec, size - RECORD_HEADER_LEN, place, ret);
	if (fault_is(why)) {
		ret->count = 0;
		r->dead = true;
	}
	return why;
}

static void record_free(struct channel *c)
{
	struct record *r = of(c);

	aead_free(r->tx.aead);
	aead_free(r->rx.aead);
	explicit_bzero(r, sizeof(*r));
	free(r);
}

static const struct channel_ops record_ops = {
	.name = "record",
	.frame = record_frame,
	.open = record_open,
	.seal = record_seal,
	.seal_control = record_seal_control,
	.say = record_say,
	.free = record_free,
};

struct channel *record_new(const struct handshake_result *hs, const struct record_config *config)
{
	struct record *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->channel.ops = &record_ops;
	r->channel.plain_max = (uint32_t)min_u64(hs->peer_plain_max, TLS_RECORD_PLAIN_MAX);
	r->channel.overhead = RECORD_OVERHEAD;
	r->config = *config;
	if (!r->config.own_plain_max || r->config.own_plain_max > TLS_RECORD_PLAIN_MAX)
		r->config.own_plain_max = TLS_RECORD_PLAIN_MAX;
	r->hash = hs->hash;
	secret_copy(&r->tx.secret, &hs->tx);
	secret_copy(&r->rx.secret, &hs->rx);
	if (record_half_key(r, &r->tx) == 0 && record_half_key(r, &r->rx) == 0)
		return &r->channel;
	record_free(&r->channel);
	return NULL;
}
