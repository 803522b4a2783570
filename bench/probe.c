/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe - what this machine allows: two processes on a CPU each, one loopback TCP connection, the
 * TLS records of NVMe/TCP and the fastest AES-GCM at hand, but no protocol. What nvmetls reaches
 * is to be seen beside it.
 *
 * stream: 16 KiB records from the server to the client. rr: requests of one small record each,
 * --qd of them under way, and a response of one record of 4 KiB and the headers around it.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/perf_hist.h"
#include "probe_link.h"

#define REQUEST_LEN  72u			/* a command capsule */
#define RESPONSE_LEN (24u + 4096u + 24u)	/* C2HData's header, data, response capsule */
#define STREAM_LEN   LINK_MESSAGE_MAX
#define QD_MAX	     1024u

struct options {
	bool stream, tls;
	enum aead_alg alg;
	uint32_t qd, spin_us;
	double seconds;
	size_t send, recv;	/* bytes of one call */
	uint64_t span;		/* bytes of memory that the responses are read from */
	int server_cpu, client_cpu;	/* -1: not pinned */
};

/* What one process used while it was measured. */
struct usage {
	uint64_t cpu_us, sends, recvs;
};

/* Shared by the two. */
struct result {
	struct usage server, client;
	uint64_t ops, bytes, ns;
	struct perf_hist latency;
};

/* One process's end. */
struct side {
	const struct options *o;
	struct link *link;
	struct result *result;
};

static uint64_t cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000u +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void used(struct usage *ret, const struct link *l, uint64_t cpu_before_us)
{
	*ret = (struct usage){ cpu_us() - cpu_before_us, l->sends, l->recvs };
}

static void pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "CPU %d", cpu);
}

/* ---- the server ---- */

static void serve_stream(struct side *s, const uint8_t *data, size_t count)
{
	uint64_t end = link_now_ns() + (uint64_t)(s->o->seconds * 1e9);

	for (size_t i = 0; link_now_ns() < end; i = (i + 1) % count)
		link_put(s->link, data + i * (STREAM_LEN + 1), STREAM_LEN);
	link_flush(s->link);
}

static void serve_requests(struct side *s, const uint8_t *data, size_t count)
{
	uint8_t request[REQUEST_LEN + 1];
	size_t i = 0;

	while (link_fill(s->link)) {
		while (link_take(s->link, request)) {
			link_put(s->link, data + i * (RESPONSE_LEN + 1), RESPONSE_LEN);
			i = i + 1 < count ? i + 1 : 0;
		}
		link_flush(s->link);
	}
}

static void serve(struct side *s)
{
	size_t len = s->o->stream ? STREAM_LEN : RESPONSE_LEN;
	size_t count = max_u64(s->o->span / len, 1);
	uint8_t *data = link_messages(len, count);
	uint64_t cpu = cpu_us();

	(s->o->stream ? serve_stream : serve_requests)(s, data, count);
	used(&s->result->server, s->link, cpu);
	free(data);
}

/* ---- the client ---- */

static void receive_stream(struct side *s, uint8_t *dst)
{
	uint64_t n = 0, start, cpu;

	if (!link_fill(s->link))
		errx(1, "the server closed at once");
	start = link_now_ns();
	cpu = cpu_us();
	do {
		while (link_take(s->link, dst + n % 16 * (STREAM_LEN + 1)))
			n++;
	} while (link_fill(s->link));
	s->result->ns = link_now_ns() - start;
	s->result->ops = n;
	s->result->bytes = n * STREAM_LEN;
	used(&s->result->client, s->link, cpu);
}

/* Responses come in order, so that the times of the requests are a ring. */
struct window {
	uint64_t sent_ns[QD_MAX];
	uint64_t sent, taken;
};

static void request(struct side *s, struct window *w, const uint8_t *msg, uint64_t count,
		    uint64_t now)
{
	while (count-- > 0) {
		w->sent_ns[w->sent++ % QD_MAX] = now;
		link_put(s->link, msg, REQUEST_LEN);
	}
	link_flush(s->link);
}

