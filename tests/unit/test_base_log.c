/* SPDX-License-Identifier: BSD-3-Clause */
/* log: one event is one line, whatever is in it; nothing above the level; raw bytes made safe. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"

static int pipe_fds[2], saved_stderr;

static int catch_stderr(void **state)
{
	(void)state;
	saved_stderr = dup(STDERR_FILENO);
	return pipe(pipe_fds) < 0 || dup2(pipe_fds[1], STDERR_FILENO) < 0;
}

static int give_stderr_back(void **state)
{
	(void)state;
	log_set_level(LOG_NOTICE);
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	return 0;
}

/* What was logged since, as a string; "" when nothing. */
static const char *logged(void)
{
	static char text[4096];
	ssize_t n;

	if (write(pipe_fds[1], "", 1) != 1)	/* so that read() never waits */
		return NULL;
	n = read(pipe_fds[0], text, sizeof(text));
	return n > 0 ? text : NULL;
}

static void levels(void **state)
{
	(void)state;
	log_set_program("prog");
	errno = EPIPE;
	log_error("disk %d", 7);
	assert_int_equal(errno, EPIPE);
	assert_string_equal(logged(), "prog: error: disk 7\n");
	log_warn("w");
	log_notice("n");
	log_info("i");
	log_debug("d");
	assert_string_equal(logged(), "prog: warning: w\nprog: n\n");
	log_set_level(LOG_DEBUG);
	assert_int_equal(log_get_level(), LOG_DEBUG);
	log_info("i");
	log_debug("d");
	assert_string_equal(logged(), "prog: i\nprog: debug: d\n");
	log_set_level(LOG_ERROR);
	log_warn("w");
	assert_string_equal(logged(), "");
}

static void a_line_stays_a_line(void **state)
{
	char big[3000];
	const char *got;

	(void)state;
	log_notice("a\nb\r\n");
	assert_string_equal(logged(), "prog: a b  \n");
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_notice("%s", big);
	got = logged();
	assert_true(strlen(got) <= 1024);
	assert_ptr_equal(strchr(got, '\n'), got + strlen(got) - 1);
}

static const struct {
	const char *src;
	size_t len, room;
	const char *want;
} safe[] = {
	{ "nqn.test", 8, 32, "nqn.test" },
	{ "nqn.test", 3, 32, "nqn" },
	{ "nqn.test", 8, 5, "nqn." },
	{ "a\0b", 3, 32, "a" },
	{ "\x1b[31m\xff~ \x7f\n", 9, 32, "?[31m?~ ?" },
	{ "x", 1, 1, "" },
	{ "", 0, 4, "" },
};

static void bytes_of_peers_are_made_safe(void **state)
{
	char dst[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(safe); i++) {
		assert_ptr_equal(log_safe(dst, safe[i].room, safe[i].src, safe[i].len), dst);
		assert_string_equal(dst, safe[i].want);
	}
}

/* Twenty lines a second; then how many were left out. */
static void rate(void **state)
{
	struct log_rate r = { 0 };
	unsigned int unsaid = 99;
	int said = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		said += log_rate_take(&r, 5000000000 + (uint64_t)i, &unsaid);
	assert_int_equal(said, LOG_RATE_LINES);
	assert_int_equal(unsaid, 0);
	assert_true(log_rate_take(&r, 6000000000, &unsaid));
	assert_int_equal(unsaid, 100 - LOG_RATE_LINES);
	assert_true(log_rate_take(&r, 6000000001, &unsaid));
	assert_int_equal(unsaid, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(levels, catch_stderr, give_stderr_back),
		cmocka_unit_test_setup_teardown(a_line_stays_a_line, catch_stderr,
						give_stderr_back),
		cmocka_unit_test(rate),
		cmocka_unit_test(bytes_of_peers_are_made_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
