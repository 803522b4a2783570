/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tlshd_worker: a process per handshake: it tells its result, has no rights and no descriptor too many, and its
 * death is told apart from its refusal. And what is counted and said of both.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tlshd/tally.h"
#include "tlshd/worker.h"

static int peer;

/* A target's worker whose host is silent. As root it becomes user 65534. */
static struct worker start(int timeout_ms)
{
	struct worker_job job = { .request = { .role = HS_SERVER_HELLO, .auth = HS_AUTH_PSK },
				  .timeout_ms = timeout_ms,
				  .drop = geteuid() == 0,
				  .uid = 65534,
				  .gid = 65534 };
	struct worker w;
	int s[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	job.request.sockfd = s[0];
	peer = s[1];
	assert_int_equal(worker_start(&job, &w), 0);
	close(s[0]);
	return w;
}

static void tells(void **state)
{
	struct worker w = start(5000);
	struct shake_result r;
	int status;

	(void)state;
	close(peer);	/* the worker sees it only if it has no copy of this end */
	assert_true(worker_end(&w, &r, &status));
	assert_int_equal(status, 0);
	assert_int_equal(r.cause, CAUSE_CLOSED_SILENT);
	assert_int_equal(r.status, ETIMEDOUT);
}

static void dies(void **state)
{
	struct worker w = start(5000);
	struct shake_result r;
	int status;

	(void)state;
	assert_int_equal(kill(w.pid, SIGKILL), 0);
	assert_false(worker_end(&w, &r, &status));
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	close(peer);
}

/* The number behind @field in /proc/PID/status, once it is @want; or what it is at last. */
static unsigned long long proc(pid_t pid, const char *field, unsigned long long want, int base)
{
	unsigned long long n = ~want;

	for (int i = 0; i < 200 && n != want; i++) {
		char path[64], line[256];
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
		f = fopen(path, "r");
		assert_non_null(f);
		while (fgets(line, sizeof(line), f))
			if (strncmp(line, field, strlen(field)) == 0)
				n = strtoull(line + strlen(field), NULL, base);
		fclose(f);
		if (n != want)
			usleep(10000);
	}
	return n;
}

static void has_no_rights(void **state)
{
	struct worker w = start(5000);
	struct shake_result r;
	int status;

	(void)state;
	assert_int_equal(proc(w.pid, "NoNewPrivs:", 1, 10), 1);
	if (geteuid() == 0) {
		assert_int_equal(proc(w.pid, "Uid:", 65534, 10), 65534);
		assert_int_equal(proc(w.pid, "Gid:", 65534, 10), 65534);
		assert_int_equal(proc(w.pid, "CapEff:", 0, 16), 0);
		assert_int_equal(proc(w.pid, "CapPrm:", 0, 16), 0);
	}
	close(peer);
	assert_true(worker_end(&w, &r, &status));
}

static void no_offer(void **state)
{
	struct hs_request none = { .role = HS_CLIENT_HELLO };
	struct hs_request gone = { .role = HS_CLIENT_HELLO,
				   .peer = { 0x7ffffff1 },
				   .peer_count = 1 };
	struct keyring_psk k;
	char why[128];

	(void)state;
	assert_int_equal(worker_offer(&none, &k, why, sizeof(why)), -ENOKEY);
	assert_string_equal(why, "the kernel named no key");
	assert_true(worker_offer(&gone, &k, why, sizeof(why)) < 0);
	assert_true(strstr(why, "key 7ffffff1: ") != NULL);
}

static void counts(void **state)
{
	static struct tally t = { .workers = 8 };
	struct shake_result good = { .peer = 1 },
			    bad = { .status = ENOKEY, .cause = CAUSE_PSK_UNKNOWN };
	char text[4096], small[16];

	(void)state;
	tally_result(&t, HS_CLIENT_HELLO, "127.0.0.1:4420", &good);
	tally_result(&t, HS_SERVER_HELLO, "127.0.0.1:4420", &bad);
	tally_result(&t, HS_SERVER_HELLO, "127.0.0.1:4420", &bad);
	tally_text(&t, text, sizeof(text));
	assert_true(strstr(text, "sessions          1\n") != NULL);
	assert_true(strstr(text, "failed            2 psk-unknown\n") != NULL);
	assert_int_equal(tally_text(&t, small, sizeof(small)), sizeof(small) - 1);
	assert_int_equal(strlen(small), sizeof(small) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells), cmocka_unit_test(dies), cmocka_unit_test(has_no_rights),
		cmocka_unit_test(no_offer), cmocka_unit_test(counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
