/* SPDX-License-Identifier: BSD-3-Clause */
/* kdf: HKDF as in RFC 5869 appendix A, the TLS 1.3 key schedule as in RFC 8448 section 3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "crypto/kdf.h"

static struct secret secret_of(const char *hex)
{
	struct secret s = { .len = 0 };

	s.len = (uint8_t)hex_decode(s.bytes, sizeof(s.bytes), hex, strlen(hex));
	assert_int_equal(s.len, strlen(hex) / 2);
	return s;
}

static void is(const struct secret *got, const char *want)
{
	char hex[2 * SECRET_LEN_MAX + 1];

	hex_encode(hex, sizeof(hex), got->bytes, got->len);
	assert_string_equal(hex, want);
}

/* A.1 and A.2 have a salt of their own, which NVMe and TLS never use: from their PRK on. */
static void rfc_5869(void **state)
{
	struct secret ikm, prk, okm;
	uint8_t info[80];

	(void)state;
	for (size_t i = 0; i < 10; i++)
		info[i] = (uint8_t)(0xf0 + i);
	prk = secret_of("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
	assert_int_equal(kdf_expand(NVME_HASH_SHA256, &prk, span_of(info, 10), 42, &okm), 0);
	is(&okm, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");

	for (size_t i = 0; i < 80; i++)
		info[i] = (uint8_t)(0xb0 + i);
	prk = secret_of("06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244");
	assert_int_equal(kdf_expand(NVME_HASH_SHA256, &prk, span_of(info, 80), 64, &okm), 0);
	is(&okm, "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
		 "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71");

	ikm = secret_of("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
	assert_int_equal(kdf_extract(NVME_HASH_SHA256, &ikm, &prk), 0);
	is(&prk, "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04");
	assert_int_equal(kdf_expand(NVME_HASH_SHA256, &prk, span_of(info, 0), 42, &okm), 0);
	is(&okm, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

static void rfc_8448(void **state)
{
	static const struct {
		const char *secret, *key, *iv;
	} cases[] = {
		/* server handshake, server application, client application traffic */
		{ "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38",
		  "3fce516009c21727d0f2e4e86ee403bc", "5d313eb2671276ee13000b30" },
		{ "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
		  "9f02283b6c9c07efc26bb9f2ac92e356", "cf782b88dd83549aadf1e984" },
		{ "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
		  "17422dda596ed5d9acd890e3c63f5051", "5b78923dee08579033e523d9" },
	};
	struct secret zero = { .len = 32 }, early, derived, key, iv;
	struct span empty = span_of("", 0);
	uint8_t hash[HASH_LEN_MAX];

	(void)state;
	assert_int_equal(kdf_extract(NVME_HASH_SHA256, &zero, &early), 0);
	is(&early, "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a");
	assert_int_equal(kdf_hash(NVME_HASH_SHA256, &empty, 1, hash), 0);
	assert_int_equal(kdf_expand_label(NVME_HASH_SHA256, &early, "derived", span_of(hash, 32), 32,
					  &derived), 0);
	is(&derived, "6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct secret traffic = secret_of(cases[i].secret);

		assert_int_equal(
			kdf_expand_label(NVME_HASH_SHA256, &traffic, "key", empty, 16, &key), 0);
		assert_int_equal(kdf_expand_label(NVME_HASH_SHA256, &traffic, "iv", empty, 12, &iv),
				 0);
		is(&key, cases[i].key);
		is(&iv, cases[i].iv);
	}
}

/* FIPS 180-4 and RFC 4231 (test case 2), each hash, the message in two parts. */
static void hashes(void **state)
{
	static const struct {
		enum nvme_hash h;
		const char *abc, *jefe;
	} cases[] = {
		{ NVME_HASH_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
		{ NVME_HASH_SHA384,
		  "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
		  "8086072ba1e7cc2358baeca134c825a7",
		  "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
		  "8e2240ca5e69e2c78b3239ecfab21649" },
		{ NVME_HASH_SHA512,
		  "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		  "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
		  "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
		  "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737" },
	};
	struct span abc[] = { span_of("a", 1), span_of("bc", 2) };
	struct span what[] = { span_of("what do ya ", 11), span_of("want for nothing?", 17) };
	char hex[2 * HASH_LEN_MAX + 1];
	uint8_t out[HASH_LEN_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(kdf_hash(cases[i].h, abc, 2, out), 0);
		hex_encode(hex, sizeof(hex), out, hash_len(cases[i].h));
		assert_string_equal(hex, cases[i].abc);
		assert_int_equal(kdf_hmac(cases[i].h, span_of("Jefe", 4), what, 2, out), 0);
		hex_encode(hex, sizeof(hex), out, hash_len(cases[i].h));
		assert_string_equal(hex, cases[i].jefe);
	}
	assert_int_equal(hash_len(NVME_HASH_NONE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_5869),
		cmocka_unit_test(rfc_8448),
		cmocka_unit_test(hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
