/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kdf - hashes, HMAC and HKDF over libcrypto, for keys of this product.
 *
 * Functions return 0 or -1 when libcrypto refuses (out of memory, FIPS
 * policy); outputs are then zero. No secret is logged or kept.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"
#include "base/span.h"

/* NVMe hash identifiers: the HH of "NVMeTLSkey-1:HH:" and the hh of an identity. */
enum nvme_hash {
	NVME_HASH_NONE = 0,
	NVME_HASH_SHA256 = 1,
	NVME_HASH_SHA384 = 2,
	NVME_HASH_SHA512 = 3
};

#define HASH_LEN_MAX 64

/* 32, 48, 64; 0 for NONE. */
size_t hash_len(enum nvme_hash h);

int kdf_hash(enum nvme_hash h, const struct span *parts, int count, uint8_t out[HASH_LEN_MAX]);
int kdf_hmac(enum nvme_hash h, struct span key, const struct span *parts, int count,
	     uint8_t out[HASH_LEN_MAX]);

/* HKDF-Extract with a salt of hash_len(h) zero bytes (RFC 5869). @prk->len = hash_len. */
int kdf_extract(enum nvme_hash h, const struct secret *ikm, struct secret *ret_prk);
/* HKDF-Expand (RFC 5869); @info as is. @len <= SECRET_LEN_MAX. */
int kdf_expand(enum nvme_hash h, const struct secret *prk, struct span info, size_t len,
	       struct secret *ret_okm);
/* HKDF-Expand-Label of RFC 8446 7.1; "tls13 " is prepended to @label. @context <= 255 bytes. */
int kdf_expand_label(enum nvme_hash h, const struct secret *prk, const char *label,
		     struct span context, size_t len, struct secret *ret_okm);
