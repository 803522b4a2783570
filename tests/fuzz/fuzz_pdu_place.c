/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Property: a place hint changes where bytes land, never what they are. Plaintext is cut into
 * records; each is put where the walk says, as a channel does, and the pieces are read. The
 * transcript must be that of the same bytes read without a hint. And the walk is as good as
 * the reader: data of a PDU that the reader accepts was never sent to scratch.
 */
#include <string.h>

#include "pdu_transcript.h"
#include "tcp/pdu_place.h"

#define INPUT_MAX  65536
#define RECORD_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct land {
	uint8_t arena[RECORD_MAX];	/* command buffers, in the order they were asked for */
	uint8_t scratch[RECORD_MAX];
	size_t arena_used, scratch_used;
	uint32_t seed;
	const struct pdu_transcript *t;
	bool ruled;	/* as this record began */
};

/* Contiguous places of odd sizes; nothing is given twice within a record. */
static struct mspan dest(void *owner, const uint8_t *hdr, uint32_t off, bool trusted,
			 unsigned int nth)
{
	struct land *l = owner;

	(void)off, (void)trusted, (void)nth;
	MUST(hdr[0] == NVME_TCP_CMD || hdr[0] == NVME_TCP_H2C_DATA || hdr[0] == NVME_TCP_C2H_DATA);
	l->seed = l->seed * 1664525u + 1013904223u;
	return (struct mspan){ l->arena + l->arena_used, 1 + l->seed % 700 };
}

static void in_arena(void *ctx, const struct pdu_event *ev)
{
	const struct land *l = ctx;
	bool in = ev->data.ptr >= l->arena && ev->data.ptr < l->arena + sizeof(l->arena);

	MUST(in || l->t->term || !l->ruled);
}

static void record(struct pdu_transcript *t, struct pdu_place *p, struct land *l, struct span rec)
{
	struct span piece[RECORD_MAX]; /* a byte each at worst */
	size_t count = 0;

	l->arena_used = l->scratch_used = 0;
	l->ruled = t->r.ruled;
	p->place.begin(&p->place);
	while (rec.len) {
		uint8_t *dst;
		size_t len;
		bool hint;

		p->place.next(&p->place, &dst, &len);
		MUST(len >= 1);
		if (len > rec.len)
			len = rec.len;
		hint = dst != NULL;
		dst = hint ? dst : l->scratch + l->scratch_used;
		memcpy(dst, span_take(&rec, len).ptr, len);
		*(hint ? &l->arena_used : &l->scratch_used) += len;
		piece[count++] = span_of(dst, len);
		p->place.landed(&p->place, hint ? NULL : dst, len);
	}
	for (size_t i = 0; i < count; i++)
		transcript_feed(t, piece[i], in_arena, l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct land l;
	struct pdu_transcript hinted, plain;
	struct pdu_place p;
	struct span in;
	size_t cut;

	if (size < 4 || size > INPUT_MAX)
		return 0;
	l.t = &hinted;
	l.seed = data[2];
	cut = 1 + (data[1] | (size_t)(data[2] & 15) << 8);
	in = span_of(data + 3, size - 3);
	transcript_init(&plain, data[0]);
	transcript_feed(&plain, in, NULL, NULL);
	transcript_init(&hinted, data[0]);
	pdu_place_init(&p, &hinted.r, &l, dest);
	while (in.len && !hinted.spent)
		record(&hinted, &p, &l, span_take(&in, cut < in.len ? cut : in.len));
	MUST(hinted.hash == plain.hash);
	return 0;
}
