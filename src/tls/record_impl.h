/* SPDX-License-Identifier: BSD-3-Clause */
/* record_impl - the record layer's own state, shared by record.c and key_update.c. */
#pragma once

#include "crypto/aead.h"
#include "tls/record.h"

/* RFC 8446 B.1, B.2, B.3 */
enum record_type { RECORD_CCS = 20, RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_DATA = 23 };
enum handshake_type { HANDSHAKE_NEW_SESSION_TICKET = 4, HANDSHAKE_KEY_UPDATE = 24 };
enum tls_alert {
	ALERT_CLOSE_NOTIFY = 0,
	ALERT_UNEXPECTED_MESSAGE = 10,
	ALERT_BAD_RECORD_MAC = 20,
	ALERT_RECORD_OVERFLOW = 22,
	ALERT_HANDSHAKE_FAILURE = 40,
	ALERT_ILLEGAL_PARAMETER = 47,
	ALERT_DECODE_ERROR = 50,
	ALERT_DECRYPT_ERROR = 51,
	ALERT_INTERNAL_ERROR = 80,
	ALERT_USER_CANCELED = 90,
	ALERT_UNKNOWN_PSK_IDENTITY = 115,
};

#define INNER_MAX	  (TLS_RECORD_PLAIN_MAX + 1 + 255)	/* content, type, padding */
#define EMPTY_RECORDS_MAX 32	/* data records without data in a row */

/* One direction: its secret, its key, its count. */
struct record_half {
	struct secret secret;
	struct aead *aead;
	uint8_t iv[AEAD_NONCE_LEN];
	uint64_t seq;		/* records under this key */
	uint64_t bytes;		/* plaintext bytes under this key */
};

struct record {
	struct channel channel;	/* first */
	struct record_config config;
	enum nvme_hash hash;
	struct record_half tx, rx;
	bool dead;
	uint32_t ccs_seen, empty_run;

	bool update_due;	/* a KeyUpdate waits to be sent */
	bool update_request;	/* and asks for one in return */
	bool alert_due;
	uint8_t alert;

	uint8_t hs[5];		/* a handshake message under way: header, and KeyUpdate's byte */
	uint32_t hs_have, hs_skip;

	uint8_t scratch[INNER_MAX];
};

static inline struct fault record_fault(uint8_t alert, enum cause cause)
{
	return (struct fault){ FAULT_TLS, (uint8_t)cause, alert, 0 };
}

/* --- key_update.c --- */
/* Key and IV from the half's secret (RFC 8446 7.3); resets its counters. -1: libcrypto refused. */
int record_half_key(struct record *r, struct record_half *half);
/* The bytes of handshake records after the handshake (RFC 8446 4.6). */
struct fault record_handshake_bytes(struct record *r, struct span in) MUST_CHECK;
/* After a record was sealed: is it time for another key? */
void record_check_limit(struct record *r);
/* Seal the KeyUpdate that is due and go over to the next key. */
void record_send_update(struct record *r, struct mspan *wire);

/* --- record.c --- */
/* Seal one record of any type. @wire holds it. */
void record_seal_typed(struct record *r, enum record_type type, const struct iovec *in,
		       int in_count, size_t len, struct mspan *wire);
