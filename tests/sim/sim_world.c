/* SPDX-License-Identifier: BSD-3-Clause */
/* The clock, the events, and what a world needs besides wire and disk. */
#include "sim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define SIM_BUF_BYTES (128u << 10)

uint64_t sim_pick(struct sim *s, uint64_t n)
{
	return prng_below(&s->prng, n);
}

bool sim_chance(struct sim *s, uint32_t ppm)
{
	return ppm && sim_pick(s, 1000000) < ppm;
}

void sim_note(struct sim *s, uint64_t fact)
{
	s->trace = (s->trace ^ fact) * 0x100000001b3ull;
}

/* --- events: a binary heap by time, then by order of entry --- */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

void sim_at(struct sim *s, struct sim_world *w, uint64_t at,
	    void (*fn)(struct sim *s, void *a, uint64_t b), void *a, uint64_t b)
{
	size_t i = s->heap_len++;

	if (s->heap_len > s->heap_cap) {
		s->heap_cap = s->heap_cap ? s->heap_cap * 2 : 256;
		s->heap = reallocarray(s->heap, s->heap_cap, sizeof(*s->heap));
		assert(s->heap);
	}
	s->heap[i] = (struct sim_event){ at, s->seq++, w, fn, a, b };
	for (; i && before(&s->heap[i], &s->heap[(i - 1) / 2]); i = (i - 1) / 2) {
		struct sim_event t = s->heap[i];

		s->heap[i] = s->heap[(i - 1) / 2];
		s->heap[(i - 1) / 2] = t;
	}
}

static struct sim_event pop(struct sim *s)
{
	struct sim_event top = s->heap[0];
	size_t i = 0, kid;

	s->heap[0] = s->heap[--s->heap_len];
	while ((kid = 2 * i + 1) < s->heap_len) {
		struct sim_event t = s->heap[i];

		if (kid + 1 < s->heap_len && before(&s->heap[kid + 1], &s->heap[kid]))
			kid++;
		if (!before(&s->heap[kid], &s->heap[i]))
			break;
		s->heap[i] = s->heap[kid];
		s->heap[kid] = t;
		i = kid;
	}
	return top;
}

static struct world_timer *first_timer(struct sim *s, struct sim_world **ret_w)
{
	struct world_timer *first = NULL;

	for (int i = 0; i < SIM_WORLDS; i++)
		list_each(it, &s->worlds[i].timers) {
			struct world_timer *t = container_of(it, struct world_timer, node);

			if (first && t->deadline_ns >= first->deadline_ns)
				continue;
			first = t;
			*ret_w = &s->worlds[i];
		}
	return first;
}

static void enter(struct sim *s, struct sim_world *w, uint64_t at)
{
	assert(at >= s->now);
	s->now = at;
	s->current = w;
	s->steps++;
	sim_note(s, at);
	sim_note(s, w->world.index);
}

bool sim_step(struct sim *s)
{
	struct sim_world *w = NULL;
	struct world_timer *t = first_timer(s, &w);
	struct sim_event e;

	if (!t && s->heap_len == 0)
		return false;
	if (t && (s->heap_len == 0 || t->deadline_ns < s->heap[0].at)) {
		enter(s, w, max_u64(t->deadline_ns, s->now));
		list_del(&t->node);
		t->fire(&w->world, t);
		return true;
	}
	e = pop(s);
	enter(s, e.w, e.at);
	e.fn(s, e.a, e.b);
	return true;
}

/* --- world_ops --- */

static uint64_t now_ns(struct world *w)
{
	return sim_of(w)->sim->now;
}

static void random_bytes(struct world *w, void *buf, size_t len)
{
	uint8_t *p = buf;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)sim_pick(sim_of(w)->sim, 256);
}

static void run_post(struct sim *s, void *a, uint64_t b)
{
	struct world_post *p = a;

	(void)b;
	p->run(&s->current->world, p);
}

static void post(struct world *to, struct world_post *p)
{
	struct sim_world *w = sim_of(to);
	struct sim *s = w->sim;
	uint64_t *last = &w->post_last[s->current ? s->current->world.index : 0];

	*last = max_u64(*last, s->now + sim_pick(s, s->faults.post_delay_max_ns + 1));
	sim_at(s, w, *last, run_post, p, 0);
}

