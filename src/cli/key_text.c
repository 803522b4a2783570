/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/key_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cause.h"

#define FILE_MAX_BYTES 1024

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

/* What stands between white space, one word, into @ret; false where it is not that. */
static bool take_word(const char *text, size_t len, char *ret, size_t size)
{
	static const char blanks[] = " \t\r\n\v\f";

	while (len && memchr(blanks, text[0], sizeof(blanks) - 1)) {
		text++;
		len--;
	}
	while (len && memchr(blanks, text[len - 1], sizeof(blanks) - 1))
		len--;
	if (len >= size)
		return false;
	memcpy(ret, text, len);
	ret[len] = '\0';
	return strlen(ret) == len && strcspn(ret, blanks) == len;
}

static int take_text(const struct report *r, const char *name, const char *text, size_t len,
		     char *ret, size_t size)
{
	const char *cause = cause_name(CAUSE_KEY_MALFORMED);

	if (len == FILE_MAX_BYTES || !take_word(text, len, ret, size)) {
		explicit_bzero(ret, size);
		return report_failed(r, cause, "one line with one key is what it has to hold",
				     "%s holds more than a key", name);
	}
	if (!ret[0])
		return report_failed(r, cause, "put one line with the key there; gen-tls-key makes a key",
				     "no key on %s", name);
	return GO_ON;
}

int key_text_read(const struct report *r, const char *path, char *ret, size_t size)
{
	bool from_stdin = strcmp(path, "-") == 0;
	const char *name = from_stdin ? "standard input" : path;
	int fd = from_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char text[FILE_MAX_BYTES];
	ssize_t len = fd < 0 ? -1 : read_all(fd, text, sizeof(text));
	int rc, err = errno;

	if (fd >= 0 && !from_stdin)
		close(fd);
	rc = len < 0 ? report_os(r, err, name) : take_text(r, name, text, (size_t)len, ret, size);
	explicit_bzero(text, sizeof(text));
	return rc;
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
