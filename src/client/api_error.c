/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults as errors of the library: errno or status, cause, one line, the next step. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/api_impl.h"

int api_error(struct nvmetls_error *e, int err, enum cause cause, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return err;
	memset(e, 0, sizeof(*e));
	e->err = err;
	snprintf(e->cause, sizeof(e->cause), "%s", cause_name(cause));
	snprintf(e->hint, sizeof(e->hint), "%s", cause_hint(cause));
	va_start(ap, fmt);
	vsnprintf(e->message, sizeof(e->message), fmt, ap);
	va_end(ap);
	return err;
}

static int error_number(struct fault why)
{
	switch (why.kind) {
	case FAULT_NVME:
		return why.code;
	case FAULT_OS:
		return why.code ? -(int)why.code : -EIO;
	default:
		return -EPROTO;
	}
}

int api_error_fault(struct nvmetls_error *e, struct fault why, const char *where,
		    const char *detail)
{
	return api_error(e, error_number(why), (enum cause)why.cause, "%s%s%s%s%s%s", where,
			 where[0] ? ": " : "", cause_text((enum cause)why.cause),
			 detail[0] ? " (" : "", detail, detail[0] ? ")" : "");
}

int api_key_error(struct nvmetls_error *e, struct fault why)
{
	static const struct {
		int err;
		const char *what, *hint;
	} kinds[] = {
		{ EBADMSG, "damaged (its CRC does not match)",
		  "copy it again, whole; or make a new one with gen-tls-key" },
		{ EMSGSIZE, "not as long as its hash demands",
		  "32 bytes after NVMeTLSkey-1:01:, 48 after NVMeTLSkey-1:02:; gen-tls-key makes such" },
		{ ENOTSUP, "of an unknown version or hash",
		  "NVMeTLSkey-1:00:, 01: and 02: are known; gen-tls-key makes such" },
		{ 0, "malformed", NULL },
	};
	size_t i = 0;
	int rc;

	while (kinds[i].err && kinds[i].err != why.code)
		i++;
	/* callers know three numbers (nvmetls.h) */
	rc = api_error(e, why.code == EMSGSIZE ? -EINVAL : -(int)why.code, CAUSE_KEY_MALFORMED,
		       "the TLS key is %s", kinds[i].what);
	if (e && kinds[i].hint)
		snprintf(e->hint, sizeof(e->hint), "%s", kinds[i].hint);
	return rc;
}

int api_store_error(struct nvmetls_error *e, const struct keystore *ks, struct fault why)
{
	int rc = api_error(e, error_number(why), (enum cause)why.cause, "%s", ks->error);

	if (e && ks->hint[0])
		snprintf(e->hint, sizeof(e->hint), "%s", ks->hint);
	return rc;
}

int api_command_error(struct fault why)
{
	if (why.kind == FAULT_OS && why.code == ECANCELED)
		return -ECANCELED;
	if (why.kind == FAULT_OS && why.code == ETIMEDOUT)
		return -ETIMEDOUT;
	return -ENOTCONN;
}
