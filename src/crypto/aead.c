/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/aead.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/aead_impl.h"

/* Best first. */
static const struct aead_ops *const providers[] = {
#ifdef HAVE_IPSEC_MB
	&aead_ipsec_mb,
#endif
	&aead_evp,
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct aead_ops *chosen;	/* set once */
static char description[96];

static void choose(const char *wanted)
{
	for (size_t i = 0; i < ARRAY_SIZE(providers) && !chosen; i++) {
		if (wanted && strcmp(wanted, providers[i]->name) != 0)
			continue;
		if (providers[i]->setup(description, sizeof(description)))
			chosen = providers[i];
	}
	if (!chosen && aead_evp.setup(description, sizeof(description)))
		chosen = &aead_evp;
	assert(chosen);
}

void aead_setup(const char *provider)
{
	pthread_mutex_lock(&lock);
	if (!chosen)
		choose(provider);
	pthread_mutex_unlock(&lock);
}

const char *aead_provider(void)
{
	aead_setup(NULL);
	return description;
}

struct aead *aead_new(enum aead_alg alg, const uint8_t *key)
{
	struct aead *a;

	aead_setup(NULL);
	a = chosen->alloc(alg);
	if (!a)
		return NULL;
	a->ops = chosen;
	a->alg = alg;
	a->ops->set_key(a, key);
	return a;
}

void aead_rekey(struct aead *a, const uint8_t *key)
{
	a->ops->set_key(a, key);
}

void aead_free(struct aead *a)
{
	if (a)
		a->ops->free(a);
}

void aead_seal(struct aead *a, const uint8_t nonce[AEAD_NONCE_LEN], const void *aad, size_t aad_len,
	       const struct iovec *in, int in_count, uint8_t *out, uint8_t tag[AEAD_TAG_LEN])
{
	a->ops->seal(a, nonce, aad, aad_len, in, in_count, out, tag);
}

void aead_open_begin(struct aead *a, const uint8_t nonce[AEAD_NONCE_LEN], const void *aad,
		     size_t aad_len)
{
	a->ops->open_begin(a, nonce, aad, aad_len);
}

void aead_open_update(struct aead *a, uint8_t *dst, const uint8_t *src, size_t len)
{
	a->ops->open_update(a, dst, src, len);
}

bool aead_open_end(struct aead *a, const uint8_t tag[AEAD_TAG_LEN])
{
	return a->ops->open_end(a, tag);
}

bool aead_open(struct aead *a, const uint8_t nonce[AEAD_NONCE_LEN], const void *aad, size_t aad_len,
	       uint8_t *dst, const uint8_t *src, size_t len, const uint8_t tag[AEAD_TAG_LEN])
{
	bool good = a->ops->open(a, nonce, aad, aad_len, dst, src, len, tag);

	if (!good)
		explicit_bzero(dst, len);
	return good;
}
