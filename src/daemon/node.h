/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * node - a running target: listeners, connections, their keys and limits.
 *
 * Works over any set of worlds (the real loops, or the simulator's). Everything but the
 * connections that were placed elsewhere happens on the control world, worlds[0].
 *
 * A connection's way: accept on the control world, caps for unfinished connections, the TLS
 * handshake (steps on pool threads), ICReq and Connect; an I/O queue is then moved to
 * its thread. When it ends, one line says why.
 */
#pragma once

#include <netinet/in.h>

#include "base/world.h"
#include "config/tree.h"
#include "daemon/key_watch.h"
#include "session/session.h"
#include "target/target.h"

struct node;

struct node_config {
	struct target_config target;
	struct record_config record;
	uint64_t handshake_timeout_ns;	/* 10 s */
	uint32_t half_open_max;		/* unfinished connections in total (1024) */
	uint32_t half_open_per_addr_max;	/* and per peer address (256) */
	uint64_t linger_ns;		/* after a TermReq: 30 s */
	const char *groups;		/* key exchange groups; NULL: default */
	void (*keylog)(void *ctx, const char *line);	/* NSS key log, for debugging; NULL: none */
	void *keylog_ctx;
};

void node_config_init(struct node_config *c);

/*
 * Build the target from a checked tree and listen. Runs before the loops do. Returns 0 or
 * negative errno with one line in @why. @keys stays the caller's.
 */
int node_new(const struct node_config *config, const struct cfg_tree *tree, struct key_watch *keys,
	     struct world *const *worlds, uint32_t world_count, struct node **ret, char *why,
	     size_t why_size);
/* After everything has stopped. */
void node_free(struct node *n);

/* "127.0.0.1:4420" of listener @i with its real port; "" when there is no such listener. */
const char *node_listen_addr(const struct node *n, size_t i);

/*
 * Orderly end, on the control world: stop listening, end every connection, then @stopped. What has
 * not ended after @grace_ns is cut.
 */
void node_stop(struct node *n, uint64_t grace_ns, void (*stopped)(void *ctx), void *ctx);

struct node_counters {
	uint64_t accepted, refused_half_open, handshakes_ok, handshakes_failed;
	uint32_t connections, half_open;
	uint64_t recvs, sends, bytes_rx, bytes_tx;	/* of connections that have ended */
	uint64_t key_updates_received, key_updates_sent;
};
void node_counters(const struct node *n, struct node_counters *ret);
