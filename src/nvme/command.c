/* SPDX-License-Identifier: BSD-3-Clause */
#include "nvme/command.h"

#include <assert.h>
#include <string.h>

void nvme_sqe_init(struct nvme_sqe *sqe, uint8_t opcode, uint32_t nsid)
{
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = opcode;
	sqe->flags = NVME_CMD_SGL_METABUF;
	store_le32(sqe->nsid, nsid);
	sqe->sgl.type = NVME_SGL_TRANSPORT;
}

void nvme_sqe_sgl_inline(struct nvme_sqe *sqe, uint32_t bytes)
{
	memset(&sqe->sgl, 0, sizeof(sqe->sgl));
	store_le32(sqe->sgl.length, bytes);
	sqe->sgl.type = NVME_SGL_DATA_OFFSET;
}

void nvme_sqe_sgl_transport(struct nvme_sqe *sqe, uint32_t bytes)
{
	memset(&sqe->sgl, 0, sizeof(sqe->sgl));
	store_le32(sqe->sgl.length, bytes);
	sqe->sgl.type = NVME_SGL_TRANSPORT;
}

/* ---- NVM commands ---- */

void nvme_sqe_rw(struct nvme_sqe *sqe, uint8_t opcode, uint32_t nsid, uint64_t slba, uint32_t nlb,
		 uint32_t control)
{
	assert(nlb >= 1 && nlb <= NVME_RW_NLB_MASK + 1);
	assert((control & NVME_RW_NLB_MASK) == 0);
	nvme_sqe_init(sqe, opcode, nsid);
	store_le64(sqe->cdw10, slba);	/* CDW10 and CDW11 */
	store_le32(sqe->cdw12, (nlb - 1) | control);
}

void nvme_sqe_flush(struct nvme_sqe *sqe, uint32_t nsid)
{
	nvme_sqe_init(sqe, NVME_CMD_FLUSH, nsid);
}

void nvme_sqe_dsm(struct nvme_sqe *sqe, uint32_t nsid, uint32_t ranges, uint32_t attrs)
{
	assert(ranges >= 1 && ranges <= NVME_DSM_NR_MAX);
	nvme_sqe_init(sqe, NVME_CMD_DSM, nsid);
	store_le32(sqe->cdw10, ranges - 1);
	store_le32(sqe->cdw11, attrs);
}

void nvme_dsm_range_set(struct nvme_dsm_range *r, uint64_t slba, uint32_t nlb)
{
	store_le32(r->cattr, 0);
	store_le32(r->nlb, nlb);
	store_le64(r->slba, slba);
}

/* ---- admin commands ---- */

void nvme_sqe_identify(struct nvme_sqe *sqe, uint8_t cns, uint32_t nsid, uint16_t cntid,
		       uint8_t csi)
{
	nvme_sqe_init(sqe, NVME_ADMIN_IDENTIFY, nsid);
	nvme_sqe_sgl_transport(sqe, NVME_IDENTIFY_BYTES);
	store_le32(sqe->cdw10, cns | (uint32_t)cntid << 16);
	store_le32(sqe->cdw11, (uint32_t)csi << 24);
}

void nvme_sqe_get_log(struct nvme_sqe *sqe, uint32_t nsid, const struct nvme_log_req *req)
{
	uint32_t numd, cdw10;

	assert(req->bytes >= 4 && req->bytes % 4 == 0 && req->bytes <= UINT32_MAX);
	assert(req->lsp < 0x80);
	numd = (uint32_t)(req->bytes / 4 - 1);
	nvme_sqe_init(sqe, NVME_ADMIN_GET_LOG_PAGE, nsid);
	nvme_sqe_sgl_transport(sqe, (uint32_t)req->bytes);
	cdw10 = req->lid | (uint32_t)req->lsp << 8 | numd << 16;
	store_le32(sqe->cdw10, req->rae ? cdw10 | NVME_LOG_CDW10_RAE : cdw10);
	store_le32(sqe->cdw11, numd >> 16 | (uint32_t)req->lsi << 16);
	store_le64(sqe->cdw12, req->lpo);	/* CDW12 and CDW13 */
	store_le32(sqe->cdw14, (req->ot ? NVME_LOG_CDW14_OT : 0) | (uint32_t)req->csi << 24);
}

void nvme_log_req_decode(const struct nvme_sqe *sqe, struct nvme_log_req *ret)
{
	uint32_t cdw10 = load_le32(sqe->cdw10), cdw11 = load_le32(sqe->cdw11);
	uint32_t cdw14 = load_le32(sqe->cdw14);
	uint64_t numd = cdw10 >> 16 | (uint64_t)(cdw11 & 0xffff) << 16;

	*ret = (struct nvme_log_req){
		.lid = (uint8_t)cdw10,
		.lsp = (uint8_t)(cdw10 >> 8 & 0x7f),
		.rae = cdw10 & NVME_LOG_CDW10_RAE,
		.ot = cdw14 & NVME_LOG_CDW14_OT,
		.csi = (uint8_t)(cdw14 >> 24),
		.lsi = (uint16_t)(cdw11 >> 16),
		.bytes = (numd + 1) * 4,
		.lpo = load_le64(sqe->cdw12),
	};
}

void nvme_sqe_get_features(struct nvme_sqe *sqe, uint8_t fid, enum nvme_feature_sel sel,
			   uint32_t nsid, uint32_t cdw11)
{
	nvme_sqe_init(sqe, NVME_ADMIN_GET_FEATURES, nsid);
	store_le32(sqe->cdw10, fid | (uint32_t)sel << 8);
	store_le32(sqe->cdw11, cdw11);
}

