/* SPDX-License-Identifier: BSD-3-Clause */
#include "tlshd/agent.h"

#include <errno.h>
#include <keyutils.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tls/handshake_ctx.h"
#include "tlshd/kernel.h"
#include "tlshd/store.h"
#include "tlshd/tally.h"

#define GRACE_MS 2000	/* a worker that is past its time by so much is killed */
#define STORE_MS 2000	/* how often the key store is looked at */
#define STOP_MS	 3000	/* what runs may end when the agent is to end */

enum job_state { JOB_FREE, JOB_WAITING, JOB_RUNNING };

struct job {
	enum job_state state;
	uint64_t order;
	struct hs_request request;
	struct kernel *kernel;
	struct worker worker;
	int64_t deadline_ms;
	int32_t offered;	/* a host's key */
	bool ready;		/* a worker has something to do: a target's waits for the ClientHello */
	char peer[64];
};

struct agent {
	const struct agent_config *config;
	struct kernel kernels[AGENT_NETNS_MAX];
	int kernel_count;
	int signals, status;
	uint64_t next_order;
	int running[2];		/* workers of hosts, of targets */
	struct tally tally;
	struct store store;
	bool use_store;
	struct job jobs[AGENT_JOBS_MAX];
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int *running(struct agent *a, const struct job *j)
{
	return &a->running[j->request.role == HS_SERVER_HELLO];
}

/* --- the end of a job --- */

static void done(struct agent *a, struct job *j, const struct shake_result *r)
{
	int rc;

	tally_result(&a->tally, j->request.role, j->peer, r);
	rc = kernel_done(j->kernel, j->request.sockfd, r->status, r->peer);
	if (rc) {
		a->tally.late++;
		log_notice("%s: the kernel had given up on it: %s", j->peer, strerror(-rc));
	}
	close(j->request.sockfd);
	if (j->state == JOB_RUNNING) {
		a->tally.running--;
		--*running(a, j);
	} else {
		a->tally.waiting--;
	}
	j->state = JOB_FREE;
}

static void fail(struct agent *a, struct job *j, int status, enum cause cause, const char *detail)
{
	struct shake_result r = { .status = status, .cause = cause };

	snprintf(r.detail, sizeof(r.detail), "%s", detail);
	done(a, j, &r);
}

static void reap(struct agent *a, struct job *j)
{
	struct shake_result r;
	char why[64];
	int status;

	if (worker_end(&j->worker, &r, &status)) {
		if (j->request.role == HS_CLIENT_HELLO)
			r.peer = r.status == 0 ? j->offered : 0;
		done(a, j, &r);
		return;
	}
	a->tally.crashed++;
	snprintf(why, sizeof(why), "the worker process died (%s %d)",
		 WIFSIGNALED(status) ? "signal" : "status",
		 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	if (now_ms() >= j->deadline_ms)
		fail(a, j, ETIMEDOUT, CAUSE_HANDSHAKE_TIMEOUT, why);
	else
		fail(a, j, EIO, CAUSE_OS, why);
}

/* --- the beginning of a job --- */

/* The keyrings may come later than we: with the kernel's modules, or made by the administrator. */
static void find_rings(const struct agent *a, const struct hs_request *r, struct worker_job *ret)
{
	ret->ring_count = 0;
	if (r->keyring)
		ret->rings[ret->ring_count++] = r->keyring;
	for (int i = -1; i < a->config->keyring_count; i++) {
		int32_t ring = keyring_find(i < 0 ? KEYRING_NVME : a->config->keyrings[i]);

		if (ring > 0)
			ret->rings[ret->ring_count++] = ring;
	}
	for (int i = 0; i < ret->ring_count; i++)
		if (keyring_possess(ret->rings[i]) != 0)
			log_warn("keyring %08x cannot be linked: %s", (unsigned int)ret->rings[i],
				 strerror(errno));
}

static void start(struct agent *a, struct job *j)
{
	struct worker_job w = { .request = j->request, .drop = a->config->user != NULL,
				.uid = a->config->uid, .gid = a->config->gid };
	char why[128];
	int rc;

	find_rings(a, &j->request, &w);
	if (j->request.role == HS_CLIENT_HELLO) {
		rc = worker_offer(&j->request, &w.offer, why, sizeof(why));
		if (rc) {
			fail(a, j, ENOKEY, CAUSE_PSK_MISSING, why);
			return;
		}
		j->offered = w.offer.serial;
	}
	w.timeout_ms = (int)(j->deadline_ms - now_ms());
	rc = worker_start(&w, &j->worker);
	explicit_bzero(&w.offer, sizeof(w.offer));
	if (rc) {
		snprintf(why, sizeof(why), "no worker process: %s", strerror(-rc));
		fail(a, j, ENOMEM, CAUSE_OS, why);
		return;
	}
	j->state = JOB_RUNNING;
	a->tally.waiting--;
	a->tally.running++;
	++*running(a, j);
}

/*
 * Hosts and targets have workers of their own: where one kernel is both, a host's worker may wait for
 * its target's.
 */
static struct job *next_job(struct agent *a)
{
	struct job *oldest = NULL;

	for (size_t i = 0; i < AGENT_JOBS_MAX; i++) {
		struct job *j = &a->jobs[i];

		if (j->state == JOB_WAITING && j->ready && *running(a, j) < a->config->workers &&
		    (!oldest || j->order < oldest->order))
			oldest = j;
	}
	return oldest;
}

static void start_some(struct agent *a)
{
	struct job *j;

	while (a->tally.waiting && (j = next_job(a)) != NULL)
		start(a, j);
}

/* --- requests --- */

static void refuse_x509(struct agent *a, struct job *j)
{
	a->tally.x509++;
	log_warn("%s: a request for X.509 certificates or without any authentication (NFS) is refused: "
		 "nvmetls-tlshd serves NVMe/TCP with PSKs only; run ktls-utils' tlshd instead for it", j->peer);
	kernel_done(j->kernel, j->request.sockfd, EOPNOTSUPP, 0);
	close(j->request.sockfd);
	a->tally.waiting--;
	j->state = JOB_FREE;
}

static void enqueue(struct agent *a, struct job *j, struct kernel *k)
{
	uint32_t timeout = j->request.timeout_ms ? j->request.timeout_ms : AGENT_TIMEOUT_MS;

	j->kernel = k;
	j->order = a->next_order++;
	j->deadline_ms = now_ms() + (timeout < 600000 ? timeout : 600000);
	j->state = JOB_WAITING;
	j->ready = j->request.role == HS_CLIENT_HELLO;
	tally_peer(j->request.sockfd, j->peer);
	a->tally.requests++;
	a->tally.waiting++;
	if (j->request.auth != HS_AUTH_PSK)
		refuse_x509(a, j);
}

static struct job *free_job(struct agent *a)
{
	for (size_t i = 0; i < AGENT_JOBS_MAX; i++)
		if (a->jobs[i].state == JOB_FREE)
			return &a->jobs[i];
	return NULL;
}

/* All that wait. What finds no room stays with the kernel until there is some. Returns 0 or -errno. */
static int accept_all(struct agent *a, struct kernel *k)
{
	struct job *j;
	int rc = 0;

	kernel_drain(k);
	while ((j = free_job(a)) != NULL) {
		rc = kernel_accept(k, &j->request);
		if (rc == -EBADMSG)
			log_error("the kernel's request was not understood");
		else if (rc)
			break;
		else
			enqueue(a, j, k);
	}
	return rc == -EAGAIN ? 0 : rc;
}

/* --- the loop --- */

static void answer_status(struct agent *a)
{
	int fd = accept4(a->status, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	char text[8192];
	size_t len = tally_text(&a->tally, text, sizeof(text));

	if (fd < 0)
		return;
	(void)!send(fd, text, len, MSG_NOSIGNAL);
	close(fd);
}

static void kill_late(struct agent *a)
{
	int64_t now = now_ms();

	for (size_t i = 0; i < AGENT_JOBS_MAX; i++) {
		struct job *j = &a->jobs[i];

		if (j->state == JOB_RUNNING && now >= j->deadline_ms + GRACE_MS)
			kill(j->worker.pid, SIGKILL);
		else if (j->state == JOB_WAITING && now >= j->deadline_ms)
			fail(a, j, ETIMEDOUT, CAUSE_HANDSHAKE_TIMEOUT,
			     j->ready ? "no worker was free in time" : "no ClientHello came");
	}
}

struct watched {
	struct pollfd fds[2 + AGENT_NETNS_MAX + AGENT_JOBS_MAX];
	struct job *jobs[AGENT_JOBS_MAX];
	nfds_t first_job, count;
};

static void watch(struct agent *a, struct watched *w)
{
	w->fds[0] = (struct pollfd){ .fd = a->signals, .events = POLLIN };
	w->fds[1] = (struct pollfd){ .fd = a->status, .events = POLLIN };
	w->count = 2;
	for (int i = 0; i < a->kernel_count; i++)
		w->fds[w->count++] =
			(struct pollfd){ .fd = a->kernels[i].events, .events = POLLIN };
	w->first_job = w->count;
	for (size_t i = 0; i < AGENT_JOBS_MAX; i++) {
		struct job *j = &a->jobs[i];
		int fd = j->state == JOB_RUNNING ? j->worker.pipe : j->request.sockfd;

		if (j->state == JOB_FREE || (j->state == JOB_WAITING && j->ready))
			continue;
		w->jobs[w->count - w->first_job] = j;
		w->fds[w->count++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
}

/* A worker's result; or the first bytes of a host, which a silent one never sends. */
static void serve_jobs(struct agent *a, const struct watched *w)
{
	for (nfds_t i = w->first_job; i < w->count; i++) {
		struct job *j = w->jobs[i - w->first_job];

		if (w->fds[i].revents == 0)
			continue;
		if (j->state == JOB_RUNNING)
			reap(a, j);
		else
			j->ready = true;
	}
}

/* Needs no possession: the user who owns a keyring may write into it. */
static void sync_store(struct agent *a)
{
	int32_t ring;

	if (!a->use_store)
		return;
	ring = keyring_find(KEYRING_NVME);
	if (ring > 0 && keyring_possess(ring) == 0)
		store_sync(&a->store, ring);
}

/* False: a signal asks for the end. */
static bool turn(struct agent *a)
{
	struct watched w;
	int busy = a->tally.running || a->tally.waiting;

	watch(a, &w);
	if (poll(w.fds, w.count, busy ? 200 : a->use_store ? STORE_MS : -1) < 0)
		return errno == EINTR;
	sync_store(a);
	if (w.fds[1].revents)
		answer_status(a);
	serve_jobs(a, &w);
	kill_late(a);
	for (int i = 0; i < a->kernel_count; i++) {
		int rc = accept_all(a, &a->kernels[i]);

		if (rc)
			log_error("netlink: %s", strerror(-rc));
	}
	start_some(a);
	return w.fds[0].revents == 0;
}

/* --- beginning and end --- */

static int listen_status(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc = 0;

	if (fd < 0)
		return -errno;
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0) {
		rc = -EADDRINUSE;
	} else {
		unlink(path);
		if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || chmod(path, 0600) ||
		    listen(fd, 8))
			rc = -errno;
	}
	if (rc)
		close(fd);
	return rc ? rc : fd;
}

static int catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The first use of a module by name needs rights that a worker does not have. */
static void load_ktls(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) != 0 && errno == ENOENT)
		log_warn("this kernel's TCP has no TLS: every handshake will fail (modprobe tls)");
	close(fd);
}

static int open_kernels(struct agent *a, char *error, size_t size)
{
	const struct agent_config *c = a->config;

	for (int i = 0; i < (c->netns_count ? c->netns_count : 1); i++) {
		const char *netns = c->netns_count ? c->netns[i] : NULL;
		struct kernel *k = &a->kernels[i];
		int rc = kernel_open(k, netns, error, size);

		if (rc)
			return rc;
		a->kernel_count++;
		rc = kernel_listen(k);
		if (rc == 0)
			rc = accept_all(a, k);
		if (rc) {
			snprintf(error, size, "the kernel gives no handshakes to us%s: %s",
				 rc == -EPERM ? " (CAP_NET_ADMIN is needed)" : "", strerror(-rc));
			return rc;
		}
	}
	return 0;
}

static int prepare(struct agent *a, char *error, size_t size)
{
	struct rlimit files = { 4 * AGENT_JOBS_MAX, 4 * AGENT_JOBS_MAX };
	int rc;

	(void)setrlimit(RLIMIT_NOFILE, &files);
	a->tally.since_s = now_ms() / 1000;
	a->tally.workers = 2 * (unsigned int)a->config->workers;
	a->signals = catch_signals();
	a->status = listen_status(a->config->status_path);
	if (a->status < 0) {
		snprintf(error, size, "%s: %s", a->config->status_path, a->status == -EADDRINUSE ?
			 "another nvmetls-tlshd runs" : strerror(-a->status));
		return a->status;
	}
	rc = keyring_session("nvmetls-tlshd");
	if (rc) {
		snprintf(error, size, "no session keyring: %s", strerror(-rc));
		return rc;
	}
	handshake_ctx(TLS_CLIENT);	/* once, for all workers */
	handshake_ctx(TLS_SERVER);
	load_ktls();
	a->use_store = !a->config->keystore || strcmp(a->config->keystore, "none") != 0;
	if (a->use_store)
		store_init(&a->store, a->config->keystore);
	sync_store(a);
	return open_kernels(a, error, size);
}

/* No new requests; those that have begun may end. */
static void wind_down(struct agent *a)
{
	int64_t end = now_ms() + STOP_MS;

	for (int i = 0; i < a->kernel_count; i++)
		kernel_unlisten(&a->kernels[i]);
	start_some(a);
	while ((a->tally.running || a->tally.waiting) && now_ms() < end) {
		struct watched w;

		watch(a, &w);
		if (poll(w.fds + w.first_job, w.count - w.first_job, 200) > 0)
			serve_jobs(a, &w);
		start_some(a);
	}
	for (size_t i = 0; i < AGENT_JOBS_MAX; i++) {
		if (a->jobs[i].state == JOB_RUNNING) {
			kill(a->jobs[i].worker.pid, SIGKILL);
			reap(a, &a->jobs[i]);
		} else if (a->jobs[i].state == JOB_WAITING) {
			fail(a, &a->jobs[i], EIO, CAUSE_SHUTDOWN, "");
		}
	}
}

int agent_run(const struct agent_config *c, char *error, size_t size)
{
	static struct agent a;
	int rc;

	a.config = c;
	rc = prepare(&a, error, size);
	if (rc == 0) {
		log_notice("ready: %d workers as %s", c->workers, c->user ? c->user : "this user");
		start_some(&a);
		while (turn(&a))
			continue;
		wind_down(&a);
	}
	for (int i = 0; i < a.kernel_count; i++)
		kernel_close(&a.kernels[i]);
	if (a.status >= 0) {
		unlink(c->status_path);
		close(a.status);
	}
	return rc;
}

int agent_status(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc = 0;
	char text[8192];
	ssize_t n;

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		rc = -errno;
	while (rc == 0 && (n = recv(fd, text, sizeof(text), 0)) > 0)
		fwrite(text, 1, (size_t)n, stdout);
	if (fd >= 0)
		close(fd);
	return rc;
}
