/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The record layer against the Linux kernel's own TLS sessions: the secrets come from the capture's
 * key log, what the plaintext must be from an independent decoder. PDUs share records and are cut
 * by them in the kernel's ways.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "pcap.h"
#include "pdu_lines.h"
#include "tcp/pdu_reader.h"
#include "tls/record.h"

/* The traffic secret LABEL of the connection whose ClientHello has @random. */
static void find_secret(const char *keylog, const char *label, const uint8_t random[32],
			struct secret *ret)
{
	char line[160], hex[65];

	hex_encode(hex, sizeof(hex), random, 32);
	snprintf(line, sizeof(line), "%s %s ", label, hex);
	keylog = strstr(keylog, line);
	assert_non_null(keylog);
	keylog += strlen(line);
	ret->len = (uint8_t)(strcspn(keylog, "\n") / 2);
	assert_int_equal(hex_decode(ret->bytes, sizeof(ret->bytes), keylog, 2u * ret->len),
			 ret->len);
}

static struct channel *channel(const struct secret *rx, enum tls_role role)
{
	struct handshake_result r = { .hash = NVME_HASH_SHA256, .peer_plain_max = 16384 };
	struct record_config c = { .role = role };

	secret_copy(&r.rx, rx);
	secret_copy(&r.tx, rx);
	return record_new(&r, &c);
}

static size_t record_len(const uint8_t *p)
{
	return (size_t)RECORD_HEADER_LEN + load_be16(p + 3);
}

/*
 * The first record under the traffic key: those before it belong to the handshake (its own
 * keys), so a fresh channel refuses them.
 */
static struct span skip_handshake(struct span b, const struct secret *rx, enum tls_role role)
{
	while (b.len > RECORD_HEADER_LEN) {
		uint8_t copy[RECORD_WIRE_MAX];
		struct mspan rec = { copy, record_len(b.ptr) };
		struct channel *c = channel(rx, role);
		struct plain out;
		bool opened;

		assert_true(rec.len <= sizeof(copy) && rec.len <= b.len);
		memcpy(copy, b.ptr, rec.len);
		opened = b.ptr[0] == 23 && !fault_is(c->ops->open(c, &rec, NULL, &out));
		c->ops->free(c);
		if (opened)
			return b;
		span_take(&b, record_len(b.ptr));
	}
	fail();
	return b;
}

/* Read what the pieces hold; the first PDU settles the rules. */
static void read_pieces(struct pdu_reader *r, const struct plain *out,
			const struct pdu_rules *rules, struct pdu_seen *got, int *count)
{
	for (int i = 0; i < out->count; i++) {
		struct span in = out->piece[i];
		struct pdu_event ev;
		struct fault why;
		enum pdu_step step;

		while ((step = pdu_reader_step(r, &in, &ev, &why)) != PDU_MORE) {
			assert_int_not_equal(step, PDU_FAULT);
			if (step == PDU_HEADER)
				pdu_lines_note(&got[(*count)++], ev.hdr);
			if (step == PDU_END && *count == 1)
				pdu_reader_rules(r, rules);
			assert_false(step == PDU_END && ev.ddgst_bad);
			assert_true(*count < PDUS_MAX);
		}
	}
}

static void compare(struct span wire, const struct secret *rx, enum pdu_from from, bool digests,
		    const char *text, int st)
{
	enum tls_role role = from == PDU_FROM_HOST ? TLS_SERVER : TLS_CLIENT;
	const struct pdu_rules rules = {
		.hdgst = digests, .ddgst = digests, .capsule_data_max = 16384, .data_max = 4 << 20
	};
	static struct pdu_seen want[PDUS_MAX], got[PDUS_MAX];
	int n = pdu_lines_expected(text, st, from == PDU_FROM_HOST ? "H>C" : "C>H", want), count = 0;
	struct channel *c = channel(rx, role);
	struct pdu_reader r;

	wire = skip_handshake(wire, rx, role);
	pdu_reader_init(&r, from);
	while (wire.len) {
		struct mspan rec = { (uint8_t *)wire.ptr, record_len(wire.ptr) };
		struct plain out;

		span_take(&wire, rec.len);
		assert_false(fault_is(c->ops->open(c, &rec, NULL, &out)));
		read_pieces(&r, &out, &rules, got, &count);
	}
	assert_int_equal(count, n);
	for (int i = 0; i < n; i++)
		assert_memory_equal(&got[i].flags, &want[i].flags,
				    sizeof(got[i]) - sizeof(got[i].name));
	c->ops->free(c);
}

static void replay(const char *name, bool digests)
{
	char path[128];
	struct pcap p;
	size_t len;
	char *text, *keylog;

	snprintf(path, sizeof(path), "captures/%s.pdus", name);
	text = (char *)pcap_file(pcap_vector(path), &len);
	snprintf(path, sizeof(path), "captures/%s.keylog", name);
	keylog = (char *)pcap_file(pcap_vector(path), &len);
	snprintf(path, sizeof(path), "captures/%s.pcap", name);
	pcap_load(pcap_vector(path), &p);
	assert_true(p.count >= 1);
	for (int st = 0; st < p.count; st++) {
		const struct pcap_bytes *c = &p.streams[st].client, *s = &p.streams[st].server;
		SECRET(from_client);
		SECRET(from_server);

		/* record header 5, message header 4, version 2 */
		find_secret(keylog, "CLIENT_TRAFFIC_SECRET_0", c->ptr + 11, &from_client);
		find_secret(keylog, "SERVER_TRAFFIC_SECRET_0", c->ptr + 11, &from_server);
		compare(span_of(c->ptr, c->len), &from_client, PDU_FROM_HOST, digests, text, st);
		compare(span_of(s->ptr, s->len), &from_server, PDU_FROM_CTRL, digests, text, st);
	}
	pcap_free(&p);
	free(text);
	free(keylog);
}

static void discovery(void **state)
{
	(void)state;
	replay("tls-v0-sha256-discover", false);
}

static void io_with_digests(void **state)
{
	(void)state;
	replay("tls-v1-sha256-io-digests", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(discovery),
		cmocka_unit_test(io_with_digests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
