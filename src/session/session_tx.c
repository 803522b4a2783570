/* SPDX-License-Identifier: BSD-3-Clause */
/* The way out: PDU writer -> units -> wire bytes. Many records per send. */
#include "session/session_impl.h"

#define SEAL_IOVS 64

/* One unit to the end of @out. False: nothing to seal, or the session has ended. */
static bool seal_one(struct session *s)
{
	struct mspan wire = { s->out + s->out_tail, s->out_cap - s->out_tail };
	struct pdu_writer *pw = &s->stream->writer;
	struct channel *c = s->channel;
	struct iovec iov[SEAL_IOVS];
	struct fault why;
	size_t n;
	int count;

	if (c->events & CHANNEL_SEAL_CONTROL) {
		c->events &= ~(uint32_t)CHANNEL_SEAL_CONTROL;
		c->ops->seal_control(c, &wire);
		s->out_tail = s->out_cap - wire.len;
		return true;
	}
	n = pdu_writer_gather(pw, c->plain_max, iov, SEAL_IOVS, &count);
	if (n == 0)
		return false;
	why = c->ops->seal(c, iov, count, &wire);
	if (fault_is(why)) {
		session_fail(s, why);
		return false;
	}
	s->out_tail = s->out_cap - wire.len;
	pdu_writer_consume(pw, n);
	return true;
}

/*
 * Whole PDUs are worth a send of their own: the peer begins with them while the next are sealed.
 * What is in the middle of a PDU fills the buffer: nobody can begin with that.
 */
static bool enough(const struct session *s)
{
	return s->out_tail - s->out_head >= SESSION_SEND_BYTES &&
	       s->stream->writer.front_done == 0;
}

void session_seal(struct session *s)
{
	size_t room = s->channel->plain_max + s->channel->overhead + SESSION_CONTROL_BYTES;

	if (s->out_head == s->out_tail)
		s->out_head = s->out_tail = 0;
	while (s->state != SESSION_DEAD && s->out_cap - s->out_tail >= room && !enough(s))
		if (!seal_one(s))
			break;
}

int session_send_iov(struct session *s, struct iovec *iov, int max)
{
	int count = 0;

	if (!s->started || s->state == SESSION_JOB || s->state == SESSION_DEAD || s->fin)
		return 0;
	if (s->channel && !s->secure) {
		pdu_writer_gather_all(&s->stream->writer, iov, max, &count);
		return count;
	}
	if (s->channel)
		session_seal(s);
	if (s->channel && s->state == SESSION_CLOSING) {
		session_closing(s);
		session_seal(s);
	}
	if (s->out_head == s->out_tail)
		return 0;
	iov[0].iov_base = s->out + s->out_head;
	iov[0].iov_len = s->out_tail - s->out_head;
	return 1;
}

void session_sent(struct session *s, size_t n)
{
	s->counters.bytes_tx += n;
	s->counters.sends++;
	if (s->channel && !s->secure) {
		pdu_writer_consume(&s->stream->writer, n);
	} else {
		assert(n <= s->out_tail - s->out_head);
		s->out_head += n;
	}
	if (s->state == SESSION_CLOSING)
		session_closing(s);
	else if (s->state == SESSION_OPEN && s->stream->finish && s->stream->writer.used == 0)
		session_fail(s, OK);
}
