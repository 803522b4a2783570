/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ffdh - finite-field Diffie-Hellman in the groups of RFC 7919, by the numbers that NVMe gives
 * them (Base 2.1, DH-HMAC-CHAP DH group identifiers).
 *
 * A computation takes up to ten milliseconds (ffdhe8192): it belongs into a world_job.
 * Thread-safe; keeps nothing. Public values and shared secrets are big-endian and as long as
 * the group, with leading zeroes. Time does not depend on the exponent.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"
#include "base/span.h"

enum ffdh_group {
	FFDH_NULL = 0,	/* no Diffie-Hellman: nothing to compute, length 0 */
	FFDHE_2048 = 1,
	FFDHE_3072 = 2,
	FFDHE_4096 = 3,
	FFDHE_6144 = 4,
	FFDHE_8192 = 5,
};

#define FFDH_BYTES_MAX 1024

bool ffdh_known(uint8_t group);
/* Bytes of a public value and of a shared secret; 0 for FFDH_NULL and unknown groups. */
size_t ffdh_len(uint8_t group);
/*
 * Random bytes of a private exponent: 256 bits or, where that is more, what RFC 7919 §5.2
 * advises for the group's strength. 0 for FFDH_NULL.
 */
size_t ffdh_private_len(uint8_t group);

/* g^x mod p. Returns 0, or -1 when libcrypto refuses. */
int ffdh_public(enum ffdh_group g, const struct secret *x, uint8_t *ret_value);

#define FFDH_BAD_VALUE (-2)

/*
 * peer^x mod p. Returns 0; FFDH_BAD_VALUE where @peer is not ffdh_len() bytes with
 * 1 < peer < p - 1 (RFC 7919 §5.1); -1 when libcrypto refuses. @ret_shared: the caller wipes it.
 */
int ffdh_shared(enum ffdh_group g, const struct secret *x, struct span peer, uint8_t *ret_shared);
