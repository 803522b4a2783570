/* SPDX-License-Identifier: BSD-3-Clause */
#include "auth/dhchap.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"

static struct span secret_span(const struct secret *s)
{
	return span_of(s->bytes, s->len);
}

static struct span text_span(const char *text)
{
	return span_of(text, strlen(text));
}

int dhchap_session_key(enum nvme_hash h, struct span shared, struct secret *ret_ks)
{
	secret_wipe(ret_ks);
	if (kdf_hash(h, &shared, 1, ret_ks->bytes))
		return -1;
	ret_ks->len = (uint8_t)hash_len(h);
	return 0;
}

/* Ca1 or Ca2. */
static int augment(const struct dhchap *x, const uint8_t *challenge, struct secret *ret)
{
	enum nvme_hash h = (enum nvme_hash)x->hash;
	struct span part = span_of(challenge, hash_len(h));

	secret_wipe(ret);
	ret->len = (uint8_t)part.len;
	if (x->group == 0) {
		memcpy(ret->bytes, challenge, part.len);
		return 0;
	}
	return kdf_hmac(h, secret_span(&x->ks), &part, 1, ret->bytes);
}

/* What differs between R1 and R2. */
struct proof {
	const uint8_t *challenge;
	uint32_t seq;
	const char *label, *prover, *verifier;	/* the latter two are NQNs */
};

static int respond(const struct dhchap *x, const struct proof *p, const struct secret *k,
		   uint8_t *ret)
{
	uint8_t fixed[7];	/* S | T_ID | SC_C */
	SECRET(ca);
	struct span parts[6];

	if (augment(x, p->challenge, &ca)) {
		memset(ret, 0, HASH_LEN_MAX);
		return -1;
	}
	store_le32(fixed, p->seq);
	store_le16(fixed + 4, x->t_id);
	fixed[6] = x->concat;
	parts[0] = secret_span(&ca);
	parts[1] = span_of(fixed, sizeof(fixed));
	parts[2] = text_span(p->label);
	parts[3] = text_span(p->prover);
	parts[4] = span_of("", 1);	/* the NUL */
	parts[5] = text_span(p->verifier);
	return kdf_hmac((enum nvme_hash)x->hash, secret_span(k), parts, ARRAY_SIZE(parts), ret);
}

int dhchap_response1(const struct dhchap *x, const struct secret *k_h, uint8_t r1[HASH_LEN_MAX])
{
	struct proof p = { x->c1, x->s1, "HostHost", x->hostnqn, x->subsysnqn };

	return respond(x, &p, k_h, r1);
}

int dhchap_response2(const struct dhchap *x, const struct secret *k_c, uint8_t r2[HASH_LEN_MAX])
{
	struct proof p = { x->c2, x->s2, "Controller", x->subsysnqn, x->hostnqn };

	return respond(x, &p, k_c, r2);
}

int dhchap_generated_psk(const struct dhchap *x, struct secret *ret_psk)
{
	enum nvme_hash h = (enum nvme_hash)x->hash;
	struct span parts[] = { span_of(x->c1, hash_len(h)), span_of(x->c2, hash_len(h)) };

	assert(x->ks.len);
	secret_wipe(ret_psk);
	if (kdf_hmac(h, secret_span(&x->ks), parts, 2, ret_psk->bytes))
		return -1;
	ret_psk->len = (uint8_t)hash_len(h);
	return 0;
}
