/* SPDX-License-Identifier: BSD-3-Clause */
/* The states of an association. Its queues are in assoc_queue.c, keep-alive in assoc_ka.c. */
#include "client/association.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "client/assoc_impl.h"
#include "tls/record.h"

/* A stage's own timeout is told before that of the whole. */
#define CONNECT_SLACK_NS (20 * NS_PER_MS)

static void run_task(struct world *w, struct world_task *t);

static void timer_fired(struct world *w, struct world_timer *t)
{
	struct assoc *a = container_of(t, struct assoc, timer);

	world_wake(w, &a->task);
}

struct assoc *assoc_new(const struct assoc_config *config, struct world *home)
{
	struct assoc *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->config = *config;
	a->home = home;
	a->queues = calloc(1u + config->io_queues, sizeof(*a->queues));
	if (!a->queues) {
		free(a);
		return NULL;
	}
	a->task.run = run_task;
	a->timer.fire = timer_fired;
	list_init(&a->task.node);
	list_init(&a->timer.node);
	assoc_ka_init(a);
	return a;
}

void assoc_free(struct assoc *a)
{
	if (!a)
		return;
	assert(a->state == ASSOC_DOWN || a->queue_count == 0);
	for (uint16_t i = 0; i < a->queue_count; i++)
		hqueue_free(a->queues[i].hq);
	free(a->queues);
	free(a);
}

void assoc_forget(struct assoc *a)
{
	for (uint16_t i = 0; a && i < a->queue_count; i++) {
		struct session *s = &a->queues[i].conn.session;

		/* a handshake that runs on a thread we do not have is left as it is */
		if (a->queues[i].state != ASSOC_Q_GONE && s->state != SESSION_JOB)
			session_free(s);
		hqueue_forget(a->queues[i].hq);
		a->queues[i].hq = NULL;
	}
	if (a)
		a->state = ASSOC_DOWN;
	assoc_free(a);
}

void assoc_wake(struct assoc *a)
{
	if (a->state < ASSOC_LAST)
		world_wake(a->home, &a->task);
}

/* ---- ends ---- */

void assoc_fail(struct assoc *a, struct fault why, const char *detail)
{
	if (a->state >= ASSOC_SHUTDOWN) {
		/* it is leaving anyway; but it need not wait for the controller any more */
		if (a->state == ASSOC_SHUTDOWN)
			a->state = ASSOC_CLOSING;
	} else {
		a->state = ASSOC_CLOSING;
		a->why = why;
		snprintf(a->detail, sizeof(a->detail), "%s", detail);
		a->told_lost = true;
		a->config.lost(a->config.ctx, a->why, a->detail);
	}
	assoc_wake(a);
}

/* Everybody is told to go; when all are gone it is over. */
static void turn_closing(struct assoc *a)
{
	bool all_gone = true;

	assoc_ka_stop(a);
	world_timer_cancel(a->home, &a->timer);
	for (uint16_t i = 0; i < a->queue_count; i++) {
		assoc_queue_close(&a->queues[i]);
		all_gone &= a->queues[i].state == ASSOC_Q_GONE && !a->queues[i].close_posted;
	}
	if (!all_gone)
		return;
	/* the task may be queued already; when it runs next it runs for the last time */
	assoc_wake(a);
	a->state = ASSOC_LAST;
}

void assoc_shutdown(struct assoc *a)
{
	struct bringup_config c = {
		.purpose = BRINGUP_SHUTDOWN,
		.timeout_ns = a->config.shutdown_timeout_ns,
		.wake = assoc_bringup_wake,
		.ctx = a,
	};

	if (a->state >= ASSOC_SHUTDOWN)
		return;
	assoc_ka_stop(a);
	/* a controller that is not up yet has nothing to write back */
	if (a->state == ASSOC_UP && hqueue_live(assoc_admin(a))) {
		a->state = ASSOC_SHUTDOWN;
		a->shutdown_deadline_ns =
			world_now(a->home) + a->config.shutdown_timeout_ns;
		bringup_start(&a->bringup, &c, &a->bringup.result);
	} else {
		a->state = ASSOC_CLOSING;
	}
	assoc_wake(a);
}

/* ---- connecting ---- */

