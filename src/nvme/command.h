/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * command - submission and completion queue entries: layouts, opcodes, fields,
 * and builders that only encode (NVMe Base 2.1, NVM Command Set 1.0). Names
 * follow Linux's include/linux/nvme.h where it has one.
 *
 * Submission queue entry, 64 bytes, little endian:
 *
 *	OFFSET  SIZE  FIELD
 *	   0      1   opcode
 *	   1      1   flags: 1:0 FUSE, 7:6 PSDT (01b over fabrics)
 *	   2      2   CID
 *	   4      4   NSID (Fabrics: byte 4 is FCTYPE)
 *	   8      8   CDW2, CDW3
 *	  16      8   metadata pointer
 *	  24     16   data pointer: one SGL descriptor
 *	  40     24   CDW10 .. CDW15
 *
 * Completion queue entry, 16 bytes: DW0, DW1, SQHD, SQID, CID, status.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "nvme/layout.h"

#define NVME_NSID_NONE	0u
#define NVME_NSID_ALL	0xffffffffu
#define NVME_IDENTIFY_BYTES	4096u

/* ---- SGL descriptor, 16 bytes ---- */

/* type << 4 | subtype */
enum nvme_sgl_id {
	NVME_SGL_DATA_ADDRESS	= 0x00,	/* data block, address: not used by TCP */
	NVME_SGL_DATA_OFFSET	= 0x01,	/* data block, offset: the data is in the capsule */
	NVME_SGL_TRANSPORT	= 0x5a,	/* transport data block: C2HData, or R2T and H2CData */
};

struct nvme_sgl {
	uint8_t addr[8];	/* 01h: offset into the in-capsule data; 5Ah: 0 */
	uint8_t length[4];	/* bytes */
	uint8_t rsvd12[3];
	uint8_t type;		/* enum nvme_sgl_id */
};
WIRE_SIZE(nvme_sgl, 16);
WIRE_AT(nvme_sgl, type, 15);

/* ---- submission queue entry ---- */

#define NVME_CMD_FUSE_MASK	0x03
#define NVME_CMD_PSDT_MASK	0xc0
#define NVME_CMD_SGL_METABUF	0x40	/* PSDT 01b: the only one allowed over fabrics */

struct nvme_sqe {
	uint8_t opcode;
	uint8_t flags;
	uint8_t cid[2];
	union {
		uint8_t nsid[4];
		uint8_t fctype;		/* opcode 7Fh */
	};
	uint8_t cdw2[4], cdw3[4];
	uint8_t mptr[8];
	struct nvme_sgl sgl;
	union {
		struct {
			uint8_t cdw10[4], cdw11[4], cdw12[4], cdw13[4], cdw14[4], cdw15[4];
		};
		uint8_t cdw[6][4];	/* cdw[0] is CDW10 */
	};
};
WIRE_SIZE(nvme_sqe, 64);
WIRE_AT(nvme_sqe, nsid, 4);
WIRE_AT(nvme_sqe, sgl, 24);
WIRE_AT(nvme_sqe, cdw10, 40);
WIRE_AT(nvme_sqe, cdw15, 60);

/* ---- completion queue entry; status bits in nvme/status.h ---- */

struct nvme_cqe {
	union {
		struct {
			uint8_t dw0[4], dw1[4];
		};
		uint8_t result[8];	/* DW1:DW0, little endian */
	};
	uint8_t sqhd[2];	/* FFFFh after Connect: SQ flow control is disabled */
	uint8_t sqid[2];	/* reserved over fabrics; nvmet fills it, ignore */
	uint8_t cid[2];
	uint8_t status[2];	/* bit 0 (phase) reserved over fabrics */
};
WIRE_SIZE(nvme_cqe, 16);
WIRE_AT(nvme_cqe, sqhd, 8);
WIRE_AT(nvme_cqe, cid, 12);
WIRE_AT(nvme_cqe, status, 14);

#define NVME_SQHD_NO_FLOW_CONTROL 0xffffu

/* ---- opcodes ---- */

