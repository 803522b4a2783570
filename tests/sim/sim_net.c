/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The wire: ordered byte streams that arrive late, in pieces, or not at all.
 *
 * A socket's bytes stand in one queue: [0, delivered) can be read, the rest is on its way. Each
 * send makes one or more deliveries at times that never go backwards. Sockets live until the
 * end of the run, so that a late delivery always finds one.
 */
#include "sim.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

struct world_sock {
	struct list node;
	struct sim *sim;
	struct sim_world *w;	/* who watches it, or NULL */
	struct world_sock *peer;
	world_ready_fn ready;
	world_accept_fn accept;
	void *ctx;
	bool listening, connected, closed, reset, fin_sent, fin_arrived, send_stalled;
	bool dialled;		/* the host's end */
	bool severed;		/* the other end was reset behind a stalled wire: nothing comes any more */
	int error, reset_error;
	uint16_t port;		/* host order */
	uint64_t number;	/* in order of creation, for the trace */
	uint64_t last_delivery;
	uint8_t *queue;		/* towards this socket */
	size_t queued, delivered, cap;
	size_t window;		/* what may be queued towards it */
};

static struct world_sock *sock_new(struct sim *s)
{
	struct world_sock *k = calloc(1, sizeof(*k));

	assert(k);
	k->sim = s;
	k->number = s->seq;
	k->window = 4096u << sim_pick(s, 8);
	list_add_tail(&s->socks, &k->node);
	return k;
}

static uint64_t net_delay(struct sim *s)
{
	return 1000 + sim_pick(s, s->faults.net_delay_max_ns + 1);
}

/* Call the watcher, if there still is one. */
static void ready_event(struct sim *s, void *a, uint64_t events)
{
	struct world_sock *k = a;

	if (k->w == s->current && k->ready && !k->closed)
		k->ready(k->ctx, (unsigned int)events);
}

static void notify(struct world_sock *k, unsigned int events)
{
	if (k->w && !k->closed)
		sim_at(k->sim, k->w, k->sim->now, ready_event, k, events);
}

static void reset_one(struct world_sock *k, int error)
{
	if (k->closed || k->reset)
		return;
	k->reset = true;
	k->reset_error = error;
	notify(k, WORLD_READABLE | WORLD_WRITABLE);
}

/*
 * @by_network: no end has said so. Then the host must not learn of it what only the target could
 * tell, that it is done.
 */
static void reset_pair(struct world_sock *k, bool by_network)
{
	k->sim->resets++;
	reset_one(k, by_network && k->dialled ? ETIMEDOUT : ECONNRESET);
	if (k->peer)
		reset_one(k->peer, by_network && k->peer->dialled ? ETIMEDOUT : ECONNRESET);
}

/* The wire is stalled: what would arrive now arrives when it moves again, as TCP sends it anew. */
static bool postponed(struct sim *s, void (*fn)(struct sim *s, void *a, uint64_t b), void *a,
		      uint64_t b)
{
	if (s->now >= s->stalled_until)
		return false;
	sim_at(s, s->current, s->stalled_until, fn, a, b);
	return true;
}

static void deliver(struct sim *s, void *a, uint64_t n)
{
	struct world_sock *k = a;

	if (k->closed || k->reset || k->severed || postponed(s, deliver, a, n))
		return;
	s->deliveries++;
	sim_note(s, k->number ^ (n << 32));
	if (sim_chance(s, s->faults.reset_ppm)) {
		reset_pair(k, true);
		return;
	}
	k->delivered += n;
	assert(k->delivered <= k->queued);
	notify(k, WORLD_READABLE);
}

static void deliver_fin(struct sim *s, void *a, uint64_t b)
{
	struct world_sock *k = a;

	if (k->severed || postponed(s, deliver_fin, a, b))
		return;
	k->fin_arrived = true;
	notify(k, WORLD_READABLE);
}

