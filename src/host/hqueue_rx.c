/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a controller sends: ICResp, CapsuleResp, C2HData, R2T, C2HTermReq. Every value is
 * checked against the command it speaks of; the errors are those of NVMe/TCP Transport 3.5.
 */
#include <string.h>

#include "base/bytes.h"
#include "host/hqueue_impl.h"
#include "nvme/status.h"

static struct fault bad(enum nvme_tcp_fes fes, size_t fei)
{
	return (struct fault){ FAULT_PDU, CAUSE_PDU_INVALID, (uint16_t)fes, (uint32_t)fei };
}

#define BAD_FIELD(type, field) bad(NVME_TCP_FES_INVALID_HDR, offsetof(struct type, field))

/* The slot of a command that the controller may speak of, or NULL. */
static struct hslot *lookup(const struct hqueue *q, const uint8_t *wire_cid)
{
	uint16_t cid = load_le16(wire_cid), i = cid & (HQUEUE_ENTRIES_MAX - 1);
	struct hslot *s;

	if (i >= q->slot_count)
		return NULL;
	s = &q->slots[i];
	if (s->state != HSLOT_SENT || hqueue_cid(q, s) != cid)
		return NULL;
	return s;
}

/* ---- ICResp ---- */

static struct fault icresp(struct hqueue *q, const uint8_t *hdr)
{
	struct pdu_rules rules;

	TRY(ic_resp_accept((const struct nvme_tcp_icresp_pdu *)hdr, &q->config.ic, &q->ic));
	rules = (struct pdu_rules){
		.hdgst = q->ic.hdgst,
		.ddgst = q->ic.ddgst,
		.pda = q->ic.hpda,
		.data_max = UINT32_MAX, /* each PDU is held against its command */
	};
	q->stream.writer.hdgst = q->ic.hdgst;
	q->stream.writer.ddgst = q->ic.ddgst;
	q->stream.writer.pda = q->ic.cpda;
	pdu_reader_rules(&q->stream.reader, &rules);
	q->state = HQUEUE_IC_DONE;
	return OK;
}

/* ---- C2HData ---- */

/* Where byte @off of the transfer lies; contiguous as far as it goes. */
static struct mspan at_offset(const struct hcmd *c, uint32_t off)
{
	size_t skip = off;

	for (int i = 0; i < c->iov_count; i++) {
		const struct iovec *v = &c->iov[i];

		if (skip < v->iov_len)
			return (struct mspan){ (uint8_t *)v->iov_base + skip, v->iov_len - skip };
		skip -= v->iov_len;
	}
	return (struct mspan){ NULL, 1 };
}

/* Does the data of this header belong to an outstanding command, within its memory? */
static struct hslot *data_slot(const struct hqueue *q, const struct nvme_tcp_data_pdu *d)
{
	struct hslot *s = lookup(q, d->command_id);

	return s && s->cmd->dir == HCMD_FROM_CTRL ? s : NULL;
}

static struct fault c2hdata(struct hqueue *q, const uint8_t *hdr)
{
	const struct nvme_tcp_data_pdu *d = (const void *)hdr;
	struct hslot *s = data_slot(q, d);
	uint64_t off = load_le32(d->data_offset), len = load_le32(d->data_length);

	if (!s)
		return BAD_FIELD(nvme_tcp_data_pdu, command_id);
	if (off != s->received || s->last_seen)
		return bad(NVME_TCP_FES_SEQ_ERROR, 0);
	if (off + len > s->cmd->len)
		return bad(NVME_TCP_FES_DATA_RANGE, 0);
	q->current = s;
	return OK;
}

