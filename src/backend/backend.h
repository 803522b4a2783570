/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * backend - where the blocks live. One ops table per kind: file, mem, null.
 *
 * Units: a backend counts in bytes. Logical blocks exist only above it, in
 * target/, which has converted and range-checked before it calls.
 *
 * One struct backend may be used by several threads at once; everything of one
 * I/O happens in the world that submitted it.
 *
 * Ownership: an io and its iov belong to the backend from backend_submit()
 * until it is done: submit returned IO_DONE, or done() was called, exactly once,
 * from the loop, never from inside backend_submit().
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/world.h"

enum io_op { IO_READ, IO_WRITE, IO_FLUSH, IO_WRITE_ZEROES, IO_DEALLOCATE, IO_OP_COUNT };

struct backend;

struct io {
	enum io_op op;
	bool fua;		/* WRITE, WRITE_ZEROES: durable when done */
	bool may_unmap;		/* WRITE_ZEROES: may deallocate (DEAC) */
	bool may_borrow;	/* READ: the backend may point iov at its own memory instead */
	bool borrowed;		/* set by the backend when it did; stays valid until backend_close */
	uint64_t offset_bytes;
	uint64_t len_bytes;
	/* READ, WRITE: sums to len_bytes; used up when done. With may_borrow iov[0] is replaced. */
	struct iovec *iov;
	int iov_count;
	int err;		/* 0 or negative errno, valid when done; EREMOTEIO: the file ends before */
	void (*done)(struct world *w, struct io *io);
	struct backend *backend;	/* set by backend_submit() */
	struct world_io wio;	/* for the backend */
	struct iovec zero_iov;	/* for the backend */
	uint64_t zeroed_bytes;	/* for the backend */
};

enum io_status { IO_PENDING, IO_DONE };

struct backend_ops {
	const char *kind;
	/* Negative errno and a line in @why on failure. @spec: what follows "kind:" or the path. */
	int (*open)(struct backend *b, const char *spec, char *why, size_t why_size);
	enum io_status (*submit)(struct backend *b, struct world *w, struct io *io);
	void (*close)(struct backend *b);	/* nothing in flight */
};

/* So that errors can be told at a bearable rate: how long to be quiet, what was not said since. */
struct backend_errors {
	_Atomic uint64_t quiet_until_ns;
	atomic_uint unsaid;
};

struct backend {
	const struct backend_ops *ops;
	char *name;		/* as it was given to backend_open(), for the log */
	uint64_t size_bytes;
	uint32_t tail_bytes;	/* of the file behind the last whole block; nobody can reach them */
	uint32_t block_bytes;	/* smallest sensible logical block: 512 or 4096 */
	bool volatile_cache;	/* a completed write without FUA or Flush may be lost */
	bool can_deallocate, can_write_zeroes, read_only;
	bool lends;		/* honours io.may_borrow for every read */
	struct backend_errors errors[IO_OP_COUNT];	/* for its user */
	void *impl;
};

/*
 * backend_open - "mem:64M", "null:1G", or the path of a regular file or block device.
 * Sizes: bytes, or with K, M, G, T (binary). Returns 0 or negative errno with a line in
 * @why ("disk.img: No such file or directory"). Free with backend_close().
 */
int backend_open(const char *spec, bool read_only, struct backend **ret, char *why,
		 size_t why_size);
void backend_close(struct backend *b);

/* Is @spec of a form that could be opened? Nothing is opened. 0, or -EINVAL with a line in @why. */
int backend_check(const char *spec, char *why, size_t why_size);
/* Does @spec name a file or device, which others may name, too? */
bool backend_is_file(const char *spec);

/* The only caller of ops->submit: every promise above is asserted here, once. */
enum io_status backend_submit(struct backend *b, struct world *w, struct io *io);

/* "64M" -> bytes; returns 0 or -EINVAL, -ERANGE. */
int backend_parse_size(const char *text, uint64_t *ret_bytes);
