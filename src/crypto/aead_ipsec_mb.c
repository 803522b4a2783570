/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * AES-GCM by intel-ipsec-mb: VAES and AVX-512 where the CPU has them. Two to four times
 * libcrypto 3.0 at the sizes of NVMe/TCP.
 *
 * One manager for the process: the direct GCM calls read only its function table; all
 * state is in the key and context given to them.
 */
#include <intel-ipsec-mb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "crypto/aead_impl.h"

#define AHEAD	   4096	/* bytes between the cipher and the prefetch before it */
#define AHEAD_STEP 2048	/* bytes per call of the cipher meanwhile; a multiple of its block */

struct mb {
	struct aead aead;
	struct gcm_context_data open;	/* of the streaming open under way */
	struct gcm_key_data key __attribute__((aligned(64)));
};

static IMB_MGR *mgr;

static const char *arch_name(void)
{
	switch (mgr->used_arch) {
	case IMB_ARCH_AVX512:
		return mgr->features & IMB_FEATURE_VAES ? "avx512 vaes" : "avx512";
	case IMB_ARCH_AVX2:
		return "avx2";
	case IMB_ARCH_AVX:
		return "avx";
	default:
		return "sse";
	}
}

static bool mb_setup(char *describe, size_t size)
{
	if (!mgr)
		mgr = alloc_mb_mgr(0);
	if (!mgr)
		return false;
	if (!(mgr->features & IMB_FEATURE_AESNI) || !(mgr->features & IMB_FEATURE_PCLMULQDQ)) {
		free_mb_mgr(mgr);
		mgr = NULL;
		return false;
	}
	init_mb_mgr_auto(mgr, NULL);
	snprintf(describe, size, "ipsec-mb %s (%s)", imb_get_version_str(), arch_name());
	return true;
}

static struct aead *mb_alloc(enum aead_alg alg)
{
	struct mb *m = aligned_alloc(64, (sizeof(*m) + 63) & ~(size_t)63);

	(void)alg;
	if (m)
		memset(m, 0, sizeof(*m));
	return m ? &m->aead : NULL;
}

static void mb_free(struct aead *a)
{
	explicit_bzero(a, sizeof(struct mb));
	free(a);
}

static void mb_set_key(struct aead *a, const uint8_t *key)
{
	struct mb *m = (struct mb *)a;

	if (a->alg == AEAD_AES_128_GCM)
		IMB_AES128_GCM_PRE(mgr, key, &m->key);
	else
		IMB_AES256_GCM_PRE(mgr, key, &m->key);
}

static void enc_update(struct mb *m, struct gcm_context_data *ctx, uint8_t *out, const uint8_t *in,
		       size_t len)
{
	if (m->aead.alg == AEAD_AES_128_GCM)
		IMB_AES128_GCM_ENC_UPDATE(mgr, &m->key, ctx, out, in, len);
	else
		IMB_AES256_GCM_ENC_UPDATE(mgr, &m->key, ctx, out, in, len);
}

/*
 * Data of a device is seldom in a cache. The processor's own look-ahead stops at each page; the
 * cipher is fast enough to wait for it. A prefetch never faults, also not behind the end, where
 * the data of the next record is.
 */
static void enc_ahead(struct mb *m, struct gcm_context_data *ctx, uint8_t *out, const uint8_t *in,
		      size_t len)
{
	while (len) {
		size_t n = len < AHEAD_STEP ? len : AHEAD_STEP;

		for (size_t i = 0; i < n; i += 64)
			__builtin_prefetch((const void *)((uintptr_t)in + AHEAD + i), 0, 2);
		enc_update(m, ctx, out, in, n);
		in += n;
		out += n;
		len -= n;
	}
}

