/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/report.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cause.h"
#include "nvme/status.h"
#include "nvmetls.h"

#define JSON_STYLE (JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE)

int report_json(struct json_object *o)
{
	int n = o ? printf("%s\n", json_object_to_json_string_ext(o, JSON_STYLE)) : -1;

	json_object_put(o);
	return n > 0 && fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

int report_flush(const struct report *r)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_DONE;
	fprintf(stderr, "nvmetls: %s: standard output: %s\n", r->verb, strerror(errno));
	return EXIT_FAILED;
}

/* What was given, or what a target said, may hold what a terminal would obey. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == '\x7f')
			*text = '?';
}

int report_error(const struct report *r, const struct nvmetls_error *e)
{
	/* the general hint of an error of the operating system says nothing beside its message */
	const char *hint = strcmp(e->hint, cause_hint(CAUSE_OS)) == 0 ? "" : e->hint;
	const char *name = e->err < 0 ? strerrorname_np(-e->err) : NULL;
	char message[sizeof(e->message)];
	struct json_object *top = r->into, *o;

	memcpy(message, e->message, sizeof(message));
	make_printable(message);
	fprintf(stderr, "nvmetls: %s%s%s%s%s\n", r->verb, r->verb[0] ? ": " : "", message,
		hint[0] ? "; " : "", hint);
	if (!r->json)
		return EXIT_FAILED;
	if (!top)
		top = json_object_new_object();
	o = json_object_new_object();
	json_object_object_add(o, "cause", json_object_new_string(e->cause));
	json_object_object_add(o, "message", json_object_new_string(e->message));
	json_object_object_add(o, "hint", json_object_new_string(hint));
	json_object_object_add(o, "status", json_object_new_int(e->err));
	if (name)
		json_object_object_add(o, "errno", json_object_new_string(name));
	json_object_object_add(top, "error", o);
	if (!r->into)
		report_json(top);
	return EXIT_FAILED;
}

int report_status_hint(const struct report *r, int status, const char *hint)
{
	struct nvmetls_error e = { .err = status };

	if (status > 0) {
		snprintf(e.cause, sizeof(e.cause), "nvme-status");
		/* nvme-cli's line */
		snprintf(e.message, sizeof(e.message), "NVMe status: %s(%#x)",
			 nvme_status_str((uint16_t)status), (unsigned int)status);
	} else {
		snprintf(e.cause, sizeof(e.cause), "os-error");
		snprintf(e.message, sizeof(e.message), "%s", strerror(-status));
	}
	snprintf(e.hint, sizeof(e.hint), "%s", hint);
	return report_error(r, &e);
}

int report_status(const struct report *r, int status)
{
	return report_status_hint(r, status, "");
}

int report_command(const struct report *r, struct nvmetls *c, int status)
{
	struct nvmetls_error e;

	memset(&e, 0, sizeof(e));
	return status < 0 && nvmetls_state(c, &e) ? report_error(r, &e) : report_status(r, status);
}

int report_os(const struct report *r, int err, const char *what)
{
	struct nvmetls_error e = { .err = -err, .cause = "os-error" };

	snprintf(e.message, sizeof(e.message), "%s: %s", what, strerror(err));
	return report_error(r, &e);
}

/* The number that goes with a name, so that scripts need not know all names. */
static int error_number(const char *cause)
{
	static const struct {
		const char *cause;
		int err;
	} numbers[] = {
		{ "interrupted", EINTR },     { "no-memory", ENOMEM },
		{ "controller-busy", EBUSY }, { "verify-failed", EIO },
		{ "too-large", EFBIG },	      { "data-short", ENODATA },
		{ "namespace-unknown", ENODEV },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(numbers[i].cause, cause) == 0)
			return -numbers[i].err;
	return -EINVAL;
}

int report_failed(const struct report *r, const char *cause, const char *hint, const char *format,
		  ...)
{
	struct nvmetls_error e = { .err = error_number(cause) };
	va_list args;

	snprintf(e.cause, sizeof(e.cause), "%s", cause);
	snprintf(e.hint, sizeof(e.hint), "%s", hint);
	va_start(args, format);
	vsnprintf(e.message, sizeof(e.message), format, args);
	va_end(args);
	return report_error(r, &e);
}
