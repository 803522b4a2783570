/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * identify - the Identify data structures, 4096 bytes each (NVMe Base 2.1
 * §5.1.13; NVM Command Set 1.0 §4.1.5). Field names are nvme-cli's and
 * libnvme's (struct nvme_id_ctrl, struct nvme_id_ns, ...). Strings are ASCII,
 * padded with blanks, without a NUL; SUBNQN ends with a NUL.
 */
#pragma once

#include <stdint.h>

#include "nvme/layout.h"

/* ---- CNS 01h: Identify Controller ---- */

struct nvme_id_psd {
	uint8_t mp[2];		/* maximum power, 10 mW units (or 100 uW, see flags) */
	uint8_t rsvd2;
	uint8_t flags;
	uint8_t enlat[4], exlat[4];
	uint8_t rrt, rrl, rwt, rwl;
	uint8_t idlp[2];
	uint8_t ips;
	uint8_t rsvd19;
	uint8_t actp[2];
	uint8_t apws;
	uint8_t rsvd23[9];
};
WIRE_SIZE(nvme_id_psd, 32);

struct nvme_id_ctrl {
	uint8_t vid[2], ssvid[2];
	char sn[20];
	char mn[40];
	char fr[8];
	uint8_t rab;
	uint8_t ieee[3];
	uint8_t cmic;
	uint8_t mdts;		/* power of two of 4 KiB; 0 = no limit */
	uint8_t cntlid[2];
	uint8_t ver[4];
	uint8_t rtd3r[4], rtd3e[4];
	uint8_t oaes[4];
	uint8_t ctratt[4];
	uint8_t rrls[2];
	uint8_t bpcap;
	uint8_t rsvd103;
	uint8_t nssl[4];
	uint8_t rsvd108[2];
	uint8_t plsi;
	uint8_t cntrltype;
	uint8_t fguid[16];
	uint8_t crdt1[2], crdt2[2], crdt3[2];	/* 100 ms units */
	uint8_t crcap;
	uint8_t rsvd135[118];
	uint8_t nvmsr;
	uint8_t vwci;
	uint8_t mec;
	uint8_t oacs[2];
	uint8_t acl;		/* 0's-based */
	uint8_t aerl;		/* 0's-based */
	uint8_t frmw;
	uint8_t lpa;
	uint8_t elpe;		/* 0's-based */
	uint8_t npss;		/* 0's-based */
	uint8_t avscc;
	uint8_t apsta;
	uint8_t wctemp[2], cctemp[2];	/* kelvin */
	uint8_t mtfa[2];
	uint8_t hmpre[4], hmmin[4];
	uint8_t tnvmcap[16], unvmcap[16];	/* bytes */
	uint8_t rpmbs[4];
	uint8_t edstt[2];
	uint8_t dsto;
	uint8_t fwug;
	uint8_t kas[2];		/* 100 ms units; 0 = no Keep Alive */
	uint8_t hctma[2], mntmt[2], mxtmt[2];
	uint8_t sanicap[4];
	uint8_t hmminds[4];
	uint8_t hmmaxd[2];
	uint8_t nsetidmax[2];
	uint8_t endgidmax[2];
	uint8_t anatt;		/* s */
	uint8_t anacap;
	uint8_t anagrpmax[4], nanagrpid[4];
	uint8_t pels[4];
	uint8_t domainid[2];
	uint8_t kpioc;
	uint8_t rsvd359;
	uint8_t mptfawr[2];
	uint8_t rsvd362[6];
	uint8_t megcap[16];
	uint8_t tmpthha;
	uint8_t rsvd385;
	uint8_t cqt[2];		/* command quiesce time, ms */
	uint8_t rsvd388[124];
	uint8_t sqes, cqes;	/* 66h, 44h */
	uint8_t maxcmd[2];
	uint8_t nn[4];
	uint8_t oncs[2];
	uint8_t fuses[2];
	uint8_t fna;
	uint8_t vwc;
	uint8_t awun[2], awupf[2];	/* logical blocks, 0's-based */
	uint8_t icsvscc;
	uint8_t nwpc;
	uint8_t acwu[2];
	uint8_t ocfs[2];
	uint8_t sgls[4];
	uint8_t mnan[4];
	uint8_t maxdna[16];
	uint8_t maxcna[4];
	uint8_t oaqd[4];
	uint8_t rsvd568[200];
	char subnqn[256];
	uint8_t rsvd1024[768];
	/* NVMe over Fabrics */
	uint8_t ioccsz[4];	/* 16-byte units, (64 + in-capsule data) / 16 */
	uint8_t iorcsz[4];	/* 1 */
	uint8_t icdoff[2];	/* 0 */
	uint8_t fcatt;
	uint8_t msdbd;		/* 1 */
	uint8_t ofcs[2];
	uint8_t dctype;
	uint8_t rsvd1807[241];
	struct nvme_id_psd psd[32];
	uint8_t vs[1024];
};
WIRE_SIZE(nvme_id_ctrl, 4096);
WIRE_AT(nvme_id_ctrl, sn, 4);
WIRE_AT(nvme_id_ctrl, mn, 24);
WIRE_AT(nvme_id_ctrl, fr, 64);
WIRE_AT(nvme_id_ctrl, rab, 72);
WIRE_AT(nvme_id_ctrl, cmic, 76);
WIRE_AT(nvme_id_ctrl, mdts, 77);
WIRE_AT(nvme_id_ctrl, cntlid, 78);
WIRE_AT(nvme_id_ctrl, ver, 80);
WIRE_AT(nvme_id_ctrl, oaes, 92);
WIRE_AT(nvme_id_ctrl, ctratt, 96);
WIRE_AT(nvme_id_ctrl, cntrltype, 111);
WIRE_AT(nvme_id_ctrl, crdt1, 128);
WIRE_AT(nvme_id_ctrl, nvmsr, 253);
WIRE_AT(nvme_id_ctrl, oacs, 256);
WIRE_AT(nvme_id_ctrl, aerl, 259);
WIRE_AT(nvme_id_ctrl, lpa, 261);
WIRE_AT(nvme_id_ctrl, npss, 263);
WIRE_AT(nvme_id_ctrl, wctemp, 266);
WIRE_AT(nvme_id_ctrl, tnvmcap, 280);
WIRE_AT(nvme_id_ctrl, rpmbs, 312);
WIRE_AT(nvme_id_ctrl, kas, 320);
WIRE_AT(nvme_id_ctrl, sanicap, 328);
WIRE_AT(nvme_id_ctrl, anatt, 342);
WIRE_AT(nvme_id_ctrl, anacap, 343);
WIRE_AT(nvme_id_ctrl, anagrpmax, 344);
WIRE_AT(nvme_id_ctrl, nanagrpid, 348);
WIRE_AT(nvme_id_ctrl, domainid, 356);
WIRE_AT(nvme_id_ctrl, megcap, 368);
WIRE_AT(nvme_id_ctrl, cqt, 386);
WIRE_AT(nvme_id_ctrl, sqes, 512);
WIRE_AT(nvme_id_ctrl, maxcmd, 514);
WIRE_AT(nvme_id_ctrl, nn, 516);
WIRE_AT(nvme_id_ctrl, oncs, 520);
WIRE_AT(nvme_id_ctrl, vwc, 525);
WIRE_AT(nvme_id_ctrl, awun, 526);
WIRE_AT(nvme_id_ctrl, nwpc, 531);
WIRE_AT(nvme_id_ctrl, ocfs, 534);
WIRE_AT(nvme_id_ctrl, sgls, 536);
WIRE_AT(nvme_id_ctrl, mnan, 540);
WIRE_AT(nvme_id_ctrl, subnqn, 768);
WIRE_AT(nvme_id_ctrl, ioccsz, 1792);
WIRE_AT(nvme_id_ctrl, iorcsz, 1796);
WIRE_AT(nvme_id_ctrl, icdoff, 1800);
WIRE_AT(nvme_id_ctrl, fcatt, 1802);
WIRE_AT(nvme_id_ctrl, msdbd, 1803);
WIRE_AT(nvme_id_ctrl, ofcs, 1804);
WIRE_AT(nvme_id_ctrl, dctype, 1806);
WIRE_AT(nvme_id_ctrl, psd, 2048);
WIRE_AT(nvme_id_ctrl, vs, 3072);

