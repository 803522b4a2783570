/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any ClientHello: the parser stays inside the message and its numbers agree; a server that knows
 * no key never finishes, always names a cause and always sends an alert, however bytes are cut.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "tls/client_hello.h"

#define MUST(x)                  \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int find_none(void *ctx, struct span identity, struct tls_psk *ret, int max)
{
	(void)ctx, (void)identity, (void)ret, (void)max;
	return 0;
}

static void inside(struct span part, const uint8_t *msg, size_t size)
{
	MUST(part.len == 0 || (part.ptr >= msg && part.ptr + part.len <= msg + size));
}

static void parse(const uint8_t *msg, size_t size)
{
	struct client_hello h;

	if (fault_is(client_hello_parse(span_of(msg, size), &h)))
		return;
	MUST(h.psk_count >= 0 && h.psk_count <= TLS_PSK_CANDIDATES_MAX &&
	     h.has_psk == (h.psk_count > 0));
	MUST(h.truncated_len <= size);
	for (int i = 0; i < h.psk_count; i++) {
		inside(h.psk[i].identity, msg, size);
		inside(h.psk[i].binder, msg, size);
	}
}

/* Feed @n bytes at a time. Returns the cause, CAUSE_NONE while more is wanted. */
static enum cause serve(const uint8_t *data, size_t size, size_t n)
{
	struct handshake_config c = { .role = TLS_SERVER, .source = { find_none, NULL, NULL } };
	struct handshake *h = handshake_new(&c);
	enum handshake_state state = HANDSHAKE_MORE;
	struct fault why = OK;
	static uint8_t carry[40000];
	size_t have = 0;
	struct buf out;

	MUST(h && buf_init(&out, 16384) == 0);
	while (size && !fault_is(why)) {
		size_t part = min_u64(min_u64(n, size), sizeof(carry) - have);
		struct span in;

		if (part == 0)
			break;
		memcpy(carry + have, data, part);
		data += part;
		size -= part;
		have += part;
		in = span_of(carry, have);
		why = handshake_step(h, &in, &out, &state);
		MUST(state == HANDSHAKE_MORE);
		memmove(carry, in.ptr, in.len);
		have = in.len;
	}
	if (why.kind == FAULT_TLS)
		MUST(buf_len(&out) == 7);	/* one alert in the clear */
	MUST(!fault_is(why) || why.cause != CAUSE_NONE);
	handshake_free(h);
	buf_free(&out);
	return (enum cause)why.cause;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 30000)
		return 0;
	parse(data + 1, size - 1);
	MUST(serve(data + 1, size - 1, size) == serve(data + 1, size - 1, 1 + data[0]));
	return 0;
}
