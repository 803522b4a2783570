/* SPDX-License-Identifier: BSD-3-Clause */
/* keystore_impl - what the kinds of keys in a key store share: files. For nobody else. */
#pragma once

#include <sys/stat.h>
#include <time.h>

#include "keys/keystore.h"

#define KEYSTORE_FILE_MAX 2048	/* bytes */

/* One kind of key: files "<8 hex digits><suffix>", and entries made of them. */
struct keystore_kind {
	const char *suffix;	/* ".key" */
	const char *again;	/* what to do about a bad file; its path follows */
	size_t size;		/* bytes of an entry */
	/* False: it is no such file, and nothing secret is left in @entry. */
	bool (*parse)(const char *text, void *entry);
	void (*date)(void *entry, uint32_t id, const struct timespec *created);
	int (*newest_first)(const void *a, const void *b);
};

/* ks->error is "path: why". */
struct fault keystore_fault_at(struct keystore *ks, int err, enum cause cause, const char *path,
			       const char *why) MUST_CHECK;
/* The value of the line "name value" in @text, with NUL. False where it is missing, empty or too long. */
bool keystore_copy_field(const char *text, const char *name, char *dst, size_t size);
/* Is there such a line, whatever it says? */
bool keystore_has_field(const char *text, const char *name);
bool keystore_is_file(const char *name, const char *suffix);
uint64_t keystore_file_stamp(const char *name, const struct stat *st);
/* All of one kind, newest first; keystore_wipe() it. A missing directory is an empty store. */
struct fault keystore_read(struct keystore *ks, const struct keystore_kind *kind, void **ret_list,
			   size_t *ret_count) MUST_CHECK;
void keystore_wipe(void *list, size_t count, size_t size);
/* A file as a whole, in a directory that is made where there is none. */
struct fault keystore_write(struct keystore *ks, const char *name, const char *text) MUST_CHECK;
struct fault keystore_unlink(struct keystore *ks, const char *name) MUST_CHECK;
