/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * discover - read the discovery log page (70h) over a live admin queue.
 *
 * Header, entries in pieces, header again: if the generation changed meanwhile, from the start,
 * up to DISCOVER_TRIES times. Sans-IO, as host/bringup.h. NVMe Base 2.1 §5.1.12.3.1.
 */
#pragma once

#include "host/hqueue.h"
#include "nvme/discovery.h"

#define DISCOVER_TRIES 6

struct discover_config {
	uint32_t transfer_max;	/* bytes of one command; at least one entry is read at a time */
	void (*wake)(void *ctx);
	void *ctx;
};

struct discover {
	struct discover_config config;
	enum {
		DISCOVER_HEADER,
		DISCOVER_ENTRIES,
		DISCOVER_AGAIN,
		DISCOVER_DONE,
		DISCOVER_FAILED
	} state;
	bool sent, answered;
	int tries;
	uint64_t genctr;
	uint32_t count, have;	/* entries there are, and read so far */
	struct nvmf_discovery_hdr hdr;
	struct nvmf_disc_log_entry *entries;	/* @count of them, malloc'd; NULL: none */
	struct fault why;
	char detail[160];
	struct hcmd cmd;
	struct iovec iov;
};

void discover_start(struct discover *d, const struct discover_config *c);
/* As bringup_turn(). */
bool discover_turn(struct discover *d, struct hqueue *q, uint64_t now_ns);
bool discover_idle(const struct discover *d);
/* Frees the entries. No command may be in the queue. */
void discover_free(struct discover *d);

/* One entry with its strings made safe: printable ASCII, no blanks at the end, NUL-terminated. */
struct discover_entry {
	uint8_t trtype, adrfam, subtype, treq, sectype;
	uint16_t portid, cntlid, asqsz, eflags;
	char trsvcid[33], traddr[257], subnqn[224];
};
void discover_entry_decode(const struct nvmf_disc_log_entry *e, struct discover_entry *ret);
