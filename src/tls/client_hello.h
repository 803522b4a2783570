/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client_hello - what a server must know of a ClientHello before it can choose a PSK.
 *
 * RFC 8446 4.1.2, 4.2. Strict about lengths, silent about what it does not know. Bounded work:
 * at most TLS_PSK_CANDIDATES_MAX identities are looked at.
 */
#pragma once

#include "tls/handshake.h"

#define CLIENT_HELLO_MAX 16384	/* bytes of the message, with its header */

struct client_hello {
	bool tls13;		/* supported_versions has 0304h */
	bool suite_128, suite_256;	/* 1301h, 1302h offered */
	bool has_psk, psk_dhe_ke;
	struct {
		struct span identity, binder;	/* in the message */
	} psk[TLS_PSK_CANDIDATES_MAX];
	int psk_count;
	size_t truncated_len;	/* message bytes that binders cover (4.2.11.2) */
};

/* @msg: the whole handshake message with its 4-byte header. Malformed: decode_error. */
struct fault client_hello_parse(struct span msg, struct client_hello *ret) MUST_CHECK;

/*
 * Does @binder prove @psk (length and hash as in @h) for the message? RFC 8446 4.2.11.2, "ext
 * binder". Only right for the first ClientHello of a handshake. Constant-time comparison.
 */
bool client_hello_binder_ok(struct span msg, const struct client_hello *hello, struct span binder,
			    enum nvme_hash h, const struct secret *psk);
