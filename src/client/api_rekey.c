/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys of a host that connects again: the newest of the key store comes first, and where that is
 * refused the one that worked last has its turn. So keys are rotated in any order on both ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/api_impl.h"
#include "client/assoc_impl.h"

static bool same(const struct api_key *a, const struct api_key *b)
{
	return a->psk.len == b->psk.len &&
	       bytes_equal_ct(a->psk.bytes, b->psk.bytes, a->psk.len) &&
	       strcmp(a->identity, b->identity) == 0;
}

struct fault api_key_derive(const struct nvmetls *c, const struct key_entry *k, struct api_key *ret)
{
	struct psk_owner owner = { c->config.hostnqn, c->config.subsysnqn };
	SECRET(retained);

	ret->hash = psk_tls_hash(&k->psk);
	TRY(psk_retain(&k->psk, owner.hostnqn, k->derivation, &retained));
	TRY(psk_identity(k->identity_version, PSK_RETAINED, ret->hash, &retained, &owner,
			 ret->identity));
	return psk_tls(k->identity_version, PSK_RETAINED, ret->hash, &retained, &owner,
		       k->derivation, &ret->psk);
}

void api_key_use(struct nvmetls *c)
{
	c->config.psk = (struct tls_psk){ c->key.identity, c->key.hash, &c->key.psk };
}

/* The newest key of the store; false where there is none that can be used. */
static bool newest(struct nvmetls *c, struct api_key *ret)
{
	struct key_entry entry;
	struct keystore ks;
	bool good;

	keystore_init(&ks, c->keystore);
	good = !fault_is(keystore_find(&ks, c->config.hostnqn, c->config.subsysnqn, &entry)) &&
	       !fault_is(api_key_derive(c, &entry, ret));
	explicit_bzero(&entry, sizeof(entry));
	return good;
}

void api_key_choose(struct nvmetls *c)
{
	struct api_key found;

	if (!c->keystore)
		return;
	memset(&found, 0, sizeof(found));
	if (c->key_refused || !newest(c, &found))
		c->key = c->key_good;
	else
		c->key = found;
	c->key_refused = false;
	explicit_bzero(&found, sizeof(found));
	api_key_use(c);
}

void api_key_failed(struct nvmetls *c)
{
	c->key_refused = !same(&c->key, &c->key_good);
}

void api_key_worked(struct nvmetls *c)
{
	c->key_good = c->key;
}

/* ---- on request ---- */

static void renew(struct nvmetls *c, void *arg)
{
	int *ret = arg;

	*ret = c->recovery.state == RECOVERY_LIVE && c->assoc ? 0 : -EAGAIN;
	if (*ret)
		return;
	c->renewing = true;
	/* not in order: so it is known when the controller has let go of what is under way */
	assoc_fail(c->assoc, fault_os(ECONNABORTED, CAUSE_SHUTDOWN), "");
	c->renewing = false;
}

/* Until it is up again, or the time is over. */
static int wait_renewed(struct nvmetls *c)
{
	uint64_t ns = c->config.connect_timeout_ns + c->config.command_timeout_ns;
	struct timespec end;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += (time_t)(ns / NS_PER_SEC);
	pthread_mutex_lock(&c->lock);
	while (c->state == API_RECOVERING && rc == 0)
		rc = pthread_cond_clockwait(&c->changed, &c->lock, CLOCK_MONOTONIC, &end);
	if (c->state == API_UP)
		rc = 0;
	else
		rc = rc ? -rc : -ENOTCONN;
	pthread_mutex_unlock(&c->lock);
	return rc;
}

int nvmetls_reconnect(struct nvmetls *c, struct nvmetls_error *e)
{
	int rc = -EAGAIN;

	if (e)
		memset(e, 0, sizeof(*e));
	if (api_forked(c))
		return api_error(e, -ECHILD, CAUSE_ARGUMENT, "the connection is the parent's");
	if (!c->recover)
		return api_error(e, -EOPNOTSUPP, CAUSE_ARGUMENT,
				 "this connection does not come back: it has no reconnect delay");
	if (api_state(c) == API_UP)
		api_at_home(c, renew, &rc);
	if (rc)
		return api_error(e, rc, CAUSE_PEER_CLOSED,
				 "it is not connected now, and connects again by itself");
	rc = wait_renewed(c);
	return rc ? api_error_fault(e, c->why, c->where, c->detail) : 0;
}
