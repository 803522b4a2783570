/* SPDX-License-Identifier: BSD-3-Clause */
/* One connection: its life, its timeouts, its end. PDUs are in tconn_rx.c. */
#include "target/tconn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "target/target_impl.h"

static struct tconn *of(struct stream *s)
{
	return (struct tconn *)s;
}

void tconn_enter(struct tconn *tc, enum conn_state to)
{
	assert(conn_may_enter(tc->state, to));
	tc->state = to;
	tc->state_since_ns = world_now(tc->w);
}

/* --- stream --- */

static struct fault timeout(enum cause cause)
{
	return fault_os(ETIMEDOUT, cause);
}

static uint64_t after(uint64_t from_ns, uint64_t timeout_ns)
{
	return timeout_ns ? from_ns + timeout_ns : WORLD_NEVER;
}

/* The deadline that the present state sets, and what it means when it has passed. */
static uint64_t state_deadline(const struct tconn *tc, enum cause *ret_cause)
{
	const struct target_config *c = &tc->target->config;

	switch (tc->state) {
	case CONN_ICREQ:
		*ret_cause = CAUSE_IC_TIMEOUT;
		return after(tc->state_since_ns, c->icreq_timeout_ns);
	case CONN_CONNECT:
		*ret_cause = CAUSE_NVME_CONNECT_TIMEOUT;
		return after(tc->state_since_ns, c->connect_timeout_ns);
	default:
		*ret_cause = CAUSE_PDU_TIMEOUT;
		return pdu_reader_in_pdu(&tc->stream.reader) && !tc->stream.blocked ?
			       after(tc->pdu_ns, c->pdu_timeout_ns) : WORLD_NEVER;
	}
}

/* The oldest R2T is to be served; while data comes for others it may wait a few times as long. */
#define R2T_PATIENCE 8

static uint64_t r2t_deadline(struct tconn *tc)
{
	const struct list *oldest = list_first(&tc->r2ts);
	uint64_t wait_ns = tc->target->config.r2t_timeout_ns, first;

	if (!oldest || !wait_ns)
		return WORLD_NEVER;
	first = container_of(oldest, struct tcmd, node)->deadline_ns;
	return min_u64(max_u64(first, tc->h2c_ns + wait_ns), first + (R2T_PATIENCE - 1) * wait_ns);
}

/* A host that does not read what it asked for holds buffers. */
static uint64_t tx_deadline(struct tconn *tc, uint64_t now_ns)
{
	const struct pdu_writer *w = &tc->stream.writer;

	if (!tc->tx_waits || w->head != tc->tx_head || w->front_done != tc->tx_front_done) {
		tc->tx_head = w->head;
		tc->tx_front_done = w->front_done;
		tc->tx_ns = now_ns;
	}
	tc->tx_waits = w->used != 0;
	return w->used ? after(tc->tx_ns, tc->target->config.pdu_timeout_ns) : WORLD_NEVER;
}

static struct fault check_deadlines(struct tconn *tc, uint64_t now_ns, uint64_t *ret_deadline_ns)
{
	enum cause cause = CAUSE_NONE;
	uint64_t data = min_u64(r2t_deadline(tc), tx_deadline(tc, now_ns));

	*ret_deadline_ns = state_deadline(tc, &cause);
	if (now_ns >= *ret_deadline_ns)
		return timeout(cause);
	if (now_ns >= data)
		return timeout(CAUSE_PDU_TIMEOUT);
	*ret_deadline_ns = min_u64(*ret_deadline_ns, data);
	return OK;
}

/* Asked to finish: when nothing is at the backend and all is answered, the rest of the way is sending. */
static void mind_finish(struct tconn *tc)
{
	if (tc->finishing && tc->in_flight == 0 && list_empty(&tc->done))
		tc->stream.finish = true;
}

/* Take input again if there is a buffer for what may come. */
static void mind_blocked(struct tconn *tc, uint64_t now_ns, uint64_t *ret_deadline_ns)
{
	struct stream *s = &tc->stream;

	if (s->blocked && !tconn_unsettled(tc) && !tc->finishing) {
		s->blocked = !tconn_want_spares(tc, 1);
		tc->pdu_ns = now_ns;	/* the time that passed was ours */
		if (s->blocked)	/* another connection has the buffers */
			*ret_deadline_ns = now_ns + NS_PER_MS;
	}
	if (!s->blocked)
		tconn_drop_spares(tc);
	if (!list_empty(&tc->waiting))
		*ret_deadline_ns = now_ns + NS_PER_MS;
}