enum nvme_admin_opcode {
	NVME_ADMIN_DELETE_SQ		= 0x00,
	NVME_ADMIN_CREATE_SQ		= 0x01,
	NVME_ADMIN_GET_LOG_PAGE		= 0x02,
	NVME_ADMIN_DELETE_CQ		= 0x04,
	NVME_ADMIN_CREATE_CQ		= 0x05,
	NVME_ADMIN_IDENTIFY		= 0x06,
	NVME_ADMIN_ABORT		= 0x08,
	NVME_ADMIN_SET_FEATURES		= 0x09,
	NVME_ADMIN_GET_FEATURES		= 0x0a,
	NVME_ADMIN_ASYNC_EVENT		= 0x0c,
	NVME_ADMIN_NS_MGMT		= 0x0d,
	NVME_ADMIN_FW_COMMIT		= 0x10,
	NVME_ADMIN_FW_DOWNLOAD		= 0x11,
	NVME_ADMIN_DEV_SELF_TEST	= 0x14,
	NVME_ADMIN_NS_ATTACH		= 0x15,
	NVME_ADMIN_KEEP_ALIVE		= 0x18,
	NVME_ADMIN_DIRECTIVE_SEND	= 0x19,
	NVME_ADMIN_DIRECTIVE_RECV	= 0x1a,
	NVME_ADMIN_FABRICS		= 0x7f,
	NVME_ADMIN_FORMAT_NVM		= 0x80,
	NVME_ADMIN_SECURITY_SEND	= 0x81,
	NVME_ADMIN_SECURITY_RECV	= 0x82,
	NVME_ADMIN_SANITIZE		= 0x84,
};

enum nvme_io_opcode {
	NVME_CMD_FLUSH		= 0x00,
	NVME_CMD_WRITE		= 0x01,
	NVME_CMD_READ		= 0x02,
	NVME_CMD_WRITE_UNCOR	= 0x04,
	NVME_CMD_COMPARE	= 0x05,
	NVME_CMD_WRITE_ZEROES	= 0x08,
	NVME_CMD_DSM		= 0x09,
	NVME_CMD_VERIFY		= 0x0c,
	NVME_CMD_RESV_REGISTER	= 0x0d,
	NVME_CMD_RESV_REPORT	= 0x0e,
	NVME_CMD_RESV_ACQUIRE	= 0x11,
	NVME_CMD_RESV_RELEASE	= 0x15,
	NVME_CMD_COPY		= 0x19,
	NVME_CMD_ZONE_MGMT_SEND	= 0x79,
	NVME_CMD_ZONE_MGMT_RECV	= 0x7a,
	NVME_CMD_ZONE_APPEND	= 0x7d,
};

/* opcode 7Fh, SQE byte 4 */
enum nvme_fctype {
	NVME_FCTYPE_PROPERTY_SET	= 0x00,
	NVME_FCTYPE_CONNECT		= 0x01,
	NVME_FCTYPE_PROPERTY_GET	= 0x04,
	NVME_FCTYPE_AUTH_SEND		= 0x05,
	NVME_FCTYPE_AUTH_RECV		= 0x06,
	NVME_FCTYPE_DISCONNECT		= 0x08,
};

/* Data direction: bits 1:0 of the opcode, or of FCTYPE for opcode 7Fh. */
enum nvme_data_dir {
	NVME_DIR_NONE	= 0,
	NVME_DIR_H2C	= 1,
	NVME_DIR_C2H	= 2,
	NVME_DIR_BIDI	= 3,	/* reserved over fabrics */
};

static inline enum nvme_data_dir nvme_sqe_dir(const struct nvme_sqe *sqe)
{
	uint8_t code = sqe->opcode == NVME_ADMIN_FABRICS ? sqe->fctype : sqe->opcode;

	return (enum nvme_data_dir)(code & 3);
}

/* Linux's words ("Get Log Page", "Read", "Connect"); "Unknown" for the rest. */
const char *nvme_opcode_str(bool admin, uint8_t opcode);
const char *nvme_fctype_str(uint8_t fctype);

/* ---- Identify: CDW10 7:0 CNS, 31:16 CNTID; CDW11 31:24 CSI ---- */

enum nvme_cns {
	NVME_CNS_NS			= 0x00,
	NVME_CNS_CTRL			= 0x01,
	NVME_CNS_NS_ACTIVE_LIST		= 0x02,
	NVME_CNS_NS_DESC_LIST		= 0x03,
	NVME_CNS_NVMSET_LIST		= 0x04,
	NVME_CNS_CSI_NS			= 0x05,
	NVME_CNS_CSI_CTRL		= 0x06,
	NVME_CNS_CSI_NS_ACTIVE_LIST	= 0x07,
	NVME_CNS_CSI_INDEPENDENT_NS	= 0x08,
	NVME_CNS_ALLOCATED_NS_LIST	= 0x10,
	NVME_CNS_ALLOCATED_NS		= 0x11,
	NVME_CNS_NS_CTRL_LIST		= 0x12,
	NVME_CNS_CTRL_LIST		= 0x13,
	NVME_CNS_COMMAND_SET_STRUCTURE	= 0x1c,
};

