/* SPDX-License-Identifier: BSD-3-Clause */
/* A connection from the caller's side: the library's thread, up, lost, down. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/api_impl.h"
#include "crypto/aead.h"

/* A host has no use for data buffers of its own: data lives in the caller's memory. */
#define LOOP_BUF_BYTES 4096
#define LOOP_BUF_COUNT 1
/* While leaving: how often callers' loops are looked at. */
#define DOWN_LOOK_NS   500000

/* ---- calls at home ---- */

struct home_call {
	struct world_post post;
	struct nvmetls *c;
	void (*fn)(struct nvmetls *c, void *arg);
	void *arg;
	sem_t done;
};

static void run_call(struct world *w, struct world_post *p)
{
	struct home_call *h = container_of(p, struct home_call, post);

	(void)w;
	h->fn(h->c, h->arg);
	sem_post(&h->done);
}

static void sem_wait_all(sem_t *s)
{
	while (sem_wait(s) != 0 && errno == EINTR)
		;
}

void api_at_home(struct nvmetls *c, void (*fn)(struct nvmetls *c, void *arg), void *arg)
{
	struct home_call h = { .post.run = run_call, .c = c, .fn = fn, .arg = arg };

	sem_init(&h.done, 0, 0);
	world_post(c->home, &h.post);
	sem_wait_all(&h.done);
	sem_destroy(&h.done);
}

/* ---- what the association says, at home ---- */

void api_set_state(struct nvmetls *c, enum api_state state)
{
	pthread_mutex_lock(&c->lock);
	c->state = state;
	if (state != API_RECOVERING)
		atomic_store(&c->up, state == API_UP);
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

static void remember_info(struct nvmetls *c);

static void up(void *ctx)
{
	struct nvmetls *c = ctx;

	remember_info(c);
	if (!api_recover_up(c))
		api_set_state(c, API_UP);
}

static void lost(void *ctx, struct fault why, const char *detail)
{
	struct nvmetls *c = ctx;

	pthread_mutex_lock(&c->lock);
	c->why = why;
	snprintf(c->detail, sizeof(c->detail), "%s", detail);
	pthread_mutex_unlock(&c->lock);
	if (api_recover_lost(c))
		return;
	api_set_state(c, API_LOST);
	if (c->serve == NVMETLS_SERVE_THREAD)
		api_thread_lost(c);
}

static void down(void *ctx)
{
	if (!api_recover_down(ctx))
		api_set_state(ctx, API_DOWN);
}

static void arrived(void *ctx, unsigned int index)
{
	struct nvmetls *c = ctx;

	api_caller_arrived(&c->queues[index]);
}

/* One that is still at home is nothing to its owner. */
static void left(void *ctx, unsigned int index)
{
	struct nvmetls *c = ctx;

	if (index < c->queue_count &&
	    (c->serve == NVMETLS_SERVE_THREAD || assoc_io(c->assoc, index)->conn.w != c->home))
		api_queue_left(&c->queues[index]);
}

static void keylog(void *ctx, const char *line)
{
	struct nvmetls *c = ctx;

	dprintf(c->keylog_fd, "%s\n", line);
}

enum api_state api_state(struct nvmetls *c)
{
	enum api_state s;

	pthread_mutex_lock(&c->lock);
	s = c->state;
	pthread_mutex_unlock(&c->lock);
	return s;
}

/* ---- the handle ---- */

static void free_queues(struct nvmetls *c)
{
	for (unsigned int i = 0; i < c->queue_count; i++) {
		if (c->queues[i].fd >= 0)
			close(c->queues[i].fd);
		if (c->queues[i].loop)
			loop_free(c->queues[i].loop);
	}
	free(c->queues);
	c->queues = NULL;
	c->queue_count = 0;
}

/* Everything that is left; the association is down and home does not run. */
static void free_handle(struct nvmetls *c)
{
	free_queues(c);
	assoc_free(c->assoc);
	if (c->loops)
		loops_free(c->loops);
	if (c->keylog_fd >= 0)
		close(c->keylog_fd);
	explicit_bzero(&c->key, sizeof(c->key));
	explicit_bzero(&c->key_good, sizeof(c->key_good));
	free(c->keystore);
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->ns_lock);
	pthread_cond_destroy(&c->changed);
	free(c);
}

