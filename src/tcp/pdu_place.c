/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/pdu_place.h"

#include <string.h>

#include "base/bytes.h"
#include "tcp/pdu_check.h"

/* All PDUs of a live queue have this many header bytes at least. */
#define HDR_MIN NVME_TCP_DATA_HLEN

static struct pdu_place *of(struct place *place)
{
	return container_of(place, struct pdu_place, place);
}

/* Nothing of use follows a TermReq. */
static bool is_term(uint8_t type)
{
	return type == NVME_TCP_H2C_TERM || type == NVME_TCP_C2H_TERM;
}

static void next_header(struct pdu_place *p)
{
	p->state = WALK_HEADER;
	p->trusted = false;
	p->have = 0;
	p->left = 0;
}

/* Take up the reader's position: what it has accepted is verified, what follows is a claim. */
static void begin(struct place *place)
{
	struct pdu_place *p = of(place);
	const struct pdu_reader *r = p->reader;

	next_header(p);
	p->nth = 0;
	switch (r->state) {
	case PDU_R_HEADER:
		p->have = r->have;
		memcpy(p->hdr, r->hdr, r->have);
		return;
	case PDU_R_PAD:
	case PDU_R_DATA:
		p->trusted = true;
		p->skip = r->pad_left;
		p->off = r->data_len - r->data_left;
		p->left = r->data_left;
		p->state = p->skip ? WALK_SKIP : is_term(r->hdr[0]) ? WALK_LOST : WALK_DATA;
		return;
	case PDU_R_DDGST:
		p->skip = NVME_TCP_DIGEST_BYTES - r->ddgst_have;
		p->state = WALK_SKIP;
		return;
	case PDU_R_END:
		return;
	case PDU_R_SPENT:
		p->state = WALK_LOST;
		return;
	}
}

/*
 * Header bytes that are surely still to come. Asking for the shortest whole header at once
 * saves the cipher a cut.
 */
static uint32_t header_need(const struct pdu_place *p)
{
	uint32_t hdgst = p->reader->rules.hdgst ? NVME_TCP_DIGEST_BYTES : 0;
	uint32_t want = HDR_MIN + hdgst;

	if (p->have >= NVME_TCP_CH_BYTES)
		want = p->hdr[offsetof(struct nvme_tcp_hdr, hlen)] + hdgst;
	return want > p->have ? want - p->have : 1;
}

static void next(struct place *place, uint8_t **ret_dst, size_t *ret_len)
{
	struct pdu_place *p = of(place);
	struct mspan to;

	*ret_dst = NULL;
	switch (p->state) {
	case WALK_HEADER:
		*ret_len = header_need(p);
		return;
	case WALK_SKIP:
		/* behind data a header follows the digest: scratch, too */
		*ret_len = p->left ? p->skip : p->skip + header_need(p);
		return;
	case WALK_DATA:
		to = p->dest(p->owner, p->trusted ? p->reader->hdr : p->hdr, p->off, p->trusted,
			     p->nth);
		*ret_dst = to.ptr;
		*ret_len = to.len && to.len < p->left ? to.len : p->left;
		return;
	case WALK_LOST:
		*ret_len = SIZE_MAX;
		return;
	}
}

/* The data of a PDU is behind us. */
static void data_done(struct pdu_place *p)
{
	if (!p->trusted && p->hdr[0] == NVME_TCP_CMD)
		p->nth++;
	/* reader->ddgst_have of an accepted header tells whether a digest follows */
	p->skip = p->trusted ? NVME_TCP_DIGEST_BYTES - p->reader->ddgst_have : p->skip_after;
	next_header(p);
	if (p->skip)
		p->state = WALK_SKIP;
}

/* A whole claimed header is in hdr[]: where do its parts lie? */
static void enter_body(struct pdu_place *p, const struct pdu_shape *shape)
{
	p->off = 0;
	p->left = shape->data_len;
	p->skip = shape->pad;
	p->skip_after = shape->ddgst;
	p->state = p->skip ? WALK_SKIP : WALK_DATA;
	if (is_term(p->hdr[0]))
		p->state = WALK_LOST;
	else if (p->left == 0)
		next_header(p);
}

/* Take bytes of @b until the header has @want. Returns how many. */
static size_t take(struct pdu_place *p, const uint8_t *b, size_t n, uint32_t want)
{
	size_t used = p->have < want ? want - p->have : 0;

	if (used > n)
		used = n;
	memcpy(p->hdr + p->have, b, used);
	p->have += (uint32_t)used;
	return used;
}

/* Returns how many bytes of @b belong to the header. */
static size_t walk_header(struct pdu_place *p, const uint8_t *b, size_t n)
{
	size_t used = take(p, b, n, NVME_TCP_CH_BYTES);
	struct pdu_shape shape;

	if (p->have < NVME_TCP_CH_BYTES)
		return used;
	if (fault_is(pdu_check_common(p->reader, p->hdr, &shape))) {
		p->state = WALK_LOST;
		return n;
	}
	used += take(p, b + used, n - used, (uint32_t)shape.hlen + shape.hdgst);
	if (p->have < (uint32_t)shape.hlen + shape.hdgst)
		return used;
	if (fault_is(pdu_check_rest(p->reader, p->hdr, &shape)))
		p->state = WALK_LOST;
	else
		enter_body(p, &shape);
	return used;
}

static size_t walk_skip(struct pdu_place *p, size_t n)
{
	size_t used = p->skip < n ? p->skip : n;

	p->skip -= (uint32_t)used;
	if (p->skip == 0)
		p->state = p->left ? WALK_DATA : WALK_HEADER;
	return used;
}

static size_t walk_data(struct pdu_place *p, size_t n)
{
	size_t used = p->left < n ? p->left : n;

	p->off += (uint32_t)used;
	p->left -= (uint32_t)used;
	if (p->left == 0)
		data_done(p);
	return used;
}

static void landed(struct place *place, const uint8_t *scratch, size_t n)
{
	struct pdu_place *p = of(place);
	size_t used = 0;

	while (used < n && p->state != WALK_LOST) {
		switch (p->state) {
		case WALK_HEADER:
			assert(scratch);
			used += walk_header(p, scratch + used, n - used);
			break;
		case WALK_SKIP:
			used += walk_skip(p, n - used);
			break;
		default:
			used += walk_data(p, n - used);
			break;
		}
	}
}

void pdu_place_init(struct pdu_place *p, const struct pdu_reader *reader, void *owner,
		    struct mspan (*dest)(void *owner, const uint8_t *hdr, uint32_t off,
					 bool trusted, unsigned int nth))
{
	*p = (struct pdu_place){
		.place = { begin, next, landed },
		.reader = reader,
		.owner = owner,
		.dest = dest,
		.state = WALK_LOST,
	};
}
