/* SPDX-License-Identifier: BSD-3-Clause */
#include "nvme/logs.h"

#include "base/bytes.h"

void nvme_u128_add(uint8_t counter[16], uint64_t n)
{
	uint64_t low = load_le64(counter);

	store_le64(counter, low + n);
	if (low + n < low)
		store_le64(counter + 8, load_le64(counter + 8) + 1);
}