/* All responses that are there: how many. */
static uint64_t take_all(struct side *s, struct window *w, uint8_t *dst, uint64_t *ret_now)
{
	uint64_t before = w->taken;

	while (link_take(s->link, dst + w->taken % s->o->qd * (RESPONSE_LEN + 1)))
		w->taken++;
	*ret_now = link_now_ns();
	for (uint64_t i = before; i < w->taken; i++)
		perf_hist_add(&s->result->latency, *ret_now - w->sent_ns[i % QD_MAX]);
	return w->taken - before;
}

static void ask(struct side *s, uint8_t *dst)
{
	uint8_t *msg = link_messages(REQUEST_LEN, 1);
	struct window w = { .sent = 0 };
	uint64_t cpu = cpu_us(), start = link_now_ns(), now = start;
	uint64_t end = start + (uint64_t)(s->o->seconds * 1e9);

	request(s, &w, msg, s->o->qd, start);
	while (w.taken < w.sent) {
		uint64_t n;

		if (!link_fill(s->link))
			errx(1, "the server closed");
		n = take_all(s, &w, dst, &now);
		if (n && now < end)
			request(s, &w, msg, n, now);
	}
	s->result->ns = now - start;
	s->result->ops = w.taken;
	s->result->bytes = w.taken * 4096;
	used(&s->result->client, s->link, cpu);
	free(msg);
}

static void measure(struct side *s)
{
	uint8_t *dst = link_messages(STREAM_LEN, s->o->stream ? 16 : s->o->qd);

	(s->o->stream ? receive_stream : ask)(s, dst);
	free(dst);
}

/* ---- two processes ---- */

static void connect_pair(int fd[2], char congestion[16])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int door = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(a);

	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	link_congestion(door, congestion);
	link_congestion(fd[0], congestion);
	if (bind(door, (struct sockaddr *)&a, sizeof(a)) || listen(door, 1) ||
	    getsockname(door, (struct sockaddr *)&a, &len) ||
	    connect(fd[0], (struct sockaddr *)&a, sizeof(a)))
		err(1, "loopback");
	fd[1] = accept(door, NULL, NULL);
	if (fd[1] < 0)
		err(1, "accept");
	close(door);
}

static void run_side(const struct options *o, bool server, int fd, const struct link_key keys[2],
		     struct result *r)
{
	struct link_config c = {
		.tls = o->tls,
		.alg = o->alg,
		.tx = keys[server],
		.rx = keys[!server],
		.rx_len = server ? REQUEST_LEN : o->stream ? STREAM_LEN : RESPONSE_LEN,
		.spin_us = o->spin_us,
		.out_max = o->send,
		.in_max = o->recv,
	};
	struct side s = { o, link_new(fd, &c), r };

	pin(server ? o->server_cpu : o->client_cpu);
	(server ? serve : measure)(&s);
	link_free(s.link);
}

static void run(const struct options *o, struct result *r, char congestion[16])
{
	struct link_key keys[2];
	int fd[2], status;
	pid_t child;

	if (getrandom(keys, sizeof(keys), 0) != sizeof(keys))
		err(1, "getrandom");
	connect_pair(fd, congestion);
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fd[0]);
		run_side(o, true, fd[1], keys, r);
		_exit(0);
	}
	close(fd[1]);
	run_side(o, false, fd[0], keys, r);
	if (waitpid(child, &status, 0) != child || status)
		errx(1, "the server failed");
}

/* ---- options and report ---- */

static void print_usage(const char *name, const struct usage *u, uint64_t ops)
{
	double n = ops ? (double)ops : 1;

	printf(", \"%s_cpu_us\": %.4f, \"%s_syscalls\": %.4f", name, (double)u->cpu_us / n, name,
	       (double)(u->sends + u->recvs) / n);
}

