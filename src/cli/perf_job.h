/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * perf_job - one job of `nvmetls perf`: one thread, one queue, one slice of the namespace.
 *
 * Two phases: the timed one, and with --verify the reading back of all that was written. A job
 * ends early at its first error, and then asks the others to end through the shared stop flag.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/prng.h"
#include "cli/perf_hist.h"
#include "cli/perf_verify.h"
#include "nvmetls.h"

/* Why the jobs end before they are done: in the stop flag that they share. */
enum perf_stop { PERF_GO_ON, PERF_STOP_ERROR, PERF_STOP_SIGNAL };

enum perf_dir { PERF_READ, PERF_WRITE, PERF_TRIM, PERF_SYNC, PERF_DIRS };

/* What all jobs do. */
struct perf_config {
	bool random, trim;
	uint32_t read_percent;		/* 0..100; the others are writes, or trims */
	uint32_t bs;			/* bytes of one I/O, a multiple of the block */
	uint32_t iodepth, numjobs;
	uint64_t slice_bytes;		/* of one job, a multiple of bs */
	uint64_t runtime_ns;		/* 0: one pass over the slice */
	uint64_t rate_iops;		/* per job; 0: as fast as it goes */
	uint64_t fsync;			/* a Flush after so many writes; 0: none */
	uint64_t seed;
	uint32_t nsid, block_bytes;
	bool verify;
	struct perf_pattern pattern;
};

#define PERF_STOP_MS 1000

struct perf_stats {
	struct perf_hist clat;		/* submission to completion, ns */
	uint64_t ios, bytes;
};

struct perf_job;

struct perf_slot {
	struct nvmetls_io io;
	struct perf_job *job;
	struct perf_slot *next;		/* free list */
	uint8_t *buf;
	uint64_t unit, submitted_ns;
	uint32_t gen, low;		/* write: generation; read: perf_model_read() */
	enum perf_dir dir;
};

struct perf_job {
	/* set by the owner before perf_job_init() */
	const struct perf_config *c;
	struct nvmetls_queue *q;
	unsigned int index;		/* slice number */
	atomic_int *stop;		/* shared, enum perf_stop; set on an error and by signals */

	struct perf_slot *slots, *free, *held;	/* held: prepared, the queue was full */
	uint8_t *memory;
	uint64_t units, next_unit, issued, unsynced;	/* issued: without flushes */
	uint64_t start_ns, end_ns;
	uint32_t blocks_per_unit, in_flight;
	bool reading_back;
	struct prng random;
	struct perf_model model;

	/* results; the two counters may be read by another thread while it runs */
	atomic_uint_fast64_t ios_done, bytes_done;
	struct perf_stats stats[PERF_DIRS];
	struct nvmetls_queue_stats wire;	/* of the timed phase */
	uint64_t cpu_user_us, cpu_sys_us;	/* of this thread, timed phase */
	uint64_t verified_blocks;
	int status;			/* first error as nvmetls_io.done() gave it; 0: none */
	bool mismatched;
	bool read_back;			/* with verify: all that was written has been checked */
	struct perf_mismatch mismatch;	/* where mismatched */
};

/* False: out of memory; perf_job_free() is due all the same. */
bool perf_job_init(struct perf_job *j);
/*
 * In the job's thread. The timed phase. Returns with nothing in flight unless the queue is lost, or
 * what is outstanding when a signal came does not come back in PERF_STOP_MS.
 */
void perf_job_run(struct perf_job *j);
/* In the job's thread: read back all units that were written. */
void perf_job_read_back(struct perf_job *j);
/* After nvmetls_disconnect(): until then I/Os may be in flight. */
void perf_job_free(struct perf_job *j);
