/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Coming back, at home: what recovery.h decides is done here. Looked at as a whole in one task, so
 * that the order in which things happen does not matter.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/api_impl.h"
#include "nvme/status.h"

static void look(struct nvmetls *c)
{
	world_wake(c->home, &c->recover_task);
}

/* ---- telling ---- */

static void tell(struct nvmetls *c, enum nvmetls_event_kind kind, uint32_t nsid,
		 const struct nvmetls_error *e)
{
	struct nvmetls_event event = { .kind = kind, .nsid = nsid, .error = *e };

	if (c->notify)
		c->notify(c->notify_user, &event);
}

static void tell_why(struct nvmetls *c, enum nvmetls_event_kind kind)
{
	struct nvmetls_error e = { .err = 0 };

	if (kind != NVMETLS_EVENT_RECONNECTED)
		api_error_fault(&e, c->why, c->where, c->detail);
	tell(c, kind, 0, &e);
}

/* ---- commands that wait ---- */

bool api_hold(struct io_req *r)
{
	struct nvmetls_queue *q = r->q;

	if (!api_holds(q->c) || r->tries == IO_TRIES)
		return false;
	r->tries++;
	r->next = NULL;
	*q->backlog_tail = r;
	q->backlog_tail = &r->next;
	return true;
}

struct io_req *api_held(struct nvmetls_queue *q)
{
	struct io_req *r = q->backlog;

	if (!r)
		return NULL;
	q->backlog = r->next;
	if (!q->backlog)
		q->backlog_tail = &q->backlog;
	return r;
}

/* Nothing is sent from now on; what comes back is kept. */
static void hold(struct nvmetls *c)
{
	c->flowing = false;
	for (unsigned int i = 0; c->serve == NVMETLS_SERVE_THREAD && i < c->queue_count; i++)
		c->queues[i].hq = NULL;
}

/* Commands fail from now on, those that wait, too. */
static void refuse(struct nvmetls *c)
{
	atomic_store(&c->up, false);
	for (unsigned int i = 0; i < c->queue_count; i++)
		if (c->serve == NVMETLS_SERVE_THREAD)
			api_thread_pump(&c->queues[i]);
		else
			api_caller_news(&c->queues[i]);
}

static void resume(struct nvmetls *c)
{
	c->flowing = true;
	atomic_store(&c->up, true);
	for (unsigned int i = 0; i < c->queue_count; i++) {
		struct nvmetls_queue *q = &c->queues[i];

		if (c->serve == NVMETLS_SERVE_THREAD) {
			q->aq = assoc_io(c->assoc, i);
			q->hq = q->aq->hq;
			api_thread_pump(q);
		} else if (q->own_world) {
			assoc_move(c->assoc, i, q->own_world);
		}
	}
	api_set_state(c, API_UP);
	tell_why(c, NVMETLS_EVENT_RECONNECTED);
}

static void give_up(struct nvmetls *c)
{
	atomic_store(&c->given_up, true);
	refuse(c);
	tell_why(c, NVMETLS_EVENT_GIVEN_UP);
	api_set_state(c, API_LOST);
	if (c->serve == NVMETLS_SERVE_THREAD)
		api_thread_lost(c);
	if (c->assoc)
		assoc_shutdown(c->assoc);
	else
		api_set_state(c, API_DOWN);
}

/* ---- another attempt ---- */

/* It failed by our own judgement. */
static void reject(struct nvmetls *c, const char *detail)
{
	pthread_mutex_lock(&c->lock);
	c->why = fault_os(EPROTO, CAUSE_CTRL_INVALID);
	snprintf(c->detail, sizeof(c->detail), "%s", detail);
	pthread_mutex_unlock(&c->lock);
	tell_why(c, NVMETLS_EVENT_RETRY_FAILED);
	assoc_shutdown(c->assoc);
	recovery_event(&c->recovery, RECOVERY_LOST, world_now(c->home));
	look(c);
}

static void connect_again(struct nvmetls *c)
{
	uint64_t now = world_now(c->home);

	api_key_choose(c);
	c->assoc = assoc_new(&c->config, c->home);
	if (c->assoc) {
		assoc_start(c->assoc);
		return;
	}
	recovery_event(&c->recovery, RECOVERY_LOST, now);
	recovery_down(&c->recovery, 0, now);
}

/* Of one namespace, or of all that are known, one after the other. */
static void judge_next(struct nvmetls *c)
{
	struct hqueue *q = assoc_admin(c->assoc);

	if (c->judged == atomic_load(&c->ns_count)) {
		api_key_worked(c);
		recovery_event(&c->recovery, RECOVERY_UP, world_now(c->home));
		look(c);
	} else if (hqueue_room(q) == 0) {
		reject(c, "the admin queue is full");
	} else {
		pthread_mutex_lock(&c->ns_lock);
		c->again.was = c->ns[c->judged].id;
		pthread_mutex_unlock(&c->ns_lock);
		reidentify_start(&c->again, q);
	}
}

