/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * aead: known answers (test cases 1-2, 4, 13-14 and 16 of the GCM submission to NIST, McGrew and
 * Viega; and of NIST CAVP, gcmEncryptExtIV128.rsp and gcmEncryptExtIV256.rsp), by each provider, in
 * one call and in pieces; and the providers against each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "base/prng.h"
#include "crypto/aead_impl.h"

#define PLAIN4                                                         \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" \
	"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define AAD4 "feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define KEY4 "feffe9928665731c6d6a8f9467308308"
#define IV4  "cafebabefacedbaddecaf888"
#define K0   "00000000000000000000000000000000"
#define IV0  "000000000000000000000000"

/* clang-format off */
static const struct {
	const char *name;
	enum aead_alg alg;
	const char *key, *iv, *aad, *plain, *cipher, *tag;
} known[] = {
	{ "case 1", AEAD_AES_128_GCM, K0, IV0, "", "", "", "58e2fccefa7e3061367f1d57a4e7455a" },
	{ "case 2", AEAD_AES_128_GCM, K0, IV0, "", K0, "0388dace60b6a392f328c2b971b2fe78", "ab6e47d42cec13bdf53a67b21257bddf" },
	{ "case 4", AEAD_AES_128_GCM, KEY4, IV4, AAD4, PLAIN4,
	  "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
	  "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091", "5bc94fbc3221a5db94fae95ae7121a47" },
	{ "case 13", AEAD_AES_256_GCM, K0 K0, IV0, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b" },
	{ "case 14", AEAD_AES_256_GCM, K0 K0, IV0, "", K0, "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919" },
	{ "case 16", AEAD_AES_256_GCM, KEY4 KEY4, IV4, AAD4, PLAIN4,
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	  "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662", "76fc6ece0f4e1768cddf8853bb2d551b" },
	{ "CAVP 128: nothing", AEAD_AES_128_GCM, "11754cd72aec309bf52f7687212e8957", "3c819d9a9bed087615030b65", "", "", "",
	  "250327c674aaf477aef2675748cf6971" },
	{ "CAVP 128: AAD", AEAD_AES_128_GCM, "77be63708971c4e240d1cb79e8d77feb", "e0e00f19fed7ba0136a797f3",
	  "7a43ec1d9c0a5a78a0b16533a6213cab", "", "", "209fcc8d3675ed938e9c7166709dd946" },
	{ "CAVP 128: text", AEAD_AES_128_GCM, "7fddb57453c241d03efbed3ac44e371c", "ee283a3fc75575e33efd4887", "",
	  "d5de42b461646c255c87bd2962d3b9a2", "2ccda4a5415cb91e135c2a0f78c9b2fd", "b36d1df9b9d5e596f83e8b7f52971cb3" },
	{ "CAVP 256: nothing", AEAD_AES_256_GCM, "b52c505a37d78eda5dd34f20c22540ea1b58963cf8e5bf8ffa85f9f2492505b4",
	  "516c33929df5a3284ff463d7", "", "", "", "bdc1ac884d332457a1d2664f168c76f0" },
	{ "CAVP 256: text", AEAD_AES_256_GCM, "31bdadd96698c204aa9ce1448ea94ae1fb4a9a0b3c9d773b51bb1822666b8f22",
	  "0d18e06c7c725ac9e362e1ce", "", "2db5168e932556f8089a0622981d017d", "fa4362189661d163fcd6a56d8bf0405a",
	  "d636ac1bbedd5cc3ee727dc2ab4a9489" },
};
/* clang-format on */

static const struct aead_ops *const providers[] = {
#ifdef HAVE_IPSEC_MB
	&aead_ipsec_mb,
#endif
	&aead_evp,
};

static struct aead *make(const struct aead_ops *p, enum aead_alg alg, const uint8_t *key)
{
	struct aead *a = p->alloc(alg);

	assert_non_null(a);
	a->ops = p;
	a->alg = alg;
	p->set_key(a, key);
	return a;
}

static size_t bytes(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		char pair[3] = { hex[2 * i], hex[2 * i + 1], 0 };

		out[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return n;
}

/* Open @len bytes in pieces of @step; true if the tag verifies and the plaintext is @want. */
static bool open_pieces(struct aead *a, const uint8_t *iv, const uint8_t *aad, size_t aad_len,
			const uint8_t *cipher, size_t len, size_t step, const uint8_t *tag,
			const uint8_t *want)
{
	uint8_t *out = malloc(len + 1);
	bool good;

	aead_open_begin(a, iv, aad, aad_len);
	for (size_t at = 0; at < len; at += step)
		aead_open_update(a, out + at, cipher + at, min_u64(step, len - at));
	good = aead_open_end(a, tag) && memcmp(out, want, len) == 0;
	free(out);
	return good;
}

static void answers_as_published(void **state)
{
	uint8_t key[32], iv[12], aad[32], plain[64], cipher[64], tag[16], out[64], got[16];
	char text[96];

	(void)state;
	for (size_t p = 0; p < ARRAY_SIZE(providers); p++) {
		if (!providers[p]->setup(text, sizeof(text)))
			continue;
		print_message("- %s\n", text);
		for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
			size_t n = bytes(known[i].plain, plain), aad_len = bytes(known[i].aad, aad);
			struct iovec in[2] = { { plain, n / 3 }, { plain + n / 3, n - n / 3 } };
			struct aead *a;

			bytes(known[i].key, key);
			bytes(known[i].iv, iv);
			bytes(known[i].cipher, cipher);
			bytes(known[i].tag, tag);
			a = make(providers[p], known[i].alg, key);
			for (int gather = 1; gather <= 2; gather++) {
				struct iovec one = { plain, n };

				aead_seal(a, iv, aad, aad_len, gather == 1 ? &one : in, gather, out,
					  got);
				assert_memory_equal(out, cipher, n);
				assert_memory_equal(got, tag, 16);
			}
			assert_true(aead_open(a, iv, aad, aad_len, out, cipher, n, tag));
			assert_memory_equal(out, plain, n);
			for (size_t step = 1; step <= 61; step += 5)
				assert_true(open_pieces(a, iv, aad, aad_len, cipher, n, step, tag,
							plain));
			tag[15] ^= 1;
			assert_false(open_pieces(a, iv, aad, aad_len, cipher, n, 16, tag, plain));
			assert_false(aead_open(a, iv, aad, aad_len, out, cipher, n, tag));
			for (size_t k = 0; k < n; k++)
				assert_int_equal(out[k], 0);	/* nothing unauthentic is left */
			aead_free(a);
		}
	}
}

/* What one provider seals the other opens, at sizes around block and record limits. */
static void providers_agree(void **state)
{
	static const size_t sizes[] = { 1, 15, 16, 17, 24, 72, 255, 256, 4096, 4121, 16384, 16385 };
	struct prng r;
	uint8_t key[32], iv[12], aad[5], tag[16], *plain = malloc(16385), *cipher = malloc(16385);
	char text[96];

	(void)state;
	prng_seed(&r, 7);
	if (ARRAY_SIZE(providers) < 2 || !providers[0]->setup(text, sizeof(text)))
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(sizes) * 2; i++) {
		enum aead_alg alg = i & 1 ? AEAD_AES_256_GCM : AEAD_AES_128_GCM;
		size_t n = sizes[i / 2];
		struct iovec in = { plain, n };
		struct aead *a, *b;

		prng_fill(&r, key, sizeof(key));
		prng_fill(&r, iv, sizeof(iv));
		prng_fill(&r, aad, sizeof(aad));
		prng_fill(&r, plain, n);
		a = make(providers[i / 2 & 1], alg, key);
		b = make(providers[!(i / 2 & 1)], alg, key);
		aead_seal(a, iv, aad, sizeof(aad), &in, 1, cipher, tag);
		assert_true(open_pieces(b, iv, aad, sizeof(aad), cipher, n, 1 + prng_below(&r, n),
					tag, plain));
		/* in place */
		assert_true(aead_open(b, iv, aad, sizeof(aad), cipher, cipher, n, tag));
		assert_memory_equal(cipher, plain, n);
		aead_free(a);
		aead_free(b);
	}
	free(plain);
	free(cipher);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_as_published),
		cmocka_unit_test(providers_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
