/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * keyring - PSKs in the kernel's keyrings (keyrings(7)): what Linux' own NVMe/TCP uses.
 *
 * A PSK is a key of type "psk" in a keyring, usually ".nvme", which the kernel makes when its
 * NVMe/TCP modules are loaded: the description is the identity, the payload the TLS PSK. Such
 * keys can be read by who possesses them: whose session keyring leads to them.
 *
 * Serials are those of the kernel; nothing here is kept. Errors are -errno; -ENOSYS: this
 * kernel has no keyrings.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"
#include "base/span.h"
#include "tls/psk.h"

#define KEYRING_NVME	 ".nvme"
#define KEYRING_KEYS_MAX 65536	/* in one keyring; more are not looked at */

struct keyring_psk {
	int32_t serial;
	char identity[PSK_IDENTITY_LEN_MAX + 1];
	enum nvme_hash hash;	/* by the length: 32 bytes SHA256, 48 SHA384 */
	struct secret psk;
};

/* The serial of the keyring called @name, e.g. ".nvme"; -ENOKEY: there is none that we may see. */
int32_t keyring_find(const char *name);
/*
 * Make a session keyring of our own called @name. keyring_possess() links @ring into it: its keys are
 * then ours, for this process and those it forks, whatever their user.
 */
int keyring_session(const char *name);
int keyring_possess(int32_t ring);

/*
 * The PSK behind @serial. -ENOTSUP: its type is not "psk"; -EMSGSIZE: neither 32 nor 48 bytes;
 * -ENAMETOOLONG: no identity; -EKEYREVOKED, -EKEYEXPIRED, -EACCES, -ENOKEY: as the kernel says.
 */
int keyring_read_psk(int32_t serial, struct keyring_psk *ret);
/*
 * The PSK of exactly that identity in @ring (the kernel's own search takes any longer one, too);
 * -ENOKEY: there is none. Keys that cannot be read are passed over.
 */
int keyring_find_psk(int32_t ring, struct span identity, struct keyring_psk *ret);
/* Add or replace; returns the serial or -errno. */
int32_t keyring_insert_psk(int32_t ring, const char *identity, const struct secret *psk);
