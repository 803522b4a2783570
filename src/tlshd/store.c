/* SPDX-License-Identifier: BSD-3-Clause */
#include "tlshd/store.h"

#include <errno.h>
#include <keyutils.h>

#include "base/log.h"

void store_init(struct store *s, const char *dir)
{
	memset(s, 0, sizeof(*s));
	keystore_init(&s->ks, dir);
}

bool store_derive(const struct key_entry *e, struct keyring_psk *ret)
{
	struct psk_owner owner = { e->hostnqn, e->subsysnqn };
	enum nvme_hash h = psk_tls_hash(&e->psk);
	struct fault why;
	SECRET(retained);

	memset(ret, 0, sizeof(*ret));
	ret->hash = h;
	why = psk_retain(&e->psk, e->hostnqn, e->derivation, &retained);
	if (!fault_is(why))
		why = psk_identity(e->identity_version, PSK_RETAINED, h, &retained, &owner,
				   ret->identity);
	if (!fault_is(why))
		why = psk_tls(e->identity_version, PSK_RETAINED, h, &retained, &owner,
			      e->derivation, &ret->psk);
	return !fault_is(why);
}

enum store_action store_judge(const struct keyring_psk *there, bool ours,
			      const struct keyring_psk *want)
{
	if (!there)
		return STORE_ADD;
	if (secret_equal(&there->psk, &want->psk))
		return STORE_KEEP;
	return ours ? STORE_ADD : STORE_LEAVE;
}

static bool has(const int32_t *serial, size_t count, int32_t which)
{
	for (size_t i = 0; i < count; i++)
		if (serial[i] == which)
			return true;
	return false;
}

/* Returns the serial that stands for @e in the keyring from now on; 0: none. */
static int32_t put(const struct store *s, const int32_t *now, size_t count,
		   const struct key_entry *e)
{
	struct keyring_psk want, there;
	int32_t serial = 0;
	bool ours, found;

	if (!store_derive(e, &want))
		return 0;
	found = keyring_find_psk(s->ring, span_of(want.identity, strlen(want.identity)), &there) ==
		0;
	ours = found && (has(s->serial, s->count, there.serial) || has(now, count, there.serial));
	switch (store_judge(found ? &there : NULL, ours, &want)) {
	case STORE_ADD:
		serial = keyring_insert_psk(s->ring, want.identity, &want.psk);
		if (serial < 0)
			log_warn("key %08x of the key store: the keyring does not take it: %s", e->id,
				 strerror(-serial));
		break;
	case STORE_KEEP:
		serial = there.serial;
		break;
	case STORE_LEAVE:
		log_notice("key %08x of the key store is not used: the keyring has another one of its identity",
			   e->id);
	}
	explicit_bzero(&want, sizeof(want));
	explicit_bzero(&there, sizeof(there));
	return serial;
}

/* Oldest first, so that of two keys with one identity the newer one stays. */
static void replace(struct store *s, const struct key_entry *list, size_t count)
{
	static int32_t now[STORE_KEYS_MAX];
	size_t n = 0;

	for (size_t i = count; i-- > 0 && n < STORE_KEYS_MAX;) {
		int32_t serial = put(s, now, n, &list[i]);

		if (serial > 0)
			now[n++] = serial;
	}
	for (size_t i = 0; i < s->count; i++)
		if (!has(now, n, s->serial[i]))
			(void)keyctl_unlink(s->serial[i], s->ring);
	memcpy(s->serial, now, n * sizeof(now[0]));
	s->count = n;
}

void store_sync(struct store *s, int32_t ring)
{
	struct key_entry *list;
	size_t count;
	int64_t newest;
	uint64_t stamp = keystore_stamp(&s->ks, &newest);

	if (ring <= 0 || (s->read && stamp == s->stamp && ring == s->ring))
		return;
	if (ring != s->ring)
		s->count = 0;	/* that keyring has gone, with all keys */
	s->ring = ring;
	s->stamp = stamp;
	s->read = true;
	if (fault_is(keystore_list(&s->ks, &list, &count))) {
		log_warn("key store: %s", s->ks.error);
		return;
	}
	replace(s, list, count);
	keystore_free_list(list, count);
}
