/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * workers - a bounded pool of threads for work above 50 us.
 *
 * Two queues: file operations, which are short and waited for, and jobs (handshakes,
 * Diffie-Hellman). With more than one thread, jobs never take the last one; where both wait, they
 * take turns. Threads start with the first work that finds none idle.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/world.h"

struct workers;

enum work_kind { WORK_IO, WORK_JOB };

/* @threads: 1..64; 0: number of CPUs. NULL: out of memory. */
struct workers *workers_new(uint32_t threads);
/*
 * Run j->work on a pool thread, then post j->back, which the caller has filled in, to j->home.
 * Returns false, and keeps nothing, when the pool was stopped or cannot start its first thread.
 */
bool workers_submit(struct workers *p, struct world_job *j, enum work_kind kind);
/* When it returns, no worker is in the middle of a post whose arrival was seen before. */
bool workers_stopped(struct workers *p);
/* Waits for what runs; what is queued is dropped and never comes back. */
void workers_stop(struct workers *p);
/* After workers_stop(). */
void workers_free(struct workers *p);
