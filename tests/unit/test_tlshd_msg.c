/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tlshd_msg: bytes laid out by hand after Linux' handshake.yaml, whole and broken, through the parser; and what
 * is built, byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "tlshd/hs_msg.h"

#define FAMILY 0x1d

/* Numbers of a little-endian machine, as hexadecimal text: blanks are skipped. */
static size_t unhex(const char *text, uint8_t *ret)
{
	size_t n = 0;

	for (const char *p = text; *p; p++) {
		char byte[3] = { p[0], p[1], 0 };

		if (*p == ' ')
			continue;
		ret[n++] = (uint8_t)strtoul(byte, NULL, 16);
		p++;
	}
	return n;
}

#define HEADER(len)  len "000000 1d00 0000 07000000 00000000 "
#define ACCEPT	     "02010000 "
#define SOCKFD	     "0800 0100 09000000 "
#define CLIENT	     "0800 0300 01000000 "
#define SERVER	     "0800 0300 02000000 "
#define PSK	     "0800 0500 02000000 "
#define X509	     "0800 0500 03000000 "
#define TIMEOUT	     "0800 0400 10270000 "
#define PEER(serial) "0800 0600 " serial " "

struct row {
	const char *name, *bytes;
	enum hs_kind kind;
	int sockfd;
	enum hs_role role;
	enum hs_auth auth;
	uint32_t timeout_ms;
	int peers;
};

static const struct row rows[] = {
	{ "ready", HEADER("1c") "01010000 0800 0200 01000000", HS_READY, -1, 0, 0, 0, 0 },
	{ "ready of another class", HEADER("1c") "01010000 0800 0200 02000000", HS_OTHER, -1, 0, 0, 0, 0 },
	{ "ready without a class", HEADER("14") "01010000", HS_OTHER, -1, 0, 0, 0, 0 },
	{ "ready, a class of two bytes", HEADER("1a") "01010000 0600 0200 0100", HS_MALFORMED, -1, 0, 0, 0, 0 },
	{ "a host's request", HEADER("3c") ACCEPT SOCKFD CLIENT TIMEOUT PSK PEER("aabbcc2d"), HS_ACCEPTED, 9,
	  HS_CLIENT_HELLO, HS_AUTH_PSK, 10000, 1 },
	{ "a target's request, no key named", HEADER("34") ACCEPT SOCKFD SERVER PSK PEER("00000000"),
	  HS_ACCEPTED, 9, HS_SERVER_HELLO, HS_AUTH_PSK, 0, 0 },
	{ "five keys", HEADER("54") ACCEPT SOCKFD CLIENT PSK PEER("01000000") PEER("02000000") PEER("03000000")
	  PEER("04000000") PEER("05000000"), HS_ACCEPTED, 9, HS_CLIENT_HELLO, HS_AUTH_PSK, 0, 5 },
	{ "more keys than there can be", HEADER("7c") ACCEPT SOCKFD CLIENT PSK PEER("01000000") PEER("02000000")
	  PEER("03000000") PEER("04000000") PEER("05000000") PEER("06000000") PEER("07000000") PEER("08000000")
	  PEER("09000000") PEER("0a000000"), HS_ACCEPTED, 9, HS_CLIENT_HELLO, HS_AUTH_PSK, 0, HS_PEERS_MAX },
	{ "certificates in a nest, a name", HEADER("48") ACCEPT SOCKFD CLIENT X509
	  "1400 0780 0800 0100 11000000 0800 0200 12000000 0700 0800 61620000 ", HS_ACCEPTED, 9,
	  HS_CLIENT_HELLO, HS_AUTH_X509, 0, 0 },
	{ "an attribute of a later kernel", HEADER("32") ACCEPT SOCKFD CLIENT PSK "0600 6300 ffff",
	  HS_ACCEPTED, 9, HS_CLIENT_HELLO, HS_AUTH_PSK, 0, 0 },
	{ "no socket", HEADER("24") ACCEPT CLIENT PSK, HS_MALFORMED, -1, 0, 0, 0, 0 },
	{ "two sockets", HEADER("34") ACCEPT SOCKFD SOCKFD CLIENT PSK, HS_MALFORMED, 9, 0, 0, 0, 0 },
	{ "a negative socket", HEADER("2c") ACCEPT "0800 0100 ffffffff" CLIENT PSK, HS_MALFORMED, -1, 0, 0, 0, 0 },
	{ "a short socket", HEADER("2c") ACCEPT "0600 0100 09000000" CLIENT PSK, HS_MALFORMED, -1, 0, 0, 0, 0 },
	{ "no role", HEADER("24") ACCEPT SOCKFD PSK, HS_MALFORMED, 9, 0, 0, 0, 0 },
	{ "a role that is none", HEADER("2c") ACCEPT SOCKFD "0800 0300 03000000" PSK, HS_MALFORMED,
	  9, 0, 0, 0, 0 },
	{ "no authentication mode", HEADER("24") ACCEPT SOCKFD CLIENT, HS_MALFORMED, 9, 0, 0, 0,
	  0 },
	{ "an authentication mode that is none",
	  HEADER("2c") ACCEPT SOCKFD CLIENT "0800 0500 04000000", HS_MALFORMED, 9, 0, 0, 0, 0 },
	{ "a key of eight bytes",
	  HEADER("38") ACCEPT SOCKFD CLIENT PSK "0c00 0600 0100000000000000", HS_MALFORMED, 9, 0, 0,
	  0, 0 },
	{ "an attribute of length 0", HEADER("30") ACCEPT SOCKFD CLIENT PSK "0000 0600",
	  HS_MALFORMED, 9, 0, 0, 0, 0 },
	{ "an attribute past the end", HEADER("34") ACCEPT SOCKFD CLIENT PSK "0900 0600 01000000",
	  HS_MALFORMED, 9, 0, 0, 0, 0 },
	{ "no generic header", HEADER("12") "0201", HS_MALFORMED, -1, 0, 0, 0, 0 },
	{ "another family", "14000000 1e00 0000 07000000 00000000 02010000", HS_OTHER, -1, 0, 0, 0, 0 },
	{ "an unknown operation", HEADER("14") "09010000", HS_OTHER, -1, 0, 0, 0, 0 },
	{ "longer than what came", HEADER("ff") ACCEPT, HS_MALFORMED, -1, 0, 0, 0, 0 },
	{ "shorter than its header", HEADER("0f") ACCEPT, HS_MALFORMED, -1, 0, 0, 0, 0 },
	{ "half a header", "1400000002", HS_MALFORMED, -1, 0, 0, 0, 0 },
	{ "an error without a number", "10000000 0200 0000 07000000 00000000", HS_MALFORMED, -1, 0, 0, 0, 0 },
	{ "an error that is positive", "24000000 0200 0000 07000000 00000000 0b000000 "
	  "14000000 1d00 0500 07000000 00000000", HS_MALFORMED, -1, 0, 0, 0, 0 },
};

