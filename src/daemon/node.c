/* SPDX-License-Identifier: BSD-3-Clause */
/* The connections of a node: accept, secure, place, end. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "daemon/node_impl.h"

void node_format_addr(const struct sockaddr *addr, char *dst, size_t size)
{
	const struct sockaddr_in6 *v6 = (const void *)addr;
	const struct sockaddr_in *v4 = (const void *)addr;
	char host[INET6_ADDRSTRLEN] = "?";

	if (addr->sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		snprintf(dst, size, "[%s]:%u", host, ntohs(v6->sin6_port));
	} else {
		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
		snprintf(dst, size, "%s:%u", host, ntohs(v4->sin_port));
	}
}

static bool same_host(const struct sockaddr_storage *a, const struct sockaddr *b)
{
	if (a->ss_family != b->sa_family)
		return false;
	if (a->ss_family == AF_INET6)
		return memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
			      &((const struct sockaddr_in6 *)(const void *)b)->sin6_addr, 16) == 0;
	return ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr ==
	       ((const struct sockaddr_in *)(const void *)b)->sin_addr.s_addr;
}

/* May one more unfinished connection from @addr come in? */
static bool half_open_room(const struct node *n, const struct sockaddr *addr)
{
	uint32_t from_addr = 0;

	if (n->counters.half_open >= n->config.half_open_max)
		return false;
	if (n->counters.half_open < n->config.half_open_per_addr_max)
		return true;
	list_each(it, &n->conns) {
		const struct node_conn *nc = container_of(it, struct node_conn, node);

		from_addr += nc->half_open && same_host(&nc->addr, addr);
	}
	return from_addr < n->config.half_open_per_addr_max;
}

static void half_open_done(struct node_conn *nc)
{
	if (!nc->half_open)
		return;
	nc->half_open = false;
	nc->n->counters.half_open--;
}

/* --- keys: called on pool threads, one handshake at a time per connection --- */

static int find_psk(void *ctx, struct span identity, struct tls_psk *ret, int max)
{
	struct node_conn *nc = ctx;
	struct tls_psk_source source;

	if (!nc->table)
		nc->table = key_watch_pin(nc->n->keys);
	source = keytable_source(nc->table);
	return source.find(source.ctx, identity, ret, max);
}

static void nearest_psk(void *ctx, struct span identity, char *hint, size_t size)
{
	struct node_conn *nc = ctx;
	struct tls_psk_source source;

	hint[0] = '\0';
	if (!nc->table)
		return;
	source = keytable_source(nc->table);
	if (source.nearest)
		source.nearest(source.ctx, identity, hint, size);
}

/* --- callbacks of the connection, in the world where it lives --- */

static void wake(void *ctx)
{
	conn_wake(&((struct node_conn *)ctx)->conn);
}

static void secured(void *ctx, const struct session_peer *peer)
{
	struct node_conn *nc = ctx;
	struct tconn_peer who = { .tls = peer->tls, .addr = nc->conn.peer_addr };
	struct psk_identity_parts parts;

	if (peer->tls &&
	    psk_identity_parse(span_of(peer->identity, strlen(peer->identity)), &parts)) {
		memcpy(who.hostnqn, parts.hostnqn, sizeof(who.hostnqn));
		memcpy(who.subsysnqn, parts.subsysnqn, sizeof(who.subsysnqn));
	}
	nc->conn.w->ops->local_addr(nc->conn.sock, &who.local);
	tconn_secured(nc->tconn, &who);
	nc->secured = true;
	nc->n->counters.handshakes_ok += peer->tls;
	log_info("%s: %s%s", nc->conn.peer_addr, peer->tls ? "TLS, " : "no TLS", peer->identity);
}

static void moved(struct conn *c)
{
	struct node_conn *nc = container_of(c, struct node_conn, conn);

	tconn_placed(nc->tconn, c->w);
}

static void turned(struct conn *c)
{
	struct node_conn *nc = container_of(c, struct node_conn, conn);
	struct node *n = nc->n;
	int want;

	if (nc->half_open && tconn_connected(nc->tconn))
		half_open_done(nc);
	want = tconn_placement(nc->tconn);
	if (want < 0)
		return;
	if ((uint32_t)want == c->w->index) {
		tconn_placed(nc->tconn, c->w);
		conn_wake(c);
		return;
	}
	conn_move(c, n->worlds[want]);
}

