/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * logs - layouts of the log pages other than discovery (NVMe Base 2.1
 * §5.1.12.1). Names are libnvme's.
 */
#pragma once

#include <stdint.h>

#include "nvme/layout.h"

/* 00h: four bytes per log page. */
#define NVME_LSUPP	(1u << 0)	/* the page exists */
#define NVME_LSUPP_IOS	(1u << 1)	/* index offset is supported */

struct nvme_supported_log_pages {
	uint8_t lid_support[256][4];
};
WIRE_SIZE(nvme_supported_log_pages, 1024);

/* 01h: one entry; newest first. error_count 0: unused entry. */
struct nvme_error_log_page {
	uint8_t error_count[8];
	uint8_t sqid[2];
	uint8_t cmdid[2];
	uint8_t status_field[2];	/* as in the completion, with the phase bit */
	uint8_t parm_error_location[2];
	uint8_t lba[8];
	uint8_t nsid[4];
	uint8_t vs;
	uint8_t trtype;
	uint8_t csi, opcode;
	uint8_t cs[8];
	uint8_t trtype_spec_info[2];
	uint8_t rsvd42[21];
	uint8_t log_page_version;
};
WIRE_SIZE(nvme_error_log_page, 64);
WIRE_AT(nvme_error_log_page, status_field, 12);
WIRE_AT(nvme_error_log_page, lba, 16);
WIRE_AT(nvme_error_log_page, nsid, 24);
WIRE_AT(nvme_error_log_page, trtype, 29);
WIRE_AT(nvme_error_log_page, cs, 32);

/* 02h. The 16-byte numbers are little endian. */
struct nvme_smart_log {
	uint8_t critical_warning;
	uint8_t temperature[2];		/* kelvin */
	uint8_t avail_spare;		/* percent */
	uint8_t spare_thresh;
	uint8_t percent_used;
	uint8_t endu_grp_crit_warn_sumry;
	uint8_t rsvd7[25];
	uint8_t data_units_read[16];	/* thousands of 512 bytes, rounded up */
	uint8_t data_units_written[16];
	uint8_t host_reads[16];		/* commands */
	uint8_t host_writes[16];
	uint8_t ctrl_busy_time[16];	/* minutes */
	uint8_t power_cycles[16];
	uint8_t power_on_hours[16];
	uint8_t unsafe_shutdowns[16];
	uint8_t media_errors[16];
	uint8_t num_err_log_entries[16];
	uint8_t warning_temp_time[4];
	uint8_t critical_comp_time[4];
	uint8_t temp_sensor[8][2];
	uint8_t thm_temp1_trans_count[4];
	uint8_t thm_temp2_trans_count[4];
	uint8_t thm_temp1_total_time[4];
	uint8_t thm_temp2_total_time[4];
	uint8_t rsvd232[280];
};
WIRE_SIZE(nvme_smart_log, 512);
WIRE_AT(nvme_smart_log, data_units_read, 32);
WIRE_AT(nvme_smart_log, media_errors, 160);
WIRE_AT(nvme_smart_log, warning_temp_time, 192);
WIRE_AT(nvme_smart_log, temp_sensor, 200);
WIRE_AT(nvme_smart_log, thm_temp1_trans_count, 216);

/* 03h. */
struct nvme_firmware_slot {
	uint8_t afi;		/* 2:0 active slot */
	uint8_t rsvd1[7];
	char frs[7][8];
	uint8_t rsvd64[448];
};
WIRE_SIZE(nvme_firmware_slot, 512);
WIRE_AT(nvme_firmware_slot, frs, 8);

/* 04h: nvme_ns_list of nvme/identify.h; FFFFFFFFh first when there are more than 1024. */

/* 05h: four bytes per opcode. */
#define NVME_CMD_EFFECTS_CSUPP	(1u << 0)	/* supported */
#define NVME_CMD_EFFECTS_LBCC	(1u << 1)	/* changes logical blocks */
#define NVME_CMD_EFFECTS_NCC	(1u << 2)
#define NVME_CMD_EFFECTS_NIC	(1u << 3)
#define NVME_CMD_EFFECTS_CCC	(1u << 4)
#define NVME_CMD_EFFECTS_CSE_MASK (7u << 16)

struct nvme_cmd_effects_log {
	uint8_t acs[256][4];
	uint8_t iocs[256][4];
	uint8_t rsvd2048[2048];
};
WIRE_SIZE(nvme_cmd_effects_log, 4096);
WIRE_AT(nvme_cmd_effects_log, iocs, 1024);

/* 0Ch: the header, then descriptors of 32 bytes with nnsids NSIDs of 4 bytes each. */
enum nvme_ana_state {
	NVME_ANA_STATE_OPTIMIZED	= 0x1,
	NVME_ANA_STATE_NONOPTIMIZED	= 0x2,
	NVME_ANA_STATE_INACCESSIBLE	= 0x3,
	NVME_ANA_STATE_PERSISTENT_LOSS	= 0x4,
	NVME_ANA_STATE_CHANGE		= 0xf,
};

struct nvme_ana_log {
	uint8_t chgcnt[8];
	uint8_t ngrps[2];
	uint8_t rsvd10[6];
};
WIRE_SIZE(nvme_ana_log, 16);

struct nvme_ana_group_desc {
	uint8_t grpid[4];
	uint8_t nnsids[4];
	uint8_t chgcnt[8];
	uint8_t state;
	uint8_t rsvd17[15];
};
WIRE_SIZE(nvme_ana_group_desc, 32);
WIRE_AT(nvme_ana_group_desc, state, 16);

/* 12h: four bytes per feature. */
#define NVME_FID_FSUPP		(1u << 0)	/* supported */
#define NVME_FID_SCOPE_NS	(1u << 20)
#define NVME_FID_SCOPE_CTRL	(1u << 21)
struct nvme_fid_supported_effects_log {
	uint8_t fid_support[256][4];
};
WIRE_SIZE(nvme_fid_supported_effects_log, 1024);

/* 80h. */
struct nvme_resv_notification_log {
	uint8_t lpc[8];
	uint8_t rnlpt;
	uint8_t nalp;
	uint8_t rsvd10[2];
	uint8_t nsid[4];
	uint8_t rsvd16[48];
};
WIRE_SIZE(nvme_resv_notification_log, 64);
WIRE_AT(nvme_resv_notification_log, nsid, 12);

/* Add to a 16-byte little-endian counter. */
void nvme_u128_add(uint8_t counter[16], uint64_t n);
