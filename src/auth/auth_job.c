/* SPDX-License-Identifier: BSD-3-Clause */
#include "auth/auth_job.h"

#include <string.h>

#include "auth/dhchap.h"

static enum auth_failure make_own(struct auth_job *j)
{
	return ffdh_public((enum ffdh_group)j->group, &j->x, j->own) ? AUTH_FAILED : AUTH_FINE;
}

static enum auth_failure make_key(struct auth_job *j)
{
	struct span peer = span_of(j->peer, ffdh_len(j->group));
	uint8_t shared[FFDH_BYTES_MAX];
	int rc;

	if (memcmp(j->peer, j->own, peer.len) == 0)
		return AUTH_BAD_PAYLOAD;	/* our own value, reflected */
	rc = ffdh_shared((enum ffdh_group)j->group, &j->x, peer, shared);
	if (!rc)
		rc = dhchap_session_key((enum nvme_hash)j->hash, span_of(shared, peer.len), &j->ks);
	explicit_bzero(shared, sizeof(shared));
	if (rc)
		return rc == FFDH_BAD_VALUE ? AUTH_BAD_PAYLOAD : AUTH_FAILED;
	return AUTH_FINE;
}

void auth_job_run(struct auth_job *j)
{
	j->failure = AUTH_FINE;
	if (j->want_own)
		j->failure = (uint8_t)make_own(j);
	if (j->want_key && j->failure == AUTH_FINE)
		j->failure = (uint8_t)make_key(j);
}
