/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * uuid - the 16 bytes of a UUID as they stand in HOSTID and in namespace
 * descriptors: in the order of the printed digits (RFC 9562), never swapped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NVME_UUID_BYTES		16
#define NVME_UUID_STR_BYTES	37	/* 36 characters and a NUL */
#define NVME_UUID_NQN_BYTES	69	/* "nqn.2014-08.org.nvmexpress:uuid:", 36 characters, a NUL */

/* Exactly 8-4-4-4-12 hex digits of either case, nothing before or after. */
bool nvme_uuid_parse(const char *text, uint8_t ret[NVME_UUID_BYTES]);
/* Lower case, NUL-terminated. Returns @dst. */
const char *nvme_uuid_format(const uint8_t uuid[NVME_UUID_BYTES], char dst[NVME_UUID_STR_BYTES]);
/* Make 16 random bytes a version 4 UUID. */
void nvme_uuid_make_v4(uint8_t uuid[NVME_UUID_BYTES]);
bool nvme_uuid_is_zero(const uint8_t uuid[NVME_UUID_BYTES]);

/* "nqn.2014-08.org.nvmexpress:uuid:" and the UUID. Returns @dst. */
const char *nvme_uuid_to_nqn(const uint8_t uuid[NVME_UUID_BYTES], char dst[NVME_UUID_NQN_BYTES]);
/* The UUID of such an NQN; false for any other. */
bool nvme_uuid_from_nqn(const char *nqn, uint8_t ret[NVME_UUID_BYTES]);
