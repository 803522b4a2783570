/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fabrics - Connect, Property Get and Set, Disconnect, Authentication Send and
 * Receive, controller properties, NQNs (NVMe Base 2.1, sections 3.1.4, 6, 4.7).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvme/command.h"
#include "nvme/layout.h"

/* ---- names ---- */

#define NVME_DISC_SUBSYS_NAME	"nqn.2014-08.org.nvmexpress.discovery"
#define NVME_NQN_UUID_PREFIX	"nqn.2014-08.org.nvmexpress:uuid:"
#define NVME_NQN_MAX		223	/* characters, without the NUL */
#define NVME_NQN_FIELD		256	/* bytes of a NQN field */

/*
 * Is the field of @size bytes at @nqn a well formed NQN: "nqn.", printable
 * ASCII without blanks, at most 223 characters, a NUL within the field?
 * (Base 2.1 §4.7.) Never print one that is not.
 */
bool nvme_nqn_valid(const char *nqn, size_t size);
/* The same without the "nqn.": 1 to 223 characters. Linux targets take such names of old setups. */
bool nvme_name_valid(const char *name, size_t size);

/* ---- Connect ---- */

#define NVME_AQ_DEPTH		32	/* Linux's admin queue: SQSIZE field 31 */
#define NVME_QID_MAX		65534u
#define NVME_CNTLID_DYNAMIC	0xffffu	/* "any, dynamic model" */
#define NVME_CNTLID_STATIC	0xfffeu	/* "any, static model" */
#define NVME_CNTLID_MIN		0x0001u
#define NVME_CNTLID_MAX		0xffefu

#define NVME_KATO_DEFAULT_MS		5000u
#define NVME_KATO_DISC_DEFAULT_MS	120000u	/* nvmet, for a discovery controller with KATO 0 */
#define NVME_KATO_PERSISTENT_DISC_MS	30000u	/* nvme-cli */

enum nvme_connect_cattr {
	NVME_CONNECT_PRIOCLASS		= 3 << 0,
	NVME_CONNECT_DISABLE_SQFLOW	= 1 << 2,
	NVME_CONNECT_INDIVIOQDELS	= 1 << 3,
	NVME_CONNECT_CONNENT		= 1 << 4,	/* a discovery controller connects */
};

/* Overlay on struct nvme_sqe. */
struct nvme_connect_sqe {
	uint8_t opcode, flags, cid[2];
	uint8_t fctype;
	uint8_t rsvd5[19];
	struct nvme_sgl sgl;
	uint8_t recfmt[2];	/* 0 */
	uint8_t qid[2];
	uint8_t sqsize[2];	/* entries, 0's-based */
	uint8_t cattr;		/* enum nvme_connect_cattr */
	uint8_t rsvd47;
	uint8_t kato[4];	/* ms; admin queue only */
	uint8_t nvmsetid[2];
	uint8_t rsvd54[10];
};
WIRE_SIZE(nvme_connect_sqe, 64);
WIRE_AT(nvme_connect_sqe, sgl, 24);
WIRE_AT(nvme_connect_sqe, recfmt, 40);
WIRE_AT(nvme_connect_sqe, qid, 42);
WIRE_AT(nvme_connect_sqe, sqsize, 44);
WIRE_AT(nvme_connect_sqe, cattr, 46);
WIRE_AT(nvme_connect_sqe, kato, 48);

#define NVME_CONNECT_DATA_BYTES 1024u

struct nvme_connect_data {
	uint8_t hostid[16];	/* UUID bytes as they are */
	uint8_t cntlid[2];	/* FFFFh, or the admin Connect's answer */
	uint8_t rsvd18[238];
	char subsysnqn[NVME_NQN_FIELD];
	char hostnqn[NVME_NQN_FIELD];
	uint8_t rsvd768[256];
};
WIRE_SIZE(nvme_connect_data, NVME_CONNECT_DATA_BYTES);
WIRE_AT(nvme_connect_data, cntlid, 16);
WIRE_AT(nvme_connect_data, subsysnqn, 256);
WIRE_AT(nvme_connect_data, hostnqn, 512);