struct mspan hqueue_dest(void *owner, const uint8_t *hdr, uint32_t off, bool trusted,
			 unsigned int nth)
{
	static const struct mspan scratch = { NULL, UINT32_MAX };
	const struct nvme_tcp_data_pdu *d = (const void *)hdr;
	const struct hqueue *q = owner;
	uint64_t data_off = load_le32(d->data_offset), len = load_le32(d->data_length);
	struct hslot *s;

	(void)nth;
	if (d->hdr.type != NVME_TCP_C2H_DATA)
		return scratch;
	if (trusted)
		return q->current ? at_offset(q->current->cmd, (uint32_t)data_off + off) : scratch;
	s = data_slot(q, d);
	/*
	 * Several PDUs of one command may share a record, and the first of them are not
	 * counted yet: "not before what was received" is all that can be asked.
	 */
	if (!s || s->last_seen || data_off < s->received || data_off + len > s->cmd->len)
		return scratch;
	return at_offset(s->cmd, (uint32_t)data_off + off);
}

/* The pieces that did not land at their place already are copied there. */
static void put_data(struct hqueue *q, const struct pdu_event *ev)
{
	const struct nvme_tcp_data_pdu *d = (const void *)ev->hdr;
	struct span in = ev->data;
	uint32_t off = load_le32(d->data_offset) + ev->data_off;

	assert(q->current);
	while (in.len) {
		struct mspan to = at_offset(q->current->cmd, off);
		size_t n = to.len < in.len ? to.len : in.len;

		assert(to.ptr);
		if (to.ptr != in.ptr)
			memmove(to.ptr, in.ptr, n);
		span_take(&in, n);
		off += (uint32_t)n;
	}
}

/* ---- ends of commands ---- */

/* The controller says that all went well: then all data has moved. */
static bool all_moved(const struct hslot *s)
{
	const struct hcmd *c = s->cmd;

	switch (c->dir) {
	case HCMD_FROM_CTRL:
		return s->received == c->len;
	case HCMD_TO_CTRL:
		return s->refs == 0 && s->r2t_count == 0 &&
		       (s->in_capsule || s->r2t_next == c->len);
	default:
		return true;
	}
}

/*
 * @s was answered. Data we promised by then goes out all the same: the controller may hold
 * buffers for it, and the memory is the caller's again only after that.
 */
static struct fault answered(struct hqueue *q, struct hslot *s, const struct nvme_cqe *cqe)
{
	uint16_t status = nvme_status_from_wire(load_le16(cqe->status));
	struct hcmd *c = s->cmd;

	c->cqe = *cqe;
	c->status = nvme_status_code(status);
	c->dnr = nvme_status_dnr(status);
	if (c->status == NVME_SC_SUCCESS && !all_moved(s))
		return (struct fault){ FAULT_PDU, CAUSE_PROTOCOL, NVME_TCP_FES_SEQ_ERROR, 0 };
	if (s->ddgst_bad && c->status == NVME_SC_SUCCESS)
		c->status = NVME_SC_TRANSIENT_TR_ERR;
	__atomic_store_n(&q->answered, q->answered + 1, __ATOMIC_RELAXED);
	if (s->refs || s->r2t_count)
		s->state = HSLOT_ANSWERED;
	else
		hqueue_finish(q, s);
	return OK;
}

static struct fault c2hdata_end(struct hqueue *q, const struct pdu_event *ev)
{
	const struct nvme_tcp_data_pdu *d = (const void *)ev->hdr;
	static const struct nvme_cqe success;
	struct hslot *s = q->current;

	assert(s);
	q->current = NULL;
	s->received += load_le32(d->data_length);
	s->ddgst_bad |= ev->ddgst_bad;
	s->last_seen = d->hdr.flags & NVME_TCP_F_DATA_LAST;
	if (s->cmd->arrived && s->received == s->cmd->len && !s->ddgst_bad)
		s->cmd->arrived(q, s->cmd);
	/*
	 * SUCCESS without an agreement on SQ flow control is against the specification, but
	 * targets do it and it is not ambiguous.
	 */
	if (d->hdr.flags & NVME_TCP_F_DATA_SUCCESS)
		return answered(q, s, &success);
	return OK;
}

static struct fault capsule_resp(struct hqueue *q, const uint8_t *hdr)
{
	const struct nvme_tcp_rsp_pdu *r = (const void *)hdr;
	struct hslot *s = lookup(q, r->cqe.cid);

	if (!s)
		return BAD_FIELD(nvme_tcp_rsp_pdu, cqe.cid);
	return answered(q, s, &r->cqe);
}

