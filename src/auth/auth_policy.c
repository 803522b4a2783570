/* SPDX-License-Identifier: BSD-3-Clause */
#include "auth/auth_policy.h"

#include <string.h>

#include "base/bytes.h"

const struct auth_policy auth_policy_strongest = {
	.hash_count = AUTH_HASHES,
	.group_count = AUTH_GROUPS,
	.hashes = { NVME_HASH_SHA512, NVME_HASH_SHA384, NVME_HASH_SHA256 },
	.groups = { FFDHE_8192, FFDHE_6144, FFDHE_4096, FFDHE_3072, FFDHE_2048, FFDH_NULL },
};

/* By identifier. */
static const char *const hash_names[] = { NULL, "hmac(sha256)", "hmac(sha384)", "hmac(sha512)" };
static const char *const group_names[] = { "null",	"ffdhe2048", "ffdhe3072",
					   "ffdhe4096", "ffdhe6144", "ffdhe8192" };

const char *auth_hash_name(uint8_t hash)
{
	return hash < ARRAY_SIZE(hash_names) ? hash_names[hash] : NULL;
}

const char *auth_group_name(uint8_t group)
{
	return group < ARRAY_SIZE(group_names) ? group_names[group] : NULL;
}

/* The identifier that @len characters at @word name, or -1. */
static int find_name(const char *const *names, size_t count, const char *word, size_t len)
{
	for (size_t i = 0; i < count; i++)
		if (names[i] && strlen(names[i]) == len && memcmp(names[i], word, len) == 0)
			return (int)i;
	return -1;
}

/* How many identifiers @list has; 0 where it is no list of these names. */
static uint8_t parse_list(const char *const *names, size_t count, const char *list, uint8_t *ids)
{
	unsigned int seen = 0;
	uint8_t n = 0;

	while (list) {
		const char *comma = strchr(list, ',');
		size_t len = comma ? (size_t)(comma - list) : strlen(list);
		int id = find_name(names, count, list, len);

		if (id < 0 || (seen & 1u << id))
			return 0;
		seen |= 1u << id;
		ids[n++] = (uint8_t)id;
		list = comma ? comma + 1 : NULL;
	}
	return n;
}

bool auth_policy_set_hashes(struct auth_policy *p, const char *list)
{
	uint8_t ids[ARRAY_SIZE(hash_names)];
	uint8_t n = parse_list(hash_names, ARRAY_SIZE(hash_names), list, ids);

	if (n) {
		p->hash_count = n;
		memcpy(p->hashes, ids, n);
	}
	return n > 0;
}

bool auth_policy_set_groups(struct auth_policy *p, const char *list)
{
	uint8_t ids[ARRAY_SIZE(group_names)];
	uint8_t n = parse_list(group_names, ARRAY_SIZE(group_names), list, ids);

	if (n) {
		p->group_count = n;
		memcpy(p->groups, ids, n);
	}
	return n > 0;
}

static bool hash_allowed(uint8_t hash, uint8_t concat)
{
	return concat == AUTH_NO_CONCAT || hash != NVME_HASH_SHA512;
}

static bool group_allowed(uint8_t group, uint8_t concat)
{
	return concat == AUTH_NO_CONCAT || group != FFDH_NULL;
}

bool auth_policy_offer(const struct auth_policy *p, struct auth_negotiate *n)
{
	n->hash_count = n->group_count = 0;
	for (uint8_t i = 0; i < p->hash_count; i++)
		if (hash_allowed(p->hashes[i], n->concat))
			n->hashes[n->hash_count++] = p->hashes[i];
	for (uint8_t i = 0; i < p->group_count; i++)
		if (group_allowed(p->groups[i], n->concat))
			n->groups[n->group_count++] = p->groups[i];
	return n->hash_count && n->group_count;
}

/* The first of @own that is allowed and among the @count at @offered. */
static bool choose(const uint8_t *own, uint8_t own_count, const uint8_t *offered, uint8_t count,
		   uint8_t concat, bool (*allowed)(uint8_t, uint8_t), uint8_t *ret)
{
	for (uint8_t i = 0; i < own_count; i++)
		if (allowed(own[i], concat) && memchr(offered, own[i], count)) {
			*ret = own[i];
			return true;
		}
	return false;
}

enum auth_failure auth_policy_choose(const struct auth_policy *p, const struct auth_negotiate *n,
				     uint8_t *ret_hash, uint8_t *ret_group)
{
	if (!choose(p->hashes, p->hash_count, n->hashes, n->hash_count, n->concat, hash_allowed,
		    ret_hash))
		return AUTH_NO_HASH;
	if (!choose(p->groups, p->group_count, n->groups, n->group_count, n->concat, group_allowed,
		    ret_group))
		return AUTH_NO_GROUP;
	return AUTH_FINE;
}
