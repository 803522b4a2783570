/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a queue and of its commands. Receiving is in hqueue_rx.c, sending in hqueue_tx.c. */
#include "host/hqueue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/world.h"
#include "host/hqueue_impl.h"

#define WRITER_SLOTS_MAX 256u

static const struct stream_ops hqueue_ops;

static void init_slots(struct hqueue *q)
{
	for (uint16_t i = 0; i < q->slot_count; i++) {
		struct hslot *s = &q->slots[i];

		s->r2t = q->r2ts + (size_t)i * q->r2t_max;
		list_init(&s->timed);
		list_init(&s->sending);
		/* the lowest slot is taken first */
		q->free_slots[i] = (uint16_t)(q->slot_count - 1 - i);
	}
	q->free_count = q->slot_count;
}

static bool take_memory(struct hqueue *q)
{
	uint32_t n = q->slot_count, writer = n + 8 < WRITER_SLOTS_MAX ? n + 8 : WRITER_SLOTS_MAX;

	q->slots = calloc(n, sizeof(*q->slots));
	q->free_slots = calloc(n, sizeof(*q->free_slots));
	q->r2ts = calloc((size_t)n * q->r2t_max, sizeof(*q->r2ts));
	return pdu_writer_init(&q->stream.writer, writer, hqueue_released, q) == 0 && q->slots &&
	       q->free_slots && q->r2ts;
}

struct hqueue *hqueue_new(const struct hqueue_config *c)
{
	struct hqueue *q = calloc(1, sizeof(*q));

	assert(c->entries >= 2 && c->entries <= HQUEUE_ENTRIES_MAX);
	assert(c->ic.maxr2t <= HQUEUE_R2T_MAX);
	if (!q)
		return NULL;
	q->stream.ops = &hqueue_ops;
	q->config = *c;
	q->slot_count = (uint16_t)(c->entries - 1); /* one entry of a full queue stays free */
	q->r2t_max = (uint8_t)(c->ic.maxr2t + 1);
	if (!take_memory(q)) {
		q->state = HQUEUE_ENDED;
		hqueue_free(q);
		return NULL;
	}
	q->default_ns = c->command_timeout_ns;
	list_init(&q->waiting);
	list_init(&q->sending);
	list_init(&q->timed);
	list_init(&q->finished);
	init_slots(q);
	pdu_reader_init(&q->stream.reader, PDU_FROM_CTRL);
	pdu_place_init(&q->stream.place, &q->stream.reader, q, hqueue_dest);
	nvme_connect_data_set(&q->connect_data, c->hostid, c->cntlid, c->hostnqn, c->subsysnqn);
	q->config.hostnqn = q->connect_data.hostnqn;
	q->config.subsysnqn = q->connect_data.subsysnqn;
	return q;
}

static void nobody_to_wake(void *ctx)
{
	(void)ctx;
}

void hqueue_forget(struct hqueue *q)
{
	if (!q)
		return;
	q->config.wake = nobody_to_wake;
	pdu_writer_drop_all(&q->stream.writer);
	q->state = HQUEUE_ENDED;
	q->free_count = q->slot_count;
	hqueue_free(q);
}

void hqueue_free(struct hqueue *q)
{
	if (!q)
		return;
	assert(q->state == HQUEUE_ENDED || q->state == HQUEUE_NEW);
	assert(q->free_count == 0 || q->free_count == q->slot_count);
	pdu_writer_free(&q->stream.writer);
	free(q->slots);
	free(q->free_slots);
	free(q->r2ts);
	free(q);
}

struct stream *hqueue_stream(struct hqueue *q)
{
	return &q->stream;
}

bool hqueue_live(const struct hqueue *q)
{
	return q->state == HQUEUE_LIVE;
}

uint32_t hqueue_room(const struct hqueue *q)
{
	uint32_t kept = q->config.qid == 0 ? 1 : 0;

	return q->free_count > kept ? q->free_count - kept : 0;
}

uint32_t hqueue_outstanding(const struct hqueue *q)
{
	return (uint32_t)q->slot_count - q->free_count;
}

uint64_t hqueue_answered(const struct hqueue *q)
{
	return __atomic_load_n(&q->answered, __ATOMIC_RELAXED);
}

/* Most commands have the same timeout, so the place is found at the tail. */
static void add_timed(struct hqueue *q, struct hslot *s)
{
	struct list *at = q->timed.prev;

	while (at != &q->timed &&
	       container_of(at, struct hslot, timed)->deadline_ns > s->deadline_ns)
		at = at->prev;
	list_add_tail(at->next, &s->timed);
}

void hqueue_take_slot(struct hqueue *q, struct hcmd *c, uint64_t now_ns)
{
	uint64_t timeout = c->timeout_ns ? c->timeout_ns : q->default_ns;
	struct hslot *s;

	assert(q->free_count && c->len % 4 == 0 && (c->len == 0) == (c->dir == HCMD_NONE));
	c->slot = q->free_slots[--q->free_count];
	s = &q->slots[c->slot];
	assert(s->state == HSLOT_FREE && s->refs == 0);
	s->cmd = c;
	s->state = HSLOT_WAITING;
	/* an answer to the slot's last command is not taken for one to this */
	s->gen = (s->gen + 1) & HQUEUE_GEN_MASK;
	s->in_capsule = s->last_seen = s->ddgst_bad = false;
	s->r2t_head = s->r2t_count = 0;
	s->received = s->r2t_next = 0;
	c->why = OK;
	c->status = 0;
	c->dnr = false;
	memset(&c->cqe, 0, sizeof(c->cqe));
	list_add_tail(&q->waiting, &c->node);
	if (timeout && timeout != HCMD_NO_TIMEOUT) {
		s->deadline_ns = now_ns + timeout;
		add_timed(q, s);
	}
}

