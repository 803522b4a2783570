/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * key_watch - a server's key table that follows its key store.
 *
 * Each pin looks whether the store's directory changed and reads it again if so: a key
 * that was inserted is good for the next handshake, without a restart. Runs where
 * handshakes run, on pool threads; a mutex guards it, never on the I/O path.
 */
#pragma once

#include <stdbool.h>

#include "keys/keytable.h"

struct key_watch;

/* @dir as keystore_init(). NULL: out of memory. The store may be empty or missing. */
struct key_watch *key_watch_new(const char *dir, bool both_derivations);
/* One that never changes (tests); takes over the reference to @t. */
struct key_watch *key_watch_fixed(struct keytable *t);
void key_watch_free(struct key_watch *k);

/*
 * The table as of now, with a reference for the caller (keytable_unref()). Where the store
 * cannot be read any more the last good table stays, and one line is logged.
 */
struct keytable *key_watch_pin(struct key_watch *k);
/* The store's directory; "" for a fixed one. Lives as long as @k. */
const char *key_watch_dir(const struct key_watch *k);
/* Read it now. On failure the reason is in @why (one line). For the start of a program. */
int key_watch_check(struct key_watch *k, char *why, size_t why_size);
