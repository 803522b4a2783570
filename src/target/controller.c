/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Controllers: one per association, on the control loop. Base 2.1 3.5, 3.6, 3.9.
 *
 * An end is a message to every queue. A queue lets go when its socket is closed and its backend
 * I/O has ended; the controller and its number go after the last one.
 */
#include <stdlib.h>

#include "base/log.h"
#include "target/target_impl.h"

static void settle(struct controller *ctrl);

struct controller *controller_find(struct target_subsys *s, uint16_t cntlid)
{
	list_each(it, &s->controllers) {
		struct controller *ctrl = container_of(it, struct controller, node);

		if (ctrl->cntlid == cntlid)
			return ctrl;
	}
	return NULL;
}

/* Round robin: a stale host must not meet a number that was just given to another. */
static uint16_t next_cntlid(struct target_subsys *s)
{
	uint32_t span = (uint32_t)s->cntlid_max - s->cntlid_min + 1;

	for (uint32_t i = 0; i < span; i++) {
		uint16_t id = (uint16_t)(s->cntlid_min + (s->cntlid_next + i) % span);

		if (controller_find(s, id))
			continue;
		s->cntlid_next = (uint16_t)((s->cntlid_next + i + 1) % span);
		return id;
	}
	return 0;
}

struct controller *controller_new(struct target_subsys *s, struct tconn *admin,
				  uint16_t *ret_status)
{
	struct controller *ctrl = NULL;
	uint16_t id = 0;

	if (s->target->counters.controllers < s->target->config.controllers_max)
		id = next_cntlid(s);
	if (id)
		ctrl = calloc(1, sizeof(*ctrl));
	if (!ctrl) {
		*ret_status = NVME_SC_CONNECT_CTRL_BUSY;	/* without DNR: it may pass */
		return NULL;
	}
	ctrl->subsys = s;
	ctrl->cntlid = id;
	ctrl->admin = admin;
	ctrl->nsq = ctrl->ncq = (uint16_t)(s->queues_max - 1u);
	ctrl->deadline_ns = WORLD_NEVER;
	list_add_tail(&s->controllers, &ctrl->node);
	s->target->counters.controllers++;
	return ctrl;
}

static void controller_free(struct controller *ctrl)
{
	list_del(&ctrl->node);
	ctrl->subsys->target->counters.controllers--;
	free(ctrl);
}

static void stop_queues(struct controller *ctrl)
{
	for (uint32_t q = 1; q <= TARGET_QUEUES_MAX; q++)
		if (ctrl->queue[q])
			tconn_stop(ctrl->queue[q], CAUSE_SHUTDOWN);
}

void controller_end(struct controller *ctrl, enum cause cause)
{
	if (ctrl->ending)
		return;
	ctrl->ending = true;
	ctrl->deadline_ns = WORLD_NEVER;
	stop_queues(ctrl);
	if (ctrl->admin)
		tconn_stop(ctrl->admin, cause);
}

void controller_queue_gone(struct controller *ctrl, struct tconn *tc)
{
	if (ctrl->admin == tc)
		ctrl->admin = NULL;
	if (tc->qid && ctrl->queue[tc->qid] == tc) {
		ctrl->queue[tc->qid] = NULL;
		ctrl->queue_count--;
	}
	/*
	 * 3.3.2.4 lets the loss of any queue end the association. Linux closes its I/O queues before it
	 * writes CC.SHN and waits a minute for that answer: only the admin queue's end is the end.
	 */
	if (!ctrl->admin)
		controller_end(ctrl, CAUSE_PEER_CLOSED);
	if (!ctrl->admin && ctrl->queue_count == 0)
		controller_free(ctrl);
	else
		settle(ctrl);
}

bool controller_ready(const struct controller *ctrl)
{
	return ctrl->cc & NVME_CC_EN && !NVME_CC_SHN(ctrl->cc) && !ctrl->quiescing &&
	       ctrl->csts & NVME_CSTS_RDY;
}

/* --- keep alive --- */

/* Commands of all queues: traffic counts (CTRATT.TBKAS). */
static uint64_t activity(const struct controller *ctrl)
{
	uint64_t sum = ctrl->admin ?
			       atomic_load_explicit(&ctrl->admin->activity, memory_order_relaxed) :
			       0;

	for (uint32_t q = 1; ctrl->queue_count && q <= TARGET_QUEUES_MAX; q++)
		if (ctrl->queue[q])
			sum += atomic_load_explicit(&ctrl->queue[q]->activity,
						    memory_order_relaxed);
	return sum;
}

/*
 * The keep-alive timer runs while the controller is ready. An association of which nothing is made
 * would stay for ever otherwise; 3.3.2.4 gives a disabled one two minutes at least.
 */
static void arm(struct controller *ctrl)
{
	struct target *t = ctrl->subsys->target;
	uint64_t wait_ms = controller_ready(ctrl) ? ctrl->kato_ms : TARGET_DISABLED_MS;

	ctrl->deadline_ns = WORLD_NEVER;
	if (wait_ms == 0 || ctrl->ending)
		return;
	ctrl->activity_seen = activity(ctrl);
	ctrl->deadline_ns = world_now(t->worlds[0]) + wait_ms * NS_PER_MS;
	if (t->wake)
		t->wake(t->wake_ctx);
}