static struct nvmetls *new_handle(void)
{
	struct nvmetls *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->generation = api_generation();
	c->keylog_fd = -1;
	list_init(&c->admin_backlog);
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->ns_lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	return c;
}

static int open_keylog(struct nvmetls *c, const char *path, struct nvmetls_error *e)
{
	if (!path)
		return 0;
	c->keylog_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (c->keylog_fd < 0)
		return api_error(e, -errno, CAUSE_OS, "key log %s: %s", path, strerror(errno));
	c->config.keylog = keylog;
	c->config.keylog_ctx = c;
	return 0;
}

static int start_home(struct nvmetls *c, struct nvmetls_error *e)
{
	struct loop_config lc = {
		.threads = 1,
		.workers = 1,
		.spin_us = c->spin_us,
		.spin_always = c->spin_always && c->serve == NVMETLS_SERVE_THREAD,
		.buf_bytes = LOOP_BUF_BYTES,
		.buf_count = LOOP_BUF_COUNT,
		.cpu_first = -1,
	};
	char why[256] = "";
	int rc;

	aead_setup(getenv("NVMETLS_CRYPTO"));
	rc = loops_new(&lc, &c->loops, why, sizeof(why));
	if (rc == 0)
		rc = loops_spawn(c->loops);
	if (rc == 0) {
		c->home = loops_world(c->loops, 0);
		return 0;
	}
	if (c->loops)
		loops_free(c->loops);
	c->loops = NULL;
	return api_error(e, rc, CAUSE_OS, "%s: %s", why[0] ? why : "starting a thread",
			 strerror(-rc));
}

static void stop_home(struct nvmetls *c)
{
	loops_stop(c->loops);
	loops_join(c->loops);
}

/* ---- connecting ---- */

static void start(struct nvmetls *c, void *arg)
{
	(void)arg;
	assoc_start(c->assoc);
}

/* Until it is up or down. */
static enum api_state wait_connected(struct nvmetls *c)
{
	enum api_state s;

	pthread_mutex_lock(&c->lock);
	while (c->state == API_CONNECTING || c->state == API_LOST)
		pthread_cond_wait(&c->changed, &c->lock);
	s = c->state;
	pthread_mutex_unlock(&c->lock);
	return s;
}

static void describe(struct nvmetls *c, const struct addrinfo *a)
{
	char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";

	getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(c->where, sizeof(c->where), strchr(host, ':') ? "[%.200s]:%.10s" : "%.200s:%.10s",
		 host, port);
}

/* One address. 0, or an error in @e; @ret_next: another one may do better. */
static int connect_to(struct nvmetls *c, const struct addrinfo *a, bool *ret_next,
		      struct nvmetls_error *e)
{
	*ret_next = false;
	describe(c, a);
	memcpy(&c->config.addr, a->ai_addr, a->ai_addrlen);
	c->config.addr_len = a->ai_addrlen;
	c->state = API_CONNECTING;
	c->assoc = assoc_new(&c->config, c->home);
	if (!c->assoc)
		return api_error_fault(e, fault_os(ENOMEM, CAUSE_NO_MEMORY), "", "");
	api_at_home(c, start, NULL);
	if (wait_connected(c) == API_UP)
		return 0;
	assoc_free(c->assoc);
	c->assoc = NULL;
	*ret_next = c->why.cause == CAUSE_REFUSED || c->why.cause == CAUSE_UNREACHABLE ||
		    c->why.cause == CAUSE_CONNECT_TIMEOUT;
	return api_error_fault(e, c->why, c->where, c->detail);
}

static int connect_any(struct nvmetls *c, const struct nvmetls_options *o,
		       struct nvmetls_error *e)
{
	struct addrinfo *list;
	bool next = true;
	int rc = api_resolve(o, c->config.discovery, &list, e);

	if (rc)
		return rc;
	c->config.up = up;
	c->config.lost = lost;
	c->config.down = down;
	c->config.arrived = arrived;
	c->config.left = left;
	c->config.ctx = c;
	for (const struct addrinfo *a = list; a && next; a = a->ai_next) {
		rc = connect_to(c, a, &next, e);
		if (rc == 0)
			break;
	}
	freeaddrinfo(list);
	return rc;
}

