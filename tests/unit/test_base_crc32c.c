/* SPDX-License-Identifier: BSD-3-Clause */
/* CRC32C against RFC 3720 B.4 and the catalogue's check value, for every implementation there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/prng.h"

static const uint8_t zeros[32];
static uint8_t ones[32], up[32], down[32];
static const uint8_t read10[48] = {	/* RFC 3720 B.4: an iSCSI SCSI Read (10) command PDU */
	0x01, 0xc0, [16] = 0x14, [22] = 0x04, [27] = 0x14, [31] = 0x18, [32] = 0x28, [40] = 0x02,
};

static const struct {
	const char *what;
	const void *data;
	size_t len;
	uint32_t crc;
} cases[] = {
	{ "nothing", "", 0, 0x00000000 },
	{ "123456789", "123456789", 9, 0xe3069283 },
	{ "32 bytes of zeroes", zeros, 32, 0x8a9136aa },
	{ "32 bytes of ones", ones, 32, 0x62a8ab43 },
	{ "32 incrementing bytes", up, 32, 0x46dd794e },
	{ "32 decrementing bytes", down, 32, 0x113fdb5c },
	{ "an iSCSI read command", read10, 48, 0xd9963a56 },
};

static int fill(void **state)
{
	(void)state;
	for (size_t i = 0; i < 32; i++) {
		ones[i] = 0xff;
		up[i] = (uint8_t)i;
		down[i] = (uint8_t)(31 - i);
	}
	return 0;
}

static void known_answers(void **state)
{
	struct crc32c_impl impl;
	unsigned int n = 0;

	(void)state;
	for (; crc32c_impl(n, &impl); n++)
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			uint32_t crc = impl.update(0, cases[i].data, cases[i].len);

			if (crc != cases[i].crc)
				fail_msg("%s, %s: %08x", impl.name, cases[i].what, crc);
		}
	assert_true(n >= 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(crc32c(0, cases[i].data, cases[i].len), cases[i].crc);
}

static void the_provider_is_the_first(void **state)
{
	struct crc32c_impl impl;

	(void)state;
	assert_true(crc32c_impl(0, &impl));
	assert_string_equal(crc32c_provider(), impl.name);
}

/* The definition: one bit at a time. */
static uint32_t bitwise(const uint8_t *p, size_t len)
{
	uint32_t c = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		c ^= p[i];
		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78 : c >> 1;
	}
	return ~c;
}

static void every_length_alignment_and_cut(void **state)
{
	static uint8_t data[4096 + 8];
	struct crc32c_impl impl;
	struct prng rng;

	(void)state;
	prng_seed(&rng, 1);
	prng_fill(&rng, data, sizeof(data));
	for (int round = 0; round < 400; round++) {
		size_t at = (size_t)prng_below(&rng, 8);
		size_t len = round < 200 ? (size_t)round : (size_t)prng_below(&rng, 4097);
		size_t cut = (size_t)prng_below(&rng, len + 1);
		uint32_t want = bitwise(data + at, len);

		for (unsigned int n = 0; crc32c_impl(n, &impl); n++) {
			uint32_t head = impl.update(0, data + at, cut);

			assert_int_equal(impl.update(0, data + at, len), want);
			assert_int_equal(impl.update(head, data + at + cut, len - cut), want);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(the_provider_is_the_first),
		cmocka_unit_test(every_length_alignment_and_cut),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
