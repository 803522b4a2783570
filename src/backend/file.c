/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * file - blocks in a regular file or a block device.
 *
 * Two descriptors: one with O_DIRECT for I/O whose offset, length and memory align, one without
 * for the rest; the kernel keeps them coherent. All data I/O goes through the world. A completed
 * write may sit in a volatile cache (the page cache, the disk's): Flush is fdatasync, FUA is
 * RWF_DSYNC, and VWC says so.
 *
 * Zeroing that the file cannot do (EOPNOTSUPP) is done by writing zeroes.
 *
 * A regular file that somebody has made shorter stays so: what lies past its end is an error
 * (EREMOTEIO), also for writes. They would make it longer again, with a hole of zeroes where data
 * was, and nobody would know.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/backend_impl.h"
#include "base/bytes.h"

#define ZEROES_BYTES (1u << 20)

struct file {
	int fd, direct_fd;	/* direct_fd: -1 where O_DIRECT cannot be had */
	uint32_t align;		/* of offset, length and memory for direct_fd */
	bool is_block;
};

/* Never written; not const, so that it takes no room in the program. */
static uint8_t zeroes[ZEROES_BYTES] __attribute__((aligned(4096)));

static int failed(const char *path, int err, const char *what, char *why, size_t why_size)
{
	const char *hint = "";

	if (!what && (err == EACCES || err == EPERM))
		hint = "; give this user the right to read and write it, or run as one who has it";
	else if (!what && err == EROFS)
		hint = "; export it read-only, which only a --config can say";
	else if (!what && err == EBUSY)
		hint = "; unmount it first";
	else if (!what && err == ENOENT)
		hint = "; make it first: truncate -s SIZE FILE";
	snprintf(why, why_size, "%s: %s%s", path, what ? what : strerror(err), hint);
	return -err;
}

/* Size and block size; what is neither a file nor a block device is refused. */
static int measure(struct backend *b, struct file *f, const char *path, char *why, size_t why_size)
{
	struct stat st;
	int block = 512;

	if (fstat(f->fd, &st) != 0)
		return failed(path, errno, NULL, why, why_size);
	if (S_ISBLK(st.st_mode)) {
		f->is_block = true;
		if (ioctl(f->fd, BLKGETSIZE64, &b->size_bytes) != 0 ||
		    ioctl(f->fd, BLKSSZGET, &block) != 0)
			return failed(path, errno, NULL, why, why_size);
		b->block_bytes = (uint32_t)block;
	} else if (S_ISREG(st.st_mode)) {
		b->size_bytes = (uint64_t)st.st_size;
	} else {
		return failed(path, EINVAL, "neither a file nor a block device", why, why_size);
	}
	b->tail_bytes = (uint32_t)(b->size_bytes % b->block_bytes);
	b->size_bytes -= b->tail_bytes;
	return 0;
}

static uint32_t direct_align(int fd, const struct backend *b, bool is_block)
{
#ifdef STATX_DIOALIGN
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) == 0 && stx.stx_mask & STATX_DIOALIGN &&
	    stx.stx_dio_offset_align)
		return (uint32_t)max_u64(stx.stx_dio_offset_align, stx.stx_dio_mem_align);
#else
	(void)fd;
#endif
	return is_block ? b->block_bytes : 4096;
}

static bool probe(const struct file *f)
{
	void *buf = aligned_alloc(f->align, f->align);
	bool good = buf && pread(f->direct_fd, buf, f->align, 0) >= 0;

	free(buf);
	return good;
}

/* Direct I/O where it can be had: what the system says about alignment is tried once. */
static void open_direct(struct file *f, const struct backend *b, const char *path, int mode)
{
	f->align = direct_align(f->fd, b, f->is_block);
	f->direct_fd = open(path, mode | O_DIRECT);
	if (f->direct_fd >= 0 && probe(f))
		return;
	if (f->direct_fd >= 0)
		close(f->direct_fd);
	f->direct_fd = -1;
}