enum nvme_csi {
	NVME_CSI_NVM	= 0,
	NVME_CSI_KV	= 1,
	NVME_CSI_ZNS	= 2,
};

/* ---- Get Log Page ---- */

enum nvme_log_id {
	NVME_LOG_SUPPORTED	= 0x00,
	NVME_LOG_ERROR		= 0x01,
	NVME_LOG_SMART		= 0x02,
	NVME_LOG_FW_SLOT	= 0x03,
	NVME_LOG_CHANGED_NS	= 0x04,
	NVME_LOG_CMD_EFFECTS	= 0x05,
	NVME_LOG_DEVICE_SELF_TEST = 0x06,
	NVME_LOG_TELEMETRY_HOST	= 0x07,
	NVME_LOG_TELEMETRY_CTRL	= 0x08,
	NVME_LOG_ENDURANCE_GROUP = 0x09,
	NVME_LOG_ANA		= 0x0c,
	NVME_LOG_PERSISTENT_EVENT = 0x0d,
	NVME_LOG_FID_EFFECTS	= 0x12,
	NVME_LOG_ROTATIONAL	= 0x16,
	NVME_LOG_DISCOVERY	= 0x70,
	NVME_LOG_RESERVATION	= 0x80,
};

#define NVME_LOG_CDW10_RAE	(1u << 15)	/* retain asynchronous event */
#define NVME_LOG_CDW14_OT	(1u << 23)	/* LPO is an index, not bytes */

/* Fields of a Get Log Page command. */
struct nvme_log_req {
	uint8_t lid;
	uint8_t lsp;		/* 7 bits */
	bool rae, ot;
	uint8_t csi;
	uint16_t lsi;
	uint64_t bytes;		/* multiple of 4, at least 4. decode: up to 2^34; encode: below 2^32 */
	uint64_t lpo;
};

void nvme_log_req_decode(const struct nvme_sqe *sqe, struct nvme_log_req *ret);

/* ---- features ---- */

enum nvme_feature {
	NVME_FEAT_ARBITRATION	= 0x01,
	NVME_FEAT_POWER_MGMT	= 0x02,
	NVME_FEAT_TEMP_THRESH	= 0x04,
	NVME_FEAT_ERR_RECOVERY	= 0x05,
	NVME_FEAT_VOLATILE_WC	= 0x06,
	NVME_FEAT_NUM_QUEUES	= 0x07,
	NVME_FEAT_WRITE_ATOMIC	= 0x0a,
	NVME_FEAT_ASYNC_EVENT	= 0x0b,
	NVME_FEAT_TIMESTAMP	= 0x0e,
	NVME_FEAT_KATO		= 0x0f,
	NVME_FEAT_HCTM		= 0x10,
	NVME_FEAT_HOST_BEHAVIOR	= 0x16,
	NVME_FEAT_HOST_ID	= 0x81,
	NVME_FEAT_RESV_MASK	= 0x82,
	NVME_FEAT_RESV_PERSIST	= 0x83,
	NVME_FEAT_WRITE_PROTECT	= 0x84,
};

/* Get Features CDW10 10:8 */
enum nvme_feature_sel {
	NVME_FEAT_SEL_CURRENT	= 0,
	NVME_FEAT_SEL_DEFAULT	= 1,
	NVME_FEAT_SEL_SAVED	= 2,
	NVME_FEAT_SEL_SUPPORTED	= 3,
};

#define NVME_FEAT_SAVE		(1u << 31)	/* Set Features CDW10: SV */
#define NVME_HOST_ID_EXHID	(1u << 0)	/* CDW11: 128-bit host identifier */

/* Number of Queues, CDW11 and DW0: both numbers 0's-based. */
#define NVME_NUM_QUEUES(nsq, ncq) ((uint32_t)(nsq) | (uint32_t)(ncq) << 16)

/* ---- asynchronous events; DW0: 2:0 type, 15:8 info, 23:16 LID ---- */

enum nvme_aer_type {
	NVME_AER_ERROR	= 0,
	NVME_AER_SMART	= 1,
	NVME_AER_NOTICE	= 2,
	NVME_AER_CSS	= 6,	/* I/O command set specific: reservations */
	NVME_AER_VS	= 7,
};

enum nvme_aer_notice {
	NVME_AER_NOTICE_NS_CHANGED	= 0x00,
	NVME_AER_NOTICE_FW_ACT_STARTING	= 0x01,
	NVME_AER_NOTICE_ANA		= 0x03,
	NVME_AER_NOTICE_DISC_CHANGED	= 0xf0,
};

