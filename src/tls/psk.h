/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * psk - NVMe/TCP pre-shared keys: interchange form, retained PSK, identity, TLS PSK.
 *
 * NVM Express TCP Transport Specification 1.1, "TLS PSK and PSK identity
 * derivation". Three derivations are in the field (protocol notes in docs):
 * PSK_RFC is HKDF-Expand-Label of RFC 8446 (libnvme >= 1.16, SPDK, kernel >= 6.18);
 * PSK_COMPAT is libnvme < 1.16 (`nvme --compat`); PSK_LINUX_6_17 is what secure channel
 * concatenation did in Linux before 6.18. The last two differ in one number's byte order.
 */
#pragma once

#include "base/fault.h"
#include "base/secret.h"
#include "base/span.h"
#include "crypto/kdf.h"

#define PSK_INTERCHANGE_LEN_MAX 89	/* characters, without NUL */
#define PSK_IDENTITY_LEN_MAX    521	/* characters, without NUL: v1, two NQNs of 223, 64-char digest */
#define PSK_DIGEST_LEN_MAX      64

enum psk_derivation {
	PSK_RFC = 0,
	PSK_COMPAT = 1,
	PSK_LINUX_6_17 = 2,	/* Linux 6.15 to 6.17, and for generated PSKs only */
};
enum psk_kind { PSK_RETAINED = 'R', PSK_GENERATED = 'G' };

/* A configured PSK: what stands in an interchange string. */
struct psk_config {
	enum nvme_hash hash;	/* HH: NONE (no retained transform), SHA256, SHA384 */
	struct secret key;	/* 32 or 48 bytes */
};

/* Where a TLS PSK belongs. NQNs are NUL-terminated, borrowed. */
struct psk_owner {
	const char *hostnqn, *subsysnqn;
};

/*
 * psk_parse - read a configured PSK, "NVMeTLSkey-1:<hh>:<base64 of key and CRC-32>:".
 * Exactly that: no blanks, no trailing newline. @ret is set on success only, zero on failure.
 * Says only that the text is malformed, not where. Constant time in the content.
 * Returns FAULT_OS with EINVAL (form), EMSGSIZE (length of that hash), EBADMSG (CRC) or
 * ENOTSUP (hash, version).
 */
struct fault psk_parse(const char *text, struct psk_config *ret) MUST_CHECK;
/* Writes the interchange form with NUL; @text holds PSK_INTERCHANGE_LEN_MAX + 1. */
void psk_format(const struct psk_config *psk, char *text);

/* The hash that identity and cipher suite use: HH, or by length where HH is NONE. */
enum nvme_hash psk_tls_hash(const struct psk_config *psk);

/*
 * psk_identity - the PSK identity string.
 * @version: 0 ("NVMe0R01 host subsys") or 1 (with the digest)
 * @retained: the retained (or generated) PSK; used for version 1 only
 * @ret_identity: NUL-terminated, PSK_IDENTITY_LEN_MAX + 1 bytes
 */
struct fault psk_identity(int version, enum psk_kind kind, enum nvme_hash h,
			  const struct secret *retained, const struct psk_owner *owner,
			  char *ret_identity) MUST_CHECK;

/* configured PSK -> retained PSK. HH NONE: a copy. */
struct fault psk_retain(const struct psk_config *psk, const char *hostnqn, enum psk_derivation d,
			struct secret *ret_retained) MUST_CHECK;

/*
 * retained (or generated) PSK -> TLS PSK for one identity.
 * Returns FAULT_OS EOVERFLOW where a version 0 identity exceeds 255 bytes under PSK_RFC.
 */
struct fault psk_tls(int version, enum psk_kind kind, enum nvme_hash h,
		     const struct secret *retained, const struct psk_owner *owner,
		     enum psk_derivation d, struct secret *ret_tls_psk) MUST_CHECK;

/* The parts of an identity from the wire. Pointers borrow from the text given. */
struct psk_identity_parts {
	int version;
	enum psk_kind kind;
	enum nvme_hash hash;
	char hostnqn[224], subsysnqn[224], digest[PSK_DIGEST_LEN_MAX + 1];
};
/* False where @identity (no NUL needed; one trailing NUL is tolerated) is not of the form. */
bool psk_identity_parse(struct span identity, struct psk_identity_parts *ret) MUST_CHECK;
