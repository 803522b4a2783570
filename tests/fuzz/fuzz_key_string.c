/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Key strings and identities: what is accepted comes out of the formatter as it went in; what
 * is refused leaves nothing behind.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls/psk.h"

#define MUST(x)                  \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void key(const char *text)
{
	static const struct secret zero;
	char again[PSK_INTERCHANGE_LEN_MAX + 1];
	struct psk_config psk;

	if (fault_is(psk_parse(text, &psk))) {
		MUST(memcmp(&psk.key, &zero, sizeof(zero)) == 0);
		return;
	}
	psk_format(&psk, again);
	MUST(strcmp(again, text) == 0);
}

static void identity(const char *text)
{
	char again[PSK_IDENTITY_LEN_MAX + 1];
	struct psk_identity_parts p;

	if (!psk_identity_parse(span_of(text, strlen(text)), &p))
		return;
	snprintf(again, sizeof(again), "NVMe%d%c%02d %s %s%s%s", p.version, (char)p.kind, (int)p.hash,
		 p.hostnqn, p.subsysnqn, p.version ? " " : "", p.digest);
	MUST(strncmp(again, text, strlen(again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[700];

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	key(text);
	identity(text);
	return 0;
}
