/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * generated - the PSKs that secure channel concatenation has yielded, for a server: in memory
 * only, each for a while. (NVMe Base 2.1 §8.3.5.5.9, TCP Transport "PSK identity", kind G.)
 *
 * A PSK is found under its version 1 identity, in RFC 8446's derivation and in the one that
 * Linux 6.15 to 6.17 has; the binder tells them apart. One that is pinned outlives its dropping.
 * Any thread may call; nothing here takes long.
 */
#pragma once

#include "base/span.h"
#include "tls/handshake.h"
#include "tls/psk.h"

#define GENERATED_MAX	   4096	/* PSKs; the oldest goes first */
#define GENERATED_PAIR_MAX 64	/* ... of one host and subsystem */

struct generated;	/* the set */
struct generated_psk;	/* one of it, counted */

struct generated *generated_new(void);	/* NULL: out of memory */
void generated_free(struct generated *g);

/*
 * Keep @psk, the generated PSK of @owner and @hash, until @expires_ns. Returns its number, or 0
 * where it cannot be kept (no memory, names too long, libcrypto).
 */
uint64_t generated_add(struct generated *g, const struct psk_owner *owner, enum nvme_hash hash,
		       const struct secret *psk, uint64_t expires_ns);
void generated_drop(struct generated *g, uint64_t id);
/* Drop what has expired. Returns when to call again, UINT64_MAX: nothing is left. */
uint64_t generated_expire(struct generated *g, uint64_t now_ns);
size_t generated_count(struct generated *g);

/* The PSK of @identity, or NULL; generated_unpin() wipes it when nobody else has it. */
struct generated_psk *generated_pin(struct generated *g, struct span identity);
void generated_unpin(struct generated_psk *p);	/* NULL is harmless */
/* Its TLS PSKs, as struct tls_psk_source wants them; borrowed from @p. */
int generated_candidates(const struct generated_psk *p, struct tls_psk *ret, int max);
