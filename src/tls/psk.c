/* SPDX-License-Identifier: BSD-3-Clause */
#include "tls/psk.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <zlib.h>

#include "base/base64.h"
#include "base/bytes.h"

#define PREFIX	   "NVMeTLSkey-1:"
#define PREFIX_LEN 13
#define CRC_LEN	   4
#define SIGNATURE  "NVMe-over-Fabrics"

static struct fault refused(int err)
{
	return fault_os(err, CAUSE_NONE);
}

/* Does a key of @len bytes go with HH? TCP Transport, PSK interchange format. */
static bool length_fits(unsigned int hh, size_t len)
{
	if (hh == NVME_HASH_NONE)
		return len == 32 || len == 48;
	return len == (hh == NVME_HASH_SHA256 ? 32 : 48);
}

struct fault psk_parse(const char *text, struct psk_config *ret)
{
	uint8_t raw[48 + CRC_LEN];
	size_t len = strlen(text);
	unsigned int hh;
	int n, err = 0;

	secret_wipe(&ret->key);
	ret->hash = NVME_HASH_NONE;
	if (len < PREFIX_LEN + 4 || memcmp(text, PREFIX, PREFIX_LEN - 2) != 0)
		return refused(EINVAL);
	if (memcmp(text, PREFIX, PREFIX_LEN) != 0)
		return refused(text[PREFIX_LEN - 1] == ':' ? ENOTSUP : EINVAL);
	if (text[PREFIX_LEN + 2] != ':' || text[len - 1] != ':')
		return refused(EINVAL);
	if (text[PREFIX_LEN] != '0' || text[PREFIX_LEN + 1] < '0' || text[PREFIX_LEN + 1] > '2')
		return refused(ENOTSUP);
	hh = (unsigned int)(text[PREFIX_LEN + 1] - '0');
	if (len - PREFIX_LEN - 4 > BASE64_CHARS(sizeof(raw)))
		return refused(EINVAL);
	n = base64_decode(raw, sizeof(raw), text + PREFIX_LEN + 3, len - PREFIX_LEN - 4);
	if (n <= CRC_LEN)
		err = EINVAL;
	else if (!length_fits(hh, (size_t)n - CRC_LEN))
		err = EMSGSIZE;
	else if (load_le32(raw + n - CRC_LEN) != crc32(0, raw, (unsigned int)n - CRC_LEN))
		err = EBADMSG;
	if (!err) {
		ret->hash = (enum nvme_hash)hh;
		ret->key.len = (uint8_t)(n - CRC_LEN);
		memcpy(ret->key.bytes, raw, ret->key.len);
	}
	explicit_bzero(raw, sizeof(raw));
	return err ? refused(err) : OK;
}

void psk_format(const struct psk_config *psk, char *text)
{
	uint8_t raw[48 + CRC_LEN];
	int n;

	assert(psk->key.len == 32 || psk->key.len == 48);
	memcpy(raw, psk->key.bytes, psk->key.len);
	store_le32(raw + psk->key.len, (uint32_t)crc32(0, raw, psk->key.len));
	n = snprintf(text, PSK_INTERCHANGE_LEN_MAX + 1, PREFIX "%02d:", (int)psk->hash);
	n += base64_encode(text + n, (size_t)(PSK_INTERCHANGE_LEN_MAX + 1 - n), raw,
			   (size_t)psk->key.len + CRC_LEN);
	text[n] = ':';
	text[n + 1] = '\0';
	explicit_bzero(raw, sizeof(raw));
}

enum nvme_hash psk_tls_hash(const struct psk_config *psk)
{
	if (psk->hash != NVME_HASH_NONE)
		return psk->hash;
	return psk->key.len == 48 ? NVME_HASH_SHA384 : NVME_HASH_SHA256;
}

/*
 * info = L | "tls13 " | label | context, without their lengths; L little-endian in libnvme before
 * 1.16, big-endian in Linux before 6.18.
 */
static int expand_bare(enum nvme_hash h, const struct secret *prk, const char *label,
		       struct span context, size_t len, enum psk_derivation d, struct secret *ret)
{
	uint8_t info[2 + 6 + 32 + PSK_IDENTITY_LEN_MAX];
	size_t at = 8, label_len = strlen(label);

	assert(label_len <= 32 && context.len <= PSK_IDENTITY_LEN_MAX);
	if (d == PSK_COMPAT)
		store_le16(info, (uint16_t)len);
	else
		store_be16(info, (uint16_t)len);
	memcpy(info + 2, "tls13 ", 6);
	memcpy(info + at, label, label_len);
	at += label_len;
	memcpy(info + at, context.ptr, context.len);
	return kdf_expand(h, prk, span_of(info, at + context.len), len, ret);
}

static struct fault extract_expand(enum nvme_hash h, const struct secret *ikm, const char *label,
				   struct span context, size_t len, enum psk_derivation d,
				   struct secret *ret)
{
	SECRET(prk);
	int rc;

