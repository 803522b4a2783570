/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ffdh: the groups of RFC 7919. The answers were computed by Python's integers from the RFC's
 * definition, p = 2^n - 2^(n-64) + (floor(2^(n-130) e) + X) 2^64 - 1, with the exponents
 * a = SHA-512("a2048"), b = SHA-512("b2048") and so on; kept here as SHA-256 of g^a, g^b, g^ab.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "crypto/ffdh.h"
#include "crypto/kdf.h"
#include "ffdhe2048.h"

static const struct answer {
	enum ffdh_group group;
	size_t len;
	const char *ga, *gb, *gab;
} answers[] = {
	{ FFDHE_2048, 2048 / 8,
	  "86e1a855f63a3cd372204a027419478f47bf9e5f28ff24ce875f37053c54e5ca",
	  "6e51200302a72a5d235204c44ab856efc900f0cdd70f4026fc39ff1338d1a962",
	  "1863cac2233be2a74e82263600a743ea043cb6901f374f5d0d8b93ce42ccbdaf" },
	{ FFDHE_3072, 3072 / 8,
	  "dd5674aa1a01de9f3ac6e670167e08fe5239c227215e352a5f96ad82a19d6909",
	  "52c54314e6fdc4a2b63ebd5119666532673917c7045aeae4987b23e809167830",
	  "590227919056eca22ec02a6cdfebe22d5a2ae5118d96a933980235f446edb0ec" },
	{ FFDHE_4096, 4096 / 8,
	  "3d4b6f20a072d2ed8e655af477ea00c1f8f76eed56416c8c1ded9563624dca83",
	  "60d09450417e062b7c4d4ed09de1ed9015fa3f58525957745196e211bef58304",
	  "455ecab373939f8493c76d9581aa30fd00d895ccae49a394faf51ac339308229" },
	{ FFDHE_6144, 6144 / 8,
	  "ecb5b9c62b36c70394a7bb2370cfda005cf13c00a7ba4fbfa9e473a1bcaf0162",
	  "43bdb49ed386af065f603005a166d063a2a015670dd4a840a9e48f383b8d6349",
	  "2cc96e0aa14dd6e050b56eb36a366db816e8d7c0bcfd95de225caa28a2291e3f" },
	{ FFDHE_8192, 8192 / 8,
	  "c9c46e8144982d834373f25a22abff98909347896a14896ec600087d840a98f0",
	  "86087a7579368cd80aeca16a280877fa99ecd8539a90679c61d912795b20f0c0",
	  "4938665677ec20607eef3794fdce75741f79186a4e34f661a54c5c532d2abaa0" },
};

static void is(const uint8_t *value, size_t len, const char *want)
{
	struct span part = span_of(value, len);
	uint8_t h[HASH_LEN_MAX];
	char hex[65];

	assert_int_equal(kdf_hash(NVME_HASH_SHA256, &part, 1, h), 0);
	hex_encode(hex, sizeof(hex), h, 32);
	assert_string_equal(hex, want);
}

static struct secret exponent(char which, size_t group_bytes)
{
	struct secret x = { .len = 64 };
	char name[8];
	struct span part = { (const uint8_t *)name, 0 };

	part.len = (size_t)snprintf(name, sizeof(name), "%c%zu", which, 8 * group_bytes);
	assert_int_equal(kdf_hash(NVME_HASH_SHA512, &part, 1, x.bytes), 0);
	return x;
}

static void known_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		const struct answer *t = &answers[i];
		struct secret a = exponent('a', t->len), b = exponent('b', t->len);
		uint8_t ga[FFDH_BYTES_MAX], gb[FFDH_BYTES_MAX], gab[FFDH_BYTES_MAX];

		assert_int_equal(ffdh_len((uint8_t)t->group), t->len);
		assert_int_equal(ffdh_public(t->group, &a, ga), 0);
		is(ga, t->len, t->ga);
		assert_int_equal(ffdh_public(t->group, &b, gb), 0);
		is(gb, t->len, t->gb);
		assert_int_equal(ffdh_shared(t->group, &a, span_of(gb, t->len), gab), 0);
		is(gab, t->len, t->gab);
		assert_int_equal(ffdh_shared(t->group, &b, span_of(ga, t->len), gab), 0);
		is(gab, t->len, t->gab);
	}
}

/* Values around the ends of what may be taken (RFC 7919 section 5.1). */
static const struct {
	const char *what;
	int add;	/* to p's last byte, or... */
	int small;	/* ... this number, where not negative */
	int rc;
} values[] = {
	{ "0", 0, 0, FFDH_BAD_VALUE },
	{ "1", 0, 1, FFDH_BAD_VALUE },
	{ "2", 0, 2, 0 },
	{ "p - 2", -2, -1, 0 },
	{ "p - 1", -1, -1, FFDH_BAD_VALUE },
	{ "p", 0, -1, FFDH_BAD_VALUE },
};

static void bad_values(void **state)
{
	struct secret x = exponent('a', 256);
	uint8_t y[FFDH_BYTES_MAX], out[FFDH_BYTES_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		memset(y, 0, sizeof(y));
		if (values[i].small >= 0)
			y[255] = (uint8_t)values[i].small;
		else
			assert_int_equal(hex_decode(y, 256, prime_2048, 512), 256);
		y[255] = (uint8_t)(y[255] + values[i].add);
		if (ffdh_shared(FFDHE_2048, &x, span_of(y, 256), out) != values[i].rc)
			fail_msg("%s", values[i].what);
	}
	memset(y, 0xff, sizeof(y));
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		assert_int_equal(ffdh_shared(answers[i].group, &x, span_of(y, answers[i].len), out),
				 FFDH_BAD_VALUE);
}

static void lengths(void **state)
{
	struct secret x = exponent('a', 256);
	uint8_t y[FFDH_BYTES_MAX] = { 3 }, out[FFDH_BYTES_MAX];

	(void)state;
	assert_int_equal(ffdh_shared(FFDHE_2048, &x, span_of(y, 255), out), FFDH_BAD_VALUE);
	assert_int_equal(ffdh_shared(FFDHE_2048, &x, span_of(y, 257), out), FFDH_BAD_VALUE);
	assert_int_equal(ffdh_shared(FFDHE_2048, &x, span_of(y, 0), out), FFDH_BAD_VALUE);
	assert_true(ffdh_known(FFDH_NULL) && ffdh_known(FFDHE_8192));
	assert_false(ffdh_known(6) || ffdh_known(0x10) || ffdh_known(255));
	assert_int_equal(ffdh_len(FFDH_NULL), 0);
	assert_int_equal(ffdh_len(255), 0);
	assert_int_equal(ffdh_private_len(255), 0);
	for (uint8_t g = FFDHE_2048; g <= FFDHE_8192; g++)
		assert_in_range(ffdh_private_len(g), 32, SECRET_LEN_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(bad_values),
		cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests_name("crypto_ffdh", tests, NULL, NULL);
}