/* Success: DW0 15:0 CNTLID and these. */
#define NVME_CONNECT_AUTHREQ_ATR	(1u << 17)	/* authentication is required */
#define NVME_CONNECT_AUTHREQ_ASCR	(1u << 18)	/* ... and a secure channel */

/* Connect Invalid Parameters: DW0 15:0 IPO, bit 16 IATTR.IPS. */
#define NVME_CONNECT_IPS_DATA		(1u << 16)	/* IPO counts in the data, not the SQE */
#define NVME_CONNECT_IPO_SQE(field) ((uint32_t)offsetof(struct nvme_connect_sqe, field))
#define NVME_CONNECT_IPO_DATA(field) \
	((uint32_t)offsetof(struct nvme_connect_data, field) | NVME_CONNECT_IPS_DATA)

/* ---- Property Get, Property Set ---- */

#define NVME_PROP_SIZE_8	1u	/* ATTRIB 2:0: 0 = 4 bytes, 1 = 8 bytes */

struct nvme_property_sqe {
	uint8_t opcode, flags, cid[2];
	uint8_t fctype;
	uint8_t rsvd5[35];
	uint8_t attrib;
	uint8_t rsvd41[3];
	uint8_t offset[4];	/* enum nvme_property */
	uint8_t value[8];	/* Property Set */
	uint8_t rsvd56[8];
};
WIRE_SIZE(nvme_property_sqe, 64);
WIRE_AT(nvme_property_sqe, attrib, 40);
WIRE_AT(nvme_property_sqe, offset, 44);
WIRE_AT(nvme_property_sqe, value, 48);

/* ---- Authentication Send, Authentication Receive; Disconnect ---- */

#define NVME_AUTH_SPSP		0x01	/* SPSP0 and SPSP1 */
#define NVME_AUTH_SECP_NVME	0xe9

struct nvme_auth_sqe {
	uint8_t opcode, flags, cid[2];
	uint8_t fctype;
	uint8_t rsvd5[19];
	struct nvme_sgl sgl;
	uint8_t rsvd40;
	uint8_t spsp0, spsp1, secp;
	uint8_t len[4];		/* TL (send) or AL (receive), bytes */
	uint8_t rsvd48[16];
};
WIRE_SIZE(nvme_auth_sqe, 64);
WIRE_AT(nvme_auth_sqe, spsp0, 41);
WIRE_AT(nvme_auth_sqe, len, 44);

struct nvme_disconnect_sqe {
	uint8_t opcode, flags, cid[2];
	uint8_t fctype;
	uint8_t rsvd5[35];
	uint8_t recfmt[2];	/* 0 */
	uint8_t rsvd42[22];
};
WIRE_SIZE(nvme_disconnect_sqe, 64);
WIRE_AT(nvme_disconnect_sqe, recfmt, 40);

/* ---- controller properties ---- */

enum nvme_property {
	NVME_REG_CAP	= 0x00,	/* 8 bytes */
	NVME_REG_VS	= 0x08,
	NVME_REG_CC	= 0x14,
	NVME_REG_CSTS	= 0x1c,
	NVME_REG_NSSR	= 0x20,
	NVME_REG_NSSD	= 0x64,
	NVME_REG_CRTO	= 0x68,
};

#define NVME_VS(major, minor, tertiary) \
	((uint32_t)(major) << 16 | (uint32_t)(minor) << 8 | (uint32_t)(tertiary))

#define NVME_NSSR_MAGIC	0x4e564d65u	/* "NVMe" */

/* CAP */
#define NVME_CAP_MQES(cap)	((uint16_t)(0xffff & (cap)))	/* 0's-based entries */
#define NVME_CAP_CQR		(1ull << 16)
#define NVME_CAP_TO(cap)	((uint8_t)((cap) >> 24 & 0xff))	/* 500 ms units */
#define NVME_CAP_TO_SHIFT	24
#define NVME_CAP_STRIDE(cap)	((uint8_t)((cap) >> 32 & 0xf))
#define NVME_CAP_NSSRS		(1ull << 36)
#define NVME_CAP_CSS(cap)	((uint8_t)((cap) >> 37 & 0xff))
#define NVME_CAP_CSS_NVM	(1ull << 37)
#define NVME_CAP_CSS_CSI	(1ull << 43)	/* one or more I/O command sets */
#define NVME_CAP_CSS_ADMIN	(1ull << 44)	/* no I/O command set */
#define NVME_CAP_MPSMIN(cap)	((uint8_t)((cap) >> 48 & 0xf))
#define NVME_CAP_MPSMAX(cap)	((uint8_t)((cap) >> 52 & 0xf))
#define NVME_CAP_NSSS		(1ull << 58)
#define NVME_CAP_CRMS_CRWMS	(1ull << 59)
#define NVME_CAP_CRMS_CRIMS	(1ull << 60)

