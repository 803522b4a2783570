/* SPDX-License-Identifier: BSD-3-Clause */
/* Making loops, and sets of them with a thread each. */
#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "loop/loop_impl.h"
#include "loop/sched.h"

#define LOOPS_MAX     64u
#define RX_ALIGN      4096u
#define BUF_BYTES     (128u << 10)
#define BUFS	      256u
#define JOBS_MAX      1024u
#define UNTIL_STOPPED WORLD_NEVER

struct loops {
	uint32_t count;
	struct loop *loop[LOOPS_MAX];
	pthread_t thread[LOOPS_MAX];
	bool started[LOOPS_MAX]; /* has a thread of its own, not joined yet */
	struct workers *workers;
};

static const char *why_not(int err)
{
	if (err == -ENOSYS)
		return "the kernel has no io_uring, or a filter hides it";
	if (err == -EPERM || err == -EACCES)
		return "io_uring is forbidden here";
	if (err == -ENOMEM)
		return "io_uring may not lock enough memory (ulimit -l)";
	if (err == -ENOTSUP)
		return "the kernel's io_uring is too old";
	return "io_uring cannot be set up";
}

enum loop_kind loop_choose(enum loop_kind wanted, const char **ret_why)
{
	const char *env = wanted == LOOP_AUTO ? getenv("NVMETLS_LOOP") : NULL;
	const char *why = "asked for";
	int err;

	if (env && strcmp(env, "epoll") == 0)
		wanted = LOOP_EPOLL;
	else if (env && strcmp(env, "uring") == 0)
		wanted = LOOP_URING;
	else if (wanted == LOOP_AUTO)
		why = "io_uring works here";
	if (wanted != LOOP_EPOLL) {
		err = poller_uring_works();
		wanted = err ? LOOP_EPOLL : LOOP_URING;
		if (err)
			why = why_not(err);
	}
	if (ret_why)
		*ret_why = why;
	return wanted;
}

static int memory_init(struct loop *l, const struct loop_config *c)
{
	size_t rx_bytes = c->rx_bytes ? c->rx_bytes : RX_BYTES_DEFAULT;
	int rc;

	/* one page before it, of which WORLD_RX_HEADROOM bytes are promised */
	l->rx_memory = aligned_alloc(RX_ALIGN, (rx_bytes + 2 * RX_ALIGN - 1) & ~(RX_ALIGN - 1ul));
	if (!l->rx_memory)
		return -ENOMEM;
	rc = pool_init(&l->buffers, c->buf_bytes ? c->buf_bytes : BUF_BYTES,
		       c->buf_count ? c->buf_count : BUFS);
	if (rc)
		return rc;
	l->world.rx = l->rx_memory + RX_ALIGN;
	l->world.rx_bytes = rx_bytes;
	l->world.buffers = &l->buffers;
	return 0;
}

static int poller_init(struct loop *l, enum loop_kind kind)
{
	int rc;

	l->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (l->event_fd < 0)
		return -errno;
	l->bell_fd = l->event_fd;
	atomic_init(&l->wake_fd, l->event_fd);
	l->poller = kind == LOOP_URING ? &poller_uring : &poller_epoll;
	rc = l->poller->init(l);
	if (rc)
		l->poller = NULL;
	l->world.ops = kind == LOOP_URING ? &loop_ops_uring : &loop_ops_epoll;
	return rc;
}

static void free_memory(struct loop *l)
{
	if (l->poller)
		l->poller->free(l);
	if (l->event_fd >= 0)
		close(l->event_fd);
	if (l->buffers.memory)
		pool_free(&l->buffers);
	free(l->rx_memory);
	free(l->slots);
	free(l);
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->poller) {
		l->poller->drain(l);
		loop_quiesce(l);
	}
	free_memory(l);
}

/*
 * The poller's descriptors are closed and nothing is taken out of them: what they watch, the
 * parent goes on watching. Buffers that were out belong to nobody here.
 */
void loop_forget(struct loop *l)
{
	if (!l)
		return;
	for (uint32_t i = 0; i < l->slot_count; i++)
		if (l->slots[i].sock) {
			close(l->slots[i].sock->fd);
			free(l->slots[i].sock);
		}
	l->buffers.avail = l->buffers.count;
	free_memory(l);
}

static void set_fields(struct loop *l, const struct loop_config *c)
{
	l->event_fd = -1;
	l->cpu = -1;
	l->slot_free = SLOT_NONE;
	l->spin_ns = c->spin_us * 1000ull;
	l->spin_always = c->spin_always;
	l->jobs_max = c->jobs_max ? c->jobs_max : JOBS_MAX;
	if (c->congestion)
		snprintf(l->congestion, sizeof(l->congestion), "%s", c->congestion);
	post_init(&l->posts);
	timer_wheel_init(&l->timers, loop_clock_ns());
	list_init(&l->tasks);
	list_init(&l->jobs);
	list_init(&l->ios);
}

static int new_loop(const struct loop_config *c, enum loop_kind kind, struct workers *workers,
		    struct loop **ret)
{
	struct loop *l = aligned_alloc(_Alignof(struct loop), sizeof(*l));
	int rc;

