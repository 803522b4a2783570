/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/digest.h"

#include "base/bytes.h"
#include "base/crc32c.h"

void digest_header_append(uint8_t *hdr, uint32_t hlen)
{
	store_le32(hdr + hlen, crc32c(0, hdr, hlen));
}

int digest_header_ok(const uint8_t *hdr, uint32_t hlen)
{
	return load_le32(hdr + hlen) == crc32c(0, hdr, hlen);
}

uint32_t digest_data(const struct iovec *iov, uint32_t off, uint32_t len)
{
	size_t skip = off, left = len;
	uint32_t crc = 0;

	for (; left != 0; iov++) {
		size_t n = iov->iov_len;

		if (skip >= n) {
			skip -= n;
			continue;
		}
		n -= skip;
		if (n > left)
			n = left;
		crc = crc32c(crc, (const uint8_t *)iov->iov_base + skip, n);
		left -= n;
		skip = 0;
	}
	return crc;
}
