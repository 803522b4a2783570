/* SPDX-License-Identifier: BSD-3-Clause */
#include "keys/keytable.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define NEAREST_ROWS 1024	/* looked at for a hint: anybody can ask for one */

struct row {
	char identity[PSK_IDENTITY_LEN_MAX + 1];
	enum nvme_hash hash;
	struct secret psk;
	size_t order;	/* of insertion: newest key first */
};

struct keytable {
	atomic_uint refs;
	size_t count;
	struct row row[];	/* sorted by identity, then by order */
};

static int by_identity(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int c = strcmp(x->identity, y->identity);

	return c ? c : x->order < y->order ? -1 : 1;
}

/* One row: key @e under identity version @version and derivation @d. False: libcrypto refused. */
static bool add_row(struct keytable *t, const struct key_entry *e, int version,
		    enum psk_derivation d)
{
	struct psk_owner owner = { e->hostnqn, e->subsysnqn };
	enum nvme_hash h = psk_tls_hash(&e->psk);
	struct row *r = &t->row[t->count];
	struct fault why;
	SECRET(retained);

	why = psk_retain(&e->psk, e->hostnqn, d, &retained);
	if (!fault_is(why))
		why = psk_identity(version, PSK_RETAINED, h, &retained, &owner, r->identity);
	if (!fault_is(why))
		why = psk_tls(version, PSK_RETAINED, h, &retained, &owner, d, &r->psk);
	if (fault_is(why))
		return why.code == EOVERFLOW;	/* NQNs too long for v0: it does not exist */
	r->hash = h;
	r->order = t->count++;
	return true;
}

struct keytable *keytable_new(const struct key_entry *list, size_t count, bool both_derivations)
{
	struct keytable *t = calloc(1, sizeof(*t) + count * 4 * sizeof(struct row));
	bool good = t != NULL;

	if (t)
		atomic_init(&t->refs, 1);
	for (size_t i = 0; good && i < count; i++)
		for (int version = 1; good && version >= 0; version--) {
			good = add_row(t, &list[i], version, list[i].derivation);
			if (good && both_derivations)
				good = add_row(t, &list[i], version,
					       list[i].derivation == PSK_RFC ? PSK_COMPAT :
									       PSK_RFC);
		}
	if (good) {
		qsort(t->row, t->count, sizeof(struct row), by_identity);
		return t;
	}
	keytable_unref(t);
	return NULL;
}

struct keytable *keytable_ref(struct keytable *t)
{
	atomic_fetch_add(&t->refs, 1);
	return t;
}

void keytable_unref(struct keytable *t)
{
	if (!t || atomic_fetch_sub(&t->refs, 1) != 1)
		return;
	explicit_bzero(t, sizeof(*t) + t->count * sizeof(struct row));
	free(t);
}

size_t keytable_count(const struct keytable *t)
{
	return t->count;
}

static int compare(struct span identity, const struct row *r)
{
	size_t n = strlen(r->identity);
	int c = memcmp(identity.ptr, r->identity, identity.len < n ? identity.len : n);

	return c ? c : identity.len < n ? -1 : identity.len > n;
}

static int find(void *ctx, struct span identity, struct tls_psk *ret, int max)
{
	const struct keytable *t = ctx;
	size_t low = 0, high = t->count;
	int n = 0;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare(identity, &t->row[mid]) > 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < t->count && n < max && compare(identity, &t->row[low]) == 0; low++)
		ret[n++] = (struct tls_psk){ t->row[low].identity, t->row[low].hash,
					     &t->row[low].psk };
	return n;
}

/* How much of an unknown identity is known: its host, its subsystem, both with another key? */
static void nearest(void *ctx, struct span identity, char *hint, size_t size)
{
	const struct keytable *t = ctx;
	struct psk_identity_parts want, have;
	int best = 0;

	snprintf(hint, size, "none");
	if (!psk_identity_parse(identity, &want)) {
		snprintf(hint, size, "none; it is not of the form NVMe0R01 HOSTNQN SUBSYSNQN");
		return;
	}
	for (size_t i = 0; i < t->count && i < NEAREST_ROWS; i++) {
		const char *id = t->row[i].identity;
		int score;

		if (!psk_identity_parse(span_of(id, strlen(id)), &have))
			continue;
		score = 2 * (strcmp(have.subsysnqn, want.subsysnqn) == 0) +
			2 * (strcmp(have.hostnqn, want.hostnqn) == 0) + (have.hash == want.hash);
		if (score <= best)
			continue;
		best = score;
		snprintf(hint, size, "%s%s", score == 5 ? "another key for the same pair, " : "", id);
	}
}

struct tls_psk_source keytable_source(struct keytable *t)
{
	return (struct tls_psk_source){ find, nearest, t };
}
