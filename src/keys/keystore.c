/* SPDX-License-Identifier: BSD-3-Clause */
#include "keys/keystore.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "keys/keystore_impl.h"
#include "nvme/fabrics.h"

/* $HOME, or where the system says this user is at home. */
static void in_home(struct keystore *ks, const char *home)
{
	struct passwd entry, *found = NULL;
	char strings[1024];

	if (!home || !home[0])
		getpwuid_r(geteuid(), &entry, strings, sizeof(strings), &found);
	snprintf(ks->dir, sizeof(ks->dir), "%s/.config/nvmetls/keys",
		 home && home[0] ? home : found ? found->pw_dir : "");
}

void keystore_init(struct keystore *ks, const char *dir)
{
	const char *env = getenv("NVMETLS_KEYSTORE"), *xdg = getenv("XDG_CONFIG_HOME"),
		   *home = getenv("HOME");

	memset(ks, 0, sizeof(*ks));
	if (dir || (env && env[0]))
		snprintf(ks->dir, sizeof(ks->dir), "%s", dir ? dir : env);
	else if (geteuid() == 0)
		snprintf(ks->dir, sizeof(ks->dir), "/etc/nvmetls/keys");
	else if (xdg && xdg[0])
		snprintf(ks->dir, sizeof(ks->dir), "%s/nvmetls/keys", xdg);
	else
		in_home(ks, home);
}

/* --- one file --- */

static bool parse_entry(const char *text, void *entry)
{
	struct key_entry *ret = entry;
	char key[PSK_INTERCHANGE_LEN_MAX + 1], word[16];
	bool good;

	memset(ret, 0, sizeof(*ret));
	good = keystore_copy_field(text, "hostnqn", ret->hostnqn, sizeof(ret->hostnqn)) &&
	       keystore_copy_field(text, "subsysnqn", ret->subsysnqn, sizeof(ret->subsysnqn)) &&
	       nvme_nqn_valid(ret->hostnqn, sizeof(ret->hostnqn)) &&
	       nvme_nqn_valid(ret->subsysnqn, sizeof(ret->subsysnqn));
	if (keystore_copy_field(text, "identity", word, sizeof(word))) {
		good = good && (strcmp(word, "0") == 0 || strcmp(word, "1") == 0);
		ret->identity_version = word[0] - '0';
	}
	if (keystore_copy_field(text, "derivation", word, sizeof(word))) {
		good = good && (strcmp(word, "rfc") == 0 || strcmp(word, "compat") == 0);
		ret->derivation = strcmp(word, "compat") == 0 ? PSK_COMPAT : PSK_RFC;
	}
	good = good && keystore_copy_field(text, "key", key, sizeof(key)) &&
	       !fault_is(psk_parse(key, &ret->psk));
	explicit_bzero(key, sizeof(key));
	if (!good)
		secret_wipe(&ret->psk.key);
	return good;
}

/* --- the whole store --- */

static void date_entry(void *entry, uint32_t id, const struct timespec *created)
{
	struct key_entry *e = entry;

	e->id = id;
	e->created_s = created->tv_sec;
	e->created_ns = created->tv_nsec;
}

static int newest_first(const void *a, const void *b)
{
	const struct key_entry *x = a, *y = b;

	if (x->created_s != y->created_s)
		return x->created_s < y->created_s ? 1 : -1;
	if (x->created_ns != y->created_ns)
		return x->created_ns < y->created_ns ? 1 : -1;
	return x->id < y->id ? 1 : -1;
}

static const struct keystore_kind tls_keys = {
	.suffix = ".key",
	.again = "insert its key again with check-tls-key -i, and rm",
	.size = sizeof(struct key_entry),
	.parse = parse_entry,
	.date = date_entry,
	.newest_first = newest_first,
};

/* A key of any kind. */
static bool of_interest(const char *name)
{
	return keystore_is_file(name, tls_keys.suffix) || keystore_is_file(name, ".dhchap");
}

