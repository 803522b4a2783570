/* SPDX-License-Identifier: BSD-3-Clause */
#include "nvme/tcp_wire.h"

#include "base/bytes.h"

static const struct {
	const char *name;
	uint8_t hlen;
} pdus[] = {
	[NVME_TCP_ICREQ]	= { "ICReq", NVME_TCP_IC_HLEN },
	[NVME_TCP_ICRESP]	= { "ICResp", NVME_TCP_IC_HLEN },
	[NVME_TCP_H2C_TERM]	= { "H2CTermReq", NVME_TCP_TERM_HLEN },
	[NVME_TCP_C2H_TERM]	= { "C2HTermReq", NVME_TCP_TERM_HLEN },
	[NVME_TCP_CMD]		= { "CapsuleCmd", NVME_TCP_CMD_HLEN },
	[NVME_TCP_RSP]		= { "CapsuleResp", NVME_TCP_RSP_HLEN },
	[NVME_TCP_H2C_DATA]	= { "H2CData", NVME_TCP_DATA_HLEN },
	[NVME_TCP_C2H_DATA]	= { "C2HData", NVME_TCP_DATA_HLEN },
	[NVME_TCP_R2T]		= { "R2T", NVME_TCP_R2T_HLEN },
};

uint8_t nvme_tcp_hlen(uint8_t type)
{
	return type < ARRAY_SIZE(pdus) ? pdus[type].hlen : 0;
}

const char *nvme_tcp_pdu_str(uint8_t type)
{
	return nvme_tcp_hlen(type) != 0 ? pdus[type].name : "unknown";
}

const char *nvme_tcp_fes_str(uint16_t fes)
{
	static const char *const texts[] = {
		[NVME_TCP_FES_INVALID_HDR]	= "Invalid PDU Header Field",
		[NVME_TCP_FES_SEQ_ERROR]	= "PDU Sequence Error",
		[NVME_TCP_FES_HDGST]		= "Header Digest Error",
		[NVME_TCP_FES_DATA_RANGE]	= "Data Transfer Out Of Range",
		[NVME_TCP_FES_DATA_LIMIT]	= "Data Transfer or R2T Limit Exceeded",
		[NVME_TCP_FES_UNSUPPORTED]	= "Unsupported Parameter",
	};

	return fes < ARRAY_SIZE(texts) && texts[fes] ? texts[fes] : "unknown";
}
