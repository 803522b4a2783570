/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

static const struct {
	const char *name, *words[2];
} choices[] = {
	{ "NVMETLS_LOOP", { "uring", "epoll" } },
	{ "NVMETLS_CRYPTO", { "ipsec-mb", "evp" } },
};

bool env_check(char *why, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
		const char *value = getenv(choices[i].name);

		if (!value || !*value || strcmp(value, choices[i].words[0]) == 0 ||
		    strcmp(value, choices[i].words[1]) == 0)
			continue;
		snprintf(why, size, "%s=%.40s: wants %s or %s, or to be unset", choices[i].name,
			 value, choices[i].words[0], choices[i].words[1]);
		return false;
	}
	return true;
}
