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
#include "base/log.h"
#include "nvme/fabrics.h"

#define FILE_MAX_BYTES 2048
#define KEYS_MAX       100000

static struct fault fault_at(struct keystore *ks, int err, enum cause cause, const char *path,
			     const char *why)
{
	snprintf(ks->error, sizeof(ks->error), "%.350s: %.120s", path, why);
	ks->hint[0] = '\0';
	return fault_os(err, cause);
}

/* The same, and what to do about it: a command and @path. */
static struct fault fault_hint(struct keystore *ks, struct fault why, const char *command,
			       const char *path)
{
	bool fits = strlen(path) <= 180;

	snprintf(ks->hint, sizeof(ks->hint), "%.60s %.180s", command, fits ? path : "it");
	return why;
}

static struct fault fault_errno(struct keystore *ks, const char *path)
{
	int err = errno;

	return fault_at(ks, err, CAUSE_OS, path, strerror(err));
}

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

/* Keys that others can read are no secrets; refuse rather than pretend. */
static struct fault check_private(struct keystore *ks, const char *path, const struct stat *st)
{
	bool dir = S_ISDIR(st->st_mode);
	char owner[32];

	snprintf(owner, sizeof(owner), "chown %u", (unsigned int)geteuid());
	if (st->st_mode & 077)
		return fault_hint(ks,
				  fault_at(ks, EACCES, CAUSE_KEYSTORE_ACCESS, path,
					   "not private, others may use it"),
				  dir ? "chmod 700" : "chmod 600", path);
	if (st->st_uid != geteuid() && geteuid() != 0)
		return fault_hint(ks,
				  fault_at(ks, EACCES, CAUSE_KEYSTORE_ACCESS, path,
					   "not private, it belongs to somebody else"),
				  owner, path);
	return OK;
}

static struct fault open_dir(struct keystore *ks, DIR **ret)
{
	struct fault why = OK;
	struct stat st;
	int fd = open(ks->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*ret = NULL;
	if (fd < 0)
		return fault_errno(ks, ks->dir);
	if (fstat(fd, &st) != 0)
		why = fault_errno(ks, ks->dir);
	else
		why = check_private(ks, ks->dir, &st);
	if (!fault_is(why))
		*ret = fdopendir(fd);
	if (!*ret) {
		if (!fault_is(why))
			why = fault_errno(ks, ks->dir);
		close(fd);
	}
	return why;
}

/* mkdir -p, the last one private. */
static struct fault make_dir(struct keystore *ks)
{
	char path[sizeof(ks->dir)];

	memcpy(path, ks->dir, sizeof(path));
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) != 0 && errno != EEXIST)
			return fault_errno(ks, path);
		*slash = '/';
	}
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return fault_errno(ks, path);
	return OK;
}

/* --- one file --- */

/* The value of "name value\n" in @text, or NULL. Not NUL-terminated; *ret_len without the newline. */
static const char *field(const char *text, const char *name, size_t *ret_len)
{
	size_t n = strlen(name);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, n) == 0 && line[n] == ' ') {
			*ret_len = strcspn(line + n + 1, "\n");
			return line + n + 1;
		}
	}
	return NULL;
}

static bool copy_field(const char *text, const char *name, char *dst, size_t size)
{
	size_t len;
	const char *value = field(text, name, &len);

	/* edited elsewhere: blanks and a carriage return at the end are no part of it */
	while (value && len > 0 && strchr(" \t\r", value[len - 1]))
		len--;
	if (!value || len == 0 || len >= size)
		return false;
	memcpy(dst, value, len);
	dst[len] = '\0';
	return true;
}

static bool parse_entry(const char *text, struct key_entry *ret)
{
	char key[PSK_INTERCHANGE_LEN_MAX + 1], word[16];
	bool good;

	memset(ret, 0, sizeof(*ret));
	good = copy_field(text, "hostnqn", ret->hostnqn, sizeof(ret->hostnqn)) &&
	       copy_field(text, "subsysnqn", ret->subsysnqn, sizeof(ret->subsysnqn)) &&
	       nvme_nqn_valid(ret->hostnqn, sizeof(ret->hostnqn)) &&
	       nvme_nqn_valid(ret->subsysnqn, sizeof(ret->subsysnqn));
	if (copy_field(text, "identity", word, sizeof(word))) {
		good = good && (strcmp(word, "0") == 0 || strcmp(word, "1") == 0);
		ret->identity_version = word[0] - '0';
	}
	if (copy_field(text, "derivation", word, sizeof(word))) {
		good = good && (strcmp(word, "rfc") == 0 || strcmp(word, "compat") == 0);
		ret->derivation = strcmp(word, "compat") == 0 ? PSK_COMPAT : PSK_RFC;
	}
	good = good && copy_field(text, "key", key, sizeof(key)) &&
	       !fault_is(psk_parse(key, &ret->psk));
	explicit_bzero(key, sizeof(key));
	if (!good)
		secret_wipe(&ret->psk.key);
	return good;
}

