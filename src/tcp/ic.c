/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/ic.h"

#include <string.h>

#include "base/bytes.h"

static struct fault refuse(enum nvme_tcp_fes fes, size_t offset)
{
	return (struct fault){ FAULT_PDU, CAUSE_IC_REFUSED, (uint16_t)fes, (uint32_t)offset };
}

static struct nvme_tcp_hdr ic_hdr(uint8_t type)
{
	struct nvme_tcp_hdr h = { .type = type, .hlen = NVME_TCP_IC_HLEN };

	store_le32(h.plen, NVME_TCP_IC_HLEN);
	return h;
}

static uint8_t digests(bool hdgst, bool ddgst)
{
	return (uint8_t)((hdgst ? NVME_TCP_HDR_DIGEST : 0) | (ddgst ? NVME_TCP_DATA_DIGEST : 0));
}

void ic_req_build(const struct ic_host *h, struct nvme_tcp_icreq_pdu *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->hdr = ic_hdr(NVME_TCP_ICREQ);
	ret->hpda = h->hpda;
	ret->digest = digests(h->hdgst, h->ddgst);
	store_le32(ret->maxr2t, h->maxr2t);
}

static void ic_resp_build(const struct ic_result *r, struct nvme_tcp_icresp_pdu *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->hdr = ic_hdr(NVME_TCP_ICRESP);
	ret->cpda = r->cpda;
	ret->digest = digests(r->hdgst, r->ddgst);
	store_le32(ret->maxdata, r->maxh2cdata);
}

struct fault ic_req_accept(const struct nvme_tcp_icreq_pdu *req, const struct ic_ctrl *c,
			   struct ic_result *ret, struct nvme_tcp_icresp_pdu *ret_resp)
{
	if (load_le16(req->pfv) != NVME_TCP_PFV_1_0)
		return refuse(NVME_TCP_FES_UNSUPPORTED, offsetof(struct nvme_tcp_icreq_pdu, pfv));
	if (req->hpda > NVME_TCP_PDA_MAX)
		return refuse(NVME_TCP_FES_INVALID_HDR, offsetof(struct nvme_tcp_icreq_pdu, hpda));
	*ret = (struct ic_result){
		.hdgst = (req->digest & NVME_TCP_HDR_DIGEST) && c->hdgst,
		.ddgst = (req->digest & NVME_TCP_DATA_DIGEST) && c->ddgst,
		.hpda = req->hpda,
		.cpda = c->cpda,
		.maxr2t = load_le32(req->maxr2t),
		.maxh2cdata = c->maxh2cdata,
	};
	ic_resp_build(ret, ret_resp);
	return OK;
}

struct fault ic_resp_accept(const struct nvme_tcp_icresp_pdu *resp, const struct ic_host *h,
			    struct ic_result *ret)
{
	uint32_t maxdata = load_le32(resp->maxdata);

	if (load_le16(resp->pfv) != NVME_TCP_PFV_1_0)
		return refuse(NVME_TCP_FES_UNSUPPORTED, offsetof(struct nvme_tcp_icresp_pdu, pfv));
	if (resp->cpda > NVME_TCP_PDA_MAX)
		return refuse(NVME_TCP_FES_INVALID_HDR, offsetof(struct nvme_tcp_icresp_pdu, cpda));
	/* a digest that was not asked for must not be granted */
	if (resp->digest & (NVME_TCP_HDR_DIGEST | NVME_TCP_DATA_DIGEST) &
	    ~digests(h->hdgst, h->ddgst))
		return refuse(NVME_TCP_FES_INVALID_HDR,
			      offsetof(struct nvme_tcp_icresp_pdu, digest));
	if (maxdata < NVME_TCP_MIN_MAXH2CDATA || maxdata % 4 != 0)
		return refuse(NVME_TCP_FES_INVALID_HDR,
			      offsetof(struct nvme_tcp_icresp_pdu, maxdata));
	*ret = (struct ic_result){
		.hdgst = resp->digest & NVME_TCP_HDR_DIGEST,
		.ddgst = resp->digest & NVME_TCP_DATA_DIGEST,
		.hpda = h->hpda,
		.cpda = resp->cpda,
		.maxr2t = h->maxr2t,
		.maxh2cdata = maxdata,
	};
	return OK;
}
