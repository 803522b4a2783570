/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handshake - one TLS 1.3 handshake with an external PSK. Sans-IO.
 *
 * OpenSSL on memory BIOs: TLS 1.3 only, psk_dhe_ke, no tickets, no resumption,
 * no early data; TLS_AES_128_GCM_SHA256 for SHA-256 PSKs, TLS_AES_256_GCM_SHA384
 * for SHA-384 PSKs. When it is done, the traffic secrets are handed out and the
 * SSL object is gone; the record layer (tls/record.h) is ours.
 *
 * Cost: 0.1 to 7 ms. Run handshake_step() as a job of the worker pool; one
 * thread at a time per object.
 */
#pragma once

#include "base/buf.h"
#include "base/fault.h"
#include "base/secret.h"
#include "base/span.h"
#include "crypto/kdf.h"
#include "tls/psk.h"

enum tls_role { TLS_CLIENT, TLS_SERVER };

/* One TLS PSK a peer may prove. Several may share one identity (old and new key, two derivations). */
struct tls_psk {
	const char *identity;		/* NUL-terminated, borrowed from the key table snapshot */
	enum nvme_hash hash;		/* SHA256 or SHA384 */
	const struct secret *psk;	/* borrowed likewise */
};

/*
 * The server's view of its keys. @find writes up to @max keys whose identity
 * equals @identity and returns how many there are. Called from a pool thread;
 * what it returns must live until the handshake object is freed.
 * @nearest (may be NULL): for an unknown identity, write a one-line hint about the
 * nearest configured one to @hint (printable, NUL-terminated).
 */
struct tls_psk_source {
	int (*find)(void *ctx, struct span identity, struct tls_psk *ret, int max);
	void (*nearest)(void *ctx, struct span identity, char *hint, size_t size);
	void *ctx;
};

#define TLS_PSK_CANDIDATES_MAX 8
#define TLS_RECORD_PLAIN_MAX   16384	/* bytes of content in one record, RFC 8446 5.1 */

struct handshake_config {
	enum tls_role role;
	struct tls_psk psk;			/* client: the one key to offer */
	struct tls_psk_source source;		/* server */
	const char *groups;			/* OpenSSL group list; NULL: the default below */
	uint16_t record_size_limit;		/* what we take: inner plaintext incl. type, 64..16385; 0: 16385 */
	void (*keylog)(void *ctx, const char *line);	/* NSS key log lines; NULL: none */
	void *keylog_ctx;
};
#define TLS_GROUPS_DEFAULT "X25519:P-256:P-384:ffdhe3072"

/* Does OpenSSL know every group of @list? */
bool handshake_groups_known(const char *list);

enum handshake_state { HANDSHAKE_MORE, HANDSHAKE_DONE };

struct handshake_result {
	enum nvme_hash hash;			/* decides the suite: SHA256 -> AES-128-GCM, SHA384 -> AES-256-GCM */
	struct secret tx, rx;			/* application traffic secrets 0, by our direction */
	uint16_t peer_plain_max;		/* content bytes per record the peer takes, <= 16384 */
	char identity[PSK_IDENTITY_LEN_MAX + 1];	/* the PSK identity that was proved */
	char group[32];				/* name of the key exchange group */
};

struct handshake;

/* NULL when out of memory. @config is copied; what it points to must outlive the object. */
struct handshake *handshake_new(const struct handshake_config *config);
void handshake_free(struct handshake *h);	/* wipes; NULL is harmless */

/*
 * Take the bytes of @in that belong to the handshake and append to @out what must be sent
 * (also after a fault: the alert). The bytes behind the last handshake record are left in @in:
 * they are the first protected records (a client's ICReq may come with its Finished).
 * @out needs 4 KiB of room at each call.
 * On DONE, handshake_result() is valid. A fault has kind FAULT_TLS (our alert is in @out),
 * FAULT_TLS_PEER, or FAULT_OS, and always a cause; handshake_detail() may add a line.
 */
struct fault handshake_step(struct handshake *h, struct span *in, struct buf *out,
			    enum handshake_state *ret_state) MUST_CHECK;
const struct handshake_result *handshake_result(const struct handshake *h);
/* One printable line about the failure ("identity '...' is not in the key store; nearest: ..."), or "". */
const char *handshake_detail(const struct handshake *h);
/* The cause when the peer closes now: CLOSED_AFTER_HELLO, CLOSED_IN_HANDSHAKE, ... */
enum cause handshake_eof_cause(const struct handshake *h);
