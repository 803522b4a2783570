/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The handshake proper: whole records in, flights out. See tls/handshake.h.
 *
 * A server looks at the ClientHello before OpenSSL does (client_hello.h): so the one key, or the
 * one named reason why there is none, is known first. Whatever the key table had to say no to (an
 * unknown identity, a wrong key, a hash or suite that does not go with it), the alert is the same
 * (decrypt_error): who has no key learns nothing about which exist.
 */
#include "tls/handshake.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/log.h"
#include "tls/handshake_ctx.h"
#include "tls/record_impl.h"

static struct fault fail(struct handshake *h, struct fault why)
{
	h->phase = HS_FAILED;
	return why;
}

/* An alert of our own in the clear: before keys exist. */
static struct fault refuse(struct handshake *h, struct buf *out, uint8_t alert, enum cause cause)
{
	const uint8_t record[] = { RECORD_ALERT, 3, 3, 0, 2, 2, alert };

	buf_append(out, record, sizeof(record));
	return fail(h, record_fault(alert, cause));
}

static const char *suites_of(enum nvme_hash hash)
{
	return hash == NVME_HASH_SHA384 ? "TLS_AES_256_GCM_SHA384" : "TLS_AES_128_GCM_SHA256";
}

/* The SSL object, now that the key is known. */
static bool make_ssl(struct handshake *h)
{
	const char *groups = h->config.groups ? h->config.groups : TLS_GROUPS_DEFAULT;
	SSL_CTX *ctx = handshake_ctx(h->config.role);

	h->ssl = ctx ? SSL_new(ctx) : NULL;
	h->in = BIO_new(BIO_s_mem());
	h->out = BIO_new(BIO_s_mem());
	if (!h->ssl || !h->in || !h->out) {
		BIO_free(h->in);
		BIO_free(h->out);
		return false;
	}
	SSL_set_bio(h->ssl, h->in, h->out);
	SSL_set_app_data(h->ssl, h);
	if (h->config.role == TLS_CLIENT)
		SSL_set_connect_state(h->ssl);
	else
		SSL_set_accept_state(h->ssl);
	return SSL_set_ciphersuites(h->ssl, suites_of(h->psk.hash)) &&
	       SSL_set1_groups_list(h->ssl, groups);
}

bool handshake_groups_known(const char *list)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	bool known = ctx && SSL_CTX_set1_groups_list(ctx, list) == 1;

	SSL_CTX_free(ctx);
	ERR_clear_error();
	return known;
}

struct handshake *handshake_new(const struct handshake_config *config)
{
	struct handshake *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->config = *config;
	h->psk = config->psk;
	h->result.peer_plain_max = TLS_RECORD_PLAIN_MAX;
	store_be16(h->rsl_wire, config->record_size_limit ? config->record_size_limit :
							    TLS_RECORD_PLAIN_MAX + 1);
	if (config->role == TLS_SERVER)
		h->hello = malloc(CLIENT_HELLO_MAX);
	else
		h->phase = HS_RUN;
	if (config->role == TLS_SERVER ? h->hello != NULL : make_ssl(h))
		return h;
	handshake_free(h);
	return NULL;
}

void handshake_free(struct handshake *h)
{
	if (!h)
		return;
	SSL_free(h->ssl);
	free(h->hello);
	explicit_bzero(h, sizeof(*h));
	free(h);
}

/* --- the server's choice --- */

static void describe_unknown(struct handshake *h, struct span identity)
{
	char safe[PSK_IDENTITY_LEN_MAX + 1], hint[224] = "";

	log_safe(safe, sizeof(safe), identity.ptr, identity.len);
	if (h->config.source.nearest)
		h->config.source.nearest(h->config.source.ctx, identity, hint, sizeof(hint));
	snprintf(h->detail, sizeof(h->detail), "identity \"%.250s\"%s%s", safe,
		 hint[0] ? "; nearest: " : "", hint);
}

/* Some implementations count a trailing NUL (TCP Transport 1.0) as part of the identity. */
static struct span without_nul(struct span identity)
{
	if (identity.len && identity.ptr[identity.len - 1] == '\0')
		identity.len--;
	return identity;
}

