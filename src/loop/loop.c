/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One loop: look (busy sockets, the poller), serve (posts, jobs, timers, tasks), and when neither
 * found anything, spin or sleep.
 */
#include "loop/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "loop/loop_impl.h"
#include "loop/sched.h"

#define PASSES_PER_POLL 8 /* while there is other work, or hope for it */
#define SPIN_ONE	1024u
#define SPIN_PAYS	512u
/*
 * A sleep that ended within this time after a spin would have given up counts for spinning: two
 * wake-ups, the peer's and ours, were measured at 66 us and would not have been.
 */
#define SLEEP_COST_NS	100000u

/*
 * A CPU is crowded when this thread waits for it an eighth of the time in several looks one after the
 * other (a short burst is not worth the sleeps), and stays so as long as it waits at all.
 */
#define CROWD_BEGINS	8
#define CROWD_STAYS	32
#define CROWD_LOOKS	3
#define CROWD_LOOK_NS	(50 * NS_PER_MS)
#define CROWD_YIELD_NS	(1000 * NS_PER_MS)

uint64_t loop_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

void loop_wake(struct loop *l)
{
	uint64_t one = 1;
	int before = errno; /* a signal handler may be here */

	count_shared(&l->counters.wakeups);
	(void)!write(atomic_load(&l->wake_fd), &one, sizeof(one));
	errno = before;
}

void loop_kick(struct loop *l)
{
	if (l->inside || !l->fd_wanted || l->kicked)
		return;
	l->kicked = true;
	loop_wake(l);
}

void loop_woke(struct loop *l)
{
	post_awake(&l->posts);
	l->now_ns = l->woke_ns = loop_clock_ns();
}