void nvme_sqe_set_features(struct nvme_sqe *sqe, uint8_t fid, uint32_t nsid, uint32_t cdw11)
{
	nvme_sqe_init(sqe, NVME_ADMIN_SET_FEATURES, nsid);
	store_le32(sqe->cdw10, fid);
	store_le32(sqe->cdw11, cdw11);
}

void nvme_sqe_keep_alive(struct nvme_sqe *sqe)
{
	nvme_sqe_init(sqe, NVME_ADMIN_KEEP_ALIVE, NVME_NSID_NONE);
}

void nvme_sqe_async_event(struct nvme_sqe *sqe)
{
	nvme_sqe_init(sqe, NVME_ADMIN_ASYNC_EVENT, NVME_NSID_NONE);
}

void nvme_sqe_abort(struct nvme_sqe *sqe, uint16_t sqid, uint16_t cid)
{
	nvme_sqe_init(sqe, NVME_ADMIN_ABORT, NVME_NSID_NONE);
	store_le32(sqe->cdw10, sqid | (uint32_t)cid << 16);
}

void nvme_cqe_init(struct nvme_cqe *cqe, uint16_t cid, uint16_t status, uint64_t result,
		   uint16_t sqhd)
{
	store_le64(cqe->result, result);
	store_le16(cqe->sqhd, sqhd);
	store_le16(cqe->sqid, 0);
	store_le16(cqe->cid, cid);
	store_le16(cqe->status, (uint16_t)(status << 1));
}

/* ---- names: the Linux kernel's (drivers/nvme/host/constants.c), but for "Write Zeroes" ---- */

static const char *const admin_names[256] = {
	[NVME_ADMIN_DELETE_SQ] = "Delete SQ",
	[NVME_ADMIN_CREATE_SQ] = "Create SQ",
	[NVME_ADMIN_GET_LOG_PAGE] = "Get Log Page",
	[NVME_ADMIN_DELETE_CQ] = "Delete CQ",
	[NVME_ADMIN_CREATE_CQ] = "Create CQ",
	[NVME_ADMIN_IDENTIFY] = "Identify",
	[NVME_ADMIN_ABORT] = "Abort Command",
	[NVME_ADMIN_SET_FEATURES] = "Set Features",
	[NVME_ADMIN_GET_FEATURES] = "Get Features",
	[NVME_ADMIN_ASYNC_EVENT] = "Async Event",
	[NVME_ADMIN_NS_MGMT] = "Namespace Management",
	[NVME_ADMIN_FW_COMMIT] = "Activate Firmware",
	[NVME_ADMIN_FW_DOWNLOAD] = "Download Firmware",
	[NVME_ADMIN_DEV_SELF_TEST] = "Device Self Test",
	[NVME_ADMIN_NS_ATTACH] = "Namespace Attach",
	[NVME_ADMIN_KEEP_ALIVE] = "Keep Alive",
	[NVME_ADMIN_DIRECTIVE_SEND] = "Directive Send",
	[NVME_ADMIN_DIRECTIVE_RECV] = "Directive Receive",
	[NVME_ADMIN_FABRICS] = "Fabrics Command",
	[NVME_ADMIN_FORMAT_NVM] = "Format NVM",
	[NVME_ADMIN_SECURITY_SEND] = "Security Send",
	[NVME_ADMIN_SECURITY_RECV] = "Security Receive",
	[NVME_ADMIN_SANITIZE] = "Sanitize NVM",
};

static const char *const io_names[256] = {
	[NVME_CMD_FLUSH] = "Flush",
	[NVME_CMD_WRITE] = "Write",
	[NVME_CMD_READ] = "Read",
	[NVME_CMD_WRITE_UNCOR] = "Write Uncorrectable",
	[NVME_CMD_COMPARE] = "Compare",
	[NVME_CMD_WRITE_ZEROES] = "Write Zeroes",
	[NVME_CMD_DSM] = "Dataset Management",
	[NVME_CMD_VERIFY] = "Verify",
	[NVME_CMD_RESV_REGISTER] = "Reservation Register",
	[NVME_CMD_RESV_REPORT] = "Reservation Report",
	[NVME_CMD_RESV_ACQUIRE] = "Reservation Acquire",
	[NVME_CMD_RESV_RELEASE] = "Reservation Release",
	[NVME_CMD_COPY] = "Copy Offload",
	[NVME_ADMIN_FABRICS] = "Fabrics Command",
	[NVME_CMD_ZONE_MGMT_SEND] = "Zone Management Send",
	[NVME_CMD_ZONE_MGMT_RECV] = "Zone Management Receive",
	[NVME_CMD_ZONE_APPEND] = "Zone Append",
};

static const char *const fctype_names[] = {
	[NVME_FCTYPE_PROPERTY_SET] = "Property Set",
	[NVME_FCTYPE_CONNECT] = "Connect",
	[NVME_FCTYPE_PROPERTY_GET] = "Property Get",
	[NVME_FCTYPE_AUTH_SEND] = "Authentication Send",
	[NVME_FCTYPE_AUTH_RECV] = "Authentication Receive",
	[NVME_FCTYPE_DISCONNECT] = "Disconnect",
};

const char *nvme_opcode_str(bool admin, uint8_t opcode)
{
	const char *name = admin ? admin_names[opcode] : io_names[opcode];

	return name ? name : "Unknown";
}

const char *nvme_fctype_str(uint8_t fctype)
{
	if (fctype >= ARRAY_SIZE(fctype_names) || !fctype_names[fctype])
		return "Unknown";
	return fctype_names[fctype];
}
