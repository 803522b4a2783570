/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe_link - messages of fixed sizes over one TCP connection, plain or as TLS 1.3 records
 * (RFC 8446 5.2), one message per record. There is no handshake: both ends are given the keys.
 *
 * Only what costs time anyway is done: a record is sealed from the source into the send buffer
 * and opened from the receive buffer into the destination; many records go out in one send.
 * Errors end the program.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "crypto/aead.h"

#define LINK_MESSAGE_MAX 16384u
#define LINK_OVERHEAD	 (5u + 1u + AEAD_TAG_LEN)	/* header, content type, tag */
#define LINK_BATCH_MAX	 (1u << 20)

/* One direction's key, as the key schedule would give it. */
struct link_key {
	uint8_t key[AEAD_KEY_MAX], iv[AEAD_NONCE_LEN];
};

struct link_config {
	bool tls;
	enum aead_alg alg;
	struct link_key tx, rx;
	size_t rx_len;		/* of every message that comes */
	uint32_t spin_us;	/* so long without sleeping */
	size_t out_max;		/* queued bytes that are sent without being asked, <= LINK_BATCH_MAX */
	size_t in_max;		/* received at once, likewise; at least a record */
};

struct link_half {
	struct aead *aead;
	uint8_t iv[AEAD_NONCE_LEN];
	uint64_t seq;
};

struct link {
	int fd;
	const struct link_config *c;
	struct link_half tx, rx;
	struct iovec iov[256];		/* plain: what is queued */
	int iov_count;
	size_t out_len;			/* bytes queued */
	size_t in_start, in_end;	/* received and not taken; plain: only their number counts */
	uint64_t sends, recvs;		/* calls that moved something */
	uint8_t out[LINK_BATCH_MAX + LINK_MESSAGE_MAX + LINK_OVERHEAD];
	uint8_t in[LINK_BATCH_MAX];
};

/* @fd is a connected TCP socket; it is closed with the link. @c must outlive it. */
struct link *link_new(int fd, const struct link_config *c);
void link_free(struct link *l);

/* @count messages of @len random bytes, each followed by its content type. For free(). */
uint8_t *link_messages(size_t len, size_t count);

/*
 * Queues @len bytes of @msg, which is followed by a byte for the content type (23) in memory. Plain:
 * @msg is read when it is sent. Sends by itself when out_max bytes are queued.
 */
void link_put(struct link *l, const uint8_t *msg, size_t len);
void link_flush(struct link *l);

/* Receives what is there, or waits for something. False: the peer has closed. */
bool link_fill(struct link *l);
/* Takes the next complete message; @dst has rx_len + 1 bytes. False: there is none. */
bool link_take(struct link *l, uint8_t *dst);

/* cubic, or reno where only that is allowed; bbr halves what loopback can do. Its name. */
const char *link_congestion(int fd, char name[16]);
uint64_t link_now_ns(void);
