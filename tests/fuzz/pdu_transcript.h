/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pdu_transcript - everything a PDU reader said, as one number that does not depend on how the
 * bytes were cut. Checks on the way what must hold for any bytes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "tcp/pdu_reader.h"

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

struct pdu_transcript {
	struct pdu_reader r;
	struct pdu_rules rules;
	uint64_t hash;
	uint32_t data_len, data_seen;
	bool spent;
	bool term;	/* a TermReq came: what follows is of no interest to anybody */
};

static inline void transcript_mix(struct pdu_transcript *t, const void *ptr, size_t len)
{
	for (size_t i = 0; i < len; i++)
		t->hash = (t->hash ^ ((const uint8_t *)ptr)[i]) * 0x100000001b3ull;
}

/*
 * The first byte of a fuzz input: bit 0 who speaks, 1 and 2 digests, 3 and 4 alignment,
 * 5 whether IC is over already.
 */
static inline void transcript_init(struct pdu_transcript *t, uint8_t how)
{
	*t = (struct pdu_transcript){
		.rules = { .hdgst = how & 2, .ddgst = how & 4, .capsule_data_max = 8192,
			   .data_max = 65536 },
		.hash = 0xcbf29ce484222325ull,
	};
	t->rules.pda = (uint8_t)(how >> 3 & 3);
	pdu_reader_init(&t->r, how & 1 ? PDU_FROM_CTRL : PDU_FROM_HOST);
	if (how & 32)
		pdu_reader_rules(&t->r, &t->rules);
}

static inline void transcript_event(struct pdu_transcript *t, enum pdu_step step,
				    const struct pdu_event *ev, const struct fault *why)
{
	uint8_t s = (uint8_t)step;

	if (step != PDU_DATA)
		transcript_mix(t, &s, 1);
	if (step == PDU_HEADER) {
		transcript_mix(t, ev->hdr, ev->hdr[2]);
		transcript_mix(t, &ev->data_len, 4);
		t->data_len = ev->data_len;
		t->data_seen = 0;
		t->term |= ev->hdr[0] == NVME_TCP_H2C_TERM || ev->hdr[0] == NVME_TCP_C2H_TERM;
		MUST(t->data_len <= t->rules.data_max);
	} else if (step == PDU_DATA) {
		MUST(ev->data_off == t->data_seen && ev->data.len > 0);
		t->data_seen += (uint32_t)ev->data.len;
		MUST(t->data_seen <= t->data_len);
		transcript_mix(t, ev->data.ptr, ev->data.len);
	} else if (step == PDU_END) {
		MUST(t->data_seen == t->data_len);
		transcript_mix(t, &ev->ddgst_bad, 1);
		if (!t->r.ruled)
			pdu_reader_rules(&t->r, &t->rules);
	} else if (step == PDU_FAULT) {
		MUST(why->kind == FAULT_PDU || why->kind == FAULT_PDU_PEER);
		MUST(pdu_reader_bad_hdr(&t->r).len >= NVME_TCP_CH_BYTES);
		transcript_mix(t, why, sizeof(*why));
		transcript_mix(t, pdu_reader_bad_hdr(&t->r).ptr, pdu_reader_bad_hdr(&t->r).len);
		t->spent = true;
	}
}

/* @check (may be NULL) sees each piece of data. */
static inline void transcript_feed(struct pdu_transcript *t, struct span in,
				   void (*check)(void *ctx, const struct pdu_event *ev), void *ctx)
{
	while (!t->spent) {
		struct fault why = OK;
		struct pdu_event ev = { 0 };
		enum pdu_step step = pdu_reader_step(&t->r, &in, &ev, &why);

		if (step == PDU_MORE) {
			MUST(in.len == 0);
			return;
		}
		if (step == PDU_DATA && check)
			check(ctx, &ev);
		transcript_event(t, step, &ev, &why);
	}
}
