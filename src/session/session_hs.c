/* SPDX-License-Identifier: BSD-3-Clause */
/* Before the channel stands: the first byte, and the handshake as jobs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "session/session_impl.h"

/* The first byte of a TLS record (RFC 8446 5.1), or of a PDU. */
#define TLS_FIRST     0x14
#define TLS_ALERT     0x15
#define TLS_HANDSHAKE 0x16
#define TLS_LAST      0x17

static bool tls_byte(uint8_t b)
{
	return b >= TLS_FIRST && b <= TLS_LAST;
}

static enum cause server_cause(enum session_tls tls, uint8_t first)
{
	switch (tls) {
	case SESSION_CLEAR: /* the PDU reader answers everything else */
		return first == TLS_HANDSHAKE ? CAUSE_TLS_ON_PLAIN : CAUSE_NONE;
	case SESSION_TLS:
		if (first == NVME_TCP_ICREQ)
			return CAUSE_PLAIN_ON_TLS;
		return tls_byte(first) ? CAUSE_NONE : CAUSE_NOT_NVME;
	case SESSION_TLS_OPTIONAL:
		break;
	}
	return first == NVME_TCP_ICREQ || first == TLS_HANDSHAKE ? CAUSE_NONE : CAUSE_NOT_NVME;
}

/* What the target's first byte tells us: it may have taken our words for something else. */
static enum cause client_cause(enum session_tls tls, uint8_t first)
{
	if (tls == SESSION_CLEAR)
		return first == TLS_ALERT || first == TLS_HANDSHAKE ? CAUSE_PLAIN_ON_TLS :
								      CAUSE_NONE;
	if (first == NVME_TCP_ICRESP || first == NVME_TCP_C2H_TERM)
		return CAUSE_TLS_ON_PLAIN;
	return tls_byte(first) ? CAUSE_NONE : CAUSE_NOT_NVME;
}

bool session_greet(struct session *s, uint8_t first)
{
	enum cause cause = s->config.role == TLS_SERVER ? server_cause(s->config.tls, first) :
							  client_cause(s->config.tls, first);

	s->greeted = true;
	if (cause == CAUSE_NONE)
		return true;
	snprintf(s->detail, sizeof(s->detail), "the peer's first byte is %02xh", first);
	session_fail(s, fault_os(EPROTO, cause));
	return false;
}

static void opened(struct session *s, const struct session_peer *peer)
{
	s->state = SESSION_OPEN;
	s->deadline_ns = 0;
	s->secure = peer->tls;
	if (s->config.secured)
		s->config.secured(s->config.ctx, peer);
}

bool session_open_clear(struct session *s)
{
	struct session_peer peer = { .tls = false };

	if (!s->channel)
		s->channel = channel_clear_new();
	if (!s->channel) {
		session_fail(s, fault_os(ENOMEM, CAUSE_NO_MEMORY));
		return false;
	}
	opened(s, &peer);
	return true;
}

/* What stands in carry came before the channel did. */
static void feed_carry(struct session *s)
{
	s->wire = (struct mspan){ s->carry, s->carry_len };
	s->carry_len = 0;
	session_feed(s);
}

void session_hs_input(struct session *s)
{
	bool plain = s->config.tls == SESSION_TLS_OPTIONAL && s->carry[0] == NVME_TCP_ICREQ;

	if (s->state == SESSION_HANDSHAKE || !plain) {
		s->state = SESSION_HANDSHAKE;
		s->job_due = true;
	} else if (session_open_clear(s)) {
		feed_carry(s);
	}
}

bool session_wants_job(const struct session *s)
{
	return s->state == SESSION_HANDSHAKE && s->job_due;
}

void session_job_start(struct session *s)
{
	assert(session_wants_job(s));
	s->job_due = false;
	s->state = SESSION_JOB;
}

void session_job_work(struct session *s)
{
	struct span in = { s->carry, s->carry_len };
	struct buf out;

	s->job_consumed = 0;
	s->job_state = HANDSHAKE_MORE;
	if (!s->handshake)
		s->handshake = handshake_new(&s->config.handshake);
	if (!s->handshake) {
		s->job_fault = fault_os(ENOMEM, CAUSE_NO_MEMORY);
		return;
	}
	buf_init_memory(&out, s->out, s->out_cap);
	buf_commit(&out, s->out_tail);
	s->job_fault = handshake_step(s->handshake, &in, &out, &s->job_state);
	s->job_consumed = s->carry_len - in.len;
	s->out_tail = out.end;
}

/* The handshake is done: its secrets become the record layer's keys. */
static bool open_record(struct session *s)
{
	const struct handshake_result *r = handshake_result(s->handshake);
	struct session_peer peer = { .tls = true, .hash = r->hash };

	s->channel = record_new(r, &s->config.record);
	memcpy(peer.identity, r->identity, sizeof(peer.identity));
	memcpy(peer.group, r->group, sizeof(peer.group));
	handshake_free(s->handshake);
	s->handshake = NULL;
	if (!s->channel) {
		session_fail(s, fault_os(ENOMEM, CAUSE_NO_MEMORY));
		return false;
	}
	opened(s, &peer);
	return true;
}

static void job_failed(struct session *s)
{
	if (s->handshake && handshake_detail(s->handshake)[0])
		snprintf(s->detail, sizeof(s->detail), "%s", handshake_detail(s->handshake));
	session_fail(s, s->job_fault);
}

void session_job_done(struct session *s, struct world *w)
{
	(void)w;
	assert(s->state == SESSION_JOB);
	s->state = SESSION_HANDSHAKE;
	s->carry_len -= s->job_consumed;
	memmove(s->carry, s->carry + s->job_consumed, s->carry_len);
	if (s->job_abort) {
		session_die(s);
	} else if (fault_is(s->job_fault)) {
		job_failed(s);
	} else if (s->job_state == HANDSHAKE_DONE) {
		if (open_record(s))
			feed_carry(s);
	} else if (s->carry_len == SESSION_CARRY_BYTES) {
		/* a handshake record longer than any may be */
		session_fail(s, (struct fault){ .kind = FAULT_TLS, .code = 22 });
	}
}
