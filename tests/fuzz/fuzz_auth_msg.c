/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as each message of DH-HMAC-CHAP: parsers stay inside, answer with a failure code of
 * the specification, and what they took is written and read again as the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth_msg.h"

#define MUST(x)                  \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t out[16 + 2 * 255 + 65535];

static void inside(struct span part, struct span msg)
{
	MUST(part.len == 0 || (part.ptr >= msg.ptr && part.ptr + part.len <= msg.ptr + msg.len));
}

static bool same(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static bool taken(enum auth_failure failure)
{
	MUST(failure == AUTH_FINE || failure == AUTH_BAD_PAYLOAD || failure == AUTH_NO_PROTOCOL);
	return failure == AUTH_FINE;
}

static void negotiate(struct span msg)
{
	struct auth_negotiate a, b;

	if (!taken(auth_parse_negotiate(msg, &a)))
		return;
	MUST(a.hash_count >= 1 && a.hash_count <= AUTH_LIST_MAX);
	MUST(a.group_count >= 1 && a.group_count <= AUTH_LIST_MAX);
	MUST(taken(auth_parse_negotiate(span_of(out, auth_write_negotiate(out, &a)), &b)));
	MUST(memcmp(&a, &b, sizeof(a)) == 0);
}

static void challenge(struct span msg)
{
	struct auth_challenge a, b;

	if (!taken(auth_parse_challenge(msg, &a)))
		return;
	inside(a.c1, msg);
	inside(a.dh, msg);
	MUST(taken(auth_parse_challenge(span_of(out, auth_write_challenge(out, &a)), &b)));
	MUST(same(a.c1, b.c1) && same(a.dh, b.dh));
	MUST(a.t_id == b.t_id && a.hash == b.hash && a.group == b.group && a.seq == b.seq);
}

static void reply(struct span msg)
{
	size_t hl = msg.len > 6 ? msg.ptr[6] : 32;
	struct auth_reply a, b;

	if (!taken(auth_parse_reply(msg, hl, &a)))
		return;
	inside(a.r1, msg);
	inside(a.c2, msg);
	inside(a.dh, msg);
	MUST(taken(auth_parse_reply(span_of(out, auth_write_reply(out, &a)), hl, &b)));
	MUST(same(a.r1, b.r1) && same(a.c2, b.c2) && same(a.dh, b.dh));
	MUST(a.t_id == b.t_id && a.c2_valid == b.c2_valid && a.seq == b.seq);
}

static void success1(struct span msg)
{
	struct auth_success1 a, b;

	if (!taken(auth_parse_success1(msg, &a)))
		return;
	inside(a.r2, msg);
	MUST(taken(auth_parse_success1(span_of(out, auth_write_success1(out, &a)), &b)));
	MUST(same(a.r2, b.r2) && a.t_id == b.t_id && a.hl == b.hl && a.r2_valid == b.r2_valid);
}

static void failed(struct span msg)
{
	struct auth_failed a, b;

	if (!taken(auth_parse_failed(msg, &a)))
		return;
	MUST(taken(auth_parse_failed(span_of(out, auth_write_failed(out, AUTH_FAILURE1, &a)), &b)));
	MUST(a.t_id == b.t_id && a.failure == b.failure);
	MUST(auth_failure_text(a.failure));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span msg = span_of(data, size);
	struct auth_head h;

	MUST(auth_parse_head(msg, &h) == (size >= 6));
	negotiate(msg);
	challenge(msg);
	reply(msg);
	success1(msg);
	failed(msg);
	MUST(taken(auth_parse_success2(msg)) == (size == 16));
	return 0;
}
