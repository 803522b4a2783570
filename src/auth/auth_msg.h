/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * auth_msg - the messages of DH-HMAC-CHAP, the data of Authentication Send and Receive
 * (NVMe Base 2.1 §8.3.5.5): layouts, strict parsers, writers. No decisions.
 *
 *	Negotiate --> Challenge <-- Reply --> Success1 <-- Success2 -->      (host --> controller)
 *	              Failure1  <--           Failure1 <-- Failure2 -->
 *
 * A parser returns 0 or the failure code that the specification gives to what it found. It
 * looks at form only: whether a hash was offered, a T_ID is the right one or a response proves
 * anything is for the state machines. Reserved fields are ignored. What a parser returns
 * borrows from the message.
 *
 * A message that is sent (host to controller) has exactly its length. One that is received
 * may be followed by anything: controllers fill the whole allocation length, and Linux up to
 * 6.18 fills it with garbage.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "crypto/kdf.h"

#define AUTH_LIST_MAX	  30	/* identifiers in a list of Negotiate */
#define AUTH_DH_BYTES_MAX 1024	/* a public value of ffdhe8192 */
#define AUTH_MESSAGE_MAX \
	(16 + 2 * HASH_LEN_MAX + AUTH_DH_BYTES_MAX) /* the longest of ours: Reply */
#define AUTH_TRANSFER_MAX 4096	/* TL and AL that are worth taking; Linux asks for 4096 */

enum auth_type { AUTH_TYPE_COMMON = 0x00, AUTH_TYPE_DHCHAP = 0x01 };

/* Low byte: AUTH_ID, high byte: AUTH_TYPE. */
enum auth_message {
	AUTH_NEGOTIATE	= 0x0000,
	AUTH_FAILURE2	= 0x00f0,
	AUTH_FAILURE1	= 0x00f1,
	AUTH_CHALLENGE	= 0x0101,
	AUTH_REPLY	= 0x0102,
	AUTH_SUCCESS1	= 0x0103,
	AUTH_SUCCESS2	= 0x0104,
};

/* Reason Code Explanation; the reason code is always 1, "authentication failure". */
enum auth_failure {
	AUTH_FINE	     = 0,	/* not on the wire */
	AUTH_FAILED	     = 1,
	AUTH_NO_PROTOCOL     = 2,	/* authentication protocol not usable */
	AUTH_CONCAT_MISMATCH = 3,	/* secure channel concatenation mismatch */
	AUTH_NO_HASH	     = 4,	/* hash function not usable */
	AUTH_NO_GROUP	     = 5,	/* DH group not usable */
	AUTH_BAD_PAYLOAD     = 6,	/* incorrect payload */
	AUTH_BAD_MESSAGE     = 7,	/* incorrect protocol message */
};

/* SC_C of Negotiate. */
enum auth_concat {
	AUTH_NO_CONCAT	     = 0,
	AUTH_NEW_TLS_PSK     = 2,
	AUTH_REPLACE_TLS_PSK = 3,
};

/* What every message begins with. */
struct auth_head {
	uint16_t message;	/* enum auth_message, or something unknown */
	uint16_t t_id;
};

struct auth_negotiate {
	uint16_t t_id;
	uint8_t concat;	/* SC_C: enum auth_concat, or something unknown */
	uint8_t hash_count, group_count;
	uint8_t hashes[AUTH_LIST_MAX], groups[AUTH_LIST_MAX];	/* preferred first; may be unknown */
};

struct auth_challenge {
	uint16_t t_id;
	uint8_t hash, group;	/* may be unknown */
	uint32_t seq;		/* S1 */
	struct span c1, dh;	/* C1: HL bytes; dh: DHVLEN bytes */
};

struct auth_reply {
	uint16_t t_id;
	bool c2_valid;		/* CVALID */
	uint32_t seq;		/* S2 */
	struct span r1, c2, dh;	/* R1 and C2 are there always, HL bytes each */
};

struct auth_success1 {
	uint16_t t_id;
	uint8_t hl;		/* HL, set also where there is no R2 */
	bool r2_valid;		/* RVALID */
	struct span r2;		/* HL bytes, or empty */
};

struct auth_failed {
	uint16_t t_id;
	uint8_t failure;	/* enum auth_failure, or something unknown */
};

/* False where @msg is too short to have a head. */
bool auth_parse_head(struct span msg, struct auth_head *ret);

/*
 * Only DH-HMAC-CHAP's descriptor is looked at (the first, if it is there twice).
 * AUTH_NO_PROTOCOL where it is missing, AUTH_BAD_PAYLOAD for lengths that are not right.
 */
enum auth_failure auth_parse_negotiate(struct span msg, struct auth_negotiate *ret);
enum auth_failure auth_parse_challenge(struct span msg, struct auth_challenge *ret);
/* @hl: length of the negotiated hash, which the message must have, too. */
enum auth_failure auth_parse_reply(struct span msg, size_t hl, struct auth_reply *ret);
enum auth_failure auth_parse_success1(struct span msg, struct auth_success1 *ret);
enum auth_failure auth_parse_success2(struct span msg);
/* Failure1 and Failure2. */
enum auth_failure auth_parse_failed(struct span msg, struct auth_failed *ret);

/* Writers return the length; @msg holds AUTH_MESSAGE_MAX bytes. c1, r1, c2: as long as the hash. */
size_t auth_write_negotiate(uint8_t *msg, const struct auth_negotiate *n);
size_t auth_write_challenge(uint8_t *msg, const struct auth_challenge *c);
size_t auth_write_reply(uint8_t *msg, const struct auth_reply *r);
size_t auth_write_success1(uint8_t *msg, const struct auth_success1 *s);
size_t auth_write_success2(uint8_t *msg, uint16_t t_id);
size_t auth_write_failed(uint8_t *msg, enum auth_message which, const struct auth_failed *f);

/* "hash function not usable", ...; never NULL. */
const char *auth_failure_text(uint8_t failure);