void hqueue_finish(struct hqueue *q, struct hslot *s)
{
	struct hcmd *c = s->cmd;

	assert(s->state != HSLOT_FREE && s->refs == 0);
	if (s->state == HSLOT_WAITING)
		list_del(&c->node);
	list_del(&s->timed);
	list_del(&s->sending);
	if (q->current == s)
		q->current = NULL;
	s->cmd = NULL;
	s->state = HSLOT_FREE;
	q->free_slots[q->free_count++] = c->slot;
	list_add_tail(&q->finished, &c->node);
}

static void deliver(struct hqueue *q)
{
	struct list *n;

	while ((n = list_first(&q->finished))) {
		struct hcmd *c = container_of(n, struct hcmd, node);

		list_del(n);
		c->done(q, c);
	}
}

static void submit(struct hqueue *q, struct hcmd *c, uint64_t now_ns)
{
	bool idle = list_empty(&q->waiting) && !q->in_turn;

	assert(hqueue_live(q));
	hqueue_take_slot(q, c, now_ns);
	if (idle)
		q->config.wake(q->config.ctx);
}

void hqueue_submit(struct hqueue *q, struct hcmd *c, uint64_t now_ns)
{
	assert(hqueue_room(q));
	submit(q, c, now_ns);
}

void hqueue_submit_reserved(struct hqueue *q, struct hcmd *c, uint64_t now_ns)
{
	assert(q->config.qid == 0);
	submit(q, c, now_ns);
}

/* What it means that @s was not answered in time. */
static enum cause timeout_cause(const struct hqueue *q, const struct hslot *s)
{
	if (s->cmd == &q->connect)
		return CAUSE_NVME_CONNECT_TIMEOUT;
	if (q->config.qid == 0 && s->cmd->sqe.opcode == NVME_ADMIN_KEEP_ALIVE)
		return CAUSE_KATO_EXPIRED;
	return CAUSE_CMD_TIMEOUT;
}

/* The deadline that comes first; WORLD_NEVER if there is none. */
static uint64_t first_deadline(const struct hqueue *q)
{
	if (q->state == HQUEUE_IC_SENT && q->deadline_ns)
		return q->deadline_ns;
	return list_empty(&q->timed) ?
		       WORLD_NEVER :
		       container_of(q->timed.next, struct hslot, timed)->deadline_ns;
}

static struct fault check_time(const struct hqueue *q, uint64_t now_ns)
{
	if (now_ns < first_deadline(q))
		return OK;
	if (q->state == HQUEUE_IC_SENT)
		return fault_os(ETIMEDOUT, CAUSE_IC_TIMEOUT);
	return fault_os(ETIMEDOUT,
			timeout_cause(q, container_of(q->timed.next, struct hslot, timed)));
}

static struct fault turn(struct stream *st, uint64_t now_ns, uint64_t *ret_deadline_ns)
{
	struct hqueue *q = hqueue_of(st);

	*ret_deadline_ns = WORLD_NEVER;
	if (q->state == HQUEUE_NEW) {
		hqueue_send_icreq(q);
		q->deadline_ns = q->config.ic_timeout_ns ? now_ns + q->config.ic_timeout_ns : 0;
		q->state = HQUEUE_IC_SENT;
	}
	if (q->state == HQUEUE_IC_DONE) {
		q->state = HQUEUE_CONNECT;
		hqueue_send_connect(q, now_ns);
	}
	/* what was answered is told before what was not answered ends the connection */
	q->in_turn = true;
	deliver(q);
	q->in_turn = false;
	if (q->state == HQUEUE_ENDED)
		return OK;
	TRY(check_time(q, now_ns));
	hqueue_pump(q);
	*ret_deadline_ns = first_deadline(q);
	return OK;
}

static void end(struct stream *st, struct fault why)
{
	struct hqueue *q = hqueue_of(st);

	if (q->state == HQUEUE_ENDED)
		return;
	q->state = HQUEUE_ENDED;
	if (!fault_is(why))
		why = fault_os(ECANCELED, CAUSE_SHUTDOWN);
	for (uint16_t i = 0; i < q->slot_count; i++) {
		struct hslot *s = &q->slots[i];

		if (s->state == HSLOT_FREE)
			continue;
		assert(s->refs == 0); /* the session has emptied the writer */
		if (s->state != HSLOT_ANSWERED)
			s->cmd->why = why;
		hqueue_finish(q, s);
	}
	deliver(q);
}

static bool drained(const struct stream *st)
{
	const struct hqueue *q = (const struct hqueue *)st;

	return q->state == HQUEUE_ENDED && hqueue_outstanding(q) == 0 && list_empty(&q->finished);
}

/* A target that wants TLS resets or closes when it reads our ICReq. */
static enum cause eof_cause(const struct stream *st)
{
	switch (((const struct hqueue *)st)->state) {
	case HQUEUE_NEW:
	case HQUEUE_IC_SENT:
		return CAUSE_CLOSED_AFTER_ICREQ;
	case HQUEUE_ENDED:
		return CAUSE_NONE;
	default:
		return CAUSE_PEER_CLOSED;
	}
}

static const struct stream_ops hqueue_ops = {
	.name = "host",
	.input = hqueue_input,
	.turn = turn,
	.end = end,
	.drained = drained,
	.eof_cause = eof_cause,
};
