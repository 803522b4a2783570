/* SPDX-License-Identifier: BSD-3-Clause */
#include "session/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "session/session_impl.h"

/* After an alert: time for the peer to read it and close. Also where no time is configured. */
#define ALERT_LINGER_NS NS_PER_SEC

int session_init(struct session *s, const struct session_config *config, struct stream *stream)
{
	*s = (struct session){ .config = *config, .stream = stream };
	s->config.record.role = config->role;
	if (config->tls == SESSION_CLEAR) {
		s->channel = channel_clear_new();
		return s->channel ? 0 : -ENOMEM;
	}
	s->out_cap = SESSION_OUT_BYTES;
	s->carry = malloc(SESSION_CARRY_BYTES);
	s->out = malloc(s->out_cap);
	if (s->carry && s->out)
		return 0;
	session_free(s);
	return -ENOMEM;
}

void session_free(struct session *s)
{
	assert(s->state != SESSION_JOB);
	handshake_free(s->handshake);
	if (s->channel)
		s->channel->ops->free(s->channel);
	free(s->carry);
	free(s->out);
	free(s->stash);
	*s = (struct session){ .state = SESSION_DEAD };
}

void session_start(struct session *s, uint64_t now_ns)
{
	assert(!s->started);
	if (s->state == SESSION_DEAD)
		return;
	s->started = true;
	if (s->config.handshake_timeout_ns)
		s->deadline_ns = now_ns + s->config.handshake_timeout_ns;
	if (s->config.tls == SESSION_CLEAR) {
		session_open_clear(s);
	} else if (s->config.role == TLS_CLIENT) {
		s->state = SESSION_HANDSHAKE;
		s->job_due = true; /* the ClientHello */
	}
}

/* The cause where the detector left it to us. */
static struct fault with_cause(struct fault why)
{
	static const uint8_t causes[] = {
		[FAULT_NONE] = CAUSE_NONE,	  [FAULT_OS] = CAUSE_OS,
		[FAULT_TLS] = CAUSE_TLS_PROTOCOL, [FAULT_TLS_PEER] = CAUSE_TLS_ALERT,
		[FAULT_PDU] = CAUSE_PDU_INVALID,  [FAULT_PDU_PEER] = CAUSE_PDU_TERM,
		[FAULT_NVME] = CAUSE_PROTOCOL,
	};

	if (why.cause == CAUSE_NONE)
		why.cause = causes[why.kind];
	return why;
}

static void describe(struct session *s, struct fault why)
{
	switch (why.kind) {
	case FAULT_TLS:
	case FAULT_TLS_PEER:
		snprintf(s->detail, sizeof(s->detail), "TLS alert %u %s", why.code,
			 why.kind == FAULT_TLS ? "sent" : "received");
		break;
	case FAULT_PDU:
	case FAULT_PDU_PEER:
		snprintf(s->detail, sizeof(s->detail), "TermReq %s: FES %u (%s), FEI %u",
			 why.kind == FAULT_PDU ? "sent" : "received", why.code,
			 nvme_tcp_fes_str(why.code), why.at);
		break;
	default:
		break;
	}
}

/* The first reason wins; what follows from it is no news. */
static void decide(struct session *s, struct fault why)
{
	if (s->ending)
		return;
	s->ending = true;
	s->why = with_cause(why);
	if (!s->detail[0])
		describe(s, s->why);
}

/*
 * The stream may let go of all memory at its end, so nothing of it may be left in the
 * writer then.
 */
static void end_stream(struct session *s)
{
	if (s->stream_ended)
		return;
	s->stream_ended = true;
	s->stream->ops->end(s->stream, s->why);
}

void session_die(struct session *s)
{
	if (s->state == SESSION_DEAD)
		return;
	assert(s->state != SESSION_JOB);
	s->state = SESSION_DEAD;
	s->ending = true;
	s->out_head = s->out_tail = 0;
	s->wire = s->more = (struct mspan){ 0 };
	pdu_writer_drop_all(&s->stream->writer);
	end_stream(s);
}

static void enter_closing(struct session *s, uint64_t linger_ns, bool await_eof)
{
	s->state = SESSION_CLOSING;
	s->wire = s->more = (struct mspan){ 0 };
	s->deadline_ns = 0;
	s->linger_ns = linger_ns ? linger_ns : ALERT_LINGER_NS;
	s->await_eof = await_eof;
}

