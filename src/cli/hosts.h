/* SPDX-License-Identifier: BSD-3-Clause */
/* hosts - the running nvmetls-host processes of this user, and starting one. */
#pragma once

#include "cli/address.h"
#include "daemon/run_dir.h"

struct json_object;

struct hosts {
	struct run_dir dir;
	size_t count;
	unsigned int x[RUN_HOSTS_MAX];
	struct json_object *info[RUN_HOSTS_MAX];	/* control.h; NULL: it did not answer */
};

/* GO_ON, or EXIT_FAILED with the reason said. What killed ones left is removed on the way. */
int hosts_ask(const struct report *r, struct hosts *ret);
void hosts_free(struct hosts *h);
/* A member of @o; "" or 0 where it is missing. */
const char *info_text(struct json_object *o, const char *name);
uint64_t info_number(struct json_object *o, const char *name);
/* Say the "error" of an answer. EXIT_FAILED. */
int hosts_error(const struct report *r, struct json_object *answer);

/* "nvme1", "nvme1n1", "/run/nvmetls/nvme1n1": the number of the connection; false: it is none of these. */
bool hosts_number(const char *device, unsigned int *ret);

/* Is one of @h connected to what @a names? Its name, or NULL. */
const char *hosts_connected(const struct hosts *h, const struct address *a);
/*
 * Start an nvmetls-host for @a and wait until its devices are there. GO_ON with its info in *ret, or
 * EXIT_FAILED with the reason said.
 */
int hosts_start(const struct report *r, const struct address *a, bool loop,
		struct json_object **ret);
