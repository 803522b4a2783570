/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vendor - what nvmetls says about itself in the vendor specific area of Identify Controller
 * (bytes 3072 to 4095), for its own kind:
 *
 *	OFFSET  SIZE  FIELD
 *	   0      8   "nvmetls" and a NUL
 *	   8      4   flags, little endian
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "nvme/identify.h"

#define NVME_VENDOR_SIGNATURE  "nvmetls"
#define NVME_VENDOR_KEY_UPDATE (1u << 0) /* takes TLS KeyUpdate, also with update_requested */

static inline void nvme_vendor_set(struct nvme_id_ctrl *id, uint32_t flags)
{
	memcpy(id->vs, NVME_VENDOR_SIGNATURE, sizeof(NVME_VENDOR_SIGNATURE));
	store_le32(id->vs + sizeof(NVME_VENDOR_SIGNATURE), flags);
}

/* The flags; 0 for any other make. */
static inline uint32_t nvme_vendor_flags(const struct nvme_id_ctrl *id)
{
	if (memcmp(id->vs, NVME_VENDOR_SIGNATURE, sizeof(NVME_VENDOR_SIGNATURE)) != 0)
		return 0;
	return load_le32(id->vs + sizeof(NVME_VENDOR_SIGNATURE));
}
