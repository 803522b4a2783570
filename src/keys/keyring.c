/* SPDX-License-Identifier: BSD-3-Clause */
#include "keys/keyring.h"

#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>

#define TYPE_PSK "psk"

static int or_errno(long rc)
{
	return rc < 0 ? -errno : (int)rc;
}

int32_t keyring_find(const char *name)
{
	errno = ENOKEY;
	return or_errno(find_key_by_type_and_desc("keyring", name, 0));
}

int keyring_session(const char *name)
{
	int rc = or_errno(keyctl_join_session_keyring(name));

	return rc < 0 ? rc : 0;
}

int keyring_possess(int32_t ring)
{
	return or_errno(keyctl_link(ring, KEY_SPEC_SESSION_KEYRING));
}

/* "psk;0;0;3b010000;NVMe0R01 host subsystem": the description behind the fourth semicolon. */
static int describe(int32_t serial, char *ret_identity)
{
	char text[64 + PSK_IDENTITY_LEN_MAX + 1];
	long len = keyctl_describe(serial, text, sizeof(text));
	const char *at = text;

	if (len < 0)
		return -errno;
	if ((size_t)len > sizeof(text))
		return -ENAMETOOLONG;
	text[sizeof(text) - 1] = '\0';
	if (strncmp(text, TYPE_PSK ";", sizeof(TYPE_PSK)) != 0)
		return -ENOTSUP;
	for (int i = 0; i < 4; i++) {
		at = strchr(at, ';');
		if (!at)
			return -ENOTSUP;
		at++;
	}
	len = snprintf(ret_identity, PSK_IDENTITY_LEN_MAX + 1, "%s", at);
	return len == 0 || len > PSK_IDENTITY_LEN_MAX ? -ENAMETOOLONG : 0;
}

static int read_payload(int32_t serial, struct keyring_psk *ret)
{
	long len = keyctl_read(serial, (char *)ret->psk.bytes, sizeof(ret->psk.bytes));

	if (len < 0)
		return -errno;
	ret->psk.len = (uint8_t)(len > (long)sizeof(ret->psk.bytes) ? 0 : len);
	if (ret->psk.len != hash_len(NVME_HASH_SHA256) &&
	    ret->psk.len != hash_len(NVME_HASH_SHA384))
		return -EMSGSIZE;
	ret->hash = ret->psk.len == 32 ? NVME_HASH_SHA256 : NVME_HASH_SHA384;
	return 0;
}

int keyring_read_psk(int32_t serial, struct keyring_psk *ret)
{
	int rc;

	memset(ret, 0, sizeof(*ret));
	ret->serial = serial;
	rc = describe(serial, ret->identity);
	if (rc == 0)
		rc = read_payload(serial, ret);
	if (rc < 0)
		explicit_bzero(ret, sizeof(*ret));
	return rc;
}

/* All serials of @ring; malloc'd. The keyring may grow between two looks: what did not fit waits. */
static int32_t *serials_of(int32_t ring, size_t *ret_count)
{
	size_t size = KEYRING_KEYS_MAX * sizeof(int32_t);
	int32_t *list = malloc(size);
	long len = list ? keyctl_read(ring, (char *)list, size) : -1;

	*ret_count = 0;
	if (len < 0) {
		int err = errno;

		free(list);
		errno = list ? err : ENOMEM;
		return NULL;
	}
	*ret_count = ((size_t)len < size ? (size_t)len : size) / sizeof(*list);
	return list;
}

static bool is_identity(int32_t serial, struct span identity)
{
	char text[PSK_IDENTITY_LEN_MAX + 1];

	return describe(serial, text) == 0 && strlen(text) == identity.len &&
	       memcmp(text, identity.ptr, identity.len) == 0;
}

int keyring_find_psk(int32_t ring, struct span identity, struct keyring_psk *ret)
{
	size_t count;
	int32_t *list = serials_of(ring, &count);
	int rc = list ? -ENOKEY : -errno;

	for (size_t i = 0; i < count && rc != 0; i++)
		if (is_identity(list[i], identity))
			rc = keyring_read_psk(list[i], ret);
	free(list);
	return rc;
}

int32_t keyring_insert_psk(int32_t ring, const char *identity, const struct secret *psk)
{
	return or_errno(add_key(TYPE_PSK, identity, psk->bytes, psk->len, ring));
}
