/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * world - the door to the outside: clock, random, sockets, files, other threads.
 *
 * One struct world per loop thread. loop/ implements it with io_uring or
 * epoll, tests/sim with a seed. All functions but world_post() may be called
 * only from the thread that runs this world. Nothing here blocks, and no
 * callback is ever run from inside one of these functions: callbacks run from
 * the loop, one after the other.
 *
 * Ownership: posts, jobs, timers, tasks and ios are nodes inside the caller's
 * objects; they belong to the world from the call until their callback runs
 * (or until the cancel function returned), then to the caller again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/list.h"

struct world;
struct world_sock;	/* a TCP socket, owned by one world at a time */

/* A message to another (or the same) thread; run there. FIFO per sender and receiver. */
struct world_post {
	struct world_post *next;
	void (*run)(struct world *w, struct world_post *p);
};

/* Work above 50 us: @work runs on a pool thread, @done in the submitting world. */
struct world_job {
	struct list node;
	struct world *home;	/* set by world_job() */
	struct world_post back;	/* used by the implementation */
	void (*work)(struct world_job *j);
	void (*done)(struct world *w, struct world_job *j);
};

/* Fires once at or after @deadline_ns. */
struct world_timer {
	struct list node;	/* list_init()ed before first use */
	uint64_t deadline_ns;
	void (*fire)(struct world *w, struct world_timer *t);
};

/* Runs once, later in the same loop iteration. Waking a queued task again is harmless. */
struct world_task {
	struct list node;	/* list_init()ed before first use */
	void (*run)(struct world *w, struct world_task *t);
};

enum world_io_op {
	WORLD_IO_READ,		/* iov[] <- file at offset */
	WORLD_IO_WRITE,		/* iov[] -> file at offset; @dsync: durable when done */
	WORLD_IO_FDATASYNC,
	WORLD_IO_PUNCH_HOLE,	/* fallocate(PUNCH_HOLE | KEEP_SIZE) of [offset, +len) */
	WORLD_IO_ZERO_RANGE,	/* fallocate(ZERO_RANGE); -EOPNOTSUPP where the file cannot */
};

/* One file operation; short reads and writes are completed by the implementation. */
struct world_io {
	struct list node;	/* for the implementation */
	enum world_io_op op;
	bool dsync;
	int fd;
	uint64_t offset, len;	/* bytes; len is the sum of iov for READ and WRITE, which change both */
	struct iovec *iov;	/* changed by READ and WRITE, too */
	int iov_count;
	int result;		/* 0 or negative errno, valid in done() */
	void (*done)(struct world *w, struct world_io *io);
	uint64_t scratch[4];	/* for the implementation */
	struct world *home;	/* for the implementation */
	struct world_job job;	/* for the implementation */
};

enum { WORLD_READABLE = 1, WORLD_WRITABLE = 2 };

/*
 * Readiness of a socket, edge-triggered: after it was called, recv or send
 * until -EAGAIN. Returns whether anything moved (the loop spins on sockets
 * for which spinning pays). Also called, with events 0, as a speculative try
 * while the loop spins.
 */
typedef bool (*world_ready_fn)(void *ctx, unsigned int events);

/* A listening socket accepted @s; it is watched by nobody yet. @addr is the peer's. */
typedef void (*world_accept_fn)(void *ctx, struct world *w, struct world_sock *s,
				const struct sockaddr *addr);

struct world_ops {
	const char *name;	/* "uring", "epoll", "sim" */

	uint64_t (*now_ns)(struct world *w);	/* monotonic; constant within one callback */
	void (*random)(struct world *w, void *buf, size_t len);	/* cryptographic */

	/*
	 * Start a TCP connection; @ret_sock becomes writable when it stands, and
	 * sock_error() tells. Returns 0 or negative errno.
	 */
	int (*connect)(struct world *w, const struct sockaddr *addr, socklen_t len,
		       struct world_sock **ret_sock);
	/* Listen; accepted sockets come through @accept. Returns 0 or negative errno. */
	int (*listen)(struct world *w, const struct sockaddr *addr, socklen_t len, int backlog,
		      world_accept_fn accept, void *ctx, struct world_sock **ret_sock);
	int (*local_addr)(struct world_sock *s, struct sockaddr_storage *ret_addr);
	int (*sock_error)(struct world_sock *s);	/* pending SO_ERROR, 0 or positive errno */
	/* > 0 bytes, 0 end of stream (recv), -EAGAIN, or another negative errno. */
	ssize_t (*recv)(struct world_sock *s, const struct iovec *iov, int iov_count);
	ssize_t (*send)(struct world_sock *s, const struct iovec *iov, int iov_count);
	/* Bind a socket to this world and callback. Also reports what is already ready. */
	void (*watch)(struct world *w, struct world_sock *s, world_ready_fn ready, void *ctx);
	/* Undo watch(), so that another world may watch the socket. No callback follows. */
	void (*unwatch)(struct world_sock *s);
	/* Send FIN behind what was sent; receiving goes on. */
	void (*finish)(struct world_sock *s);
	/* Close (unwatches first). @abort: RST instead of FIN; what was not sent yet never will be. */
	void (*close)(struct world_sock *s, bool abort);

	void (*io_submit)(struct world *w, struct world_io *io);
	void (*job)(struct world *w, struct world_job *j);
	/* From any thread. */
	void (*post)(struct world *to, struct world_post *p);
	void (*timer_set)(struct world *w, struct world_timer *t, uint64_t deadline_ns);	/* or move */
	void (*timer_cancel)(struct world *w, struct world_timer *t);	/* harmless if not set */
	void (*wake)(struct world *w, struct world_task *t);
};

struct pool;

#define WORLD_RX_HEADROOM 64

struct world {
	const struct world_ops *ops;
	uint32_t index;		/* 0-based loop number; loop 0 is the control loop */
	struct pool *buffers;	/* this thread's data buffers; see base/pool.h */
	uint8_t *rx;		/* this thread's shared receive buffer; valid within one turn */
	size_t rx_bytes;	/* and WORLD_RX_HEADROOM more bytes are writable before rx */
};

#define WORLD_NEVER UINT64_MAX	/* a deadline that is none */
#define NS_PER_MS   1000000ull
#define NS_PER_SEC  1000000000ull

static inline uint64_t world_now(struct world *w)
{
	return w->ops->now_ns(w);
}

static inline void world_random(struct world *w, void *buf, size_t len)
{
	w->ops->random(w, buf, len);
}

static inline void world_post(struct world *to, struct world_post *p)
{
	to->ops->post(to, p);
}

static inline void world_job(struct world *w, struct world_job *j)
{
	w->ops->job(w, j);
}

static inline void world_wake(struct world *w, struct world_task *t)
{
	w->ops->wake(w, t);
}

static inline void world_timer_set(struct world *w, struct world_timer *t, uint64_t deadline_ns)
{
	w->ops->timer_set(w, t, deadline_ns);
}

static inline void world_timer_cancel(struct world *w, struct world_timer *t)
{
	w->ops->timer_cancel(w, t);
}

static inline void world_io_submit(struct world *w, struct world_io *io)
{
	w->ops->io_submit(w, io);
}
