/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One queue of an association, and the messages between its world and the association's home.
 *
 * A queue connects at home and moves when it is live. Its end is found out in its world, which
 * copies what is to be told and posts it home; home never looks into a queue that lives elsewhere.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "client/assoc_impl.h"
#include "nvme/status.h"

/* After a TermReq the other side is given that long to close. */
#define LINGER_NS (300 * NS_PER_MS)
/* A controller that is there closes when its I/O has ended, which may take it that long. */
#define AWAIT_NS (2 * NS_PER_SEC)

/* "I/O queue 3: " for people, who mostly have one queue and need not know. */
static void fail_queue(struct assoc_queue *q, struct fault why, const char *detail)
{
	char line[640];

	if (q->qid)
		snprintf(line, sizeof(line), "I/O queue %u%s%s", q->qid, detail[0] ? ": " : "",
			 detail);
	else
		snprintf(line, sizeof(line), "%s", detail);
	assoc_fail(q->a, why, line);
}

/* ---- the end of a queue ---- */

/* At home: the queue is no more. */
static void gone(struct assoc_queue *q)
{
	q->state = ASSOC_Q_GONE;
	q->move_to = NULL;
	q->leaving = false;
	fail_queue(q, q->why, q->detail);
	assoc_wake(q->a);
}

static void gone_post(struct world *w, struct world_post *p)
{
	(void)w;
	gone(container_of(p, struct assoc_queue, gone_post));
}

/* Nothing but an order of ours is a good reason for the end of a queue. */
static struct fault end_cause(const struct session *s)
{
	struct fault why = s->why;

	if (!fault_is(why))
		return fault_os(ECONNRESET, CAUSE_PEER_CLOSED);
	/* behind TLS the port is the right one */
	if (why.cause == CAUSE_CLOSED_AFTER_ICREQ && s->secure)
		why.cause = CAUSE_PEER_CLOSED;
	return why;
}

/* In the queue's world. Keys are wiped now, not when the association is freed. */
static void closed(struct conn *c)
{
	struct assoc_queue *q = c->owner;
	struct session *s = &c->session;

	q->why = end_cause(s);
	memcpy(q->detail, s->detail, sizeof(q->detail));
	q->counters = s->counters;
	q->peer_closed = s->peer_closed;
	if (s->channel) {
		q->key_updates_sent = s->channel->counters.key_updates_sent;
		q->key_updates_received = s->channel->counters.key_updates_received;
	}
	session_free(s);
	if (q->qid && q->a->config.left)
		q->a->config.left(q->a->config.ctx, q->qid - 1u);
	if (c->w == q->a->home) {
		gone(q);
		return;
	}
	q->gone_post.run = gone_post;
	world_post(q->a->home, &q->gone_post);
}

static void close_here(struct assoc_queue *q)
{
	if (q->conn.closed_told)
		return; /* the news is on its way */
	session_close(&q->conn.session, q->close_why);
	conn_wake(&q->conn);
}

/* At home: the message is not under way any more. */
static void ack_post(struct world *w, struct world_post *p)
{
	struct assoc_queue *q = container_of(p, struct assoc_queue, ack_post);

	(void)w;
	q->close_posted = false;
	assoc_wake(q->a);
}

static void close_post(struct world *w, struct world_post *p)
{
	struct assoc_queue *q = container_of(p, struct assoc_queue, close_post);

	(void)w;
	close_here(q);
	q->ack_post.run = ack_post;
	world_post(q->a->home, &q->ack_post);
}

void assoc_queue_close(struct assoc_queue *q)
{
	struct assoc *a = q->a;

	if (q->state == ASSOC_Q_NONE)
		q->state = ASSOC_Q_GONE;
	if (q->state == ASSOC_Q_GONE || q->close_sent || q->leaving)
		return;
	q->close_sent = true;
	q->move_to = NULL;
	q->close_why = fault_is(a->why) ? fault_os(ECONNABORTED, a->why.cause) : OK;
	if (q->w == a->home) {
		close_here(q);
		return;
	}
	q->close_posted = true;
	q->close_post.run = close_post;
	world_post(q->w, &q->close_post);
}

/* ---- moving ---- */

/* At home: the queue has come to its new world. */
static void moved_post(struct world *w, struct world_post *p)
{
	struct assoc_queue *q = container_of(p, struct assoc_queue, moved_post);

	(void)w;
	q->w = q->move_to;
	q->move_to = NULL;
	q->leaving = false;
	assoc_wake(q->a);
}

/* In the new world. */
static void moved(struct conn *c)
{
	struct assoc_queue *q = c->owner;

	if (q->a->config.arrived)
		q->a->config.arrived(q->a->config.ctx, q->qid - 1u);
	q->moved_post.run = moved_post;
	world_post(q->a->home, &q->moved_post);
}

/*
 * After a turn: the moment to leave; or to tell why it ends, before the last words are said and the
 * peer has closed.
 */
