/* SPDX-License-Identifier: BSD-3-Clause */
#include "backend/backend.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend_impl.h"
#include "base/bytes.h"

static const struct backend_ops *const kinds[] = { &backend_mem, &backend_null };

int backend_parse_size(const char *text, uint64_t *ret_bytes)
{
	static const char units[] = "KMGT";
	const char *unit;
	uint64_t v;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno)
		return -ERANGE;
	/* a blank with the case bit cleared is the NUL that strchr() would find */
	unit = *end && *end != ' ' ? strchr(units, *end & ~0x20) : NULL;
	if (*end && (!unit || (end[1] && strcmp(end + 1, "iB") != 0)))
		return -EINVAL;
	for (long i = 0; unit && i <= unit - units; i++) {
		if (v > UINT64_MAX / 1024)
			return -ERANGE;
		v *= 1024;
	}
	*ret_bytes = v;
	return 0;
}

/* "mem:64M" -> the kind and what follows; anything else is a path. */
static const struct backend_ops *kind_of(const char *spec, const char **ret_rest)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t n = strlen(kinds[i]->kind);

		if (strncmp(spec, kinds[i]->kind, n) == 0 && spec[n] == ':') {
			*ret_rest = spec + n + 1;
			return kinds[i];
		}
	}
	*ret_rest = spec;
	return &backend_file;
}

bool backend_is_file(const char *spec)
{
	const char *rest;

	return kind_of(spec, &rest) == &backend_file;
}

int backend_check(const char *spec, char *why, size_t why_size)
{
	const char *rest;
	const struct backend_ops *ops = kind_of(spec, &rest);
	uint64_t size;

	if (ops == &backend_file && spec[0])
		return 0;
	if (ops == &backend_file)
		snprintf(why, why_size, "missing; give a path, mem:SIZE or null:SIZE");
	else if (backend_parse_size(rest, &size) || size == 0)
		snprintf(why, why_size, "%s: not a size; say %s:64M", spec, ops->kind);
	else if (size < 512)
		snprintf(why, why_size, "%s: smaller than one block of 512 bytes", spec);
	else
		return 0;
	return -EINVAL;
}

int backend_open(const char *spec, bool read_only, struct backend **ret, char *why, size_t why_size)
{
	struct backend *b;
	const char *rest;
	int rc = backend_check(spec, why, why_size);

	if (rc)
		return rc;
	b = calloc(1, sizeof(*b));
	if (b)
		b->name = strdup(spec);
	if (!b || !b->name) {
		free(b);
		snprintf(why, why_size, "%s: %s", spec, strerror(ENOMEM));
		return -ENOMEM;
	}
	b->ops = kind_of(spec, &rest);
	b->read_only = read_only;
	b->block_bytes = 512;
	rc = b->ops->open(b, rest, why, why_size);
	if (rc == 0 && b->size_bytes < b->block_bytes) {
		snprintf(why, why_size, "%s: smaller than one block", spec);
		b->ops->close(b);
		rc = -EINVAL;
	}
	if (rc) {
		free(b->name);
		free(b);
		return rc;
	}
	*ret = b;
	return 0;
}

void backend_close(struct backend *b)
{
	if (!b)
		return;
	b->ops->close(b);
	free(b->name);
	free(b);
}

enum io_status backend_submit(struct backend *b, struct world *w, struct io *io)
{
	uint64_t iov_bytes = 0;

	assert(io->op < IO_OP_COUNT && io->done);
	assert(io->offset_bytes <= b->size_bytes);
	assert(io->len_bytes <= b->size_bytes - io->offset_bytes);
	assert(!b->read_only || io->op == IO_READ || io->op == IO_FLUSH);
	if (io->op == IO_READ || io->op == IO_WRITE) {
		for (int i = 0; i < io->iov_count; i++)
			iov_bytes += io->iov[i].iov_len;
		assert(iov_bytes == io->len_bytes || (io->op == IO_READ && io->may_borrow));
	}
	io->backend = b;
	io->err = 0;
	io->borrowed = false;
	return b->ops->submit(b, w, io);
}
