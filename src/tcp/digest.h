/* SPDX-License-Identifier: BSD-3-Clause */
/* digest - HDGST and DDGST: CRC32C, stored little endian. NVMe/TCP Transport 3.3.1.1. */
#pragma once

#include <stdint.h>
#include <sys/uio.h>

/* Append the digest of the @hlen header bytes at @hdr right behind them. */
void digest_header_append(uint8_t *hdr, uint32_t hlen);
/* Does the digest behind the @hlen bytes match? */
int digest_header_ok(const uint8_t *hdr, uint32_t hlen);
/* CRC32C over @len bytes of @iov, starting @off bytes into it. */
uint32_t digest_data(const struct iovec *iov, uint32_t off, uint32_t len);
