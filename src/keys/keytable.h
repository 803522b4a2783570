/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * keytable - an immutable table from PSK identity to TLS PSK, for a server.
 *
 * Each configured key registers every identity it may be addressed by: v1 and
 * v0 (retained). Where two keys, or two derivations of one key, share a v0
 * identity, both are found and the handshake tells them apart by the binder.
 * Reference counted (atomically): a handshake pins the table it started with.
 */
#pragma once

#include "keys/keystore.h"
#include "tls/handshake.h"

struct keytable;

/*
 * From configured keys. @both_derivations: register RFC and compat forms of every key,
 * else only the entry's own. NULL: out of memory or libcrypto refused.
 */
struct keytable *keytable_new(const struct key_entry *list, size_t count, bool both_derivations);
struct keytable *keytable_ref(struct keytable *t);
void keytable_unref(struct keytable *t);	/* wipes with the last reference */
size_t keytable_count(const struct keytable *t);	/* identities */

/* As struct tls_psk_source wants it; ctx is the table. */
struct tls_psk_source keytable_source(struct keytable *t);
