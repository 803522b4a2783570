/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mem - blocks in anonymous memory; gone with the process. Pages (huge ones where
 * the system has them) are taken as they are written.
 *
 * Used by several threads at once without locks: the order of overlapping commands is undefined
 * in NVMe too.
 *
 * Everything happens at once, but for zeroing more than a pool thread is worth: a host may have a
 * whole namespace deallocated by one command, and a gigabyte takes long.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "backend/backend_impl.h"
#include "base/bytes.h"

#define ZERO_AT_ONCE   (256u << 10)
#define PREFETCH_BYTES 8192
#define CACHE_LINE     64

static int mem_open(struct backend *b, const char *spec, char *why, size_t why_size)
{
	uint64_t size = 0;
	void *p;

	backend_parse_size(spec, &size);	/* backend_check() has found it good */
	size &= ~511ull;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		 -1, 0);
	if (p == MAP_FAILED) {
		int err = errno;

		snprintf(why, why_size, "mem:%s: %s; this machine has no room for that: take less, or a file",
			 spec, strerror(err));
		return -err;
	}
	madvise(p, size, MADV_HUGEPAGE); /* fewer TLB misses; no matter where it cannot be had */
	b->impl = p;
	b->size_bytes = size;
	b->can_deallocate = b->can_write_zeroes = b->lends = true;
	return 0;
}

static void mem_close(struct backend *b)
{
	munmap(b->impl, b->size_bytes);
}

static void copy(uint8_t *at, const struct io *io)
{
	for (int i = 0; i < io->iov_count; i++) {
		if (io->op == IO_READ)
			memcpy(io->iov[i].iov_base, at, io->iov[i].iov_len);
		else
			memcpy(at, io->iov[i].iov_base, io->iov[i].iov_len);
		at += io->iov[i].iov_len;
	}
}

/* Whole pages go back to the system and read as zeroes; the edges are written. */
static void zero(uint8_t *at, uint64_t len, bool unmap)
{
	uint8_t *first = (uint8_t *)(((uintptr_t)at + 4095) & ~(uintptr_t)4095);
	uint8_t *last = (uint8_t *)((uintptr_t)(at + len) & ~(uintptr_t)4095);

	if (!unmap || last <= first || madvise(first, (size_t)(last - first), MADV_DONTNEED) != 0) {
		memset(at, 0, len);
		return;
	}
	memset(at, 0, (size_t)(first - at));
	memset(last, 0, (size_t)(at + len - last));
}

static void zero_work(struct world_job *j)
{
	struct io *io = container_of(j, struct io, wio.job);

	zero(io->zero_iov.iov_base, io->zero_iov.iov_len,
	     io->may_unmap || io->op == IO_DEALLOCATE);
}

static void zero_done(struct world *w, struct world_job *j)
{
	struct io *io = container_of(j, struct io, wio.job);

	io->done(w, io);
}

static enum io_status submit_zero(struct world *w, struct io *io, uint8_t *at)
{
	io->zero_iov = (struct iovec){ at, io->len_bytes };
	io->wio.job = (struct world_job){ .work = zero_work, .done = zero_done };
	if (io->len_bytes > ZERO_AT_ONCE) {
		world_job(w, &io->wio.job);
		return IO_PENDING;
	}
	zero_work(&io->wio.job);
	return IO_DONE;
}

/*
 * What is lent is read soon, by the cipher or the kernel: begin to fetch it while other commands
 * are looked at. The processor finds the rest of a long range by itself.
 */
static void prefetch(const uint8_t *at, uint64_t len)
{
	for (uint64_t i = 0; i < len && i < PREFETCH_BYTES; i += CACHE_LINE)
		__builtin_prefetch(at + i, 0, 2);
}

static enum io_status mem_submit(struct backend *b, struct world *w, struct io *io)
{
	uint8_t *at = (uint8_t *)b->impl + io->offset_bytes;

	switch (io->op) {
	case IO_READ:
		if (io->may_borrow) {
			io->iov[0] = (struct iovec){ at, io->len_bytes };
			io->iov_count = 1;
			io->borrowed = true;
			prefetch(at, io->len_bytes);
			break;
		}
		copy(at, io);
		break;
	case IO_WRITE:
		copy(at, io);
		break;
	case IO_WRITE_ZEROES:
	case IO_DEALLOCATE:
		return submit_zero(w, io, at);
	default:
		break;	/* IO_FLUSH: nothing is more durable than it is */
	}
	return IO_DONE;
}

const struct backend_ops backend_mem = {
	.kind = "mem",
	.open = mem_open,
	.submit = mem_submit,
	.close = mem_close,
};
