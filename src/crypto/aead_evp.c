/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * AES-GCM by libcrypto. Works on every CPU; about 200 ns of fixed cost per record.
 *
 * The key schedule is kept in two contexts, one per direction; a record sets the nonce only.
 * These calls fail on misuse only (wrong order, no key), never on data: asserted.
 */
#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/aead_impl.h"

struct evp {
	struct aead aead;
	EVP_CIPHER_CTX *seal, *open;
};

static EVP_CIPHER *ciphers[2];	/* fetched once, for the life of the process */

static void must(int rc)
{
	assert(rc == 1);
	(void)rc;
}

static bool evp_setup(char *describe, size_t size)
{
	static const char *const names[] = { "AES-128-GCM", "AES-256-GCM" };

	for (int i = 0; i < 2; i++)
		if (!ciphers[i])
			ciphers[i] = EVP_CIPHER_fetch(NULL, names[i], NULL);
	snprintf(describe, size, "evp (%s)", OpenSSL_version(OPENSSL_VERSION));
	return ciphers[0] && ciphers[1];
}

static void evp_free(struct aead *a)
{
	struct evp *e = (struct evp *)a;

	EVP_CIPHER_CTX_free(e->seal);
	EVP_CIPHER_CTX_free(e->open);
	free(e);
}

static struct aead *evp_alloc(enum aead_alg alg)
{
	struct evp *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->seal = EVP_CIPHER_CTX_new();
	e->open = EVP_CIPHER_CTX_new();
	if (e->seal && e->open && EVP_EncryptInit_ex2(e->seal, ciphers[alg], NULL, NULL, NULL) &&
	    EVP_DecryptInit_ex2(e->open, ciphers[alg], NULL, NULL, NULL))
		return &e->aead;
	evp_free(&e->aead);
	return NULL;
}

static void evp_set_key(struct aead *a, const uint8_t *key)
{
	struct evp *e = (struct evp *)a;

	must(EVP_EncryptInit_ex2(e->seal, NULL, key, NULL, NULL));
	must(EVP_DecryptInit_ex2(e->open, NULL, key, NULL, NULL));
}

static void evp_seal(struct aead *a, const uint8_t *nonce, const void *aad, size_t aad_len,
		     const struct iovec *in, int in_count, uint8_t *out, uint8_t *tag)
{
	EVP_CIPHER_CTX *c = ((struct evp *)a)->seal;
	int n;

	must(EVP_EncryptInit_ex2(c, NULL, NULL, nonce, NULL));
	must(EVP_EncryptUpdate(c, NULL, &n, aad, (int)aad_len));
	for (int i = 0; i < in_count; i++) {
		must(EVP_EncryptUpdate(c, out, &n, in[i].iov_base, (int)in[i].iov_len));
		out += in[i].iov_len;
	}
	must(EVP_EncryptFinal_ex(c, out, &n));
	must(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_LEN, tag));
}

static void evp_open_begin(struct aead *a, const uint8_t *nonce, const void *aad, size_t aad_len)
{
	EVP_CIPHER_CTX *c = ((struct evp *)a)->open;
	int n;

	must(EVP_DecryptInit_ex2(c, NULL, NULL, nonce, NULL));
	must(EVP_DecryptUpdate(c, NULL, &n, aad, (int)aad_len));
}

static void evp_open_update(struct aead *a, uint8_t *dst, const uint8_t *src, size_t len)
{
	int n;

	must(EVP_DecryptUpdate(((struct evp *)a)->open, dst, &n, src, (int)len));
}

static bool evp_open_end(struct aead *a, const uint8_t *tag)
{
	EVP_CIPHER_CTX *c = ((struct evp *)a)->open;
	uint8_t none[16];
	int n;

	must(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_LEN, (void *)tag));
	return EVP_DecryptFinal_ex(c, none, &n) == 1;
}

static bool evp_open(struct aead *a, const uint8_t *nonce, const void *aad, size_t aad_len,
		     uint8_t *dst, const uint8_t *src, size_t len, const uint8_t *tag)
{
	evp_open_begin(a, nonce, aad, aad_len);
	evp_open_update(a, dst, src, len);
	return evp_open_end(a, tag);
}

const struct aead_ops aead_evp = {
	.name = "evp",
	.setup = evp_setup,
	.alloc = evp_alloc,
	.set_key = evp_set_key,
	.free = evp_free,
	.seal = evp_seal,
	.open_begin = evp_open_begin,
	.open_update = evp_open_update,
	.open_end = evp_open_end,
	.open = evp_open,
};