void loop_arm_timerfd(int fd, uint64_t deadline_ns)
{
	struct itimerspec at = { 0 };

	if (deadline_ns != WORLD_NEVER) { /* all zero would disarm it */
		deadline_ns = max_u64(deadline_ns, 1);
		at.it_value.tv_sec = (time_t)(deadline_ns / NS_PER_SEC);
		at.it_value.tv_nsec = (long)(deadline_ns % NS_PER_SEC);
	}
	(void)timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static int slots_grow(struct loop *l)
{
	uint32_t more = l->slot_count ? l->slot_count * 2 : 64;
	struct sock_slot *slots = realloc(l->slots, more * sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (uint32_t i = l->slot_count; i < more; i++)
		slots[i] = (struct sock_slot){ .next_free = i + 1 < more ? i + 1 : SLOT_NONE };
	l->slot_free = l->slot_count;
	l->slots = slots;
	l->slot_count = more;
	return 0;
}

int slot_take(struct loop *l, struct world_sock *s)
{
	if (l->slot_free == SLOT_NONE && slots_grow(l))
		return -ENOMEM;
	s->slot = l->slot_free;
	l->slot_free = l->slots[s->slot].next_free;
	l->slots[s->slot].sock = s;
	return 0;
}

void slot_give(struct loop *l, struct world_sock *s)
{
	struct sock_slot *slot = &l->slots[s->slot];

	slot->sock = NULL;
	slot->gen = (slot->gen + 1) & INT32_MAX;
	slot->next_free = l->slot_free;
	l->slot_free = s->slot;
	s->slot = SLOT_NONE;
}

struct world_sock *slot_find(struct loop *l, uint64_t token)
{
	uint32_t slot = (uint32_t)token, gen = (uint32_t)(token >> 32) & INT32_MAX;

	if (slot >= l->slot_count || l->slots[slot].gen != gen)
		return NULL;
	return l->slots[slot].sock;
}

void loop_event(struct loop *l, uint64_t token, unsigned int events)
{
	struct world_sock *s = slot_find(l, token);

	if (!s)
		return;
	l->happened = true;
	l->moved |= sock_ready(l, s, events);
}

void loop_io_done(struct loop *l, struct world_io *io, int result)
{
	assert(l->ios_out > 0);
	l->ios_out--;
	l->moved = true;
	io->result = result;
	io->done(&l->world, io);
}

void loop_io_back(struct world *w, struct world_post *p)
{
	struct world_io *io = container_of(p, struct world_io, job.back);
	struct loop *l = loop_of(w);

	l->pool_ios--;
	loop_io_done(l, io, io->result);
}

static bool spin_pays(const struct loop *l)
{
	return l->spin_ns && (l->spin_always || l->spin_score >= SPIN_PAYS);
}

static void spin_paid(struct loop *l, uint32_t weight)
{
	l->spin_score += (SPIN_ONE - l->spin_score) / weight;
}

static void spin_lost(struct loop *l)
{
	l->spin_score -= l->spin_score / 4;
}

static uint32_t poller_poll(struct loop *l, uint64_t timeout_ns)
{
	l->look_soon = false;
	return l->poller->poll(l, timeout_ns);
}

/* What came from outside. */
static void look(struct loop *l)
{
	bool hot = spin_pays(l);

	l->now_ns = loop_clock_ns();
	if (hot)
		l->moved |= sock_try_hot(l);
	if (l->look_soon || (hot ? l->poller->urgent(l) : l->poller->pending(l)) ||
	    ++l->passes % PASSES_PER_POLL == 0)
		poller_poll(l, 0);
}

static void run_posts(struct loop *l)
{
	struct world_post *p = post_take(&l->posts);

	/* what the sender called now must not lie in the receiver's future */
	if (p)
		l->now_ns = loop_clock_ns();
	while (p) {
		struct world_post *next = p->next;

		l->moved = true;
		p->run(&l->world, p);
		p = next;
	}
}

static void run_tasks(struct loop *l)
{
	struct list now, *n;

	if (list_empty(&l->tasks))
		return;
	l->moved = true;
	/* what these wake runs in the next pass: the others have their turn first */
	list_init(&now);
	list_add_tail(&l->tasks, &now);
	list_del(&l->tasks);
	while ((n = list_first(&now))) {
		struct world_task *t = container_of(n, struct world_task, node);

		list_del(n);
		t->run(&l->world, t);
	}
}

static void job_back(struct world *w, struct world_post *p)
{
	struct world_job *j = container_of(p, struct world_job, back);
	struct loop *l = loop_of(w);

	assert(l->jobs_out > 0);
	l->jobs_out--;
	j->done(w, j);
}

bool loop_give_job(struct loop *l, struct world_job *j)
{
	if (!l->workers || l->jobs_out >= l->jobs_max)
		return false;
	j->back.run = job_back;
	if (!workers_submit(l->workers, j, WORK_JOB))
		return false;
	l->jobs_out++;
	return true;
}

void loop_quiesce(struct loop *l)
{
	const struct timespec ms = { .tv_nsec = (long)NS_PER_MS };

	if (!l->workers)
		return;
	while (l->jobs_out + l->pool_ios && !workers_stopped(l->workers)) {
		struct world_post *p = post_take(&l->posts);

		for (; p; p = p->next) {
			l->jobs_out -= p->run == job_back;
			l->pool_ios -= p->run == loop_io_back;
		}
		nanosleep(&ms, NULL);
	}
	(void)workers_stopped(l->workers);
}

/* One job or file operation that nobody else will do; the loop stands still meanwhile. */
static void run_inline(struct loop *l)
{
	struct list *n = list_first(&l->ios);

	if (n) {
		struct world_io *io = container_of(n, struct world_io, node);

		list_del(n);
		loop_io_done(l, io, file_io_run(io));
	}
	n = l->jobs_out == 0 ? list_first(&l->jobs) : NULL;
	if (n) {
		struct world_job *j = container_of(n, struct world_job, node);

		list_del(n);
		j->work(j);
		l->moved = true;
		j->done(&l->world, j);
	}
}

/* Jobs that found the pool full go on as others come back. */
static void run_jobs(struct loop *l)
{
	struct list *n;

	while ((n = list_first(&l->jobs)) && l->workers && l->jobs_out < l->jobs_max) {
		list_del(n);
		if (loop_give_job(l, container_of(n, struct world_job, node)))
			continue;
		list_add_tail(l->jobs.next, n); /* to its place */
		break;
	}
	run_inline(l);
}

/* What was asked of this world. */
static void serve(struct loop *l)
{
	run_posts(l);
	if (!list_empty(&l->jobs) || !list_empty(&l->ios))
		run_jobs(l);
	l->now_ns = loop_clock_ns();
	if (timer_wheel_advance(&l->timers, &l->world, l->now_ns))
		l->happened = true;
	run_tasks(l);
	l->happened |= l->moved;
}

static bool must_not_sleep(const struct loop *l)
{
	return !list_empty(&l->tasks) || !list_empty(&l->ios) || l->look_soon ||
	       (!list_empty(&l->jobs) && l->jobs_out == 0) ||
	       atomic_load_explicit(&l->stop, memory_order_relaxed);
}

/* The other hardware thread of this core may have work. */
static void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static void look_around(struct loop *l, uint64_t passed)
{
	uint64_t waited = sched_waited_ns(), lately = waited - l->crowd.waited_ns;
	bool known = pthread_equal(l->crowd.thread, pthread_self());	/* who runs this loop */

	l->crowd.looks = known && lately > passed / CROWD_BEGINS ? l->crowd.looks + 1 : 0;
	if (l->crowd.looks >= CROWD_LOOKS ||
	    (known && l->now_ns < l->crowd.yield_until_ns && lately > passed / CROWD_STAYS))
		l->crowd.yield_until_ns = l->now_ns + CROWD_YIELD_NS;
	l->crowd.thread = pthread_self();
	l->crowd.waited_ns = waited;
	l->crowd.looked_ns = l->now_ns;
}

/*
 * Do others want this CPU? Who spins is preempted by them, in the middle of its work, and then waits
 * for a slice of theirs to end; who sleeps is woken at once (loop/sched.h).
 */
static bool crowded(struct loop *l)
{
	if (l->now_ns - l->crowd.looked_ns >= CROWD_LOOK_NS)
		look_around(l, l->now_ns - l->crowd.looked_ns);
	return l->now_ns < l->crowd.yield_until_ns && !l->spin_always;
}

static bool spin(struct loop *l, uint64_t for_ns)
{
	uint64_t until = l->now_ns + for_ns;

	do {
		l->moved = false;
		look(l);
		serve(l);
		if (l->moved) {
			count(&l->counters.spins_won);
			spin_paid(l, 8);
			return true;
		}
		relax();
	} while (l->now_ns < until && !must_not_sleep(l));
	count(&l->counters.spins_lost);
	spin_lost(l);
	return l->happened;
}

static void sleep_in_poller(struct loop *l, uint64_t timeout_ns)
{
	uint64_t from = loop_clock_ns(), at = timer_wheel_next(&l->timers, from);

	timeout_ns = min_u64(timeout_ns, at == WORLD_NEVER ? at : at - min_u64(at, from));
	l->moved = false;
	if (must_not_sleep(l) || timeout_ns == 0 || !post_sleep(&l->posts)) {
		poller_poll(l, 0);
		serve(l);
		return;
	}
	count(&l->counters.waits);
	if (poller_poll(l, timeout_ns) > 0 && l->woke_ns - from < l->spin_ns + SLEEP_COST_NS)
		spin_paid(l, 16);
	else
		spin_lost(l);
	serve(l);
}

static void wait(struct loop *l, uint64_t timeout_ns)
{
	uint64_t spin_ns = min_u64(l->spin_ns, timeout_ns);

	if (spin_pays(l) && !must_not_sleep(l) && !crowded(l) && spin(l, spin_ns))
		return;
	sleep_in_poller(l, timeout_ns > spin_ns ? timeout_ns - spin_ns : 0);
}

static void enter(struct loop *l)
{
	assert(!l->inside);
	l->inside = true;
	l->happened = l->moved = false;
	atomic_store(&l->wake_fd, l->event_fd);
	if (l->fd_wanted)
		post_awake(&l->posts);
	l->look_soon |= l->kicked;
	l->kicked = false;
}

/* Between two calls the caller may sleep on loop_fd(): leave nothing that it does not tell of. */
static void leave(struct loop *l)
{
	bool more;

	if (l->fd_wanted ? l->poller->pending(l) : l->poller->urgent(l))
		poller_poll(l, 0);
	l->inside = false;
	if (!l->fd_wanted)
		return;
	/* before post_sleep(): who sees us asleep wakes us in the right way */
	atomic_store(&l->wake_fd, l->bell_fd);
	more = must_not_sleep(l) || l->poller->pending(l);
	l->poller->fd_deadline(l, timer_wheel_next(&l->timers, l->now_ns));
	if (!post_sleep(&l->posts) || more)
		loop_kick(l);
}

bool loop_run_once(struct loop *l, uint64_t timeout_ns)
{
	enter(l);
	look(l);
	serve(l);
	if (!l->happened)
		wait(l, timeout_ns);
	else if (l->moved) /* work did not even let us look up: the next may be here already */
		spin_paid(l, 16);
	leave(l);
	return l->happened;
}

int loop_fd(struct loop *l)
{
	int fd = l->poller->fd(l);

	if (!l->fd_wanted && !l->inside) {
		l->fd_wanted = true;
		atomic_store(&l->wake_fd, l->bell_fd);
		loop_kick(l); /* what was asked for before */
	}
	l->fd_wanted = true;
	return fd;
}

void loop_counters(struct world *w, struct loop_counters *ret)
{
	const uint64_t *from = (const uint64_t *)&loop_of(w)->counters;

	for (size_t i = 0; i < sizeof(*ret) / sizeof(uint64_t); i++)
		((uint64_t *)ret)[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}