static uint64_t delivery_time(struct world_sock *k)
{
	k->last_delivery = max_u64(k->last_delivery, k->sim->now + net_delay(k->sim));
	return k->last_delivery;
}

static struct sim_world *delivers_in(struct world_sock *k)
{
	return k->w ? k->w : k->sim->current;
}

/* --- world_ops --- */

static struct world_sock *find_listener(struct sim *s, uint16_t port)
{
	list_each(it, &s->socks) {
		struct world_sock *k = container_of(it, struct world_sock, node);

		if (k->listening && !k->closed && k->port == port)
			return k;
	}
	return NULL;
}

static void established(struct sim *s, void *a, uint64_t port)
{
	struct world_sock *k = a, *l = find_listener(s, (uint16_t)port);
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_port = htons((uint16_t)k->port) };

	if (postponed(s, established, a, port))
		return;
	from.sin_addr.s_addr = htonl(0x0a000002);
	if (!l || k->closed) {
		k->error = ECONNREFUSED;
		notify(k, WORLD_READABLE | WORLD_WRITABLE);
		return;
	}
	k->peer = sock_new(s);
	k->peer->peer = k;
	k->peer->port = l->port;
	k->connected = k->peer->connected = true;
	notify(k, WORLD_WRITABLE);
	s->current = l->w;
	l->accept(l->ctx, &l->w->world, k->peer, (struct sockaddr *)&from);
}

int sim_net_connect(struct world *w, const struct sockaddr *addr, socklen_t len,
		    struct world_sock **ret)
{
	struct sim *s = sim_of(w)->sim;
	const struct sockaddr_in *to = (const void *)addr;
	struct world_sock *k = sock_new(s), *l = find_listener(s, ntohs(to->sin_port));

	(void)len;
	k->port = (uint16_t)(20000 + k->number % 40000);
	k->dialled = true;
	sim_at(s, l ? l->w : sim_of(w), s->now + net_delay(s), established, k, ntohs(to->sin_port));
	*ret = k;
	return 0;
}

int sim_net_listen(struct world *w, const struct sockaddr *addr, socklen_t len, int backlog,
		   world_accept_fn accept, void *ctx, struct world_sock **ret)
{
	struct world_sock *k = sock_new(sim_of(w)->sim);

	(void)len;
	(void)backlog;
	k->listening = true;
	k->port = ntohs(((const struct sockaddr_in *)(const void *)addr)->sin_port);
	k->w = sim_of(w);
	k->accept = accept;
	k->ctx = ctx;
	*ret = k;
	return 0;
}

int sim_net_local_addr(struct world_sock *k, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (void *)ret;

	memset(ret, 0, sizeof(*ret));
	v4->sin_family = AF_INET;
	v4->sin_port = htons(k->port);
	v4->sin_addr.s_addr = htonl(0x0a000001);
	return 0;
}

int sim_net_error(struct world_sock *k)
{
	return k->reset ? k->reset_error : k->error;
}

ssize_t sim_net_recv(struct world_sock *k, const struct iovec *iov, int iov_count)
{
	struct sim *s = k->sim;
	size_t want = 0, got = 0, limit = k->delivered;

	for (int i = 0; i < iov_count; i++)
		want += iov[i].iov_len;
	if (k->reset)
		return -k->reset_error;
	if (!limit)
		return k->fin_arrived && !k->queued ? 0 : -EAGAIN;
	if (limit > want)
		limit = want;
	if (sim_pick(s, 100) < s->faults.cut_percent)
		limit = 1 + sim_pick(s, limit);
	for (int i = 0; i < iov_count && got < limit; i++) {
		size_t n = min_u64(iov[i].iov_len, limit - got);

		memcpy(iov[i].iov_base, k->queue + got, n);
		got += n;
	}
	memmove(k->queue, k->queue + got, k->queued - got);
	k->queued -= got;
	k->delivered -= got;
	if (k->peer && k->peer->send_stalled) {
		k->peer->send_stalled = false;
		notify(k->peer, WORLD_WRITABLE);
	}
	return (ssize_t)got;
}