static void print_result(const struct options *o, const struct result *r, const char *congestion)
{
	double s = (double)r->ns / 1e9;

	printf("{\"mode\": \"%s\", \"tls\": \"%s\", \"qd\": %" PRIu32 ", \"congestion\": \"%s\", "
	       "\"crypto\": \"%s\", \"seconds\": %.4f, \"iops\": %.1f, \"mib_s\": %.2f",
	       o->stream ? "stream" : "rr",
	       !o->tls ? "none" : o->alg == AEAD_AES_128_GCM ? "aes128" : "aes256",
	       o->stream ? 0 : o->qd, congestion, aead_provider(), s, (double)r->ops / s,
	       (double)r->bytes / s / (1 << 20));
	print_usage("host", &r->client, r->ops);
	print_usage("target", &r->server, r->ops);
	if (!o->stream)
		printf(", \"p50_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f",
		       (double)perf_hist_percentile(&r->latency, 50) / 1e3,
		       (double)perf_hist_percentile(&r->latency, 99) / 1e3,
		       (double)perf_hist_percentile(&r->latency, 99.9) / 1e3);
	printf("}\n");
}

static int usage(FILE *to, int status)
{
	fputs("usage: probe [options]: the limit of this machine, as one line of JSON\n"
	      "  --mode stream|rr          16 KiB records, or 4 KiB responses to requests (rr)\n"
	      "  --qd N                    requests under way (32)\n"
	      "  --tls none|aes128|aes256  (aes128)\n"
	      "  --seconds S               (2)\n"
	      "  --cpus SERVER,CLIENT      pin the two processes\n"
	      "  --spin-us N               before sleeping (50)\n"
	      "  --send BYTES, --recv BYTES  of one call, at most (131072)\n"
	      "  --span BYTES              memory that is sent from (262144: what a cache holds)\n",
	      to);
	return status;
}

static bool batch(const char *text, size_t *ret)
{
	*ret = strtoul(text, NULL, 10);
	return *ret >= 2 * LINK_MESSAGE_MAX && *ret <= LINK_BATCH_MAX;
}

static bool parse_one(struct options *o, int c, const char *text)
{
	switch (c) {
	case 'm':
		o->stream = strcmp(text, "stream") == 0;
		return o->stream || strcmp(text, "rr") == 0;
	case 'q':
		o->qd = (uint32_t)strtoul(text, NULL, 10);
		return o->qd >= 1 && o->qd <= QD_MAX;
	case 't':
		o->tls = strcmp(text, "none") != 0;
		o->alg = strcmp(text, "aes256") == 0 ? AEAD_AES_256_GCM : AEAD_AES_128_GCM;
		return !o->tls || strcmp(text, "aes128") == 0 || strcmp(text, "aes256") == 0;
	case 's':
		o->seconds = strtod(text, NULL);
		return o->seconds > 0 && o->seconds < 1e6;
	case 'c':
		return sscanf(text, "%d,%d", &o->server_cpu, &o->client_cpu) == 2;
	case 'p':
		o->spin_us = (uint32_t)strtoul(text, NULL, 10);
		return true;
	case 'o':
		return batch(text, &o->send);
	case 'i':
		return batch(text, &o->recv);
	default:
		o->span = strtoull(text, NULL, 10);
		return o->span > 0 && o->span <= UINT64_C(1) << 32;
	}
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "mode", required_argument, NULL, 'm' },    { "qd", required_argument, NULL, 'q' },
		{ "tls", required_argument, NULL, 't' },     { "seconds", required_argument, NULL, 's' },
		{ "cpus", required_argument, NULL, 'c' },    { "spin-us", required_argument, NULL, 'p' },
		{ "send", required_argument, NULL, 'o' },    { "recv", required_argument, NULL, 'i' },
		{ "span", required_argument, NULL, 'n' },    { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct options o = { .tls = true,
			     .qd = 32,
			     .spin_us = 50,
			     .seconds = 2,
			     .span = 256 << 10,
			     .send = 128 << 10,
			     .recv = 128 << 10,
			     .server_cpu = -1,
			     .client_cpu = -1 };
	char congestion[16];
	struct result *r;
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'h')
			return usage(stdout, 0);
		if (c == '?' || !parse_one(&o, c, optarg))
			return usage(stderr, 2);
	}
	if (optind < argc)
		return usage(stderr, 2);
	aead_setup(getenv("NVMETLS_CRYPTO"));
	r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r == MAP_FAILED)
		err(1, "mmap");
	run(&o, r, congestion);
	print_result(&o, r, congestion);
	return 0;
}
