/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of causes keeps its promises to scripts: unique words, no odd characters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/cause.h"

static void names_are_unique_words(void **state)
{
	(void)state;
	for (int a = 0; a < CAUSE_COUNT; a++) {
		const char *name = cause_name((enum cause)a);

		assert_true(strlen(name) > 1);
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(name));
		for (int b = 0; b < a; b++)
			assert_string_not_equal(name, cause_name((enum cause)b));
	}
}

static void texts_are_one_line(void **state)
{
	(void)state;
	for (int c = 0; c < CAUSE_COUNT; c++) {
		assert_true(strlen(cause_text((enum cause)c)) > 0);
		assert_null(strchr(cause_text((enum cause)c), '\n'));
		assert_null(strchr(cause_hint((enum cause)c), '\n'));
	}
}

static void known_names(void **state)
{
	(void)state;
	assert_string_equal(cause_name(CAUSE_PSK_UNKNOWN), "psk-unknown");
	assert_string_equal(cause_name(CAUSE_PLAIN_ON_TLS), "plaintext-on-tls-port");
	assert_string_equal(cause_name(CAUSE_NONE), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_unique_words),
		cmocka_unit_test(texts_are_one_line),
		cmocka_unit_test(known_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
