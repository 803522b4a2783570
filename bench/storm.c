/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * storm - many hosts that connect to one target.
 *
 *	storm [--tls] [--connects N] [--over S] [--threads N] [--hold S] [--io-queues N] ADDR PORT SUBNQN HOSTNQN
 *
 * N connects evenly over S seconds (0: as fast as the threads can), each with the whole of what a host
 * does before its first I/O. Without --hold each disconnects at once; with it all stay, idle, for so long
 * after the last has connected. "up" on standard output says that they all are. Then one line of JSON.
 */
#include <err.h>
#include <getopt.h>
#include <nvmetls.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "cli/perf_hist.h"

#define THREADS_MAX  256u
#define CONNECTS_MAX 100000u

struct storm {
	struct nvmetls_options options;
	double over_s, hold_s;
	unsigned int connects, threads;
	uint64_t start_ns;
	atomic_uint next, failed;
	struct nvmetls **held;		/* by number of the connect */
	pthread_mutex_t lock;
	struct perf_hist latency;	/* of those that succeeded */
	char group[32];
	struct nvmetls_error first_error;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec t = { (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL))
		;
}

static void failed(struct storm *s, const struct nvmetls_error *e)
{
	if (atomic_fetch_add(&s->failed, 1) > 0)
		return;
	pthread_mutex_lock(&s->lock);
	s->first_error = *e;
	pthread_mutex_unlock(&s->lock);
}

static void succeeded(struct storm *s, struct nvmetls *c, uint64_t ns)
{
	struct nvmetls_info info;

	nvmetls_get_info(c, &info);
	pthread_mutex_lock(&s->lock);
	perf_hist_add(&s->latency, ns);
	memcpy(s->group, info.group, sizeof(s->group));
	pthread_mutex_unlock(&s->lock);
}

static void connect_one(struct storm *s, unsigned int i)
{
	uint64_t start = now_ns();
	struct nvmetls_error e;
	struct nvmetls *c;

	if (nvmetls_connect(&s->options, &c, &e)) {
		failed(s, &e);
		return;
	}
	succeeded(s, c, now_ns() - start);
	if (s->hold_s > 0)
		s->held[i] = c;
	else
		nvmetls_disconnect(c);
}

static void *worker(void *arg)
{
	struct storm *s = arg;

	for (;;) {
		unsigned int i = atomic_fetch_add(&s->next, 1);

		if (i >= s->connects)
			return NULL;
		sleep_until(s->start_ns + (uint64_t)(s->over_s * 1e9 / s->connects * i));
		connect_one(s, i);
	}
}

static void connect_all(struct storm *s)
{
	pthread_t threads[THREADS_MAX];

	s->start_ns = now_ns();
	for (unsigned int i = 0; i < s->threads; i++)
		if (pthread_create(&threads[i], NULL, worker, s))
			errx(1, "no thread");
	for (unsigned int i = 0; i < s->threads; i++)
		pthread_join(threads[i], NULL);
}

static void hold_all(struct storm *s)
{
	if (s->hold_s <= 0)
		return;
	printf("up\n");
	fflush(stdout);
	sleep_until(now_ns() + (uint64_t)(s->hold_s * 1e9));
	for (unsigned int i = 0; i < s->connects; i++) {
		if (s->held[i] && nvmetls_state(s->held[i], NULL))
			warnx("connection %u was lost", i);
		nvmetls_disconnect(s->held[i]);
	}
}

static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double ms(const struct storm *s, double percent)
{
	return (double)perf_hist_percentile(&s->latency, percent) / 1e6;
}

static int report(const struct storm *s, double seconds, double cpu)
{
	printf("{\"connects\": %u, \"failed\": %u, \"seconds\": %.4f, \"host_cpu_s\": %.4f, \"group\": "
	       "\"%s\", \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
	       s->connects, s->failed, seconds, cpu, s->group, ms(s, 50), ms(s, 99), ms(s, 100));
	if (s->failed)
		warnx("%s: %s", s->first_error.cause, s->first_error.message);
	return s->failed ? 1 : 0;
}

static unsigned int number(const char *text, unsigned int max)
{
	unsigned long v = strtoul(text, NULL, 10);

	if (v == 0 || v > max)
		errx(2, "%s: 1 to %u", text, max);
	return (unsigned int)v;
}

static void parse(struct storm *s, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "tls", no_argument, NULL, 't' },	      { "connects", required_argument, NULL, 'c' },
		{ "over", required_argument, NULL, 'o' },     { "threads", required_argument, NULL, 'n' },
		{ "hold", required_argument, NULL, 'h' },     { "io-queues", required_argument, NULL, 'q' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 't')
			s->options.tls = NVMETLS_TLS_REQUIRED;
		else if (c == 'c')
			s->connects = number(optarg, CONNECTS_MAX);
		else if (c == 'o')
			s->over_s = strtod(optarg, NULL);
		else if (c == 'n')
			s->threads = number(optarg, THREADS_MAX);
		else if (c == 'h')
			s->hold_s = strtod(optarg, NULL);
		else if (c == 'q')
			s->options.io_queues = (uint16_t)number(optarg, 64);
		else
			exit(2);
	}
	if (argc - optind != 4)
		errx(2, "wants ADDR PORT SUBNQN HOSTNQN");
	s->options.traddr = argv[optind];
	s->options.trsvcid = argv[optind + 1];
	s->options.subsysnqn = argv[optind + 2];
	s->options.hostnqn = argv[optind + 3];
}

int main(int argc, char **argv)
{
	static struct storm s = { .options = NVMETLS_OPTIONS_INIT,
				  .connects = 1000,
				  .threads = 16 };
	double seconds, cpu;

	s.options.io_queues = 0;
	parse(&s, argc, argv);
	s.held = calloc(s.connects, sizeof(struct nvmetls *));
	if (!s.held)
		errx(1, "out of memory");
	pthread_mutex_init(&s.lock, NULL);
	cpu = cpu_s();
	connect_all(&s);
	seconds = (double)(now_ns() - s.start_ns) / 1e9;
	cpu = cpu_s() - cpu;
	hold_all(&s);
	free(s.held);
	return report(&s, seconds, cpu);
}