void assoc_start(struct assoc *a)
{
	struct hqueue_config c = {
		.qid = 0,
		.entries = NVME_AQ_DEPTH,
		.cntlid = NVME_CNTLID_DYNAMIC,
		.kato_ms = a->config.kato_ms,
		.capsule_data_max = NVME_TCP_ADMIN_CAPSULE_MAX,
	};

	assert(a->queue_count == 0);
	a->connect_deadline_ns = world_now(a->home) + a->config.connect_timeout_ns;
	world_timer_set(a->home, &a->timer, a->connect_deadline_ns + CONNECT_SLACK_NS);
	a->queue_count = 1;
	assoc_queue_start(a, &a->queues[0], &c);
}

void assoc_bringup_wake(void *ctx)
{
	assoc_wake(ctx);
}

/* The admin queue's Connect was accepted. */
void assoc_admin_live(struct assoc *a, const struct nvme_cqe *cqe)
{
	struct bringup_config c = {
		.purpose = a->config.discovery ? BRINGUP_DISCOVERY : BRINGUP_IO,
		.kato_ms = a->config.kato_ms,
		.io_queues = a->config.discovery ? 0 : a->config.io_queues,
		.well_known = strcmp(a->config.subsysnqn, NVME_DISC_SUBSYS_NAME) == 0,
		.wake = assoc_bringup_wake,
		.ctx = a,
	};
	uint32_t dw0 = load_le32(cqe->dw0);

	if (a->state != ASSOC_CONNECT)
		return;
	if (dw0 & (NVME_CONNECT_AUTHREQ_ATR | NVME_CONNECT_AUTHREQ_ASCR)) {
		assoc_fail(a, fault_os(EACCES, CAUSE_HOST_DENIED),
			   "the controller asks for in-band authentication (DH-HMAC-CHAP), "
			   "which is not supported");
		return;
	}
	a->cntlid = c.cntlid = (uint16_t)dw0;
	a->state = ASSOC_BRINGUP;
	bringup_start(&a->bringup, &c, NULL);
	assoc_wake(a);
}

static void start_io_queue(struct assoc *a)
{
	struct hqueue_config c = {
		.qid = a->queue_count,
		.entries = a->entries,
		.cntlid = a->cntlid,
		.capsule_data_max = a->bringup.result.capsule_data_max,
	};

	assoc_queue_start(a, &a->queues[a->queue_count++], &c);
}

static void is_up(struct assoc *a)
{
	a->state = ASSOC_UP;
	world_timer_cancel(a->home, &a->timer);
	a->config.up(a->config.ctx);
}

/* I/O queues come one after the other: a Linux target's handshake agent trips over many at once. */
static void turn_queues(struct assoc *a)
{
	uint16_t wanted = a->bringup.result.io_queues;

	if (a->queues[a->queue_count - 1].state == ASSOC_Q_CONNECTING)
		return;
	if (a->queue_count - 1 < wanted) {
		start_io_queue(a);
		return;
	}
	a->state = ASSOC_PLACE;
	for (unsigned int i = 0; a->config.place && i < assoc_io_count(a); i++) {
		struct world *to = a->config.place(a->config.ctx, i);

		if (to && to != a->home)
			assoc_queue_move(assoc_io(a, i), to);
	}
	assoc_wake(a);
}

static void turn_place(struct assoc *a)
{
	for (unsigned int i = 0; i < assoc_io_count(a); i++)
		if (assoc_io(a, i)->move_to)
			return;
	is_up(a);
}

static void brought_up(struct assoc *a)
{
	struct bringup_result *r = &a->bringup.result;
	struct session *s = &a->queues[0].conn.session;

	a->config.key_update |= r->key_update;
	if (s->secure && a->config.key_update)
		record_set_may_update(s->channel, true);
	a->entries = (uint16_t)min_u64(a->config.queue_size, r->entries_max);
	assoc_ka_start(a);
	if (a->config.io_queues && !a->config.discovery && r->io_queues == 0) {
		assoc_fail(a, fault_os(EPROTO, CAUSE_CTRL_BUSY), "the controller grants no I/O queue");
		return;
	}
	a->state = ASSOC_QUEUES;
	assoc_wake(a);
}

