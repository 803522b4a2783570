/* SPDX-License-Identifier: BSD-3-Clause */
#include "tlshd/shake.h"

#include <errno.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "tls/ktls_keys.h"
#include "tls/record.h"

#ifndef SOL_TLS
#define SOL_TLS 282
#endif
#ifndef SOL_TCP
#define SOL_TCP 6
#endif
#define FLIGHT_MAX 16384	/* bytes that a handshake sends at once; it needs 4 KiB */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- the socket --- */

static struct fault wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left = deadline - now_ms();
	int n = left > 0 ? poll(&p, 1, (int)left) : 0;

	if (n < 0 && errno != EINTR)
		return fault_os(errno, CAUSE_OS);
	return n == 0 ? fault_os(ETIMEDOUT, CAUSE_HANDSHAKE_TIMEOUT) : OK;
}

static struct fault os_failed(int err)
{
	return fault_os(err, err == ECONNRESET || err == EPIPE ? CAUSE_PEER_RESET : CAUSE_OS);
}

/* Exactly @len bytes. FAULT_OS EPIPE without a cause: the peer has closed. */
static struct fault receive(int fd, uint8_t *to, size_t len, int64_t deadline)
{
	while (len) {
		ssize_t n = recv(fd, to, len, MSG_DONTWAIT);

		if (n == 0)
			return fault_os(EPIPE, CAUSE_NONE);
		if (n > 0) {
			to += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			TRY(wait_for(fd, POLLIN, deadline));
		} else if (errno != EINTR) {
			return os_failed(errno);
		}
	}
	return OK;
}

static struct fault send_all(int fd, struct buf *out, int64_t deadline)
{
	while (!buf_empty(out)) {
		struct span s = buf_readable(out);
		ssize_t n = send(fd, s.ptr, s.len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			buf_consume(out, (size_t)n);
		else if (n < 0 && errno == EAGAIN)
			TRY(wait_for(fd, POLLOUT, deadline));
		else if (n < 0 && errno != EINTR)
			return os_failed(errno);
	}
	return OK;
}

/* One record and no byte more. One that is too long is left to handshake_step(): its header says it. */
static struct fault receive_record(int fd, uint8_t *to, size_t *ret_len, int64_t deadline)
{
	size_t body;

	*ret_len = 0;
	TRY(receive(fd, to, RECORD_HEADER_LEN, deadline));
	*ret_len = RECORD_HEADER_LEN;
	body = load_be16(to + 3);
	if (body > RECORD_WIRE_MAX - RECORD_HEADER_LEN)
		return OK;
	if (to[0] < 20 || to[0] > 23)	/* not TLS: its length means nothing */
		return OK;
	TRY(receive(fd, to + RECORD_HEADER_LEN, body, deadline));
	*ret_len += body;
	return OK;
}

/* --- the handshake --- */

/* The key that find() brought: it must live as long as the handshake. */
struct finder {
	const struct shake_job *job;
	struct keyring_psk key[TLS_PSK_CANDIDATES_MAX];
	int count;
};

static int find(void *ctx, struct span identity, struct tls_psk *ret, int max)
{
	struct finder *f = ctx;
	struct keyring_psk *k = &f->key[f->count];

	if (max < 1 || f->count == TLS_PSK_CANDIDATES_MAX ||
	    f->job->find(f->job->find_ctx, identity, k) != 0)
		return 0;
	f->count++;
	*ret = (struct tls_psk){ k->identity, k->hash, &k->psk };
	return 1;
}

static enum cause closed(const struct handshake *h, enum hs_role role, size_t records,
			 size_t partial)
{
	if (partial)
		return CAUSE_CLOSED_IN_HANDSHAKE;
	return role == HS_SERVER_HELLO && records == 0 ? CAUSE_CLOSED_SILENT :
							 handshake_eof_cause(h);
}

static struct fault run(struct handshake *h, const struct shake_job *job, struct buf *out,
			int64_t deadline)
{
	enum handshake_state state = HANDSHAKE_MORE;
	static uint8_t record[RECORD_WIRE_MAX];
	size_t len = 0;

	for (size_t records = 0;; records++) {
		struct span in = span_of(record, len);
		struct fault why = handshake_step(h, &in, out, &state);
		struct fault sent = send_all(job->fd, out, deadline);

		if (fault_is(why))
			return why;
		TRY(sent);
		if (state == HANDSHAKE_DONE)
			return OK;
		why = receive_record(job->fd, record, &len, deadline);
		if (why.code == EPIPE && why.cause == CAUSE_NONE)
			return fault_os(ECONNRESET, closed(h, job->role, records, len));
		TRY(why);
	}
}

static void finish(const struct shake_job *job, const struct finder *f, struct handshake *h,
		   struct fault why, struct shake_result *ret)
{
	const struct handshake_result *r = handshake_result(h);

