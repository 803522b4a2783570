/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/keylog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

struct keylog {
	int fd;
};

void *keylog_open(const char *path)
{
	struct keylog *k = malloc(sizeof(*k));

	if (k)
		k->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (k && k->fd >= 0) {
		log_warn("TLS secrets are written to %s: whoever reads it can read the traffic", path);
		return k;
	}
	log_error("key log %s: %s", path, strerror(errno));
	free(k);
	return NULL;
}

void keylog_line(void *ctx, const char *line)
{
	const struct keylog *k = ctx;
	char buf[512];
	int n = snprintf(buf, sizeof(buf), "%s\n", line);

	if (n > 0 && (size_t)n < sizeof(buf) && write(k->fd, buf, (size_t)n) != n)
		log_warn("keylog: %s", strerror(errno));
	explicit_bzero(buf, sizeof(buf));
}

void keylog_close(void *ctx)
{
	struct keylog *k = ctx;

	if (k)
		close(k->fd);
	free(k);
}
