/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * auth_msg: the messages that Linux sent (tests/vectors/nvme-cli.json, dhchap_exchange) are read
 * and written again byte for byte; every length that is not right is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "auth/auth_msg.h"
#include "base/bytes.h"
#include "base/hex.h"

static struct json_object *vectors;

static int load(void **state)
{
	char path[4096];

	(void)state;
	snprintf(path, sizeof(path), "%s/nvme-cli.json", getenv("VECTORS"));
	vectors = json_object_from_file(path);
	return vectors ? 0 : -1;
}

static int unload(void **state)
{
	(void)state;
	json_object_put(vectors);
	return 0;
}

static struct json_object *exchanges(void)
{
	struct json_object *list = NULL;

	assert_true(json_object_object_get_ex(vectors, "dhchap_exchange", &list));
	assert_int_equal(json_object_array_length(list), 3);
	return list;
}

/* The bytes of @names, one after the other; members that are missing are empty. */
static struct span bytes_of(struct json_object *o, const char *const *names, uint8_t *buf)
{
	size_t len = 0;

	for (; *names; names++) {
		struct json_object *v = NULL;
		const char *hex;
		int n;

		if (!json_object_object_get_ex(o, *names, &v) || !v)
			continue;
		hex = json_object_get_string(v);
		n = hex_decode(buf + len, AUTH_MESSAGE_MAX - len, hex, strlen(hex));
		assert_true(n >= 0);
		len += (size_t)n;
	}
	return span_of(buf, len);
}

#define MESSAGE(o, buf, ...) bytes_of(o, (const char *const[]){ __VA_ARGS__, NULL }, buf)

static void linux_negotiate(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		uint8_t buf[AUTH_MESSAGE_MAX], again[AUTH_MESSAGE_MAX];
		struct span msg = MESSAGE(json_object_array_get_idx(exchanges(), i), buf, "negotiate");
		struct auth_negotiate n;

		assert_int_equal(auth_parse_negotiate(msg, &n), AUTH_FINE);
		assert_int_equal(n.hash_count, 3);
		assert_memory_equal(n.hashes, "\1\2\3", 3);
		/* with concatenation, Linux offers no NULL group */
		assert_int_equal(n.group_count, n.concat ? 5 : 6);
		assert_int_equal(n.groups[0], n.concat ? 1 : 0);
		assert_int_equal(auth_write_negotiate(again, &n), msg.len);
		assert_memory_equal(again, msg.ptr, msg.len);
	}
}

static void linux_challenge(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct json_object *o = json_object_array_get_idx(exchanges(), i);
		uint8_t buf[AUTH_MESSAGE_MAX], again[AUTH_MESSAGE_MAX];
		struct span msg = MESSAGE(o, buf, "challenge_header", "c1", "ctrl_pub");
		struct auth_challenge c;

		assert_int_equal(auth_parse_challenge(msg, &c), AUTH_FINE);
		assert_int_equal(c.c1.len, hash_len((enum nvme_hash)c.hash));
		assert_int_equal(c.dh.len, c.group ? 256 : 0);
		assert_int_equal(auth_write_challenge(again, &c), msg.len);
		assert_memory_equal(again, msg.ptr, msg.len);
		for (size_t n = 0; n < msg.len; n++)
			assert_int_equal(auth_parse_challenge(span_of(buf, n), &c),
					 AUTH_BAD_PAYLOAD);
	}
}

static void linux_reply(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct json_object *o = json_object_array_get_idx(exchanges(), i);
		uint8_t buf[AUTH_MESSAGE_MAX + 1], again[AUTH_MESSAGE_MAX];
		struct span msg = MESSAGE(o, buf, "reply_header", "host_response", "c2", "host_pub");
		size_t hl = buf[6];
		struct auth_reply r;

		assert_int_equal(auth_parse_reply(msg, hl, &r), AUTH_FINE);
		assert_true(r.c2_valid);
		assert_int_equal(auth_write_reply(again, &r), msg.len);
		assert_memory_equal(again, msg.ptr, msg.len);
		for (size_t n = 0; n <= msg.len + 1; n++)
			assert_int_equal(auth_parse_reply(span_of(buf, n), hl, &r),
					 n == msg.len ? AUTH_FINE : AUTH_BAD_PAYLOAD);
		assert_int_equal(auth_parse_reply(msg, hl ^ 16, &r), AUTH_BAD_PAYLOAD);
		buf[8] = 2;	/* CVALID */
		assert_int_equal(auth_parse_reply(msg, hl, &r), AUTH_BAD_PAYLOAD);
	}
}

static void linux_success1(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct json_object *o = json_object_array_get_idx(exchanges(), i);
		uint8_t buf[AUTH_MESSAGE_MAX], again[AUTH_MESSAGE_MAX];
		struct span msg = MESSAGE(o, buf, "success1_header", "ctrl_response");
		struct auth_success1 s;

		assert_int_equal(auth_parse_success1(msg, &s), AUTH_FINE);
		assert_int_equal(s.r2.len, i == 0 ? 0 : s.hl);	/* the first one is one-way */
		assert_int_equal(auth_write_success1(again, &s), msg.len);
		assert_memory_equal(again, msg.ptr, msg.len);
		for (size_t n = 0; n < msg.len; n++)
			assert_int_equal(auth_parse_success1(span_of(buf, n), &s),
					 AUTH_BAD_PAYLOAD);
		buf[8] = 2;	/* RVALID */
		assert_int_equal(auth_parse_success1(msg, &s), AUTH_BAD_PAYLOAD);
	}
}

