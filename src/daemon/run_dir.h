/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * run_dir - the directory of running hosts: /run/nvmetls as root, $XDG_RUNTIME_DIR/nvmetls as an
 * ordinary user. For the controller nvmeX it holds
 *
 *	nvmeX.pid	locked while its nvmetls-host lives
 *	nvmeX.sock	control socket (control.h)
 *	nvmeX.log	what it has to say
 *	nvmeXnY		the namespaces: files, on which the devices are mounted
 *
 * The lock tells the living from the dead: the kernel drops it with the process, however it ends.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define RUN_PATH_MAX  108	/* bytes with the NUL: what fits sockaddr_un */
#define RUN_HOSTS_MAX 1024

struct run_dir {
	char path[RUN_PATH_MAX - 24];
};

/* 0 or -errno with the reason in @why; @make: create it where it is missing (then -ENOENT is no error). */
int run_dir_open(struct run_dir *d, bool make, char *why, size_t why_size);
/* "DIR/nvmeX" + @suffix */
void run_path(const struct run_dir *d, unsigned int x, const char *suffix, char ret[RUN_PATH_MAX]);

/* Become nvmeX with the first free X: returns the descriptor that holds the lock, or -errno. */
int run_claim(const struct run_dir *d, unsigned int *ret_x);
/* The end of nvmeX: everything of it leaves the directory. @lock_fd is closed. */
void run_leave(const struct run_dir *d, unsigned int x, int lock_fd);

/*
 * The numbers of living hosts, ascending; what killed ones have left (mounts, loop devices, files)
 * is removed. Returns how many.
 */
size_t run_hosts(const struct run_dir *d, unsigned int *ret, size_t max);