	ret->cause = why.cause;
	ret->status = shake_errno(why);
	snprintf(ret->detail, sizeof(ret->detail), "%s", handshake_detail(h));
	if (fault_is(why))
		return;
	snprintf(ret->identity, sizeof(ret->identity), "%s", r->identity);
	snprintf(ret->group, sizeof(ret->group), "%s", r->group);
	ret->peer = job->role == HS_CLIENT_HELLO ? job->offer.serial : 0;
	for (int i = 0; i < f->count; i++)
		if (strcmp(f->key[i].identity, r->identity) == 0)
			ret->peer = f->key[i].serial;
	ret->detail[0] = '\0';
	ret->status = -job->plant(job->fd, r, ret->detail, sizeof(ret->detail));
	ret->cause = ret->status ? CAUSE_OS : CAUSE_NONE;
}

void shake_run(const struct shake_job *job, struct shake_result *ret)
{
	int64_t deadline = now_ms() + job->timeout_ms;
	struct finder finder = { .job = job };
	struct handshake_config config = {
		.role = job->role == HS_CLIENT_HELLO ? TLS_CLIENT : TLS_SERVER,
		.psk = { job->offer.identity, job->offer.hash, &job->offer.psk },
		.source = { find, NULL, &finder },
	};
	struct handshake *h = handshake_new(&config);
	struct buf out = { 0 };

	memset(ret, 0, sizeof(*ret));
	if (!h || buf_init(&out, FLIGHT_MAX) != 0) {
		ret->status = ENOMEM;
		ret->cause = CAUSE_NO_MEMORY;
	} else {
		finish(job, &finder, h, run(h, job, &out, deadline), ret);
	}
	handshake_free(h);
	buf_free(&out);
	explicit_bzero(&finder, sizeof(finder));
}

int shake_errno(struct fault why)
{
	if (!fault_is(why))
		return 0;
	switch ((enum cause)why.cause) {
	case CAUSE_NO_MEMORY:
		return ENOMEM;
	case CAUSE_PSK_MISSING:
	case CAUSE_PSK_UNKNOWN:
		return ENOKEY;
	case CAUSE_HANDSHAKE_TIMEOUT:
	case CAUSE_CLOSED_AFTER_HELLO:
	case CAUSE_CLOSED_SILENT:
	case CAUSE_CLOSED_IN_HANDSHAKE:
	case CAUSE_PEER_RESET:
		return ETIMEDOUT;
	default:
		return why.kind == FAULT_OS && why.cause == CAUSE_OS ? EIO : EACCES;
	}
}

/* --- kTLS --- */

static int plant_keys(int fd, int direction, enum nvme_hash hash, const struct secret *traffic)
{
	struct ktls_keys keys;
	int rc = -EIO;

	if (ktls_keys_derive(hash, traffic, 0, &keys) == 0)
		rc = setsockopt(fd, SOL_TLS, direction, &keys, (socklen_t)keys.len) ? -errno : 0;
	ktls_keys_wipe(&keys);
	return rc;
}

static int plant_failed(const char *what, int rc, char *error, size_t size)
{
	snprintf(error, size, "%s: %s", what, strerror(-rc));
	return rc;
}

/* Kernels before that option send records of 16 KiB; a peer that takes all of it needs no word. */
static int plant_limit(int fd, uint16_t peer_plain_max)
{
	if (peer_plain_max >= TLS_RECORD_PLAIN_MAX)
		return 0;
	return setsockopt(fd, SOL_TLS, TLS_TX_MAX_PAYLOAD_LEN, &peer_plain_max,
			  sizeof(peer_plain_max)) ?
		       -errno :
		       0;
}

int shake_plant(int fd, const struct handshake_result *r, char *error, size_t size)
{
	int rc;

	if (setsockopt(fd, SOL_TCP, TCP_ULP, "tls", sizeof("tls")) != 0) {
		rc = -errno;
		return plant_failed("this kernel's TCP has no TLS (module tls)", rc, error, size);
	}
	rc = plant_keys(fd, TLS_TX, r->hash, &r->tx);
	if (rc)
		return plant_failed("the kernel does not take the key for sending", rc, error, size);
	rc = plant_keys(fd, TLS_RX, r->hash, &r->rx);
	if (rc)
		return plant_failed("the kernel does not take the key for receiving", rc, error, size);
	rc = plant_limit(fd, r->peer_plain_max);
	if (rc)
		return plant_failed("this kernel cannot keep to the peer's record size limit", rc, error,
				    size);
	return 0;
}
