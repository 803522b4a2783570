/* SPDX-License-Identifier: BSD-3-Clause */
/* Any text as a DHHC-1 secret: what is taken is written again as the same text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/dhchap_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), again[DHCHAP_KEY_LEN_MAX + 1];
	struct dhchap_key key;

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (fault_is(dhchap_key_parse(text, &key))) {
		if (key.secret.len)
			abort();
	} else {
		dhchap_key_format(&key, again);
		if (strcmp(again, text) != 0)
			abort();
	}
	free(text);
	return 0;
}
