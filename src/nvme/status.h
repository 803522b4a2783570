/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * status - status codes of the completion queue entry (NVMe Base 2.1 §4.2.3),
 * written as SCT << 8 | SC as in Linux and nvme-cli.
 *
 * The 16-bit status field of a completion, and how this project carries it:
 *
 *	ON THE WIRE         HERE (wire >> 1)    MEANING
 *	bit 0               -                   phase, reserved over fabrics
 *	8:1                 7:0                 SC
 *	11:9                10:8                SCT
 *	13:12               12:11               CRD, index of the retry delay
 *	14                  13                  M, more in the error log
 *	15                  14                  DNR, do not retry
 *
 * A "status" is the HERE form: 0 is success, NVME_SC_x | NVME_STATUS_DNR.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define NVME_STATUS_CODE_MASK	0x07ffu		/* SCT << 8 | SC */
#define NVME_STATUS_CRD_MASK	0x1800u
#define NVME_STATUS_CRD_SHIFT	11
#define NVME_STATUS_MORE	0x2000u
#define NVME_STATUS_DNR		0x4000u

enum nvme_sct {
	NVME_SCT_GENERIC	= 0,
	NVME_SCT_CMD_SPECIFIC	= 1,
	NVME_SCT_MEDIA		= 2,
	NVME_SCT_PATH		= 3,
	NVME_SCT_VS		= 7,
};

enum nvme_status {
	/* generic, SCT 0 */
	NVME_SC_SUCCESS			= 0x000,
	NVME_SC_INVALID_OPCODE		= 0x001,
	NVME_SC_INVALID_FIELD		= 0x002,
	NVME_SC_CMDID_CONFLICT		= 0x003,
	NVME_SC_DATA_XFER_ERROR		= 0x004,
	NVME_SC_POWER_LOSS		= 0x005,
	NVME_SC_INTERNAL		= 0x006,
	NVME_SC_ABORT_REQ		= 0x007,
	NVME_SC_ABORT_QUEUE		= 0x008,
	NVME_SC_FUSED_FAIL		= 0x009,
	NVME_SC_FUSED_MISSING		= 0x00a,
	NVME_SC_INVALID_NS		= 0x00b,
	NVME_SC_CMD_SEQ_ERROR		= 0x00c,
	NVME_SC_SGL_INVALID_LAST	= 0x00d,
	NVME_SC_SGL_INVALID_COUNT	= 0x00e,
	NVME_SC_SGL_INVALID_DATA	= 0x00f,
	NVME_SC_SGL_INVALID_METADATA	= 0x010,
	NVME_SC_SGL_INVALID_TYPE	= 0x011,
	NVME_SC_CMB_INVALID_USE		= 0x012,
	NVME_SC_PRP_INVALID_OFFSET	= 0x013,
	NVME_SC_ATOMIC_WU_EXCEEDED	= 0x014,
	NVME_SC_OP_DENIED		= 0x015,
	NVME_SC_SGL_INVALID_OFFSET	= 0x016,
	NVME_SC_HOST_ID_INCONSIST	= 0x018,
	NVME_SC_KA_TIMEOUT_EXPIRED	= 0x019,
	NVME_SC_KA_TIMEOUT_INVALID	= 0x01a,
	NVME_SC_ABORTED_PREEMPT_ABORT	= 0x01b,
	NVME_SC_SANITIZE_FAILED		= 0x01c,
	NVME_SC_SANITIZE_IN_PROGRESS	= 0x01d,
	NVME_SC_SGL_INVALID_GRANULARITY	= 0x01e,
	NVME_SC_CMD_NOT_SUP_CMB_QUEUE	= 0x01f,
	NVME_SC_NS_WRITE_PROTECTED	= 0x020,
	NVME_SC_CMD_INTERRUPTED		= 0x021,
	NVME_SC_TRANSIENT_TR_ERR	= 0x022,
	NVME_SC_CMD_PROHIBITED		= 0x023,
	NVME_SC_ADMIN_COMMAND_MEDIA_NOT_READY = 0x024,
	NVME_SC_INVALID_IO_CMD_SET	= 0x02c,
	NVME_SC_LBA_RANGE		= 0x080,
	NVME_SC_CAP_EXCEEDED		= 0x081,
	NVME_SC_NS_NOT_READY		= 0x082,
	NVME_SC_RESERVATION_CONFLICT	= 0x083,
	NVME_SC_FORMAT_IN_PROGRESS	= 0x084,

