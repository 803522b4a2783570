/* SPDX-License-Identifier: BSD-3-Clause */
#include "tls/ktls_keys.h"

#include "base/bytes.h"

#define SALT_LEN 4
#define IV_LEN	 8
_Static_assert(SALT_LEN == TLS_CIPHER_AES_GCM_128_SALT_SIZE, "linux/tls.h");
_Static_assert(SALT_LEN == TLS_CIPHER_AES_GCM_256_SALT_SIZE, "linux/tls.h");
_Static_assert(IV_LEN == TLS_CIPHER_AES_GCM_128_IV_SIZE, "linux/tls.h");
_Static_assert(IV_LEN == TLS_CIPHER_AES_GCM_256_IV_SIZE, "linux/tls.h");

#define FILL(to, key_, iv_, seq_)                                   \
	do {                                                        \
		memcpy((to)->key, (key_)->bytes, sizeof((to)->key)); \
		memcpy((to)->salt, (iv_)->bytes, SALT_LEN);         \
		memcpy((to)->iv, (iv_)->bytes + SALT_LEN, IV_LEN);  \
		store_be64((to)->rec_seq, seq_);                    \
	} while (0)

int ktls_keys_derive(enum nvme_hash hash, const struct secret *traffic, uint64_t seq,
		     struct ktls_keys *ret)
{
	bool big = hash == NVME_HASH_SHA384;
	size_t key_len = big ? TLS_CIPHER_AES_GCM_256_KEY_SIZE : TLS_CIPHER_AES_GCM_128_KEY_SIZE;
	SECRET(key);
	SECRET(iv);

	memset(ret, 0, sizeof(*ret));
	if (kdf_expand_label(hash, traffic, "key", span_of(NULL, 0), key_len, &key) ||
	    kdf_expand_label(hash, traffic, "iv", span_of(NULL, 0), SALT_LEN + IV_LEN, &iv))
		return -1;
	ret->info.version = TLS_1_3_VERSION;
	ret->info.cipher_type = big ? TLS_CIPHER_AES_GCM_256 : TLS_CIPHER_AES_GCM_128;
	ret->len = big ? sizeof(ret->gcm_256) : sizeof(ret->gcm_128);
	if (big)
		FILL(&ret->gcm_256, &key, &iv, seq);
	else
		FILL(&ret->gcm_128, &key, &iv, seq);
	return 0;
}

void ktls_keys_wipe(struct ktls_keys *k)
{
	explicit_bzero(k, sizeof(*k));
}
