/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dhchap_store - the secrets of DH-HMAC-CHAP in the key store (keys/keystore.h), one file per
 * pair of host and subsystem:
 *
 *	<dir>/<id>.dhchap, mode 0600:
 *		hostnqn nqn.2014-08.org.nvmexpress:uuid:...
 *		subsysnqn nqn.test		left out: all subsystems
 *		secret DHHC-1:00:...:		the host proves itself with it
 *		ctrl-secret DHHC-1:00:...:	the controller, with that one; left out: it need not
 *
 * Both ends read the same files, so that one file copied to the other machine is all it takes.
 * What holds for TLS keys of the store holds here: private, written whole, bad files are left out.
 */
#pragma once

#include "auth/dhchap_key.h"
#include "keys/keystore.h"

struct dhchap_entry {
	uint32_t id;
	char hostnqn[224];
	char subsysnqn[224];	/* "": all subsystems */
	struct dhchap_key host;
	struct dhchap_key ctrl;	/* secret.len 0: there is none */
	int64_t created_s, created_ns;	/* mtime of the file since the epoch */
};

/* As keystore_insert(), _remove(), _list(), _free_list(). */
struct fault keystore_dhchap_insert(struct keystore *ks, struct dhchap_entry *e) MUST_CHECK;
struct fault keystore_dhchap_remove(struct keystore *ks, uint32_t id) MUST_CHECK;
struct fault keystore_dhchap_list(struct keystore *ks, struct dhchap_entry **ret_list,
				  size_t *ret_count) MUST_CHECK;
void keystore_dhchap_free_list(struct dhchap_entry *list, size_t count);
/* Of a list as above: the newest for the pair, of the host for all subsystems where @any. NULL: none. */
const struct dhchap_entry *dhchap_entry_find(const struct dhchap_entry *list, size_t count,
					     const char *hostnqn, const char *subsysnqn, bool any);
/*
 * The newest secrets for the pair; of the host for all subsystems, where the pair has none. ENOENT
 * with CAUSE_AUTH_KEY_MISSING if there are none. Wipe @ret after use.
 */
struct fault keystore_dhchap_get(struct keystore *ks, const char *hostnqn, const char *subsysnqn,
				 struct dhchap_entry *ret) MUST_CHECK;