/* From here on messages go to the new world, and come there behind the connection itself. */
static void leaving(struct conn *c)
{
	container_of(c, struct node_conn, conn)->home = c->moving_to;
}

/* Anybody can cause a line about a connection that failed. True: write it. */
static bool may_log(struct node *n, struct world *w)
{
	unsigned int unsaid;

	if (!log_rate_take(&n->failures, world_now(w), &unsaid))
		return false;
	if (unsaid)
		log_warn("%u more failed connections were left out of the log", unsaid);
	return true;
}

/* One line that says why a connection ended; failures louder than goodbyes. */
static void log_end(struct node_conn *nc)
{
	const struct session *s = &nc->conn.session;
	enum cause cause = s->why.cause;
	const char *hint = cause_hint(cause);
	char who[700];

	if (!fault_is(s->why) || cause == CAUSE_NONE || cause == CAUSE_SHUTDOWN) {
		log_info("%s: closed (%s)", nc->conn.peer_addr,
			 tconn_describe(nc->tconn, who, sizeof(who)));
		return;
	}
	if (!may_log(nc->n, nc->conn.w))
		return;
	log_warn("%s: closed: %s: %s%s%s%s%s (%s)", nc->conn.peer_addr, cause_name(cause),
		 cause_text(cause), s->detail[0] ? ": " : "", s->detail, hint[0] ? "; " : "", hint,
		 tconn_describe(nc->tconn, who, sizeof(who)));
}

/* --- the end, and its accounting on the control world --- */

void node_stopped_when_empty(struct node *n)
{
	struct target_counters target;

	if (!n->stopping || !list_empty(&n->conns) || !n->stopped)
		return;
	/* the target lets go of a connection when all messages to it are acknowledged */
	target_counters(n->target, &target);
	if (target.connections || target.controllers)
		return;
	world_timer_cancel(n->worlds[0], &n->grace_timer);
	world_timer_cancel(n->worlds[0], &n->target_timer);
	n->stopped(n->stopped_ctx);
	n->stopped = NULL;
}

static void reap(struct node_conn *nc)
{
	struct node *n = nc->n;

	if (!nc->gone || nc->stop_posted)
		return;
	list_del(&nc->node);
	n->counters.connections--;
	session_free(&nc->conn.session);
	keytable_unref(nc->table);
	free(nc);
	node_stopped_when_empty(n);
}

static void gone(struct world *w, struct world_post *p)
{
	struct node_conn *nc = container_of(p, struct node_conn, gone_post);
	struct node_counters *total = &nc->n->counters;
	const struct session *s = &nc->conn.session;

	(void)w;
	half_open_done(nc);
	total->handshakes_failed += !nc->secured;
	total->key_updates_received += nc->channel.key_updates_received;
	total->key_updates_sent += nc->channel.key_updates_sent;
	total->recvs += s->counters.recvs;
	total->sends += s->counters.sends;
	total->bytes_rx += s->counters.bytes_rx;
	total->bytes_tx += s->counters.bytes_tx;
	nc->gone = true;
	reap(nc);
}

static void closed(struct conn *c)
{
	struct node_conn *nc = container_of(c, struct node_conn, conn);

	nc->closed = true;
	if (nc->conn.session.channel)
		nc->channel = nc->conn.session.channel->counters;
	log_end(nc);
	tconn_release(nc->tconn);
	nc->gone_post.run = gone;
	world_post(nc->n->worlds[0], &nc->gone_post);
}

/* --- accept --- */

static void session_setup(const struct node_conn *nc, struct session_config *c)
{
	const struct node *n = nc->n;

	*c = (struct session_config){
		.role = TLS_SERVER,
		.tls = nc->listener->tls,
		.handshake = {
			.role = TLS_SERVER,
			.source = { find_psk, nearest_psk, (void *)nc },
			.groups = n->config.groups,
			.keylog = n->config.keylog,
			.keylog_ctx = n->config.keylog_ctx,
		},
		.record = n->config.record,
		.handshake_timeout_ns = n->config.handshake_timeout_ns,
		.linger_ns = n->config.linger_ns,
		.secured = secured,
		.ctx = (void *)nc,
	};
}

