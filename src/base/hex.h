/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hex - bytes as pairs of hexadecimal digits. It carries keys, so neither time
 * nor memory accesses depend on the content.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Write 2 * @len lower-case digits and a NUL to @dst. Returns the number of
 * digits, or -ENOSPC when @dst_size is too small (@dst is untouched).
 */
int hex_encode(char *dst, size_t dst_size, const void *src, size_t len);

/*
 * Decode exactly @src_len digits of either case; nothing else is allowed.
 * Returns the number of bytes, -EINVAL, or -ENOSPC when they exceed @dst_size.
 * On failure @dst is wiped.
 */
int hex_decode(void *dst, size_t dst_size, const char *src, size_t src_len);
