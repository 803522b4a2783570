/* SPDX-License-Identifier: BSD-3-Clause */
#include "auth/dhchap_key.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/base64.h"
#include "base/bytes.h"

#define PREFIX	   "DHHC-1:"
#define PREFIX_LEN 7
#define CRC_LEN	   4
#define SIGNATURE  "NVMe-over-Fabrics"

static struct fault refused(int err)
{
	return fault_os(err, CAUSE_NONE);
}

static bool length_fits(int len)
{
	return len == 32 || len == 48 || len == 64;
}

/* "DHHC-1:HH:" to @ret_hh. */
static int parse_prefix(const char *text, size_t len, unsigned int *ret_hh)
{
	const char *hh = text + PREFIX_LEN;

	if (len < PREFIX_LEN + 4 || memcmp(text, PREFIX, PREFIX_LEN - 2) != 0)
		return EINVAL;
	if (memcmp(text, PREFIX, PREFIX_LEN) != 0)
		return text[PREFIX_LEN - 1] == ':' ? ENOTSUP : EINVAL;
	if (hh[2] != ':' || text[len - 1] != ':')
		return EINVAL;
	if (hh[0] != '0' || hh[1] < '0' || hh[1] > '3')
		return ENOTSUP;
	*ret_hh = (unsigned int)(hh[1] - '0');
	return 0;
}

struct fault dhchap_key_parse(const char *text, struct dhchap_key *ret)
{
	uint8_t raw[SECRET_LEN_MAX + CRC_LEN];
	size_t len = strlen(text);
	unsigned int hh = 0;
	int n = 0, err = parse_prefix(text, len, &hh);

	secret_wipe(&ret->secret);
	ret->hash = NVME_HASH_NONE;
	if (!err)
		n = base64_decode(raw, sizeof(raw), text + PREFIX_LEN + 3, len - PREFIX_LEN - 4);
	if (!err && !length_fits(n - CRC_LEN))
		err = EINVAL;
	if (!err && load_le32(raw + n - CRC_LEN) != crc32(0, raw, (unsigned int)n - CRC_LEN))
		err = EBADMSG;
	if (!err) {
		ret->hash = (enum nvme_hash)hh;
		ret->secret.len = (uint8_t)(n - CRC_LEN);
		memcpy(ret->secret.bytes, raw, ret->secret.len);
	}
	explicit_bzero(raw, sizeof(raw));
	return err ? refused(err) : OK;
}

uint32_t dhchap_key_crc(const struct dhchap_key *key)
{
	return (uint32_t)crc32(0, key->secret.bytes, key->secret.len);
}

void dhchap_key_format(const struct dhchap_key *key, char *text)
{
	uint8_t raw[SECRET_LEN_MAX + CRC_LEN];
	int n;

	assert(length_fits(key->secret.len));
	memcpy(raw, key->secret.bytes, key->secret.len);
	store_le32(raw + key->secret.len, dhchap_key_crc(key));
	n = snprintf(text, DHCHAP_KEY_LEN_MAX + 1, PREFIX "%02d:", (int)key->hash);
	n += base64_encode(text + n, (size_t)(DHCHAP_KEY_LEN_MAX + 1 - n), raw,
			   (size_t)key->secret.len + CRC_LEN);
	text[n] = ':';
	text[n + 1] = '\0';
	explicit_bzero(raw, sizeof(raw));
}

static struct fault transform(enum nvme_hash h, const struct secret *secret, const char *nqn,
			      struct secret *ret_k)
{
	struct span parts[] = { span_of(nqn, strlen(nqn)), span_of(SIGNATURE, strlen(SIGNATURE)) };

	if (h == NVME_HASH_NONE) {
		secret_copy(ret_k, secret);
		return OK;
	}
	secret_wipe(ret_k);
	if (kdf_hmac(h, span_of(secret->bytes, secret->len), parts, 2, ret_k->bytes))
		return refused(EIO);
	ret_k->len = (uint8_t)hash_len(h);
	return OK;
}

struct fault dhchap_key_transform(const struct dhchap_key *key, const char *nqn,
				  struct secret *ret_k)
{
	return transform(key->hash, &key->secret, nqn, ret_k);
}

struct fault dhchap_key_form(const struct dhchap_key *key, const struct secret *secret,
			     const char *nqn, enum dhchap_form *ret)
{
	SECRET(k);

	TRY(transform(key->hash, secret, nqn, &k));
	if (secret_equal(&key->secret, secret))
		*ret = DHCHAP_FORM_SECRET;
	else
		*ret = secret_equal(&key->secret, &k) ? DHCHAP_FORM_TRANSFORMED : DHCHAP_FORM_OTHER;
	return OK;
}