static struct node_conn *conn_new(struct listener *l, struct world *w, const struct sockaddr *addr)
{
	struct node_conn *nc = calloc(1, sizeof(*nc));
	struct session_config config;

	if (!nc)
		return NULL;
	nc->n = l->node;
	nc->listener = l;
	nc->home = w;
	memcpy(&nc->addr, addr, addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
							    : sizeof(struct sockaddr_in));
	node_format_addr(addr, nc->conn.peer_addr, sizeof(nc->conn.peer_addr));
	session_setup(nc, &config);
	nc->tconn = tconn_new(l->port, wake, nc);
	if (nc->tconn && session_init(&nc->conn.session, &config, tconn_stream(nc->tconn)) == 0)
		return nc;
	if (nc->tconn)
		tconn_release(nc->tconn);
	free(nc);
	return NULL;
}

void node_accept(void *ctx, struct world *w, struct world_sock *s, const struct sockaddr *addr)
{
	struct listener *l = ctx;
	struct node *n = l->node;
	struct node_conn *nc = NULL;
	char who[80];

	n->counters.accepted++;
	if (!n->stopping && half_open_room(n, addr))
		nc = conn_new(l, w, addr);
	if (!nc) {
		node_format_addr(addr, who, sizeof(who));
		if (may_log(n, w))
			log_warn("%s: refused: %s", who, cause_text(CAUSE_TOO_MANY));
		n->counters.refused_half_open++;
		w->ops->close(s, true);
		return;
	}
	nc->half_open = true;
	n->counters.half_open++;
	n->counters.connections++;
	list_add_tail(&n->conns, &nc->node);
	nc->conn.owner = nc;
	nc->conn.closed = closed;
	nc->conn.turned = turned;
	nc->conn.leaving = leaving;
	nc->conn.moved = moved;
	conn_start(&nc->conn, w, s, false, 0);
}

/* --- stop --- */

static void stop_acked(struct world *w, struct world_post *p)
{
	struct node_conn *nc = container_of(p, struct node_conn, stop_ack);

	(void)w;
	nc->stop_posted = false;
	reap(nc);
}

/* In the connection's world. */
static void stop_here(struct world *w, struct world_post *p)
{
	struct node_conn *nc = container_of(p, struct node_conn, stop_post);

	(void)w;
	if (!nc->closed) {
		if (nc->cut || nc->conn.session.state != SESSION_OPEN)
			session_close(&nc->conn.session, fault_os(ECANCELED, CAUSE_SHUTDOWN));
		else
			tconn_finish(nc->tconn);
		conn_wake(&nc->conn);
	}
	nc->stop_ack.run = stop_acked;
	world_post(nc->n->worlds[0], &nc->stop_ack);
}

static void stop_all(struct node *n, bool cut)
{
	list_each(it, &n->conns) {
		struct node_conn *nc = container_of(it, struct node_conn, node);

		if (nc->stop_posted)
			continue;
		nc->stop_posted = true;
		nc->cut = cut;
		nc->stop_post.run = stop_here;
		world_post(nc->home, &nc->stop_post);
	}
}

static void grace_over(struct world *w, struct world_timer *t)
{
	struct node *n = container_of(t, struct node, grace_timer);

	(void)w;
	log_warn("cutting %u connections that did not end in time", n->counters.connections);
	stop_all(n, true);
}

void node_stop(struct node *n, uint64_t grace_ns, void (*stopped)(void *ctx), void *ctx)
{
	struct world *w = n->worlds[0];

	n->stopping = true;
	n->stopped = stopped;
	n->stopped_ctx = ctx;
	for (size_t i = 0; i < n->listener_count; i++) {
		if (n->listeners[i].sock)
			w->ops->close(n->listeners[i].sock, false);
		n->listeners[i].sock = NULL;
	}
	world_timer_set(w, &n->grace_timer, world_now(w) + grace_ns);
	n->grace_timer.fire = grace_over;
	stop_all(n, false);
	node_stopped_when_empty(n);
}

void node_counters(const struct node *n, struct node_counters *ret)
{
	*ret = n->counters;
}
