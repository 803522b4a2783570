/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any Negotiate, Reply, Success2 or second Negotiate at the controller: the transaction ends, a
 * host whose response is not the right one is never let in, and a failure has its code.
 */
#include "auth_fuzz.h"

/* R1 as the host made it, whatever else was changed. */
static bool proof_intact(const struct auth_fuzz *f)
{
	size_t hl = hash_len((enum nvme_hash)f->cc.policy.hashes[0]);

	return f->got_len == f->sent_len && memcmp(f->got + 16, f->sent + 16, hl) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t victims[] = { AUTH_NEGOTIATE, AUTH_REPLY, AUTH_SUCCESS2,
					    AUTH_FAILURE2 };
	static struct auth_fuzz f;

	if (size < 1)
		return 0;
	auth_fuzz_init(&f, data, size, victims);
	auth_fuzz_run(&f);
	auth_fuzz_judge(&f);
	if (f.victim == AUTH_REPLY && f.c.authenticated)
		MUST(proof_intact(&f));
	if (f.c.failure)
		MUST(f.c.by_peer || f.c.failure <= AUTH_BAD_MESSAGE);
	auth_host_clear(&f.h);
	auth_ctrl_clear(&f.c);
	return 0;
}
