/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hs_msg - the messages of the kernel's generic netlink family "handshake". Sans-IO.
 *
 * Source: Linux, Documentation/netlink/specs/handshake.yaml (operations ready, accept, done; attribute
 * sets accept, done, x509) and Documentation/networking/tls-handshake.rst (what they mean, and the
 * errnos of a status); generic netlink itself: Documentation/userspace-api/netlink/intro.rst.
 *
 * The kernel multicasts READY when a request waits; ACCEPT takes the next one and puts its socket
 * into the calling process; DONE gives it back with a result. Numbers are in host order.
 *
 * Input is not trusted: a length that is wrong makes a message HS_MALFORMED. The socket that such
 * an ACCEPT may already have planted is told, so that it can be closed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define HS_FAMILY  "handshake"
#define HS_VERSION 1
#define HS_GROUP   "tlshd"		/* multicast group of our handler class */
#define HS_PEERS_MAX	 8		/* the kernel gives at most 5 */
#define HS_MESSAGE_MAX	 256		/* bytes of a message that is built here */
#define HS_DATAGRAM_MAX	 16384		/* bytes of what the kernel sends at once */

enum hs_kind {
	HS_OTHER,	/* nothing for us */
	HS_READY,	/* a request of our class waits */
	HS_ACCEPTED,	/* the answer to ACCEPT */
	HS_ACK,		/* a request of ours was carried out, or failed: @error */
	HS_FAMILY_INFO,	/* the answer to hs_build_resolve() */
	HS_MALFORMED,
};

enum hs_role { HS_CLIENT_HELLO = 1, HS_SERVER_HELLO = 2 };
enum hs_auth { HS_AUTH_NONE = 1, HS_AUTH_PSK = 2, HS_AUTH_X509 = 3 };

/* What the kernel wants done. */
struct hs_request {
	int sockfd;			/* -1: none was planted */
	enum hs_role role;
	enum hs_auth auth;
	uint32_t timeout_ms;		/* 0: none given */
	int32_t peer[HS_PEERS_MAX];	/* serials of the keys that may be offered, best first; 0: none */
	int peer_count;
	int32_t keyring;		/* linked into the process keyring by ACCEPT; 0: none */
};

struct hs_msg {
	enum hs_kind kind;
	uint32_t seq;			/* of the request that this answers; 0: a notification */
	int error;			/* HS_ACK: positive errno, 0 for done */
	uint16_t family;		/* HS_FAMILY_INFO */
	uint32_t group;			/* HS_FAMILY_INFO: id of HS_GROUP; 0: it has none */
	struct hs_request request;	/* HS_ACCEPTED; HS_MALFORMED: only sockfd */
};

/*
 * Cut the next message off @in, a datagram at an address aligned to 4 bytes; false when it is used
 * up. What cannot even be delimited is one HS_MALFORMED, and the end.
 * @family: the number of HS_FAMILY; 0 while it is not known.
 */
bool hs_msg_next(struct span *in, uint16_t family, struct hs_msg *ret);

/* Requests with NLM_F_ACK; @buf is HS_MESSAGE_MAX bytes, aligned to 4. They return the length. */
size_t hs_build_resolve(void *buf, uint32_t seq);
size_t hs_build_accept(void *buf, uint16_t family, uint32_t seq);
/* @status: positive errno, 0 for a TLS session; @peer: serial of the key that the peer proved, 0: none. */
size_t hs_build_done(void *buf, uint16_t family, uint32_t seq, int sockfd, int status,
		     int32_t peer);
