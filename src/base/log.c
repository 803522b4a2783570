/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 };	/* below PIPE_BUF, so that lines of several threads do not mix */

static atomic_int log_level = LOG_NOTICE;
static _Atomic(const char *) log_program = "nvmetls";

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
	return (enum log_level)atomic_load_explicit(&log_level, memory_order_relaxed);
}

void log_set_program(const char *name)
{
	assert(name);
	atomic_store_explicit(&log_program, name, memory_order_relaxed);
}

static const char *level_word(enum log_level level)
{
	switch (level) {
	case LOG_ERROR:
		return "error: ";
	case LOG_WARN:
		return "warning: ";
	case LOG_DEBUG:
		return "debug: ";
	case LOG_NOTICE:
	case LOG_INFO:
		break;
	}
	return "";
}

/* What vsnprintf stored of the @n it wanted, when it had @size bytes. */
static size_t stored(int n, size_t size)
{
	if (n < 0)
		return 0;
	return (size_t)n < size ? (size_t)n : size - 1;
}

static bool would_block(void)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&p, 1, 0) == 0;
}

/*
 * A reader that has stopped (a terminal after Ctrl-S, a stuck log service) must not stop us: lines are
 * lost, and counted. A pipe or socket that takes something takes a line; the lock keeps it so.
 */
static void write_line(const char *line, size_t len)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static unsigned int lost;
	char note[128];

	pthread_mutex_lock(&lock);
	if (lost && !would_block()) {
		int n = snprintf(note, sizeof(note),
				 "%s: warning: %u line(s) lost, nobody read standard error\n",
				 atomic_load_explicit(&log_program, memory_order_relaxed), lost);

		if (write(STDERR_FILENO, note, stored(n, sizeof(note))) >= 0)
			lost = 0;
	}
	/* nobody is left to tell when standard error is gone */
	if (would_block())
		lost++;
	else if (write(STDERR_FILENO, line, len) < 0)
		lost = 0;
	pthread_mutex_unlock(&lock);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	size_t room = sizeof(line) - 1;	/* the newline */
	int saved_errno = errno;
	size_t len;
	va_list args;

	if (level > log_get_level())
		return;
	len = stored(snprintf(line, room, "%s: %s",
			      atomic_load_explicit(&log_program, memory_order_relaxed),
			      level_word(level)), room);
	va_start(args, fmt);
	len += stored(vsnprintf(line + len, room - len, fmt, args), room - len);
	va_end(args);
	for (size_t i = 0; i < len; i++)
		if (line[i] == '\n' || line[i] == '\r')
			line[i] = ' ';	/* one event, one line */
	line[len++] = '\n';
	write_line(line, len);
	errno = saved_errno;
}

const char *log_safe(char *dst, size_t size, const void *src, size_t len)
{
	const char *s = src;
	size_t n = 0;

	assert(size > 0);
	for (; n < len && n + 1 < size && s[n]; n++)
		dst[n] = s[n] >= ' ' && s[n] <= '~' ? s[n] : '?';
	dst[n] = '\0';
	return dst;
}

bool log_rate_take(struct log_rate *r, uint64_t now_ns, unsigned int *ret_unsaid)
{
	uint64_t second = now_ns / 1000000000 + 1, seen = atomic_load(&r->second);

	if (seen != second && atomic_compare_exchange_strong(&r->second, &seen, second))
		atomic_store(&r->lines, 0);
	if (atomic_fetch_add(&r->lines, 1) >= LOG_RATE_LINES) {
		atomic_fetch_add(&r->unsaid, 1);
		return false;
	}
	*ret_unsaid = atomic_exchange(&r->unsaid, 0);
	return true;
}
