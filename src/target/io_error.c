/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a backend could not do: a status for the host, a line for whoever runs the target.
 *
 * A failing disk fails thousands of times a second: per namespace and kind of I/O one line in ten
 * seconds, which tells how many were left out.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "target/target_impl.h"

#define QUIET_NS (10 * NS_PER_SEC)

static uint16_t status_of(const struct tcmd *c)
{
	switch (-c->io.err) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return NVME_SC_CAP_EXCEEDED | DNR;
	case EREMOTEIO:
		return NVME_SC_LBA_RANGE | DNR;
	case EOPNOTSUPP:
		return NVME_SC_INVALID_OPCODE | DNR;
	case EROFS:
		return NVME_SC_NS_WRITE_PROTECTED | DNR;
	case ENOMEM:
		return NVME_SC_INTERNAL;
	default:
		return c->io.op == IO_READ ? NVME_SC_READ_ERROR : NVME_SC_WRITE_FAULT;
	}
}

/* What went wrong, and what can be done about it, where there is something. */
static void explain(const struct backend *b, int err, char *text, size_t size)
{
	switch (err) {
	case EREMOTEIO:
		snprintf(text, size,
			 "the file ends before; it was %" PRIu64 " bytes long when the target started: restore it",
			 b->size_bytes);
		return;
	case ENOSPC:
		snprintf(text, size, "%s; free space on its file system", strerror(err));
		return;
	case EDQUOT:
		snprintf(text, size, "%s; free space or raise the quota", strerror(err));
		return;
	case EFBIG:
		snprintf(text, size, "%s; see ulimit -f and the limits of its file system", strerror(err));
		return;
	case EIO:
		snprintf(text, size, "%s; see the kernel's log for its disk", strerror(err));
		return;
	default:
		snprintf(text, size, "%s", strerror(err));
	}
}

/* May the log have a line now? Then also how many it did not get since the last. */
static bool may_say(struct backend_errors *e, uint64_t now_ns, unsigned int *ret_unsaid)
{
	uint64_t quiet_until = atomic_load(&e->quiet_until_ns);

	if (now_ns >= quiet_until &&
	    atomic_compare_exchange_strong(&e->quiet_until_ns, &quiet_until, now_ns + QUIET_NS)) {
		*ret_unsaid = atomic_exchange(&e->unsaid, 0);
		return true;
	}
	atomic_fetch_add(&e->unsaid, 1);
	return false;
}

static void say(const struct tcmd *c)
{
	static const char *const names[IO_OP_COUNT] = {
		[IO_READ] = "read",
		[IO_WRITE] = "write",
		[IO_FLUSH] = "flush",
		[IO_WRITE_ZEROES] = "write zeroes",
		[IO_DEALLOCATE] = "deallocate",
	};
	struct backend *b = c->ns->backend;
	char where[64] = "", why[192], more[48] = "";
	unsigned int unsaid;

	if (!may_say(&b->errors[c->io.op], world_now(c->tc->w), &unsaid))
		return;
	if (c->io.op != IO_FLUSH)
		snprintf(where, sizeof(where), " of %" PRIu64 " bytes at %" PRIu64, c->io.len_bytes,
			 c->io.offset_bytes);
	explain(b, -c->io.err, why, sizeof(why));
	if (unsaid)
		snprintf(more, sizeof(more), " (and %u more since the last such line)", unsaid);
	log_warn("namespace %u of %s, %s: %s%s failed: %s%s", c->ns->nsid, c->tc->subsysnqn,
		 b->name, names[c->io.op], where, why, more);
}

uint16_t tcmd_io_status(const struct tcmd *c)
{
	if (c->io.err == 0)
		return 0;
	say(c);
	return status_of(c);
}
