/* SPDX-License-Identifier: BSD-3-Clause */
#include "keys/dhchap_store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "keys/keystore_impl.h"
#include "nvme/fabrics.h"

static bool valid_names(const struct dhchap_entry *e)
{
	return nvme_nqn_valid(e->hostnqn, sizeof(e->hostnqn)) &&
	       (!e->subsysnqn[0] || nvme_nqn_valid(e->subsysnqn, sizeof(e->subsysnqn)));
}

/* 1: there is such a line and a key in it; 0: there is no such line; -1: there is something else. */
static int parse_key(const char *text, const char *name, struct dhchap_key *ret)
{
	char key[DHCHAP_KEY_LEN_MAX + 1];
	bool good;

	memset(key, 0, sizeof(key));
	if (!keystore_copy_field(text, name, key, sizeof(key)))
		return keystore_has_field(text, name) ? -1 : 0;
	good = !fault_is(dhchap_key_parse(key, ret));
	explicit_bzero(key, sizeof(key));
	return good ? 1 : -1;
}

static bool parse_entry(const char *text, void *entry)
{
	struct dhchap_entry *ret = entry;
	bool good;

	memset(ret, 0, sizeof(*ret));
	good = keystore_copy_field(text, "hostnqn", ret->hostnqn, sizeof(ret->hostnqn)) &&
	       (keystore_copy_field(text, "subsysnqn", ret->subsysnqn, sizeof(ret->subsysnqn)) ||
		!keystore_has_field(text, "subsysnqn")) &&
	       valid_names(ret) && parse_key(text, "secret", &ret->host) == 1 &&
	       parse_key(text, "ctrl-secret", &ret->ctrl) >= 0;
	if (!good)
		explicit_bzero(ret, sizeof(*ret));
	return good;
}

static void date_entry(void *entry, uint32_t id, const struct timespec *created)
{
	struct dhchap_entry *e = entry;

	e->id = id;
	e->created_s = created->tv_sec;
	e->created_ns = created->tv_nsec;
}

static int newest_first(const void *a, const void *b)
{
	const struct dhchap_entry *x = a, *y = b;

	if (x->created_s != y->created_s)
		return x->created_s < y->created_s ? 1 : -1;
	if (x->created_ns != y->created_ns)
		return x->created_ns < y->created_ns ? 1 : -1;
	return x->id < y->id ? 1 : -1;
}

static const struct keystore_kind dhchap_keys = {
	.suffix = ".dhchap",
	.again = "insert its key again with check-dhchap-key -i, and rm",
	.size = sizeof(struct dhchap_entry),
	.parse = parse_entry,
	.date = date_entry,
	.newest_first = newest_first,
};

struct fault keystore_dhchap_list(struct keystore *ks, struct dhchap_entry **ret_list,
				  size_t *ret_count)
{
	void *list;
	struct fault why = keystore_read(ks, &dhchap_keys, &list, ret_count);

	*ret_list = list;
	return why;
}

void keystore_dhchap_free_list(struct dhchap_entry *list, size_t count)
{
	keystore_wipe(list, count, sizeof(*list));
}

/* The newest whose subsystem is @subsysnqn. */
static const struct dhchap_entry *find(const struct dhchap_entry *list, size_t count,
				       const char *hostnqn, const char *subsysnqn)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].hostnqn, hostnqn) == 0 &&
		    strcmp(list[i].subsysnqn, subsysnqn) == 0)
			return &list[i];
	return NULL;
}

const struct dhchap_entry *dhchap_entry_find(const struct dhchap_entry *list, size_t count,
					     const char *hostnqn, const char *subsysnqn, bool any)
{
	const struct dhchap_entry *e = find(list, count, hostnqn, subsysnqn);

	return e || !any ? e : find(list, count, hostnqn, "");
}

struct fault keystore_dhchap_get(struct keystore *ks, const char *hostnqn, const char *subsysnqn,
				 struct dhchap_entry *ret)
{
	const struct dhchap_entry *found;
	struct dhchap_entry *list;
	size_t count;

	TRY(keystore_dhchap_list(ks, &list, &count));
	found = dhchap_entry_find(list, count, hostnqn, subsysnqn, true);
	if (found)
		memcpy(ret, found, sizeof(*ret));
	keystore_dhchap_free_list(list, count);
	if (found)
		return OK;
	ks->hint[0] = '\0';
	snprintf(ks->error, sizeof(ks->error),
		 "no DH-HMAC-CHAP key for host %.223s and subsystem %.223s in the key store %.350s%s",
		 hostnqn, subsysnqn, ks->dir,
		 access(ks->dir, F_OK) == 0 ? "" : ", which does not exist");
	return fault_os(ENOENT, CAUSE_AUTH_KEY_MISSING);
}

/* One pair has one file: the secrets that are inserted later replace those before. */
static struct fault make_id(struct keystore *ks, const struct dhchap_entry *e, uint32_t *ret)
{
	char text[2 * 224 + 32];
	int n = snprintf(text, sizeof(text), "nvmetls dhchap %s %s", e->hostnqn, e->subsysnqn);
	struct span part = span_of(text, (size_t)n);
	uint8_t digest[HASH_LEN_MAX];

	if (kdf_hash(NVME_HASH_SHA256, &part, 1, digest))
		return keystore_fault_at(ks, EIO, CAUSE_OS, ks->dir, "no SHA-256 here");
	*ret = load_be32(digest) & 0x7fffffff;
	return OK;
}

static void format_entry(const struct dhchap_entry *e, char *text, size_t size)
{
	char host[DHCHAP_KEY_LEN_MAX + 1], ctrl[DHCHAP_KEY_LEN_MAX + 1] = "";
	bool any = !e->subsysnqn[0], mutual = e->ctrl.secret.len > 0;
	int n;

	dhchap_key_format(&e->host, host);
	if (mutual)
		dhchap_key_format(&e->ctrl, ctrl);
	n = snprintf(text, size,
		     "# a DH-HMAC-CHAP key of nvmetls; see nvmetls-keystore(5)\nhostnqn %s\n"
		     "%s%s%ssecret %s\n%s%s%s",
		     e->hostnqn, any ? "" : "subsysnqn ", e->subsysnqn, any ? "" : "\n", host,
		     mutual ? "ctrl-secret " : "", ctrl, mutual ? "\n" : "");
	assert(n > 0 && (size_t)n < size);
	explicit_bzero(host, sizeof(host));
	explicit_bzero(ctrl, sizeof(ctrl));
}

struct fault keystore_dhchap_insert(struct keystore *ks, struct dhchap_entry *e)
{
	char text[KEYSTORE_FILE_MAX], name[24];
	struct fault why;

	if (!valid_names(e) || e->host.secret.len == 0)
		return keystore_fault_at(ks, EINVAL, CAUSE_ARGUMENT, ks->dir,
					 "not the NQN of a host and a subsystem, and a secret");
	TRY(make_id(ks, e, &e->id));
	format_entry(e, text, sizeof(text));
	snprintf(name, sizeof(name), "%08x%s", e->id, dhchap_keys.suffix);
	why = keystore_write(ks, name, text);
	explicit_bzero(text, sizeof(text));
	return why;
}

struct fault keystore_dhchap_remove(struct keystore *ks, uint32_t id)
{
	char name[24];

	snprintf(name, sizeof(name), "%08x%s", id, dhchap_keys.suffix);
	return keystore_unlink(ks, name);
}
