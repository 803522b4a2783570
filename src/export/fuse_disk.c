/* SPDX-License-Identifier: BSD-3-Clause */
#include "export/fuse_disk.h"

#define FUSE_USE_VERSION 35

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <linux/falloc.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"

#ifndef FOPEN_PARALLEL_DIRECT_WRITES
#define FOPEN_PARALLEL_DIRECT_WRITES (1 << 6)	/* Linux 6.2 */
#endif
#define ATTR_SECONDS 1.0

/* The slot whose request libfuse is just taking apart. */
static _Thread_local struct fuse_slot *current;

/* ---- what needs the disk ---- */

static void on_done(struct disk_req *r, int err)
{
	struct fuse_slot *s = container_of(r, struct fuse_slot, r);

	if (err)
		fuse_reply_err(s->req, -err);
	else if (r->op == DISK_READ)
		fuse_reply_buf(s->req, (const char *)r->data, s->result);
	else if (r->op == DISK_WRITE)
		fuse_reply_write(s->req, s->result);
	else
		fuse_reply_err(s->req, 0);
	s->busy = false;
	fuse_slot_done(s);
}

static void start(struct fuse_disk *d, fuse_req_t req, enum disk_op op, uint64_t offset,
		  uint64_t len, uint8_t *data)
{
	struct fuse_slot *s = current;

	s->req = req;
	s->result = (size_t)len;
	s->busy = true;
	s->r.op = op;
	s->r.offset = offset;
	s->r.len = len;
	s->r.data = data;
	s->r.done = on_done;
	disk_submit(&d->disk, s->q, &s->r);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	struct fuse_disk *d = fuse_req_userdata(req);
	uint64_t at = (uint64_t)off;

	(void)ino;
	(void)fi;
	if (at >= d->disk.bytes || size == 0) {
		fuse_reply_buf(req, NULL, 0);
		return;
	}
	if (size > FUSE_DISK_BUF) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	start(d, req, DISK_READ, at, min_u64(size, d->disk.bytes - at), current->buf);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	struct fuse_disk *d = fuse_req_userdata(req);
	uint64_t at = (uint64_t)off;

	(void)ino;
	if (size == 0) {
		fuse_reply_write(req, 0);
		return;
	}
	if (at >= d->disk.bytes) {
		fuse_reply_err(req, ENOSPC);
		return;
	}
	current->r.fua = fi->flags & O_DSYNC;	/* O_SYNC has that bit */
	/* the bytes are in the slot's own buffer, which stays until the answer */
	start(d, req, DISK_WRITE, at, min_u64(size, d->disk.bytes - at), (uint8_t *)(uintptr_t)buf);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino;
	(void)datasync;
	(void)fi;
	start(fuse_req_userdata(req), req, DISK_FLUSH, 0, 0, NULL);
}

/*
 * Of a block device's rules: only holes and zeroes, and what lies behind the end is an error unless
 * the size was to be kept. A hole has to read as zeroes, which Deallocate does not promise:
 * both are Write Zeroes, a hole with leave to deallocate.
 */
static void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
			 struct fuse_file_info *fi)
{
	struct fuse_disk *d = fuse_req_userdata(req);
	int kind = mode & ~FALLOC_FL_KEEP_SIZE;
	uint64_t at = (uint64_t)off, n = (uint64_t)len;

	(void)ino;
	(void)fi;
	if ((kind != FALLOC_FL_PUNCH_HOLE && kind != FALLOC_FL_ZERO_RANGE) ||
	    !d->disk.ns.can_write_zeroes) {
		fuse_reply_err(req, EOPNOTSUPP);
		return;
	}
	if (n == 0 || at >= d->disk.bytes ||
	    (n > d->disk.bytes - at && !(mode & FALLOC_FL_KEEP_SIZE))) {
		fuse_reply_err(req, n && at >= d->disk.bytes ? ENOSPC : EINVAL);
		return;
	}
	current->r.fua = false;
	current->r.unmap = kind == FALLOC_FL_PUNCH_HOLE;
	start(d, req, DISK_ZERO, at, min_u64(n, d->disk.bytes - at), NULL);
}

/* ---- what does not ---- */

static void attributes(const struct fuse_disk *d, struct stat *st)
{
	*st = (struct stat){
		.st_ino = FUSE_ROOT_ID,
		.st_mode = S_IFREG | (d->disk.ns.read_only ? d->mode & ~0222u : d->mode),
		.st_nlink = 1,
		.st_uid = d->uid,
		.st_gid = d->gid,
		.st_size = (off_t)d->disk.bytes,
		.st_blksize = (blksize_t)d->io_max,
		.st_blocks = (blkcnt_t)(d->disk.bytes / 512),
	};
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	(void)ino;
	(void)fi;
	attributes(fuse_req_userdata(req), &st);
	fuse_reply_attr(req, &st, ATTR_SECONDS);
}

