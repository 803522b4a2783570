/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * discovery - log page 70h (NVMe Base 2.1 §5.1.12.3.1) and the words that
 * nvme-cli prints for its numbers.
 *
 * The log: a header of 1024 bytes, then NUMREC entries of 1024 bytes.
 */
#pragma once

#include <stdint.h>

#include "nvme/layout.h"

#define NVME_DISC_HDR_BYTES	1024u
#define NVME_DISC_ENTRY_BYTES	1024u
#define NVME_DISC_NUMREC_MAX	4096u	/* ours: a host reads no more */
#define NVME_DISC_ASQSZ_MIN	32u

enum nvmf_trtype {
	NVMF_TRTYPE_UNSPECIFIED	= 0,
	NVMF_TRTYPE_RDMA	= 1,
	NVMF_TRTYPE_FC		= 2,
	NVMF_TRTYPE_TCP		= 3,
	NVMF_TRTYPE_LOOP	= 254,
};

enum nvmf_adrfam {
	NVMF_ADDR_FAMILY_PCI	= 0,
	NVMF_ADDR_FAMILY_IP4	= 1,
	NVMF_ADDR_FAMILY_IP6	= 2,
	NVMF_ADDR_FAMILY_IB	= 3,
	NVMF_ADDR_FAMILY_FC	= 4,
	NVMF_ADDR_FAMILY_LOOP	= 254,
};

enum nvme_subsys_type {
	NVME_NQN_DISC	= 1,	/* a referral */
	NVME_NQN_NVME	= 2,
	NVME_NQN_CURR	= 3,	/* the discovery subsystem that answers */
};

enum nvmf_treq {
	NVMF_TREQ_NOT_SPECIFIED	= 0,
	NVMF_TREQ_REQUIRED	= 1,
	NVMF_TREQ_NOT_REQUIRED	= 2,
	NVMF_TREQ_MASK		= 3,	/* secure channel */
	NVMF_TREQ_DISABLE_SQFLOW = 1 << 2,
	NVMF_TREQ_ZERO_HOSTID	= 1 << 3,
	NVMF_TREQ_AUTH_REQUIRED	= 1 << 4,	/* 5:4 = 01b */
	NVMF_TREQ_AUTH_CONCAT	= 2 << 4,	/* 5:4 = 10b */
	NVMF_TREQ_AUTH_MASK	= 3 << 4,
};

enum nvmf_tcp_sectype {
	NVMF_TCP_SECTYPE_NONE	= 0,
	NVMF_TCP_SECTYPE_TLS12	= 1,	/* obsolete */
	NVMF_TCP_SECTYPE_TLS13	= 2,
};

enum nvmf_disc_eflags {
	NVMF_DISC_EFLAGS_DUPRETINFO	= 1 << 0,
	NVMF_DISC_EFLAGS_EPCSD		= 1 << 1,
	NVMF_DISC_EFLAGS_NCC		= 1 << 2,
};

enum nvmf_disc_lsp {
	NVMF_DISC_LSP_EXTDLPE	= 1 << 0,
	NVMF_DISC_LSP_PLEO	= 1 << 1,	/* entries of this port only */
	NVMF_DISC_LSP_ALLSUBE	= 1 << 2,
};

struct nvmf_discovery_hdr {
	uint8_t genctr[8];
	uint8_t numrec[8];
	uint8_t recfmt[2];	/* 0 */
	uint8_t dlpf;
	uint8_t rsvd19;
	uint8_t tdlpl[4];	/* total length, bytes (2.1); 0 before */
	uint8_t rsvd24[1000];
};
WIRE_SIZE(nvmf_discovery_hdr, NVME_DISC_HDR_BYTES);
WIRE_AT(nvmf_discovery_hdr, recfmt, 16);
WIRE_AT(nvmf_discovery_hdr, tdlpl, 20);

struct nvmf_disc_log_entry {
	uint8_t trtype, adrfam, subtype;
	uint8_t treq;
	uint8_t portid[2];
	uint8_t cntlid[2];	/* FFFFh dynamic */
	uint8_t asqsz[2];	/* at least 32 */
	uint8_t eflags[2];
	uint8_t rsvd12[20];
	char trsvcid[32];	/* ASCII; NUL or blank padded */
	uint8_t rsvd64[192];
	char subnqn[256];
	char traddr[256];	/* ASCII; NUL or blank padded */
	uint8_t sectype;	/* TSAS, first byte, for TCP */
	uint8_t tsas1[255];
};
WIRE_SIZE(nvmf_disc_log_entry, NVME_DISC_ENTRY_BYTES);
WIRE_AT(nvmf_disc_log_entry, portid, 4);
WIRE_AT(nvmf_disc_log_entry, eflags, 10);
WIRE_AT(nvmf_disc_log_entry, trsvcid, 32);
WIRE_AT(nvmf_disc_log_entry, subnqn, 256);
WIRE_AT(nvmf_disc_log_entry, traddr, 512);
WIRE_AT(nvmf_disc_log_entry, sectype, 768);

/* nvme-cli's words; static strings, "unrecognized" for other numbers. */
const char *nvmf_trtype_str(uint8_t trtype);	/* "tcp", "rdma", ... */
const char *nvmf_adrfam_str(uint8_t adrfam);	/* "ipv4", "ipv6", ... */
const char *nvmf_subtype_str(uint8_t subtype);	/* "nvme subsystem", ... */
/* Bits 2:0 only; "required, sq flow control disable supported" */
const char *nvmf_treq_str(uint8_t treq);
/* TREQ 5:4, in-band authentication: "not required", "required", ... */
const char *nvmf_treq_auth_str(uint8_t treq);
const char *nvmf_eflags_str(uint16_t eflags);	/* "none", "duplicate discovery information", ... */
const char *nvmf_sectype_str(uint8_t sectype);	/* "none", "tls", "tls13" */
