/* SPDX-License-Identifier: BSD-3-Clause */
/* sched - how the kernel is to share a CPU between this thread and others. */
#pragma once

#include <stdint.h>

/*
 * For a thread that answers others and sleeps in between: woken, it comes before a thread that has
 * work for longer (a slice of 0.1 ms; Linux 6.12 and later, sched(7), sched_setattr(2)). It gets no
 * more of the CPU by that. Where it cannot be had, nothing changes.
 */
void sched_short_slices(void);
/* For a thread that computes: the slices that the system gives. A new thread has its maker's. */
void sched_usual_slices(void);

/*
 * How long this thread was ready to run while others ran in its place, since it began; ns. Always 0
 * where the kernel does not tell (/proc/thread-self/schedstat). A few microseconds.
 */
uint64_t sched_waited_ns(void);
