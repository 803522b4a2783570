/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crc32c - the Castagnoli CRC of iSCSI and NVMe/TCP digests (RFC 3720 §12.1):
 * reflected polynomial 82F63B78h, all ones in, inverted out.
 *
 * Values are final CRCs, so that pieces chain:
 *
 *	crc32c(crc32c(0, a, n), b, m) == crc32c(0, ab, n + m)
 *
 * The implementation is chosen once, at the first call: ISA-L where it was
 * built in, else the CPU's instruction, else a table. Thread safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(uint32_t crc, const void *data, size_t len);

/* "isa-l", "sse4.2" or "table": what crc32c() uses. */
const char *crc32c_provider(void);

struct crc32c_impl {
	const char *name;
	uint32_t (*update)(uint32_t crc, const void *data, size_t len);
};

/* The implementations that work on this machine, best first; false after the last. For tests. */
bool crc32c_impl(unsigned int index, struct crc32c_impl *ret);
