/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/pdu_check.h"

#include "base/bytes.h"

enum { NO_DATA, MAY_DATA, MUST_DATA, TERM_DATA };

#define F_HDGST	  NVME_TCP_F_HDGST
#define F_DDGST	  NVME_TCP_F_DDGST
#define F_LAST	  NVME_TCP_F_DATA_LAST
#define F_SUCCESS NVME_TCP_F_DATA_SUCCESS
#define F_KNOWN	  (F_HDGST | F_DDGST | F_LAST | F_SUCCESS)

/* What a receiver may accept, one line per PDU type; where HLEN is 0 no type is assigned. */
static const struct pdu_rule {
	uint8_t hlen; /* exact, bytes */
	uint8_t from;
	uint8_t flags; /* flags that may be set */
	uint8_t data;  /* may it carry data? */
	bool early;    /* also before digests and limits are agreed on */
} rules[] = {
	/* clang-format off */
	[NVME_TCP_ICREQ]    = { 128, PDU_FROM_HOST, 0,                          NO_DATA,   true },
	[NVME_TCP_ICRESP]   = { 128, PDU_FROM_CTRL, 0,                          NO_DATA,   true },
	[NVME_TCP_H2C_TERM] = {  24, PDU_FROM_HOST, 0,                          TERM_DATA, true },
	[NVME_TCP_C2H_TERM] = {  24, PDU_FROM_CTRL, 0,                          TERM_DATA, true },
	[NVME_TCP_CMD]      = {  72, PDU_FROM_HOST, F_HDGST | F_DDGST,          MAY_DATA,  false },
	[NVME_TCP_RSP]      = {  24, PDU_FROM_CTRL, F_HDGST,                    NO_DATA,   false },
	[NVME_TCP_H2C_DATA] = {  24, PDU_FROM_HOST, F_HDGST | F_DDGST | F_LAST, MUST_DATA, false },
	[NVME_TCP_C2H_DATA] = {  24, PDU_FROM_CTRL, F_KNOWN,                    MUST_DATA, false },
	[NVME_TCP_R2T]      = {  24, PDU_FROM_CTRL, F_HDGST,                    NO_DATA,   false },
	/* clang-format on */
};

static struct fault bad(enum nvme_tcp_fes fes, uint32_t fei)
{
	return (struct fault){ FAULT_PDU, CAUSE_PDU_INVALID, (uint16_t)fes, fei };
}

static struct fault bad_field(size_t offset)
{
	return bad(NVME_TCP_FES_INVALID_HDR, (uint32_t)offset);
}

/* A digest flag is set exactly where the digest is; SUCCESS only with LAST. Bits 4-7: reserved. */
static struct fault check_flags(uint8_t flags, const struct pdu_rule *rule,
				const struct pdu_shape *s)
{
	bool hdgst = flags & F_HDGST, ddgst = flags & F_DDGST;

	if (flags & F_KNOWN & ~rule->flags)
		return bad_field(offsetof(struct nvme_tcp_hdr, flags));
	if (hdgst != (s->hdgst != 0) || ddgst != (s->ddgst != 0))
		return bad_field(offsetof(struct nvme_tcp_hdr, flags));
	if ((flags & F_SUCCESS) && !(flags & F_LAST))
		return bad_field(offsetof(struct nvme_tcp_hdr, flags));
	return OK;
}

/* PDO and PLEN of a PDU with data. Sizes are compared before they are subtracted. */
static struct fault check_data(const struct pdu_reader *r, const struct nvme_tcp_hdr *h,
			       struct pdu_shape *s)
{
	uint32_t plen = load_le32(h->plen), bare = (uint32_t)s->hlen + s->hdgst;