static void fail_tls(struct session *s, struct fault why)
{
	pdu_writer_drop_all(&s->stream->writer);
	s->said = true;
	/* without a channel the handshake's alert is in @out already */
	if (s->channel && s->channel->ops->say)
		s->channel->ops->say(s->channel, (uint8_t)why.code);
	enter_closing(s, ALERT_LINGER_NS, true);
	end_stream(s);
}

/* Not a byte more; then see whether the peer closes. */
static void abandon(struct session *s)
{
	pdu_writer_drop_all(&s->stream->writer);
	s->out_head = s->out_tail = 0;
	s->said = s->fin = true;
	enter_closing(s, s->config.linger_ns, true);
	end_stream(s);
}

/*
 * A TermReq cannot come in the middle of another PDU. What was begun is finished if it fits
 * the send buffer; else the connection just ends, as the specification allows.
 */
static void fail_pdu(struct session *s, struct fault why)
{
	struct stream *st = s->stream;
	bool ours = s->config.role == TLS_CLIENT;

	if (!st->term_sent) {
		pdu_writer_drop_rest(&st->writer);
		if (st->writer.used && s->secure)
			session_seal(s);
		if (st->writer.used || s->state == SESSION_DEAD) {
			session_die(s);
			return;
		}
		stream_term(st, ours ? NVME_TCP_H2C_TERM : NVME_TCP_C2H_TERM, why,
			    pdu_reader_bad_hdr(&st->reader));
	}
	s->said = true; /* the TermReq is the last word */
	enter_closing(s, s->config.linger_ns, true);
	end_stream(s);
}

void session_fail(struct session *s, struct fault why)
{
	enum session_state was = s->state;

	if (was == SESSION_DEAD)
		return;
	decide(s, why);
	if (was == SESSION_JOB) {
		s->job_abort = true;
	} else if (was == SESSION_CLOSING || !s->started) {
		session_die(s);
	} else if (why.kind == FAULT_TLS) {
		fail_tls(s, why);
	} else if (why.kind == FAULT_PDU && was == SESSION_OPEN) {
		fail_pdu(s, why);
	} else if ((why.kind == FAULT_NONE || why.kind == FAULT_NVME) && was == SESSION_OPEN) {
		enter_closing(s, s->config.linger_ns, false);
		session_closing(s);
	} else if (s->config.await_close && was == SESSION_OPEN) {
		abandon(s);
	} else {
		session_die(s);
	}
}

void session_close(struct session *s, struct fault why)
{
	if (s->state != SESSION_CLOSING)
		session_fail(s, why);
}

/* Has everything been sealed and sent that is to be sent? */
static bool all_sent(const struct session *s)
{
	return s->stream->writer.used == 0 && s->out_head == s->out_tail &&
	       !(s->channel && s->channel->events & CHANNEL_SEAL_CONTROL);
}

void session_closing(struct session *s)
{
	if (s->stream->writer.used == 0 && !s->said) {
		s->said = true;
		end_stream(s);
		if (s->channel->ops->say)
			s->channel->ops->say(s->channel, 0);
	}
	if (s->said && all_sent(s) && !(s->await_eof && !s->eof))
		session_die(s);
}

/* Where the connection stands decides what a bare end of it means. */
static enum cause eof_cause(const struct session *s)
{
	const struct stream *st = s->stream;
	enum cause cause = CAUSE_NONE;

	if (s->state != SESSION_OPEN && s->config.role == TLS_SERVER && !s->greeted)
		return CAUSE_CLOSED_SILENT;
	if (s->state != SESSION_OPEN)
		return s->handshake ? handshake_eof_cause(s->handshake) : CAUSE_PEER_CLOSED;
	if (st->ops->eof_cause)
		cause = st->ops->eof_cause(st);
	if (cause == CAUSE_NONE && (pdu_reader_in_pdu(&st->reader) || s->carry_len))
		cause = CAUSE_PEER_CLOSED;
	return st->finish ? CAUSE_NONE : cause;
}

/* Whatever we still have to say, nobody listens: NVMe/TCP knows no half-closed connection. */
static void peer_gone(struct session *s, int err, enum cause bare)
{
	bool was_open = s->state == SESSION_OPEN;
	enum cause cause;

	if (s->state == SESSION_OPEN || s->state == SESSION_HANDSHAKE ||
	    s->state == SESSION_SNIFF) {
		cause = eof_cause(s);
		if (cause == CAUSE_PEER_CLOSED)
			cause = bare;
		decide(s, cause == CAUSE_NONE ? OK : fault_os(err, cause));
		if (s->handshake && !s->detail[0])
			snprintf(s->detail, sizeof(s->detail), "%s",
				 handshake_detail(s->handshake));
	}
	if (s->config.await_close && was_open && !s->eof)
		abandon(s);
	else
		session_die(s);
}

