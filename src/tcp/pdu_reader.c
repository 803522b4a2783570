/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/pdu_reader.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "tcp/digest.h"
#include "tcp/pdu_check.h"

void pdu_reader_init(struct pdu_reader *r, enum pdu_from from)
{
	*r = (struct pdu_reader){ .from = from, .want = NVME_TCP_CH_BYTES };
}

void pdu_reader_rules(struct pdu_reader *r, const struct pdu_rules *rules)
{
	assert(!pdu_reader_in_pdu(r));
	r->rules = *rules;
	r->ruled = true;
}

bool pdu_reader_in_pdu(const struct pdu_reader *r)
{
	return r->state != PDU_R_HEADER || r->have != 0;
}

struct span pdu_reader_bad_hdr(const struct pdu_reader *r)
{
	/* only a whole header has an HLEN that was checked */
	return r->cur ? span_of(r->hdr, r->hdr[offsetof(struct nvme_tcp_hdr, hlen)]) :
			span_of(r->hdr, r->have);
}

/* Move up to @want - r->have bytes of @in to the header. Is it all there? */
static bool gather(struct pdu_reader *r, struct span *in, uint32_t want)
{
	size_t n = want - r->have;

	if (n > in->len)
		n = in->len;
	memcpy(r->hdr + r->have, span_take(in, n).ptr, n);
	r->have += (uint32_t)n;
	return r->have == want;
}

static struct fault check_hdgst(const struct pdu_reader *r, const struct pdu_shape *s)
{
	if (s->hdgst == 0 || digest_header_ok(r->hdr, s->hlen))
		return OK;
	return (struct fault){ FAULT_PDU, CAUSE_HDGST, NVME_TCP_FES_HDGST,
			       load_le32(r->hdr + s->hlen) };
}

static void begin_body(struct pdu_reader *r, const struct pdu_shape *s)
{
	r->cur = r->hdr;
	r->have = 0;
	r->want = NVME_TCP_CH_BYTES;
	r->pad_left = s->pad;
	r->data_len = r->data_left = s->data_len;
	r->ddgst_have = s->ddgst ? 0 : NVME_TCP_DIGEST_BYTES;
	r->crc = 0;
	r->state = s->pad ? PDU_R_PAD : s->data_len ? PDU_R_DATA : PDU_R_END;
}

static enum pdu_step step_header(struct pdu_reader *r, struct span *in, struct pdu_event *ev,
				 struct fault *why)
{
	struct pdu_shape shape;

	r->cur = NULL;
	if (r->have < NVME_TCP_CH_BYTES && !gather(r, in, NVME_TCP_CH_BYTES))
		return PDU_MORE;
	*why = pdu_check_common(r, r->hdr, &shape);
	if (fault_is(*why))
		return PDU_FAULT;
	r->want = (uint32_t)shape.hlen + shape.hdgst;
	if (!gather(r, in, r->want))
		return PDU_MORE;
	r->cur = r->hdr;
	*why = check_hdgst(r, &shape);
	if (!fault_is(*why))
		*why = pdu_check_rest(r, r->hdr, &shape);
	if (fault_is(*why))
		return PDU_FAULT;
	begin_body(r, &shape);
	*ev = (struct pdu_event){ .hdr = r->hdr, .data_len = shape.data_len };
	return PDU_HEADER;
}

/* Padding is not covered by any digest; its content is ignored. */
static bool skip_pad(struct pdu_reader *r, struct span *in)
{
	size_t n = r->pad_left < in->len ? r->pad_left : in->len;

	span_take(in, n);
	r->pad_left -= (uint32_t)n;
	if (r->pad_left != 0)
		return false;
	r->state = PDU_R_DATA;
	return true;
}

static enum pdu_step step_data(struct pdu_reader *r, struct span *in, struct pdu_event *ev)
{
	size_t n = r->data_left < in->len ? r->data_left : in->len;
	bool digest = r->ddgst_have == 0;

	if (n == 0)
		return PDU_MORE; /* the padding took the last byte */
	*ev = (struct pdu_event){ .hdr = r->hdr, .data_off = r->data_len - r->data_left };
	ev->data = span_take(in, n);
	if (digest)
		r->crc = crc32c(r->crc, ev->data.ptr, n);
	r->data_left -= (uint32_t)n;
	if (r->data_left == 0)
		r->state = digest ? PDU_R_DDGST : PDU_R_END;
	return PDU_DATA;
}

static bool gather_ddgst(struct pdu_reader *r, struct span *in)
{
	size_t n = NVME_TCP_DIGEST_BYTES - r->ddgst_have;

	if (n > in->len)
		n = in->len;
	memcpy(r->ddgst + r->ddgst_have, span_take(in, n).ptr, n);
	r->ddgst_have += (uint32_t)n;
	if (r->ddgst_have != NVME_TCP_DIGEST_BYTES)
		return false;
	/* kept for END: 0 tells that it fits */
	r->crc ^= load_le32(r->ddgst);
	r->state = PDU_R_END;
	return true;
}

static enum pdu_step step_end(struct pdu_reader *r, struct pdu_event *ev)
{
	*ev = (struct pdu_event){ .hdr = r->hdr, .ddgst_bad = r->crc != 0 };
	r->state = PDU_R_HEADER;
	return PDU_END;
}

enum pdu_step pdu_reader_step(struct pdu_reader *r, struct span *in, struct pdu_event *ret_ev,
			      struct fault *reterr_why)
{
	enum pdu_step step;

	assert(r->state != PDU_R_SPENT);
	if (in->len == 0 && r->state != PDU_R_END)
		return PDU_MORE;
	if (r->state == PDU_R_PAD && !skip_pad(r, in))
		return PDU_MORE;
	if (r->state == PDU_R_DDGST && !gather_ddgst(r, in))
		return PDU_MORE;
	switch (r->state) {
	case PDU_R_HEADER:
		step = step_header(r, in, ret_ev, reterr_why);
		if (step == PDU_FAULT)
			r->state = PDU_R_SPENT;
		return step;
	case PDU_R_DATA:
		return step_data(r, in, ret_ev);
	default:
		return step_end(r, ret_ev);
	}
}
