/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * record - TLS 1.3 record protection (RFC 8446 5.2-5.5), a channel provider.
 *
 * Opens in place: the plaintext of a record goes straight to where struct place
 * says, also when one record holds PDU headers, data and a response. Where the
 * content type turns out not to be application data, nothing is returned.
 *
 * Limits: a record longer than 2^14 + 256 bytes is refused (record_overflow),
 * also one longer than our record_size_limit. CCS records are ignored, at most
 * RECORD_CCS_MAX. Handshake messages: KeyUpdate only (fragmented ones too);
 * NewSessionTicket from a server is ignored; anything else is unexpected_message.
 *
 * KeyUpdate (RFC 8446 4.6.3): received ones re-key RX at once and, if requested,
 * queue our own. We send one by ourselves when @rekey_bytes plaintext bytes were
 * sealed under the current key and @may_update says that the peer takes it. At
 * the hard limit of 2^24.5 records (5.5) without that permission, seal() fails
 * with CAUSE_TLS_KEY_LIMIT and the connection ends.
 */
#pragma once

#include "tls/channel.h"
#include "tls/handshake.h"

#define RECORD_HEADER_LEN  5
#define RECORD_OVERHEAD    (RECORD_HEADER_LEN + 1 + 16)	/* header, content type, tag */
#define RECORD_WIRE_MAX    (RECORD_HEADER_LEN + 16384 + 256)
#define RECORD_CCS_MAX     32
#define RECORD_LIMIT       23726566ull	/* 2^24.5 records per AES-GCM key */

struct record_config {
	enum tls_role role;		/* ours: only a client may be sent tickets */
	uint16_t own_plain_max;		/* content bytes we accept per record; 16384 unless limited */
	bool may_update;		/* the peer is known to take KeyUpdate */
	uint64_t rekey_bytes;		/* plaintext bytes per key before we update; 0: by records only */
	uint64_t rekey_records;		/* records per key before we update; 0: RECORD_LIMIT / 2 */
};

/* NULL: out of memory. Secrets are copied from @hs. */
struct channel *record_new(const struct handshake_result *hs, const struct record_config *config);

/* Allow or forbid our own KeyUpdates from now on (a target learns it from the peer's). */
void record_set_may_update(struct channel *c, bool may);
/* Ask for an update of both directions now (update_requested). Harmless if one is under way. */
void record_request_update(struct channel *c);