static void parses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		_Alignas(4) uint8_t bytes[256];
		struct span in = span_of(bytes, unhex(r->bytes, bytes));
		struct hs_msg m;

		print_message("%s\n", r->name);
		assert_true(hs_msg_next(&in, FAMILY, &m));
		assert_int_equal(m.kind, r->kind);
		assert_int_equal(m.request.sockfd, r->sockfd);
		assert_int_equal(m.request.role, r->role);
		assert_int_equal(m.request.auth, r->auth);
		assert_int_equal(m.request.timeout_ms, r->timeout_ms);
		assert_int_equal(m.request.peer_count, r->peers);
		assert_false(hs_msg_next(&in, FAMILY, &m));
	}
}

/* The key's number, in the kernel's order; and the family unknown: nothing is for us. */
static void keys_in_order(void **state)
{
	_Alignas(4) uint8_t bytes[256];
	size_t n = unhex(HEADER("3c") ACCEPT SOCKFD CLIENT PSK PEER("aabbcc2d") PEER("05000000"), bytes);
	struct span in = span_of(bytes, n);
	struct hs_msg m;

	(void)state;
	assert_true(hs_msg_next(&in, FAMILY, &m));
	assert_int_equal(m.seq, 7);
	assert_int_equal(m.request.peer[0], 0x2dccbbaa);
	assert_int_equal(m.request.peer[1], 5);
	in = span_of(bytes, n);
	assert_true(hs_msg_next(&in, 0, &m));
	assert_int_equal(m.kind, HS_OTHER);
	assert_int_equal(m.request.sockfd, -1);
}

