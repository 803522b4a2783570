/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conf - tlshd's configuration file, as far as it concerns NVMe/TCP: tlshd.conf(5).
 *
 *	[debug]
 *	loglevel=1			0: failures; 1 to 6: every handshake; 7: all
 *	[authenticate]
 *	keyrings=.nvme;lab		names, besides .nvme, which is always used
 *
 * Other sections and keys are tlshd's (certificates, libraries' own debugging) and passed over.
 */
#pragma once

#include <stddef.h>

#include "tlshd/agent.h"

#define CONF_PATH     "/etc/tlshd/config"
#define CONF_PATH_OLD "/etc/tlshd.conf"

struct conf {
	int loglevel;
	char keyrings[AGENT_KEYRINGS_MAX][64];
	int keyring_count;
};

/* 0, or the number of the line that is not understood, with the reason. @text is NUL-terminated. */
int conf_parse(const char *text, struct conf *ret, char *error, size_t size);
/*
 * @path, or the first of the two above that exists; neither is an empty configuration. Returns 0, or
 * -errno with a line.
 */
int conf_load(const char *path, struct conf *ret, char *error, size_t size);
