/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuse_disk - a disk (disk.h) as one regular file: a FUSE mount whose root is that file, on a
 * regular file. libfuse3's low-level API; the threads are in fuse_pool.h.
 *
 * Every open is direct: nothing is cached in this machine, so that what another host writes is
 * seen, and O_DIRECT is what happens anyway. As a block device: its size does not change by
 * O_TRUNC or truncation, writes at its end get ENOSPC, and a punched hole reads as zeroes.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "export/disk.h"

struct fuse_session;

#define FUSE_DISK_IO_MAX  (256u << 10)		/* bytes of one request */
#define FUSE_DISK_BUF	  (FUSE_DISK_IO_MAX + 4096u)	/* and its headers */

struct fuse_disk {
	struct disk disk;
	const char *path;	/* a regular file; becomes the disk */
	const char *name;	/* "nvme1n1" */
	bool others;		/* other users may open it, as far as mode, uid and gid let them */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	uint32_t io_max;	/* bytes: what the kernel is to send at most; fuse_disk_mount() sets it */
	unsigned int background;	/* requests that may be under way */
	struct fuse_session *session;
	int fd;
	atomic_uint opens;
	atomic_bool gone;	/* unmounted, by whomever */
};

/* A request of the kernel, with room for its data. */
struct fuse_slot {
	struct disk_req r;
	struct disk_queue *q;
	struct fuse_req *req;
	uint8_t *buf;		/* FUSE_DISK_BUF bytes */
	size_t result;		/* bytes, to be told on success */
	bool busy;		/* fuse_slot_done() will be called */
	struct list node;
};

/* The caller has filled in everything up to background. 0 or -errno with the reason in @why. */
int fuse_disk_mount(struct fuse_disk *d, char *why, size_t why_size);
/* Its size has changed: the kernel is not to believe the old one any longer. */
void fuse_disk_changed(struct fuse_disk *d);
/* Off the file system at once, also when it is open; what is open gets ENOTCONN. */
void fuse_disk_unmount(struct fuse_disk *d);

/* 0 or -ENOMEM. */
int fuse_slot_init(struct fuse_slot *s, struct disk_queue *q, uint32_t block_bytes_max);
void fuse_slot_free(struct fuse_slot *s);
/* Provided by the pool: @s is answered. */
void fuse_slot_done(struct fuse_slot *s);
/*
 * Take one request from the kernel, if there is one, into the free slot @s. 1: it was taken (s->busy
 * says whether it is answered yet), 0: there is none, -ENODEV: unmounted.
 */
int fuse_disk_receive(struct fuse_disk *d, struct fuse_slot *s);
