/* SPDX-License-Identifier: BSD-3-Clause */
/* aead_impl - what a provider of AES-GCM implements. See crypto/aead.h for the contract. */
#pragma once

#include "crypto/aead.h"

struct aead_ops {
	const char *name;	/* of NVMETLS_CRYPTO */
	/* False where this CPU or library cannot; then nothing else is called. */
	bool (*setup)(char *describe, size_t size);
	struct aead *(*alloc)(enum aead_alg alg);
	void (*set_key)(struct aead *a, const uint8_t *key);
	void (*free)(struct aead *a);	/* wipes */
	void (*seal)(struct aead *a, const uint8_t *nonce, const void *aad, size_t aad_len,
		     const struct iovec *in, int in_count, uint8_t *out, uint8_t *tag);
	void (*open_begin)(struct aead *a, const uint8_t *nonce, const void *aad, size_t aad_len);
	void (*open_update)(struct aead *a, uint8_t *dst, const uint8_t *src, size_t len);
	/* The tag that the opened bytes should have. */
	bool (*open_end)(struct aead *a, const uint8_t *tag);
	bool (*open)(struct aead *a, const uint8_t *nonce, const void *aad, size_t aad_len,
		     uint8_t *dst, const uint8_t *src, size_t len, const uint8_t *tag);
};

/* First member of every provider's context. */
struct aead {
	const struct aead_ops *ops;
	enum aead_alg alg;
};

extern const struct aead_ops aead_evp;
#ifdef HAVE_IPSEC_MB
extern const struct aead_ops aead_ipsec_mb;
#endif
