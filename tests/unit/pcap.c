/* SPDX-License-Identifier: BSD-3-Clause */
#include "pcap.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define TCP_SYN 0x02
#define TCP_ACK 0x10

const char *pcap_vector(const char *name)
{
	static char path[4096];
	const char *dir = getenv("VECTORS");

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "tests/vectors", name);
	return path;
}

uint8_t *pcap_file(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "rb");
	size_t len = 0, cap = 1 << 16;
	uint8_t *b = malloc(cap);

	if (!f)
		perror(path);
	assert(f && b);
	for (size_t n; (n = fread(b + len, 1, cap - 1 - len, f)) > 0;) {
		len += n;
		if (len + 1 == cap)
			b = realloc(b, cap *= 2);
		assert(b);
	}
	fclose(f);
	b[len] = 0;
	*ret_len = len;
	return b;
}

static struct pcap_stream *add_stream(struct pcap *p)
{
	p->streams = realloc(p->streams, (size_t)(p->count + 1) * sizeof(*p->streams));
	assert(p->streams);
	p->streams[p->count] = (struct pcap_stream){ 0 };
	return &p->streams[p->count++];
}

/* The direction that this segment belongs to; the newest connection wins a reused port. */
static struct pcap_bytes *find(struct pcap *p, uint32_t addr, uint16_t port, uint32_t to_addr,
			       uint16_t to_port)
{
	for (int i = p->count - 1; i >= 0; i--) {
		struct pcap_bytes *c = &p->streams[i].client, *s = &p->streams[i].server;

		if (c->addr == addr && c->port == port && s->addr == to_addr && s->port == to_port)
			return c;
		if (s->addr == addr && s->port == port && c->addr == to_addr && c->port == to_port)
			return s;
	}
	return NULL;
}

static void put(struct pcap_bytes *b, uint32_t seq, const uint8_t *data, size_t len)
{
	uint32_t at = seq - b->isn;

	/* an old segment, or a keep-alive probe in front of the first byte */
	if (len == 0 || at > UINT32_MAX / 2 || at + len <= b->len)
		return;
	assert(at <= b->len && "a segment is missing in the capture");
	b->ptr = realloc(b->ptr, at + len);
	assert(b->ptr);
	memcpy(b->ptr + at, data, len);
	b->len = at + len;
}

static void segment(struct pcap *p, uint32_t from, uint32_t to, const uint8_t *tcp, size_t len)
{
	uint16_t port = load_be16(tcp), to_port = load_be16(tcp + 2);
	uint32_t seq = load_be32(tcp + 4);
	size_t hlen = (tcp[12] >> 4) * 4u;
	struct pcap_bytes *b;

	assert(hlen >= 20 && hlen <= len);
	if (tcp[13] & TCP_SYN && !(tcp[13] & TCP_ACK)) {
		struct pcap_stream *s = add_stream(p);

		s->client.addr = from;
		s->client.port = port;
		s->server.addr = to;
		s->server.port = to_port;
	}
	b = find(p, from, port, to, to_port);
	if (!b)
		return;
	if (tcp[13] & TCP_SYN)
		b->isn = seq + 1;
	else
		put(b, seq, tcp + hlen, len - hlen);
}

static void packet(struct pcap *p, const uint8_t *eth, size_t len)
{
	const uint8_t *ip = eth + 14;
	size_t hlen, total;

	if (len < 14 + 20 || load_be16(eth + 12) != 0x0800 || ip[9] != 6)
		return;
	hlen = (ip[0] & 15) * 4u;
	total = load_be16(ip + 2); /* without the padding of short frames */
	assert(total <= len - 14 && hlen + 20 <= total);
	segment(p, load_be32(ip + 12), load_be32(ip + 16), ip + hlen, total - hlen);
}

void pcap_load(const char *path, struct pcap *ret)
{
	size_t len, at = 24;
	uint8_t *file = pcap_file(path, &len);

	*ret = (struct pcap){ 0 };
	assert(len >= 24 && load_le32(file) == 0xa1b2c3d4 && load_le32(file + 20) == 1);
	while (at + 16 <= len) {
		uint32_t n = load_le32(file + at + 8);

		at += 16;
		assert(n <= len - at);
		packet(ret, file + at, n);
		at += n;
	}
	free(file);
}

void pcap_free(struct pcap *p)
{
	for (int i = 0; i < p->count; i++) {
		free(p->streams[i].client.ptr);
		free(p->streams[i].server.ptr);
	}
	free(p->streams);
	*p = (struct pcap){ 0 };
}