static void turned(struct conn *c)
{
	struct assoc_queue *q = c->owner;

	if (c->w == q->a->home && c->session.ending && fault_is(c->session.why))
		fail_queue(q, end_cause(&c->session), c->session.detail);
	if (c->w != q->a->home || !q->move_to || q->leaving || q->close_sent)
		return;
	q->leaving = true;
	conn_move(c, q->move_to);
}

void assoc_queue_move(struct assoc_queue *q, struct world *to)
{
	assert(q->w == q->a->home && q->state == ASSOC_Q_LIVE);
	q->move_to = to;
	conn_wake(&q->conn);
}

/* ---- connecting ---- */

static void connected(void *ctx, struct fault why, const struct nvme_cqe *cqe)
{
	struct assoc_queue *q = ctx;
	struct assoc *a = q->a;
	const char *text;
	char line[160];

	if (fault_is(why)) {
		text = nvme_status_fabrics_str(why.code); /* "Name: more about it" */
		snprintf(line, sizeof(line), "Connect: status %03xh, %.*s%s", why.code,
			 (int)strcspn(text, ":"), text,
			 load_le16(cqe->status) & 0x8000 ? ", final" : "");
		a->final = load_le16(cqe->status) & 0x8000;
		fail_queue(q, why, line);
		return;
	}
	q->state = ASSOC_Q_LIVE;
	q->carried = true;
	if (q->qid == 0)
		assoc_admin_live(a, cqe);
	else
		assoc_wake(a);
}

static void secured(void *ctx, const struct session_peer *peer)
{
	struct assoc_queue *q = ctx;

	q->peer = *peer;
}

static void wake(void *ctx)
{
	struct assoc_queue *q = ctx;

	conn_wake(&q->conn);
}

static struct session_config session_config(struct assoc *a, struct assoc_queue *q,
					    uint64_t timeout_ns)
{
	const struct assoc_config *c = &a->config;

	return (struct session_config){
		.role = TLS_CLIENT,
		.tls = c->tls ? SESSION_TLS : SESSION_CLEAR,
		.handshake = { .role = TLS_CLIENT, .psk = c->psk, .keylog = c->keylog,
			       .keylog_ctx = c->keylog_ctx },
		.record = { .own_plain_max = TLS_RECORD_PLAIN_MAX, .may_update = c->key_update,
			    .rekey_bytes = c->rekey_bytes },
		.handshake_timeout_ns = timeout_ns,
		.linger_ns = c->await_close ? AWAIT_NS : LINGER_NS,
		.await_close = c->await_close,
		.secured = secured,
		.ctx = q,
	};
}

static enum cause connect_cause(int err)
{
	switch (err) {
	case -ECONNREFUSED:
		return CAUSE_REFUSED;
	case -ENETUNREACH:
	case -EHOSTUNREACH:
	case -EADDRNOTAVAIL:
		return CAUSE_UNREACHABLE;
	default:
		return CAUSE_OS;
	}
}

static bool make_queue(struct assoc *a, struct assoc_queue *q, struct hqueue_config *c,
		       uint64_t timeout_ns)
{
	struct session_config sc = session_config(a, q, timeout_ns);

	c->hostnqn = a->config.hostnqn;
	c->subsysnqn = a->config.subsysnqn;
	memcpy(c->hostid, a->config.hostid, sizeof(c->hostid));
	c->ic = (struct ic_host){ .hdgst = a->config.hdgst, .ddgst = a->config.ddgst };
	c->disable_sqflow = a->config.disable_sqflow;
	c->ic_timeout_ns = c->connect_timeout_ns = timeout_ns;
	c->command_timeout_ns = a->config.command_timeout_ns;
	c->connected = connected;
	c->wake = wake;
	c->ctx = q;
	q->hq = hqueue_new(c);
	if (!q->hq)
		return false;
	if (session_init(&q->conn.session, &sc, hqueue_stream(q->hq)) == 0)
		return true;
	hqueue_free(q->hq);
	q->hq = NULL;
	return false;
}

void assoc_queue_start(struct assoc *a, struct assoc_queue *q, struct hqueue_config *c)
{
	uint64_t now = world_now(a->home);
	uint64_t timeout = a->connect_deadline_ns > now ? a->connect_deadline_ns - now : 1;
	struct world_sock *sock;
	int rc;

	*q = (struct assoc_queue){ .a = a, .qid = c->qid, .w = a->home };
	if (!make_queue(a, q, c, timeout)) {
		fail_queue(q, fault_os(ENOMEM, CAUSE_NO_MEMORY), "");
		return;
	}
	rc = a->home->ops->connect(a->home, (const struct sockaddr *)&a->config.addr,
				   a->config.addr_len, &sock);
	if (rc) {
		session_free(&q->conn.session);
		fail_queue(q, fault_os(rc, connect_cause(rc)), strerror(-rc));
		return;
	}
	q->state = ASSOC_Q_CONNECTING;
	q->conn.owner = q;
	q->conn.closed = closed;
	q->conn.turned = turned;
	q->conn.moved = moved;
	conn_start(&q->conn, a->home, sock, true, timeout);
}
