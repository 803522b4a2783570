/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/kdf.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/bytes.h"

static const struct {
	const char *name;
	size_t len;
} hashes[] = {
	[NVME_HASH_NONE] = { NULL, 0 },
	[NVME_HASH_SHA256] = { "SHA256", 32 },
	[NVME_HASH_SHA384] = { "SHA384", 48 },
	[NVME_HASH_SHA512] = { "SHA512", 64 },
};

size_t hash_len(enum nvme_hash h)
{
	return (size_t)h < ARRAY_SIZE(hashes) ? hashes[h].len : 0;
}

int kdf_hash(enum nvme_hash h, const struct span *parts, int count, uint8_t out[HASH_LEN_MAX])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_MD *md = EVP_MD_fetch(NULL, hashes[h].name, NULL);
	int good = ctx && md && EVP_DigestInit_ex2(ctx, md, NULL);

	for (int i = 0; good && i < count; i++)
		good = EVP_DigestUpdate(ctx, parts[i].ptr, parts[i].len);
	good = good && EVP_DigestFinal_ex(ctx, out, NULL);
	if (!good)
		OPENSSL_cleanse(out, HASH_LEN_MAX);
	EVP_MD_free(md);
	EVP_MD_CTX_free(ctx);
	return good ? 0 : -1;
}

int kdf_hmac(enum nvme_hash h, struct span key, const struct span *parts, int count,
	     uint8_t out[HASH_LEN_MAX])
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)hashes[h].name, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
	int good = ctx && EVP_MAC_init(ctx, key.ptr, key.len, params);

	for (int i = 0; good && i < count; i++)
		good = EVP_MAC_update(ctx, parts[i].ptr, parts[i].len);
	good = good && EVP_MAC_final(ctx, out, NULL, HASH_LEN_MAX);
	if (!good)
		OPENSSL_cleanse(out, HASH_LEN_MAX);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return good ? 0 : -1;
}

/* RFC 5869 2.2: PRK = HMAC(salt, IKM), the salt being HashLen zero bytes. */
int kdf_extract(enum nvme_hash h, const struct secret *ikm, struct secret *ret_prk)
{
	static const uint8_t zero[HASH_LEN_MAX];
	struct span part = span_of(ikm->bytes, ikm->len);

	secret_wipe(ret_prk);
	if (kdf_hmac(h, span_of(zero, hash_len(h)), &part, 1, ret_prk->bytes))
		return -1;
	ret_prk->len = (uint8_t)hash_len(h);
	return 0;
}

/* RFC 5869 2.3: T(i) = HMAC(PRK, T(i-1) | info | i). */
int kdf_expand(enum nvme_hash h, const struct secret *prk, struct span info, size_t len,
	       struct secret *ret_okm)
{
	SECRET(t);
	size_t done = 0;

	assert(len <= SECRET_LEN_MAX && len > 0);
	secret_wipe(ret_okm);
	for (uint8_t i = 1; done < len; i++) {
		struct span parts[] = { span_of(t.bytes, t.len), info, span_of(&i, 1) };
		SECRET(next);
		size_t n = hash_len(h);

		if (kdf_hmac(h, span_of(prk->bytes, prk->len), parts, 3, next.bytes)) {
			secret_wipe(ret_okm);
			return -1;
		}
		next.len = (uint8_t)n;
		secret_copy(&t, &next);
		memcpy(ret_okm->bytes + done, t.bytes, min_u64(n, len - done));
		done += min_u64(n, len - done);
	}
	ret_okm->len = (uint8_t)len;
	return 0;
}

int kdf_expand_label(enum nvme_hash h, const struct secret *prk, const char *label,
		     struct span context, size_t len, struct secret *ret_okm)
{
	uint8_t info[2 + 1 + 255 + 1 + 255];
	size_t label_len = strlen(label), at = 0;

	assert(label_len <= 249 && context.len <= 255);
	store_be16(info, (uint16_t)len);
	info[2] = (uint8_t)(6 + label_len);
	memcpy(info + 3, "tls13 ", 6);
	memcpy(info + 9, label, label_len);
	at = 9 + label_len;
	info[at++] = (uint8_t)context.len;
	if (context.len)
		memcpy(info + at, context.ptr, context.len);
	return kdf_expand(h, prk, span_of(info, at + context.len), len, ret_okm);
}