/* Captured: Success2 (dhchap-bidi-sha256-ffdhe2048) and Failure1 (neg-dhchap-wrong-key). */
static void linux_short_messages(void **state)
{
	static const uint8_t success2[16] = { 1, 4 };
	static const uint8_t failure1[8] = { 0, 0xf1, 0, 0, 0, 0, 1, 1 };
	uint8_t again[AUTH_MESSAGE_MAX];
	struct auth_failed f;

	(void)state;
	assert_int_equal(auth_write_success2(again, 0), 16);
	assert_memory_equal(again, success2, 16);
	assert_int_equal(auth_parse_success2(span_of(success2, 16)), AUTH_FINE);
	assert_int_equal(auth_parse_success2(span_of(success2, 15)), AUTH_BAD_PAYLOAD);
	assert_int_equal(auth_parse_failed(span_of(failure1, 8), &f), AUTH_FINE);
	assert_int_equal(f.failure, AUTH_FAILED);
	assert_int_equal(auth_write_failed(again, AUTH_FAILURE1, &f), 8);
	assert_memory_equal(again, failure1, 8);
	assert_int_equal(auth_parse_failed(span_of(failure1, 7), &f), AUTH_BAD_PAYLOAD);
}

/* Changes to Linux's Negotiate: 8 bytes and one descriptor. */
static const struct {
	const char *what;
	size_t len, at;
	uint8_t value;
	enum auth_failure failure;
} negotiates[] = {
	{ "unchanged", 72, 8, 1, AUTH_FINE },
	{ "no head", 5, 8, 1, AUTH_BAD_PAYLOAD },
	{ "no NAPD", 7, 8, 1, AUTH_BAD_PAYLOAD },
	{ "NAPD 0", 72, 7, 0, AUTH_BAD_PAYLOAD },
	{ "NAPD 0, no descriptor", 8, 7, 0, AUTH_BAD_PAYLOAD },
	{ "NAPD 2, one descriptor", 72, 7, 2, AUTH_BAD_PAYLOAD },
	{ "NAPD 255", 72, 7, 255, AUTH_BAD_PAYLOAD },
	{ "one byte short", 71, 8, 1, AUTH_BAD_PAYLOAD },
	{ "one byte over", 73, 8, 1, AUTH_BAD_PAYLOAD },
	{ "another protocol", 72, 8, 2, AUTH_NO_PROTOCOL },
	{ "HALEN 0", 72, 10, 0, AUTH_BAD_PAYLOAD },
	{ "HALEN 31", 72, 10, 31, AUTH_BAD_PAYLOAD },
	{ "DHLEN 0", 72, 11, 0, AUTH_BAD_PAYLOAD },
	{ "DHLEN 255", 72, 11, 255, AUTH_BAD_PAYLOAD },
	{ "full lists", 72, 10, 30, AUTH_FINE },
	{ "an unknown hash", 72, 12, 0xee, AUTH_FINE },
};

static void negotiate_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(negotiates); i++) {
		uint8_t buf[AUTH_MESSAGE_MAX] = { 0 };
		struct auth_negotiate n;

		MESSAGE(json_object_array_get_idx(exchanges(), 1), buf, "negotiate");
		buf[negotiates[i].at] = negotiates[i].value;
		if (auth_parse_negotiate(span_of(buf, negotiates[i].len), &n) !=
		    negotiates[i].failure)
			fail_msg("%s", negotiates[i].what);
	}
}

/* Of several descriptors, DH-HMAC-CHAP's counts, wherever it stands. */
static void second_descriptor(void **state)
{
	uint8_t buf[8 + 2 * 64] = { 0 };
	struct auth_negotiate n = {
		.hash_count = 1, .group_count = 1, .hashes = { 2 }, .groups = { 3 }
	};

	(void)state;
	auth_write_negotiate(buf, &n);
	memcpy(buf + 72, buf + 8, 64);
	memset(buf + 8, 0xff, 64);
	buf[7] = 2;
	memset(&n, 0, sizeof(n));
	assert_int_equal(auth_parse_negotiate(span_of(buf, sizeof(buf)), &n), AUTH_FINE);
	assert_int_equal(n.hashes[0], 2);
	assert_int_equal(n.groups[0], 3);
}

static void heads(void **state)
{
	static const uint8_t msg[6] = { 1, 3, 0xff, 0xff, 0x34, 0x12 };
	struct auth_head h;

	(void)state;
	assert_true(auth_parse_head(span_of(msg, 6), &h));
	assert_int_equal(h.message, AUTH_SUCCESS1);
	assert_int_equal(h.t_id, 0x1234);
	assert_false(auth_parse_head(span_of(msg, 5), &h));
	assert_false(auth_parse_head(span_of(NULL, 0), &h));
	assert_string_equal(auth_failure_text(AUTH_NO_GROUP), "DH group not usable");
	assert_string_equal(auth_failure_text(8), "unknown failure code");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(linux_negotiate),
		cmocka_unit_test(linux_challenge),
		cmocka_unit_test(linux_reply),
		cmocka_unit_test(linux_success1),
		cmocka_unit_test(linux_short_messages),
		cmocka_unit_test(negotiate_table),
		cmocka_unit_test(second_descriptor),
		cmocka_unit_test(heads),
	};

	return cmocka_run_group_tests_name("auth_msg", tests, load, unload);
}
