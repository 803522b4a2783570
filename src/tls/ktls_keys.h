/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ktls_keys - what the kernel's TLS (kTLS) wants to know of a handshake, as its structs.
 *
 * Linux, Documentation/networking/tls.rst and include/uapi/linux/tls.h: setsockopt(SOL_TLS, TLS_TX or
 * TLS_RX). The 12-byte IV of RFC 8446 7.3 is split into salt (first 4) and iv; rec_seq is the
 * next record's number, big-endian. No system calls here.
 */
#pragma once

#include <linux/tls.h>

#include "crypto/kdf.h"

#ifndef TLS_TX_MAX_PAYLOAD_LEN
#define TLS_TX_MAX_PAYLOAD_LEN 5	/* content bytes per record; newer than Debian 12's headers */
#endif

/* Secret: wipe it after use. */
struct ktls_keys {
	union {
		struct tls_crypto_info info;
		struct tls12_crypto_info_aes_gcm_128 gcm_128;
		struct tls12_crypto_info_aes_gcm_256 gcm_256;
	};
	size_t len;	/* bytes for setsockopt() */
};

/*
 * The keys of one direction, for the record @seq. @hash: SHA256 gives AES-128-GCM, SHA384
 * AES-256-GCM. Returns 0, or -1 when libcrypto refuses; @ret is then zero.
 */
int ktls_keys_derive(enum nvme_hash hash, const struct secret *traffic, uint64_t seq,
		     struct ktls_keys *ret);
void ktls_keys_wipe(struct ktls_keys *k);
