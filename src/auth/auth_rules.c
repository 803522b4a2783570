/* SPDX-License-Identifier: BSD-3-Clause */
#include "auth/auth_rules.h"

#include "base/bytes.h"
#include "nvme/status.h"

uint16_t auth_check_command(const struct nvme_auth_sqe *sqe)
{
	uint32_t len = load_le32(sqe->len);

	if (sqe->secp != NVME_AUTH_SECP_NVME || sqe->spsp0 != NVME_AUTH_SPSP ||
	    sqe->spsp1 != NVME_AUTH_SPSP || len == 0 || len > AUTH_TRANSFER_MAX)
		return NVME_SC_INVALID_FIELD | NVME_STATUS_DNR;
	if (load_le32(sqe->sgl.length) != len)
		return NVME_SC_SGL_INVALID_DATA | NVME_STATUS_DNR;
	return 0;
}

enum cause auth_cause(uint8_t failure)
{
	switch (failure) {
	case AUTH_NO_PROTOCOL:
	case AUTH_NO_HASH:
	case AUTH_NO_GROUP:
		return CAUSE_AUTH_NO_COMMON;
	case AUTH_CONCAT_MISMATCH:
		return CAUSE_AUTH_CONCAT;
	case AUTH_BAD_PAYLOAD:
	case AUTH_BAD_MESSAGE:
		return CAUSE_AUTH_PROTOCOL;
	default:
		return CAUSE_AUTH_FAILED;
	}
}
