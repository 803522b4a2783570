/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dhchap_key - the secrets of DH-HMAC-CHAP: "DHHC-1:<hh>:<base64 of secret and CRC-32>:".
 * (NVMe Base 2.1 §8.3.5.5.8.)
 *
 * hh names the hash of the transformation that the secret goes through, with its owner's NQN,
 * before it proves anything; 00 is none. It is not the hash of the exchange.
 *
 * nvme-cli before 3.0 wrote the already transformed secret into the string, with hh; whoever
 * reads that string transforms it once more. Both ends do so alike, so such strings work; but
 * a string made elsewhere from the same secret does not match. dhchap_key_form() tells which
 * of the two a string is, given the secret.
 */
#pragma once

#include "base/fault.h"
#include "base/secret.h"
#include "crypto/kdf.h"

#define DHCHAP_KEY_LEN_MAX 104	/* characters, without NUL: 64 bytes and the CRC */

struct dhchap_key {
	enum nvme_hash hash;	/* hh */
	struct secret secret;	/* 32, 48 or 64 bytes, whatever hh is (as Linux) */
};

/*
 * dhchap_key_parse - exactly that form: no blanks, no trailing newline. @ret is set on success
 * only, zero on failure. Constant time in the content.
 * Returns FAULT_OS with EINVAL (form, length), EBADMSG (CRC) or ENOTSUP (hash, version).
 */
struct fault dhchap_key_parse(const char *text, struct dhchap_key *ret) MUST_CHECK;
/* Writes the string with NUL; @text holds DHCHAP_KEY_LEN_MAX + 1. */
void dhchap_key_format(const struct dhchap_key *key, char *text);
/* The CRC-32 that stands behind the secret in the string. */
uint32_t dhchap_key_crc(const struct dhchap_key *key);

/*
 * What responses are made with: K = HMAC(secret, NQN | "NVMe-over-Fabrics"), or the secret where
 * hh is 00. @nqn: of the key's owner (host key: host NQN; controller key: subsystem NQN).
 */
struct fault dhchap_key_transform(const struct dhchap_key *key, const char *nqn,
				  struct secret *ret_k) MUST_CHECK;

enum dhchap_form {
	DHCHAP_FORM_OTHER,	/* not made from this secret */
	DHCHAP_FORM_SECRET,	/* holds the secret itself (nvme-cli 3.0, and hh 00) */
	DHCHAP_FORM_TRANSFORMED, /* holds the transformed secret (nvme-cli 2.x with --hmac) */
};

struct fault dhchap_key_form(const struct dhchap_key *key, const struct secret *secret,
			     const char *nqn, enum dhchap_form *ret) MUST_CHECK;