/* ---- R2T ---- */

static struct fault r2t(struct hqueue *q, const uint8_t *hdr)
{
	const struct nvme_tcp_r2t_pdu *r = (const void *)hdr;
	uint64_t off = load_le32(r->r2t_offset), len = load_le32(r->r2t_length);
	struct hslot *s = lookup(q, r->command_id);

	if (!s || s->cmd->dir != HCMD_TO_CTRL || s->in_capsule)
		return BAD_FIELD(nvme_tcp_r2t_pdu, command_id);
	if (len == 0 || len % 4 != 0)
		return BAD_FIELD(nvme_tcp_r2t_pdu, r2t_length);
	if (off != s->r2t_next)
		return bad(NVME_TCP_FES_SEQ_ERROR, 0);
	if (off + len > s->cmd->len)
		return bad(NVME_TCP_FES_DATA_RANGE, 0);
	if (s->r2t_count == q->r2t_max)
		return bad(NVME_TCP_FES_DATA_LIMIT, 0);
	s->r2t[(s->r2t_head + s->r2t_count++) % q->r2t_max] = (struct hr2t){
		.ttag = load_le16(r->ttag), .off = (uint32_t)off, .left = (uint32_t)len
	};
	s->r2t_next = (uint32_t)(off + len);
	if (s->r2t_count == 1)
		list_add_tail(&q->sending, &s->sending);
	return OK;
}

/* ---- dispatch ---- */

#define TYPE(t) (1u << (t))

/* Which PDUs may come in which state; what else comes is out of sequence. */
static const uint16_t expected[] = {
	[HQUEUE_IC_SENT] = TYPE(NVME_TCP_ICRESP) | TYPE(NVME_TCP_C2H_TERM),
	[HQUEUE_IC_DONE] = TYPE(NVME_TCP_C2H_TERM),
	[HQUEUE_CONNECT] = TYPE(NVME_TCP_RSP) | TYPE(NVME_TCP_C2H_TERM),
	[HQUEUE_LIVE] = TYPE(NVME_TCP_RSP) | TYPE(NVME_TCP_C2H_DATA) | TYPE(NVME_TCP_R2T) |
			TYPE(NVME_TCP_C2H_TERM),
	[HQUEUE_REFUSED] = TYPE(NVME_TCP_C2H_TERM),
	[HQUEUE_NEW] = 0,
	[HQUEUE_ENDED] = 0,
};

static struct fault on_header(struct hqueue *q, const struct pdu_event *ev)
{
	uint8_t type = ev->hdr[0];

	if (!(expected[q->state] & TYPE(type)))
		return bad(NVME_TCP_FES_SEQ_ERROR, 0);
	if (type == NVME_TCP_C2H_TERM)
		return stream_term_received(ev->hdr);
	return type == NVME_TCP_C2H_DATA ? c2hdata(q, ev->hdr) : OK;
}

static struct fault on_end(struct hqueue *q, const struct pdu_event *ev)
{
	switch (ev->hdr[0]) {
	case NVME_TCP_ICRESP:
		return icresp(q, ev->hdr);
	case NVME_TCP_RSP:
		return capsule_resp(q, ev->hdr);
	case NVME_TCP_C2H_DATA:
		return c2hdata_end(q, ev);
	default:
		assert(ev->hdr[0] == NVME_TCP_R2T);
		return r2t(q, ev->hdr);
	}
}

struct fault hqueue_input(struct stream *st, struct span *in)
{
	struct hqueue *q = hqueue_of(st);
	struct fault why = OK;
	struct pdu_event ev;

	if (st->term_sent || q->state == HQUEUE_ENDED) {
		span_take(in, in->len);
		return OK;
	}
	for (;;) {
		switch (pdu_reader_step(&st->reader, in, &ev, &why)) {
		case PDU_MORE:
			return OK;
		case PDU_HEADER:
			TRY(on_header(q, &ev));
			break;
		case PDU_DATA:
			put_data(q, &ev);
			break;
		case PDU_END:
			TRY(on_end(q, &ev));
			break;
		case PDU_FAULT:
			return why;
		}
	}
}
