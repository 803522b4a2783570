/* SPDX-License-Identifier: BSD-3-Clause */
/* loop_impl - what the files of this room share: the loop, its sockets, its poller. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/world.h"
#include "loop/loop.h"
#include "loop/poller.h"
#include "loop/post.h"
#include "loop/timer.h"
#include "loop/workers.h"

#define HOT_SOCKS	 4
#define ACCEPTS_PER_TURN 8
#define RX_BYTES_DEFAULT (128u << 10)

/* A token names a watched socket, also after its end: then the generations differ. */
struct sock_slot {
	struct world_sock *sock; /* NULL: free */
	uint32_t gen;
	uint32_t next_free;
};

struct world_sock {
	struct loop *l; /* who watches it, or NULL */
	int fd;
	int broken; /* errno: it could not be watched, and fails */
	uint32_t slot;
	bool hot;
	uint64_t moved_ns; /* when something moved last */
	world_ready_fn ready;
	void *ctx;
	/* a listener only */
	world_accept_fn accept;
	void *accept_ctx;
	bool accept_paused; /* out of file descriptors; told once */
	struct world_timer accept_later;
	struct world_task accept_more;
};

struct loop {
	struct world world;
	struct post_queue posts;
	atomic_bool stop;
	bool inside;	/* loop_run_once() is running */
	bool fd_wanted; /* the caller polls loop_fd(): it must tell of everything */
	bool kicked;	/* and has been told */
	bool moved;	/* this pass did something that others wait for */
	bool happened;	/* this pass did anything */
	bool look_soon; /* the poller may know something new */
	bool spin_always;
	int event_fd; /* posts; written when the loop sleeps, never read: edge-triggered */
	int bell_fd; /* what makes loop_fd() readable; the same one unless the poller has its own */
	atomic_int wake_fd; /* which of the two wakes this loop now */
	uint32_t passes;
	uint64_t now_ns, woke_ns; /* of this pass; of the last return from waiting */
	uint64_t spin_ns;
	uint32_t spin_score; /* 0..SPIN_ONE: how well spinning would have paid lately */
	struct {
		uint64_t looked_ns, yield_until_ns;
		uint64_t waited_ns; /* of @thread, at the last look */
		pthread_t thread;
		uint32_t looks; /* one after the other that found it crowded */
	} crowd;

	struct timer_wheel timers;
	struct list tasks;
	struct world_sock *hot[HOT_SOCKS];

	struct sock_slot *slots;
	uint32_t slot_count, slot_free;

	struct workers *workers; /* or NULL: jobs run in the loop */
	struct list jobs;	 /* wait for workers, or to run here */
	uint32_t jobs_out, jobs_max;
	struct list ios;   /* file operations that the loop does by itself: there is no pool */
	uint32_t pool_ios; /* file operations in the pool */
	uint32_t ios_out;  /* file operations in the kernel or the pool */

	const struct poller_ops *poller;
	struct poller *poller_state;
	struct loop_counters counters;
	char congestion[16]; /* "": what the system chose */
	struct pool buffers;
	uint8_t *rx_memory;
	int cpu; /* -1: not pinned */
};

#define SLOT_NONE UINT32_MAX

static inline struct loop *loop_of(struct world *w)
{
	return (struct loop *)w; /* its first member */
}

/* Counters have one writer, and readers in other threads. */
static inline void count(uint64_t *counter)
{
	__atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

static inline void count_shared(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

uint64_t loop_clock_ns(void);
/* Something was queued: tell a caller who polls loop_fd(). */
void loop_kick(struct loop *l);
void loop_wake(struct loop *l); /* from any thread; safe in a signal handler */
/* Readiness from the poller; stale tokens are ignored. */
void loop_event(struct loop *l, uint64_t token, unsigned int events);
/* The poller returned from waiting: the time has changed, senders need not wake us. */
void loop_woke(struct loop *l);
/* Hand a job to the pool; false: there is none, or it has enough of ours. */
bool loop_give_job(struct loop *l, struct world_job *j);
/* Wait for jobs and file operations that are under way; nothing is called back. */
void loop_quiesce(struct loop *l);
void loop_arm_timerfd(int fd, uint64_t deadline_ns);
/* A worker has done a file operation: the post that brings it back. */
void loop_io_back(struct world *w, struct world_post *p);
void loop_io_done(struct loop *l, struct world_io *io, int result);
extern const struct world_ops loop_ops_epoll, loop_ops_uring;

int slot_take(struct loop *l, struct world_sock *s); /* 0 or -ENOMEM */
void slot_give(struct loop *l, struct world_sock *s);
/* NULL: the token's socket is closed or unwatched, or the token is no socket's. */
struct world_sock *slot_find(struct loop *l, uint64_t token);

/* sock.c: the part of world_ops about sockets. */
int sock_connect(struct world *w, const struct sockaddr *addr, socklen_t len,
		 struct world_sock **ret_sock);
int sock_listen(struct world *w, const struct sockaddr *addr, socklen_t len, int backlog,
		world_accept_fn accept, void *ctx, struct world_sock **ret_sock);
int sock_local_addr(struct world_sock *s, struct sockaddr_storage *ret_addr);
int sock_error(struct world_sock *s);
ssize_t sock_recv(struct world_sock *s, const struct iovec *iov, int iov_count);
ssize_t sock_send(struct world_sock *s, const struct iovec *iov, int iov_count);
void sock_watch(struct world *w, struct world_sock *s, world_ready_fn ready, void *ctx);
void sock_unwatch(struct world_sock *s);
void sock_finish(struct world_sock *s);
void sock_close(struct world_sock *s, bool abort);
/* Call the socket's owner; @events 0: only try. Returns whether something moved. */
bool sock_ready(struct loop *l, struct world_sock *s, unsigned int events);
uint64_t sock_token(const struct loop *l, const struct world_sock *s);
/* Try the sockets that were busy a moment ago. */
bool sock_try_hot(struct loop *l);

/* file_io.c: an operation from start to end with blocking calls; for a worker thread. */
int file_io_run(struct world_io *io);
/* @n bytes of READ or WRITE were moved. Returns whether more is to do. */
bool file_io_advance(struct world_io *io, size_t n);
