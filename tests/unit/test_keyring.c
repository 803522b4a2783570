/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * keyring: what is no PSK is told from what is one. Keys of type "psk" need the kernel's NVMe modules: with
 * those, tests/interop shows the rest. Without keyrings (some containers) there is nothing to see.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <keyutils.h>

#include "keys/keyring.h"

static int32_t ring;

static int open_ring(void **state)
{
	(void)state;
	if (keyring_session("nvmetls-test") == 0)
		ring = add_key("keyring", "nvmetls-test-ring", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	return 0;
}

static void not_psk(void **state)
{
	struct keyring_psk k;
	int32_t user;

	(void)state;
	if (ring <= 0)
		skip();
	user = add_key("user", "NVMe0R01 host subsystem", "0123456789abcdef0123456789abcdef", 32, ring);
	assert_true(user > 0);
	assert_int_equal(keyring_read_psk(user, &k), -ENOTSUP);
	assert_int_equal(k.psk.len, 0);
	assert_int_equal(keyring_find_psk(ring, span_of("NVMe0R01 host subsystem", 23), &k), -ENOKEY);
	assert_int_equal(keyring_read_psk(ring, &k), -ENOTSUP);
	assert_int_equal(keyctl_revoke(user), 0);
	assert_true(keyring_read_psk(user, &k) < 0);
	assert_int_equal(keyring_find_psk(ring, span_of("x", 1), &k), -ENOKEY);
}

static void nothing_there(void **state)
{
	struct keyring_psk k;

	(void)state;
	if (ring <= 0)
		skip();
	assert_int_equal(keyring_find("nvmetls-no-such-keyring"), -ENOKEY);
	assert_int_equal(keyring_read_psk(0x7ffffff1, &k), -ENOKEY);
	assert_true(keyring_find_psk(0x7ffffff1, span_of("x", 1), &k) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(not_psk),
					    cmocka_unit_test(nothing_there) };

	return cmocka_run_group_tests(tests, open_ring, NULL);
}
