/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * association - a host and one controller: an admin queue, I/O queues, keep-alive.
 *
 * Over struct world only: no threads, no system calls, so that the simulator runs it too.
 * Everything below happens in one world, its home, unless it says otherwise; an I/O queue may
 * be moved to another world when it is live.
 *
 * Life:	CONNECT -> BRINGUP -> QUEUES -> PLACE -> UP -> SHUTDOWN -> CLOSING -> LAST -> DOWN
 *
 * Loss of any queue ends the association: all queues are closed, their commands given back
 * with the named cause. down() is called exactly once, when no world holds anything of it.
 */
#pragma once

#include "host/bringup.h"
#include "host/hqueue.h"
#include "loop/conn.h"

struct assoc;

struct assoc_config {
	struct sockaddr_storage addr;
	socklen_t addr_len;
	char hostnqn[224], subsysnqn[224];	/* valid NQNs */
	uint8_t hostid[16];
	bool discovery;			/* a discovery controller: no I/O queues */

	bool tls;
	struct tls_psk psk;		/* the one key to offer; borrowed while it lives */
	bool key_update;		/* send KeyUpdate also to targets that do not announce it */
	uint64_t rekey_bytes;		/* per key; 0: near the limit of the cipher */
	void (*keylog)(void *ctx, const char *line);	/* from any thread; NULL: none */
	void *keylog_ctx;

	uint16_t io_queues;		/* wanted */
	uint16_t queue_size;		/* entries per I/O queue, 2..HQUEUE_ENTRIES_MAX */
	uint32_t kato_ms;		/* 0: no keep-alive */
	bool hdgst, ddgst, disable_sqflow;
	bool await_close;		/* every queue waits for the peer's close: see assoc_quiet_ns() */
	uint64_t connect_timeout_ns;	/* from assoc_start() to up() */
	uint64_t command_timeout_ns, shutdown_timeout_ns;

	/* The world for I/O queue @index (0-based); NULL, or returns NULL: it stays at home. */
	struct world *(*place)(void *ctx, unsigned int index);
	/* Everything stands. */
	void (*up)(void *ctx);
	/* It is lost, or failed to connect: @why and one more line. Before down(); not after assoc_shutdown(). */
	void (*lost)(void *ctx, struct fault why, const char *detail);
	/* All queues are closed: assoc_free() may be called now. */
	void (*down)(void *ctx);
	/* A queue has come to the world it was to move to. Called there. May be NULL. */
	void (*arrived)(void *ctx, unsigned int index);
	/* An I/O queue has ended; all its commands were given back. Called where it lived. May be NULL. */
	void (*left)(void *ctx, unsigned int index);
	void *ctx;
};

struct assoc_queue {
	struct assoc *a;
	uint16_t qid;			/* 0: admin */
	struct hqueue *hq;
	struct conn conn;
	struct session_peer peer;	/* valid when it is live */
	struct world *w;		/* home's view */
	enum { ASSOC_Q_NONE, ASSOC_Q_CONNECTING, ASSOC_Q_LIVE, ASSOC_Q_GONE } state;
	struct world *move_to;		/* it moves, or is to; NULL: it stays */
	bool leaving;			/* conn_move() was called: not ours before it has arrived */
	bool close_sent, close_posted;	/* posted, and not acknowledged */
	struct fault close_why;		/* what its commands are to get */
	bool carried;			/* its Connect was accepted: commands may have gone over it */
	struct world_post gone_post, close_post, ack_post, moved_post;
	/* set in the queue's world when it ends; read at home after that */
	struct fault why;
	char detail[512];
	struct session_counters counters;
	uint64_t key_updates_sent, key_updates_received;
	bool peer_closed;		/* the controller let go of it; what it did for it is over */
};

enum assoc_state {
	ASSOC_CONNECT,
	ASSOC_BRINGUP,
	ASSOC_QUEUES,
	ASSOC_PLACE,
	ASSOC_UP,
	ASSOC_SHUTDOWN,
	ASSOC_CLOSING,
	ASSOC_LAST,	/* all queues are gone; nobody wakes the task any more */
	ASSOC_DOWN
};

struct assoc {
	struct assoc_config config;
	struct world *home;
	enum assoc_state state;
	struct assoc_queue *queues;	/* [0]: admin */
	uint16_t queue_count;		/* with the admin queue, as started so far */
	uint16_t cntlid;
	uint16_t entries;		/* per I/O queue */
	struct bringup bringup;
	struct fault why;		/* why it ended; kind NONE: on request */
	char detail[640];
	bool told_lost;
	bool final;			/* refused for good: connecting again would not help (DNR) */
	uint64_t connect_deadline_ns, shutdown_deadline_ns, ka_interval_ns, ka_answered;
	bool ka_sent;
	struct hcmd ka;
	struct world_task task;
	struct world_timer timer, ka_timer;
};

/* NULL: out of memory. @config is copied. */
struct assoc *assoc_new(const struct assoc_config *config, struct world *home);
/* down() was called, or it was never started. */
void assoc_free(struct assoc *a);
/* A forked child lets go of the parent's association: nothing is told to anybody. */
void assoc_forget(struct assoc *a);
void assoc_start(struct assoc *a);
/*
 * Orderly end: CC.SHN, then every queue is closed; the latter also when the controller says nothing
 * for shutdown_timeout_ns. From any state.
 */
void assoc_shutdown(struct assoc *a);
/*
 * When it is down: how long from now until the controller is known to do nothing more for it. 0: it
 * closed every I/O queue. Else it may have lost sight of us: then keep-alive ends it. WORLD_NEVER:
 * there is no keep-alive, and one cannot know.
 */
uint64_t assoc_quiet_ns(const struct assoc *a);
/* Hand I/O queue @index over to @to. UP only. arrived() is called there. */
void assoc_move(struct assoc *a, unsigned int index, struct world *to);

/* The queues, for submitting. A queue may be used in its world only, while it is live. */
static inline struct hqueue *assoc_admin(struct assoc *a)
{
	return a->queues[0].hq;
}

static inline struct assoc_queue *assoc_io(struct assoc *a, unsigned int index)
{
	return &a->queues[1 + index];
}

static inline unsigned int assoc_io_count(const struct assoc *a)
{
	return a->queue_count ? a->queue_count - 1u : 0;
}