static struct fault turn(struct stream *s, uint64_t now_ns, uint64_t *ret_deadline_ns)
{
	struct tconn *tc = of(s);
	uint64_t deadline;
	struct fault why;

	*ret_deadline_ns = WORLD_NEVER;
	if (fault_is(tc->stop))
		return tc->stop;
	tc->busy = true;
	tconn_serve_waiting(tc);
	tcmd_flush_done(tc);
	tc->busy = false;
	mind_finish(tc);
	mind_blocked(tc, now_ns, ret_deadline_ns);
	why = check_deadlines(tc, now_ns, &deadline);
	*ret_deadline_ns = min_u64(*ret_deadline_ns, deadline);
	return fault_is(why) ? why : tauth_turn(tc, now_ns, ret_deadline_ns);
}

/* Give back what no backend I/O needs any more. */
static void abandon(struct tconn *tc)
{
	for (uint32_t i = 0; i < tc->cmd_count; i++) {
		struct tcmd *c = tconn_slot(tc, i);

		if (c->state == TCMD_FREE || (c->state == TCMD_IO && c->io.done))
			continue;
		tcmd_put_buffers(c);
		c->state = TCMD_FREE;
	}
	list_init(&tc->waiting);
	list_init(&tc->r2ts);
	list_init(&tc->done);
	tc->cur = NULL;
	tconn_drop_spares(tc);
}

/* An I/O queue that goes with its association is no news: the admin queue's line says why. */
static void log_end(const struct tconn *tc, struct fault why)
{
	bool failed = fault_is(why) && why.cause != CAUSE_SHUTDOWN;
	char who[700];

	tconn_describe(tc, who, sizeof(who));
	if (failed)
		log_notice("%s disconnected: %s", who, cause_text((enum cause)why.cause));
	else if (tc->qid)
		log_info("%s disconnected", who);
	else
		log_notice("%s disconnected", who);
}

static void end(struct stream *s, struct fault why)
{
	struct tconn *tc = of(s);

	tc->ended = true;
	if (tc->state == CONN_LIVE)
		log_end(tc, why);
	if (tc->state != CONN_CLOSED)
		tconn_enter(tc, CONN_CLOSED);
	tauth_end(tc);
	abandon(tc);
}

static bool drained(const struct stream *s)
{
	return ((const struct tconn *)s)->in_flight == 0;
}

/* A bare close of a live connection is how Linux says goodbye. */
static enum cause eof_cause(const struct stream *s)
{
	return ((const struct tconn *)s)->state == CONN_LIVE ? CAUSE_NONE : CAUSE_PEER_CLOSED;
}

static const struct stream_ops ops = {
	.name = "controller",
	.input = tconn_input,
	.turn = turn,
	.end = end,
	.drained = drained,
	.eof_cause = eof_cause,
};

/* --- making and letting go --- */

/* PDUs in the writer: two per command, ICResp, TermReq, and some air. */
static uint32_t writer_slots(uint32_t commands)
{
	return 2 * commands + 8;
}

static void add_slot(struct tconn *tc, struct tcmd *c)
{
	c->tc = tc;
	c->slot = (uint16_t)tc->cmd_count++;
	list_add_tail(&tc->free, &c->node);
}

int tconn_reserve(struct tconn *tc, uint32_t entries)
{
	struct pdu_writer *w = &tc->stream.writer;
	uint32_t slots = writer_slots(entries + 1);

	assert(tc->cmd_count == 1);
	free(tc->cmds);	/* of an earlier Connect, which was refused */
	tc->cmds = calloc(entries, sizeof(*tc->cmds));
	if (!tc->cid_used)
		tc->cid_used = calloc(1, 65536 / 8);
	if (!tc->cmds || !tc->cid_used)
		return -ENOMEM;
	return w->slots < slots ? pdu_writer_grow(w, slots) : 0;
}

void tconn_set_entries(struct tconn *tc, uint32_t entries)
{
	for (uint32_t i = 0; i < entries; i++)
		add_slot(tc, &tc->cmds[i]);
	tc->entries = entries;
}

static void tconn_destroy(struct tconn *tc)
{
	struct target *t = tc->target;

	tauth_free(tc);
	pdu_writer_free(&tc->stream.writer);
	target_view_unref(tc->view);
	free(tc->cmds);
	free(tc->cid_used);
	free(tc);
	if (--t->counters.connections == 0 && t->wake)
		t->wake(t->wake_ctx);	/* who waits for the target to be free of connections */
}

struct tconn *tconn_new(struct target_port *port, void (*wake)(void *ctx), void *ctx)
{
	struct tconn *tc = calloc(1, sizeof(*tc));

