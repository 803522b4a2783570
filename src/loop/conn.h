/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conn - drives one session over one socket of a world. The only loop that moves bytes.
 *
 * One turn: receive until the socket is dry (within a budget), let the session
 * consume it, then seal and send everything. Many commands per receive, many records
 * per send. Works with any struct world, the simulator's too.
 */
#pragma once

#include "base/world.h"
#include "session/session.h"

struct conn {
	struct session session;
	struct world *w;
	struct world_sock *sock;
	struct world_task task;		/* the turn */
	struct world_timer timer;
	struct world_job job;
	struct world_post post;		/* for moving */
	struct world *moving_to;
	bool job_running, connecting, write_blocked, closed_told;
	bool may_read;			/* not seen dry since the last readiness */
	bool queued;			/* the task waits in the world */
	bool woken;			/* a turn is wanted, not only a look at the socket */
	bool away;			/* between two worlds */
	bool fin_sent;
	uint64_t connect_deadline_ns;	/* 0: none */
	uint64_t timer_ns;		/* what the timer is set to; 0: not set */
	char peer_addr[64];		/* "127.0.0.1:4420", for logs */
	/* Everything ended, the socket is closed; the owner may free the conn (and the session) now. */
	void (*closed)(struct conn *c);
	/* After each turn, before sending (NULL: none): may call conn_move(). */
	void (*turned)(struct conn *c);
	/* It goes to @moving_to now, which may be long after conn_move(): the last that happens here. */
	void (*leaving)(struct conn *c);
	void (*moved)(struct conn *c);	/* runs in the new world, before its first turn there */
	void *owner;
};

/* The session inside must be initialized. Takes @sock (watches it). @connecting: TCP not up yet. */
void conn_start(struct conn *c, struct world *w, struct world_sock *sock, bool connecting,
		uint64_t connect_timeout_ns);
/* Something changed (a completion, new output): run a turn soon. Same thread only. */
void conn_wake(struct conn *c);
/* Hand the connection over to another world; from turned() only. Then moved() runs there. */
void conn_move(struct conn *c, struct world *to);
