/* SPDX-License-Identifier: BSD-3-Clause */
/* ktls_keys: RFC 8448 3 (AES-128-GCM), and libcrypto's own TLS 1.3 KDF for both suites. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/bytes.h"
#include "tls/ktls_keys.h"

static const uint8_t rfc_secret[32] = { /* server_application_traffic_secret_0 */
	0xa1, 0x1a, 0xf9, 0xf0, 0x55, 0x31, 0xf8, 0x56, 0xad, 0x47, 0x11,
	0x6b, 0x45, 0xa9, 0x50, 0x32, 0x82, 0x04, 0xb4, 0xf4, 0x4b, 0xfb,
	0x6b, 0x3a, 0x4b, 0x4f, 0x1f, 0x3f, 0xcb, 0x63, 0x16, 0x43,
};
static const uint8_t rfc_key[16] = { 0x9f, 0x02, 0x28, 0x3b, 0x6c, 0x9c, 0x07, 0xef,
				     0xc2, 0x6b, 0xb9, 0xf2, 0xac, 0x92, 0xe3, 0x56 };
static const uint8_t rfc_iv[12] = { 0xcf, 0x78, 0x2b, 0x88, 0xdd, 0x83,
				    0x54, 0x9a, 0xad, 0xf1, 0xe9, 0x84 };

static void rfc_8448(void **state)
{
	struct secret s = { .len = 32 };
	struct ktls_keys k;

	(void)state;
	memcpy(s.bytes, rfc_secret, sizeof(rfc_secret));
	assert_int_equal(ktls_keys_derive(NVME_HASH_SHA256, &s, 0x0102030405060708, &k), 0);
	assert_int_equal(k.len, 40);	/* linux/tls.h */
	assert_int_equal(k.info.version, 0x0304);
	assert_int_equal(k.info.cipher_type, 51);
	assert_memory_equal(k.gcm_128.key, rfc_key, 16);
	assert_memory_equal(k.gcm_128.salt, rfc_iv, 4);
	assert_memory_equal(k.gcm_128.iv, rfc_iv + 4, 8);
	assert_memory_equal(k.gcm_128.rec_seq, "\1\2\3\4\5\6\7\10", 8);
	ktls_keys_wipe(&k);
	assert_int_equal(k.gcm_128.key[0] | k.gcm_128.key[15] | (int)k.len, 0);
}

static void libcrypto(const char *md, const struct secret *s, const char *label, uint8_t *ret,
		      size_t n)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS13-KDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	OSSL_PARAM p[] = {
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)md, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)s->bytes, s->len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, (void *)"tls13 ", 6),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, (void *)label,
						  strlen(label)),
		OSSL_PARAM_construct_end(),
	};

	assert_int_equal(EVP_KDF_derive(ctx, ret, n, p), 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

static void sha_384(void **state)
{
	struct secret s = { .len = 48 };
	uint8_t key[32], iv[12];
	struct ktls_keys k;

	(void)state;
	for (int i = 0; i < 48; i++)
		s.bytes[i] = (uint8_t)(i * 5);
	libcrypto("SHA384", &s, "key", key, sizeof(key));
	libcrypto("SHA384", &s, "iv", iv, sizeof(iv));
	assert_int_equal(ktls_keys_derive(NVME_HASH_SHA384, &s, 0, &k), 0);
	assert_int_equal(k.len, 56);
	assert_int_equal(k.info.cipher_type, 52);
	assert_memory_equal(k.gcm_256.key, key, 32);
	assert_memory_equal(k.gcm_256.salt, iv, 4);
	assert_memory_equal(k.gcm_256.iv, iv + 4, 8);
	assert_memory_equal(k.gcm_256.rec_seq, "\0\0\0\0\0\0\0\0", 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rfc_8448), cmocka_unit_test(sha_384) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