static bool same(struct span a, struct span b)
{
	return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

/* Does the client have this key? Its @i-th binder tells. Sets h->psk. */
static enum cause try_psk(struct handshake *h, struct span msg, const struct client_hello *hello,
			  int i, const struct tls_psk *psk)
{
	struct span binder = hello->psk[i].binder;

	if (binder.len != hash_len(psk->hash))
		return CAUSE_PSK_HASH;
	if (!(psk->hash == NVME_HASH_SHA384 ? hello->suite_256 : hello->suite_128))
		return CAUSE_NO_COMMON_SUITE;
	if (!client_hello_binder_ok(msg, hello, binder, psk->hash, psk->psk))
		return CAUSE_PSK_MISMATCH;
	h->psk = *psk;
	h->psk_identity = hello->psk[i].identity;
	for (int k = 0; k < i; k++)
		h->psk_before += same(hello->psk[k].identity, h->psk_identity);
	h->psk_skip = h->psk_before;
	return CAUSE_NONE;
}

/*
 * Which key behind the offered identities does the client have? The first that it proves. If
 * none: the reason at the first identity that is known at all.
 */
static enum cause choose_psk(struct handshake *h, struct span msg, const struct client_hello *hello)
{
	const struct tls_psk_source *source = &h->config.source;
	enum cause why = CAUSE_PSK_UNKNOWN;

	for (int i = 0; i < hello->psk_count; i++) {
		struct tls_psk found[TLS_PSK_CANDIDATES_MAX];
		struct span identity = without_nul(hello->psk[i].identity);
		int n = source->find(source->ctx, identity, found, TLS_PSK_CANDIDATES_MAX);

		if (n == 0 && !h->detail[0])
			describe_unknown(h, identity);
		for (int k = 0; k < n; k++) {
			enum cause cause = try_psk(h, msg, hello, i, &found[k]);

			if (cause == CAUSE_NONE)
				return CAUSE_NONE;
			if (why != CAUSE_PSK_UNKNOWN)
				continue;
			why = cause;
			snprintf(h->detail, sizeof(h->detail), "identity \"%.200s\"", found[k].identity);
		}
	}
	return why;
}

/* What can be said of a ClientHello without a look at the keys. */
static enum cause judge_hello(const struct client_hello *hello)
{
	if (!hello->tls13)
		return CAUSE_TLS_VERSION;
	if (!hello->has_psk)
		return CAUSE_PSK_NONE_OFFERED;
	if (!hello->psk_dhe_ke)
		return CAUSE_PSK_MODE;
	if (!hello->suite_128 && !hello->suite_256)
		return CAUSE_NO_COMMON_SUITE;
	return CAUSE_NONE;
}

static uint8_t alert_of(enum cause cause)
{
	switch (cause) {
	case CAUSE_TLS_VERSION:
		return 70;	/* protocol_version */
	case CAUSE_PSK_NONE_OFFERED:
		return 109;	/* missing_extension, RFC 8446 9.2 */
	default:
		return ALERT_HANDSHAKE_FAILURE;
	}
}

/* The whole ClientHello is in h->hello. */
static struct fault on_hello(struct handshake *h, struct buf *out)
{
	struct span msg = span_of(h->hello, h->hello_len);
	struct client_hello hello;
	struct fault why = client_hello_parse(msg, &hello);
	enum cause cause;

	if (fault_is(why))
		return refuse(h, out, (uint8_t)why.code, (enum cause)why.cause);
	cause = judge_hello(&hello);
	if (cause != CAUSE_NONE)
		return refuse(h, out, alert_of(cause), cause);
	cause = choose_psk(h, msg, &hello);
	if (cause != CAUSE_NONE)
		return refuse(h, out, ALERT_DECRYPT_ERROR, cause);
	h->detail[0] = '\0';
	if (!make_ssl(h))
		return refuse(h, out, ALERT_INTERNAL_ERROR, CAUSE_NO_COMMON_GROUP);
	h->phase = HS_RUN;
	return OK;
}

/* Bytes of the ClientHello that are still to come; 0: it is whole. */
static size_t hello_missing(const struct handshake *h)
{
	size_t want = 4;

	if (h->hello_len >= 4)
		want += (size_t)h->hello[1] << 16 | (size_t)h->hello[2] << 8 | h->hello[3];
	return want - h->hello_len;
}

static struct fault hello_record(struct handshake *h, struct span record, struct buf *out)
{
	struct span body = span_of(record.ptr + RECORD_HEADER_LEN, record.len - RECORD_HEADER_LEN);

	if (record.ptr[0] == RECORD_ALERT)
		return fail(h, (struct fault){ FAULT_TLS_PEER, CAUSE_TLS_ALERT,
					       body.len == 2 ? body.ptr[1] : 0, 0 });
	if (record.ptr[0] != RECORD_HANDSHAKE || body.len == 0)
		return refuse(h, out, ALERT_UNEXPECTED_MESSAGE, CAUSE_TLS_PROTOCOL);
	if (body.len > CLIENT_HELLO_MAX - h->hello_len)
		return refuse(h, out, ALERT_RECORD_OVERFLOW, CAUSE_TLS_PROTOCOL);
	memcpy(h->hello + h->hello_len, body.ptr, body.len);
	h->hello_len += body.len;
	if (h->hello_len < 4)
		return OK;
	if (h->hello[0] != 1 || hello_missing(h) > CLIENT_HELLO_MAX - h->hello_len)
		return refuse(h, out, ALERT_UNEXPECTED_MESSAGE, CAUSE_TLS_PROTOCOL);
	return hello_missing(h) ? OK : on_hello(h, out);
}

/* --- running OpenSSL --- */

/* What OpenSSL wants to send. False: @out has no room for it. */
static bool drain(struct handshake *h, struct buf *out)
{
	size_t n = BIO_ctrl_pending(h->out);

	if (n == 0)
		return true;
	if (!buf_reserve(out, n))
		return false;
	BIO_read(h->out, buf_writable(out).ptr, (int)n);
	buf_commit(out, n);
	return true;
}

/* Alerts that say "not this key": a peer does not tell unknown from wrong. */
static enum cause cause_of_alert(uint8_t alert)
{
	switch (alert) {
	case ALERT_HANDSHAKE_FAILURE:
	case ALERT_ILLEGAL_PARAMETER:
	case ALERT_DECRYPT_ERROR:
	case ALERT_UNKNOWN_PSK_IDENTITY:
		return CAUSE_PSK_REFUSED;
	case 70:
		return CAUSE_TLS_VERSION;
	default:
		return CAUSE_TLS_ALERT;
	}
}

/* Why libssl refused the peer. */
static enum cause cause_of_reason(int reason)
{
	switch (reason) {
	case SSL_R_NO_SUITABLE_KEY_SHARE:
	case SSL_R_NO_SUITABLE_GROUPS:
		return CAUSE_NO_COMMON_GROUP;
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_WRONG_SSL_VERSION:
		return CAUSE_TLS_VERSION;
	case SSL_R_CERTIFICATE_VERIFY_FAILED:	/* the server went on without our PSK */
		return CAUSE_PSK_REFUSED;
	default:
		return CAUSE_TLS_PROTOCOL;
	}
}

static struct fault openssl_failed(struct handshake *h)
{
	unsigned long e = ERR_peek_last_error();
	int reason = ERR_GET_REASON(e);
	uint8_t alert;

	ERR_clear_error();
	if (ERR_GET_LIB(e) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET &&
	    reason < SSL_AD_REASON_OFFSET + 256) {
		alert = (uint8_t)(reason - SSL_AD_REASON_OFFSET);
		snprintf(h->detail, sizeof(h->detail), "TLS alert %u (%s)", alert,
			 SSL_alert_desc_string_long(alert));
		return fail(h, (struct fault){ FAULT_TLS_PEER, (uint8_t)cause_of_alert(alert),
					       alert, 0 });
	}
	snprintf(h->detail, sizeof(h->detail), "%s", ERR_reason_error_string(e) ?
		 ERR_reason_error_string(e) : "refused by libssl");
	return fail(h, record_fault(ALERT_HANDSHAKE_FAILURE, cause_of_reason(reason)));
}

static struct fault finish(struct handshake *h)
{
	const char *group = SSL_group_to_name(h->ssl, (int)SSL_get_negotiated_group(h->ssl));

	if (h->result.tx.len == 0 || h->result.rx.len == 0 || !SSL_session_reused(h->ssl))
		return fail(h, record_fault(ALERT_INTERNAL_ERROR, CAUSE_TLS_PROTOCOL));
	h->result.hash = h->psk.hash;
	snprintf(h->result.identity, sizeof(h->result.identity), "%s", h->psk.identity);
	snprintf(h->result.group, sizeof(h->result.group), "%s", group ? group : "");
	h->phase = HS_DONE;
	SSL_free(h->ssl);
	h->ssl = NULL;
	return OK;
}

static struct fault run(struct handshake *h, struct buf *out)
{
	int rc, err;

	ERR_clear_error();	/* SSL_get_error() looks at what this thread left behind, too */
	rc = SSL_do_handshake(h->ssl);
	err = SSL_get_error(h->ssl, rc);
	h->greeted = true;
	if (!drain(h, out))
		return fail(h, fault_os(ENOBUFS, CAUSE_NO_MEMORY));
	if (rc == 1)
		return finish(h);
	return err == SSL_ERROR_WANT_READ ? OK : openssl_failed(h);
}

/* The first byte tells what speaks: a record, plaintext NVMe/TCP, or something else. */
static enum cause first_byte_cause(const struct handshake *h, uint8_t b)
{
	if (b == RECORD_HANDSHAKE || b == RECORD_ALERT ||
	    (b == RECORD_CCS && h->config.role == TLS_CLIENT))
		return CAUSE_NONE;
	if (h->config.role == TLS_SERVER)
		return b == 0 ? CAUSE_PLAIN_ON_TLS : CAUSE_NOT_NVME;
	return b <= 3 ? CAUSE_TLS_ON_PLAIN : CAUSE_NOT_NVME;
}

static struct fault one_record(struct handshake *h, struct span record, struct buf *out)
{
	if (h->phase == HS_HELLO) {
		TRY(hello_record(h, record, out));
		if (h->phase != HS_RUN)
			return OK;
		/* OpenSSL reads the same message, as one record (or several if it is long) */
		for (size_t at = 0; at < h->hello_len; at += TLS_RECORD_PLAIN_MAX) {
			size_t n = min_u64(TLS_RECORD_PLAIN_MAX, h->hello_len - at);
			uint8_t header[RECORD_HEADER_LEN] = { RECORD_HANDSHAKE, 3, 1 };

			store_be16(header + 3, (uint16_t)n);
			BIO_write(h->in, header, sizeof(header));
			BIO_write(h->in, h->hello + at, (int)n);
		}
		return run(h, out);
	}
	BIO_write(h->in, record.ptr, (int)record.len);
	return run(h, out);
}

struct fault handshake_step(struct handshake *h, struct span *in, struct buf *out,
			    enum handshake_state *ret_state)
{
	assert(h->phase != HS_FAILED && h->phase != HS_DONE);
	*ret_state = HANDSHAKE_MORE;
	if (h->config.role == TLS_CLIENT && !h->greeted)
		TRY(run(h, out));
	if (in->len && !h->heard) {
		enum cause cause = first_byte_cause(h, in->ptr[0]);

		if (cause != CAUSE_NONE)
			return fail(h, fault_os(EPROTO, cause));
		h->heard = true;
	}
	while (h->phase != HS_DONE && in->len >= RECORD_HEADER_LEN) {
		size_t size = (size_t)RECORD_HEADER_LEN + load_be16(in->ptr + 3);

		if (size > RECORD_WIRE_MAX)
			return refuse(h, out, ALERT_RECORD_OVERFLOW, CAUSE_TLS_PROTOCOL);
		if (in->len < size)
			break;
		TRY(one_record(h, span_take(in, size), out));
	}
	if (h->phase == HS_DONE)
		*ret_state = HANDSHAKE_DONE;
	return OK;
}

const struct handshake_result *handshake_result(const struct handshake *h)
{
	return &h->result;
}

const char *handshake_detail(const struct handshake *h)
{
	return h->detail;
}

enum cause handshake_eof_cause(const struct handshake *h)
{
	if (h->config.role == TLS_CLIENT && !h->heard)
		return CAUSE_CLOSED_AFTER_HELLO;
	return CAUSE_CLOSED_IN_HANDSHAKE;
}
