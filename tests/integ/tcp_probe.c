/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp-probe - a peer that misbehaves on purpose.
 *
 *	tcp-probe ADDR PORT send HEX [SECONDS]	send the bytes, then print in hex what comes until
 *						the other side closes, then "closed"; "open" if it has not
 *						closed after SECONDS (default 5)
 *	tcp-probe ADDR PORT hold N SECONDS	open N connections, say nothing; print how many are
 *						still open after SECONDS
 *	tcp-probe ADDR PORT row N		open and close N connections, one after the other
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in where;

static int die(const char *what)
{
	perror(what);
	return 1;
}

static int open_one(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&where, sizeof(where)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static size_t unhex(const char *hex, uint8_t *out, size_t size)
{
	size_t n = 0;
	unsigned int byte;

	while (n < size && sscanf(hex + 2 * n, "%2x", &byte) == 1)
		out[n++] = (uint8_t)byte;
	return n;
}

static int send_and_listen(const char *hex, int seconds)
{
	uint8_t buf[4096];
	size_t len = unhex(hex, buf, sizeof(buf));
	int64_t end = now_ms() + seconds * 1000;
	int fd = open_one();
	ssize_t n = 0;

	if (fd < 0)
		return die("connect");
	if (len && write(fd, buf, len) != (ssize_t)len)
		return die("write");
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = end - now_ms();

		if (left <= 0 || poll(&p, 1, (int)left) == 0) {
			puts("\nopen");
			return 0;
		}
		n = read(fd, buf, sizeof(buf));
		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			printf("%02x", buf[i]);
	}
	puts("\nclosed");
	close(fd);
	return 0;
}

static int hold(int count, int seconds)
{
	struct rlimit files = { .rlim_cur = (rlim_t)count + 64, .rlim_max = (rlim_t)count + 64 };
	int *fd = calloc((size_t)count, sizeof(*fd));
	int still = 0;
	char byte;

	setrlimit(RLIMIT_NOFILE, &files);
	for (int i = 0; fd && i < count; i++)
		fd[i] = open_one();
	sleep((unsigned int)seconds);
	for (int i = 0; fd && i < count; i++)
		still += fd[i] >= 0 && recv(fd[i], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
	printf("%d\n", still);
	free(fd);
	return 0;
}

static int number(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

static int row(int count)
{
	struct linger rst = { .l_onoff = 1 };	/* no TIME_WAIT: ports must not run out */

	for (int i = 0; i < count; i++) {
		int fd = open_one();

		if (fd < 0)
			return die("connect");
		/* every other one begins a handshake; it may be refused already */
		if (i % 2)
			(void)!send(fd, "\x16\x03\x01\x00\x40\x01", 6, MSG_NOSIGNAL);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &rst, sizeof(rst));
		close(fd);
	}
	printf("%d\n", count);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	where.sin_family = AF_INET;
	where.sin_port = htons((uint16_t)number(argv[2]));
	if (inet_pton(AF_INET, argv[1], &where.sin_addr) != 1)
		return 2;
	if (strcmp(argv[3], "send") == 0)
		return send_and_listen(argv[4], argc > 5 ? number(argv[5]) : 5);
	if (strcmp(argv[3], "hold") == 0 && argc > 5)
		return hold(number(argv[4]), number(argv[5]));
	if (strcmp(argv[3], "row") == 0)
		return row(number(argv[4]));
	return 2;
}
