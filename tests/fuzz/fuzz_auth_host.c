/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any Challenge, Success1 or Failure1 at the host: the transaction ends, a controller that was
 * asked to prove itself and does not is never believed, and only what was offered is used.
 */
#include "auth_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t victims[] = { AUTH_CHALLENGE, AUTH_SUCCESS1, AUTH_FAILURE1,
					    AUTH_CHALLENGE };
	static struct auth_fuzz f;

	if (size < 1)
		return 0;
	auth_fuzz_init(&f, data, size, victims);
	if ((data[0] & 3) == 2)
		f.cc.k_h.bytes[0] ^= 1;	/* so that there is a Failure1 */
	else if ((data[0] & 3) == 3)
		f.cc.k_c.bytes[0] ^= 1;	/* never to be believed */
	auth_fuzz_run(&f);
	if (f.cc.k_h.bytes[0] == 'h' && f.cc.k_c.bytes[0] == 'c')
		auth_fuzz_judge(&f);
	else if (f.cc.k_c.bytes[0] != 'c' && f.hc.k_c.len)
		MUST(f.h.state == AUTH_HOST_FAILED);
	if (f.h.state == AUTH_HOST_DONE && f.h.x.concat)
		MUST(f.h.x.group != FFDH_NULL && f.h.x.hash != NVME_HASH_SHA512);
	if (f.h.failure)
		MUST(f.h.by_peer || f.h.failure <= AUTH_BAD_MESSAGE);
	auth_host_clear(&f.h);
	auth_ctrl_clear(&f.c);
	return 0;
}
