/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/workers.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "loop/sched.h"

#define WORKERS_MAX 64

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct list queue[2];	/* by work_kind */
	uint32_t limit;		/* threads at most */
	uint32_t threads, idle; /* started; of these, waiting */
	uint32_t running[2];	/* by kind */
	enum work_kind last;	/* taken */
	bool stop;
	pthread_t ids[WORKERS_MAX];
};

struct workers *workers_new(uint32_t threads)
{
	struct workers *p = calloc(1, sizeof(*p));
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (!p)
		return NULL;
	if (threads == 0)
		threads = cpus > 0 ? (uint32_t)min_u64((uint64_t)cpus, WORKERS_MAX) : 1;
	assert(threads <= WORKERS_MAX);
	p->limit = threads;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	list_init(&p->queue[WORK_IO]);
	list_init(&p->queue[WORK_JOB]);
	return p;
}

/*
 * What a free thread may take now, or NULL. Called with the lock. Where both kinds wait, the one of
 * which less is running has its turn, so that neither waits for ever behind the other.
 */
static struct world_job *take(struct workers *p, enum work_kind *ret_kind)
{
	uint32_t jobs_max = p->limit > 1 ? p->limit - 1 : 1;
	uint32_t io = p->running[WORK_IO], jobs = p->running[WORK_JOB];
	bool io_waits = !list_empty(&p->queue[WORK_IO]);
	bool job_may = !list_empty(&p->queue[WORK_JOB]) && jobs < jobs_max;
	enum work_kind kind =
		job_may && (!io_waits || jobs < io || (jobs == io && p->last == WORK_IO)) ?
			WORK_JOB :
			WORK_IO;
	struct list *n = list_first(&p->queue[kind]);

	if (!n)
		return NULL;
	list_del(n);
	*ret_kind = p->last = kind;
	return container_of(n, struct world_job, node);
}

static void run(struct workers *p, struct world_job *j, enum work_kind kind)
{
	p->running[kind]++;
	pthread_mutex_unlock(&p->lock);
	j->work(j);
	pthread_mutex_lock(&p->lock);
	/*
	 * From here on @j is not ours. With the lock, so that a loop that has seen its last job come
	 * back can tell that nobody is still about to wake it: workers_stopped().
	 */
	world_post(j->home, &j->back);
	p->running[kind]--;
}

static void *worker(void *arg)
{
	struct workers *p = arg;

	pthread_setname_np(pthread_self(), "nvmetls-work");
	sched_usual_slices();
	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		enum work_kind kind;
		struct world_job *j = take(p, &kind);

		if (j) {
			run(p, j, kind);
			continue;
		}
		p->idle++;
		pthread_cond_wait(&p->more, &p->lock);
		p->idle--;
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Called with the lock. Signals are for the threads of the program, not for these. */
static void start_one(struct workers *p)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&p->ids[p->threads], NULL, worker, p) == 0)
		p->threads++;
	else if (p->threads == 0)
		log_error("cannot start a worker thread");
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

bool workers_submit(struct workers *p, struct world_job *j, enum work_kind kind)
{
	bool ok;

	pthread_mutex_lock(&p->lock);
	if (!p->stop && p->idle == 0 && p->threads < p->limit)
		start_one(p);
	ok = !p->stop && p->threads > 0;
	if (ok) {
		list_add_tail(&p->queue[kind], &j->node);
		pthread_cond_signal(&p->more);
	}
	pthread_mutex_unlock(&p->lock);
	return ok;
}

bool workers_stopped(struct workers *p)
{
	bool stopped;

	pthread_mutex_lock(&p->lock);
	stopped = p->stop;
	pthread_mutex_unlock(&p->lock);
	return stopped;
}

void workers_stop(struct workers *p)
{
	uint32_t threads;

	pthread_mutex_lock(&p->lock);
	p->stop = true;
	threads = p->threads;
	p->threads = 0;
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
	for (uint32_t i = 0; i < threads; i++)
		pthread_join(p->ids[i], NULL);
}

void workers_free(struct workers *p)
{
	assert(p->threads == 0);
	pthread_cond_destroy(&p->more);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
