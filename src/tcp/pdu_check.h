/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pdu_check - judge a PDU header, for everything that does not depend on commands.
 * Shared by the reader (verified bytes) and the place walk (mere claims).
 *
 * Faults are as the specification's error table says: NVMe/TCP Transport 3.5.
 */
#pragma once

#include "base/fault.h"
#include "tcp/pdu_reader.h"

/* Where the parts of a PDU lie; bytes. */
struct pdu_shape {
	uint8_t hlen;  /* header without digest */
	uint8_t hdgst; /* 0 or 4 */
	uint8_t pad;   /* between header (and its digest) and data */
	uint8_t ddgst; /* 0 or 4 */
	uint32_t data_len;
};

/* Judge the eight common bytes at @hdr. */
struct fault pdu_check_common(const struct pdu_reader *r, const uint8_t *hdr, struct pdu_shape *ret)
	MUST_CHECK;
/* Judge the rest of the header, of which pdu_check_common() made @shape. */
struct fault pdu_check_rest(const struct pdu_reader *r, const uint8_t *hdr,
			    const struct pdu_shape *shape) MUST_CHECK;
