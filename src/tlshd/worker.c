/* SPDX-License-Identifier: BSD-3-Clause */
#include "tlshd/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int worker_offer(const struct hs_request *r, struct keyring_psk *ret, char *error, size_t size)
{
	int rc = -ENOKEY;

	snprintf(error, size, "the kernel named no key");
	for (int i = 0; i < r->peer_count && rc != 0; i++) {
		rc = keyring_read_psk(r->peer[i], ret);
		if (rc)
			snprintf(error, size, "key %08x: %s", (unsigned int)r->peer[i],
				 rc == -ENOTSUP ? "it is not a PSK" :
				 rc == -EMSGSIZE ? "a PSK has 32 or 48 bytes" : strerror(-rc));
	}
	return rc;
}

/* --- the child --- */

static int find_in_rings(void *ctx, struct span identity, struct keyring_psk *ret)
{
	const struct worker_job *job = ctx;
	int rc = -ENOKEY;

	for (int i = 0; i < job->ring_count && rc != 0; i++)
		rc = keyring_find_psk(job->rings[i], identity, ret);
	return rc;
}

static void close_others(int a, int b)
{
	unsigned int low = (unsigned int)(a < b ? a : b), high = (unsigned int)(a < b ? b : a);

	if (low > 3)
		close_range(3, low - 1, 0);
	if (high > low + 1)
		close_range(low + 1, high - 1, 0);
	close_range(high + 1, ~0u, 0);
}

/* Another user has no capabilities; and none can come back. */
static int become(const struct worker_job *job)
{
	const struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
		return -errno;
	if (job->drop && (setgroups(0, NULL) != 0 || setresgid(job->gid, job->gid, job->gid) != 0 ||
			  setresuid(job->uid, job->uid, job->uid) != 0))
		return -errno;
	/* the last is undone by a change of user, and so comes after it */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_FSIZE, &none) != 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return -errno;
	return 0;
}

static _Noreturn void child(const struct worker_job *job, int pipe)
{
	struct shake_job shake = { .fd = job->request.sockfd, .role = job->request.role,
				   .timeout_ms = job->timeout_ms, .offer = job->offer,
				   .find = find_in_rings, .find_ctx = (void *)job,
				   .plant = shake_plant };
	struct shake_result result = { .cause = CAUSE_OS };
	sigset_t all;
	int rc;

	sigfillset(&all);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	close_others(shake.fd, pipe);
	rc = become(job);
	if (rc) {
		result.status = EIO;
		snprintf(result.detail, sizeof(result.detail), "a worker cannot give up its rights: %s",
			 strerror(-rc));
	} else {
		shake_run(&shake, &result);
	}
	explicit_bzero(&shake, sizeof(shake));
	_exit(write(pipe, &result, sizeof(result)) == sizeof(result) ? 0 : 1);
}

/* --- the parent --- */

int worker_start(const struct worker_job *job, struct worker *ret)
{
	int p[2], err;

	if (pipe2(p, O_CLOEXEC) != 0)
		return -errno;
	ret->pid = fork();
	if (ret->pid == 0)
		child(job, p[1]);
	err = errno;
	close(p[1]);
	ret->pipe = p[0];
	if (ret->pid > 0)
		return 0;
	close(p[0]);
	return -err;
}

bool worker_end(struct worker *w, struct shake_result *ret, int *ret_status)
{
	ssize_t n;

	_Static_assert(sizeof(*ret) <= 4096, "written to a pipe at once");
	do
		n = read(w->pipe, ret, sizeof(*ret));
	while (n < 0 && errno == EINTR);
	close(w->pipe);
	if (n != sizeof(*ret))
		kill(w->pid, SIGKILL);
	while (waitpid(w->pid, ret_status, 0) < 0 && errno == EINTR)
		continue;
	w->pid = 0;
	ret->identity[sizeof(ret->identity) - 1] = '\0';
	ret->group[sizeof(ret->group) - 1] = '\0';
	ret->detail[sizeof(ret->detail) - 1] = '\0';
	return n == sizeof(*ret) && ret->cause < CAUSE_COUNT && ret->status >= 0 &&
	       ret->status < 4096;
}