/* An answer and its acknowledgement in one datagram; EAGAIN when nothing waits. */
static void several(void **state)
{
	_Alignas(4) uint8_t bytes[256];
	size_t n = unhex(HEADER("1c") "01010000 0800 0200 01000000 "
			 "24000000 0200 0000 08000000 00000000 f5ffffff 14000000 1d00 0500 08000000 00000000 "
			 "24000000 0200 0000 09000000 00000000 00000000 14000000 1d00 0500 09000000 00000000",
			 bytes);
	struct span in = span_of(bytes, n);
	struct hs_msg m;

	(void)state;
	assert_true(hs_msg_next(&in, FAMILY, &m));
	assert_int_equal(m.kind, HS_READY);
	assert_true(hs_msg_next(&in, FAMILY, &m));
	assert_int_equal(m.kind, HS_ACK);
	assert_int_equal(m.error, 11);
	assert_int_equal(m.seq, 8);
	assert_true(hs_msg_next(&in, FAMILY, &m));
	assert_int_equal(m.kind, HS_ACK);
	assert_int_equal(m.error, 0);
	assert_false(hs_msg_next(&in, FAMILY, &m));
}

#define CTRL(len)   len "000000 1000 0000 01000000 00000000 01020000 "
#define FAMILY_ID   "0600 0100 1d00 0000 "
#define GROUP_NONE  "1800 0100 0800 0200 05000000 0900 0100 6e6f6e65 00000000 "
#define GROUP_TLSHD "1800 0200 0800 0200 06000000 0a00 0100 746c7368 64000000 "

static void family(void **state)
{
	static const struct {
		const char *bytes;
		enum hs_kind kind;
		uint32_t group;
	} table[] = {
		{ CTRL("50") FAMILY_ID "3400 0780 " GROUP_NONE GROUP_TLSHD, HS_FAMILY_INFO, 6 },
		{ CTRL("38") FAMILY_ID "1c00 0780 " GROUP_NONE, HS_FAMILY_INFO, 0 },
		{ CTRL("1c") FAMILY_ID, HS_FAMILY_INFO, 0 },
		{ CTRL("14"), HS_MALFORMED, 0 },			       /* no number */
		{ CTRL("1c") "0500 0100 1d000000", HS_MALFORMED, 0 },	       /* one byte of it */
		{ CTRL("1c") "0600 0100 0000 0000", HS_MALFORMED, 0 },	       /* not a family's */
		{ CTRL("28") FAMILY_ID "0c00 0780 2000 0100 0800 0200", HS_MALFORMED, 0 }, /* past its nest */
		{ CTRL("28") FAMILY_ID "0c00 0780 0800 0100 0800 0200", HS_MALFORMED, 0 }, /* half a number */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		_Alignas(4) uint8_t bytes[256];
		struct span in = span_of(bytes, unhex(table[i].bytes, bytes));
		struct hs_msg m;

		print_message("family %zu\n", i);
		assert_true(hs_msg_next(&in, 0, &m));
		assert_int_equal(m.kind, table[i].kind);
		if (m.kind != HS_FAMILY_INFO)
			continue;
		assert_int_equal(m.family, FAMILY);
		assert_int_equal(m.group, table[i].group);
	}
}

static void is(const void *built, size_t len, const char *want)
{
	uint8_t bytes[HS_MESSAGE_MAX];

	assert_int_equal(len, unhex(want, bytes));
	assert_memory_equal(built, bytes, len);
}

static void builds(void **state)
{
	_Alignas(4) uint8_t buf[HS_MESSAGE_MAX];

	(void)state;
	memset(buf, 0xa5, sizeof(buf));
	is(buf, hs_build_resolve(buf, 1), "24000000 1000 0500 01000000 00000000 03010000 "
	   "0e00 0200 68616e64 7368616b 65000000");
	is(buf, hs_build_accept(buf, FAMILY, 2), "1c000000 1d00 0500 02000000 00000000 02010000 "
	   "0800 0200 01000000");
	is(buf, hs_build_done(buf, FAMILY, 3, 9, 0, 0x2dccbbaa), "2c000000 1d00 0500 03000000 00000000 03010000 "
	   "0800 0100 00000000 0800 0200 09000000 0800 0300 aabbcc2d");
	is(buf, hs_build_done(buf, FAMILY, 3, 9, 13, 0), "24000000 1d00 0500 03000000 00000000 03010000 "
	   "0800 0100 0d000000 0800 0200 09000000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),  cmocka_unit_test(keys_in_order),
		cmocka_unit_test(several), cmocka_unit_test(family),
		cmocka_unit_test(builds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