uint64_t keystore_stamp(const struct keystore *ks, int64_t *ret_newest_s)
{
	uint64_t sum = 0;
	struct dirent *d;
	struct stat st;
	DIR *dir = opendir(ks->dir);

	*ret_newest_s = 0;
	if (!dir)
		return stat(ks->dir, &st) == 0 ? keystore_file_stamp("", &st) : 0;
	/* a sum: the order of a directory means nothing */
	while ((d = readdir(dir))) {
		bool self = strcmp(d->d_name, ".") == 0;

		if ((!self && !of_interest(d->d_name)) ||
		    fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		sum += keystore_file_stamp(d->d_name, &st);
		if (st.st_ctim.tv_sec > *ret_newest_s)
			*ret_newest_s = st.st_ctim.tv_sec;
	}
	closedir(dir);
	return sum ? sum : 1;
}

struct fault keystore_list(struct keystore *ks, struct key_entry **ret_list, size_t *ret_count)
{
	void *list;
	struct fault why = keystore_read(ks, &tls_keys, &list, ret_count);

	*ret_list = list;
	return why;
}

void keystore_free_list(struct key_entry *list, size_t count)
{
	keystore_wipe(list, count, sizeof(*list));
}

struct fault keystore_find(struct keystore *ks, const char *hostnqn, const char *subsysnqn,
			   struct key_entry *ret)
{
	struct fault why = fault_os(ENOENT, CAUSE_PSK_MISSING);
	struct key_entry *list;
	size_t count;

	TRY(keystore_list(ks, &list, &count));
	ks->hint[0] = '\0';
	snprintf(ks->error, sizeof(ks->error), "no PSK for host %.223s and subsystem %.223s in the key store %.350s%s",
		 hostnqn, subsysnqn, ks->dir,
		 access(ks->dir, F_OK) == 0 ? "" : ", which does not exist");
	for (size_t i = 0; i < count && fault_is(why); i++) {
		if (strcmp(list[i].hostnqn, hostnqn) || strcmp(list[i].subsysnqn, subsysnqn))
			continue;
		memcpy(ret, &list[i], sizeof(*ret));
		why = OK;
	}
	keystore_free_list(list, count);
	return why;
}

/*
 * The id: of what the key is for and of a one-way digest of what it is, so that two keys for one
 * pair are two files and the same key twice is one.
 */
static struct fault make_id(struct keystore *ks, const struct key_entry *e, uint32_t *ret)
{
	char head[2 * 224 + 32];
	int n = snprintf(head, sizeof(head), "nvmetls key %d %d %d %s %s ", e->identity_version,
			 (int)e->derivation, (int)e->psk.hash, e->hostnqn, e->subsysnqn);
	struct span parts[] = { span_of(head, (size_t)n),
				span_of(e->psk.key.bytes, e->psk.key.len) };
	uint8_t digest[HASH_LEN_MAX];

	if (kdf_hash(NVME_HASH_SHA256, parts, 2, digest))
		return keystore_fault_at(ks, EIO, CAUSE_OS, ks->dir, "no SHA-256 here");
	*ret = load_be32(digest) & 0x7fffffff;	/* looks like a key serial: positive */
	return OK;
}

struct fault keystore_insert(struct keystore *ks, struct key_entry *e)
{
	char text[KEYSTORE_FILE_MAX], key[PSK_INTERCHANGE_LEN_MAX + 1], name[16];
	struct fault why;
	int n;

	/* a name with a line end would be a file that nobody can read, or says something else */
	if (!nvme_nqn_valid(e->hostnqn, sizeof(e->hostnqn)) ||
	    !nvme_nqn_valid(e->subsysnqn, sizeof(e->subsysnqn)))
		return keystore_fault_at(ks, EINVAL, CAUSE_ARGUMENT, ks->dir,
					 "not the NQN of a host and a subsystem");
	TRY(make_id(ks, e, &e->id));
	psk_format(&e->psk, key);
	n = snprintf(text, sizeof(text),
		     "# a TLS key of nvmetls; see nvmetls-keystore(5)\nhostnqn %s\nsubsysnqn %s\n"
		     "identity %d\nderivation %s\nkey %s\n",
		     e->hostnqn, e->subsysnqn, e->identity_version,
		     e->derivation == PSK_COMPAT ? "compat" : "rfc", key);
	assert(n > 0 && (size_t)n < sizeof(text));
	snprintf(name, sizeof(name), "%08x%s", e->id, tls_keys.suffix);
	why = keystore_write(ks, name, text);
	explicit_bzero(text, sizeof(text));
	explicit_bzero(key, sizeof(key));
	return why;
}

struct fault keystore_remove(struct keystore *ks, uint32_t id)
{
	char name[16];

	snprintf(name, sizeof(name), "%08x%s", id, tls_keys.suffix);
	return keystore_unlink(ks, name);
}
