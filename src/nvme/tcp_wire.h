/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_wire - NVMe/TCP on the wire: names and numbers of the NVMe/TCP Transport
 * Specification 1.0, and nothing else. This room has no functions that decide.
 *
 * Common header (all PDUs), little endian:
 *
 *	OFFSET  SIZE  FIELD
 *	   0      1   PDU-Type
 *	   1      1   FLAGS
 *	   2      1   HLEN   header length, bytes, without digest
 *	   3      1   PDO    offset of data from the start of the PDU, bytes; 0 without data
 *	   4      4   PLEN   whole PDU, bytes, with digests and padding
 *
 * Order of a PDU: header, HDGST (4, optional), padding, data, DDGST (4, optional).
 *
 *	TYPE            DIRECTION  HLEN  DATA                         DIGESTS
 *	ICReq           H -> C     128   -                            never
 *	ICResp          C -> H     128   -                            never
 *	H2CTermReq      H -> C      24   copy of a header, up to 128  never
 *	C2HTermReq      C -> H      24   copy of a header, up to 128  never
 *	CapsuleCmd      H -> C      72   optional                     header, data
 *	CapsuleResp     C -> H      24   -                            header
 *	H2CData         H -> C      24   yes                          header, data
 *	C2HData         C -> H      24   yes                          header, data
 *	R2T             C -> H      24   -                            header
 */
#pragma once

#include <stdint.h>

#include "nvme/command.h"
#include "nvme/layout.h"

#define NVME_TCP_PORT		4420	/* "nvme"; Linux uses it for I/O controllers */
#define NVME_TCP_DISC_PORT	8009	/* "nvme-disc" */

/* bit 0: 1 = controller to host */
enum nvme_tcp_pdu_type {
	NVME_TCP_ICREQ		= 0x00,
	NVME_TCP_ICRESP		= 0x01,
	NVME_TCP_H2C_TERM	= 0x02,
	NVME_TCP_C2H_TERM	= 0x03,
	NVME_TCP_CMD		= 0x04,
	NVME_TCP_RSP		= 0x05,
	NVME_TCP_H2C_DATA	= 0x06,
	NVME_TCP_C2H_DATA	= 0x07,
	NVME_TCP_R2T		= 0x09,	/* 0x08 is not assigned */
	NVME_TCP_KDREQ		= 0x0a,	/* kickstart discovery: not supported, FES 1 */
	NVME_TCP_KDRESP		= 0x0b,
};

enum nvme_tcp_flag {
	NVME_TCP_F_HDGST	= 1 << 0,
	NVME_TCP_F_DDGST	= 1 << 1,
	NVME_TCP_F_DATA_LAST	= 1 << 2,	/* H2CData, C2HData */
	NVME_TCP_F_DATA_SUCCESS	= 1 << 3,	/* C2HData with LAST: no CapsuleResp follows */
};

/* FEI: 0, or what the comment says. */
enum nvme_tcp_fes {
	NVME_TCP_FES_INVALID_HDR	= 0x01,	/* offset of the bad field */
	NVME_TCP_FES_SEQ_ERROR		= 0x02,
	NVME_TCP_FES_HDGST		= 0x03,	/* the received digest */
	NVME_TCP_FES_DATA_RANGE		= 0x04,
	NVME_TCP_FES_DATA_LIMIT		= 0x05,	/* from the host: R2T limit exceeded */
	NVME_TCP_FES_UNSUPPORTED	= 0x06,	/* offset of the parameter */
};

/* What a FES says, for people; "unknown" for values above 6. */
const char *nvme_tcp_fes_str(uint16_t fes);
/* "ICReq", "CapsuleCmd", ...; "unknown". */
const char *nvme_tcp_pdu_str(uint8_t type);

enum {
	NVME_TCP_PFV_1_0	= 0,
	NVME_TCP_DIGEST_BYTES	= 4,

	NVME_TCP_CH_BYTES	= 8,	/* common header */
	NVME_TCP_IC_HLEN	= 128,
	NVME_TCP_TERM_HLEN	= 24,
	NVME_TCP_CMD_HLEN	= 72,
	NVME_TCP_RSP_HLEN	= 24,
	NVME_TCP_DATA_HLEN	= 24,
	NVME_TCP_R2T_HLEN	= 24,
	NVME_TCP_PDU_HDR_MAX	= 128,	/* longest header, without digest */

	NVME_TCP_TERM_DATA_MAX	= 128,	/* copy of the offending header */
	NVME_TCP_TERM_PLEN_MAX	= 152,

	NVME_TCP_PDA_MAX	= 31,	/* HPDA and CPDA: 0's-based dwords, up to 128 bytes */
	NVME_TCP_PAD_MAX	= 124,
	NVME_TCP_ADMIN_CAPSULE_MAX = 8192,	/* in-capsule data, admin queue and Fabrics commands */
	NVME_TCP_MIN_MAXH2CDATA	= 4096,
};