enum nvme_id_ctrl_cmic {
	NVME_CTRL_CMIC_MULTI_PORT	= 1 << 0,
	NVME_CTRL_CMIC_MULTI_CTRL	= 1 << 1,
	NVME_CTRL_CMIC_MULTI_SRIOV	= 1 << 2,
	NVME_CTRL_CMIC_ANA		= 1 << 3,
};

enum nvme_id_ctrl_ctratt {
	NVME_CTRL_CTRATT_128_ID		= 1 << 0,
	NVME_CTRL_CTRATT_TBKAS		= 1 << 6,
};

enum nvme_cntrltype {
	NVME_CTRL_CNTRLTYPE_NONE	= 0,
	NVME_CTRL_CNTRLTYPE_IO		= 1,
	NVME_CTRL_CNTRLTYPE_DISCOVERY	= 2,
	NVME_CTRL_CNTRLTYPE_ADMIN	= 3,
};

enum nvme_dctype {
	NVME_CTRL_DCTYPE_NONE	= 0,
	NVME_CTRL_DCTYPE_DDC	= 1,
	NVME_CTRL_DCTYPE_CDC	= 2,
};

enum nvme_id_ctrl_lpa {
	NVME_CTRL_LPA_SMART_PER_NS	= 1 << 0,
	NVME_CTRL_LPA_CMD_EFFECTS	= 1 << 1,
	NVME_CTRL_LPA_EXTENDED		= 1 << 2,	/* 32-bit NUMD, LPO */
	NVME_CTRL_LPA_TELEMETRY		= 1 << 3,
	NVME_CTRL_LPA_PERSISTENT_EVENT	= 1 << 4,
	NVME_CTRL_LPA_LI0_LI5_LI12_LI13	= 1 << 5,	/* log 00h exists */
};

