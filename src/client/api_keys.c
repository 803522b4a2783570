/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys: make, check, insert. And what this library is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "client/api_impl.h"
#include "crypto/aead.h"
#include "tls/psk.h"

static int check_lengths(int hash, size_t len)
{
	switch (hash) {
	case NVME_HASH_NONE:
		return len == 32 || len == 48 ? 0 : -EINVAL;
	case NVME_HASH_SHA256:
		return len == 32 ? 0 : -EINVAL;
	case NVME_HASH_SHA384:
		return len == 48 ? 0 : -EINVAL;
	default:
		return -ENOTSUP;
	}
}

int nvmetls_key_generate(int hash, const uint8_t *secret, size_t secret_len,
			 char ret_key[NVMETLS_KEY_LEN])
{
	struct psk_config psk = { .hash = (enum nvme_hash)hash };
	int rc;

	if (!secret && secret_len == 0)
		secret_len = hash == NVME_HASH_SHA384 ? 48 : 32;
	rc = check_lengths(hash, secret_len);
	if (rc)
		return rc;
	psk.key.len = (uint8_t)secret_len;
	if (secret)
		memcpy(psk.key.bytes, secret, secret_len);
	else if (getrandom(psk.key.bytes, secret_len, 0) != (ssize_t)secret_len)
		rc = -EIO;
	if (rc == 0)
		psk_format(&psk, ret_key);
	secret_wipe(&psk.key);
	return rc;
}

/* Everything but the store: @k as an entry, and its identity. */
static int make_entry(const struct nvmetls_key *k, struct keystore *ks, struct key_entry *ret,
		      char *ret_identity, struct nvmetls_error *e)
{
	struct psk_owner owner = { ret->hostnqn, ret->subsysnqn };
	struct host_identity host;
	struct fault why;
	SECRET(retained);

	if (!k->interchange || !k->subsysnqn || !nvme_nqn_valid(k->subsysnqn, NVME_NQN_FIELD))
		return api_error(e, -EINVAL, CAUSE_ARGUMENT, "subsysnqn: not a valid NQN");
	if (k->hostnqn && !nvme_nqn_valid(k->hostnqn, NVME_NQN_FIELD))
		return api_error(e, -EINVAL, CAUSE_ARGUMENT, "hostnqn: not a valid NQN");
	if (k->identity != 0 && k->identity != 1)
		return api_error(e, -EINVAL, CAUSE_ARGUMENT, "identity: 0 or 1");
	why = psk_parse(k->interchange, &ret->psk);
	if (fault_is(why))
		return api_key_error(e, why);
	if (k->hostnqn) {
		snprintf(ret->hostnqn, sizeof(ret->hostnqn), "%s", k->hostnqn);
	} else {
		why = hostid_load(ks, NULL, NULL, &host);
		if (fault_is(why))
			return api_store_error(e, ks, why);
		snprintf(ret->hostnqn, sizeof(ret->hostnqn), "%s", host.nqn);
	}
	snprintf(ret->subsysnqn, sizeof(ret->subsysnqn), "%s", k->subsysnqn);
	ret->identity_version = k->identity;
	ret->derivation = k->compat ? PSK_COMPAT : PSK_RFC;
	why = psk_retain(&ret->psk, ret->hostnqn, ret->derivation, &retained);
	if (!fault_is(why))
		why = psk_identity(k->identity, PSK_RETAINED, psk_tls_hash(&ret->psk), &retained,
				   &owner, ret_identity);
	return fault_is(why) ? api_error_fault(e, why, "", "deriving the identity failed") : 0;
}

int nvmetls_key_check(const struct nvmetls_key *k, char ret_identity[NVMETLS_IDENTITY_LEN],
		      struct nvmetls_error *e)
{
	struct key_entry entry = { 0 };
	struct keystore ks;
	int rc;

	if (e)
		memset(e, 0, sizeof(*e));
	keystore_init(&ks, NULL);
	rc = make_entry(k, &ks, &entry, ret_identity, e);
	explicit_bzero(&entry, sizeof(entry));
	return rc;
}

int nvmetls_key_insert(const struct nvmetls_key *k, const char *dir, uint32_t *ret_id,
		       struct nvmetls_error *e)
{
	char identity[NVMETLS_IDENTITY_LEN];
	struct key_entry entry = { 0 };
	struct keystore ks;
	struct fault why;
	int rc;

	if (e)
		memset(e, 0, sizeof(*e));
	keystore_init(&ks, dir);
	rc = make_entry(k, &ks, &entry, identity, e);
	if (rc == 0) {
		why = keystore_insert(&ks, &entry);
		*ret_id = entry.id;
		if (fault_is(why))
			rc = api_store_error(e, &ks, why);
	}
	explicit_bzero(&entry, sizeof(entry));
	return rc;
}

/* ---- version ---- */

static char version[160];

static void make_version(void)
{
	const char *why;

	aead_setup(getenv("NVMETLS_CRYPTO"));
	snprintf(version, sizeof(version), "%s (crypto %s, loop %s)", NVMETLS_VERSION,
		 aead_provider(), loop_choose(LOOP_AUTO, &why) == LOOP_URING ? "uring" : "epoll");
}

const char *nvmetls_version(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_version);
	return version;
}
