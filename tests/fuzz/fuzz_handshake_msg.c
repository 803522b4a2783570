/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any datagram of the handshake family: the parser stays inside it and ends; what it accepts is in
 * range; a message that is built is understood as the kernel's policy would have it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tlshd/hs_msg.h"

#define MUST(x)                  \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct hs_msg *m)
{
	const struct hs_request *r = &m->request;

	MUST(m->error >= 0 && m->error <= 4095);
	MUST(r->peer_count >= 0 && r->peer_count <= HS_PEERS_MAX && r->sockfd >= -1);
	for (int i = 0; i < r->peer_count; i++)
		MUST(r->peer[i] != 0);
	if (m->kind == HS_FAMILY_INFO)
		MUST(m->family >= 16);
	if (m->kind != HS_ACCEPTED)
		return;
	MUST(r->sockfd >= 0 && r->role >= HS_CLIENT_HELLO && r->role <= HS_SERVER_HELLO);
	MUST(r->auth >= HS_AUTH_NONE && r->auth <= HS_AUTH_X509);
}

/* The first byte: the family's number. malloc: aligned, and a read past the end is seen. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in;
	struct hs_msg m;
	uint8_t *copy;
	size_t left;

	if (size < 1 || size > HS_DATAGRAM_MAX)
		return 0;
	copy = malloc(size);
	MUST(copy);
	memcpy(copy, data + 1, size - 1);
	in = span_of(copy, size - 1);
	for (left = in.len + 1; hs_msg_next(&in, data[0], &m); left = in.len) {
		MUST(in.len < left);
		check(&m);
	}
	free(copy);
	return 0;
}
