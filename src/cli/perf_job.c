/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/perf_job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/bytes.h"
#include "loop/sched.h"

#define NS_PER_S    UINT64_C(1000000000)
#define NS_PER_MS   UINT64_C(1000000)
#define POLL_MS_MAX 50		/* so long at most until the clock and the stop flag are seen */
#define DRAIN_NS    (35 * NS_PER_S)	/* longer than the default time limit of a command */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static bool stopped(const struct perf_job *j)
{
	return atomic_load_explicit(j->stop, memory_order_relaxed) != PERF_GO_ON;
}

static void fail(struct perf_job *j, int status)
{
	int go_on = PERF_GO_ON;

	if (j->status == 0)
		j->status = status;
	atomic_compare_exchange_strong(j->stop, &go_on, PERF_STOP_ERROR);
}

bool perf_job_init(struct perf_job *j)
{
	const struct perf_config *c = j->c;
	struct prng fill;

	j->units = c->slice_bytes / c->bs;
	j->blocks_per_unit = c->bs / c->block_bytes;
	prng_seed(&j->random, c->seed + j->index);
	j->slots = calloc(c->iodepth, sizeof(*j->slots));
	if (!j->slots || posix_memalign((void **)&j->memory, 4096, (size_t)c->iodepth * c->bs))
		return false;
	if (c->verify && !perf_model_init(&j->model, j->units))
		return false;
	prng_seed(&fill, ~c->seed - j->index);
	prng_fill(&fill, j->memory, (size_t)c->iodepth * c->bs);
	for (uint32_t i = 0; i < c->iodepth; i++) {
		j->slots[i].job = j;
		j->slots[i].buf = j->memory + (size_t)i * c->bs;
		j->slots[i].next = j->free;
		j->free = &j->slots[i];
	}
	return true;
}

void perf_job_free(struct perf_job *j)
{
	free(j->slots);
	free(j->memory);
	perf_model_free(&j->model);
	j->slots = NULL;
	j->memory = NULL;
}

/* ---- completions ---- */

static uint64_t unit_lba(const struct perf_job *j, uint64_t unit)
{
	return (j->index * j->units + unit) * j->blocks_per_unit;
}

static void check_data(struct perf_job *j, const struct perf_slot *s)
{
	struct perf_expect expect = perf_model_expect(&j->model, s->unit, s->low);
	struct perf_mismatch m;

	if (perf_pattern_check(&j->c->pattern, s->buf, unit_lba(j, s->unit), j->blocks_per_unit,
			       expect, &m)) {
		j->verified_blocks += expect.low > 0 ? j->blocks_per_unit : 0;
		return;
	}
	if (!j->mismatched)
		j->mismatch = m;
	j->mismatched = true;
	fail(j, -EBADMSG);
}

static void account(struct perf_job *j, const struct perf_slot *s)
{
	struct perf_stats *st = &j->stats[s->dir];
	uint64_t bytes = s->dir == PERF_SYNC ? 0 : j->c->bs;

	perf_hist_add(&st->clat, now_ns() - s->submitted_ns);
	st->ios++;
	st->bytes += bytes;
	atomic_fetch_add_explicit(&j->ios_done, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&j->bytes_done, bytes, memory_order_relaxed);
}

static void io_done(struct nvmetls_io *io, int status)
{
	struct perf_slot *s = io->user;
	struct perf_job *j = s->job;

	j->in_flight--;
	s->next = j->free;
	j->free = s;
	if (status) {
		fail(j, status);
		return;
	}
	if (!j->reading_back)
		account(j, s);
	if (j->c->verify && s->dir == PERF_WRITE)
		perf_model_written(&j->model, s->unit, s->gen);
	if (j->c->verify && s->dir == PERF_READ)
		check_data(j, s);
}

/* ---- submission ---- */

static enum perf_dir pick_dir(struct perf_job *j)
{
	const struct perf_config *c = j->c;

