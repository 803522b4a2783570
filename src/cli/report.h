/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * report - how a verb says that it failed: one line on standard error,
 *
 *	nvmetls: VERB: MESSAGE; HINT
 *
 * (with "errno", its name, where the status is a negative one; without VERB where there is none) and with -o json the object {"error":{"cause","message","hint","status"}} on standard output.
 */
#pragma once

#include <stdbool.h>

#include "cli/options.h"

struct json_object;
struct nvmetls;
struct nvmetls_error;

struct report {
	const char *verb;
	bool json;
	struct json_object *into;	/* the error becomes a member of it, instead of being printed */
};

/* All return EXIT_FAILED. */
int report_error(const struct report *r, const struct nvmetls_error *e);
/* @status as the library returns it: positive NVMe status or negative errno. */
int report_status(const struct report *r, int status);
int report_status_hint(const struct report *r, int status, const char *hint);
/* The same for a command on @c: where the connection was lost, why it was. */
int report_command(const struct report *r, struct nvmetls *c, int status);
/* @cause: a stable name for scripts; @hint: the next step, may be "". */
int report_failed(const struct report *r, const char *cause, const char *hint, const char *format,
		  ...) __attribute__((format(printf, 4, 5)));

/* @err: positive errno, @what: the file or the like that it is about. */
int report_os(const struct report *r, int err, const char *what);

/* Print @o as nvme-cli prints JSON, and release it. Returns EXIT_DONE, or EXIT_FAILED if that failed. */
int report_json(struct json_object *o);
/* Standard output was written completely (a full disk is an error). EXIT_DONE or EXIT_FAILED. */
int report_flush(const struct report *r);