/* A device that is mounted, or part of something, is refused. */
static int open_mode(const char *path, bool read_only)
{
	struct stat st;
	int mode = (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC;

	return !read_only && stat(path, &st) == 0 && S_ISBLK(st.st_mode) ? mode | O_EXCL : mode;
}

static int file_open(struct backend *b, const char *path, char *why, size_t why_size)
{
	struct file *f = calloc(1, sizeof(*f));
	int rc, mode = open_mode(path, b->read_only);

	if (!f)
		return failed(path, ENOMEM, NULL, why, why_size);
	f->direct_fd = -1;
	f->fd = open(path, mode);
	if (f->fd < 0)
		rc = failed(path, errno, NULL, why, why_size);
	else if (flock(f->fd, (b->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0)
		rc = failed(path, EBUSY, "in use by another process; see fuser", why, why_size);
	else
		rc = measure(b, f, path, why, why_size);
	if (rc) {
		if (f->fd >= 0)
			close(f->fd);
		free(f);
		return rc;
	}
	open_direct(f, b, path, mode & ~O_EXCL);
	b->volatile_cache = true;
	b->can_deallocate = b->can_write_zeroes = true;
	b->impl = f;
	return 0;
}

static void file_close(struct backend *b)
{
	struct file *f = b->impl;

	if (f->direct_fd >= 0)
		close(f->direct_fd);
	close(f->fd);
	free(f);
}

static bool aligned(const struct file *f, const struct io *io)
{
	uint64_t bits = io->offset_bytes | io->len_bytes;

	for (int i = 0; i < io->iov_count; i++)
		bits |= (uintptr_t)io->iov[i].iov_base | io->iov[i].iov_len;
	return f->direct_fd >= 0 && bits % f->align == 0;
}

/* One system call per write to a regular file; no file system is asked to look at its server. */
static bool past_end(const struct file *f, uint64_t end_bytes)
{
	struct statx stx;

	return !f->is_block &&
	       statx(f->fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_SIZE, &stx) == 0 &&
	       stx.stx_size < end_bytes;
}

/* --- zeroes by writing, one piece after the other --- */

static void piece_done(struct world *w, struct world_io *wio);

static void write_piece(struct world *w, struct io *io)
{
	struct world_io *x = &io->wio;

	/* a transfer moves its offset and length: @zeroed_bytes is what is asked for so far */
	x->offset = io->offset_bytes + io->zeroed_bytes;
	x->len = min_u64(io->len_bytes - io->zeroed_bytes, ZEROES_BYTES);
	io->zeroed_bytes += x->len;
	io->zero_iov = (struct iovec){ zeroes, x->len };
	x->op = WORLD_IO_WRITE;
	x->dsync = io->fua;
	x->iov = &io->zero_iov;
	x->iov_count = 1;
	x->done = piece_done;
	world_io_submit(w, x);
}

static void piece_done(struct world *w, struct world_io *wio)
{
	struct io *io = container_of(wio, struct io, wio);

	if (wio->result || io->zeroed_bytes == io->len_bytes) {
		io->err = wio->result;
		io->done(w, io);
		return;
	}
	if (past_end(io->backend->impl, io->offset_bytes + io->len_bytes)) {
		io->err = -EREMOTEIO;
		io->done(w, io);
		return;
	}
	write_piece(w, io);
}

/* --- everything else --- */

static void sync_done(struct world *w, struct world_io *wio)
{
	struct io *io = container_of(wio, struct io, wio);

	io->err = wio->result;
	io->done(w, io);
}

static void done(struct world *w, struct world_io *wio)
{
	struct io *io = container_of(wio, struct io, wio);
	bool unsupported = wio->result == -EOPNOTSUPP || wio->result == -ENOSYS ||
			   wio->result == -EINVAL;

	if (io->op == IO_WRITE_ZEROES && unsupported) {
		io->zeroed_bytes = 0;
		write_piece(w, io);
		return;
	}
	if (io->op == IO_WRITE_ZEROES && wio->result == 0 && io->fua) {
		wio->op = WORLD_IO_FDATASYNC;
		wio->done = sync_done;
		world_io_submit(w, wio);
		return;
	}
	/* deallocation is advice: a file that cannot has done all it can */
	io->err = io->op == IO_DEALLOCATE && unsupported ? 0 : wio->result;
	if (io->op == IO_READ && io->err == -EIO &&
	    past_end(io->backend->impl, io->offset_bytes + io->len_bytes))
		io->err = -EREMOTEIO;
	io->done(w, io);
}

static enum world_io_op op_of(const struct io *io)
{
	switch (io->op) {
	case IO_READ:
		return WORLD_IO_READ;
	case IO_WRITE:
		return WORLD_IO_WRITE;
	case IO_FLUSH:
		return WORLD_IO_FDATASYNC;
	case IO_WRITE_ZEROES:
		return io->may_unmap ? WORLD_IO_PUNCH_HOLE : WORLD_IO_ZERO_RANGE;
	default:
		return WORLD_IO_PUNCH_HOLE;
	}
}

static enum io_status file_submit(struct backend *b, struct world *w, struct io *io)
{
	const struct file *f = b->impl;
	bool data = io->op == IO_READ || io->op == IO_WRITE;

	if ((io->op == IO_WRITE || io->op == IO_WRITE_ZEROES) &&
	    past_end(f, io->offset_bytes + io->len_bytes)) {
		io->err = -EREMOTEIO;
		return IO_DONE;
	}
	io->wio = (struct world_io){
		.op = op_of(io),
		.dsync = io->op == IO_WRITE && io->fua,
		.fd = data && aligned(f, io) ? f->direct_fd : f->fd,
		.offset = io->offset_bytes,
		.len = io->len_bytes,
		.iov = data ? io->iov : NULL,
		.iov_count = data ? io->iov_count : 0,
		.done = done,
	};
	world_io_submit(w, &io->wio);
	return IO_PENDING;
}

const struct backend_ops backend_file = {
	.kind = "file",
	.open = file_open,
	.submit = file_submit,
	.close = file_close,
};
