/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pdu_reader - find PDUs in a plaintext byte stream. NVMe/TCP Transport 3.3, 3.6.
 *
 * Sans-IO: no sockets, no clock, no allocation, no logging. Feed it whatever
 * bytes arrived, in whatever pieces; it hands back one event at a time.
 *
 *	while ((step = pdu_reader_step(&r, &in, &ev, &why)) != PDU_MORE)
 *		...
 *
 * Guarantees
 *	- PDU_MORE means every byte of @in was consumed. Come back with more.
 *	- The events depend on the bytes only, never on how they were split, but for how
 *	  data is cut into PDU_DATA pieces.
 *	- A header is checked for everything that does not depend on commands: type for the
 *	  direction (before pdu_reader_rules() only IC and Term PDUs: else FES 2), HLEN, PLEN
 *	  bounds, PDO range and alignment, flags against the negotiated digests, header
 *	  digest; DATAL == data bytes, != 0, for the data PDUs.
 *	- After PDU_FAULT the reader is spent; any further step asserts. bad_hdr() gives the
 *	  offending header's bytes for the TermReq.
 *
 * Ownership: the caller owns the reader; it needs no release. ev.hdr is valid until the
 * next step; ev.data borrows from @in.
 */
#pragma once

#include <stdbool.h>

#include "base/fault.h"
#include "base/span.h"
#include "nvme/tcp_wire.h"

enum pdu_from { PDU_FROM_HOST = 1, PDU_FROM_CTRL = 2 };

enum pdu_step {
	PDU_MORE,   /* @in is empty, no event */
	PDU_HEADER, /* ev.hdr, ev.data_len */
	PDU_DATA,   /* ev.data is the next piece of this PDU's data, at offset ev.data_off */
	PDU_END,    /* this PDU is complete; ev.ddgst_bad tells about its data digest */
	PDU_FAULT,  /* *reterr_why says why */
};

struct pdu_event {
	const uint8_t *hdr; /* HLEN bytes; valid from PDU_HEADER to PDU_END of a PDU */
	uint32_t data_len;  /* PDU_HEADER: bytes of data this PDU carries (without DDGST) */
	struct span data;   /* PDU_DATA */
	uint32_t data_off;  /* PDU_DATA: offset of the piece in this PDU's data */
	bool ddgst_bad;	    /* PDU_END */
};

/* What was negotiated; all zero before ICReq/ICResp. */
struct pdu_rules {
	bool hdgst, ddgst;
	uint8_t pda;		   /* HPDA or CPDA that binds the sender: 0's-based dwords */
	uint32_t capsule_data_max; /* bytes of in-capsule data we accept */
	uint32_t data_max; /* bytes of data in one H2CData (MAXH2CDATA) or C2HData we accept */
};

struct pdu_reader {
	enum pdu_from from; /* who speaks to us */
	struct pdu_rules rules;
	bool ruled; /* pdu_reader_rules() was called: more than IC and Term PDUs may come */
	enum { PDU_R_HEADER, PDU_R_PAD, PDU_R_DATA, PDU_R_DDGST, PDU_R_END, PDU_R_SPENT } state;
	uint32_t have, want; /* header bytes gathered and needed (with HDGST) */
	uint32_t pad_left, data_len, data_left, ddgst_have;
	uint32_t crc;
	const uint8_t *cur; /* hdr[] once it holds a whole header, until the next one begins */
	uint8_t ddgst[4];
	uint8_t hdr[NVME_TCP_PDU_HDR_MAX + 4];
};

void pdu_reader_init(struct pdu_reader *r, enum pdu_from from);
/* Takes effect with the next PDU. Call between PDU_END and the next header only. */
void pdu_reader_rules(struct pdu_reader *r, const struct pdu_rules *rules);
enum pdu_step pdu_reader_step(struct pdu_reader *r, struct span *in, struct pdu_event *ret_ev,
			      struct fault *reterr_why) MUST_CHECK;
/* Is a PDU begun and not finished? (for the partial-PDU timeout) */
bool pdu_reader_in_pdu(const struct pdu_reader *r);
/* After PDU_FAULT or for a header refused by the layer above: bytes for the TermReq's data. */
struct span pdu_reader_bad_hdr(const struct pdu_reader *r);