void session_eof(struct session *s)
{
	s->eof = true;
	s->peer_closed = !s->own_end;
	peer_gone(s, EPIPE, CAUSE_PEER_CLOSED);
}

void session_notified(struct session *s)
{
	if (!s->config.await_close)
		s->eof = true;
	peer_gone(s, EPIPE, CAUSE_PEER_CLOSED);
}

void session_socket_error(struct session *s, int err)
{
	static const struct {
		int err;
		enum cause cause;
	} causes[] = {
		{ ECONNREFUSED, CAUSE_REFUSED },      { EHOSTUNREACH, CAUSE_UNREACHABLE },
		{ ENETUNREACH, CAUSE_UNREACHABLE },   { EADDRNOTAVAIL, CAUSE_UNREACHABLE },
		{ EHOSTDOWN, CAUSE_UNREACHABLE },     { ENETDOWN, CAUSE_UNREACHABLE },
		{ ETIMEDOUT, CAUSE_CONNECT_TIMEOUT },
	};
	enum cause cause = CAUSE_OS;

	if (s->state == SESSION_JOB) {
		session_fail(s, fault_os(err, CAUSE_PEER_RESET));
		return;
	}
	s->eof = true;
	if (s->started && (err == -ECONNRESET || err == -EPIPE)) {
		s->peer_closed = !s->own_end;
		peer_gone(s, ECONNRESET, CAUSE_PEER_RESET);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++)
		if (causes[i].err == -err)
			cause = causes[i].cause;
	/* a connection that stood and got no answer to its segments */
	if (s->started && cause == CAUSE_CONNECT_TIMEOUT)
		cause = CAUSE_PEER_RESET;
	decide(s, fault_os(err, cause));
	session_die(s);
}

static void turn_handshake(struct session *s, uint64_t now_ns, uint64_t *ret_deadline_ns)
{
	if (s->deadline_ns == 0 || s->state == SESSION_JOB)
		return; /* a job ends by itself and is followed by a turn */
	if (now_ns >= s->deadline_ns)
		session_fail(s, fault_os(ETIMEDOUT, CAUSE_HANDSHAKE_TIMEOUT));
	else
		*ret_deadline_ns = s->deadline_ns;
}

static void turn_stream(struct session *s, uint64_t now_ns, uint64_t *ret_deadline_ns)
{
	struct fault why = s->stream->ops->turn(s->stream, now_ns, ret_deadline_ns);

	if (fault_is(why))
		session_fail(s, why);
	else if (s->stream->term_sent)
		session_fail(s, (struct fault){ .kind = FAULT_PDU });
}

static void turn_open(struct session *s, uint64_t now_ns, uint64_t *ret_deadline_ns)
{
	struct stream *st = s->stream;

	turn_stream(s, now_ns, ret_deadline_ns);
	if (s->state == SESSION_OPEN && s->held && !st->blocked) {
		session_resume(s);
		if (s->state == SESSION_OPEN)
			turn_stream(s, now_ns, ret_deadline_ns);
		if (s->held && !st->blocked)
			*ret_deadline_ns = now_ns; /* again, when others had their turn */
	}
	if (s->state == SESSION_OPEN && st->finish && st->writer.used == 0)
		session_fail(s, OK);
}

static void turn_closing(struct session *s, uint64_t now_ns, uint64_t *ret_deadline_ns)
{
	if (s->deadline_ns == 0)
		s->deadline_ns = now_ns + s->linger_ns;
	session_closing(s);
	if (s->state == SESSION_CLOSING && now_ns >= s->deadline_ns)
		session_die(s);
	if (s->state == SESSION_CLOSING)
		*ret_deadline_ns = s->deadline_ns;
}

void session_turn(struct session *s, struct world *w, uint64_t now_ns, uint64_t *ret_deadline_ns)
{
	(void)w;
	*ret_deadline_ns = WORLD_NEVER;
	if (!s->started)
		return;
	if (s->state < SESSION_OPEN)
		turn_handshake(s, now_ns, ret_deadline_ns);
	if (s->state == SESSION_OPEN)
		turn_open(s, now_ns, ret_deadline_ns);
	if (s->state == SESSION_CLOSING)
		turn_closing(s, now_ns, ret_deadline_ns);
	if (s->state == SESSION_DEAD)
		*ret_deadline_ns = WORLD_NEVER;
}

bool session_over(const struct session *s)
{
	return s->state == SESSION_DEAD && s->stream->ops->drained(s->stream);
}
