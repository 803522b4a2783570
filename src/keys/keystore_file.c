/* SPDX-License-Identifier: BSD-3-Clause */
/* The files of a key store, whatever is in them: who may read them, whole writes, bad ones. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "keys/keystore_impl.h"

#define KEYS_MAX 100000

struct fault keystore_fault_at(struct keystore *ks, int err, enum cause cause, const char *path,
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

	return keystore_fault_at(ks, err, CAUSE_OS, path, strerror(err));
}

/* Keys that others can read are no secrets; refuse rather than pretend. */
static struct fault check_private(struct keystore *ks, const char *path, const struct stat *st)
{
	bool dir = S_ISDIR(st->st_mode);
	char owner[32];

	snprintf(owner, sizeof(owner), "chown %u", (unsigned int)geteuid());
	if (st->st_mode & 077)
		return fault_hint(ks,
				  keystore_fault_at(ks, EACCES, CAUSE_KEYSTORE_ACCESS, path,
						    "not private, others may use it"),
				  dir ? "chmod 700" : "chmod 600", path);
	if (st->st_uid != geteuid() && geteuid() != 0)
		return fault_hint(ks,
				  keystore_fault_at(ks, EACCES, CAUSE_KEYSTORE_ACCESS, path,
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

bool keystore_copy_field(const char *text, const char *name, char *dst, size_t size)
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

bool keystore_has_field(const char *text, const char *name)
{
	size_t len;

	return field(text, name, &len) != NULL;
}

static struct fault read_file(struct keystore *ks, const struct keystore_kind *kind, int dirfd_,
			      const char *name, void *ret)
{
	char text[KEYSTORE_FILE_MAX + 1], path[600];
	/* not waiting: it may be a pipe */
	int fd = openat(dirfd_, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct fault why = OK;
	struct stat st;
	ssize_t n = 0;

	snprintf(path, sizeof(path), "%.350s/%.200s", ks->dir, name);
	if (fd < 0)
		return errno == ELOOP ? keystore_fault_at(ks, ELOOP, CAUSE_KEY_MALFORMED, path,
							  "a symbolic link") :
					fault_errno(ks, path);
	if (fstat(fd, &st) != 0 || (n = read(fd, text, KEYSTORE_FILE_MAX)) < 0)
		why = fault_errno(ks, path);
	else
		why = check_private(ks, path, &st);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	if (!fault_is(why) && !kind->parse(text, ret))
		why = fault_hint(ks,
				 keystore_fault_at(ks, EINVAL, CAUSE_KEY_MALFORMED, path,
						   "not a key file"),
				 kind->again, path);
	explicit_bzero(text, sizeof(text));
	if (!fault_is(why))
		kind->date(ret, (uint32_t)strtoul(name, NULL, 16), &st.st_mtim);
	return why;
}

bool keystore_is_file(const char *name, const char *suffix)
{
	return strspn(name, "0123456789abcdef") == 8 && strcmp(name + 8, suffix) == 0;
}

/* False with errno. */
static bool write_text(int fd, const char *text, size_t len)
{
	ssize_t done = write(fd, text, len);

	if (done >= 0 && (size_t)done < len)
		errno = ENOSPC;	/* what is full writes a part */
	return done == (ssize_t)len && fsync(fd) == 0;
}

static struct fault write_file(struct keystore *ks, int dir, const char *name, const char *text)
{
	char tmp[60], path[600];
	struct fault why;
	int fd;
	bool good;

	snprintf(tmp, sizeof(tmp), ".%.20s.%ld.tmp", name, (long)getpid());
	snprintf(path, sizeof(path), "%.350s/%.20s", ks->dir, name);
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fault_errno(ks, path);
	good = write_text(fd, text, strlen(text));
	why = good ? OK : fault_errno(ks, path);
	if (close(fd) != 0 && good)
		why = fault_errno(ks, path);
	if (!fault_is(why) && (renameat(dir, tmp, dir, name) != 0 || fsync(dir) != 0))
		why = fault_errno(ks, path);
	if (fault_is(why))
		unlinkat(dir, tmp, 0);
	return why;
}

struct fault keystore_write(struct keystore *ks, const char *name, const char *text)
{
	struct fault why;
	DIR *dir;

	TRY(make_dir(ks));
	TRY(open_dir(ks, &dir));
	why = write_file(ks, dirfd(dir), name, text);
	closedir(dir);
	return why;
}

struct fault keystore_unlink(struct keystore *ks, const char *name)
{
	char path[sizeof(ks->dir) + 32];

	snprintf(path, sizeof(path), "%s/%.20s", ks->dir, name);
	return unlink(path) == 0 ? OK : fault_errno(ks, path);
}

/* --- the whole store --- */

/* FNV-1a: these numbers only have to differ, nobody attacks them. */
static uint64_t mix(uint64_t h, const void *data, size_t len)
{
	for (const uint8_t *p = data; len; len--, p++)
		h = (h ^ *p) * 0x100000001b3;
	return h;
}

#define MIX_START 0xcbf29ce484222325

uint64_t keystore_file_stamp(const char *name, const struct stat *st)
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
	if (!said_before(ks, keystore_file_stamp(name, &st)))
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

void keystore_wipe(void *list, size_t count, size_t size)
{
	if (list)
		explicit_bzero(list, count * size);
	free(list);
}

struct list_of {
	const struct keystore_kind *kind;
	char *entries;
	size_t count, cap;
};

static struct fault grow(struct keystore *ks, struct list_of *l)
{
	size_t cap = l->cap ? l->cap * 2 : 16;
	char *bigger = NULL;

	if (l->count < l->cap)
		return OK;
	if (l->count < KEYS_MAX)
		bigger = calloc(cap, l->kind->size);
	if (!bigger)
		return keystore_fault_at(ks, ENOMEM, CAUSE_NO_MEMORY, ks->dir, "too many keys");
	if (l->count)
		memcpy(bigger, l->entries, l->count * l->kind->size);
	keystore_wipe(l->entries, l->count, l->kind->size);
	l->entries = bigger;
	l->cap = cap;
	return OK;
}

static struct fault read_all(struct keystore *ks, DIR *dir, struct list_of *l)
{
	struct dirent *d;
	size_t bad = 0;

	while ((d = readdir(dir))) {
		struct fault why;

		if (!keystore_is_file(d->d_name, l->kind->suffix))
			continue;
		TRY(grow(ks, l));
		why = read_file(ks, l->kind, dirfd(dir), d->d_name,
				l->entries + l->count * l->kind->size);
		if (!fault_is(why))
			l->count++;
		else if (!only_this_file(why))
			return why;
		else if (why.code != ENOENT)	/* it was removed just now */
			leave_out(ks, dirfd(dir), d->d_name, bad++);
	}
	leave_out_rest(ks, bad);
	return OK;
}

struct fault keystore_read(struct keystore *ks, const struct keystore_kind *kind, void **ret_list,
			   size_t *ret_count)
{
	struct list_of l = { .kind = kind };
	struct fault why;
	DIR *dir;

	*ret_list = NULL;
	*ret_count = 0;
	why = open_dir(ks, &dir);
	if (fault_is(why))
		return why.code == ENOENT ? OK : why;
	why = read_all(ks, dir, &l);
	closedir(dir);
	if (fault_is(why)) {
		keystore_wipe(l.entries, l.count, kind->size);
		return why;
	}
	if (l.count)
		qsort(l.entries, l.count, kind->size, kind->newest_first);
	*ret_list = l.entries;
	*ret_count = l.count;
	return OK;
}