	if (!tc)
		return NULL;
	tc->target = port->target;
	tc->port = port;
	tc->w = port->target->worlds[0];
	tc->wake = wake;
	tc->wake_ctx = ctx;
	tc->placement = -1;
	tc->stream.ops = &ops;
	list_init(&tc->free);
	list_init(&tc->waiting);
	list_init(&tc->r2ts);
	list_init(&tc->done);
	pdu_reader_init(&tc->stream.reader, PDU_FROM_HOST);
	pdu_place_init(&tc->stream.place, &tc->stream.reader, tc, tconn_place_dest);
	add_slot(tc, &tc->first);
	tc->target->counters.connections++;
	if (pdu_writer_init(&tc->stream.writer, writer_slots(1), tcmd_released, tc) == 0)
		return tc;
	tconn_destroy(tc);
	return NULL;
}

struct stream *tconn_stream(struct tconn *tc)
{
	return &tc->stream;
}

void tconn_secured(struct tconn *tc, const struct tconn_peer *peer)
{
	tc->peer = *peer;
	tc->state_since_ns = world_now(tc->w);
}

bool tconn_connected(const struct tconn *tc)
{
	return tc->state == CONN_LIVE && (tc->qid || tauth_settled(tc));
}

int tconn_placement(const struct tconn *tc)
{
	return tc->placed ? -1 : tc->placement;
}

void tconn_placed(struct tconn *tc, struct world *w)
{
	tc->w = w;
	tc->placed = true;
	tauth_moved(tc);
	if (tc->stop_early)
		tc->stop = tc->stop_wanted;
	assert(tc->buffers_held == 0);	/* they belong to the thread it came from */
}

/* On the control loop: the connection is over, and so is what hangs on it. */
static void let_go(struct tconn *tc)
{
	if (!tc->released) {
		tc->released = true;
		if (tc->ctrl) {
			target_io_sum_add(&tc->ctrl->subsys->io_past, tc);
			controller_queue_gone(tc->ctrl, tc);
		}
		tc->ctrl = NULL;
	}
	if (!tc->stop_pending)
		tconn_destroy(tc);
}

static void release_arrived(struct world *w, struct world_post *p)
{
	(void)w;
	let_go(container_of(p, struct tconn, release_post));
}

void tconn_release(struct tconn *tc)
{
	tc->ended = true;
	tc->wake = NULL;
	tconn_drop_spares(tc);
	tc->release_post.run = release_arrived;
	world_post(tc->target->worlds[0], &tc->release_post);
}

/* --- stop: the control loop asks, the connection's own loop does it and says so --- */

static void stop_acked(struct world *w, struct world_post *p)
{
	struct tconn *tc = container_of(p, struct tconn, stop_ack);

	(void)w;
	tc->stop_pending = false;
	if (tc->released)
		let_go(tc);
}

/*
 * A stop may overtake the connection that moves to this thread: then it is kept for the arrival.
 * What it looks at here (w) is written by this thread only.
 */
static void stop_arrived(struct world *w, struct world_post *p)
{
	struct tconn *tc = container_of(p, struct tconn, stop_post);

	if (tc->w != w) {
		tc->stop_early = true;
	} else {
		tc->stop = tc->stop_wanted;
		if (tc->wake)
			tc->wake(tc->wake_ctx);
	}
	tc->stop_ack.run = stop_acked;
	world_post(tc->target->worlds[0], &tc->stop_ack);
}

void tconn_stop(struct tconn *tc, enum cause cause)
{
	if (tc->stop_pending)
		return;
	tc->stop_pending = true;
	tc->stop_wanted = fault_os(ECANCELED, cause);
	tc->stop_post.run = stop_arrived;
	world_post(tc->target->worlds[tc->placement > 0 ? tc->placement : 0], &tc->stop_post);
}

void tconn_finish(struct tconn *tc)
{
	tc->finishing = true;
	if (tc->wake)
		tc->wake(tc->wake_ctx);
}

const char *tconn_describe(const struct tconn *tc, char *buf, size_t size)
{
	if (tc->subsysnqn[0])
		snprintf(buf, size, "%s host %s subsystem %s cntlid %u qid %u%s",
			 tc->peer.addr ? tc->peer.addr : "", tc->hostnqn, tc->subsysnqn, tc->cntlid,
			 tc->qid, tc->peer.tls ? " TLS" : "");
	else
		snprintf(buf, size, "%s %s%s%s", tc->peer.addr ? tc->peer.addr : "not secured,",
			 conn_state_name(tc->state), tc->peer.hostnqn[0] ? ", PSK of " : "",
			 tc->peer.hostnqn);
	return buf;
}