	if (h->pdo < bare || h->pdo % ((r->rules.pda + 1u) * 4) != 0 || h->pdo >= plen)
		return bad_field(offsetof(struct nvme_tcp_hdr, pdo));
	if (plen - h->pdo <= s->ddgst)
		return bad_field(offsetof(struct nvme_tcp_hdr, plen));
	s->pad = (uint8_t)(h->pdo - bare);
	s->data_len = plen - h->pdo - s->ddgst;
	/* the limits of data PDUs have an error of their own: pdu_check_rest() */
	if (h->type == NVME_TCP_CMD && s->data_len > r->rules.capsule_data_max)
		return bad_field(offsetof(struct nvme_tcp_hdr, plen));
	return OK;
}

/*
 * TermReq: PDO is reserved, data begins behind the header. "PLEN out of range: ignore its
 * content, terminate immediately" - so the fault is the peer's TermReq, not an answer to it.
 */
static struct fault check_term(const struct nvme_tcp_hdr *h, struct pdu_shape *s)
{
	uint32_t plen = load_le32(h->plen);

	if (plen < NVME_TCP_TERM_HLEN || plen > NVME_TCP_TERM_PLEN_MAX)
		return (struct fault){ FAULT_PDU_PEER, CAUSE_PDU_TERM, 0, 0 };
	s->data_len = plen - NVME_TCP_TERM_HLEN;
	return OK;
}

struct fault pdu_check_common(const struct pdu_reader *r, const uint8_t *hdr, struct pdu_shape *ret)
{
	const struct nvme_tcp_hdr *h = (const void *)hdr;
	uint32_t plen = load_le32(h->plen), bare;
	const struct pdu_rule *rule;
	bool data;

	if (h->type >= ARRAY_SIZE(rules) || rules[h->type].hlen == 0)
		return bad_field(offsetof(struct nvme_tcp_hdr, type));
	rule = &rules[h->type];
	if (rule->from != r->from)
		return bad_field(offsetof(struct nvme_tcp_hdr, type));
	if (!r->ruled && !rule->early)
		return bad(NVME_TCP_FES_SEQ_ERROR, 0);
	if (h->hlen != rule->hlen)
		return bad_field(offsetof(struct nvme_tcp_hdr, hlen));
	*ret = (struct pdu_shape){ .hlen = rule->hlen };
	if (rule->flags & F_HDGST && r->rules.hdgst)
		ret->hdgst = NVME_TCP_DIGEST_BYTES;
	bare = (uint32_t)ret->hlen + ret->hdgst;
	data = rule->data == MUST_DATA || (rule->data == MAY_DATA && plen > bare);
	if (data && r->rules.ddgst)
		ret->ddgst = NVME_TCP_DIGEST_BYTES;
	TRY(check_flags(h->flags, rule, ret));
	if (rule->data == TERM_DATA)
		return check_term(h, ret);
	if (plen < bare || (!data && plen != bare))
		return bad_field(offsetof(struct nvme_tcp_hdr, plen));
	return data ? check_data(r, h, ret) : OK;
}

struct fault pdu_check_rest(const struct pdu_reader *r, const uint8_t *hdr,
			    const struct pdu_shape *shape)
{
	const struct nvme_tcp_data_pdu *d = (const void *)hdr;
	uint32_t datal;

	if (d->hdr.type != NVME_TCP_H2C_DATA && d->hdr.type != NVME_TCP_C2H_DATA)
		return OK;
	datal = load_le32(d->data_length);
	if (datal == 0 || datal != shape->data_len)
		return bad_field(offsetof(struct nvme_tcp_data_pdu, data_length));
	/* "DATAL: dword multiple"; peers disagree about the digest of anything else */
	if (r->rules.ddgst && datal % 4 != 0)
		return bad_field(offsetof(struct nvme_tcp_data_pdu, data_length));
	if (datal > r->rules.data_max)
		return d->hdr.type == NVME_TCP_H2C_DATA ? bad(NVME_TCP_FES_DATA_LIMIT, 0) :
							  bad(NVME_TCP_FES_DATA_RANGE, 0);
	return OK;
}
