/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The disk behind the file backend: a volatile cache over stable storage.
 *
 * The target opens a real (empty) file; what it reads and writes happens here, late and
 * in any order. A write changes the cache; fdatasync, or a write with dsync, makes it stable. A
 * crash keeps for each block by chance either the cached or the stable content, as a
 * real write cache does, and fails everything that was under way.
 */
#include "sim.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"

#define SECTOR 512u

int sim_disk_open(struct sim *s, const char *path, uint64_t size)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	s->disk.inode = st.st_ino;
	s->disk.size = size;
	s->disk.stable = calloc(1, size);
	s->disk.cached = calloc(1, size);
	return s->disk.stable && s->disk.cached ? 0 : -ENOMEM;
}

void sim_disk_free(struct sim *s)
{
	free(s->disk.stable);
	free(s->disk.cached);
	memset(&s->disk, 0, sizeof(s->disk));
}

static void copy_iov(const struct world_io *io, uint8_t *at, bool to_disk)
{
	for (int i = 0; i < io->iov_count; i++) {
		if (to_disk)
			memcpy(at, io->iov[i].iov_base, io->iov[i].iov_len);
		else
			memcpy(io->iov[i].iov_base, at, io->iov[i].iov_len);
		at += io->iov[i].iov_len;
	}
}

static void make_stable(struct sim_disk *d, uint64_t offset, uint64_t len)
{
	memcpy(d->stable + offset, d->cached + offset, len);
}

static int perform(struct sim *s, struct world_io *io)
{
	struct sim_disk *d = &s->disk;

	assert(io->op == WORLD_IO_FDATASYNC ||
	       (io->offset <= d->size && io->len <= d->size - io->offset));
	switch (io->op) {
	case WORLD_IO_READ:
		s->reads++;
		copy_iov(io, d->cached + io->offset, false);
		return 0;
	case WORLD_IO_WRITE:
		s->writes++;
		copy_iov(io, d->cached + io->offset, true);
		break;
	case WORLD_IO_PUNCH_HOLE:
	case WORLD_IO_ZERO_RANGE:
		memset(d->cached + io->offset, 0, io->len);
		break;
	case WORLD_IO_FDATASYNC:
		s->flushes++;
		if (s->plant != PLANT_LOST_FLUSH)
			make_stable(d, 0, d->size);
		return 0;
	}
	if (io->dsync && s->plant != PLANT_LOST_FUA)
		make_stable(d, io->offset, io->len);
	return 0;
}

/* @generation: of the disk when the I/O was submitted. */
static void complete(struct sim *s, void *a, uint64_t generation)
{
	struct world_io *io = a;
	struct stat st;

	assert(fstat(io->fd, &st) == 0 && st.st_ino == s->disk.inode);
	if (generation != s->disk_generation || sim_chance(s, s->faults.disk_error_ppm)) {
		s->errors++;
		io->result = -EIO;
	} else {
		io->result = perform(s, io);
	}
	sim_note(s, io->offset ^ ((uint64_t)io->op << 56));
	if (io->op == WORLD_IO_READ || io->op == WORLD_IO_WRITE) {
		io->offset += io->len;	/* as the loop does: nobody may count on them */
		io->len = 0;
	}
	io->done(&s->current->world, io);
}

void sim_disk_submit(struct world *w, struct world_io *io)
{
	struct sim *s = sim_of(w)->sim;
	uint64_t most = sim_chance(s, s->faults.disk_slow_ppm) ? s->faults.disk_slow_max_ns :
								 s->faults.disk_delay_max_ns;

	sim_at(s, sim_of(w), s->now + 1000 + sim_pick(s, most + 1), complete, io,
	       s->disk_generation);
}

void sim_disk_crash(struct sim *s)
{
	struct sim_disk *d = &s->disk;

	s->disk_generation++;
	for (uint64_t at = 0; at < d->size; at += SECTOR)
		if (sim_pick(s, 2))
			memcpy(d->stable + at, d->cached + at, SECTOR);
	memcpy(d->cached, d->stable, d->size);
}