static void judged(void *ctx, enum ns_verdict v, int status)
{
	struct nvmetls *c = ctx;
	char line[96];

	if (atomic_load(&c->leaving) || c->recovery.state != RECOVERY_CONNECTING)
		return;
	if (status) {
		snprintf(line, sizeof(line), "Identify of namespace %u: status %03xh", c->again.was.nsid,
			 (unsigned int)status);
		reject(c, line);
		return;
	}
	if (api_ns_judge(c, c->judged, v, &c->again.is)) {
		struct nvmetls_error e;
		bool good = v == NS_SAME || v == NS_GROWN;

		api_error(&e, good ? 0 : -EIO, good ? CAUSE_NONE : CAUSE_CTRL_INVALID,
			  "namespace %u: %s", c->again.was.nsid, ns_verdict_text(v));
		tell(c, good ? NVMETLS_EVENT_NS_CHANGED : NVMETLS_EVENT_NS_REFUSED,
		     c->again.was.nsid, &e);
	}
	c->judged++;
	judge_next(c);
}

bool api_recover_up(struct nvmetls *c)
{
	const struct assoc *a = c->assoc;

	if (!c->recover)
		return false;
	if (assoc_io_count(a) < c->queue_count || a->entries < c->entries ||
	    a->bringup.result.mdts_bytes < c->mdts_bytes) {
		reject(c, "it grants fewer or smaller queues, or smaller transfers, than before");
		return true;
	}
	c->judged = 0;
	c->again.w = c->home;
	c->again.judged = judged;
	c->again.ctx = c;
	judge_next(c);
	return true;
}

bool api_recover_lost(struct nvmetls *c)
{
	bool was_live = c->recovery.state == RECOVERY_LIVE;
	enum recovery_event e = c->renewing	  ? RECOVERY_RENEW :
				c->assoc->final ? RECOVERY_FINAL :
						  RECOVERY_LOST;

	if (!c->recover || atomic_load(&c->leaving))
		return false;
	if (c->recovery.state == RECOVERY_CONNECTING)
		api_key_failed(c);
	recovery_event(&c->recovery, e, world_now(c->home));
	if (was_live) {
		hold(c);
		api_set_state(c, API_RECOVERING);
	}
	if (!c->renewing)
		tell_why(c, was_live ? NVMETLS_EVENT_LOST : NVMETLS_EVENT_RETRY_FAILED);
	look(c);
	return true;
}

bool api_recover_down(struct nvmetls *c)
{
	uint64_t quiet;

	if (!c->recover || atomic_load(&c->leaving) || c->recovery.state == RECOVERY_FAILED)
		return false;
	quiet = assoc_quiet_ns(c->assoc);
	assoc_free(c->assoc);
	c->assoc = NULL;
	recovery_down(&c->recovery, quiet, world_now(c->home));
	look(c);
	return true;
}

/* ---- all of it ---- */

static void run_task(struct world *w, struct world_task *t)
{
	struct nvmetls *c = container_of(t, struct nvmetls, recover_task);
	struct recovery *r = &c->recovery;
	uint64_t next;

	if (atomic_load(&c->leaving))
		return;
	recovery_turn(r, world_now(w), &next);
	if (r->state == RECOVERY_CONNECTING && !c->assoc)
		connect_again(c);
	if (r->state == RECOVERY_LIVE && !c->flowing)
		resume(c);
	if (r->refusing && atomic_load(&c->up)) {
		refuse(c);
		tell_why(c, NVMETLS_EVENT_IO_FAILS);
	}
	if (r->state == RECOVERY_FAILED && !atomic_load(&c->given_up))
		give_up(c);
	/* what was done may have changed it */
	if (recovery_turn(r, world_now(w), &next))
		look(c);
	if (next == WORLD_NEVER)
		world_timer_cancel(w, &c->recover_timer);
	else
		world_timer_set(w, &c->recover_timer, next);
}

static void fire(struct world *w, struct world_timer *t)
{
	(void)w;
	look(container_of(t, struct nvmetls, recover_timer));
}

void api_recover_begin(struct nvmetls *c)
{
	c->flowing = true;
	c->recover_task.run = run_task;
	c->recover_timer.fire = fire;
	list_init(&c->recover_task.node);
	list_init(&c->recover_timer.node);
	recovery_init(&c->recovery, &c->recovery_config);
	if (c->recovery_config.delay_ns == 0)
		return;
	c->recover = true;
	/* as many as there are; and what carries them waits for its peer's close */
	c->config.io_queues = (uint16_t)c->queue_count;
}

void api_recover_end(struct nvmetls *c)
{
	if (!c->recover)
		return;
	hold(c);
	world_timer_cancel(c->home, &c->recover_timer);
	for (unsigned int i = 0; c->serve == NVMETLS_SERVE_THREAD && i < c->queue_count; i++)
		api_thread_pump(&c->queues[i]);
}
