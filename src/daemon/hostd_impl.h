/* SPDX-License-Identifier: BSD-3-Clause */
/* hostd_impl - what hostd.c and hostd_info.c share. For nobody else. */
#pragma once

#include "daemon/control.h"
#include "daemon/hostd.h"
#include "daemon/loopdev.h"
#include "export/fuse_pool.h"

#define HOSTD_DEVICES_MAX FUSE_POOL_DISKS

struct hostd_device {
	struct fuse_disk fuse;
	char name[32], path[RUN_PATH_MAX];
	char loop[LOOPDEV_NAME];	/* "/dev/loop0", or "" */
	uint64_t used_blocks;		/* NUSE at connect */
};

struct hostd {
	struct hostd_config c;
	struct run_dir dir;
	unsigned int x;
	char name[16];			/* "nvme1" */
	int lock_fd, control_fd, signal_fd;
	int changed_fd;			/* readable: a namespace may have changed, or be new */
	struct nvmetls *conn;
	struct nvmetls_info info;
	struct device device;
	char serial[21], model[41], firmware[9], hostid[40];
	struct hostd_device *devices;
	unsigned int count;
	struct fuse_pool *pool;
	char last_cause[32];		/* the library's thread's: of the last failed attempt */
	bool end;
};

/* Identify: the controller's names, the active namespaces into h->devices. 0 or as the library returns. */
int hostd_identify(struct hostd *h);
/* Namespaces that have no device yet are appended to h->devices, not mounted. As hostd_identify(). */
int hostd_identify_more(struct hostd *h);
/* Show it. 0 or -errno with *e filled in. */
int hostd_mount(struct hostd *h, struct hostd_device *d, struct nvmetls_error *e);
/* Namespaces may have changed, or be new (changed_fd): devices follow. */
void hostd_follow(struct hostd *h);
/* The answer to "info". */
struct json_object *hostd_info(struct hostd *h);
struct json_object *hostd_error(const struct nvmetls_error *e);