/* CC */
#define NVME_CC_EN		(1u << 0)
#define NVME_CC_CSS(cc)		((cc) >> 4 & 7)
#define NVME_CC_MPS(cc)		((cc) >> 7 & 0xf)
#define NVME_CC_AMS(cc)		((cc) >> 11 & 7)
#define NVME_CC_SHN(cc)		((cc) >> 14 & 3)
#define NVME_CC_IOSQES(cc)	((cc) >> 16 & 0xf)
#define NVME_CC_IOCQES(cc)	((cc) >> 20 & 0xf)
#define NVME_CC_CRIME		(1u << 24)
#define NVME_CC_CSS_NVM		(0u << 4)
#define NVME_CC_CSS_CSI		(6u << 4)	/* all supported I/O command sets */
#define NVME_CC_CSS_ADMIN	(7u << 4)
#define NVME_CC_SHN_NONE	(0u << 14)
#define NVME_CC_SHN_NORMAL	(1u << 14)
#define NVME_CC_SHN_ABRUPT	(2u << 14)
#define NVME_CC_SHN_MASK	(3u << 14)
#define NVME_CC_IOSQES_64	(6u << 16)	/* 64-byte submission queue entries */
#define NVME_CC_IOCQES_16	(4u << 20)	/* 16-byte completion queue entries */

/* CSTS */
#define NVME_CSTS_RDY		(1u << 0)
#define NVME_CSTS_CFS		(1u << 1)
#define NVME_CSTS_SHST_MASK	(3u << 2)
#define NVME_CSTS_SHST_NORMAL	(0u << 2)
#define NVME_CSTS_SHST_OCCUR	(1u << 2)
#define NVME_CSTS_SHST_CMPLT	(2u << 2)
#define NVME_CSTS_NSSRO		(1u << 4)
#define NVME_CSTS_PP		(1u << 5)
#define NVME_CSTS_ST		(1u << 6)

/* CRTO, 500 ms units */
#define NVME_CRTO_CRWMT(crto)	((uint16_t)(0xffff & (crto)))
#define NVME_CRTO_CRIMT(crto)	((uint16_t)((crto) >> 16))

/* ---- builders; each clears the entry, sets PSDT 01b. The caller sets cid. ---- */

/* An empty transport SGL. */
void nvme_sqe_fabrics(struct nvme_sqe *sqe, enum nvme_fctype fctype);
/* In-capsule SGL of 1024 bytes. @queue_size in entries (2..65536), not 0's-based. */
void nvme_sqe_connect(struct nvme_sqe *sqe, uint16_t qid, uint32_t queue_size, uint8_t cattr,
		      uint32_t kato_ms);
/* @hostnqn and @subsysnqn must pass nvme_nqn_valid(). */
void nvme_connect_data_set(struct nvme_connect_data *data, const uint8_t hostid[16],
			   uint16_t cntlid, const char *hostnqn, const char *subsysnqn);
/* The size (4 or 8 bytes) follows from the property. */
void nvme_sqe_property_get(struct nvme_sqe *sqe, enum nvme_property prop);
void nvme_sqe_property_set(struct nvme_sqe *sqe, enum nvme_property prop, uint64_t value);
/* 4 or 8; 0 for an offset that holds no property reachable over fabrics. */
uint8_t nvme_property_size(uint32_t offset);
/* Transport SGL of @len bytes (receive) or in-capsule SGL (send). */
void nvme_sqe_auth_send(struct nvme_sqe *sqe, uint32_t len);
void nvme_sqe_auth_recv(struct nvme_sqe *sqe, uint32_t len);
void nvme_sqe_disconnect(struct nvme_sqe *sqe);