	if (d == PSK_RFC && context.len > 255)
		return refused(EOVERFLOW);
	rc = kdf_extract(h, ikm, &prk);
	if (!rc)
		rc = d == PSK_RFC ? kdf_expand_label(h, &prk, label, context, len, ret) :
				    expand_bare(h, &prk, label, context, len, d, ret);
	return rc ? refused(EIO) : OK;
}

struct fault psk_retain(const struct psk_config *psk, const char *hostnqn, enum psk_derivation d,
			struct secret *ret_retained)
{
	if (psk->hash == NVME_HASH_NONE) {
		secret_copy(ret_retained, &psk->key);
		return OK;
	}
	return extract_expand(psk->hash, &psk->key, "HostNQN", span_of(hostnqn, strlen(hostnqn)),
			      psk->key.len, d, ret_retained);
}

/* base64(HMAC(retained, "hostnqn subsysnqn NVMe-over-Fabrics")), NUL-terminated. */
static struct fault digest(enum nvme_hash h, const struct secret *retained,
			   const struct psk_owner *owner, char ret[PSK_DIGEST_LEN_MAX + 1])
{
	struct span parts[] = {
		span_of(owner->hostnqn, strlen(owner->hostnqn)),
		span_of(" ", 1),
		span_of(owner->subsysnqn, strlen(owner->subsysnqn)),
		span_of(" " SIGNATURE, strlen(" " SIGNATURE)),
	};
	uint8_t mac[HASH_LEN_MAX];
	int n;

	if (kdf_hmac(h, span_of(retained->bytes, retained->len), parts, ARRAY_SIZE(parts), mac))
		return refused(EIO);
	n = base64_encode(ret, PSK_DIGEST_LEN_MAX + 1, mac, hash_len(h));
	if (n < 0)
		return refused(EOVERFLOW);
	ret[n] = '\0';
	return OK;
}

struct fault psk_identity(int version, enum psk_kind kind, enum nvme_hash h,
			  const struct secret *retained, const struct psk_owner *owner,
			  char *ret_identity)
{
	char dig[PSK_DIGEST_LEN_MAX + 1] = "";
	int n;

	if (version != 0 && version != 1)
		return refused(EINVAL);
	if (version == 1)
		TRY(digest(h, retained, owner, dig));
	n = snprintf(ret_identity, PSK_IDENTITY_LEN_MAX + 1, "NVMe%d%c%02d %s %s%s%s", version,
		     (char)kind, (int)h, owner->hostnqn, owner->subsysnqn, version ? " " : "", dig);
	return n > PSK_IDENTITY_LEN_MAX ? refused(EOVERFLOW) : OK;
}

struct fault psk_tls(int version, enum psk_kind kind, enum nvme_hash h,
		     const struct secret *retained, const struct psk_owner *owner,
		     enum psk_derivation d, struct secret *ret_tls_psk)
{
	char context[PSK_IDENTITY_LEN_MAX + 1];
	char dig[PSK_DIGEST_LEN_MAX + 1];

	if (version == 1) {
		TRY(digest(h, retained, owner, dig));
		snprintf(context, sizeof(context), "%02d %s", (int)h, dig);
	} else {
		TRY(psk_identity(0, kind, h, retained, owner, context));
	}
	return extract_expand(h, retained, "nvme-tls-psk", span_of(context, strlen(context)),
			      hash_len(h), d, ret_tls_psk);
}

/*
 * The next word of @in, up to a blank or the end, copied to @dst. False: empty, too long, or
 * nothing behind the blank.
 */
static bool word(struct span *in, char *dst, size_t size)
{
	size_t n = 0;

	while (n < in->len && in->ptr[n] != ' ') {
		if (n + 1 >= size || in->ptr[n] < 0x21 || in->ptr[n] > 0x7e)
			return false;
		dst[n] = (char)in->ptr[n];
		n++;
	}
	dst[n] = '\0';
	span_take(in, n);
	if (in->len == 0)
		return n > 0;
	span_take(in, 1);
	return n > 0 && in->len > 0;
}

bool psk_identity_parse(struct span identity, struct psk_identity_parts *ret)
{
	char tag[9];

	if (identity.len && identity.ptr[identity.len - 1] == '\0')
		identity.len--;
	if (!word(&identity, tag, sizeof(tag)) || strlen(tag) != 8 || memcmp(tag, "NVMe", 4))
		return false;
	if ((tag[4] != '0' && tag[4] != '1') || (tag[5] != 'R' && tag[5] != 'G') || tag[6] != '0' ||
	    (tag[7] != '1' && tag[7] != '2'))
		return false;
	ret->version = tag[4] - '0';
	ret->kind = (enum psk_kind)tag[5];
	ret->hash = (enum nvme_hash)(tag[7] - '0');
	ret->digest[0] = '\0';
	if (!word(&identity, ret->hostnqn, sizeof(ret->hostnqn)) ||
	    !word(&identity, ret->subsysnqn, sizeof(ret->subsysnqn)))
		return false;
	if (ret->version == 1 && !word(&identity, ret->digest, sizeof(ret->digest)))
		return false;
	return identity.len == 0;
}