enum nvme_id_ctrl_oncs {
	NVME_CTRL_ONCS_COMPARE		= 1 << 0,
	NVME_CTRL_ONCS_WRITE_UNCORRECTABLE = 1 << 1,
	NVME_CTRL_ONCS_DSM		= 1 << 2,
	NVME_CTRL_ONCS_WRITE_ZEROES	= 1 << 3,
	NVME_CTRL_ONCS_SAVE_FEATURES	= 1 << 4,
	NVME_CTRL_ONCS_RESERVATIONS	= 1 << 5,
	NVME_CTRL_ONCS_TIMESTAMP	= 1 << 6,
	NVME_CTRL_ONCS_VERIFY		= 1 << 7,
	NVME_CTRL_ONCS_COPY		= 1 << 8,
};

#define NVME_CTRL_VWC_PRESENT		(1u << 0)
#define NVME_CTRL_VWC_FLUSH_BROADCAST	(3u << 1)	/* Flush takes NSID FFFFFFFFh */
#define NVME_CTRL_VWC_FLUSH_NO_BROADCAST (2u << 1)

#define NVME_CTRL_SGLS_BYTE_ALIGNED	(1u << 0)	/* 1:0 = 01b */
#define NVME_CTRL_SGLS_KEYED		(1u << 2)
#define NVME_CTRL_SGLS_OFFSET		(1u << 20)	/* in-capsule offset */
#define NVME_CTRL_SGLS_TRANSPORT	(1u << 21)	/* transport SGL data block */

#define NVME_CTRL_FCATT_STATIC		(1u << 0)
#define NVME_CTRL_OFCS_DISCONNECT	(1u << 0)

#define NVME_CTRL_SQES_64		0x66
#define NVME_CTRL_CQES_16		0x44

/* ---- CNS 00h: Identify Namespace, NVM command set ---- */

