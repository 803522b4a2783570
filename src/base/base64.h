/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base64 - RFC 4648 §4: the standard alphabet with padding. It carries keys,
 * so neither time nor memory accesses depend on the content; lengths and the
 * place of the padding are not secret.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Characters for @bytes bytes, without a NUL. */
#define BASE64_CHARS(bytes) (((bytes) + 2) / 3 * 4)

/*
 * Write BASE64_CHARS(@len) characters and a NUL to @dst. Returns the number of
 * characters, or -ENOSPC when @dst_size is too small (@dst is untouched).
 */
int base64_encode(char *dst, size_t dst_size, const void *src, size_t len);

/*
 * Decode exactly @src_len characters. Strict: full groups of four, padding
 * only at the end and required, unused bits zero, no blanks or line ends.
 * Returns the number of bytes, -EINVAL, or -ENOSPC when they exceed @dst_size.
 * On failure @dst is wiped.
 */
int base64_decode(void *dst, size_t dst_size, const char *src, size_t src_len);
