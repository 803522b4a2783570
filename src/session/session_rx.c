/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way in: wire bytes -> units -> plaintext -> stream.
 *
 * One unit (record) is opened and consumed before the next is opened. That is what makes the
 * place hint safe: it always starts from what the reader has accepted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session/session_impl.h"

#define ALERT_RECORD_OVERFLOW 22

static int recv_to(struct iovec *iov, uint8_t *ptr, size_t len)
{
	*iov = (struct iovec){ .iov_base = ptr, .iov_len = len };
	return 1;
}

/* The rest of a unit goes behind its beginning, what follows to the shared buffer. */
static int recv_iov_open(struct session *s, struct world *w, struct iovec iov[2])
{
	size_t unit;

	if (s->stream->blocked || s->held)
		return 0;
	s->recv_to_carry = 0;
	unit = s->carry_len ? s->channel->ops->frame(s->channel, span_of(s->carry, s->carry_len)) :
			      0;
	if (unit == 0)
		return recv_to(iov, w->rx, w->rx_bytes);
	s->recv_to_carry = unit - s->carry_len;
	recv_to(&iov[0], s->carry + s->carry_len, s->recv_to_carry);
	recv_to(&iov[1], w->rx, w->rx_bytes);
	return 2;
}

int session_recv_iov(struct session *s, struct world *w, struct iovec iov[2])
{
	if (!s->started || s->eof)
		return 0;
	switch (s->state) {
	case SESSION_SNIFF:
	case SESSION_HANDSHAKE:
		if (s->carry_len == SESSION_CARRY_BYTES)
			return 0;
		return recv_to(iov, s->carry + s->carry_len, SESSION_CARRY_BYTES - s->carry_len);
	case SESSION_OPEN:
		return recv_iov_open(s, w, iov);
	case SESSION_CLOSING:
		return recv_to(iov, w->rx, w->rx_bytes);
	case SESSION_JOB:
	case SESSION_DEAD:
		break;
	}
	return 0;
}

/* False: the stream is blocked, or the session has ended. */
static bool feed_piece(struct session *s, struct span *in)
{
	struct stream *st = s->stream;
	struct fault why = st->ops->input(st, in);

	if (!fault_is(why) && st->term_sent)
		why = (struct fault){ .kind = FAULT_PDU };
	if (fault_is(why)) {
		session_fail(s, why);
		return false;
	}
	s->held = st->blocked;
	assert(s->held || in->len == 0);
	return !s->held;
}

/* Give the opened pieces to the stream. False: as feed_piece(). */
static bool feed_pieces(struct session *s)
{
	for (; s->piece < s->plain.count; s->piece++)
		if (s->plain.piece[s->piece].len && !feed_piece(s, &s->plain.piece[s->piece]))
			return false;
	return true;
}

static size_t pieces_left(const struct session *s)
{
	size_t sum = 0;

	for (int i = s->piece; i < s->plain.count; i++)
		sum += s->plain.piece[i].len;
	return sum;
}

/*
 * Copy the pieces that are left in front of @end. Last piece first: a piece may lie in the
 * same memory, but never behind the place it is copied to.
 */
static void copy_pieces(const struct session *s, uint8_t *end)
{
	for (int i = s->plain.count - 1; i >= s->piece; i--) {
		end -= s->plain.piece[i].len;
		if (s->plain.piece[i].len)
			memmove(end, s->plain.piece[i].ptr, s->plain.piece[i].len);
	}
}

/*
 * Keep what a blocked stream could not take: opened pieces, also those that landed at their
 * hinted place (that memory may be given to somebody else until the stream goes on), then
 * wire bytes. What comes from the stash has room in the stash.
 */
static void keep_blocked(struct session *s)
{
	size_t plain = pieces_left(s), wire = s->wire.len, more = s->more.len;
	uint8_t *memory;

	if (s->from_stash) {
		s->stash_plain = (size_t)(s->wire.ptr - s->stash);
		assert(plain <= s->stash_plain && more == 0);
		s->stash_at = s->stash_plain - plain;
		copy_pieces(s, s->wire.ptr);
		return;
	}
	assert(!s->stash);
	if (plain + wire + more == 0)
		return;
	memory = malloc(plain + wire + more);
	if (!memory) {
		session_fail(s, fault_os(ENOMEM, CAUSE_NO_MEMORY));
		return;
	}
	copy_pieces(s, memory + plain);
	if (wire)
		memcpy(memory + plain, s->wire.ptr, wire);
	if (more)
		memcpy(memory + plain + wire, s->more.ptr, more);
	s->stash = memory;
	s->stash_at = 0;
	s->stash_plain = plain;
	s->stash_len = plain + wire + more;
}

