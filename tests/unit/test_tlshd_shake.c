/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tlshd_shake: a host's worker and a target's, each in a process of its own, on the two ends of a socket: the
 * same keys crosswise, not one byte too many read, and one cause with its errno for whatever goes wrong.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "tlshd/shake.h"

#define IDENTITY "NVMe0R01 nqn.host nqn.test"

/* What a worker's plant() was given, instead of a kernel: test keys through a pipe. */
struct planted {
	struct shake_result result;
	struct handshake_result keys;
};

static struct planted planted;

static int plant(int fd, const struct handshake_result *r, char *error, size_t size)
{
	(void)fd, (void)error, (void)size;
	planted.keys = *r;
	return 0;
}

static int plant_nowhere(int fd, const struct handshake_result *r, char *error, size_t size)
{
	(void)r;
	return shake_plant(fd, r, error, size);
}

static struct keyring_psk key_of(enum nvme_hash hash, uint8_t first)
{
	struct keyring_psk k = { .serial = 0x100 + first, .identity = IDENTITY, .hash = hash };

	k.psk.len = (uint8_t)hash_len(hash);
	for (int i = 0; i < k.psk.len; i++)
		k.psk.bytes[i] = (uint8_t)(first + i);
	return k;
}

static int find(void *ctx, struct span identity, struct keyring_psk *ret)
{
	const struct keyring_psk *k = ctx;

	if (!k || strlen(k->identity) != identity.len ||
	    memcmp(k->identity, identity.ptr, identity.len) != 0)
		return -ENOKEY;
	*ret = *k;
	return 0;
}

/* One worker; @after is sent behind its last flight. Returns its pid; what it has is in @pipe_fd. */
static pid_t start(struct shake_job *job, const char *after, int *pipe_fd)
{
	int p[2];
	pid_t pid;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	if (pid == 0) {
		shake_run(job, &planted.result);
		if (after)
			(void)!write(job->fd, after, strlen(after));
		_exit(write(p[1], &planted, sizeof(planted)) == sizeof(planted) ? 0 : 1);
	}
	assert_true(pid > 0);
	close(p[1]);
	close(job->fd);
	*pipe_fd = p[0];
	return pid;
}

static struct planted end(pid_t pid, int pipe_fd)
{
	struct planted got;
	size_t have = 0;
	int status;

