/* SPDX-License-Identifier: BSD-3-Clause */
#include "tls/handshake_ctx.h"

#include <pthread.h>

#include "base/bytes.h"
#include "base/hex.h"

#define EXT_RECORD_SIZE_LIMIT 28	/* RFC 8449 */
#define ALERT_ILLEGAL	      47

/* The session object that stands for an external PSK. NULL: out of memory. */
static SSL_SESSION *psk_session(SSL *ssl, const struct tls_psk *psk)
{
	const uint8_t suite[2] = { 0x13, psk->hash == NVME_HASH_SHA384 ? 0x02 : 0x01 };
	const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, suite);
	SSL_SESSION *s = SSL_SESSION_new();

	if (s && cipher && SSL_SESSION_set1_master_key(s, psk->psk->bytes, psk->psk->len) &&
	    SSL_SESSION_set_cipher(s, cipher) &&
	    SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION))
		return s;
	SSL_SESSION_free(s);
	return NULL;
}

/*
 * Server: the key was chosen before OpenSSL saw the ClientHello; all others are unknown. OpenSSL asks
 * for each identity in turn, until one is found.
 */
static int find_session(SSL *ssl, const unsigned char *id, size_t len, SSL_SESSION **ret)
{
	struct handshake *h = SSL_get_app_data(ssl);

	*ret = NULL;
	if (len != h->psk_identity.len || memcmp(id, h->psk_identity.ptr, len) != 0)
		return 1;
	if (h->psk_skip-- > 0)
		return 1;
	h->psk_skip = h->psk_before;	/* for the second ClientHello after a HelloRetryRequest */
	*ret = psk_session(ssl, &h->psk);
	return 1;
}

/* Client: offer the one key. After a HelloRetryRequest @md is fixed; offer nothing that differs. */
static int use_session(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *len,
		       SSL_SESSION **ret)
{
	struct handshake *h = SSL_get_app_data(ssl);

	*id = NULL;
	*len = 0;
	*ret = NULL;
	if (md && (size_t)EVP_MD_get_size(md) != hash_len(h->psk.hash))
		return 1;
	*ret = psk_session(ssl, &h->psk);
	if (!*ret)
		return 0;
	*id = (const unsigned char *)h->psk.identity;
	*len = strlen(h->psk.identity);
	return 1;
}

/* "LABEL <client random> <secret>": keep the traffic secrets, pass the line on if asked to. */
static void keylog(const SSL *ssl, const char *line)
{
	struct handshake *h = SSL_get_app_data(ssl);
	bool client = strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24) == 0;
	bool server = strncmp(line, "SERVER_TRAFFIC_SECRET_0 ", 24) == 0;
	const char *hex = strrchr(line, ' ');
	struct secret *to;

	if (h->config.keylog)
		h->config.keylog(h->config.keylog_ctx, line);
	if ((!client && !server) || !hex)
		return;
	to = client == (h->config.role == TLS_CLIENT) ? &h->result.tx : &h->result.rx;
	if (hex_decode(to->bytes, sizeof(to->bytes), hex + 1, strlen(hex + 1)) ==
	    (int)hash_len(h->psk.hash))
		to->len = (uint8_t)hash_len(h->psk.hash);
}

static int add_limit(SSL *ssl, unsigned int type, unsigned int context, const unsigned char **out,
		     size_t *len, X509 *x, size_t chain, int *alert, void *arg)
{
	struct handshake *h = SSL_get_app_data(ssl);

	(void)type, (void)context, (void)x, (void)chain, (void)alert, (void)arg;
	*out = h->rsl_wire;
	*len = sizeof(h->rsl_wire);
	return 1;
}

/* RFC 8449 4: the limit counts the content type byte; below 64 is illegal. */
static int parse_limit(SSL *ssl, unsigned int type, unsigned int context, const unsigned char *in,
		       size_t len, X509 *x, size_t chain, int *alert, void *arg)
{
	struct handshake *h = SSL_get_app_data(ssl);

	(void)type, (void)context, (void)x, (void)chain, (void)arg;
	if (len != 2 || load_be16(in) < 64) {
		*alert = ALERT_ILLEGAL;
		return 0;
	}
	h->result.peer_plain_max = (uint16_t)min_u64(TLS_RECORD_PLAIN_MAX, load_be16(in) - 1u);
	return 1;
}

static SSL_CTX *make(enum tls_role role)
{
	SSL_CTX *ctx = SSL_CTX_new(role == TLS_CLIENT ? TLS_client_method() : TLS_server_method());

	if (!ctx)
		return NULL;
	SSL_CTX_set_options(ctx,
			    SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (role == TLS_CLIENT)	/* and no authority is known: a server with a certificate is refused */
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_keylog_callback(ctx, keylog);
	SSL_CTX_set_psk_find_session_callback(ctx, role == TLS_SERVER ? find_session : NULL);
	SSL_CTX_set_psk_use_session_callback(ctx, role == TLS_CLIENT ? use_session : NULL);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) &&
	    SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) && SSL_CTX_set_num_tickets(ctx, 0) &&
	    SSL_CTX_add_custom_ext(ctx, EXT_RECORD_SIZE_LIMIT,
				   SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS,
				   add_limit, NULL, NULL, parse_limit, NULL))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

static SSL_CTX *contexts[2];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_both(void)
{
	contexts[TLS_CLIENT] = make(TLS_CLIENT);
	contexts[TLS_SERVER] = make(TLS_SERVER);
}

SSL_CTX *handshake_ctx(enum tls_role role)
{
	pthread_once(&once, make_both);
	return contexts[role];
}
