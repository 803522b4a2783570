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
			       after(tc->rx_ns, c->pdu_timeout_ns) : WORLD_NEVER;
	}
}

static struct fault check_deadlines(struct tconn *tc, uint64_t now_ns, uint64_t *ret_deadline_ns)
{
	enum cause cause = CAUSE_NONE;
	struct list *oldest = list_first(&tc->r2ts);

	*ret_deadline_ns = state_deadline(tc, &cause);
	if (now_ns >= *ret_deadline_ns)
		return timeout(cause);
	if (oldest) {
		uint64_t at = container_of(oldest, struct tcmd, node)->deadline_ns;

		if (now_ns >= at)
			return timeout(CAUSE_PDU_TIMEOUT);
		*ret_deadline_ns = min_u64(*ret_deadline_ns, at);
	}
	return OK;
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
	if (s->blocked && !tconn_unsettled(tc)) {
		s->blocked = !tconn_want_spares(tc, 1);
		if (s->blocked)	/* another connection has the buffers */
			*ret_deadline_ns = now_ns + NS_PER_MS;
	}
	if (!s->blocked)
		tconn_drop_spares(tc);
	if (!list_empty(&tc->waiting))
		*ret_deadline_ns = now_ns + NS_PER_MS;
	why = check_deadlines(tc, now_ns, &deadline);
	*ret_deadline_ns = min_u64(*ret_deadline_ns, deadline);
	return why;
}

/* Give back what no backend I/O needs any more. */
static void abandon(struct tconn *tc)
{
	for (uint32_t i = 0; i < tc->cmd_count; i++) {
		struct tcmd *c = &tc->cmds[i];

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

static void end(struct stream *s, struct fault why)
{
	struct tconn *tc = of(s);
	char who[700];

	tc->ended = true;
	if (tc->state == CONN_LIVE)
		log_notice("%s disconnected%s%s", tconn_describe(tc, who, sizeof(who)),
			   fault_is(why) ? ": " : "", fault_is(why) ? cause_text((enum cause)why.cause) : "");
	if (tc->state != CONN_CLOSED)
		tconn_enter(tc, CONN_CLOSED);
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

/* Commands and writer for a queue of @entries. The first, small set serves until Connect. */
static int set_entries(struct tconn *tc, uint32_t entries)
{
	struct tcmd *cmds = calloc(entries + 1, sizeof(*cmds));

	if (!cmds)
		return -ENOMEM;
	assert(tc->cmd_count == 0);
	tc->cmds = cmds;
	tc->cmd_count = entries + 1;
	for (uint32_t i = 0; i < tc->cmd_count; i++) {
		cmds[i].tc = tc;
		cmds[i].slot = (uint16_t)i;
		list_add_tail(&tc->free, &cmds[i].node);
	}
	return 0;
}

static void tconn_destroy(struct tconn *tc)
{
	pdu_writer_free(&tc->stream.writer);
	target_view_unref(tc->view);
	free(tc->cmds);
	free(tc->cid_used);
	tc->target->counters.connections--;
	free(tc);
}

struct tconn *tconn_new(struct target_port *port, void (*wake)(void *ctx), void *ctx)
{
	struct tconn *tc = calloc(1, sizeof(*tc));
	uint32_t entries = port->target->config.queue_size_max;

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
	tc->cid_used = calloc(1, 65536 / 8);
	tc->target->counters.connections++;
	if (tc->cid_used && set_entries(tc, entries) == 0 &&
	    pdu_writer_init(&tc->stream.writer, 2 * (entries + 1) + 8, tcmd_released, tc) == 0)
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
	tc->rx_ns = tc->state_since_ns;
}

bool tconn_connected(const struct tconn *tc)
{
	return tc->state == CONN_LIVE;
}

int tconn_placement(const struct tconn *tc)
{
	return tc->placed ? -1 : tc->placement;
}

void tconn_placed(struct tconn *tc, struct world *w)
{
	tc->w = w;
	tc->placed = true;
	assert(tc->buffers_held == 0);	/* they belong to the thread it came from */
}

/* On the control loop: the connection is over, and so is what hangs on it. */
static void let_go(struct tconn *tc)
{
	if (!tc->released) {
		tc->released = true;
		if (tc->ctrl)
			controller_queue_gone(tc->ctrl, tc);
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

static void stop_arrived(struct world *w, struct world_post *p)
{
	struct tconn *tc = container_of(p, struct tconn, stop_post);

	(void)w;
	tc->stop = tc->stop_wanted;
	if (tc->wake)
		tc->wake(tc->wake_ctx);
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
	tc->stop = fault_os(ECANCELED, CAUSE_SHUTDOWN);
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