	if (c->fsync && j->unsynced >= c->fsync)
		return PERF_SYNC;
	if (c->read_percent &&
	    (c->read_percent == 100 || prng_below(&j->random, 100) < c->read_percent))
		return PERF_READ;
	return c->trim ? PERF_TRIM : PERF_WRITE;
}

/* The next unit of the pattern; for a write under --verify one that no write is under way to. */
static bool pick_unit(struct perf_job *j, struct perf_slot *s)
{
	bool exclusive = j->c->verify && s->dir == PERF_WRITE;
	uint64_t tries =
		j->c->random && exclusive ? min_u64(j->units, 2 * (uint64_t)j->c->iodepth + 8) : 1;

	for (uint64_t i = 0; i < tries; i++) {
		s->unit = j->c->random ? prng_below(&j->random, j->units) : j->next_unit;
		s->gen = exclusive ? perf_model_write(&j->model, s->unit) : 1;
		if (s->gen == 0)
			continue;
		if (!j->c->random)
			j->next_unit = (j->next_unit + 1) % j->units;
		return true;
	}
	return false;
}

static void prepare(struct perf_job *j, struct perf_slot *s)
{
	static const enum nvmetls_op ops[PERF_DIRS] = { NVMETLS_READ, NVMETLS_WRITE,
							NVMETLS_DEALLOCATE, NVMETLS_FLUSH };
	struct nvmetls_io *io = &s->io;

	io->op = ops[s->dir];
	io->nsid = j->c->nsid;
	io->slba = unit_lba(j, s->unit);
	io->blocks = j->blocks_per_unit;
	io->buf = s->dir <= PERF_WRITE ? s->buf : NULL;
	io->done = io_done;
	io->user = s;
	if (s->dir == PERF_READ && j->c->verify)
		s->low = perf_model_read(&j->model, s->unit);
	if (s->dir == PERF_WRITE && j->c->verify)
		perf_pattern_fill(&j->c->pattern, s->buf, io->slba, io->blocks, s->gen);
	else if (s->dir == PERF_WRITE)
		store_le64(s->buf, j->issued);	/* no two writes are alike */
	if (s->dir == PERF_SYNC)
		j->unsynced = 0;
	else if (s->dir == PERF_WRITE)
		j->unsynced++;
}

/* A prepared slot to the queue. False: it is full, or lost. */
static bool submit(struct perf_job *j, struct perf_slot *s)
{
	int rc;

	s->submitted_ns = now_ns();
	rc = nvmetls_submit(j->q, &s->io);
	j->held = rc ? s : NULL;
	if (rc && rc != -EAGAIN)
		fail(j, rc);
	if (rc)
		return false;
	j->in_flight++;
	j->issued += s->dir != PERF_SYNC;
	return true;
}

/* One more I/O of the timed phase. False: not now. */
static bool issue(struct perf_job *j)
{
	struct perf_slot *s = j->held;

	if (s)
		return submit(j, s);
	s = j->free;
	if (!s)
		return false;
	s->dir = pick_dir(j);
	if (s->dir == PERF_SYNC)
		s->unit = 0;
	else if (!pick_unit(j, s))
		return false;
	j->free = s->next;
	prepare(j, s);
	return submit(j, s);
}

/* When the next I/O is due under --rate-iops. */
static uint64_t due_ns(const struct perf_job *j)
{
	uint64_t rate = j->c->rate_iops;

	if (!rate)
		return 0;
	return j->start_ns + j->issued / rate * NS_PER_S + j->issued % rate * NS_PER_S / rate;
}

static bool more_to_issue(const struct perf_job *j, uint64_t now)
{
	if (stopped(j))
		return false;
	if (j->c->runtime_ns)
		return now < j->start_ns + j->c->runtime_ns;
	return j->issued < j->units;
}

static int poll_ms(const struct perf_job *j, uint64_t now)
{
	uint64_t due = due_ns(j);

	if (due > now && j->free)
		return (int)min_u64((due - now) / NS_PER_MS, POLL_MS_MAX);
	return POLL_MS_MAX;
}