	/* command specific, SCT 1 */
	NVME_SC_CQ_INVALID		= 0x100,
	NVME_SC_QID_INVALID		= 0x101,
	NVME_SC_QUEUE_SIZE		= 0x102,
	NVME_SC_ABORT_LIMIT		= 0x103,
	NVME_SC_ASYNC_LIMIT		= 0x105,
	NVME_SC_FIRMWARE_SLOT		= 0x106,
	NVME_SC_FIRMWARE_IMAGE		= 0x107,
	NVME_SC_INVALID_VECTOR		= 0x108,
	NVME_SC_INVALID_LOG_PAGE	= 0x109,
	NVME_SC_INVALID_FORMAT		= 0x10a,
	NVME_SC_FW_NEEDS_CONV_RESET	= 0x10b,
	NVME_SC_INVALID_QUEUE		= 0x10c,
	NVME_SC_FEATURE_NOT_SAVEABLE	= 0x10d,
	NVME_SC_FEATURE_NOT_CHANGEABLE	= 0x10e,
	NVME_SC_FEATURE_NOT_PER_NS	= 0x10f,
	NVME_SC_FW_NEEDS_SUBSYS_RESET	= 0x110,
	NVME_SC_FW_NEEDS_RESET		= 0x111,
	NVME_SC_FW_NEEDS_MAX_TIME	= 0x112,
	NVME_SC_FW_ACTIVATE_PROHIBITED	= 0x113,
	NVME_SC_OVERLAPPING_RANGE	= 0x114,
	NVME_SC_NS_INSUFFICIENT_CAP	= 0x115,
	NVME_SC_NS_ID_UNAVAILABLE	= 0x116,
	NVME_SC_NS_ALREADY_ATTACHED	= 0x118,
	NVME_SC_NS_IS_PRIVATE		= 0x119,
	NVME_SC_NS_NOT_ATTACHED		= 0x11a,
	NVME_SC_THIN_PROV_NOT_SUPP	= 0x11b,
	NVME_SC_CTRL_LIST_INVALID	= 0x11c,
	NVME_SC_SELF_TEST_IN_PROGRESS	= 0x11d,
	NVME_SC_BP_WRITE_PROHIBITED	= 0x11e,
	NVME_SC_INVALID_CTRL_ID		= 0x11f,
	NVME_SC_INVALID_SEC_CTRL_STATE	= 0x120,
	NVME_SC_INVALID_CTRL_RESOURCES	= 0x121,
	NVME_SC_INVALID_RESOURCE_ID	= 0x122,
	NVME_SC_PMR_SAN_PROHIBITED	= 0x123,
	NVME_SC_ANA_GROUP_ID_INVALID	= 0x124,
	NVME_SC_ANA_ATTACH_FAILED	= 0x125,

	/* ... of NVM commands */
	NVME_SC_BAD_ATTRIBUTES		= 0x180,
	NVME_SC_INVALID_PI		= 0x181,
	NVME_SC_READ_ONLY		= 0x182,
	NVME_SC_CMD_SIZE_LIMIT_EXCEEDED	= 0x183,

	/* ... of Fabrics commands (the same numbers mean other things on I/O commands) */
	NVME_SC_CONNECT_FORMAT		= 0x180,
	NVME_SC_CONNECT_CTRL_BUSY	= 0x181,
	NVME_SC_CONNECT_INVALID_PARAM	= 0x182,
	NVME_SC_CONNECT_RESTART_DISC	= 0x183,
	NVME_SC_CONNECT_INVALID_HOST	= 0x184,
	NVME_SC_CONNECT_INVALID_QTYPE	= 0x185,
	NVME_SC_DISCOVERY_RESTART	= 0x190,
	NVME_SC_AUTH_REQUIRED		= 0x191,

	/* media and data integrity, SCT 2 */
	NVME_SC_WRITE_FAULT		= 0x280,
	NVME_SC_READ_ERROR		= 0x281,
	NVME_SC_GUARD_CHECK		= 0x282,
	NVME_SC_APPTAG_CHECK		= 0x283,
	NVME_SC_REFTAG_CHECK		= 0x284,
	NVME_SC_COMPARE_FAILED		= 0x285,
	NVME_SC_ACCESS_DENIED		= 0x286,
	NVME_SC_UNWRITTEN_BLOCK		= 0x287,

	/* path related, SCT 3 */
	NVME_SC_INTERNAL_PATH_ERROR	= 0x300,
	NVME_SC_ANA_PERSISTENT_LOSS	= 0x301,
	NVME_SC_ANA_INACCESSIBLE	= 0x302,
	NVME_SC_ANA_TRANSITION		= 0x303,
	NVME_SC_CTRL_PATH_ERROR		= 0x360,
	NVME_SC_HOST_PATH_ERROR		= 0x370,
	NVME_SC_HOST_ABORTED_CMD	= 0x371,
};

/* SCT << 8 | SC of a status, without CRD, M and DNR. */
static inline uint16_t nvme_status_code(uint16_t status)
{
	return status & NVME_STATUS_CODE_MASK;
}

static inline uint8_t nvme_status_sct(uint16_t status)
{
	return (uint8_t)(status >> 8 & 7);
}

static inline bool nvme_status_dnr(uint16_t status)
{
	return status & NVME_STATUS_DNR;
}

/* Between the field of a completion (load_le16(cqe->status)) and a status. */
static inline uint16_t nvme_status_from_wire(uint16_t field)
{
	return field >> 1;
}

static inline uint16_t nvme_status_to_wire(uint16_t status)
{
	return (uint16_t)(status << 1);
}

/*
 * nvme-cli's wording: "Invalid Field in Command: A reserved coded value ...".
 * CRD, M and DNR are ignored. Static string; "unrecognized" for other codes.
 * 180h .. 183h read as NVM command errors; use nvme_status_fabrics_str() for
 * the answer to a Fabrics command.
 */
const char *nvme_status_str(uint16_t status);
const char *nvme_status_fabrics_str(uint16_t status);