struct nvme_lbaf {
	uint8_t ms[2];	/* metadata, bytes */
	uint8_t ds;	/* LBADS: log2 of the block, at least 9 */
	uint8_t rp;	/* relative performance, 1:0 */
};
WIRE_SIZE(nvme_lbaf, 4);

struct nvme_id_ns {
	uint8_t nsze[8], ncap[8], nuse[8];	/* logical blocks */
	uint8_t nsfeat;
	uint8_t nlbaf;		/* 0's-based */
	uint8_t flbas;		/* 3:0 and 6:5 index of the format in use */
	uint8_t mc, dpc, dps;
	uint8_t nmic;
	uint8_t rescap;
	uint8_t fpi;
	uint8_t dlfeat;
	uint8_t nawun[2], nawupf[2], nacwu[2], nabsn[2], nabo[2], nabspf[2];
	uint8_t noiob[2];
	uint8_t nvmcap[16];	/* bytes */
	uint8_t npwg[2], npwa[2], npdg[2], npda[2], nows[2];	/* logical blocks, 0's-based */
	uint8_t mssrl[2];
	uint8_t mcl[4];
	uint8_t msrc;
	uint8_t kpios;
	uint8_t nulbaf;
	uint8_t rsvd83;
	uint8_t kpiodaag[4];
	uint8_t rsvd88[4];
	uint8_t anagrpid[4];
	uint8_t rsvd96[3];
	uint8_t nsattr;
	uint8_t nvmsetid[2];
	uint8_t endgid[2];
	uint8_t nguid[16];	/* big endian, as printed */
	uint8_t eui64[8];	/* big endian, as printed */
	struct nvme_lbaf lbaf[64];
	uint8_t vs[3712];
};
WIRE_SIZE(nvme_id_ns, 4096);
WIRE_AT(nvme_id_ns, nsfeat, 24);
WIRE_AT(nvme_id_ns, flbas, 26);
WIRE_AT(nvme_id_ns, nmic, 30);
WIRE_AT(nvme_id_ns, dlfeat, 33);
WIRE_AT(nvme_id_ns, nawun, 34);
WIRE_AT(nvme_id_ns, noiob, 46);
WIRE_AT(nvme_id_ns, nvmcap, 48);
WIRE_AT(nvme_id_ns, npwg, 64);
WIRE_AT(nvme_id_ns, mssrl, 74);
WIRE_AT(nvme_id_ns, mcl, 76);
WIRE_AT(nvme_id_ns, msrc, 80);
WIRE_AT(nvme_id_ns, anagrpid, 92);
WIRE_AT(nvme_id_ns, nsattr, 99);
WIRE_AT(nvme_id_ns, nvmsetid, 100);
WIRE_AT(nvme_id_ns, endgid, 102);
WIRE_AT(nvme_id_ns, nguid, 104);
WIRE_AT(nvme_id_ns, eui64, 120);
WIRE_AT(nvme_id_ns, lbaf, 128);

enum nvme_id_nsfeat {
	NVME_NS_FEAT_THIN	= 1 << 0,
	NVME_NS_FEAT_NATOMIC	= 1 << 1,
	NVME_NS_FEAT_DULBE	= 1 << 2,
	NVME_NS_FEAT_ID_REUSE	= 1 << 3,
	NVME_NS_FEAT_IO_OPT	= 1 << 4,	/* NPWG, NPWA, NPDG, NPDA, NOWS are valid */
};

#define NVME_NS_FLBAS_LOWER_MASK	0x0f
#define NVME_NS_FLBAS_META_EXT		0x10
#define NVME_NS_FLBAS_HIGHER_MASK	0x60
#define NVME_NS_NMIC_SHARED		0x01
#define NVME_NS_NSATTR_WRITE_PROTECTED	0x01
#define NVME_NS_DLFEAT_RB_ALL_0S	0x01	/* deallocated blocks read as zeroes */
#define NVME_NS_DLFEAT_WRITE_ZEROES	0x08	/* Write Zeroes takes DEAC */