static int make_queue(struct nvmetls *c, unsigned int index)
{
	struct nvmetls_queue *q = &c->queues[index];

	*q = (struct nvmetls_queue){ .c = c, .index = index, .fd = -1 };
	q->depth = c->assoc->entries - 1u;
	q->backlog_tail = &q->backlog;
	if (c->serve == NVMETLS_SERVE_THREAD) {
		q->aq = assoc_io(c->assoc, index);
		q->hq = q->aq->hq;
	}
	return api_thread_init(q);
}

struct queues_call {
	int rc;
	struct nvmetls_error *e;
};

/* At home, so that nothing is lost meanwhile. */
static void make_queues(struct nvmetls *c, void *arg)
{
	struct queues_call *call = arg;
	unsigned int n = assoc_io_count(c->assoc);

	c->mdts_bytes = c->assoc->bringup.result.mdts_bytes;
	c->oncs = load_le16(c->assoc->bringup.result.id.oncs);
	c->entries = c->assoc->entries;
	c->queues = calloc(n ? n : 1, sizeof(*c->queues));
	if (!c->queues) {
		call->rc = api_error_fault(call->e, fault_os(ENOMEM, CAUSE_NO_MEMORY), "", "");
		return;
	}
	for (; c->queue_count < n; c->queue_count++) {
		call->rc = make_queue(c, c->queue_count);
		if (call->rc) {
			api_error(call->e, call->rc, CAUSE_OS, "eventfd: %s", strerror(-call->rc));
			return;
		}
	}
	if (atomic_load(&c->up))
		api_recover_begin(c);
}

int api_connect(const struct nvmetls_options *o, bool discovery, struct nvmetls **ret,
		struct nvmetls_error *e)
{
	struct nvmetls *c = new_handle();
	struct queues_call call = { .e = e };
	int rc;

	*ret = NULL;
	if (!c)
		return api_error_fault(e, fault_os(ENOMEM, CAUSE_NO_MEMORY), "", "");
	rc = api_options(c, o, discovery, e);
	if (rc == 0)
		rc = open_keylog(c, o->keylog_file, e);
	if (rc == 0)
		rc = start_home(c, e);
	if (rc == 0) {
		rc = connect_any(c, o, e);
		if (rc) {
			stop_home(c);
		} else {
			api_at_home(c, make_queues, &call);
			if (call.rc) {
				nvmetls_disconnect(c);
				return call.rc;
			}
		}
	}
	if (rc) {
		free_handle(c);
		return rc;
	}
	*ret = c;
	return 0;
}

int nvmetls_connect(const struct nvmetls_options *o, struct nvmetls **ret, struct nvmetls_error *e)
{
	if (e)
		memset(e, 0, sizeof(*e));
	return api_connect(o, false, ret, e);
}

/* ---- leaving ---- */

static void shut_down(struct nvmetls *c, void *arg)
{
	(void)arg;
	api_recover_end(c);
	if (c->assoc)
		assoc_shutdown(c->assoc);
	else
		api_set_state(c, API_DOWN);
}

/* The callers' loops are run here now: nobody else does. Returns whether one had something to do. */
static bool run_loops(struct nvmetls *c)
{
	bool happened = false;

	for (unsigned int i = 0; i < c->queue_count; i++)
		if (c->queues[i].loop)
			happened |= loop_run_once(c->queues[i].loop, 0);
	return happened;
}

static void wait_down(struct nvmetls *c)
{
	while (api_state(c) != API_DOWN) {
		struct timespec at;

		if (run_loops(c))
			continue;
		clock_gettime(CLOCK_REALTIME, &at);
		at.tv_nsec += DOWN_LOOK_NS;
		if (at.tv_nsec >= (long)NS_PER_SEC) {
			at.tv_sec++;
			at.tv_nsec -= (long)NS_PER_SEC;
		}
		pthread_mutex_lock(&c->lock);
		if (c->state != API_DOWN)
			pthread_cond_timedwait(&c->changed, &c->lock, &at);
		pthread_mutex_unlock(&c->lock);
	}
}