static void seal_gather(struct mb *m, const uint8_t *nonce, const void *aad, size_t aad_len,
			const struct iovec *in, int in_count, uint8_t *out, uint8_t *tag)
{
	bool small = m->aead.alg == AEAD_AES_128_GCM;
	struct gcm_context_data ctx;

	if (small)
		IMB_AES128_GCM_INIT(mgr, &m->key, &ctx, nonce, aad, aad_len);
	else
		IMB_AES256_GCM_INIT(mgr, &m->key, &ctx, nonce, aad, aad_len);
	for (int i = 0; i < in_count; i++) {
		(in[i].iov_len > AHEAD ? enc_ahead : enc_update)(m, &ctx, out, in[i].iov_base,
								 in[i].iov_len);
		out += in[i].iov_len;
	}
	if (small)
		IMB_AES128_GCM_ENC_FINALIZE(mgr, &m->key, &ctx, tag, AEAD_TAG_LEN);
	else
		IMB_AES256_GCM_ENC_FINALIZE(mgr, &m->key, &ctx, tag, AEAD_TAG_LEN);
}

static void mb_seal(struct aead *a, const uint8_t *nonce, const void *aad, size_t aad_len,
		    const struct iovec *in, int in_count, uint8_t *out, uint8_t *tag)
{
	struct mb *m = (struct mb *)a;
	struct gcm_context_data ctx;

	if (in_count != 1)
		seal_gather(m, nonce, aad, aad_len, in, in_count, out, tag);
	else if (a->alg == AEAD_AES_128_GCM)
		IMB_AES128_GCM_ENC(mgr, &m->key, &ctx, out, in->iov_base, in->iov_len, nonce, aad,
				   aad_len, tag, AEAD_TAG_LEN);
	else
		IMB_AES256_GCM_ENC(mgr, &m->key, &ctx, out, in->iov_base, in->iov_len, nonce, aad,
				   aad_len, tag, AEAD_TAG_LEN);
}

static void mb_open_begin(struct aead *a, const uint8_t *nonce, const void *aad, size_t aad_len)
{
	struct mb *m = (struct mb *)a;

	if (a->alg == AEAD_AES_128_GCM)
		IMB_AES128_GCM_INIT(mgr, &m->key, &m->open, nonce, aad, aad_len);
	else
		IMB_AES256_GCM_INIT(mgr, &m->key, &m->open, nonce, aad, aad_len);
}

static void mb_open_update(struct aead *a, uint8_t *dst, const uint8_t *src, size_t len)
{
	struct mb *m = (struct mb *)a;

	if (a->alg == AEAD_AES_128_GCM)
		IMB_AES128_GCM_DEC_UPDATE(mgr, &m->key, &m->open, dst, src, len);
	else
		IMB_AES256_GCM_DEC_UPDATE(mgr, &m->key, &m->open, dst, src, len);
}

static bool mb_open_end(struct aead *a, const uint8_t *tag)
{
	struct mb *m = (struct mb *)a;
	uint8_t ours[AEAD_TAG_LEN];

	if (a->alg == AEAD_AES_128_GCM)
		IMB_AES128_GCM_DEC_FINALIZE(mgr, &m->key, &m->open, ours, AEAD_TAG_LEN);
	else
		IMB_AES256_GCM_DEC_FINALIZE(mgr, &m->key, &m->open, ours, AEAD_TAG_LEN);
	return bytes_equal_ct(ours, tag, AEAD_TAG_LEN);
}

static bool mb_open(struct aead *a, const uint8_t *nonce, const void *aad, size_t aad_len,
		    uint8_t *dst, const uint8_t *src, size_t len, const uint8_t *tag)
{
	struct mb *m = (struct mb *)a;
	struct gcm_context_data ctx;
	uint8_t ours[AEAD_TAG_LEN];

	if (a->alg == AEAD_AES_128_GCM)
		IMB_AES128_GCM_DEC(mgr, &m->key, &ctx, dst, src, len, nonce, aad, aad_len, ours,
				   AEAD_TAG_LEN);
	else
		IMB_AES256_GCM_DEC(mgr, &m->key, &ctx, dst, src, len, nonce, aad, aad_len, ours,
				   AEAD_TAG_LEN);
	return bytes_equal_ct(ours, tag, AEAD_TAG_LEN);
}

const struct aead_ops aead_ipsec_mb = {
	.name = "ipsec-mb",
	.setup = mb_setup,
	.alloc = mb_alloc,
	.set_key = mb_set_key,
	.free = mb_free,
	.seal = mb_seal,
	.open_begin = mb_open_begin,
	.open_update = mb_open_update,
	.open_end = mb_open_end,
	.open = mb_open,
};
