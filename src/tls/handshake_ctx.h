/* SPDX-License-Identifier: BSD-3-Clause */
/* handshake_ctx - the two SSL_CTX of the process, and what OpenSSL calls back into. */
#pragma once

#include <openssl/ssl.h>

#include "tls/client_hello.h"
#include "tls/handshake.h"

struct handshake {
	struct handshake_config config;
	SSL *ssl;
	BIO *in, *out;			/* owned by ssl */
	enum { HS_HELLO, HS_RUN, HS_DONE, HS_FAILED } phase;
	bool heard;			/* the peer has said something */
	bool greeted;			/* our ClientHello is out */
	struct tls_psk psk;		/* the one key of this handshake */
	struct span psk_identity;	/* server: as the client wrote it */
	int psk_before, psk_skip;	/* server: wrong keys offered under the same identity before it */
	uint8_t rsl_wire[2];		/* our record_size_limit, for the extension */
	struct handshake_result result;
	char detail[512];
	uint8_t *hello;			/* server: the first ClientHello, reassembled */
	size_t hello_len;
};

/* NULL: libcrypto refused. Made once per role, kept for the life of the process. */
SSL_CTX *handshake_ctx(enum tls_role role);
