/* SPDX-License-Identifier: BSD-3-Clause */
/* loopdev - /dev/loopN on a file, for root where the kernel has loop devices. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define LOOPDEV_NAME 32

/* Attach a free one to @path; "/dev/loopN" in @ret. 0 or -errno. */
int loopdev_attach(const char *path, uint32_t block_bytes, char ret[LOOPDEV_NAME]);
/* Its file at @path has another size now. 0 or -errno. */
int loopdev_resize(const char *name, const char *path);
/* 0, -EBUSY: it is mounted or somebody has it for himself, or another -errno. */
int loopdev_detach(const char *name);
/* Detach all that have @path behind them. */
void loopdev_detach_file(const char *path);
