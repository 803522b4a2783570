/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tconn - the controller's end of one connection: a stream (tcp/stream.h).
 *
 * Made on the control loop. After an I/O queue's Connect was accepted it asks to be placed
 * on a thread (tconn_placement) and takes no input until it is told where it lives
 * (tconn_placed). Admin queues stay on the control loop.
 */
#pragma once

#include "target/target.h"
#include "tcp/stream.h"

struct tconn;

/* Who the peer is, from the transport. NQNs are "" without TLS. */
struct tconn_peer {
	bool tls;
	bool generated;	/* ... with a PSK of secure channel concatenation */
	char hostnqn[224], subsysnqn[224];	/* from the proved PSK identity */
	const char *addr;			/* for logs, borrowed */
	struct sockaddr_storage local;		/* our address of this connection (discovery log) */
};

/* @wake(ctx): this connection has something to do; called in the thread that owns it. */
struct tconn *tconn_new(struct target_port *port, void (*wake)(void *ctx), void *ctx);
struct stream *tconn_stream(struct tconn *c);
void tconn_secured(struct tconn *c, const struct tconn_peer *peer);
/*
 * Was a Connect accepted, and the host authenticated where that is asked for? Until then the
 * connection counts as unfinished. (An I/O queue has an association that is finished.)
 */
bool tconn_connected(const struct tconn *c);
/* The world index it wants to live in, or -1: stay. */
int tconn_placement(const struct tconn *c);
void tconn_placed(struct tconn *c, struct world *w);
/*
 * In its own thread, when the stream has ended and drained(). The memory goes when the control
 * loop has let go of it.
 */
void tconn_release(struct tconn *c);
/* For logs: "hostnqn=... subsys=... qid=1 cntlid=3", or what is known; printable. */
const char *tconn_describe(const struct tconn *c, char *buf, size_t size);
/* Ask from the outside (daemon stop) for an orderly end; in its own thread. */
void tconn_finish(struct tconn *c);
