/* SPDX-License-Identifier: BSD-3-Clause */
/* node_impl - the parts of a node that its own files share. */
#pragma once

#include "base/log.h"
#include "daemon/node.h"
#include "loop/conn.h"
#include "target/tconn.h"

struct listener {
	struct node *node;
	struct target_port *port;
	struct world_sock *sock;
	enum session_tls tls;
	char addr[80];		/* "127.0.0.1:4420", real port */
};

struct node {
	struct node_config config;
	struct world *const *worlds;
	uint32_t world_count;
	struct target *target;
	struct key_watch *keys;
	struct listener *listeners;
	size_t listener_count;
	struct list conns;	/* node_conn.node; control world only */
	struct world_timer target_timer, grace_timer;
	bool stopping;
	void (*stopped)(void *ctx);
	void *stopped_ctx;
	struct node_counters counters;
	struct log_rate failures;	/* lines about connections that failed */
};

struct node_conn {
	struct conn conn;
	struct node *n;
	struct listener *listener;
	struct tconn *tconn;
	struct list node;		/* in node.conns */
	struct sockaddr_storage addr;	/* the peer's */
	struct world *home;		/* where it lives as the control world knows it */
	struct keytable *table;		/* pinned by the handshake, on a pool thread */
	struct channel_counters channel;	/* of the ended session */
	bool secured;			/* the transport stood */
	bool half_open;			/* no accepted Connect yet */
	bool gone;			/* its world has let go of it */
	bool closed;			/* set in its world */
	bool stop_posted, cut;		/* control world: a stop message is under way */
	struct world_post gone_post, stop_post, stop_ack;
};

/* An accepted socket (world_accept_fn; ctx is the listener). */
void node_accept(void *ctx, struct world *w, struct world_sock *s, const struct sockaddr *addr);
/* Tell the owner if the node was asked to stop and nothing of it is left. */
void node_stopped_when_empty(struct node *n);
/* "127.0.0.1:4420", "[::1]:4420"; @dst of @size bytes, always terminated. */
void node_format_addr(const struct sockaddr *addr, char *dst, size_t size);
