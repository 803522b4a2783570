/* SPDX-License-Identifier: BSD-3-Clause */
#include "daemon/run_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/loopdev.h"

#define UMOUNTS_MAX 16	/* mounts may lie upon each other */

static int refuse(char *why, size_t size, int err, const char *what)
{
	snprintf(why, size, "%s: %s", what, strerror(err));
	return -err;
}

int run_dir_open(struct run_dir *d, bool make, char *why, size_t why_size)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	bool root = geteuid() == 0;
	struct stat st;
	int n;

	if (root)
		n = snprintf(d->path, sizeof(d->path), "/run/nvmetls");
	else if (xdg && xdg[0] == '/')
		n = snprintf(d->path, sizeof(d->path), "%s/nvmetls", xdg);
	else
		n = snprintf(d->path, sizeof(d->path), "/run/user/%u/nvmetls", geteuid());
	if (n < 0 || (size_t)n >= sizeof(d->path))
		return refuse(why, why_size, ENAMETOOLONG, "$XDG_RUNTIME_DIR");
	if (make && mkdir(d->path, root ? 0755 : 0700) != 0 && errno != EEXIST)
		return refuse(why, why_size, errno, d->path);
	if (stat(d->path, &st) != 0)
		return !make && errno == ENOENT ? 0 : refuse(why, why_size, errno, d->path);
	if (st.st_uid != geteuid() || !S_ISDIR(st.st_mode) || st.st_mode & 022)
		return refuse(why, why_size, EPERM, d->path);
	return 0;
}

void run_path(const struct run_dir *d, unsigned int x, const char *suffix, char ret[RUN_PATH_MAX])
{
	snprintf(ret, RUN_PATH_MAX, "%s/nvme%u%s", d->path, x, suffix);
}

/* ---- what a killed host leaves ---- */

static int run_fusermount(const char *path)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execlp("fusermount3", "fusermount3", "-u", "-z", "-q", path, (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Is something mounted on it? A FUSE file whose server is gone cannot even be looked at. */
static bool mounted(const struct run_dir *d, const char *path)
{
	struct stat dir, st;

	if (lstat(path, &st) != 0)
		return errno == ENOTCONN || errno == ECONNABORTED || errno == EACCES;
	return stat(d->path, &dir) == 0 && st.st_dev != dir.st_dev;
}

static void remove_device(const struct run_dir *d, const char *name)
{
	char path[RUN_PATH_MAX + 256];

	snprintf(path, sizeof(path), "%s/%s", d->path, name);
	loopdev_detach_file(path);
	for (int i = 0; i < UMOUNTS_MAX && mounted(d, path); i++) {
		log_notice("%s: removing a mount that a killed nvmetls-host has left", path);
		if (geteuid() == 0 ? umount2(path, MNT_DETACH) : run_fusermount(path))
			break;
	}
	unlink(path);
}

/* The devices of nvmeX; @name: "nvme1n" and digits. */
static bool is_device_of(const char *name, unsigned int x)
{
	char prefix[32];
	int n = snprintf(prefix, sizeof(prefix), "nvme%un", x);

	return strncmp(name, prefix, (size_t)n) == 0 && name[n] &&
	       name[n + (int)strspn(name + n, "0123456789")] == '\0';
}

static void remove_devices(const struct run_dir *d, unsigned int x)
{
	DIR *dir = opendir(d->path);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (is_device_of(e->d_name, x))
			remove_device(d, e->d_name);
	if (dir)
		closedir(dir);
}

/* ---- claims ---- */

/* The lock of nvmeX, or -1: somebody else has it, or it cannot be had (then errno is not EWOULDBLOCK). */
static int lock(const struct run_dir *d, unsigned int x, int flags)
{
	char path[RUN_PATH_MAX];
	struct stat ours, named;
	int fd;

	run_path(d, x, ".pid", path);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0644);
	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	/* it may have been removed between open and lock */
	if (fstat(fd, &ours) == 0 && stat(path, &named) == 0 && ours.st_ino == named.st_ino)
		return fd;
	close(fd);
	errno = EWOULDBLOCK;
	return -1;
}

int run_claim(const struct run_dir *d, unsigned int *ret_x)
{
	for (unsigned int x = 0; x < RUN_HOSTS_MAX; x++) {
		char kernel[64];
		int fd;

		snprintf(kernel, sizeof(kernel), "/sys/class/nvme/nvme%u", x);
		if (access(kernel, F_OK) == 0)
			continue;	/* the kernel's own has the name */
		fd = lock(d, x, O_CREAT);
		if (fd < 0 && errno == EWOULDBLOCK)
			continue;
		if (fd < 0)
			return -errno;
		remove_devices(d, x);
		if (ftruncate(fd, 0) != 0 || dprintf(fd, "%d\n", getpid()) < 0) {
			close(fd);
			return -EIO;
		}
		*ret_x = x;
		return fd;
	}
	return -EMFILE;
}

void run_leave(const struct run_dir *d, unsigned int x, int lock_fd)
{
	static const char *const suffix[] = { ".sock", ".log", ".pid" };
	char path[RUN_PATH_MAX];

	remove_devices(d, x);
	for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++) {
		run_path(d, x, suffix[i], path);
		unlink(path);
	}
	close(lock_fd);
}

/* "nvme12.pid" */
static bool is_pid_file(const char *name, unsigned int *ret_x)
{
	char *end;
	unsigned long x;

	if (strncmp(name, "nvme", 4) != 0 || name[4] < '0' || name[4] > '9')
		return false;
	x = strtoul(name + 4, &end, 10);
	*ret_x = (unsigned int)x;
	return x < RUN_HOSTS_MAX && strcmp(end, ".pid") == 0;
}

static int by_number(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return (x > y) - (x < y);
}

size_t run_hosts(const struct run_dir *d, unsigned int *ret, size_t max)
{
	DIR *dir = opendir(d->path);
	struct dirent *e;
	unsigned int x;
	size_t n = 0;

	while (dir && n < max && (e = readdir(dir))) {
		int fd;

		if (!is_pid_file(e->d_name, &x))
			continue;
		fd = lock(d, x, 0);
		if (fd >= 0)
			run_leave(d, x, fd);
		else if (errno == EWOULDBLOCK)
			ret[n++] = x;
	}
	if (dir)
		closedir(dir);
	qsort(ret, n, sizeof(*ret), by_number);
	return n;
}