	while (have < sizeof(got)) {
		ssize_t n = read(pipe_fd, (uint8_t *)&got + have, sizeof(got) - have);

		assert_true(n > 0);
		have += (size_t)n;
	}
	close(pipe_fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return got;
}

static void both(struct keyring_psk host_key, struct keyring_psk *target_key, struct planted *host,
		 struct planted *target, int *ret_end)
{
	int s[2], ph, pt, keep;
	pid_t h, t;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	keep = dup(s[1]);
	h = start(&(struct shake_job){ .fd = s[0],
				       .role = HS_CLIENT_HELLO,
				       .timeout_ms = 5000,
				       .offer = host_key,
				       .plant = plant },
		  "the kernel's", &ph);
	t = start(&(struct shake_job){ .fd = s[1],
				       .role = HS_SERVER_HELLO,
				       .timeout_ms = 5000,
				       .find = find,
				       .find_ctx = target_key,
				       .plant = plant },
		  NULL, &pt);
	*host = end(h, ph);
	*target = end(t, pt);
	*ret_end = keep;
}

static void same_keys(void **state)
{
	(void)state;
	for (enum nvme_hash hash = NVME_HASH_SHA256; hash <= NVME_HASH_SHA384; hash++) {
		struct keyring_psk key = key_of(hash, 7);
		struct planted host, target;
		char left[64] = "";
		int fd;

		both(key, &key, &host, &target, &fd);
		assert_int_equal(host.result.status, 0);
		assert_int_equal(target.result.status, 0);
		assert_int_equal(host.result.peer, 0x107);
		assert_int_equal(target.result.peer, 0x107);
		assert_string_equal(target.result.identity, IDENTITY);
		assert_int_equal(host.keys.hash, hash);
		assert_true(host.keys.tx.len == hash_len(hash));
		assert_true(secret_equal(&host.keys.tx, &target.keys.rx));
		assert_true(secret_equal(&host.keys.rx, &target.keys.tx));
		assert_int_equal(target.keys.peer_plain_max, 16384);
		/* what came right behind the host's Finished is still in the target's socket */
		assert_int_equal(recv(fd, left, sizeof(left), MSG_DONTWAIT), 12);
		assert_string_equal(left, "the kernel's");
		close(fd);
	}
}

static void refused(void **state)
{
	struct keyring_psk other = key_of(NVME_HASH_SHA256, 9), big = key_of(NVME_HASH_SHA384, 7);
	const struct {
		struct keyring_psk *target_key;
		enum cause cause;
		int status;
	} rows[] = {
		{ NULL, CAUSE_PSK_UNKNOWN, ENOKEY },
		{ &other, CAUSE_PSK_MISMATCH, EACCES },
		{ &big, CAUSE_PSK_HASH, EACCES },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct planted host, target;
		int fd;

		both(key_of(NVME_HASH_SHA256, 7), rows[i].target_key, &host, &target, &fd);
		assert_int_equal(target.result.cause, rows[i].cause);
		assert_int_equal(target.result.status, rows[i].status);
		assert_true(strstr(target.result.detail, IDENTITY) != NULL);
		assert_int_equal(host.result.cause, CAUSE_PSK_REFUSED);
		assert_int_equal(host.result.status, EACCES);
		assert_int_equal(host.keys.tx.len, 0);
		close(fd);
	}
}

/* The peer is a script: what it sends, and whether it closes then. */
static void bad_peers(void **state)
{
	static const struct {
		enum hs_role role;
		const char *sends;
		size_t len;
		bool closes;
		enum cause cause;
		int status;
	} rows[] = {
		{ HS_CLIENT_HELLO, "", 0, true, CAUSE_CLOSED_AFTER_HELLO, ETIMEDOUT },
		{ HS_CLIENT_HELLO, "", 0, false, CAUSE_HANDSHAKE_TIMEOUT, ETIMEDOUT },
		{ HS_CLIENT_HELLO, "\x16\3\3\0\x40half", 9, true, CAUSE_CLOSED_IN_HANDSHAKE, ETIMEDOUT },
		{ HS_CLIENT_HELLO, "\x15\3\3\0\2\2\x28", 7, false, CAUSE_PSK_REFUSED, EACCES },
		{ HS_CLIENT_HELLO, "HTTP/1.1 400", 12, false, CAUSE_NOT_NVME, EACCES },
		{ HS_SERVER_HELLO, "", 0, true, CAUSE_CLOSED_SILENT, ETIMEDOUT },
		{ HS_SERVER_HELLO, "", 0, false, CAUSE_HANDSHAKE_TIMEOUT, ETIMEDOUT },
		{ HS_SERVER_HELLO, "\0\0\x80\0\x80\0\0\0", 8, false, CAUSE_PLAIN_ON_TLS, EACCES },
		{ HS_SERVER_HELLO, "\x16\3\1\xff\xff", 5, false, CAUSE_TLS_PROTOCOL, EACCES },
		{ HS_SERVER_HELLO, "\x16\3\1\0\4\1\0\0\0", 9, false, CAUSE_TLS_PROTOCOL, EACCES },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct planted got;
		int s[2], p;
		pid_t pid;

		print_message("bad peer %zu\n", i);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
		(void)!write(s[1], rows[i].sends, rows[i].len);
		if (rows[i].closes)
			shutdown(s[1], SHUT_WR);
		pid = start(&(struct shake_job){ .fd = s[0],
						 .role = rows[i].role,
						 .timeout_ms = 100,
						 .offer = key_of(NVME_HASH_SHA256, 7),
						 .find = find,
						 .plant = plant },
			    NULL, &p);
		got = end(pid, p);
		assert_int_equal(got.result.cause, rows[i].cause);
		assert_int_equal(got.result.status, rows[i].status);
		close(s[1]);
	}
}

/* A handshake that went well on what cannot be a kTLS socket: an error with a line, no session. */
static void not_planted(void **state)
{
	struct keyring_psk key = key_of(NVME_HASH_SHA256, 7);
	struct planted host, target;
	int s[2], ph, pt;
	pid_t h, t;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	h = start(&(struct shake_job){ .fd = s[0],
				       .role = HS_CLIENT_HELLO,
				       .timeout_ms = 5000,
				       .offer = key,
				       .plant = plant_nowhere },
		  NULL, &ph);
	t = start(&(struct shake_job){ .fd = s[1],
				       .role = HS_SERVER_HELLO,
				       .timeout_ms = 5000,
				       .find = find,
				       .find_ctx = &key,
				       .plant = plant },
		  NULL, &pt);
	host = end(h, ph);
	target = end(t, pt);
	assert_int_equal(target.result.status, 0);
	assert_true(host.result.status != 0);
	assert_int_equal(host.result.cause, CAUSE_OS);
	assert_true(strstr(host.result.detail, "module tls") != NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(same_keys), cmocka_unit_test(refused),
					    cmocka_unit_test(bad_peers),
					    cmocka_unit_test(not_planted) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
