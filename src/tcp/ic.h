/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ic - ICReq and ICResp: build, check, negotiate. NVMe/TCP Transport 3.6.2.2, 3.6.2.3.
 *
 * A fault from a check is FAULT_PDU with FES and FEI as the specification says,
 * cause CAUSE_IC_REFUSED.
 */
#pragma once

#include "base/fault.h"
#include "nvme/tcp_wire.h"

struct ic_host {
	bool hdgst, ddgst; /* asked for; both granted or not is in ic_result */
	uint8_t hpda;	   /* 0's-based dwords, 0..31 */
	uint32_t maxr2t;   /* 0's-based outstanding R2Ts per command */
};

struct ic_ctrl {
	bool hdgst, ddgst; /* allowed */
	uint8_t cpda;
	uint32_t maxh2cdata; /* bytes, >= 4096, multiple of 4 */
};

struct ic_result {
	bool hdgst, ddgst;
	uint8_t hpda, cpda;
	uint32_t maxr2t; /* 0's-based */
	uint32_t maxh2cdata;
};

void ic_req_build(const struct ic_host *h, struct nvme_tcp_icreq_pdu *ret);
/* Controller: check a received ICReq and fill in result and answer. */
struct fault ic_req_accept(const struct nvme_tcp_icreq_pdu *req, const struct ic_ctrl *c,
			   struct ic_result *ret, struct nvme_tcp_icresp_pdu *ret_resp) MUST_CHECK;
/* Host: check a received ICResp against what was asked. */
struct fault ic_resp_accept(const struct nvme_tcp_icresp_pdu *resp, const struct ic_host *h,
			    struct ic_result *ret) MUST_CHECK;