static void job_back(struct sim *s, void *a, uint64_t b)
{
	struct world_job *j = a;

	(void)b;
	j->done(&s->current->world, j);
}

static void job_work(struct sim *s, void *a, uint64_t b)
{
	struct world_job *j = a;

	(void)b;
	j->work(j);
	sim_at(s, sim_of(j->home), s->now + sim_pick(s, 100000), job_back, j, 0);
}

static void job(struct world *w, struct world_job *j)
{
	struct sim *s = sim_of(w)->sim;

	j->home = w;
	sim_at(s, sim_of(w), s->now + sim_pick(s, 1000000), job_work, j, 0);
}

static void timer_set(struct world *w, struct world_timer *t, uint64_t deadline_ns)
{
	list_del(&t->node);
	t->deadline_ns = deadline_ns;
	list_add_tail(&sim_of(w)->timers, &t->node);
}

static void timer_cancel(struct world *w, struct world_timer *t)
{
	(void)w;
	list_del(&t->node);
}

static void run_tasks(struct sim *s, void *a, uint64_t b)
{
	struct sim_world *w = a;
	struct list *it;

	(void)b;
	w->tasks_scheduled = false;
	while ((it = list_first(&w->tasks))) {
		struct world_task *t = container_of(it, struct world_task, node);

		list_del(it);
		t->run(&w->world, t);
	}
	(void)s;
}

static void wake(struct world *w, struct world_task *t)
{
	struct sim_world *sw = sim_of(w);

	assert(!sw->sim->current || sw == sw->sim->current);
	if (!list_empty(&t->node))
		return;
	list_add_tail(&sw->tasks, &t->node);
	if (!sw->tasks_scheduled)
		sim_at(sw->sim, sw, sw->sim->now, run_tasks, sw, 0);
	sw->tasks_scheduled = true;
}

static const struct world_ops ops = {
	.name = "sim",
	.now_ns = now_ns,
	.random = random_bytes,
	.connect = sim_net_connect,
	.listen = sim_net_listen,
	.local_addr = sim_net_local_addr,
	.sock_error = sim_net_error,
	.recv = sim_net_recv,
	.send = sim_net_send,
	.watch = sim_net_watch,
	.unwatch = sim_net_unwatch,
	.finish = sim_net_finish,
	.close = sim_net_close,
	.io_submit = sim_disk_submit,
	.job = job,
	.post = post,
	.timer_set = timer_set,
	.timer_cancel = timer_cancel,
	.wake = wake,
};

static void world_init(struct sim *s, uint32_t i)
{
	struct sim_world *w = &s->worlds[i];
	size_t rx = 4096u << sim_pick(s, 6);
	int rc = pool_init(&w->pool, SIM_BUF_BYTES, 9 + (uint32_t)sim_pick(s, 40));

	assert(rc == 0);
	(void)rc;
	w->sim = s;
	list_init(&w->tasks);
	list_init(&w->timers);
	w->rx_memory = malloc(rx + WORLD_RX_HEADROOM);
	assert(w->rx_memory);
	w->world = (struct world){
		.ops = &ops,
		.index = i < SIM_TARGET_WORLDS ? i : i - SIM_TARGET_WORLDS,
		.buffers = &w->pool,
		.rx = w->rx_memory + WORLD_RX_HEADROOM,
		.rx_bytes = rx,
	};
}

void sim_init(struct sim *s, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	prng_seed(&s->prng, seed);
	s->now = NS_PER_SEC;
	s->trace = 0xcbf29ce484222325ull;
	list_init(&s->socks);
	s->faults = (struct sim_faults){
		.net_delay_max_ns = 1000 << sim_pick(s, 12),
		.disk_delay_max_ns = 1000 << sim_pick(s, 14),
		.post_delay_max_ns = 100 << sim_pick(s, 14),
		.cut_percent = (uint32_t)sim_pick(s, 100),
	};
	for (uint32_t i = 0; i < SIM_WORLDS; i++)
		world_init(s, i);
}

void sim_free(struct sim *s)
{
	sim_net_free(s);
	sim_disk_free(s);
	for (int i = 0; i < SIM_WORLDS; i++) {
		pool_free(&s->worlds[i].pool);
		free(s->worlds[i].rx_memory);
	}
	free(s->heap);
}
