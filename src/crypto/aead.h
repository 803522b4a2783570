/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * aead - AES-GCM for TLS records, behind one small interface.
 *
 * Two providers, chosen once at start: intel-ipsec-mb where it was built in
 * and the CPU has AES-NI, libcrypto's EVP elsewhere. NVMETLS_CRYPTO=evp|ipsec-mb
 * in the programs' environment overrides. A key context is used by one thread at a time.
 *
 * Shapes: 12-byte nonce, 16-byte tag, key of 16 (AES-128) or 32 (AES-256) bytes.
 * Nothing here allocates but aead_new().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define AEAD_NONCE_LEN 12
#define AEAD_TAG_LEN   16
#define AEAD_KEY_MAX   32

enum aead_alg { AEAD_AES_128_GCM, AEAD_AES_256_GCM };

struct aead;	/* one key: schedule, hash table, state of a streaming open */

/*
 * Chooses the provider: @provider ("evp", "ipsec-mb") if it works here; NULL: the best. Call once
 * before threads start; what comes later changes nothing.
 */
void aead_setup(const char *provider);
/* "ipsec-mb 1.3 (vaes-avx512)", "evp (OpenSSL 3.0.19)"; static string. */
const char *aead_provider(void);

/* NULL when out of memory. @key has aead_key_len(@alg) bytes and is not kept. */
struct aead *aead_new(enum aead_alg alg, const uint8_t *key);
/* Load another key into an existing context (KeyUpdate). */
void aead_rekey(struct aead *a, const uint8_t *key);
/* Wipes; NULL is harmless. */
void aead_free(struct aead *a);

static inline size_t aead_key_len(enum aead_alg alg)
{
	return alg == AEAD_AES_128_GCM ? 16 : 32;
}

/*
 * Encrypt the gathered bytes of @in into @out (contiguous; must not overlap
 * any of @in) and write the tag to @tag. @out holds the sum of @in's lengths.
 */
void aead_seal(struct aead *a, const uint8_t nonce[AEAD_NONCE_LEN], const void *aad,
	       size_t aad_len, const struct iovec *in, int in_count, uint8_t *out,
	       uint8_t tag[AEAD_TAG_LEN]);

/*
 * Open in pieces: begin, update as often as needed, end. What update() writes
 * is NOT authentic until end() returned true. @dst may equal @src (in place).
 */
void aead_open_begin(struct aead *a, const uint8_t nonce[AEAD_NONCE_LEN], const void *aad,
		     size_t aad_len);
void aead_open_update(struct aead *a, uint8_t *dst, const uint8_t *src, size_t len);
bool aead_open_end(struct aead *a, const uint8_t tag[AEAD_TAG_LEN])
	__attribute__((warn_unused_result));

/* The same in one call, faster for one piece. On false @dst has been wiped. */
bool aead_open(struct aead *a, const uint8_t nonce[AEAD_NONCE_LEN], const void *aad, size_t aad_len,
	       uint8_t *dst, const uint8_t *src, size_t len, const uint8_t tag[AEAD_TAG_LEN])
	__attribute__((warn_unused_result));