void controller_set_kato(struct controller *ctrl, uint32_t kato_ms)
{
	uint64_t rounded = ((uint64_t)kato_ms + TARGET_KAS_MS - 1) / TARGET_KAS_MS * TARGET_KAS_MS;

	if (kato_ms == 0 && ctrl->subsys->discovery)
		rounded = ctrl->subsys->target->config.kato_discovery_ms;
	ctrl->kato_ms = (uint32_t)min_u64(rounded, UINT32_MAX / TARGET_KAS_MS * TARGET_KAS_MS);
	arm(ctrl);
}

static void expire(struct controller *ctrl)
{
	bool ready = controller_ready(ctrl);
	char who[700];

	ctrl->csts |= NVME_CSTS_CFS;
	ctrl->subsys->target->counters.kato_expired += ready;
	if (ctrl->admin)
		log_warn("%s: no command for %u ms%s, the association ends",
			 tconn_describe(ctrl->admin, who, sizeof(who)),
			 ready ? ctrl->kato_ms : TARGET_DISABLED_MS, ready ? "" : ", not enabled");
	controller_end(ctrl, CAUSE_KATO_EXPIRED);
}

uint64_t controller_turn(struct controller *ctrl, uint64_t now_ns)
{
	uint64_t seen;

	if (now_ns < ctrl->deadline_ns)
		return ctrl->deadline_ns;
	seen = activity(ctrl);
	if (controller_ready(ctrl) && seen != ctrl->activity_seen) {
		ctrl->activity_seen = seen;
		ctrl->deadline_ns = now_ns + ctrl->kato_ms * NS_PER_MS;
		return ctrl->deadline_ns;
	}
	expire(ctrl);
	return WORLD_NEVER;
}

/* --- CC and CSTS. Base 3.1.4.5, 3.1.4.6, 3.6 --- */

static bool cc_good(uint32_t cc, bool discovery)
{
	uint32_t css = NVME_CC_CSS(cc) << 4;

	return (discovery || (NVME_CC_IOSQES(cc) == 6 && NVME_CC_IOCQES(cc) == 4)) &&
	       NVME_CC_MPS(cc) == 0 && NVME_CC_AMS(cc) == 0 &&
	       (css == NVME_CC_CSS_NVM || css == NVME_CC_CSS_CSI);
}

static void enable(struct controller *ctrl)
{
	ctrl->csts = cc_good(ctrl->cc, ctrl->subsys->discovery) ? NVME_CSTS_RDY : NVME_CSTS_CFS;
	arm(ctrl);
}

/* A reset forgets Asynchronous Event Requests; the host knows and does not wait for them. */
static void drop_events(struct tconn *admin)
{
	for (uint32_t i = 0; admin && i < admin->cmd_count; i++) {
		struct tcmd *c = tconn_slot(admin, i);

		if (c->state == TCMD_IO && !c->io.done && c->sqe.opcode == NVME_ADMIN_ASYNC_EVENT)
			tcmd_drop(c);
	}
}

/* Ready goes, and a shutdown is complete, when no I/O of the controller is left on any thread. */
static void settle(struct controller *ctrl)
{
	if (!ctrl->quiescing || ctrl->queue_count)
		return;
	ctrl->quiescing = false;
	if (NVME_CC_SHN(ctrl->cc)) {
		ctrl->csts &= ~(NVME_CSTS_RDY | NVME_CSTS_SHST_MASK);
		ctrl->csts |= NVME_CSTS_SHST_CMPLT;
	} else {
		ctrl->csts = 0;
		if (ctrl->cc & NVME_CC_EN)
			enable(ctrl);	/* again, before the reset was over */
	}
}

static void quiesce(struct controller *ctrl)
{
	ctrl->quiescing = true;
	stop_queues(ctrl);
	arm(ctrl);
	settle(ctrl);
}

void controller_set_cc(struct controller *ctrl, uint32_t cc)
{
	uint32_t old = ctrl->cc;

	ctrl->cc = cc;
	if (old & NVME_CC_EN && !(cc & NVME_CC_EN)) {
		drop_events(ctrl->admin);
		quiesce(ctrl);
	} else if (!(old & NVME_CC_EN) && cc & NVME_CC_EN && !ctrl->quiescing) {
		enable(ctrl);
	}
	if (NVME_CC_SHN(cc) && !NVME_CC_SHN(old)) {
		ctrl->csts = (ctrl->csts & ~NVME_CSTS_SHST_MASK) | NVME_CSTS_SHST_OCCUR;
		quiesce(ctrl);
	}
	if (!NVME_CC_SHN(cc) && NVME_CC_SHN(old))
		ctrl->csts &= ~NVME_CSTS_SHST_MASK;
}

/* --- asynchronous events --- */

/*
 * Requests are kept until there is something to tell; today that is at the end of the association
 * only, when they are dropped with the queue.
 */
void controller_aer(struct tcmd *c)
{
	struct tconn *tc = c->tc;
	uint32_t held = 0;

	for (uint32_t i = 0; i < tc->cmd_count; i++) {
		const struct tcmd *other = tconn_slot(tc, i);

		held += other != c && other->state == TCMD_IO && !other->io.done &&
			other->sqe.opcode == NVME_ADMIN_ASYNC_EVENT;
	}
	if (held >= TARGET_AER_MAX)
		tcmd_complete(c, NVME_SC_ASYNC_LIMIT);
}
