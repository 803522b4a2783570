/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * store - the keys of our key store, in the kernel's keyring.
 *
 * The kernel's host and target take a PSK by the serial of a key in a keyring only. So each key of
 * the store is put there under the one identity that it was inserted with, as check-tls-key -i
 * would; when it leaves the store it leaves the keyring. A key of the same identity that is there
 * already, with other bytes and not from here, stays: the keyring wins.
 */
#pragma once

#include "keys/keyring.h"
#include "keys/keystore.h"

#define STORE_KEYS_MAX 4096

/* What to do with an identity; apart, for tests. */
enum store_action { STORE_ADD, STORE_KEEP, STORE_LEAVE };

struct store {
	struct keystore ks;
	uint64_t stamp;		/* of the directory when it was read */
	int32_t ring;		/* where the keys were put */
	int32_t serial[STORE_KEYS_MAX];
	size_t count;
	bool read;		/* once at least */
};

/* @dir as of keystore_init(). */
void store_init(struct store *s, const char *dir);
/* After any change of the directory or of @ring (<= 0: there is none yet); else nothing. */
void store_sync(struct store *s, int32_t ring);

/* The identity and TLS PSK of @e, as a host would offer it. False: there is none (NQNs too long). */
bool store_derive(const struct key_entry *e, struct keyring_psk *ret);
/* @there: the key of that identity in the keyring, NULL: none; @ours: it came from here. */
enum store_action store_judge(const struct keyring_psk *there, bool ours,
			      const struct keyring_psk *want);
