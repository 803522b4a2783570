/* SPDX-License-Identifier: BSD-3-Clause */
#include "nvme/uuid.h"

#include <string.h>

#include "base/hex.h"
#include "nvme/fabrics.h"

static_assert(NVME_UUID_NQN_BYTES == sizeof(NVME_NQN_UUID_PREFIX) - 1 + NVME_UUID_STR_BYTES,
	      "the prefix, 36 characters and a NUL");

/* Bytes of the groups between the dashes. */
static const uint8_t groups[] = { 4, 2, 2, 2, 6 };

bool nvme_uuid_parse(const char *text, uint8_t ret[NVME_UUID_BYTES])
{
	uint8_t uuid[NVME_UUID_BYTES];
	size_t at = 0;

	if (strnlen(text, NVME_UUID_STR_BYTES) != NVME_UUID_STR_BYTES - 1)
		return false;
	for (size_t g = 0; g < sizeof(groups); g++) {
		if (g > 0 && *text++ != '-')
			return false;
		if (hex_decode(uuid + at, groups[g], text, 2u * groups[g]) < 0)
			return false;
		text += 2 * groups[g];
		at += groups[g];
	}
	memcpy(ret, uuid, sizeof(uuid));
	return true;
}

const char *nvme_uuid_format(const uint8_t uuid[NVME_UUID_BYTES], char dst[NVME_UUID_STR_BYTES])
{
	char *d = dst;

	for (size_t g = 0; g < sizeof(groups); g++) {
		if (g > 0)
			*d++ = '-';
		hex_encode(d, 2u * groups[g] + 1, uuid, groups[g]);
		d += 2 * groups[g];
		uuid += groups[g];
	}
	return dst;
}

void nvme_uuid_make_v4(uint8_t uuid[NVME_UUID_BYTES])
{
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);	/* version 4 */
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);	/* variant 10b */
}

bool nvme_uuid_is_zero(const uint8_t uuid[NVME_UUID_BYTES])
{
	static const uint8_t zero[NVME_UUID_BYTES];

	return memcmp(uuid, zero, sizeof(zero)) == 0;
}

const char *nvme_uuid_to_nqn(const uint8_t uuid[NVME_UUID_BYTES], char dst[NVME_UUID_NQN_BYTES])
{
	size_t prefix = strlen(NVME_NQN_UUID_PREFIX);

	memcpy(dst, NVME_NQN_UUID_PREFIX, prefix);
	nvme_uuid_format(uuid, dst + prefix);
	return dst;
}

bool nvme_uuid_from_nqn(const char *nqn, uint8_t ret[NVME_UUID_BYTES])
{
	size_t prefix = strlen(NVME_NQN_UUID_PREFIX);

	return strncmp(nqn, NVME_NQN_UUID_PREFIX, prefix) == 0 &&
	       nvme_uuid_parse(nqn + prefix, ret);
}
