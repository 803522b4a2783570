/* SPDX-License-Identifier: BSD-3-Clause */
#include "daemon/users.h"

#include <dirent.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct search {
	const char *path, *loop;
	char *ret;
	size_t size;
	unsigned int found;
};

static void add(struct search *s, const char *text)
{
	size_t n = strlen(s->ret);

	s->found++;
	snprintf(s->ret + n, s->size - n, "%s%s", n ? ", " : "", text);
}

static bool has_open(const struct search *s, const char *fds)
{
	DIR *dir = opendir(fds);
	struct dirent *e;
	bool found = false;

	while (dir && !found && (e = readdir(dir))) {
		char link[512], target[512];
		ssize_t n;

		snprintf(link, sizeof(link), "%.200s/%.64s", fds, e->d_name);
		n = readlink(link, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = '\0';
		found = strcmp(target, s->path) == 0 ||
			(s->loop[0] && strcmp(target, s->loop) == 0);
	}
	if (dir)
		closedir(dir);
	return found;
}

static void add_process(struct search *s, unsigned long pid)
{
	char path[64], comm[32] = "?", text[96];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%lu/comm", pid);
	f = fopen(path, "re");
	if (f && fgets(comm, sizeof(comm), f))
		comm[strcspn(comm, "\n")] = '\0';
	if (f)
		fclose(f);
	snprintf(text, sizeof(text), "%s (pid %lu)", comm, pid);
	add(s, text);
}

static void search_processes(struct search *s)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		unsigned long pid = strtoul(e->d_name, NULL, 10);
		char fds[64];

		if (pid == 0 || pid == (unsigned long)getpid())
			continue;
		snprintf(fds, sizeof(fds), "/proc/%lu/fd", pid);
		if (has_open(s, fds))
			add_process(s, pid);
	}
	if (dir)
		closedir(dir);
}

static void search_mounts(struct search *s)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	char strings[4096], text[300];
	struct mntent m;

	while (f && getmntent_r(f, &m, strings, sizeof(strings)))
		if (strcmp(m.mnt_fsname, s->loop) == 0) {
			snprintf(text, sizeof(text), "mounted on %.256s", m.mnt_dir);
			add(s, text);
		}
	if (f)
		endmntent(f);
}

unsigned int users_find(const char *path, const char *loop, char *ret, size_t size)
{
	struct search s = { path, loop, ret, size, 0 };

	ret[0] = '\0';
	search_processes(&s);
	if (loop[0])
		search_mounts(&s);
	return s.found;
}
