/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/ffdh.h"

#include <assert.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/bytes.h"

static const struct {
	const char *name;
	uint16_t len, private_len;	/* bytes */
} groups[] = {
	[FFDH_NULL] = { NULL, 0, 0 },
	[FFDHE_2048] = { "ffdhe2048", 256, 32 },
	[FFDHE_3072] = { "ffdhe3072", 384, 40 },
	[FFDHE_4096] = { "ffdhe4096", 512, 44 },
	[FFDHE_6144] = { "ffdhe6144", 768, 48 },
	[FFDHE_8192] = { "ffdhe8192", 1024, 56 },
};

bool ffdh_known(uint8_t group)
{
	return group < ARRAY_SIZE(groups);
}

size_t ffdh_len(uint8_t group)
{
	return ffdh_known(group) ? groups[group].len : 0;
}

size_t ffdh_private_len(uint8_t group)
{
	return ffdh_known(group) ? groups[group].private_len : 0;
}

/* The group's prime as libcrypto has it. */
static BIGNUM *prime(enum ffdh_group g)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)groups[g].name,
						 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	EVP_PKEY *pkey = NULL;
	BIGNUM *p = NULL;

	if (ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEY_PARAMETERS, params) == 1)
		EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_FFC_P, &p);
	EVP_PKEY_free(pkey);
	EVP_PKEY_CTX_free(ctx);
	return p;
}

/* @base ^ @x mod @p to @ret, @len bytes. */
static int power(const BIGNUM *base, const struct secret *x, const BIGNUM *p, uint8_t *ret,
		 size_t len)
{
	BN_CTX *ctx = BN_CTX_secure_new();
	BIGNUM *e = BN_secure_new(), *r = BN_secure_new();
	int good = ctx && e && r && BN_bin2bn(x->bytes, x->len, e);

	if (good)
		BN_set_flags(e, BN_FLG_CONSTTIME);
	good = good && BN_mod_exp_mont_consttime(r, base, e, p, ctx, NULL) == 1 &&
	       BN_bn2binpad(r, ret, (int)len) == (int)len;
	BN_clear_free(r);
	BN_clear_free(e);
	BN_CTX_free(ctx);
	return good ? 0 : -1;
}

int ffdh_public(enum ffdh_group g, const struct secret *x, uint8_t *ret_value)
{
	BIGNUM *p, *two = BN_new();
	int rc = -1;

	assert(ffdh_len((uint8_t)g));
	p = prime(g);
	if (p && two && BN_set_word(two, 2))
		rc = power(two, x, p, ret_value, groups[g].len);
	BN_free(two);
	BN_free(p);
	return rc;
}

/* 1 < @y < @p - 1 */
static bool in_range(const BIGNUM *y, const BIGNUM *p)
{
	BIGNUM *last = BN_dup(p);
	bool good = last && BN_sub_word(last, 1) && BN_cmp(y, BN_value_one()) > 0 &&
		    BN_cmp(y, last) < 0;

	BN_free(last);
	return good;
}

int ffdh_shared(enum ffdh_group g, const struct secret *x, struct span peer, uint8_t *ret_shared)
{
	BIGNUM *p, *y;
	int rc = -1;

	assert(ffdh_len((uint8_t)g));
	if (peer.len != groups[g].len)
		return FFDH_BAD_VALUE;
	p = prime(g);
	y = BN_bin2bn(peer.ptr, (int)peer.len, NULL);
	if (p && y)
		rc = in_range(y, p) ? power(y, x, p, ret_shared, groups[g].len) : FFDH_BAD_VALUE;
	BN_free(y);
	BN_free(p);
	return rc;
}