/* ICReq and ICResp DGST; also the set of digests in use. */
enum nvme_tcp_digest {
	NVME_TCP_HDR_DIGEST	= 1 << 0,
	NVME_TCP_DATA_DIGEST	= 1 << 1,
};

struct nvme_tcp_hdr {
	uint8_t type, flags, hlen, pdo;
	uint8_t plen[4];
};
WIRE_SIZE(nvme_tcp_hdr, 8);
WIRE_AT(nvme_tcp_hdr, plen, 4);

struct nvme_tcp_icreq_pdu {
	struct nvme_tcp_hdr hdr;
	uint8_t pfv[2];
	uint8_t hpda;		/* 0's-based dwords; constrains C2HData */
	uint8_t digest;		/* enum nvme_tcp_digest, requested */
	uint8_t maxr2t[4];	/* outstanding R2Ts per command, 0's-based */
	uint8_t rsvd16[112];
};
WIRE_SIZE(nvme_tcp_icreq_pdu, 128);
WIRE_AT(nvme_tcp_icreq_pdu, hpda, 10);
WIRE_AT(nvme_tcp_icreq_pdu, maxr2t, 12);

struct nvme_tcp_icresp_pdu {
	struct nvme_tcp_hdr hdr;
	uint8_t pfv[2];
	uint8_t cpda;		/* 0's-based dwords; constrains CapsuleCmd and H2CData */
	uint8_t digest;		/* enum nvme_tcp_digest, granted */
	uint8_t maxdata[4];	/* MAXH2CDATA, bytes; multiple of 4, at least 4096 */
	uint8_t rsvd16[112];
};
WIRE_SIZE(nvme_tcp_icresp_pdu, 128);
WIRE_AT(nvme_tcp_icresp_pdu, cpda, 10);
WIRE_AT(nvme_tcp_icresp_pdu, maxdata, 12);

/* H2CTermReq and C2HTermReq; up to 128 bytes of the offending header follow. */
struct nvme_tcp_term_pdu {
	struct nvme_tcp_hdr hdr;
	uint8_t fes[2];
	uint8_t fei[4];		/* at offset 10 */
	uint8_t rsvd14[10];
};
WIRE_SIZE(nvme_tcp_term_pdu, 24);
WIRE_AT(nvme_tcp_term_pdu, fei, 10);

struct nvme_tcp_cmd_pdu {
	struct nvme_tcp_hdr hdr;
	struct nvme_sqe sqe;
};
WIRE_SIZE(nvme_tcp_cmd_pdu, 72);

struct nvme_tcp_rsp_pdu {
	struct nvme_tcp_hdr hdr;
	struct nvme_cqe cqe;
};
WIRE_SIZE(nvme_tcp_rsp_pdu, 24);

struct nvme_tcp_r2t_pdu {
	struct nvme_tcp_hdr hdr;
	uint8_t command_id[2];	/* CCCID */
	uint8_t ttag[2];	/* opaque to the host */
	uint8_t r2t_offset[4];	/* R2TO, bytes */
	uint8_t r2t_length[4];	/* R2TL, bytes */
	uint8_t rsvd20[4];
};
WIRE_SIZE(nvme_tcp_r2t_pdu, 24);
WIRE_AT(nvme_tcp_r2t_pdu, r2t_offset, 12);

/* H2CData and C2HData. */
struct nvme_tcp_data_pdu {
	struct nvme_tcp_hdr hdr;
	uint8_t command_id[2];	/* CCCID */
	uint8_t ttag[2];	/* H2CData: echo of the R2T; C2HData: reserved */
	uint8_t data_offset[4];	/* DATAO, bytes, within the transfer of the command */
	uint8_t data_length[4];	/* DATAL, bytes in this PDU */
	uint8_t rsvd20[4];
};
WIRE_SIZE(nvme_tcp_data_pdu, 24);
WIRE_AT(nvme_tcp_data_pdu, data_offset, 12);
WIRE_AT(nvme_tcp_data_pdu, data_length, 16);

/* Any header, for a buffer that takes the longest. */
union nvme_tcp_pdu {
	struct nvme_tcp_hdr hdr;
	struct nvme_tcp_icreq_pdu icreq;
	struct nvme_tcp_icresp_pdu icresp;
	struct nvme_tcp_term_pdu term;
	struct nvme_tcp_cmd_pdu cmd;
	struct nvme_tcp_rsp_pdu rsp;
	struct nvme_tcp_r2t_pdu r2t;
	struct nvme_tcp_data_pdu data;
	uint8_t bytes[NVME_TCP_PDU_HDR_MAX];
};

/* HLEN of @type, 0 for one that does not exist or is not supported (KDReq, KDResp). */
uint8_t nvme_tcp_hlen(uint8_t type);
