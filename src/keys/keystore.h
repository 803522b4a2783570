/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * keystore - configured PSKs in a directory, one small text file per key.
 *
 *	<dir>/<id>.key, mode 0600, in a directory of mode 0700:
 *		hostnqn nqn.2014-08.org.nvmexpress:uuid:...
 *		subsysnqn nqn.test
 *		identity 0                 the version the host offers
 *		derivation rfc             or compat
 *		key NVMeTLSkey-1:01:...:
 *
 * <id> is eight hex digits of a one-way digest over all of that, so that inserting a key twice
 * is one file. Files are written whole
 * (temporary name, fsync, rename). A directory that others can read is refused
 * (CAUSE_KEYSTORE_ACCESS with EACCES). A file that others can read, or that is none, is left
 * out with a warning in the log; the keys beside it are good.
 */
#pragma once

#include "base/fault.h"
#include "tls/psk.h"

struct key_entry {
	uint32_t id;			/* "Inserted TLS key %08x" */
	char hostnqn[224], subsysnqn[224];
	int identity_version;		/* 0 or 1: what a host offers */
	enum psk_derivation derivation;
	struct psk_config psk;
	int64_t created_s, created_ns;	/* mtime of the file since the epoch: the newest wins */
};

#define KEYSTORE_SAID 64

struct keystore {
	char dir[4096];
	char error[1024];	/* one line about the last failure: path and reason; no secrets */
	char hint[256];		/* the next step, may be "" */
	uint64_t said[KEYSTORE_SAID];	/* which bad files, as they are, have had their warning */
	uint32_t said_count;
};

/*
 * The directory to use: @dir if not NULL, else $NVMETLS_KEYSTORE, else /etc/nvmetls/keys
 * as root, else $XDG_CONFIG_HOME/nvmetls/keys or ~/.config/nvmetls/keys. Does not touch it.
 */
void keystore_init(struct keystore *ks, const char *dir);

/* Write @e, making the directory (0700) if needed; sets e->id. Replaces an entry with the same id. */
struct fault keystore_insert(struct keystore *ks, struct key_entry *e) MUST_CHECK;
/* Remove by id; ENOENT if there is none. */
struct fault keystore_remove(struct keystore *ks, uint32_t id) MUST_CHECK;
/*
 * All keys, newest first. A missing directory is an empty store. @ret_list is malloc'd; free
 * with keystore_free_list(), which wipes. Files that are left out have one warning per @ks.
 */
struct fault keystore_list(struct keystore *ks, struct key_entry **ret_list, size_t *ret_count)
	MUST_CHECK;
/*
 * A number that is another one when a key came, went or changed, also in its permissions; 0 when
 * there is no directory. *ret_newest_s: when the last change was, in seconds since the epoch.
 */
uint64_t keystore_stamp(const struct keystore *ks, int64_t *ret_newest_s);
void keystore_free_list(struct key_entry *list, size_t count);
/* The newest key for the pair; ENOENT with CAUSE_PSK_MISSING if there is none. Wipe @ret after use. */
struct fault keystore_find(struct keystore *ks, const char *hostnqn, const char *subsysnqn,
			   struct key_entry *ret) MUST_CHECK;
