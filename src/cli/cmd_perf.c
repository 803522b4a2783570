/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * perf: connect, one thread per job, wait, report. The main thread only sleeps, shows progress
 * on a terminal and measures the process.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/interrupt.h"
#include "cli/namespace.h"
#include "cli/perf_options.h"
#include "cli/perf_report.h"
#include "cli/verbs.h"

#define QUEUE_SIZE_MAX 1024u

/* A signal handler sets it: enum perf_stop. */
static atomic_int stop_flag;

struct perf_run {
	const struct report *r;
	struct perf_options *o;
	struct nvmetls *c;
	struct nvmetls_info info;
	struct nvmetls_ns ns;
	struct perf_config config;
	struct perf_job *jobs;
	pthread_t threads[PERF_JOBS_MAX];
	pthread_barrier_t start, timed_end;	/* all jobs and the main thread */
	pthread_mutex_t lock;
	pthread_cond_t ended;
	uint32_t running;			/* jobs in their timed phase */
	uint64_t start_ns, end_ns, cpu_user_us, cpu_sys_us;
};

static bool interrupted(void)
{
	return atomic_load(&stop_flag) == PERF_STOP_SIGNAL;
}

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void process_cpu(uint64_t *user_us, uint64_t *sys_us)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	*user_us = (uint64_t)u.ru_utime.tv_sec * 1000000u + (uint64_t)u.ru_utime.tv_usec;
	*sys_us = (uint64_t)u.ru_stime.tv_sec * 1000000u + (uint64_t)u.ru_stime.tv_usec;
}

/* ---- a job's thread ---- */

struct job_arg {
	struct perf_run *run;
	struct perf_job *job;
};

static void pin(const struct perf_run *run, unsigned int index)
{
	cpu_set_t set;

	if (run->o->cpu_count == 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)run->o->cpu[index % run->o->cpu_count], &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set))
		fprintf(stderr, "nvmetls: perf: cannot pin job %u to CPU %d\n", index,
			run->o->cpu[index % run->o->cpu_count]);
}

static void *job_main(void *arg)
{
	struct job_arg a = *(struct job_arg *)arg;

	free(arg);
	pin(a.run, a.job->index);
	pthread_barrier_wait(&a.run->start);
	perf_job_run(a.job);
	pthread_mutex_lock(&a.run->lock);
	a.run->running--;
	pthread_cond_signal(&a.run->ended);
	pthread_mutex_unlock(&a.run->lock);
	pthread_barrier_wait(&a.run->timed_end);
	perf_job_read_back(a.job);
	return NULL;
}

static bool start_job(struct perf_run *run, uint32_t i)
{
	struct job_arg *a = malloc(sizeof(*a));

	if (!a)
		return false;
	*a = (struct job_arg){ run, &run->jobs[i] };
	if (pthread_create(&run->threads[i], NULL, job_main, a) == 0)
		return true;
	free(a);
	return false;
}

/* ---- the main thread ---- */

static void show_progress(const struct perf_run *run, uint64_t *last_ios, uint64_t *last_bytes)
{
	uint64_t ios = 0, bytes = 0;
	char iops[16];

	for (uint32_t i = 0; i < run->config.numjobs; i++) {
		ios += atomic_load_explicit(&run->jobs[i].ios_done, memory_order_relaxed);
		bytes += atomic_load_explicit(&run->jobs[i].bytes_done, memory_order_relaxed);
	}
	fprintf(stderr, "\r%3" PRIu64 " s: %s IOPS, %.1f MiB/s      ",
		(clock_ns() - run->start_ns) / 1000000000u,
		perf_short((double)(ios - *last_ios), iops, sizeof(iops)),
		(double)(bytes - *last_bytes) / (1 << 20));
	fflush(stderr);
	*last_ios = ios;
	*last_bytes = bytes;
}

