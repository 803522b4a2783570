/* SPDX-License-Identifier: BSD-3-Clause */
#include "daemon/loopdev.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/loop.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 16	/* another process may be faster at a free device */

static int attach_one(int file, const char *path, uint32_t block_bytes, const char *name)
{
	struct loop_config c = {
		.fd = (uint32_t)file,
		.block_size = block_bytes <= 4096 ? block_bytes : 0,
		.info.lo_flags = LO_FLAGS_DIRECT_IO,
	};
	int fd = open(name, O_RDWR | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	snprintf((char *)c.info.lo_file_name, sizeof(c.info.lo_file_name), "%s", path);
	rc = ioctl(fd, LOOP_CONFIGURE, &c) == 0 ? 0 : -errno;
	close(fd);
	return rc;
}

int loopdev_attach(const char *path, uint32_t block_bytes, char ret[LOOPDEV_NAME])
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), file, rc = -EBUSY;

	if (control < 0)
		return -errno;
	file = open(path, O_RDWR | O_CLOEXEC);
	if (file < 0) {
		rc = -errno;
		close(control);
		return rc;
	}
	for (int i = 0; i < TRIES && rc == -EBUSY; i++) {
		int n = ioctl(control, LOOP_CTL_GET_FREE);

		if (n < 0) {
			rc = -errno;
			break;
		}
		snprintf(ret, LOOPDEV_NAME, "/dev/loop%d", n);
		rc = attach_one(file, path, block_bytes, ret);
	}
	close(file);
	close(control);
	return rc;
}

int loopdev_resize(const char *name, const char *path)
{
	int fd = open(name, O_RDWR | O_CLOEXEC), rc;
	struct stat st;

	if (fd < 0)
		return -errno;
	/* the kernel's idea of the file's size is renewed by looking at it */
	rc = stat(path, &st) == 0 && ioctl(fd, LOOP_SET_CAPACITY) == 0 ? 0 : -errno;
	close(fd);
	return rc;
}

int loopdev_detach(const char *name)
{
	int fd = open(name, O_RDWR | O_CLOEXEC | O_EXCL), rc;

	if (fd < 0)
		return -errno;
	rc = ioctl(fd, LOOP_CLR_FD) == 0 || errno == ENXIO ? 0 : -errno;
	close(fd);
	return rc;
}

/* The device number of what is mounted on @path, as the loop driver writes it; 0: nothing is. */
static uint64_t mounted_device(const char *path)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[1024], at[512];
	unsigned int major, minor;
	uint64_t found = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d %*d %u:%u %*s %511s", &major, &minor, at) == 3 &&
		    strcmp(at, path) == 0)
			found = (minor & 0xff) | (uint64_t)major << 8 |
				(uint64_t)(minor & ~0xffu) << 12;
	if (f)
		fclose(f);
	return found;
}

/* Another mount namespace may have a file of that name too, and its host be alive. */
static bool is_ours(const char *name, const char *path)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC), rc, err;
	struct loop_info64 info;

	if (fd < 0)
		return false;
	rc = ioctl(fd, LOOP_GET_STATUS64, &info);
	err = errno;
	close(fd);
	/* a file whose server is gone cannot be looked at */
	return rc == 0 ? info.lo_device == mounted_device(path) :
			 err == ENOTCONN || err == ECONNABORTED;
}

/* What stands behind /sys/block/loopN? */
static void detach_if(const char *sys, const char *path)
{
	char backing[512] = "", file[128], name[LOOPDEV_NAME];
	FILE *f;

	snprintf(file, sizeof(file), "%s/loop/backing_file", sys);
	f = fopen(file, "re");
	if (!f)
		return;
	if (!fgets(backing, sizeof(backing), f))
		backing[0] = '\0';
	fclose(f);
	backing[strcspn(backing, "\n")] = '\0';
	if (strcmp(backing, path) != 0)
		return;
	snprintf(name, sizeof(name), "/dev/%.20s", strrchr(sys, '/') + 1);
	if (is_ours(name, path))
		loopdev_detach(name);
}

void loopdev_detach_file(const char *path)
{
	glob_t g;

	if (geteuid() != 0 || glob("/sys/block/loop*", GLOB_NOSORT, NULL, &g) != 0)
		return;
	for (size_t i = 0; i < g.gl_pathc; i++)
		detach_if(g.gl_pathv[i], path);
	globfree(&g);
}
