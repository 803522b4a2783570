/* SPDX-License-Identifier: BSD-3-Clause */
#include "daemon/control.h"

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENT_MS    1000	/* a client that says nothing shall not hold us up */
#define ANSWER_BYTES 262144

static int set_address(struct sockaddr_un *a, const char *path)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(a->sun_path))
		return -ENAMETOOLONG;
	memcpy(a->sun_path, path, strlen(path) + 1);
	return 0;
}

static void set_timeouts(int fd, int ms)
{
	struct timeval t = { ms / 1000, ms % 1000 * 1000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

int control_listen(const char *path)
{
	struct sockaddr_un a;
	int rc = set_address(&a, path), fd;
	mode_t mask;

	if (rc)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	unlink(path);
	mask = umask(0077);	/* only this user may ask */
	rc = bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 16) ? -errno : 0;
	umask(mask);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

/* Until EOF, or until a line ends when @line. */
static ssize_t read_text(int fd, char *ret, size_t size, bool line)
{
	size_t len = 0;

	while (len + 1 < size && !(line && len && ret[len - 1] == '\n')) {
		ssize_t n = read(fd, ret + len, size - 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	ret[len] = '\0';
	return (ssize_t)len;
}

struct json_object *control_ask(const struct run_dir *d, unsigned int x, const char *request,
				int timeout_ms)
{
	static char answer[ANSWER_BYTES];
	char path[RUN_PATH_MAX], line[64];
	struct json_object *o = NULL;
	struct sockaddr_un a;
	int n, fd;

	run_path(d, x, ".sock", path);
	if (set_address(&a, path))
		return NULL;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	set_timeouts(fd, timeout_ms);
	n = snprintf(line, sizeof(line), "%s\n", request);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
	    send(fd, line, (size_t)n, MSG_NOSIGNAL) == n &&
	    read_text(fd, answer, sizeof(answer), false) > 0)
		o = json_tokener_parse(answer);
	close(fd);
	return o;
}

int control_accept(int fd, char *ret, size_t size)
{
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	if (client < 0)
		return -1;
	set_timeouts(client, CLIENT_MS);
	if (read_text(client, ret, size, true) <= 0) {
		close(client);
		return -1;
	}
	ret[strcspn(ret, "\n")] = '\0';
	return client;
}

void control_answer(int fd, struct json_object *o)
{
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	ssize_t n = send(fd, text, strlen(text), MSG_NOSIGNAL);

	(void)n; /* who does not listen does not hear */
	json_object_put(o);
	close(fd);
}