/* Index of the LBA format in use, 0..63. */
static inline uint8_t nvme_id_ns_lbaf_index(const struct nvme_id_ns *ns)
{
	return (uint8_t)((ns->flbas & NVME_NS_FLBAS_LOWER_MASK) |
			 (ns->flbas & NVME_NS_FLBAS_HIGHER_MASK) >> 1);
}

/* ---- CNS 02h, 07h: list of NSIDs, ascending, ended by 0 when it is not full ---- */

#define NVME_ID_NS_LIST_MAX 1024u

struct nvme_ns_list {
	uint8_t ns[NVME_ID_NS_LIST_MAX][4];
};
WIRE_SIZE(nvme_ns_list, 4096);

/* ---- CNS 03h: descriptors, ended by one with NIDL 0 ---- */

enum nvme_ns_nidt {
	NVME_NIDT_EUI64	= 1,	/* 8 bytes */
	NVME_NIDT_NGUID	= 2,	/* 16 bytes */
	NVME_NIDT_UUID	= 3,	/* 16 bytes, as they are */
	NVME_NIDT_CSI	= 4,	/* 1 byte */
};

struct nvme_ns_id_desc {
	uint8_t nidt, nidl;
	uint8_t rsvd2[2];
	/* nidl bytes follow */
};
WIRE_SIZE(nvme_ns_id_desc, 4);

/* ---- CNS 06h, CSI 0: NVM command set specific Identify Controller ---- */

struct nvme_id_ctrl_nvm {
	uint8_t vsl, wzsl, wusl;	/* powers of two of 4 KiB; 0 = no limit */
	uint8_t dmrl;			/* ranges of one DSM; 0 = no limit */
	uint8_t dmrsl[4];		/* logical blocks of one range */
	uint8_t dmsl[8];		/* logical blocks of one DSM */
	uint8_t kpiocap, wzdsl;
	uint8_t aocs[2];
	uint8_t ver[4];
	uint8_t lbamqf;
	uint8_t rsvd25[4071];
};
WIRE_SIZE(nvme_id_ctrl_nvm, 4096);
WIRE_AT(nvme_id_ctrl_nvm, dmrsl, 4);
WIRE_AT(nvme_id_ctrl_nvm, dmsl, 8);

/* ---- CNS 08h: I/O command set independent Identify Namespace ---- */

struct nvme_id_independent_id_ns {
	uint8_t nsfeat;
	uint8_t nmic;
	uint8_t rescap;
	uint8_t fpi;
	uint8_t anagrpid[4];
	uint8_t nsattr;
	uint8_t rsvd9;
	uint8_t nvmsetid[2];
	uint8_t endgrpid[2];
	uint8_t nstat;
	uint8_t kpios;
	uint8_t maxkt[2];
	uint8_t rsvd18[2];
	uint8_t rgrpid[4];
	uint8_t rsvd24[4072];
};
WIRE_SIZE(nvme_id_independent_id_ns, 4096);
WIRE_AT(nvme_id_independent_id_ns, anagrpid, 4);
WIRE_AT(nvme_id_independent_id_ns, nsattr, 8);
WIRE_AT(nvme_id_independent_id_ns, nvmsetid, 10);
WIRE_AT(nvme_id_independent_id_ns, endgrpid, 12);
WIRE_AT(nvme_id_independent_id_ns, nstat, 14);

#define NVME_NSTAT_NRDY 0x01	/* the namespace is ready */

/* Fill a blank-padded ASCII field; longer text is cut. */
void nvme_id_string_set(char *field, size_t size, const char *text);
/*
 * Copy a blank- or NUL-padded field to @dst (@dst_size > @size), without the
 * padding, with everything but printable ASCII shown as '?'. Returns @dst.
 */
const char *nvme_id_string_get(char *dst, size_t dst_size, const char *field, size_t size);
/* Append a descriptor at @used bytes of the 4096 at @list. Returns the new @used. */
size_t nvme_ns_id_desc_add(uint8_t *list, size_t used, enum nvme_ns_nidt nidt, const void *nid,
			   uint8_t nidl);
