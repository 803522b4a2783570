/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pdu_place - the hint (base/place.h) for a stream of PDUs.
 *
 * Starts from the reader's trusted position and walks on over plaintext whose
 * tag is not verified yet: header to scratch, data to where @dest says, next
 * header to scratch, ... A wrong walk costs a copy, never correctness: the
 * reader reads the verified pieces as if there were no hint.
 */
#pragma once

#include "base/place.h"
#include "base/span.h"
#include "tcp/pdu_reader.h"

struct pdu_place {
	struct place place; /* first: given to channel open() */
	const struct pdu_reader *reader;
	void *owner;
	/*
	 * Where does byte @off of the data of the PDU with this header go? Returns a
	 * contiguous place (ptr NULL: scratch; len >= 1 bytes at most).
	 * @trusted: the header was accepted by the reader (we are in the middle of its data);
	 * else it is a mere claim: check everything against the command table, change nothing.
	 * @nth: how many untrusted CapsuleCmds with data came before in this record.
	 */
	struct mspan (*dest)(void *owner, const uint8_t *hdr, uint32_t off, bool trusted,
			     unsigned int nth);

	/* the walk; restarted by begin() */
	enum { WALK_HEADER, WALK_SKIP, WALK_DATA, WALK_LOST } state;
	bool trusted;
	unsigned int nth;
	uint32_t have;	     /* header bytes seen */
	uint32_t skip;	     /* padding bytes before the data, or digest bytes after it */
	uint32_t skip_after; /* digest bytes after untrusted data */
	uint32_t off, left;  /* data position and rest */
	uint8_t hdr[NVME_TCP_PDU_HDR_MAX + 4];
};

void pdu_place_init(struct pdu_place *p, const struct pdu_reader *reader, void *owner,
		    struct mspan (*dest)(void *owner, const uint8_t *hdr, uint32_t off,
					 bool trusted, unsigned int nth));