/* Nothing is in flight and nothing is due yet: the library would not wait for us then. */
static void rest(const struct perf_job *j, uint64_t now)
{
	uint64_t due = due_ns(j);
	uint64_t ns = due > now ? min_u64(due - now, POLL_MS_MAX * NS_PER_MS) : 0;
	struct timespec t = { (time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S) };

	if (j->in_flight == 0 && ns > 0)
		nanosleep(&t, NULL);
}

/* Take completions; false when the queue is lost. */
static bool poll_queue(struct perf_job *j, int ms)
{
	int rc = nvmetls_poll(j->q, ms);

	if (rc >= 0)
		return true;
	fail(j, rc);
	return false;
}

/* All that is in flight comes back, or the queue is lost, or it takes too long. */
static void drain(struct perf_job *j)
{
	uint64_t now = now_ns(), end = now + DRAIN_NS, stop_end = UINT64_MAX;

	while (j->in_flight > 0 && poll_queue(j, POLL_MS_MAX)) {
		now = now_ns();
		/* who wants the program to end does not wait for a target that is silent */
		if (atomic_load(j->stop) == PERF_STOP_SIGNAL && stop_end == UINT64_MAX)
			stop_end = now + PERF_STOP_MS * NS_PER_MS;
		if (now > stop_end)
			return;
		if (now > end) {
			fail(j, -ETIMEDOUT);
			return;
		}
	}
}

static void thread_cpu(uint64_t *user_us, uint64_t *sys_us)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	*user_us = (uint64_t)u.ru_utime.tv_sec * 1000000u + (uint64_t)u.ru_utime.tv_usec;
	*sys_us = (uint64_t)u.ru_stime.tv_sec * 1000000u + (uint64_t)u.ru_stime.tv_usec;
}

void perf_job_run(struct perf_job *j)
{
	struct nvmetls_queue_stats before, after;
	uint64_t user, sys, now;

	sched_short_slices();
	nvmetls_get_queue_stats(j->q, &before);
	thread_cpu(&user, &sys);
	now = j->start_ns = now_ns();
	while (more_to_issue(j, now)) {
		while (now >= due_ns(j) && more_to_issue(j, now) && issue(j))
			;
		if (stopped(j) || !poll_queue(j, poll_ms(j, now)))
			break;
		if (j->c->rate_iops)
			rest(j, now_ns());
		now = now_ns();
	}
	drain(j);
	j->end_ns = now_ns();
	thread_cpu(&j->cpu_user_us, &j->cpu_sys_us);
	j->cpu_user_us -= user;
	j->cpu_sys_us -= sys;
	nvmetls_get_queue_stats(j->q, &after);
	j->wire.recvs = after.recvs - before.recvs;
	j->wire.sends = after.sends - before.sends;
	j->wire.bytes_rx = after.bytes_rx - before.bytes_rx;
	j->wire.bytes_tx = after.bytes_tx - before.bytes_tx;
}

/* ---- reading back ---- */

static bool read_next(struct perf_job *j)
{
	struct perf_slot *s = j->held;

	if (s)
		return submit(j, s);
	while (j->next_unit < j->units && j->model.issued[j->next_unit] == 0)
		j->next_unit++;
	s = j->free;
	if (!s || j->next_unit == j->units)
		return false;
	j->free = s->next;
	s->dir = PERF_READ;
	s->unit = j->next_unit++;
	prepare(j, s);
	return submit(j, s);
}

void perf_job_read_back(struct perf_job *j)
{
	if (stopped(j) || !j->c->verify)
		return;
	if (j->held) {	/* prepared for the timed phase, never sent: it was not written */
		if (j->held->dir == PERF_WRITE)
			j->model.issued[j->held->unit]--;
		j->held->next = j->free;
		j->free = j->held;
		j->held = NULL;
	}
	j->reading_back = true;
	j->next_unit = 0;
	do {
		while (!stopped(j) && read_next(j))
			;
	} while (!stopped(j) && (j->in_flight > 0 || j->held) && poll_queue(j, POLL_MS_MAX));
	drain(j);
	j->read_back = j->next_unit == j->units && !j->held && j->in_flight == 0 && !j->status;
}