static void keep_partial(struct session *s)
{
	assert(s->more.len == 0 && s->wire.len < SESSION_CARRY_BYTES);
	memmove(s->carry, s->wire.ptr, s->wire.len);
	s->carry_len = s->wire.len;
	s->wire.len = 0;
}

static void take_events(struct session *s)
{
	uint32_t events = s->channel->events;

	s->channel->events &= ~(uint32_t)(CHANNEL_CLOSE_NOTIFY | CHANNEL_REKEYED_RX);
	/* a peer that sends KeyUpdate takes KeyUpdate */
	if (events & CHANNEL_REKEYED_RX && s->config.role == TLS_SERVER && s->secure)
		record_set_may_update(s->channel, true);
	if (events & CHANNEL_CLOSE_NOTIFY)
		session_notified(s);
}

/* Open the unit at the front of s->wire and feed it. False: stop. */
static bool feed_unit(struct session *s)
{
	struct fault why;

	s->piece = 0;
	s->plain.count = 0;
	why = s->channel->ops->open(s->channel, &s->wire, &s->stream->place.place, &s->plain);
	if (fault_is(why)) {
		s->plain.count = 0;
		session_fail(s, why);
		return false;
	}
	if (!feed_pieces(s))
		return false;
	take_events(s);
	return s->state == SESSION_OPEN;
}

void session_feed(struct session *s)
{
	while (s->state == SESSION_OPEN && s->wire.len + s->more.len) {
		size_t unit;

		if (s->wire.len == 0) {
			s->wire = s->more;
			s->more.len = 0;
		}
		unit = s->channel->ops->frame(s->channel, span_of(s->wire.ptr, s->wire.len));
		if (unit > RECORD_WIRE_MAX && s->secure) {
			session_fail(s, (struct fault){ .kind = FAULT_TLS,
							.code = ALERT_RECORD_OVERFLOW });
			break;
		}
		if (unit == 0 || unit > s->wire.len) {
			keep_partial(s);
			break;
		}
		if (!feed_unit(s)) {
			if (s->state == SESSION_OPEN)
				keep_blocked(s);
			break;
		}
	}
	s->wire.len = s->more.len = 0;
}

static void drop_stash(struct session *s)
{
	free(s->stash);
	s->stash = NULL;
	s->stash_len = s->stash_plain = s->stash_at = 0;
}

/*
 * Also without bytes the stream's input is called: its reader may hold an event that needs
 * none (the end of a PDU).
 */
void session_resume(struct session *s)
{
	struct span plain = { 0 };
	bool taken;

	if (s->stash)
		plain = span_of(s->stash + s->stash_at, s->stash_plain - s->stash_at);
	taken = feed_piece(s, &plain);
	s->stash_at = s->stash_plain - plain.len;
	if (taken)
		take_events(s);
	if (taken && s->stash) {
		s->wire.ptr = s->stash + s->stash_plain;
		s->wire.len = s->stash_len - s->stash_plain;
		s->from_stash = true;
		session_feed(s);
		s->from_stash = false;
	}
	if (!s->held || s->state != SESSION_OPEN || s->stash_at == s->stash_len)
		drop_stash(s);
}

/* @n bytes came to where recv_iov_open() said. */
static void received_open(struct session *s, struct world *w, size_t n)
{
	size_t to_carry = n < s->recv_to_carry ? n : s->recv_to_carry;

	s->carry_len += to_carry;
	n -= to_carry;
	if (to_carry < s->recv_to_carry)
		return;
	s->wire = (struct mspan){ w->rx, n };
	if (s->recv_to_carry) {
		s->more = s->wire;
		s->wire = (struct mspan){ s->carry, s->carry_len };
	} else if (s->carry_len) {
		/* too few bytes to know the unit's length: put them in front of the rest */
		assert(s->carry_len <= WORLD_RX_HEADROOM);
		memcpy(w->rx - s->carry_len, s->carry, s->carry_len);
		s->wire = (struct mspan){ w->rx - s->carry_len, n + s->carry_len };
	}
	s->recv_to_carry = 0;
	s->carry_len = 0;
	session_feed(s);
}

void session_received(struct session *s, struct world *w, size_t n)
{
	bool early = s->state == SESSION_SNIFF || s->state == SESSION_HANDSHAKE;

	if (n == 0) {
		session_eof(s);
		return;
	}
	s->counters.bytes_rx += n;
	s->counters.recvs++;
	if (!s->greeted && s->state != SESSION_CLOSING &&
	    !session_greet(s, early ? s->carry[0] : w->rx[0]))
		return;
	if (early) {
		s->carry_len += n;
		session_hs_input(s);
	} else if (s->state == SESSION_OPEN) {
		received_open(s, w, n);
	}
}
