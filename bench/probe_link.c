/* SPDX-License-Identifier: BSD-3-Clause */
#include "probe_link.h"

#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/prng.h"

#define HEADER_LEN	 5
#define APPLICATION_DATA 23

uint64_t link_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

const char *link_congestion(int fd, char name[16])
{
	socklen_t len = 16;

	if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5))
		(void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
	memset(name, 0, 16);
	(void)getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len);
	return name;
}

uint8_t *link_messages(size_t len, size_t count)
{
	uint8_t *m = aligned_alloc(4096, ((len + 1) * count + 4095) & ~(size_t)4095);
	struct prng p;

	if (!m)
		errx(1, "out of memory");
	prng_seed(&p, 1);
	prng_fill(&p, m, (len + 1) * count);
	for (size_t i = 0; i < count; i++)
		m[i * (len + 1) + len] = APPLICATION_DATA;
	return m;
}

static void half_init(struct link_half *h, const struct link_config *c, const struct link_key *key)
{
	h->aead = aead_new(c->alg, key->key);
	if (!h->aead)
		errx(1, "out of memory");
	memcpy(h->iv, key->iv, sizeof(h->iv));
}

struct link *link_new(int fd, const struct link_config *c)
{
	struct link *l = aligned_alloc(4096, (sizeof(*l) + 4095) & ~(size_t)4095);
	int one = 1;

	if (!l)
		errx(1, "out of memory");
	memset(l, 0, sizeof(*l));
	l->fd = fd;
	l->c = c;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
		err(1, "TCP_NODELAY");
	if (c->tls) {
		half_init(&l->tx, c, &c->tx);
		half_init(&l->rx, c, &c->rx);
	}
	return l;
}

void link_free(struct link *l)
{
	aead_free(l->tx.aead);
	aead_free(l->rx.aead);
	close(l->fd);
	free(l);
}

/* The nonce of the next record (RFC 8446 5.3), and on to the next. */
static void next_nonce(struct link_half *h, uint8_t nonce[AEAD_NONCE_LEN])
{
	memcpy(nonce, h->iv, AEAD_NONCE_LEN);
	store_be64(nonce + 4, load_be64(nonce + 4) ^ h->seq++);
}

static void put_header(uint8_t *at, size_t len)
{
	at[0] = APPLICATION_DATA;
	at[1] = at[2] = 3;
	store_be16(at + 3, (uint16_t)(len + 1 + AEAD_TAG_LEN));
}

static void put_record(struct link *l, const uint8_t *msg, size_t len)
{
	struct iovec in = { (void *)(uintptr_t)msg, len + 1 };
	uint8_t *at = l->out + l->out_len;
	uint8_t nonce[AEAD_NONCE_LEN];

	put_header(at, len);
	next_nonce(&l->tx, nonce);
	aead_seal(l->tx.aead, nonce, at, HEADER_LEN, &in, 1, at + HEADER_LEN,
		  at + HEADER_LEN + len + 1);
	l->out_len += len + LINK_OVERHEAD;
}

void link_put(struct link *l, const uint8_t *msg, size_t len)
{
	if (l->c->tls) {
		put_record(l, msg, len);
	} else {
		l->iov[l->iov_count++] = (struct iovec){ (void *)(uintptr_t)msg, len };
		l->out_len += len;
	}
	if (l->out_len >= l->c->out_max || l->iov_count == ARRAY_SIZE(l->iov))
		link_flush(l);
}

/* The call would wait: try again at once for spin_us, then sleep until it need not. */
static void pause_for(const struct link *l, short events, uint64_t *since_ns)
{
	struct pollfd p = { l->fd, events, 0 };
	uint64_t now = link_now_ns();

	if (*since_ns == 0)
		*since_ns = now;
	if (now - *since_ns < l->c->spin_us * UINT64_C(1000))
		return;
	(void)poll(&p, 1, -1);
	*since_ns = 0;
}

static void drop(struct msghdr *m, size_t n)
{
	while (m->msg_iovlen && n >= m->msg_iov->iov_len) {
		n -= m->msg_iov->iov_len;
		m->msg_iov++;
		m->msg_iovlen--;
	}
	if (n) {
		m->msg_iov->iov_base = (uint8_t *)m->msg_iov->iov_base + n;
		m->msg_iov->iov_len -= n;
	}
}

void link_flush(struct link *l)
{
	struct iovec whole = { l->out, l->out_len };
	struct msghdr m = { .msg_iov = l->c->tls ? &whole : l->iov,
			    .msg_iovlen = l->c->tls ? l->out_len > 0 : (size_t)l->iov_count };
	uint64_t since = 0;

	while (m.msg_iovlen) {
		ssize_t n = sendmsg(l->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			err(1, "send");
		if (n < 0) {
			pause_for(l, POLLOUT, &since);
			continue;
		}
		since = 0;
		l->sends++;
		drop(&m, (size_t)n);
	}
	l->iov_count = 0;
	l->out_len = 0;
}

/* Room behind what has not been taken. Plain messages are not looked at, so they need none. */
static uint8_t *make_room(struct link *l, size_t *ret_room)
{
	size_t kept = l->in_end - l->in_start;

	if (!l->c->tls) {
		*ret_room = l->c->in_max;
		return l->in;
	}
	if (l->in_start > 0)
		memmove(l->in, l->in + l->in_start, kept);
	l->in_start = 0;
	l->in_end = kept;
	*ret_room = l->c->in_max - kept;
	return l->in + kept;
}

bool link_fill(struct link *l)
{
	uint64_t since = 0;
	size_t room;
	uint8_t *at = make_room(l, &room);

	for (;;) {
		ssize_t n = recv(l->fd, at, room, MSG_DONTWAIT);

		if (n > 0) {
			l->recvs++;
			l->in_end += (size_t)n;
			return true;
		}
		if (n == 0)
			return false;
		if (errno != EAGAIN)
			err(1, "recv");
		pause_for(l, POLLIN, &since);
	}
}

bool link_take(struct link *l, uint8_t *dst)
{
	size_t len = l->c->rx_len, wire = l->c->tls ? len + LINK_OVERHEAD : len;
	const uint8_t *at = l->in + l->in_start;
	uint8_t nonce[AEAD_NONCE_LEN];

	if (l->in_end - l->in_start < wire)
		return false;
	if (!l->c->tls) {
		l->in_end -= wire;
		return true;
	}
	next_nonce(&l->rx, nonce);
	if (at[0] != APPLICATION_DATA || load_be16(at + 3) != wire - HEADER_LEN ||
	    !aead_open(l->rx.aead, nonce, at, HEADER_LEN, dst, at + HEADER_LEN, len + 1,
		       at + HEADER_LEN + len + 1) ||
	    dst[len] != APPLICATION_DATA)
		errx(1, "record %llu is not what was sent", (unsigned long long)l->rx.seq - 1);
	l->in_start += wire;
	return true;
}