void api_forget(struct nvmetls *c)
{
	for (unsigned int i = 0; i < c->queue_count; i++) {
		if (c->queues[i].loop)
			loop_forget(c->queues[i].loop);
		c->queues[i].loop = NULL;
	}
	assoc_forget(c->assoc);
	c->assoc = NULL;
	loops_forget(c->loops);
	c->loops = NULL;
	/* the parent's threads may have held these */
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->ns_lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	free_handle(c);
}

void nvmetls_disconnect(struct nvmetls *c)
{
	if (!c)
		return;
	if (api_forked(c)) {
		api_forget(c);
		return;
	}
	atomic_store(&c->leaving, true);
	atomic_store(&c->up, false);
	api_at_home(c, shut_down, NULL);
	wait_down(c);
	stop_home(c);
	/* what was outstanding is told, so that its memory is the caller's again */
	for (unsigned int i = 0; i < c->queue_count; i++) {
		api_thread_reap(&c->queues[i]);
		api_caller_drop(&c->queues[i]);
	}
	free_handle(c);
}

int nvmetls_state(struct nvmetls *c, struct nvmetls_error *e)
{
	enum api_state state;
	struct fault why;
	char detail[640];
	int rc;

	if (api_forked(c))
		return api_error(e, -ECHILD, CAUSE_OS, "the connection belongs to the parent process");
	state = api_state(c);
	if (state == API_UP)
		return 0;
	pthread_mutex_lock(&c->lock);
	why = c->why;
	memcpy(detail, c->detail, sizeof(detail));
	pthread_mutex_unlock(&c->lock);
	rc = api_error_fault(e, why, c->where, detail);
	if (state != API_RECOVERING)
		return rc;
	if (e)
		e->err = -EAGAIN;
	return -EAGAIN;
}

/* ---- what is known ---- */

static void remember_info(struct nvmetls *c)
{
	struct nvmetls_info *i = &c->info;
	struct assoc *a = c->assoc;
	struct assoc_queue *admin = &a->queues[0];

	*i = (struct nvmetls_info){
		.cntlid = a->cntlid,
		.queue_size = a->entries,
		.mdts_bytes = a->bringup.result.mdts_bytes,
		.version = a->bringup.result.vs,
		.discovery = a->config.discovery,
		.tls = admin->peer.tls,
	};
	if (i->tls)
		snprintf(i->cipher, sizeof(i->cipher), "%s",
			 admin->peer.hash == NVME_HASH_SHA384 ? "TLS_AES_256_GCM_SHA384" :
								"TLS_AES_128_GCM_SHA256");
	snprintf(i->group, sizeof(i->group), "%s", admin->peer.group);
	snprintf(i->identity, sizeof(i->identity), "%s", admin->peer.identity);
}

static void read_info(struct nvmetls *c, void *arg)
{
	struct nvmetls_info *i = arg;
	struct assoc *a = c->assoc;

	*i = c->info;
	for (uint16_t n = 0; a && n < a->queue_count; n++) {
		const struct assoc_queue *q = &a->queues[n];
		bool here = q->w == c->home && !q->leaving;
		const struct channel *ch = here ? q->conn.session.channel : NULL;

		i->key_updates_sent += ch ? ch->counters.key_updates_sent : q->key_updates_sent;
		i->key_updates_received +=
			ch ? ch->counters.key_updates_received : q->key_updates_received;
	}
}

/* Queues that this thread serves are looked at from here. */
static void add_own_queues(struct nvmetls *c, struct nvmetls_info *i)
{
	for (unsigned int n = 0; n < c->queue_count; n++) {
		struct nvmetls_queue *q = &c->queues[n];
		const struct channel *ch;

		if (c->serve != NVMETLS_SERVE_CALLER || q->owner != api_thread() || !q->aq)
			continue;
		ch = q->aq->conn.session.channel;
		i->key_updates_sent += ch ? ch->counters.key_updates_sent : 0;
		i->key_updates_received += ch ? ch->counters.key_updates_received : 0;
	}
}

void nvmetls_get_info(struct nvmetls *c, struct nvmetls_info *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (!api_forked(c))
		api_at_home(c, read_info, ret);
	ret->io_queues = (uint16_t)c->queue_count;
	snprintf(ret->hostnqn, sizeof(ret->hostnqn), "%s", c->host.nqn);
	memcpy(ret->hostid, c->host.id, sizeof(ret->hostid));
	if (!api_forked(c))
		add_own_queues(c, ret);
}
