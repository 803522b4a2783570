/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client-library WHAT SERVE - a program that uses libnvmetls as others do.
 *
 * SERVE: thread or caller. From the environment: A and S (the target's address and port), TLS (0
 * or 1), HOSTNQN, TARGET (the target's process).
 * Exit code 0: all held; else one line says what did not. client_library.sh starts it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <nvmetls.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define NSID   1
#define DEPTH  32
#define QUEUES 4

#define MUST(cond)                                                                               \
	do {                                                                                     \
		if (!(cond)) {                                                                   \
			fprintf(stderr, "client-library: line %d: %s\n", __LINE__, #cond);       \
			exit(1);                                                                 \
		}                                                                                \
	} while (0)

static enum nvmetls_serve serve;
static int finished;
static _Thread_local int dones, last_status;

static struct nvmetls_options options(unsigned int queues)
{
	struct nvmetls_options o = NVMETLS_OPTIONS_INIT;

	o.traddr = getenv("A");
	o.trsvcid = getenv("S");
	o.subsysnqn = "nqn.test";
	o.hostnqn = getenv("HOSTNQN");
	o.io_queues = (uint16_t)queues;
	o.serve = serve;
	if (getenv("TLS") && *getenv("TLS") == '1')
		o.tls = NVMETLS_TLS_REQUIRED;
	return o;
}

static struct nvmetls *connected(const struct nvmetls_options *o)
{
	struct nvmetls_error e;
	struct nvmetls *c = NULL;

	if (nvmetls_connect(o, &c, &e)) {
		fprintf(stderr, "client-library: %s: %s\n", e.cause, e.message);
		exit(1);
	}
	return c;
}

static void done(struct nvmetls_io *io, int status)
{
	(void)io;
	dones++;
	last_status = status;
}

/* --- verify: each queue in a thread of its own, with an area of its own --- */

struct worker {
	struct nvmetls *c;
	unsigned int index;
	struct nvmetls_ns ns;
	uint64_t base; /* blocks */
	pthread_t thread;
};

struct slot {
	struct nvmetls_io io;
	struct iovec iov[3];
	uint8_t *mem;
	uint32_t bytes;
	uint64_t seed;
};

static uint8_t pattern(uint64_t seed, uint32_t at)
{
	return (uint8_t)(seed * 37 + at * 7 + (at >> 8) + (at >> 16));
}

static void start(struct nvmetls_queue *q, struct slot *s, enum nvmetls_op op,
		  const struct worker *w, uint64_t off, uint32_t blocks)
{
	memset(&s->io, 0, sizeof(s->io));
	s->bytes = blocks * w->ns.block_bytes;
	s->io.op = op;
	s->io.nsid = NSID;
	s->io.slba = w->base + off;
	s->io.blocks = blocks;
	s->io.done = done;
	s->io.flags = op == NVMETLS_WRITE && off % 3 == 0 ? NVMETLS_FUA : 0;
	if (op == NVMETLS_READ || op == NVMETLS_WRITE) {
		s->io.buf = s->mem;
		if (blocks > 2) { /* scattered, cut where no boundary is */
			s->iov[0] = (struct iovec){ s->mem, 100 };
			s->iov[1] = (struct iovec){ s->mem + 100, s->bytes / 2 };
			s->iov[2] = (struct iovec){ s->mem + 100 + s->bytes / 2,
						    s->bytes - 100 - s->bytes / 2 };
			s->io.iov = s->iov;
			s->io.iov_count = 3;
		}
	}
	MUST(nvmetls_submit(q, &s->io) == 0);
}

static void reap(struct nvmetls_queue *q, int count)
{
	while (dones < count)
		MUST(nvmetls_poll(q, 5000) > 0);
	MUST(dones == count && last_status == 0);
	dones = 0;
}

/* Sizes below and above the capsule's, up to the largest. */
static uint32_t size_of(unsigned int i, const struct worker *w, uint32_t mdts)
{
	static const uint32_t bytes[] = { 512, 4096, 8192, 16384, 20480, 65536, 131072, 1048576 };
	uint32_t n = bytes[i % 8] < mdts ? bytes[i % 8] : mdts;

	return n < w->ns.block_bytes ? 1 : n / w->ns.block_bytes;
}

static void round_trip(struct worker *w, struct nvmetls_queue *q, struct slot *slots, int round,
		       uint32_t mdts)
{
	uint64_t area = (1u << 20) / w->ns.block_bytes;

	for (unsigned int i = 0; i < DEPTH / 4; i++) {
		struct slot *s = &slots[i];

		s->seed = w->index * 1000u + i + (unsigned int)round * 100;
		for (uint32_t k = 0; k < 1u << 20; k++)
			s->mem[k] = pattern(s->seed, k);
		start(q, s, NVMETLS_WRITE, w, i * area, size_of(i, w, mdts));
	}
	reap(q, DEPTH / 4);
	for (unsigned int i = 0; i < DEPTH / 4; i++) {
		memset(slots[i].mem, 0xee, 1u << 20);
		start(q, &slots[i], NVMETLS_READ, w, i * area, size_of(i, w, mdts));
	}
	reap(q, DEPTH / 4);
	for (unsigned int i = 0; i < DEPTH / 4; i++)
		for (uint32_t k = 0; k < slots[i].bytes; k++)
			MUST(slots[i].mem[k] == pattern(slots[i].seed, k));
}

static void zeroed(struct worker *w, struct nvmetls_queue *q, struct slot *s, enum nvmetls_op op)
{
	uint32_t blocks = 65536 / w->ns.block_bytes;

	memset(s->mem, 0x55, 65536);
	start(q, s, NVMETLS_WRITE, w, 0, blocks);
	reap(q, 1);
	start(q, s, op, w, 0, blocks);
	reap(q, 1);
	start(q, s, NVMETLS_FLUSH, w, 0, 0);
	reap(q, 1);
	start(q, s, NVMETLS_READ, w, 0, blocks);
	reap(q, 1);
	for (uint32_t k = 0; k < 65536; k++)
		MUST(s->mem[k] == 0);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct nvmetls_queue *q = nvmetls_get_queue(w->c, w->index);
	static _Thread_local struct slot slots[DEPTH / 4];
	struct nvmetls_info info;

	nvmetls_get_info(w->c, &info);
	for (int i = 0; i < DEPTH / 4; i++)
		MUST((slots[i].mem = malloc(1u << 20)));
	for (int round = 0; round < 3; round++)
		round_trip(w, q, slots, round, info.mdts_bytes);
	zeroed(w, q, &slots[0], NVMETLS_WRITE_ZEROES);
	zeroed(w, q, &slots[0], NVMETLS_DEALLOCATE);
	for (int i = 0; i < DEPTH / 4; i++)
		free(slots[i].mem);
	__atomic_fetch_add(&finished, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void verify_with(struct nvmetls_options *o)
{
	struct nvmetls *c = connected(o);
	struct worker w[QUEUES];
	struct nvmetls_info info;

	nvmetls_get_info(c, &info);
	MUST(info.io_queues == QUEUES && info.cntlid != 0 && !info.discovery);
	MUST(info.tls == (o->tls == NVMETLS_TLS_REQUIRED));
	MUST(!info.tls || (info.identity[0] && info.cipher[0] && info.group[0]));
	finished = 0;
	for (unsigned int i = 0; i < QUEUES; i++) {
		w[i] = (struct worker){ .c = c, .index = i };
		MUST(nvmetls_namespace(c, NSID, &w[i].ns) == 0);
		MUST(w[i].ns.can_deallocate && w[i].ns.can_write_zeroes && !w[i].ns.read_only);
		w[i].base = w[i].ns.blocks / QUEUES * i;
		MUST(pthread_create(&w[i].thread, NULL, work, &w[i]) == 0);
	}
	for (unsigned int i = 0; i < QUEUES; i++)
		pthread_join(w[i].thread, NULL);
	MUST(finished == QUEUES);
	if (o->rekey_bytes && info.tls) {
		struct nvmetls_info later;

		nvmetls_get_info(c, &later);
		MUST(serve == NVMETLS_SERVE_CALLER || later.key_updates_sent > 0);
	}
	MUST(nvmetls_state(c, NULL) == 0);
	nvmetls_disconnect(c);
}

static void verify(void)
{
	struct nvmetls_options o = options(QUEUES);

	o.queue_size = DEPTH + 1;
	verify_with(&o);
	o.hdr_digest = o.data_digest = true;
	o.rekey_bytes = 1 << 20;
	verify_with(&o);
	o.hdr_digest = false;
	o.disable_sqflow = true;
	o.spin_us = 0;
	verify_with(&o);
}

/* --- idle: keep-alive goes on while the caller sleeps, three times KATO --- */

static void read_one(struct nvmetls_queue *q)
{
	static uint8_t b[4096];
	struct nvmetls_io io = {
		.op = NVMETLS_READ, .nsid = NSID, .blocks = 1, .buf = b, .done = done
	};

	dones = 0;
	MUST(nvmetls_submit(q, &io) == 0);
	reap(q, 1);
}

static void idle(void)
{
	struct nvmetls_options o = options(2);
	struct nvmetls *c;

	o.keep_alive_ms = 1000;
	c = connected(&o);
	read_one(nvmetls_get_queue(c, 0)); /* the other queue is never used */
	usleep(3500 * 1000);
	MUST(nvmetls_state(c, NULL) == 0);
	read_one(nvmetls_get_queue(c, 0));
	read_one(nvmetls_get_queue(c, 1));
	nvmetls_disconnect(c);
}

/* --- forks: the child may only let go, and may connect anew --- */

static int child(struct nvmetls *c)
{
	struct nvmetls_queue *q = nvmetls_get_queue(c, 0);
	struct nvmetls_options o = options(1);
	struct nvmetls_io io = { .op = NVMETLS_FLUSH, .nsid = NSID, .done = done };
	struct nvmetls_error e;
	struct nvmetls_ns ns;
	struct nvmetls *own;
	uint64_t cap;

	MUST(nvmetls_submit(q, &io) == -ECHILD);
	MUST(nvmetls_poll(q, 0) == -ECHILD);
	MUST(nvmetls_fd(q) == -ECHILD);
	MUST(nvmetls_state(c, &e) == -ECHILD);
	MUST(nvmetls_namespace(c, NSID, &ns) == -ECHILD);
	MUST(nvmetls_property_get(c, 0, true, &cap) == -ECHILD);
	MUST(nvmetls_rw(c, NVMETLS_FLUSH, 0, NSID, 0, 0, NULL) == -ECHILD);
	nvmetls_disconnect(c);
	own = connected(&o);
	read_one(nvmetls_get_queue(own, 0));
	nvmetls_disconnect(own);
	return 0;
}

static void forks(void)
{
	struct nvmetls_options o = options(1);
	struct nvmetls *c = connected(&o);
	struct nvmetls_queue *q = nvmetls_get_queue(c, 0);
	pid_t pid;
	int status;

	read_one(q);
	pid = fork();
	MUST(pid >= 0);
	if (pid == 0)
		_exit(child(c)); /* what OpenSSL keeps for threads that are not here is no leak of ours */
	MUST(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	/* the parent has noticed nothing */
	for (int i = 0; i < 10; i++)
		read_one(q);
	MUST(nvmetls_state(c, NULL) == 0);
	nvmetls_disconnect(c);
}

/* --- fd: an event loop that sleeps on the descriptor, with poll never waiting itself --- */

static bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

static void fd(void)
{
	struct nvmetls_options o = options(1);
	struct nvmetls *c = connected(&o);
	struct nvmetls_queue *q = nvmetls_get_queue(c, 0);
	struct nvmetls_io io[8];
	static uint8_t b[8][65536];
	int f;

	for (int round = 0; round < 200; round++) {
		dones = 0;
		f = nvmetls_fd(q);
		MUST(f >= 0);
		for (int i = 0; i < 8; i++) {
			io[i] = (struct nvmetls_io){ .op = i & 1 ? NVMETLS_READ : NVMETLS_WRITE,
						     .nsid = NSID, .buf = b[i], .done = done };
			io[i].blocks = round % 2 ? 1 : 128;
			MUST(nvmetls_submit(q, &io[i]) == 0);
		}
		while (dones < 8) {
			MUST(readable(f, 5000));
			MUST(nvmetls_poll(q, 0) >= 0);
		}
		MUST(last_status == 0);
	}
	/* nothing to do: after a look or two it is quiet (the last signal may still be on its way) */
	usleep(50 * 1000);
	for (int i = 0; i < 20 && readable(f, 0); i++)
		MUST(nvmetls_poll(q, 0) == 0);
	MUST(!readable(f, 50));
	nvmetls_disconnect(c);
}

/* --- rules: what is refused --- */

static void *other_thread(void *arg)
{
	struct nvmetls_queue *q = arg;
	struct nvmetls_io io = { .op = NVMETLS_FLUSH, .nsid = NSID, .done = done };

	MUST(nvmetls_poll(q, 0) == -EPERM);
	MUST(nvmetls_submit(q, &io) == -EPERM);
	return NULL;
}

static void refusals(struct nvmetls *c, struct nvmetls_queue *q)
{
	static uint8_t b[4096];
	static const struct nvmetls_io good = {
		.op = NVMETLS_READ, .nsid = NSID, .blocks = 1, .buf = b, .done = done
	};
	struct nvmetls_io io = good;
	struct nvmetls_info info;

	nvmetls_get_info(c, &info);
	io.blocks = 0;
	MUST(nvmetls_submit(q, &io) == -EINVAL);
	io.blocks = 65537;
	MUST(nvmetls_submit(q, &io) == -EINVAL);
	io = good;
	io.buf = NULL;
	MUST(nvmetls_submit(q, &io) == -EINVAL);
	io = good;
	io.flags = 8;
	MUST(nvmetls_submit(q, &io) == -EINVAL);
	io = good;
	io.iov = &(struct iovec){ b, 100 };
	io.iov_count = 1;
	MUST(nvmetls_submit(q, &io) == -EINVAL);
	io = good;
	io.nsid = 77;
	MUST(nvmetls_submit(q, &io) == -EINVAL);
	io = good;
	io.blocks = 1 + info.mdts_bytes / 512;
	MUST(nvmetls_submit(q, &io) == -EINVAL);
	/* the controller's own no */
	io = good;
	io.slba = 1ull << 60;
	dones = 0;
	MUST(nvmetls_submit(q, &io) == 0);
	while (dones == 0)
		MUST(nvmetls_poll(q, 5000) >= 0);
	MUST(last_status == 0x080);
}

static void depth(struct nvmetls_queue *q, unsigned int most)
{
	static struct nvmetls_io io[64];

	dones = 0;
	for (unsigned int i = 0; i < most; i++) {
		io[i] = (struct nvmetls_io){ .op = NVMETLS_FLUSH, .nsid = NSID, .done = done };
		MUST(nvmetls_submit(q, &io[i]) == 0);
	}
	io[most] = (struct nvmetls_io){ .op = NVMETLS_FLUSH, .nsid = NSID, .done = done };
	MUST(nvmetls_submit(q, &io[most]) == -EAGAIN);
	reap(q, (int)most);
}

static void rules(void)
{
	struct nvmetls_options o = options(1), bad;
	struct nvmetls *c = NULL;
	struct nvmetls_error e;
	struct nvmetls_queue *q;
	pthread_t t;
	uint64_t v;

	bad = o;
	bad.size--;
	MUST(nvmetls_connect(&bad, &c, &e) == -EINVAL && !c && e.message[0]);
	bad = o;
	bad.subsysnqn = "subsystem";
	MUST(nvmetls_connect(&bad, &c, &e) == -EINVAL && !c);
	bad = o;
	bad.subsysnqn = "nqn.unknown";
	bad.tls = NVMETLS_TLS_OFF;
	MUST(nvmetls_connect(&bad, &c, &e) != 0 && !c && e.cause[0] && e.hint[0]);
	o.queue_size = DEPTH;
	c = connected(&o);
	q = nvmetls_get_queue(c, 0);
	MUST(!nvmetls_get_queue(c, 1));
	MUST(nvmetls_poll(q, 0) == 0 && nvmetls_poll(q, -1) == 0);
	refusals(c, q);
	depth(q, DEPTH - 1);
	MUST(pthread_create(&t, NULL, other_thread, q) == 0);
	pthread_join(t, NULL);
	MUST(nvmetls_property_get(c, 0, true, &v) == 0 && (v & 0xffff) >= 15);
	MUST(nvmetls_property_get(c, 0x14, false, &v) == 0 && v & 1);
	MUST(nvmetls_property_get(c, 0x1000, false, &v) == 0x002);
	if (serve == NVMETLS_SERVE_CALLER)
		MUST(nvmetls_rw(c, NVMETLS_FLUSH, 0, NSID, 0, 0, NULL) == -ENOTSUP);
	else
		MUST(nvmetls_rw(c, NVMETLS_FLUSH, 0, NSID, 0, 0, NULL) == 0);
	nvmetls_disconnect(c);
}

/* --- lost: the target is killed (TARGET: its pid) while I/O is outstanding --- */

static void lost(void)
{
	struct nvmetls_options o = options(2);
	struct nvmetls *c = connected(&o);
	struct nvmetls_queue *q = nvmetls_get_queue(c, 0);
	static uint8_t b[DEPTH][4096];
	static struct nvmetls_io io[DEPTH];
	struct nvmetls_error e;
	int rc;

	read_one(q);
	MUST(kill((pid_t)strtol(getenv("TARGET"), NULL, 10), SIGSTOP) == 0);
	usleep(100 * 1000); /* until all of its threads stand still */
	dones = 0;
	for (int i = 0; i < DEPTH; i++) {
		io[i] = (struct nvmetls_io){
			.op = NVMETLS_READ, .nsid = NSID, .blocks = 1, .buf = b[i], .done = done
		};
		MUST(nvmetls_submit(q, &io[i]) == 0);
	}
	MUST(nvmetls_poll(q, 100) == 0);
	MUST(kill((pid_t)strtol(getenv("TARGET"), NULL, 10), SIGKILL) == 0);
	while (dones < DEPTH) {
		rc = nvmetls_poll(q, 5000);
		MUST(rc > 0);
	}
	MUST(dones == DEPTH && last_status == -ENOTCONN);
	for (int i = 0; nvmetls_state(c, &e) == 0; i++) {
		MUST(i < 500);
		nvmetls_poll(q, 0);
		usleep(10000);
	}
	MUST(strcmp(e.cause, "peer-reset") == 0 || strcmp(e.cause, "peer-closed") == 0);
	MUST(nvmetls_poll(q, -1) == -ENOTCONN);
	MUST(nvmetls_submit(q, &io[0]) == -ENOTCONN);
	MUST(nvmetls_rw(c, NVMETLS_FLUSH, 0, NSID, 0, 0, NULL) < 0);
	nvmetls_disconnect(c);
}

/* --- survive: the target is killed and started again while I/O is under way --- */

static int events[NVMETLS_EVENT_NS_REFUSED + 1];

static void notify(void *user, const struct nvmetls_event *e)
{
	MUST(user == events);
	MUST((e->error.cause[0] != 0) == (e->kind != NVMETLS_EVENT_RECONNECTED));
	__atomic_fetch_add(&events[e->kind], 1, __ATOMIC_SEQ_CST);
}

static int happened(enum nvmetls_event_kind kind)
{
	return __atomic_load_n(&events[kind], __ATOMIC_SEQ_CST);
}

/* Write, read back, compare; a flush in between, the synchronous way where there is one. */
static void write_and_read(struct worker *w, struct nvmetls_queue *q, struct slot *slots, int round)
{
	round_trip(w, q, slots, round, 65536);
	if (serve == NVMETLS_SERVE_THREAD) {
		MUST(nvmetls_rw(w->c, NVMETLS_FLUSH, 0, NSID, 0, 0, NULL) == 0);
	} else {
		start(q, &slots[0], NVMETLS_FLUSH, w, 0, 0);
		reap(q, 1);
	}
}

/* LOSSES: how often it is to be lost. */
static void survive(void)
{
	int losses = (int)strtol(getenv("LOSSES"), NULL, 10);
	static struct slot slots[DEPTH / 4];
	struct nvmetls_options o = options(2);
	struct worker w = { .index = 0 };
	struct nvmetls_queue *q;

	o.reconnect_delay_ms = 200;
	o.notify = notify;
	o.notify_user = events;
	w.c = connected(&o);
	MUST(nvmetls_namespace(w.c, NSID, &w.ns) == 0);
	q = nvmetls_get_queue(w.c, 1);
	for (int i = 0; i < DEPTH / 4; i++)
		MUST((slots[i].mem = malloc(1u << 20)));
	for (int round = 0; happened(NVMETLS_EVENT_RECONNECTED) < losses; round++)
		write_and_read(&w, q, slots, round);
	write_and_read(&w, q, slots, 9999);
	MUST(happened(NVMETLS_EVENT_LOST) == losses && happened(NVMETLS_EVENT_GIVEN_UP) == 0);
	MUST(nvmetls_state(w.c, NULL) == 0);
	nvmetls_disconnect(w.c);
}

/* --- waits: I/O that waits for a target that is gone is given back by a disconnect --- */

static void waits(void)
{
	static uint8_t b[DEPTH][4096];
	static struct nvmetls_io io[DEPTH];
	struct nvmetls_options o = options(2);
	struct nvmetls_error e;
	struct nvmetls_queue *q;
	struct nvmetls *c;

	o.reconnect_delay_ms = 100;
	o.notify = notify;
	o.notify_user = events;
	c = connected(&o);
	q = nvmetls_get_queue(c, 0);
	read_one(q);
	MUST(kill((pid_t)strtol(getenv("TARGET"), NULL, 10), SIGKILL) == 0);
	dones = 0;
	for (int i = 0; i < DEPTH; i++) {
		io[i] = (struct nvmetls_io){
			.op = NVMETLS_READ, .nsid = NSID, .blocks = 1, .buf = b[i], .done = done
		};
		MUST(nvmetls_submit(q, &io[i]) == 0);
	}
	while (happened(NVMETLS_EVENT_RETRY_FAILED) < 2)
		MUST(nvmetls_poll(q, 50) == 0);
	MUST(nvmetls_state(c, &e) == -EAGAIN && e.err == -EAGAIN && e.cause[0]);
	MUST(dones == 0);
	nvmetls_disconnect(c);
	MUST(dones == DEPTH && last_status == -ECANCELED);
}

/* --- cancel: disconnect with I/O outstanding --- */

static void cancel(void)
{
	struct nvmetls_options o = options(1);
	struct nvmetls *c = connected(&o);
	struct nvmetls_queue *q = nvmetls_get_queue(c, 0);
	static uint8_t b[8][1 << 20];
	static struct nvmetls_io io[8];

	read_one(q);
	dones = 0;
	for (int i = 0; i < 8; i++) {
		io[i] = (struct nvmetls_io){
			.op = NVMETLS_WRITE, .nsid = NSID, .blocks = 2048, .buf = b[i], .done = done
		};
		MUST(nvmetls_submit(q, &io[i]) == 0);
	}
	nvmetls_disconnect(c);
	MUST(dones == 8 && (last_status == 0 || last_status == -ECANCELED));
}

static void discover(void)
{
	struct nvmetls_options o = options(0);
	struct nvmetls_discovery *d = NULL;
	struct nvmetls_error e;

	o.subsysnqn = NULL;
	if (nvmetls_discover(&o, &d, &e)) {
		fprintf(stderr, "client-library: %s: %s\n", e.cause, e.message);
		exit(1);
	}
	MUST(d->count == 2);
	MUST(d->record[0].subtype == 3 && strcmp(d->record[0].subnqn, NVMETLS_DISCOVERY_NQN) == 0);
	MUST(d->record[1].subtype == 2 && strcmp(d->record[1].subnqn, "nqn.test") == 0);
	for (size_t i = 0; i < d->count; i++) {
		MUST(strcmp(d->record[i].traddr, getenv("A")) == 0);
		MUST(strcmp(d->record[i].trsvcid, getenv("S")) == 0);
		MUST(d->record[i].trtype == 3 && d->record[i].adrfam == 1);
		MUST(d->record[i].sectype == (o.tls ? 2 : 0));
	}
	nvmetls_discovery_free(d);
}

/* --- causes: peers that do not behave, each with its name --- */

static const struct peer {
	const char *what;
	bool tls;
	bool closes;	    /* else it is silent */
	const char *answer; /* after the host's first bytes: "ic", "http" or NULL */
	const char *cause;
} peers[] = {
	{ "says nothing", false, false, NULL, "icreq-timeout" },
	{ "says nothing to TLS", true, false, NULL, "handshake-timeout" },
	{ "closes", false, true, NULL, "closed-after-icreq" },
	{ "closes TLS", true, true, NULL, "closed-after-clienthello" },
	{ "another protocol", false, false, "http", "pdu-invalid" },
	{ "another protocol, TLS", true, false, "http", "not-nvme-tcp" },
	{ "never answers Connect", false, false, "ic", "connect-timeout" },
	{ "closes after ICResp", false, true, "ic", "peer-closed" },
	{ "speaks without TLS", true, false, "ic", "tls-on-plaintext-port" },
};

struct listener {
	const struct peer *peer;
	int fd;
};

static void *serve_one(void *arg)
{
	static const char http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	static const char ic[128] = { 1, 0, (char)128, 0, (char)128, 0, 0, 0, [13] = 16 };
	struct listener *l = arg;
	int fd = accept(l->fd, NULL, NULL);
	char b[2048];

	MUST(fd >= 0 && recv(fd, b, sizeof(b), 0) > 0);
	if (l->peer->answer && strcmp(l->peer->answer, "http") == 0)
		MUST(send(fd, http, sizeof(http) - 1, MSG_NOSIGNAL) > 0);
	else if (l->peer->answer)
		MUST(send(fd, ic, sizeof(ic), MSG_NOSIGNAL) > 0);
	if (l->peer->closes && l->peer->answer)
		MUST(recv(fd, b, sizeof(b), 0) > 0); /* Connect */
	while (!l->peer->closes && recv(fd, b, sizeof(b), 0) > 0)
		;
	close(fd);
	return NULL;
}

static void cause(const struct peer *p)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct listener l = { p, socket(AF_INET, SOCK_STREAM, 0) };
	struct nvmetls_options o = options(1);
	struct nvmetls *c = NULL;
	struct nvmetls_error e;
	socklen_t len = sizeof(a);
	pthread_t t;
	char port[8];

	MUST(bind(l.fd, (struct sockaddr *)&a, len) == 0 && listen(l.fd, 1) == 0);
	MUST(getsockname(l.fd, (struct sockaddr *)&a, &len) == 0);
	snprintf(port, sizeof(port), "%u", ntohs(a.sin_port));
	o.traddr = "127.0.0.1";
	o.trsvcid = port;
	o.connect_timeout_ms = 300;
	o.tls = p->tls ? NVMETLS_TLS_REQUIRED : NVMETLS_TLS_OFF;
	o.tls_key = "NVMeTLSkey-1:01:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:";
	MUST(pthread_create(&t, NULL, serve_one, &l) == 0);
	MUST(nvmetls_connect(&o, &c, &e) != 0 && !c);
	pthread_join(t, NULL);
	close(l.fd);
	if (strcmp(e.cause, p->cause) == 0 && e.message[0] && e.hint[0])
		return;
	fprintf(stderr, "client-library: %s: %s, not %s: %s\n", p->what, e.cause, p->cause,
		e.message);
	exit(1);
}

static void causes(void)
{
	struct nvmetls_options o = options(1);
	struct nvmetls *c = NULL;
	struct nvmetls_error e;

	for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++)
		cause(&peers[i]);
	o.tls = NVMETLS_TLS_OFF;
	o.traddr = "127.0.0.1";
	o.trsvcid = "1";
	MUST(nvmetls_connect(&o, &c, &e) == -ECONNREFUSED);
	MUST(strcmp(e.cause, "connection-refused") == 0);
	o.traddr = "256.1.1.1.";
	MUST(nvmetls_connect(&o, &c, &e) != 0 && strcmp(e.cause, "address-invalid") == 0);
	o.traddr = "127.0.0.1";
	o.tls = NVMETLS_TLS_REQUIRED;
	o.subsysnqn = "nqn.without-a-key";
	MUST(nvmetls_connect(&o, &c, &e) == -ENOKEY && strcmp(e.cause, "psk-missing") == 0);
	o.tls_key = "NVMeTLSkey-1:01:AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:";
	MUST(nvmetls_connect(&o, &c, &e) == -EBADMSG && !strstr(e.message, "AQEC"));
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} verbs[] = {
		{ "verify", verify }, { "idle", idle },	    { "forks", forks },
		{ "fd", fd },	      { "rules", rules },   { "lost", lost },
		{ "cancel", cancel }, { "discover", discover }, { "causes", causes },
		{ "survive", survive }, { "waits", waits },
	};

	MUST(argc == 3);
	serve = strcmp(argv[2], "caller") == 0 ? NVMETLS_SERVE_CALLER : NVMETLS_SERVE_THREAD;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[1], verbs[i].name) == 0) {
			verbs[i].run();
			return 0;
		}
	return 2;
}
