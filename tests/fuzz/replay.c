/* SPDX-License-Identifier: BSD-3-Clause */
/* replay - run a fuzz target over the files of a directory, without libFuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define INPUT_MAX (4u << 20) /* bytes; a larger seed is a mistake */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay_file(const char *path, size_t size)
{
	/* malloc, not static: the sanitizer then sees a read past the end */
	uint8_t *data = malloc(size ? size : 1);
	FILE *f = fopen(path, "rb");

	if (!data || !f || fread(data, 1, size, f) != size) {
		perror(path);
		exit(1);
	}
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

static unsigned int replay_dir(const char *dir)
{
	unsigned int count = 0;
	DIR *d = opendir(dir);

	if (!d) {
		perror(dir);
		exit(1);
	}
	for (struct dirent *e = readdir(d); e; e = readdir(d)) {
		char path[4096];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (st.st_size > INPUT_MAX) {
			fprintf(stderr, "%s: too large\n", path);
			exit(1);
		}
		replay_file(path, (size_t)st.st_size);
		count++;
	}
	closedir(d);
	return count;
}

int main(int argc, char **argv)
{
	unsigned int count;

	if (argc != 2) {
		fprintf(stderr, "usage: %s CORPUS-DIRECTORY\n", argv[0]);
		return 2;
	}
	count = replay_dir(argv[1]);
	printf("%u inputs\n", count);
	return count == 0; /* an empty corpus tests nothing */
}
