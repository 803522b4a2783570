/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * auth_policy - which hashes and DH groups may be used, the most wanted first.
 *
 * A host offers its lists; a controller takes the first entry of its own list that the host
 * offers, so the controller's order decides. Secure channel concatenation needs a key from
 * Diffie-Hellman and a hash that TLS 1.3 has: the NULL group and SHA-512 then count as not
 * listed.
 */
#pragma once

#include "auth/auth_msg.h"
#include "crypto/ffdh.h"

#define AUTH_HASHES 3
#define AUTH_GROUPS 6

struct auth_policy {
	uint8_t hash_count, group_count;
	uint8_t hashes[AUTH_HASHES];	/* enum nvme_hash, no entry twice */
	uint8_t groups[AUTH_GROUPS];	/* enum ffdh_group, no entry twice */
};

/* Everything there is, the strongest first; the NULL group last. */
extern const struct auth_policy auth_policy_strongest;

/*
 * Lists in nvmet's words, with commas between them: "hmac(sha384),hmac(sha256)" and
 * "ffdhe3072,null". False, and @p as it was, for other words, one twice, or none.
 */
bool auth_policy_set_hashes(struct auth_policy *p, const char *list);
bool auth_policy_set_groups(struct auth_policy *p, const char *list);
/* nvmet's words; NULL for unknown ones. */
const char *auth_hash_name(uint8_t hash);
const char *auth_group_name(uint8_t group);

/* The lists of a Negotiate. False where concatenation leaves nothing to offer. */
bool auth_policy_offer(const struct auth_policy *p, struct auth_negotiate *n);
/* AUTH_FINE, AUTH_NO_HASH or AUTH_NO_GROUP. Unknown identifiers in @n are passed over. */
enum auth_failure auth_policy_choose(const struct auth_policy *p, const struct auth_negotiate *n,
				     uint8_t *ret_hash, uint8_t *ret_group);