static void turn_bringup(struct assoc *a, uint64_t now_ns)
{
	uint64_t next;

	if (!bringup_turn(&a->bringup, assoc_admin(a), now_ns, &next)) {
		if (a->state == ASSOC_BRINGUP)
			next = min_u64(next, a->connect_deadline_ns + CONNECT_SLACK_NS);
		if (a->state == ASSOC_SHUTDOWN)
			next = min_u64(next, a->shutdown_deadline_ns);
		if (next != WORLD_NEVER)
			world_timer_set(a->home, &a->timer, next);
	} else if (a->state == ASSOC_SHUTDOWN) {
		a->state = ASSOC_CLOSING;
		assoc_wake(a);
	} else if (a->bringup.state == BRINGUP_DONE) {
		world_timer_set(a->home, &a->timer, a->connect_deadline_ns + CONNECT_SLACK_NS);
		brought_up(a);
	} else if (a->queues[0].state == ASSOC_Q_LIVE && hqueue_live(assoc_admin(a))) {
		assoc_fail(a, a->bringup.why, a->bringup.detail);
	}
	/* else the queue failed, and tells why when it is closed */
}

/* Where does it hang? */
static enum cause connect_timeout_cause(const struct assoc *a)
{
	const struct assoc_queue *q = &a->queues[a->queue_count - 1];

	if (q->state != ASSOC_Q_CONNECTING)
		return CAUSE_NVME_CONNECT_TIMEOUT;
	if (q->conn.connecting)
		return CAUSE_CONNECT_TIMEOUT;
	if (q->conn.session.state < SESSION_OPEN)
		return CAUSE_HANDSHAKE_TIMEOUT;
	if (q->conn.session.stream->ops->eof_cause(q->conn.session.stream) ==
	    CAUSE_CLOSED_AFTER_ICREQ)
		return CAUSE_IC_TIMEOUT;
	return CAUSE_NVME_CONNECT_TIMEOUT;
}

static void run_task(struct world *w, struct world_task *t)
{
	struct assoc *a = container_of(t, struct assoc, task);
	uint64_t now = world_now(w);

	if (a->state < ASSOC_UP && now >= a->connect_deadline_ns + CONNECT_SLACK_NS)
		assoc_fail(a, fault_os(ETIMEDOUT, connect_timeout_cause(a)), "");
	if (a->state == ASSOC_SHUTDOWN && now >= a->shutdown_deadline_ns)
		a->state = ASSOC_CLOSING;
	switch (a->state) {
	case ASSOC_BRINGUP:
	case ASSOC_SHUTDOWN:
		turn_bringup(a, now);
		break;
	case ASSOC_QUEUES:
		turn_queues(a);
		break;
	case ASSOC_PLACE:
		turn_place(a);
		break;
	case ASSOC_CLOSING:
		turn_closing(a);
		break;
	case ASSOC_LAST:
		a->state = ASSOC_DOWN;
		a->config.down(a->config.ctx);
		break;
	case ASSOC_CONNECT:
	case ASSOC_UP:
	case ASSOC_DOWN:
		break;
	}
}

/*
 * Nothing that we sent is under way any more: the sockets were reset. So the last sign of life that
 * the controller saw lies in the past; where any command is one, it may take it two rounds to
 * notice (NVMe Base 2.1 3.9), and then CQT to stop.
 */
uint64_t assoc_quiet_ns(const struct assoc *a)
{
	const struct bringup_result *r = &a->bringup.result;
	uint64_t kato = max_u64(a->config.kato_ms, r->kato_ms) * NS_PER_MS;
	bool closed = true;

	for (uint16_t i = 1; i < a->queue_count; i++)
		closed &= !a->queues[i].carried || a->queues[i].peer_closed;
	if (closed)
		return 0;
	if (kato == 0)
		return WORLD_NEVER;
	return (r->traffic_based ? 2 : 1) * kato + load_le16(r->id.cqt) * NS_PER_MS;
}

void assoc_move(struct assoc *a, unsigned int index, struct world *to)
{
	struct assoc_queue *q = assoc_io(a, index);

	if (q->state == ASSOC_Q_LIVE && !q->move_to && to != q->w)
		assoc_queue_move(q, to);
}