/* Until all jobs have ended their timed phase; a line per second where somebody looks. */
static void watch(struct perf_run *run)
{
	bool terminal = isatty(STDERR_FILENO) && !run->r->json;
	uint64_t ios = 0, bytes = 0;
	struct timespec next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	pthread_mutex_lock(&run->lock);
	while (run->running > 0) {
		next.tv_sec++;
		while (run->running > 0 &&
		       pthread_cond_timedwait(&run->ended, &run->lock, &next) != ETIMEDOUT)
			;
		if (terminal && run->running > 0)
			show_progress(run, &ios, &bytes);
	}
	pthread_mutex_unlock(&run->lock);
	if (terminal)
		fprintf(stderr, "\r%40s\r", "");
}

static void init_sync(struct perf_run *run)
{
	pthread_condattr_t attr;

	pthread_barrier_init(&run->start, NULL, run->config.numjobs + 1);
	pthread_barrier_init(&run->timed_end, NULL, run->config.numjobs + 1);
	pthread_mutex_init(&run->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&run->ended, &attr);
	pthread_condattr_destroy(&attr);
}

static int run_jobs(struct perf_run *run)
{
	uint64_t user, sys;

	init_sync(run);
	run->running = run->config.numjobs;
	for (uint32_t i = 0; i < run->config.numjobs; i++)
		if (!start_job(run, i)) {
			/* the others wait at the barrier for one that will never come */
			fprintf(stderr, "nvmetls: perf: cannot start a thread; lower --numjobs\n");
			exit(EXIT_FAILED);
		}
	process_cpu(&user, &sys);
	run->start_ns = clock_ns();
	pthread_barrier_wait(&run->start);
	watch(run);
	run->end_ns = clock_ns();
	process_cpu(&run->cpu_user_us, &run->cpu_sys_us);
	run->cpu_user_us -= user;
	run->cpu_sys_us -= sys;
	pthread_barrier_wait(&run->timed_end);
	for (uint32_t i = 0; i < run->config.numjobs; i++)
		pthread_join(run->threads[i], NULL);
	return GO_ON;
}

static int no_memory(const struct perf_run *run)
{
	const struct perf_config *c = &run->config;

	return report_failed(run->r, "no-memory", "lower --numjobs, --iodepth, --bs or --size",
			     "no memory for %" PRIu32 " jobs of %" PRIu32 " I/Os of %" PRIu32 " bytes",
			     c->numjobs, c->iodepth, c->bs);
}

static int make_jobs(struct perf_run *run)
{
	run->jobs = calloc(run->config.numjobs, sizeof(*run->jobs));
	for (uint32_t i = 0; run->jobs && i < run->config.numjobs; i++) {
		struct perf_job *j = &run->jobs[i];

		j->c = &run->config;
		j->q = nvmetls_get_queue(run->c, i);
		j->index = i;
		j->stop = &stop_flag;
		if (!perf_job_init(j))
			return no_memory(run);
	}
	return run->jobs ? GO_ON : no_memory(run);
}

static int say_interrupted(const struct perf_run *run, const struct report *r)
{
	uint64_t left = 0;
	char hint[64] = "";

	for (uint32_t i = 0; i < run->config.numjobs; i++)
		left += run->jobs[i].in_flight;
	if (left)
		snprintf(hint, sizeof(hint), "%" PRIu64 " I/Os had no answer yet", left);
	return report_failed(r, "interrupted", hint, INTERRUPT_TEXT);
}

/* The first thing that went wrong, in one line. GO_ON: nothing did. */
static int verdict(struct perf_run *run, const struct report *r)
{
	const struct perf_job *bad = NULL;
	struct nvmetls_error e;
	char text[256];

	for (uint32_t i = 0; i < run->config.numjobs && !bad; i++)
		if (run->jobs[i].mismatched)
			bad = &run->jobs[i];
	if (bad)
		return report_failed(r, "verify-failed", "",
				     "verify: %s", perf_mismatch_text(&bad->mismatch, text, sizeof(text)));
	memset(&e, 0, sizeof(e));
	if (nvmetls_state(run->c, &e))
		return report_error(r, &e);
	for (uint32_t i = 0; i < run->config.numjobs && !bad; i++)
		if (run->jobs[i].status)
			bad = &run->jobs[i];
	if (bad)
		return namespace_io_failed(r, run->c, &run->ns, bad->status);
	if (interrupted())
		return say_interrupted(run, r);
	return GO_ON;
}

