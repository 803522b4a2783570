/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/bytes.h"
#include "loop/loop_impl.h"

bool file_io_advance(struct world_io *io, size_t n)
{
	assert(n <= io->len);
	io->offset += n;
	io->len -= n;
	while (io->iov_count > 0 && n >= io->iov->iov_len) {
		n -= io->iov->iov_len;
		io->iov++;
		io->iov_count--;
	}
	if (n > 0) {
		io->iov->iov_base = (uint8_t *)io->iov->iov_base + n;
		io->iov->iov_len -= n;
	}
	return io->len > 0;
}

static int transfer(struct world_io *io)
{
	while (io->len > 0) {
		int count = (int)min_u64((uint64_t)io->iov_count, IOV_MAX);
		ssize_t n;

		if (io->op == WORLD_IO_READ)
			n = preadv2(io->fd, io->iov, count, (off_t)io->offset, 0);
		else
			n = pwritev2(io->fd, io->iov, count, (off_t)io->offset,
				     io->dsync ? RWF_DSYNC : 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) /* 0: the file ends before the namespace does */
			return n < 0 ? -errno : -EIO;
		file_io_advance(io, (size_t)n);
	}
	return 0;
}

static int once(struct world_io *io)
{
	int mode = io->op == WORLD_IO_PUNCH_HOLE ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE :
						   FALLOC_FL_ZERO_RANGE;
	int rc;

	do {
		if (io->op == WORLD_IO_FDATASYNC)
			rc = fdatasync(io->fd);
		else
			rc = fallocate(io->fd, mode, (off_t)io->offset, (off_t)io->len);
	} while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

int file_io_run(struct world_io *io)
{
	return io->op == WORLD_IO_READ || io->op == WORLD_IO_WRITE ? transfer(io) : once(io);
}
