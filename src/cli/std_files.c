/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/std_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

void std_files_hold(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		int way = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;

		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		if (open("/dev/null", way) != fd)
			_exit(EXIT_FAILURE); /* nobody can be told */
	}
}

void std_files_close_above(int last)
{
	close_range((unsigned int)last + 1, ~0u, 0);
}
