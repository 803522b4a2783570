/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dhchap - what is computed in one DH-HMAC-CHAP transaction (NVMe Base 2.1 §8.3.5.5.3 to .6).
 *
 *	Ks  = H(g^xy mod p)
 *	Ca1 = C1, or HMAC(Ks, C1) with Diffie-Hellman; Ca2 likewise
 *	R1  = HMAC(K_h, Ca1 | S1 | T_ID | SC_C | "HostHost" | host NQN | 00h | subsystem NQN)
 *	R2  = HMAC(K_c, Ca2 | S2 | T_ID | SC_C | "Controller" | subsystem NQN | 00h | host NQN)
 *	generated PSK = HMAC(Ks, C1 | C2)
 *
 * H and HMAC are those of the hash in the challenge. K_h and K_c: dhchap_key_transform().
 */
#pragma once

#include "base/secret.h"
#include "base/span.h"
#include "crypto/kdf.h"

/* One transaction, as both ends see it. */
struct dhchap {
	uint8_t hash, group;	/* enum nvme_hash, enum ffdh_group: known ones */
	uint8_t concat;		/* SC_C */
	uint16_t t_id;
	uint32_t s1, s2;
	uint8_t c1[HASH_LEN_MAX], c2[HASH_LEN_MAX];	/* hash_len() bytes */
	struct secret ks;	/* session key; empty without Diffie-Hellman */
	const char *hostnqn, *subsysnqn;	/* borrowed */
};

/* All return 0, or -1 when libcrypto refuses (the result is then zero). */
int dhchap_session_key(enum nvme_hash h, struct span shared, struct secret *ret_ks);
int dhchap_response1(const struct dhchap *x, const struct secret *k_h, uint8_t r1[HASH_LEN_MAX]);
int dhchap_response2(const struct dhchap *x, const struct secret *k_c, uint8_t r2[HASH_LEN_MAX]);
/* For secure channel concatenation; @x has a session key. As long as the hash. */
int dhchap_generated_psk(const struct dhchap *x, struct secret *ret_psk);
