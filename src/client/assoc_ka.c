/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keep Alive. NVMe Base 2.1 §3.9: sent at half of KATO; where any command counts (TBKAS) it is
 * looked at every quarter and sent only if nothing was answered since the last look.
 */
#include <errno.h>
#include <stdio.h>

#include "base/bytes.h"
#include "client/assoc_impl.h"
#include "nvme/status.h"

static uint64_t answered(const struct assoc *a)
{
	uint64_t sum = 0;

	for (uint16_t i = 0; i < a->queue_count; i++)
		if (a->queues[i].hq)
			sum += hqueue_answered(a->queues[i].hq);
	return sum;
}

static void ka_done(struct hqueue *q, struct hcmd *c)
{
	struct assoc *a = container_of(c, struct assoc, ka);
	char line[64];

	(void)q;
	a->ka_sent = false;
	if (fault_is(c->why) || c->status == NVME_SC_SUCCESS)
		return;
	snprintf(line, sizeof(line), "Keep Alive: status %03xh", c->status);
	assoc_fail(a, fault_os(EPROTO, CAUSE_PROTOCOL), line);
}

static void send_ka(struct assoc *a, uint64_t now_ns)
{
	a->ka = (struct hcmd){
		.done = ka_done,
		.timeout_ns = a->config.kato_ms * NS_PER_MS,
	};
	nvme_sqe_keep_alive(&a->ka.sqe);
	a->ka_sent = true;
	hqueue_submit_reserved(assoc_admin(a), &a->ka, now_ns);
}

static void ka_fired(struct world *w, struct world_timer *t)
{
	struct assoc *a = container_of(t, struct assoc, ka_timer);
	uint64_t now = world_now(w), sum = answered(a);

	if (!hqueue_live(assoc_admin(a)))
		return;
	if (!a->ka_sent && !(a->bringup.result.traffic_based && sum != a->ka_answered))
		send_ka(a, now);
	a->ka_answered = sum;
	world_timer_set(w, t, now + a->ka_interval_ns);
}

void assoc_ka_init(struct assoc *a)
{
	a->ka_timer.fire = ka_fired;
	list_init(&a->ka_timer.node);
}

void assoc_ka_start(struct assoc *a)
{
	uint64_t kato = min_u64(a->config.kato_ms, a->bringup.result.kato_ms) * NS_PER_MS;

	if (kato == 0)
		return;
	a->ka_interval_ns = a->bringup.result.traffic_based ? kato / 4 : kato / 2;
	world_timer_set(a->home, &a->ka_timer, world_now(a->home) + a->ka_interval_ns);
}

void assoc_ka_stop(struct assoc *a)
{
	world_timer_cancel(a->home, &a->ka_timer);
}
