/* SPDX-License-Identifier: BSD-3-Clause */
/* base64 and hex: the vectors of RFC 4648 §10, every character, and every way to be refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/hex.h"

static const struct {
	const char *plain, *base64, *hex;
} rfc4648[] = {
	{ "", "", "" },
	{ "f", "Zg==", "66" },
	{ "fo", "Zm8=", "666f" },
	{ "foo", "Zm9v", "666f6f" },
	{ "foob", "Zm9vYg==", "666f6f62" },
	{ "fooba", "Zm9vYmE=", "666f6f6261" },
	{ "foobar", "Zm9vYmFy", "666f6f626172" },
};

static void vectors_both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rfc4648); i++) {
		size_t len = strlen(rfc4648[i].plain), b64 = strlen(rfc4648[i].base64);
		char text[32], bytes[32];

		assert_int_equal(base64_encode(text, sizeof(text), rfc4648[i].plain, len), b64);
		assert_string_equal(text, rfc4648[i].base64);
		assert_int_equal(base64_decode(bytes, sizeof(bytes), text, b64), len);
		assert_memory_equal(bytes, rfc4648[i].plain, len);
		assert_int_equal(hex_encode(text, sizeof(text), rfc4648[i].plain, len), 2 * len);
		assert_string_equal(text, rfc4648[i].hex);
		assert_int_equal(hex_decode(bytes, sizeof(bytes), text, 2 * len), len);
		assert_memory_equal(bytes, rfc4648[i].plain, len);
	}
}

/* The alphabet of RFC 4648, table 1, as the encoding of the numbers 0 .. 63. */
static void the_whole_alphabet(void **state)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t bytes[48];
	char text[65];

	(void)state;
	assert_int_equal(base64_decode(bytes, sizeof(bytes), alphabet, 64), 48);
	for (uint32_t i = 0; i < 64; i += 4) {
		const uint8_t *b = bytes + i / 4 * 3;
		uint32_t v = (uint32_t)b[0] << 16 | (uint32_t)b[1] << 8 | b[2];

		assert_int_equal(v, i << 18 | (i + 1) << 12 | (i + 2) << 6 | (i + 3));
	}
	assert_int_equal(base64_encode(text, sizeof(text), bytes, 48), 64);
	assert_string_equal(text, alphabet);
}

static void other_characters_are_refused(void **state)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const char digits[] = "0123456789abcdefABCDEF";

	(void)state;
	for (int c = 0; c < 256; c++)
		for (int at = 0; at < 4; at++) {
			char text[4] = { 'A', 'A', 'A', 'A' }, bytes[4];
			bool good = c && strchr(alphabet, c);
			bool pad = c == '=' && at == 3;	/* AAA= */

			text[at] = (char)c;
			assert_int_equal(base64_decode(bytes, sizeof(bytes), text, 4),
					 good ? 3 : pad ? 2 : -EINVAL);
			text[at & 1] = (char)c;
			text[(at & 1) ^ 1] = '0';
			assert_int_equal(hex_decode(bytes, sizeof(bytes), text, 2),
					 c && strchr(digits, c) ? 1 : -EINVAL);
		}
}

static const struct {
	const char *what, *text;
	size_t room;
	int want;
} bad_base64[] = {
	{ "no padding", "Zg", 8, -EINVAL },
	{ "half the padding", "Zg=", 8, -EINVAL },
	{ "one character", "Z", 8, -EINVAL },
	{ "padding alone", "====", 8, -EINVAL },
	{ "three pads", "Z===", 8, -EINVAL },
	{ "padding in the middle", "Zg==Zg==", 8, -EINVAL },
	{ "unused bits of one byte", "Zh==", 8, -EINVAL },
	{ "unused bits of two bytes", "Zm9=", 8, -EINVAL },
	{ "a line end", "Zm9v\n", 8, -EINVAL },
	{ "a blank", "Zm 9", 8, -EINVAL },
	{ "the URL alphabet", "Zm-_", 8, -EINVAL },
	{ "no room", "Zm9vYmFy", 5, -ENOSPC },
	{ "room exactly", "Zm9vYmFy", 6, 6 },
};

static void bad_base64_is_refused_and_wiped(void **state)
{
	static const uint8_t wiped[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_base64); i++) {
		uint8_t bytes[8];
		int got;

		memset(bytes, 0xee, sizeof(bytes));
		got = base64_decode(bytes, bad_base64[i].room, bad_base64[i].text,
				    strlen(bad_base64[i].text));
		if (got != bad_base64[i].want)
			fail_msg("%s: %d", bad_base64[i].what, got);
		if (got < 0)
			assert_memory_equal(bytes, wiped, bad_base64[i].room);
		else
			assert_int_equal(bytes[6], 0xee);
	}
}

static void hex_has_its_limits(void **state)
{
	char text[5] = "zzzz";
	uint8_t bytes[2] = { 0xee, 0xee };

	(void)state;
	assert_int_equal(hex_decode(bytes, 2, "aBcD", 4), 2);
	assert_int_equal(bytes[0], 0xab);
	assert_int_equal(bytes[1], 0xcd);
	assert_int_equal(hex_decode(bytes, 1, "abcd", 4), -ENOSPC);
	assert_int_equal(bytes[0], 0);
	assert_int_equal(hex_decode(bytes, 2, "abc", 3), -EINVAL);
	assert_int_equal(hex_encode(text, 4, "ab", 2), -ENOSPC);
	assert_string_equal(text, "zzzz");
	assert_int_equal(base64_encode(text, 4, "ab", 2), -ENOSPC);
	assert_string_equal(text, "zzzz");
	assert_int_equal(hex_encode(text, 5, "\x00\xf9", 2), 4);
	assert_string_equal(text, "00f9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_both_ways),
		cmocka_unit_test(the_whole_alphabet),
		cmocka_unit_test(other_characters_are_refused),
		cmocka_unit_test(bad_base64_is_refused_and_wiped),
		cmocka_unit_test(hex_has_its_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