/* A device does not shrink (O_TRUNC, dd's ftruncate), nor grow; who owns it stays, times are none. */
static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		       struct fuse_file_info *fi)
{
	struct fuse_disk *d = fuse_req_userdata(req);

	if (to_set & (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		fuse_reply_err(req, EPERM);
	else if (to_set & FUSE_SET_ATTR_SIZE && (uint64_t)attr->st_size > d->disk.bytes)
		fuse_reply_err(req, ENOSPC);
	else
		op_getattr(req, ino, fi);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fuse_disk *d = fuse_req_userdata(req);
	/* libfuse 3.14 has no name for the second flag: the answer is made here */
	struct fuse_open_out out = {
		.open_flags = FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES,
	};

	(void)ino;
	if (d->disk.ns.read_only && (fi->flags & O_ACCMODE) != O_RDONLY) {
		fuse_reply_err(req, EROFS);
		return;
	}
	atomic_fetch_add(&d->opens, 1);
	if (fuse_reply_buf(req, (const char *)&out, sizeof(out)) != 0)
		atomic_fetch_sub(&d->opens, 1);	/* nobody waits for it any more */
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fuse_disk *d = fuse_req_userdata(req);

	(void)ino;
	(void)fi;
	atomic_fetch_sub(&d->opens, 1);
	fuse_reply_err(req, 0);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct fuse_disk *d = fuse_req_userdata(req);
	struct statvfs st = {
		.f_bsize = d->disk.ns.block_bytes,
		.f_frsize = d->disk.ns.block_bytes,
		.f_blocks = d->disk.bytes >> d->disk.shift,
		.f_files = 1,
		.f_namemax = 255,
	};

	(void)ino;
	fuse_reply_statfs(req, &st);
}

static void op_init(void *userdata, struct fuse_conn_info *c)
{
	struct fuse_disk *d = userdata;

	/* buffers are our own; O_TRUNC as a setattr, which can be declined; no caches to manage */
	c->want &= ~(unsigned int)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
				   FUSE_CAP_SPLICE_MOVE | FUSE_CAP_ATOMIC_O_TRUNC |
				   FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_AUTO_INVAL_DATA);
	c->want |= c->capable & FUSE_CAP_ASYNC_DIO;
	c->max_write = d->io_max;
	c->max_read = d->io_max;
	c->max_readahead = 0;
	c->max_background = d->background;
	c->congestion_threshold = d->background;
}

static const struct fuse_lowlevel_ops ops = {
	.init = op_init,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.open = op_open,
	.release = op_release,
	.read = op_read,
	.write = op_write,
	.fsync = op_fsync,
	.fallocate = op_fallocate,
	.statfs = op_statfs,
};

/* ---- slots ---- */

int fuse_slot_init(struct fuse_slot *s, struct disk_queue *q, uint32_t block_bytes_max)
{
	void *p;
	int rc = disk_req_init(&s->r, block_bytes_max);

	s->q = q;
	s->buf = NULL;
	s->busy = false;
	list_init(&s->node);
	if (rc)
		return rc;
	if (posix_memalign(&p, 4096, FUSE_DISK_BUF))
		return -ENOMEM;
	memset(p, 0, FUSE_DISK_BUF);	/* the pages are there from now on */
	s->buf = p;
	return 0;
}

void fuse_slot_free(struct fuse_slot *s)
{
	disk_req_free(&s->r);
	free(s->buf);
	s->buf = NULL;
}

int fuse_disk_receive(struct fuse_disk *d, struct fuse_slot *s)
{
	struct fuse_buf buf = { .mem = s->buf };
	ssize_t n;

	do
		n = read(d->fd, s->buf, FUSE_DISK_BUF);
	while (n < 0 && (errno == EINTR || errno == ENOENT));	/* ENOENT: it was withdrawn */
	if (n < 0)
		return errno == EAGAIN ? 0 : -ENODEV;
	buf.size = (size_t)n;
	s->r.fua = s->r.unmap = false;
	current = s;
	fuse_session_process_buf(d->session, &buf);
	return 1;
}

/* ---- the mount ---- */

static char last_words[256];	/* of libfuse, while one mounts */

static void hear(enum fuse_log_level level, const char *format, va_list args)
{
	(void)level;
	vsnprintf(last_words, sizeof(last_words), format, args);
	last_words[strcspn(last_words, "\n")] = '\0';
	log_info("%s", last_words);
}

static int new_session(struct fuse_disk *d)
{
	char options[160];
	char *argv[] = { (char[]){ "nvmetls-host" }, (char[]){ "-o" }, options, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);

	snprintf(options, sizeof(options), "fsname=%s,subtype=nvmetls,default_permissions,max_read=%u%s",
		 d->name, d->io_max, d->others ? ",allow_other" : "");
	d->session = fuse_session_new(&args, &ops, sizeof(ops), d);
	fuse_opt_free_args(&args);
	return d->session ? 0 : -EINVAL;
}

int fuse_disk_mount(struct fuse_disk *d, char *why, size_t why_size)
{
	int rc, flags;

	d->io_max = (uint32_t)max_u64(min_u64(d->disk.max_bytes & ~4095u, FUSE_DISK_IO_MAX), 4096);
	last_words[0] = '\0';
	fuse_set_log_func(hear);
	rc = new_session(d);
	if (rc == 0 && fuse_session_mount(d->session, d->path) != 0) {
		rc = -EACCES;
		fuse_session_destroy(d->session);
		d->session = NULL;
	}
	if (rc) {
		snprintf(why, why_size, "cannot mount on %s: %s", d->path,
			 last_words[0] ? last_words : "fusermount3 failed");
		return rc;
	}
	d->fd = fuse_session_fd(d->session);
	flags = fcntl(d->fd, F_GETFL);
	if (flags >= 0)
		fcntl(d->fd, F_SETFL, flags | O_NONBLOCK);
	return 0;
}

void fuse_disk_changed(struct fuse_disk *d)
{
	int rc = fuse_lowlevel_notify_inval_inode(d->session, FUSE_ROOT_ID, -1, 0);

	if (rc)	/* it asks again after ATTR_SECONDS anyway */
		log_info("%s: %s", d->name, strerror(-rc));
}

void fuse_disk_unmount(struct fuse_disk *d)
{
	if (!d->session)
		return;
	fuse_session_unmount(d->session);
	fuse_session_destroy(d->session);
	d->session = NULL;
}
