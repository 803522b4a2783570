/* SPDX-License-Identifier: BSD-3-Clause */
/* users - which processes have a file open, and where it is mounted. */
#pragma once

#include <stddef.h>

/*
 * "fio (pid 12), mounted on /mnt" to @ret, as much as fits and as this user may see; our own
 * process is not among them. @loop: the loop device on @path, or "". Returns how many.
 */
unsigned int users_find(const char *path, const char *loop, char *ret, size_t size);