/* Append to what is on its way to @to, and let it arrive in one to three pieces. */
static void put_on_wire(struct world_sock *to, const struct iovec *iov, int iov_count, size_t n)
{
	struct sim *s = to->sim;
	size_t put = 0, cut;

	if (to->queued + n > to->cap) {
		to->cap = to->queued + n;
		to->queue = realloc(to->queue, to->cap);
		assert(to->queue);
	}
	for (int i = 0; i < iov_count && put < n; i++) {
		size_t part = min_u64(iov[i].iov_len, n - put);

		memcpy(to->queue + to->queued + put, iov[i].iov_base, part);
		put += part;
	}
	if (s->plant == PLANT_FLIPPED_BIT && sim_chance(s, 2000))
		to->queue[to->queued + sim_pick(s, n)] ^= 1;
	to->queued += n;
	while (n) {
		cut = sim_pick(s, 100) < s->faults.cut_percent ? 1 + sim_pick(s, n) : n;
		sim_at(s, delivers_in(to), delivery_time(to), deliver, to, cut);
		n -= cut;
	}
}

ssize_t sim_net_send(struct world_sock *k, const struct iovec *iov, int iov_count)
{
	struct world_sock *to = k->peer;
	size_t n = 0;

	for (int i = 0; i < iov_count; i++)
		n += iov[i].iov_len;
	if (k->reset)
		return -k->reset_error;
	if (!k->connected)
		return -EAGAIN;
	if (to->closed)
		return -EPIPE;
	n = min_u64(n, to->window > to->queued ? to->window - to->queued : 0);
	if (n && sim_pick(k->sim, 100) < k->sim->faults.cut_percent)
		n = 1 + sim_pick(k->sim, n);
	if (!n) {
		k->send_stalled = true;
		return -EAGAIN;
	}
	put_on_wire(to, iov, iov_count, n);
	return (ssize_t)n;
}

void sim_net_watch(struct world *w, struct world_sock *k, world_ready_fn ready, void *ctx)
{
	k->w = sim_of(w);
	k->ready = ready;
	k->ctx = ctx;
	notify(k, (k->delivered || k->fin_arrived ? WORLD_READABLE : 0) |
			  (k->connected ? WORLD_WRITABLE : 0));
}

void sim_net_unwatch(struct world_sock *k)
{
	k->w = NULL;
	k->ready = NULL;
}

void sim_net_finish(struct world_sock *k)
{
	struct world_sock *to = k->peer;

	if (to && !to->closed && !k->reset)
		sim_at(k->sim, delivers_in(to), delivery_time(to), deliver_fin, to, 0);
}

void sim_net_close(struct world_sock *k, bool abort)
{
	struct world_sock *to = k->peer;

	if (to && !k->reset && (abort || k->queued) && k->sim->now < k->sim->stalled_until)
		to->severed = true;	/* the reset does not arrive, and what was sent is not sent anew */
	else if (to && !k->reset && (abort || k->queued))
		reset_one(to, ECONNRESET);	/* as TCP does where unread bytes are thrown away */
	else if (to && !to->closed && !k->reset)
		sim_at(k->sim, delivers_in(to), delivery_time(to), deliver_fin, to, 0);
	k->closed = true;
	k->w = NULL;
}

void sim_net_reset_all(struct sim *s)
{
	list_each(it, &s->socks) {
		struct world_sock *k = container_of(it, struct world_sock, node);

		if (k->connected && !k->reset && !k->closed)
			reset_pair(k, false);
	}
}

void sim_net_free(struct sim *s)
{
	list_each_safe(it, next, &s->socks) {
		struct world_sock *k = container_of(it, struct world_sock, node);

		free(k->queue);
		free(k);
	}
}