static struct fault read_entry(struct keystore *ks, int dirfd_, const char *name,
			       struct key_entry *ret)
{
	char text[FILE_MAX_BYTES + 1], path[600];
	/* not waiting: it may be a pipe */
	int fd = openat(dirfd_, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct fault why = OK;
	struct stat st;
	ssize_t n = 0;

	snprintf(path, sizeof(path), "%.350s/%.200s", ks->dir, name);
	if (fd < 0)
		return errno == ELOOP ? fault_at(ks, ELOOP, CAUSE_KEY_MALFORMED, path, "a symbolic link") :
					fault_errno(ks, path);
	if (fstat(fd, &st) != 0 || (n = read(fd, text, FILE_MAX_BYTES)) < 0)
		why = fault_errno(ks, path);
	else
		why = check_private(ks, path, &st);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	if (!fault_is(why) && !parse_entry(text, ret))
		why = fault_hint(ks,
				 fault_at(ks, EINVAL, CAUSE_KEY_MALFORMED, path, "not a key file"),
				 "insert its key again with check-tls-key -i, and rm", path);
	explicit_bzero(text, sizeof(text));
	if (fault_is(why))
		return why;
	ret->id = (uint32_t)strtoul(name, NULL, 16);
	ret->created_s = st.st_mtim.tv_sec;
	ret->created_ns = st.st_mtim.tv_nsec;
	return OK;
}

/* --- the whole store --- */

static bool is_key_file(const char *name)
{
	return strlen(name) == 12 && strspn(name, "0123456789abcdef") == 8 &&
	       strcmp(name + 8, ".key") == 0;
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

/* FNV-1a: these numbers only have to differ, nobody attacks them. */
static uint64_t mix(uint64_t h, const void *data, size_t len)
{
	for (const uint8_t *p = data; len; len--, p++)
		h = (h ^ *p) * 0x100000001b3;
	return h;
}

#define MIX_START 0xcbf29ce484222325

static uint64_t file_stamp(const char *name, const struct stat *st)
{
	int64_t v[] = { st->st_mtim.tv_sec, st->st_mtim.tv_nsec, st->st_ctim.tv_sec,
			st->st_ctim.tv_nsec, st->st_size };

	return mix(mix(MIX_START, name, strlen(name)), v, sizeof(v));
}

/* Has this been said? It is from now on. */
static bool said_before(struct keystore *ks, uint64_t stamp)
{
	for (uint32_t i = 0; i < ks->said_count && i < KEYSTORE_SAID; i++)
		if (ks->said[i] == stamp)
			return true;
	ks->said[ks->said_count++ % KEYSTORE_SAID] = stamp;
	return false;
}

/* A bad file has one warning, until it changes; where there are many, the first stand for all. */
static void leave_out(struct keystore *ks, int dirfd_, const char *name, size_t before)
{
	struct stat st = { 0 };

	if (before >= KEYSTORE_SAID / 2)
		return;
	(void)fstatat(dirfd_, name, &st, AT_SYMLINK_NOFOLLOW);
	if (!said_before(ks, file_stamp(name, &st)))
		log_warn("key store: %s; this key is left out%s%s", ks->error,
			 ks->hint[0] ? "; " : "", ks->hint);
}

static void leave_out_rest(struct keystore *ks, size_t count)
{
	if (count > KEYSTORE_SAID / 2 && !said_before(ks, count))
		log_warn("key store: %s: %zu keys are left out, the first of them are named above",
			 ks->dir, count);
}

/* Is it this file alone? Otherwise the whole store cannot be read now. */
static bool only_this_file(struct fault why)
{
	return why.code != EMFILE && why.code != ENFILE && why.code != ENOMEM;
}

static struct fault grow(struct keystore *ks, struct key_entry **list, size_t count, size_t *cap)
{
	struct key_entry *bigger = NULL;

	if (count < *cap)
		return OK;
	if (count < KEYS_MAX)
		bigger = calloc(*cap ? *cap * 2 : 16, sizeof(**list));
	if (!bigger)
		return fault_at(ks, ENOMEM, CAUSE_NO_MEMORY, ks->dir, "too many keys");
	if (count)
		memcpy(bigger, *list, count * sizeof(**list));
	keystore_free_list(*list, count);
	*list = bigger;
	*cap = *cap ? *cap * 2 : 16;
	return OK;
}

static struct fault read_all(struct keystore *ks, DIR *dir, struct key_entry **list, size_t *count)
{
	struct dirent *d;
	size_t cap = 0, bad = 0;

	while ((d = readdir(dir))) {
		struct fault why;

		if (!is_key_file(d->d_name))
			continue;
		TRY(grow(ks, list, *count, &cap));
		why = read_entry(ks, dirfd(dir), d->d_name, &(*list)[*count]);
		if (!fault_is(why))
			(*count)++;
		else if (!only_this_file(why))
			return why;
		else if (why.code != ENOENT)	/* it was removed just now */
			leave_out(ks, dirfd(dir), d->d_name, bad++);
	}
	leave_out_rest(ks, bad);
	return OK;
}

uint64_t keystore_stamp(const struct keystore *ks, int64_t *ret_newest_s)
{
	uint64_t sum = 0;
	struct dirent *d;
	struct stat st;
	DIR *dir = opendir(ks->dir);

	*ret_newest_s = 0;
	if (!dir)
		return stat(ks->dir, &st) == 0 ? file_stamp("", &st) : 0;
	/* a sum: the order of a directory means nothing */
	while ((d = readdir(dir))) {
		bool self = strcmp(d->d_name, ".") == 0;

		if ((!self && !is_key_file(d->d_name)) ||
		    fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		sum += file_stamp(d->d_name, &st);
		if (st.st_ctim.tv_sec > *ret_newest_s)
			*ret_newest_s = st.st_ctim.tv_sec;
	}
	closedir(dir);
	return sum ? sum : 1;
}

struct fault keystore_list(struct keystore *ks, struct key_entry **ret_list, size_t *ret_count)
{
	struct key_entry *list = NULL;
	struct fault why;
	size_t count = 0;
	DIR *dir;

	*ret_list = NULL;
	*ret_count = 0;
	why = open_dir(ks, &dir);
	if (fault_is(why))
		return why.code == ENOENT ? OK : why;
	why = read_all(ks, dir, &list, &count);
	closedir(dir);
	if (fault_is(why)) {
		keystore_free_list(list, count);
		return why;
	}
	if (count)
		qsort(list, count, sizeof(*list), newest_first);
	*ret_list = list;
	*ret_count = count;
	return OK;
}

void keystore_free_list(struct key_entry *list, size_t count)
{
	if (list)
		explicit_bzero(list, count * sizeof(*list));
	free(list);
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
		return fault_at(ks, EIO, CAUSE_OS, ks->dir, "no SHA-256 here");
	*ret = load_be32(digest) & 0x7fffffff;	/* looks like a key serial: positive */
	return OK;
}

/* False with errno. */
static bool write_text(int fd, const struct key_entry *e)
{
	char text[FILE_MAX_BYTES], key[PSK_INTERCHANGE_LEN_MAX + 1];
	ssize_t done;
	bool good;
	int n;

	psk_format(&e->psk, key);
	n = snprintf(text, sizeof(text),
		     "# a TLS key of nvmetls; see nvmetls-keystore(5)\nhostnqn %s\nsubsysnqn %s\n"
		     "identity %d\nderivation %s\nkey %s\n",
		     e->hostnqn, e->subsysnqn, e->identity_version,
		     e->derivation == PSK_COMPAT ? "compat" : "rfc", key);
	assert(n > 0 && (size_t)n < sizeof(text));
	done = write(fd, text, (size_t)n);
	if (done >= 0 && done < n)
		errno = ENOSPC;	/* what is full writes a part */
	good = done == n && fsync(fd) == 0;
	explicit_bzero(text, sizeof(text));
	explicit_bzero(key, sizeof(key));
	return good;
}

static struct fault write_entry(struct keystore *ks, int dir, const struct key_entry *e)
{
	char name[16], tmp[40], path[600];
	struct fault why;
	int fd;
	bool good;

	snprintf(name, sizeof(name), "%08x.key", e->id);
	snprintf(tmp, sizeof(tmp), ".%08x.%ld.tmp", e->id, (long)getpid());
	snprintf(path, sizeof(path), "%.350s/%s", ks->dir, name);
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fault_errno(ks, path);
	good = write_text(fd, e);
	why = good ? OK : fault_errno(ks, path);
	if (close(fd) != 0 && good)
		why = fault_errno(ks, path);
	if (!fault_is(why) && (renameat(dir, tmp, dir, name) != 0 || fsync(dir) != 0))
		why = fault_errno(ks, path);
	if (fault_is(why))
		unlinkat(dir, tmp, 0);
	return why;
}

struct fault keystore_insert(struct keystore *ks, struct key_entry *e)
{
	struct fault why;
	DIR *dir;

	/* a name with a line end would be a file that nobody can read, or says something else */
	if (!nvme_nqn_valid(e->hostnqn, sizeof(e->hostnqn)) ||
	    !nvme_nqn_valid(e->subsysnqn, sizeof(e->subsysnqn)))
		return fault_at(ks, EINVAL, CAUSE_ARGUMENT, ks->dir, "not the NQN of a host and a subsystem");
	TRY(make_id(ks, e, &e->id));
	TRY(make_dir(ks));
	TRY(open_dir(ks, &dir));
	why = write_entry(ks, dirfd(dir), e);
	closedir(dir);
	return why;
}

struct fault keystore_remove(struct keystore *ks, uint32_t id)
{
	char path[sizeof(ks->dir) + 16];

	snprintf(path, sizeof(path), "%s/%08x.key", ks->dir, id);
	return unlink(path) == 0 ? OK : fault_errno(ks, path);
}
