/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Property: the events of pdu_reader depend on the bytes, not on the pieces they arrive in. The
 * first input byte chooses direction and digests, the second the piece size; the same bytes are
 * then read whole and in pieces, and the two transcripts must be equal.
 */
#include "pdu_transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t transcript(uint8_t how, struct span in, size_t cut)
{
	struct pdu_transcript t;

	transcript_init(&t, how);
	while (in.len)
		transcript_feed(&t, span_take(&in, cut < in.len ? cut : in.len), NULL, NULL);
	return t.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in;

	if (size < 3)
		return 0;
	in = span_of(data + 2, size - 2);
	MUST(transcript(data[0], in, SIZE_MAX) == transcript(data[0], in, 1 + data[1] % 96u));
	return 0;
}
