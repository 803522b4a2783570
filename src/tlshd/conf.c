/* SPDX-License-Identifier: BSD-3-Clause */
#include "tlshd/conf.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX 65536	/* bytes */

struct reader {
	struct conf *conf;
	char section[64];
	char *error;
	size_t size;
};

static int refuse(struct reader *r, const char *why, const char *what)
{
	snprintf(r->error, r->size, "%s: %.80s", why, what);
	return -1;
}

static char *trimmed(char *s)
{
	size_t len;

	while (isspace((unsigned char)*s))
		s++;
	len = strlen(s);
	while (len && isspace((unsigned char)s[len - 1]))
		s[--len] = '\0';
	return s;
}

static int set_loglevel(struct reader *r, const char *value)
{
	char *end;
	long n = strtol(value, &end, 10);

	if (end == value || *end != '\0' || n < 0 || n > 1000)
		return refuse(r, "loglevel is a number", value);
	r->conf->loglevel = (int)n;
	return 0;
}

static int add_keyring(struct reader *r, const char *name)
{
	struct conf *c = r->conf;

	if (*name == '\0' || strcmp(name, KEYRING_NVME) == 0)
		return 0;
	if (c->keyring_count == AGENT_KEYRINGS_MAX)
		return refuse(r, "too many keyrings", name);
	if (strlen(name) >= sizeof(c->keyrings[0]))
		return refuse(r, "the name of a keyring is too long", name);
	snprintf(c->keyrings[c->keyring_count++], sizeof(c->keyrings[0]), "%s", name);
	return 0;
}

static int set_keyrings(struct reader *r, char *value)
{
	int rc = 0;

	r->conf->keyring_count = 0;
	while (rc == 0 && *value) {
		size_t len = strcspn(value, ";");
		char *next = value + len + (value[len] == ';');

		value[len] = '\0';
		rc = add_keyring(r, trimmed(value));
		value = next;
	}
	return rc;
}

static int one_line(struct reader *r, char *line)
{
	char *value, *key = trimmed(line);
	size_t len = strlen(key);

	if (len == 0 || *key == '#' || *key == ';')
		return 0;
	if (*key == '[') {
		if (key[len - 1] != ']' || len - 2 >= sizeof(r->section))
			return refuse(r, "a section is not closed", key);
		key[len - 1] = '\0';
		snprintf(r->section, sizeof(r->section), "%s", key + 1);
		return 0;
	}
	value = strchr(key, '=');
	if (!value)
		return refuse(r, "neither a section nor KEY=VALUE", key);
	*value++ = '\0';
	key = trimmed(key);
	value = trimmed(value);
	if (strcmp(r->section, "debug") == 0 && strcmp(key, "loglevel") == 0)
		return set_loglevel(r, value);
	if (strcmp(r->section, "authenticate") == 0 && strcmp(key, "keyrings") == 0)
		return set_keyrings(r, value);
	return 0;
}

int conf_parse(const char *text, struct conf *ret, char *error, size_t size)
{
	struct reader r = { .conf = ret, .error = error, .size = size };

	*ret = (struct conf){ 0 };
	for (int line = 1; *text; line++) {
		size_t len = strcspn(text, "\n");
		char copy[1024];

		if (len >= sizeof(copy)) {
			refuse(&r, "the line is too long", "");
			return line;
		}
		memcpy(copy, text, len);
		copy[len] = '\0';
		if (one_line(&r, copy) != 0)
			return line;
		text += len + (text[len] == '\n');
	}
	return 0;
}

static int read_file(const char *path, char *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, text, FILE_MAX);
	int rc = n < 0 ? -errno : n == FILE_MAX ? -EFBIG : 0;

	if (fd >= 0)
		close(fd);
	text[rc == 0 ? n : 0] = '\0';
	return rc;
}

int conf_load(const char *path, struct conf *ret, char *error, size_t size)
{
	static char text[FILE_MAX];
	const char *at = path ? path : CONF_PATH;
	int rc = read_file(at, text), line;
	char why[256];

	*ret = (struct conf){ 0 };
	if (rc == -ENOENT && !path) {
		at = CONF_PATH_OLD;
		rc = read_file(at, text);
		if (rc == -ENOENT)
			return 0;
	}
	if (rc) {
		snprintf(error, size, "%s: %s", at, strerror(-rc));
		return rc;
	}
	line = conf_parse(text, ret, why, sizeof(why));
	if (line)
		snprintf(error, size, "%s:%d: %s", at, line, why);
	return line ? -EINVAL : 0;
}
