/* SPDX-License-Identifier: BSD-3-Clause */
/* null - reads zeroes, forgets writes. For measuring everything but a disk. */
#include <assert.h>
#include <string.h>

#include "backend/backend_impl.h"

#define ZEROES (4u << 20)	/* no transfer is longer */

/* Never written; not const, so that it takes no room in the program. */
static uint8_t zeroes[ZEROES];

static int null_open(struct backend *b, const char *spec, char *why, size_t why_size)
{
	(void)why;
	(void)why_size;
	backend_parse_size(spec, &b->size_bytes);	/* backend_check() has found it good */
	b->size_bytes &= ~511ull;
	b->can_deallocate = b->can_write_zeroes = b->lends = true;
	return 0;
}

static void null_close(struct backend *b)
{
	(void)b;
}

static enum io_status null_submit(struct backend *b, struct world *w, struct io *io)
{
	(void)b;
	(void)w;
	if (io->op != IO_READ)
		return IO_DONE;
	if (io->may_borrow) {
		assert(io->len_bytes <= ZEROES);
		io->iov[0] = (struct iovec){ zeroes, io->len_bytes };
		io->iov_count = 1;
		io->borrowed = true;
		return IO_DONE;
	}
	for (int i = 0; i < io->iov_count; i++)
		memset(io->iov[i].iov_base, 0, io->iov[i].iov_len);
	return IO_DONE;
}

const struct backend_ops backend_null = {
	.kind = "null",
	.open = null_open,
	.submit = null_submit,
	.close = null_close,
};
