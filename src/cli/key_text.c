/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/key_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Everything until EOF, at most @size bytes: no stdio, whose buffers would keep the key. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n = 1;

	while (len < size && n > 0) {
		n = read(fd, buf + len, size - len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			len += (size_t)n;
	}
	return n < 0 ? -1 : (ssize_t)len;
}

int key_text_read(const struct report *r, const char *path, char *ret, size_t size)
{
	bool from_stdin = strcmp(path, "-") == 0;
	const char *name = from_stdin ? "standard input" : path;
	int fd = from_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t len = fd < 0 ? -1 : read_all(fd, ret, size);
	int err = errno;

	if (fd >= 0 && !from_stdin)
		close(fd);
	if (len < 0)
		return report_failed(r, "os-error", "", "%s: %s", name, strerror(err));
	if (len > 0 && (size_t)len < size && ret[len - 1] == '\n')
		len--;
	if (len > 0 && ret[len - 1] == '\r')
		len--;
	if ((size_t)len == size || memchr(ret, '\n', (size_t)len) ||
	    memchr(ret, '\0', (size_t)len)) {
		explicit_bzero(ret, size);
		return report_failed(r, "key-invalid", "it holds one line with one key",
				     "%s holds no key", name);
	}
	ret[len] = '\0';
	if (len == 0)
		return report_failed(r, "key-missing", "give the key as an option, in a file or on standard input",
				     "no key on %s", name);
	return GO_ON;
}

int key_text_take(const struct verb *v, const struct report *r, char *arg, char *ret, size_t size)
{
	size_t len = strlen(arg);

	if (strcmp(arg, "-") == 0)
		return key_text_read(r, arg, ret, size);
	if (arg[0] == '@')
		return key_text_read(r, arg + 1, ret, size);
	if (len >= size) {
		explicit_bzero(arg, len);
		return options_misuse(v, "the key is too long");
	}
	memcpy(ret, arg, len + 1);
	explicit_bzero(arg, len);	/* from ps(1) and /proc/PID/cmdline on */
	return GO_ON;
}
