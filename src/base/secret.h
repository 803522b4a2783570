/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * secret - key bytes live in a struct secret and nowhere else.
 *
 * Never copied by assignment (secret_copy), never compared with memcmp
 * (secret_equal), never formatted, and wiped when it leaves scope:
 *
 *	SECRET(psk);
 *	TRY(psk_parse(text, &hash, &psk));
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SECRET_LEN_MAX 64	/* bytes: the longest DH-HMAC-CHAP secret; NVMe PSKs are 32 or 48 */

struct secret {
	uint8_t bytes[SECRET_LEN_MAX];
	uint8_t len;	/* bytes in use */
};

static inline void secret_wipe(struct secret *s)
{
	explicit_bzero(s, sizeof(*s));
}

static inline void secret_copy(struct secret *dst, const struct secret *src)
{
	memcpy(dst, src, sizeof(*dst));
}

/* Constant time in the content; lengths are not secret. */
bool secret_equal(const struct secret *a, const struct secret *b);

/* Constant-time comparison of @len bytes, for tags, binders and digests. */
bool bytes_equal_ct(const void *a, const void *b, size_t len);

#define SECRET(name) struct secret name __attribute__((cleanup(secret_wipe))) = { .len = 0 }
