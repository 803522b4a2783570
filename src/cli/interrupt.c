/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/options.h"

/* Made beforehand: a handler may do little more than write(2). */
static char line[96], object[160];
static atomic_size_t line_len, object_len;
static _Atomic(atomic_int *) flag;
static atomic_int flag_value, child;

static void say(int fd, const char *text, size_t len)
{
	ssize_t n = write(fd, text, len);

	(void)n; /* nobody is left to be told */
}

static void on_signal(int sig)
{
	atomic_int *first = atomic_exchange(&flag, NULL);

	(void)sig;
	if (first) {
		atomic_store(first, atomic_load(&flag_value));
		return;
	}
	if (atomic_load(&child) > 0)
		kill(atomic_load(&child), SIGTERM);
	say(STDERR_FILENO, line, atomic_load(&line_len));
	say(STDOUT_FILENO, object, atomic_load(&object_len));
	_exit(EXIT_FAILED);
}

void interrupt_ends(const char *verb, bool json)
{
	static const int signals[] = { SIGINT, SIGTERM };
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	atomic_store(&flag, NULL);
	snprintf(line, sizeof(line), "nvmetls: %.32s: " INTERRUPT_TEXT "\n", verb);
	snprintf(object, sizeof(object),
		 "{\"error\":{\"cause\":\"interrupted\",\"message\":\"" INTERRUPT_TEXT
		 "\",\"hint\":\"\",\"status\":%d,\"errno\":\"EINTR\"}}\n",
		 -EINTR);
	atomic_store(&line_len, strlen(line));
	atomic_store(&object_len, json ? strlen(object) : 0);
	/* neither handler interrupts the other */
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&sa.sa_mask, signals[i]);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &sa, NULL);
}

void interrupt_ends_child(pid_t pid)
{
	atomic_store(&child, pid);
}

void interrupt_sets(atomic_int *to, int value)
{
	atomic_store(&flag_value, value);
	atomic_store(&flag, to);
}