	if (!l)
		return -ENOMEM;
	memset(l, 0, sizeof(*l));
	set_fields(l, c);
	l->workers = workers;
	rc = memory_init(l, c);
	if (rc == 0)
		rc = poller_init(l, kind);
	if (rc) {
		loop_free(l);
		return rc;
	}
	*ret = l;
	return 0;
}

int loop_new(const struct loop_config *config, struct loops *pool_of, struct loop **ret)
{
	return new_loop(config, loop_choose(config->kind, NULL), pool_of ? pool_of->workers : NULL,
			ret);
}

struct world *loop_world(struct loop *l)
{
	return &l->world;
}

static int fill(struct loops *ls, const struct loop_config *c, enum loop_kind kind)
{
	ls->workers = workers_new(c->workers);
	if (!ls->workers)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->threads; i++) {
		int rc = new_loop(c, kind, ls->workers, &ls->loop[i]);

		if (rc)
			return rc;
		ls->count++;
		ls->loop[i]->world.index = i;
		if (c->cpu_first >= 0)
			ls->loop[i]->cpu = c->cpu_first + (int)i;
	}
	return 0;
}

int loops_new(const struct loop_config *config, struct loops **ret, char *why, size_t why_size)
{
	struct loops *ls = calloc(1, sizeof(*ls));
	const char *reason;
	enum loop_kind kind = loop_choose(config->kind, &reason);
	int rc;

	*ret = NULL;
	assert(config->threads >= 1 && config->threads <= LOOPS_MAX);
	if (!ls) {
		snprintf(why, why_size, "loops: out of memory");
		return -ENOMEM;
	}
	if (config->kind == LOOP_URING && kind != LOOP_URING) {
		snprintf(why, why_size, "loop: %s", reason);
		free(ls);
		return -ENOTSUP;
	}
	rc = fill(ls, config, kind);
	if (rc) {
		snprintf(why, why_size, "loops: %s", strerror(-rc));
		loops_free(ls);
		return rc;
	}
	*ret = ls;
	return 0;
}

uint32_t loops_count(const struct loops *l)
{
	return l->count;
}

struct world *loops_world(struct loops *l, uint32_t i)
{
	assert(i < l->count);
	return &l->loop[i]->world;
}

static void pin(const struct loop *l)
{
	cpu_set_t set;
	int rc;

	if (l->cpu < 0)
		return;
	CPU_ZERO(&set);
	if (l->cpu < CPU_SETSIZE)
		CPU_SET((unsigned int)l->cpu, &set);
	rc = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	if (rc)
		log_warn("cannot pin loop %u to CPU %d: %s", l->world.index, l->cpu, strerror(rc));
}

static void run_until_stopped(struct loop *l)
{
	pin(l);
	while (!atomic_load_explicit(&l->stop, memory_order_acquire))
		loop_run_once(l, UNTIL_STOPPED);
	/* buffers belong to their owners again, who may free them after this */
	l->poller->drain(l);
}

static void *thread_main(void *arg)
{
	struct loop *l = arg;
	char name[16];

	snprintf(name, sizeof(name), "nvmetls-loop%u", l->world.index % 100);
	pthread_setname_np(pthread_self(), name);
	sched_short_slices();
	run_until_stopped(l);
	return NULL;
}

/* Signals are for the program's own threads. */
static int start_threads(struct loops *ls, uint32_t first)
{
	sigset_t all, before;
	int rc = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (uint32_t i = first; i < ls->count && rc == 0; i++) {
		rc = pthread_create(&ls->thread[i], NULL, thread_main, ls->loop[i]);
		ls->started[i] = rc == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc) {
		loops_stop(ls);
		loops_join(ls);
	}
	return -rc;
}

void loops_run(struct loops *l)
{
	int rc = start_threads(l, 1);

	if (rc) {
		log_error("cannot start the loops: %s", strerror(-rc));
		return;
	}
	run_until_stopped(l->loop[0]);
	loops_join(l);
}

int loops_spawn(struct loops *l)
{
	return start_threads(l, 0);
}

void loops_join(struct loops *l)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (l->started[i])
			pthread_join(l->thread[i], NULL);
	memset(l->started, 0, sizeof(l->started));
	/* a worker may still hold what an owner is going to free */
	workers_stop(l->workers);
}

void loops_stop(struct loops *l)
{
	for (uint32_t i = 0; i < l->count; i++) {
		atomic_store(&l->loop[i]->stop, true);
		loop_wake(l->loop[i]);
	}
}

void loops_free(struct loops *l)
{
	if (!l)
		return;
	if (l->workers) {
		loops_stop(l);
		loops_join(l);
	}
	for (uint32_t i = 0; i < l->count; i++)
		loop_free(l->loop[i]);
	if (l->workers)
		workers_free(l->workers);
	free(l);
}

void loops_forget(struct loops *l)
{
	if (!l)
		return;
	for (uint32_t i = 0; i < l->count; i++)
		loop_forget(l->loop[i]);
	/* its threads are the parent's, and so may its lock be: only the memory is ours */
	free(l->workers);
	free(l);
}