/* Why --verify has not seen all that was written. NULL: it has. */
static const char *unchecked(struct perf_run *run)
{
	bool all = true, failed = false;

	for (uint32_t i = 0; i < run->config.numjobs; i++) {
		all &= run->jobs[i].read_back;
		failed |= run->jobs[i].status != 0;
	}
	if (all)
		return NULL;
	if (nvmetls_state(run->c, NULL))
		return "the connection was lost";
	return failed ? "an I/O failed" : "interrupted";
}

static int finish(struct perf_run *run)
{
	struct report r = *run->r;
	struct perf_result res = {
		.config = &run->config,
		.rw = run->o->rw,
		.jobs = run->jobs,
		.info = &run->info,
		.runtime_ns = run->end_ns - run->start_ns,
		.cpu_user_us = run->cpu_user_us,
		.cpu_sys_us = run->cpu_sys_us,
	};
	int rc, written;

	nvmetls_get_info(run->c, &run->info);	/* with the key updates up to now */
	res.interrupted = interrupted();
	res.unchecked = unchecked(run);
	for (uint32_t i = 0; i < run->config.numjobs; i++) {
		res.verified_blocks += run->jobs[i].verified_blocks;
		res.mismatched |= run->jobs[i].mismatched;
	}
	if (r.json)
		r.into = perf_json(&res);	/* what was measured, and the error beside it */
	rc = verdict(run, &r);
	if (!r.json)
		perf_print(stdout, &res);
	written = r.json ? report_json(r.into) : report_flush(&r);
	return rc == GO_ON ? written : rc;
}

static int connected(struct perf_run *run)
{
	int rc;

	nvmetls_get_info(run->c, &run->info);
	if (run->info.io_queues < run->o->numjobs)
		return report_failed(run->r, "controller-busy", "lower --numjobs",
				     "the controller granted %u I/O queues", run->info.io_queues);
	rc = namespace_open(run->r, run->c, (uint32_t)run->o->nsid, &run->ns);
	if (rc != GO_ON)
		return rc;
	rc = perf_options_apply(run->r, run->o, &run->ns, &run->info, &run->config);
	if (rc == GO_ON)
		rc = make_jobs(run);
	interrupt_sets(&stop_flag, PERF_STOP_SIGNAL);
	if (rc == GO_ON)
		rc = run_jobs(run);
	if (rc == GO_ON)
		rc = finish(run);
	/* all is said: a signal ends what is left to do */
	interrupt_ends(run->r->verb, false);
	return rc;
}

static void release(struct perf_run *run)
{
	for (uint32_t i = 0; run->jobs && i < run->config.numjobs; i++)
		perf_job_free(&run->jobs[i]);
	free(run->jobs);
	perf_pattern_free(&run->config.pattern);
}

int cmd_perf(const struct verb *v, int argc, char **argv)
{
	static struct perf_run run;	/* large */
	struct perf_options o = PERF_OPTIONS_INIT;
	struct address a = ADDRESS_INIT;
	const struct opt_set sets[] = { { perf_opts, perf_opt_count, &o },
					OPTIONS_RECOVERY(&a),
					OPTIONS_ADDRESS(&a) };
	struct nvmetls_options options;
	int rc = options_parse(v, sets, ARRAY_SIZE(sets), argc, argv);
	struct report r = { .verb = v->name, .json = a.json };

	run.r = &r;
	run.o = &o;
	if (rc == GO_ON)
		rc = perf_options_check(v, &o, &a);
	if (rc == GO_ON)
		rc = address_check(v, &a, false, &options);
	if (rc == GO_ON) {
		options.io_queues = (uint16_t)o.numjobs;
		if (!a.queue_size && o.iodepth >= options.queue_size)
			options.queue_size = (uint16_t)min_u64(o.iodepth + 1, QUEUE_SIZE_MAX);
		options.serve = NVMETLS_SERVE_CALLER;
		options.spin_us = (uint32_t)o.poll_us;
		rc = address_connect(&r, &options, &run.c);
	}
	address_done(&a);
	if (rc != GO_ON)
		return rc;
	rc = connected(&run);
	nvmetls_disconnect(run.c);
	release(&run);
	return rc;
}
