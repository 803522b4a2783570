/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pcap - the TCP byte streams of a capture file (classic pcap, Ethernet, IPv4), for tests.
 *
 * Knows retransmitted and reordered segments; asserts where bytes are missing. For test input
 * that we trust.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* One direction of a connection. */
struct pcap_bytes {
	uint8_t *ptr;
	size_t len;
	uint32_t isn;  /* sequence number of ptr[0] */
	uint16_t port; /* of the sender */
	uint32_t addr;
};

/* A TCP connection, in the order of SYNs. */
struct pcap_stream {
	struct pcap_bytes client, server;
};

struct pcap {
	struct pcap_stream *streams;
	int count;
};

void pcap_load(const char *path, struct pcap *ret);
void pcap_free(struct pcap *p);
/* A whole file; the caller frees it. Fails the test when it cannot be read. One NUL more behind it. */
uint8_t *pcap_file(const char *path, size_t *ret_len);
/* "$VECTORS/@name"; static buffer. */
const char *pcap_vector(const char *name);
