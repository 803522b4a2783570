/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * KeyUpdate and the other messages after the handshake. RFC 8446 4.6.1, 4.6.3, 5.5, 7.2, 7.3.
 */
#include "tls/record_impl.h"

int record_half_key(struct record *r, struct record_half *half)
{
	enum aead_alg alg = r->hash == NVME_HASH_SHA384 ? AEAD_AES_256_GCM : AEAD_AES_128_GCM;
	SECRET(key);
	SECRET(iv);

	if (kdf_expand_label(r->hash, &half->secret, "key", span_of("", 0), aead_key_len(alg), &key) ||
	    kdf_expand_label(r->hash, &half->secret, "iv", span_of("", 0), AEAD_NONCE_LEN, &iv))
		return -1;
	if (half->aead)
		aead_rekey(half->aead, key.bytes);
	else
		half->aead = aead_new(alg, key.bytes);
	memcpy(half->iv, iv.bytes, AEAD_NONCE_LEN);
	half->seq = 0;
	half->bytes = 0;
	return half->aead ? 0 : -1;
}

/* RFC 8446 7.2: secret_N+1 = HKDF-Expand-Label(secret_N, "traffic upd", "", Hash.length) */
static int next_generation(struct record *r, struct record_half *half)
{
	SECRET(next);

	if (kdf_expand_label(r->hash, &half->secret, "traffic upd", span_of("", 0), hash_len(r->hash),
			     &next))
		return -1;
	secret_copy(&half->secret, &next);
	return record_half_key(r, half);
}

static void update_soon(struct record *r, bool request)
{
	r->update_request = request || (r->update_due && r->update_request);
	r->update_due = true;
	r->channel.events |= CHANNEL_SEAL_CONTROL;
}

void record_check_limit(struct record *r)
{
	uint64_t records = r->config.rekey_records ? r->config.rekey_records : RECORD_LIMIT / 2;
	bool due = r->tx.seq >= records ||
		   (r->config.rekey_bytes && r->tx.bytes >= r->config.rekey_bytes);

	/* A client asks for the other direction too: a server begins with none by itself. */
	if (due && r->config.may_update && !r->update_due)
		update_soon(r, r->config.role == TLS_CLIENT);
}

void record_send_update(struct record *r, struct mspan *wire)
{
	uint8_t message[5] = { HANDSHAKE_KEY_UPDATE, 0, 0, 1, r->update_request };
	struct iovec in = { message, sizeof(message) };

	record_seal_typed(r, RECORD_HANDSHAKE, &in, 1, sizeof(message), wire);
	r->update_due = r->update_request = false;
	if (next_generation(r, &r->tx))
		r->dead = true;
	r->channel.counters.records_tx = 0;
	r->channel.counters.key_updates_sent++;
}

static struct fault received_update(struct record *r, bool last_in_record)
{
	/* 5.1: the key changes with the record, so nothing may follow in it */
	if (!last_in_record)
		return record_fault(ALERT_UNEXPECTED_MESSAGE, CAUSE_TLS_PROTOCOL);
	if (r->hs[4] > 1)
		return record_fault(ALERT_ILLEGAL_PARAMETER, CAUSE_TLS_PROTOCOL);
	if (next_generation(r, &r->rx))
		return record_fault(ALERT_INTERNAL_ERROR, CAUSE_NO_MEMORY);
	r->channel.counters.records_rx = 0;
	r->channel.counters.key_updates_received++;
	r->channel.events |= CHANNEL_REKEYED_RX;
	if (r->hs[4] == 1)
		update_soon(r, false);
	return OK;
}

/* The four bytes of a message's header are there. */
static struct fault message_begins(struct record *r)
{
	uint32_t len = (uint32_t)r->hs[1] << 16 | (uint32_t)r->hs[2] << 8 | r->hs[3];

	if (r->hs[0] == HANDSHAKE_KEY_UPDATE)
		return len == 1 ? OK : record_fault(ALERT_DECODE_ERROR, CAUSE_TLS_PROTOCOL);
	if (r->hs[0] != HANDSHAKE_NEW_SESSION_TICKET || r->config.role != TLS_CLIENT ||
	    len > 65536 + 64)
		return record_fault(ALERT_UNEXPECTED_MESSAGE, CAUSE_TLS_PROTOCOL);
	r->hs_skip = len;	/* we never resume: tickets are ignored */
	r->hs_have = 0;
	return OK;
}

struct fault record_handshake_bytes(struct record *r, struct span in)
{
	while (in.len) {
		if (r->hs_skip) {
			size_t n = in.len < r->hs_skip ? in.len : r->hs_skip;

			span_take(&in, n);
			r->hs_skip -= (uint32_t)n;
			continue;
		}
		r->hs[r->hs_have++] = *span_take(&in, 1).ptr;
		if (r->hs_have == 4)
			TRY(message_begins(r));
		if (r->hs_have == 5) {
			r->hs_have = 0;
			TRY(received_update(r, in.len == 0));
		}
	}
	return OK;
}

void record_set_may_update(struct channel *c, bool may)
{
	((struct record *)c)->config.may_update = may;
}

void record_request_update(struct channel *c)
{
	update_soon((struct record *)c, true);
}
