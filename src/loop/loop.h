/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * loop - the only room that waits. Implements base/world.h with io_uring or epoll.
 *
 * A set of loops is N threads with a loop each, plus one bounded worker pool.
 * Loop 0 is the control loop. A loop can also be run by its owner's thread
 * (loop_run_once), which is how a library caller serves its own queues.
 *
 * Waiting: while work keeps coming the loop spins for up to @spin_us (adaptive:
 * only as long as spinning has been paying, and while others leave it the CPU), else it sleeps in
 * the kernel at once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/world.h"

enum loop_kind { LOOP_AUTO, LOOP_URING, LOOP_EPOLL };

struct loop_config {
	enum loop_kind kind;	/* AUTO: $NVMETLS_LOOP, else io_uring where the kernel allows it, else epoll */
	uint32_t threads;	/* 1..64 */
	uint32_t workers;	/* worker pool threads, 1..64; 0: number of CPUs */
	uint32_t spin_us;	/* upper bound of a spin; 0: never spin */
	bool spin_always;	/* do not adapt: spin spin_us each time */
	size_t rx_bytes;	/* shared receive buffer; 0: 128 KiB */
	size_t buf_bytes;	/* data buffers; 0: 128 KiB */
	uint32_t buf_count;	/* per thread; 0: 256 */
	int cpu_first;		/* pin thread i to CPU cpu_first + i; -1: do not pin */
	uint32_t jobs_max;	/* jobs of one loop in the pool, more wait in the loop; 0: 1024 */
	/* TCP_CONGESTION of sockets; NULL: system default unless that is bbr, then cubic or reno */
	const char *congestion;
};

struct loops;
struct loop;

/* What this process would use: "uring" or "epoll", and why. */
enum loop_kind loop_choose(enum loop_kind wanted, const char **ret_why);

/* Returns 0 or negative errno with a line in @why. Threads start in loops_run(). */
int loops_new(const struct loop_config *config, struct loops **ret, char *why, size_t why_size);
uint32_t loops_count(const struct loops *l);
struct world *loops_world(struct loops *l, uint32_t i);
/* Runs loop 0 in the calling thread and the others in their own until loops_stop(). */
void loops_run(struct loops *l);
/* The same with loop 0 in a thread of its own; returns at once. loops_join() waits for the end. */
int loops_spawn(struct loops *l);
void loops_join(struct loops *l);
void loops_stop(struct loops *l);	/* from any thread or signal-safe context */
void loops_free(struct loops *l);
/*
 * In a forked child, for loops of the parent: close the descriptors and free the memory, without
 * touching what both processes share. The sockets that they watch are closed and freed too: their
 * owners may only be forgotten.
 */
void loops_forget(struct loops *l);

/* A loop that the caller's thread runs. It uses @pool_of's worker pool for jobs (may be NULL: jobs run inline). */
int loop_new(const struct loop_config *config, struct loops *pool_of, struct loop **ret);
struct world *loop_world(struct loop *l);
/*
 * One iteration: ready sockets, completions, posts, timers, tasks. Waits at most @timeout_ns
 * for something to happen (0: not at all). Returns whether anything happened.
 */
bool loop_run_once(struct loop *l, uint64_t timeout_ns);
/* Readable when loop_run_once() has something to do; for the caller's poll(2). */
int loop_fd(struct loop *l);
/*
 * In the thread that ran it, and before loops_free(@pool_of). Waits for its jobs and file operations;
 * their done() is not called.
 */
void loop_free(struct loop *l);
void loop_forget(struct loop *l);	/* as loops_forget() */

struct loop_counters {
	uint64_t waits, spins_won, spins_lost, wakeups, syscalls_recv, syscalls_send, syscalls_wait;
	uint64_t recvs_empty;	/* not in syscalls_recv: a look at the socket, and nothing was there */
};
void loop_counters(struct world *w, struct loop_counters *ret);