#define NVME_AER_DW0(type, info, lid) \
	((uint32_t)(type) | (uint32_t)(info) << 8 | (uint32_t)(lid) << 16)

/* FID 0Bh CDW11, and Identify OAES */
enum nvme_aen_cfg {
	NVME_AEN_CFG_NS_ATTR	= 1 << 8,
	NVME_AEN_CFG_FW_ACT	= 1 << 9,
	NVME_AEN_CFG_ANA_CHANGE	= 1 << 11,
};
#define NVME_AEN_CFG_DISC_CHANGE (1u << 31)

/* ---- NVM I/O commands: SLBA in CDW10-11, CDW12 below ---- */

#define NVME_RW_NLB_MASK	0xffffu		/* 0's-based */
#define NVME_RW_DEAC		(1u << 25)	/* Write Zeroes: deallocate */
#define NVME_RW_PRINFO_MASK	(0xfu << 26)
#define NVME_RW_FUA		(1u << 30)
#define NVME_RW_LR		(1u << 31)

static inline uint64_t nvme_rw_slba(const struct nvme_sqe *sqe)
{
	return load_le64(sqe->cdw10);
}

/* Logical blocks, 1 .. 65536. */
static inline uint32_t nvme_rw_nlb(const struct nvme_sqe *sqe)
{
	return (load_le32(sqe->cdw12) & NVME_RW_NLB_MASK) + 1;
}

#define NVME_DSM_NR_MASK	0xffu		/* CDW10, 0's-based ranges */
#define NVME_DSM_NR_MAX		256u
#define NVME_DSM_AD		(1u << 2)	/* CDW11: deallocate */

struct nvme_dsm_range {
	uint8_t cattr[4];
	uint8_t nlb[4];		/* logical blocks, not 0's-based */
	uint8_t slba[8];
};
WIRE_SIZE(nvme_dsm_range, 16);
WIRE_AT(nvme_dsm_range, slba, 8);

/* ---- builders. Each clears @sqe first; the caller sets cid and, for data, the SGL. ---- */

/* Opcode and NSID; PSDT 01b and an empty transport SGL, as every TCP command carries. */
void nvme_sqe_init(struct nvme_sqe *sqe, uint8_t opcode, uint32_t nsid);
/* The data is in the capsule: @bytes at offset 0. */
void nvme_sqe_sgl_inline(struct nvme_sqe *sqe, uint32_t bytes);
/* The data goes through C2HData, or R2T and H2CData. */
void nvme_sqe_sgl_transport(struct nvme_sqe *sqe, uint32_t bytes);

/* @opcode NVME_CMD_READ, _WRITE, _COMPARE, _WRITE_ZEROES, _VERIFY or _WRITE_UNCOR.
 * @nlb 1..65536 blocks; @control OR of NVME_RW_FUA, _LR, _DEAC. */
void nvme_sqe_rw(struct nvme_sqe *sqe, uint8_t opcode, uint32_t nsid, uint64_t slba, uint32_t nlb,
		 uint32_t control);
void nvme_sqe_flush(struct nvme_sqe *sqe, uint32_t nsid);
/* @ranges 1..256; @attrs is CDW11, NVME_DSM_AD to deallocate. The data: nvme_dsm_range[]. */
void nvme_sqe_dsm(struct nvme_sqe *sqe, uint32_t nsid, uint32_t ranges, uint32_t attrs);
void nvme_dsm_range_set(struct nvme_dsm_range *r, uint64_t slba, uint32_t nlb);

void nvme_sqe_identify(struct nvme_sqe *sqe, uint8_t cns, uint32_t nsid, uint16_t cntid,
		       uint8_t csi);
void nvme_sqe_get_log(struct nvme_sqe *sqe, uint32_t nsid, const struct nvme_log_req *req);
void nvme_sqe_get_features(struct nvme_sqe *sqe, uint8_t fid, enum nvme_feature_sel sel,
			   uint32_t nsid, uint32_t cdw11);
void nvme_sqe_set_features(struct nvme_sqe *sqe, uint8_t fid, uint32_t nsid, uint32_t cdw11);
void nvme_sqe_keep_alive(struct nvme_sqe *sqe);
void nvme_sqe_async_event(struct nvme_sqe *sqe);
void nvme_sqe_abort(struct nvme_sqe *sqe, uint16_t sqid, uint16_t cid);

/* Fill all of @cqe. @status is SCT << 8 | SC with NVME_STATUS_DNR etc. of nvme/status.h. */
void nvme_cqe_init(struct nvme_cqe *cqe, uint16_t cid, uint16_t status, uint64_t result,
		   uint16_t sqhd);
