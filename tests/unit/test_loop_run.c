/* SPDX-License-Identifier: BSD-3-Clause */
/* Loops on both kinds: files, timers, posts, jobs, the caller's own thread, the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/pool.h"
#include "loop/loop.h"

#define FILE_BYTES (4u << 20)
#define PIECES	   3000 /* more than one system call takes */
#define POSTERS	   4
#define POSTS	   25000
#define TIMERS	   40
#define JOBS	   200

static struct loops *pool;
static struct loop *loop;
static struct world *w;

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* A loop for this thread, with or without somebody else's worker pool. */
static void setup(enum loop_kind kind, bool with_pool)
{
	struct loop_config config = { .kind = kind,
				      .threads = 1,
				      .workers = 2,
				      .buf_count = 2,
				      .jobs_max = 3,
				      .cpu_first = -1 };
	char why[256];

	pool = NULL;
	if (with_pool)
		assert_int_equal(loops_new(&config, &pool, why, sizeof(why)), 0);
	assert_int_equal(loop_new(&config, pool, &loop), 0);
	w = loop_world(loop);
	assert_string_equal(w->ops->name, kind == LOOP_URING ? "uring" : "epoll");
}

static void teardown(void)
{
	loop_free(loop);
	loops_free(pool);
}

/* Run until *@what is @value. */
static void run_until(const uint32_t *what, uint32_t value)
{
	uint64_t give_up = clock_ns() + 10 * NS_PER_SEC;

	while (*what < value && clock_ns() < give_up)
		loop_run_once(loop, 10 * NS_PER_MS);
	assert_int_equal(*what, value);
}

static void test_memory(void **state)
{
	setup(*(enum loop_kind *)*state, false);
	memset(w->rx - WORLD_RX_HEADROOM, 1, WORLD_RX_HEADROOM + w->rx_bytes);
	assert_int_equal(w->rx_bytes, 128u << 10);
	for (int i = 0; i < 2; i++) {
		void *buf = pool_get(w->buffers);

		assert_non_null(buf);
		memset(buf, i, w->buffers->buf_bytes);
		pool_put(w->buffers, buf);
	}
	teardown();
}

static uint32_t ios_done;

static void io_done(struct world *in, struct world_io *io)
{
	(void)io;
	assert_ptr_equal(in, w);
	ios_done++;
}

static int do_io(struct world_io io)
{
	static struct world_io the_io;

	the_io = io;
	the_io.done = io_done;
	ios_done = 0;
	world_io_submit(w, &the_io);
	assert_int_equal(ios_done, 0); /* never from inside */
	run_until(&ios_done, 1);
	return the_io.result;
}

static int temp_file(void)
{
	char name[] = "/tmp/test-loop-XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	unlink(name);
	return fd;
}

static void check_file(int fd, const uint8_t *want, size_t len)
{
	uint8_t *got = malloc(len);

	assert_int_equal(pread(fd, got, len, 0), len);
	assert_memory_equal(got, want, len);
	free(got);
}

static void file_ops(int fd, uint8_t *data, uint8_t *back)
{
	struct world_io io = { .fd = fd, .dsync = true };
	static struct iovec iov[PIECES];
	int rc;

	/* uneven pieces, written at once */
	for (size_t i = 0, at = 0; i < PIECES; i++) {
		size_t len = i + 1 < PIECES ? 1 + i % 1300 : FILE_BYTES - at;

		iov[i] = (struct iovec){ data + at, len };
		at += len;
	}
	io.op = WORLD_IO_WRITE;
	io.len = FILE_BYTES;
	io.iov = iov;
	io.iov_count = PIECES;
	assert_int_equal(do_io(io), 0);
	check_file(fd, data, FILE_BYTES);

	iov[0] = (struct iovec){ back, 100 };
	iov[1] = (struct iovec){ back + 100, FILE_BYTES - 100 - 512 };
	io = (struct world_io){ .op = WORLD_IO_READ,
				.fd = fd,
				.offset = 512,
				.iov = iov,
				.iov_count = 2,
				.len = FILE_BYTES - 512 };
	assert_int_equal(do_io(io), 0);
	assert_memory_equal(back, data + 512, FILE_BYTES - 512);

	/* the end of the file is not the end of the namespace */
	iov[0] = (struct iovec){ back, 1024 };
	io = (struct world_io){ .op = WORLD_IO_READ,
				.fd = fd,
				.offset = FILE_BYTES - 512,
				.iov = iov,
				.iov_count = 1,
				.len = 1024 };
	assert_int_equal(do_io(io), -EIO);

	io = (struct world_io){ .op = WORLD_IO_FDATASYNC, .fd = fd };
	assert_int_equal(do_io(io), 0);
	io = (struct world_io){ .op = WORLD_IO_PUNCH_HOLE, .fd = fd, .offset = 8192, .len = 65536 };
	assert_int_equal(do_io(io), 0);
	memset(data + 8192, 0, 65536);
	io = (struct world_io){
		.op = WORLD_IO_ZERO_RANGE, .fd = fd, .offset = 1 << 20, .len = 4096
	};
	rc = do_io(io);
	if (rc == 0)
		memset(data + (1 << 20), 0, 4096);
	else
		assert_int_equal(rc, -EOPNOTSUPP);
	check_file(fd, data, FILE_BYTES);
}

static void test_files(void **state)
{
	uint8_t *data = malloc(FILE_BYTES), *back = malloc(FILE_BYTES);

	for (int with_pool = 0; with_pool < 2; with_pool++) {
		int fd = temp_file();
		struct world_io bad = { .op = WORLD_IO_FDATASYNC, .fd = -1 };

		for (size_t i = 0; i < FILE_BYTES; i++)
			data[i] = (uint8_t)(i * 7 + (i >> 9));
		setup(*(enum loop_kind *)*state, with_pool);
		file_ops(fd, data, back);
		assert_int_equal(do_io(bad), -EBADF);
		teardown();
		close(fd);
	}
	free(data);
	free(back);
}

/* More reads at once than a submission queue holds. */
static void test_many_files(void **state)
{
	enum { IOS = 1000 };
	static struct world_io ios[IOS];
	static struct iovec iov[IOS];
	static uint8_t got[IOS][16];
	uint8_t data[IOS][16];
	int fd = temp_file();

	for (size_t i = 0; i < sizeof(data); i++)
		((uint8_t *)data)[i] = (uint8_t)(i * 13 + (i >> 8));
	assert_int_equal(write(fd, data, sizeof(data)), sizeof(data));
	setup(*(enum loop_kind *)*state, true);
	ios_done = 0;
	for (uint32_t i = 0; i < IOS; i++) {
		iov[i] = (struct iovec){ got[i], 16 };
		ios[i] = (struct world_io){ .op = WORLD_IO_READ,
					    .fd = fd,
					    .offset = i * 16,
					    .len = 16,
					    .iov = &iov[i],
					    .iov_count = 1,
					    .done = io_done };
		world_io_submit(w, &ios[i]);
	}
	run_until(&ios_done, IOS);
	assert_memory_equal(got, data, sizeof(data));
	teardown();
	close(fd);
}

struct alarm {
	struct world_timer timer;
	uint64_t want_ns;
};

static uint32_t fired;
static uint64_t last_ns;

static void fire(struct world *in, struct world_timer *t)
{
	struct alarm *a = container_of(t, struct alarm, timer);

	assert_true(world_now(in) >= a->want_ns);
	assert_true(world_now(in) < a->want_ns + 2 * NS_PER_SEC); /* machines are busy */
	assert_true(a->want_ns + 2 * NS_PER_MS >= last_ns);	  /* in order, to a tick */
	last_ns = a->want_ns;
	fired++;
}

static void test_timers(void **state)
{
	struct alarm alarms[TIMERS];
	uint64_t now;

	setup(*(enum loop_kind *)*state, false);
	now = world_now(w);
	fired = 0;
	last_ns = 0;
	for (uint32_t i = 0; i < TIMERS; i++) {
		struct alarm *a = &alarms[i];

		a->timer.fire = fire;
		list_init(&a->timer.node);
		a->want_ns = now + (uint64_t)(i * 37 % TIMERS) * 3 * NS_PER_MS;
		world_timer_set(w, &a->timer, a->want_ns + i % 2); /* odd ones are moved */
		world_timer_set(w, &a->timer, a->want_ns);
		if (i % 10 == 9)
			world_timer_cancel(w, &a->timer);
	}
	run_until(&fired, TIMERS - TIMERS / 10);
	loop_run_once(loop, 5 * NS_PER_MS);
	assert_int_equal(fired, TIMERS - TIMERS / 10);
	teardown();
}

struct letter {
	struct world_post post;
	uint32_t from, number;
};

static struct letter letters[POSTERS][POSTS];
static uint32_t next_number[POSTERS], letters_read;

static void read_letter(struct world *in, struct world_post *p)
{
	struct letter *l = container_of(p, struct letter, post);

	assert_ptr_equal(in, w);
	assert_int_equal(l->number, next_number[l->from]++); /* none lost, none overtaken */
	letters_read++;
}

static void *post_all(void *arg)
{
	struct letter *mine = arg;

	for (uint32_t i = 0; i < POSTS; i++) {
		mine[i].post.run = read_letter;
		mine[i].number = i;
		world_post(w, &mine[i].post);
		if (i % 1000 == 0)
			usleep(100); /* let the loop fall asleep now and then */
	}
	return NULL;
}

static void test_posts(void **state)
{
	pthread_t posters[POSTERS];

	setup(*(enum loop_kind *)*state, false);
	letters_read = 0;
	memset(next_number, 0, sizeof(next_number));
	for (uint32_t i = 0; i < POSTERS; i++) {
		for (uint32_t n = 0; n < POSTS; n++)
			letters[i][n].from = i;
		assert_int_equal(pthread_create(&posters[i], NULL, post_all, letters[i]), 0);
	}
	run_until(&letters_read, POSTERS * POSTS);
	for (uint32_t i = 0; i < POSTERS; i++)
		pthread_join(posters[i], NULL);
	teardown();
}

struct sum {
	struct world_job job;
	uint64_t n, result;
	pthread_t where;
};

static uint32_t sums_done;

static void sum_work(struct world_job *j)
{
	struct sum *s = container_of(j, struct sum, job);

	for (uint64_t i = 1; i <= s->n; i++)
		s->result += i;
	s->where = pthread_self();
}

static void sum_done(struct world *in, struct world_job *j)
{
	struct sum *s = container_of(j, struct sum, job);

	assert_ptr_equal(in, w);
	assert_int_equal(s->result, s->n * (s->n + 1) / 2);
	sums_done++;
}

/* More jobs than the pool takes of one loop; without a pool they run in the loop. */
static void test_jobs(void **state)
{
	static struct sum sums[JOBS];

	for (int with_pool = 0; with_pool < 2; with_pool++) {
		setup(*(enum loop_kind *)*state, with_pool);
		sums_done = 0;
		for (uint32_t i = 0; i < JOBS; i++) {
			sums[i] = (struct sum){ .n = 100 + i };
			sums[i].job.work = sum_work;
			sums[i].job.done = sum_done;
			world_job(w, &sums[i].job);
		}
		assert_int_equal(sums_done, 0);
		run_until(&sums_done, JOBS);
		for (uint32_t i = 0; i < JOBS; i++)
			assert_int_equal(!pthread_equal(sums[i].where, pthread_self()), with_pool);
		teardown();
	}
}

static uint32_t chimes;

static void chime_task(struct world *in, struct world_task *t)
{
	(void)in, (void)t;
	chimes++;
}

static void chime_post(struct world *in, struct world_post *p)
{
	(void)in, (void)p;
	chimes++;
}

static void chime_timer(struct world *in, struct world_timer *t)
{
	(void)in, (void)t;
	chimes++;
}

static void *post_late(void *arg)
{
	usleep(20000);
	world_post(w, arg);
	return NULL;
}

static bool readable(int timeout_ms)
{
	struct pollfd p = { .fd = loop_fd(loop), .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

/* poll(2) until it says so, run until it does not. Returns whether it ever said so. */
static bool serve_fd(uint32_t want, int timeout_ms)
{
	bool told = false;

	for (int i = 0; i < 20 && (chimes < want || readable(0)); i++) {
		told |= readable(timeout_ms);
		loop_run_once(loop, 0);
	}
	assert_int_equal(chimes, want);
	assert_false(readable(0)); /* or the caller would never sleep */
	return told;
}

static void test_fd(void **state)
{
	struct world_task task = { .run = chime_task };
	struct world_timer timer = { .fire = chime_timer };
	struct world_post post = { .run = chime_post };
	pthread_t thread;

	list_init(&task.node);
	list_init(&timer.node);
	setup(*(enum loop_kind *)*state, false);
	chimes = 0;
	world_wake(w, &task); /* before anybody asked for the descriptor */
	assert_true(serve_fd(1, 1000));
	world_wake(w, &task);
	assert_true(serve_fd(2, 1000));
	assert_int_equal(pthread_create(&thread, NULL, post_late, &post), 0);
	assert_true(serve_fd(3, 1000));
	pthread_join(thread, NULL);
	world_timer_set(w, &timer, clock_ns() + 30 * NS_PER_MS);
	assert_true(serve_fd(4, 1000));
	teardown();
}

static struct loops *to_stop;

static void on_alarm(int sig)
{
	(void)sig;
	loops_stop(to_stop);
}

/* From a signal handler, while all loops sleep; and before they started. */
static void test_stop(void **state)
{
	struct loop_config config = {
		.kind = *(enum loop_kind *)*state, .threads = 3, .buf_count = 1, .cpu_first = -1
	};
	struct sigaction action = { .sa_handler = on_alarm }, old;
	char why[256];
	uint64_t from = clock_ns();

	assert_int_equal(loops_new(&config, &to_stop, why, sizeof(why)), 0);
	assert_int_equal(loops_count(to_stop), 3);
	assert_int_equal(loops_world(to_stop, 2)->index, 2);
	sigaction(SIGALRM, &action, &old);
	ualarm(50000, 0);
	loops_run(to_stop);
	assert_true(clock_ns() - from >= 40 * NS_PER_MS);
	assert_true(clock_ns() - from < 5 * NS_PER_SEC);
	sigaction(SIGALRM, &old, NULL);
	loops_free(to_stop);

	assert_int_equal(loops_new(&config, &to_stop, why, sizeof(why)), 0);
	loops_stop(to_stop);
	loops_run(to_stop);
	loops_free(to_stop);
}

static bool heard_ready(void *ctx, unsigned int events)
{
	struct world_sock *s = *(struct world_sock **)ctx;
	uint8_t byte;
	struct iovec iov = { &byte, 1 };
	bool moved = false;

	(void)events;
	while (w->ops->recv(s, &iov, 1) > 0) {
		moved = true;
		chimes++;
	}
	return moved;
}

static struct world_sock *heard;

static void heard_accept(void *ctx, struct world *in, struct world_sock *s,
			 const struct sockaddr *addr)
{
	(void)ctx, (void)addr;
	heard = s;
	in->ops->watch(in, s, heard_ready, &heard);
	chimes++;
}

static int connect_to(struct world_sock *listener)
{
	struct sockaddr_storage addr;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(w->ops->local_addr(listener, &addr), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(struct sockaddr_in)), 0);
	return fd;
}

/* A child that forgets its parent's loops takes nothing away from them. */
static void test_forget(void **state)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	struct world_sock *listener, *first;
	int fd, status, rc;
	pid_t child;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setup(*(enum loop_kind *)*state, true);
	chimes = 0;
	rc = w->ops->listen(w, (struct sockaddr *)&addr, sizeof(addr), 8, heard_accept, NULL,
			    &listener);
	assert_int_equal(rc, 0);
	fd = connect_to(listener);
	run_until(&chimes, 1);
	first = heard;
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		loop_forget(loop);
		loops_forget(pool);
		_exit(fcntl(fd, F_GETFD) < 0); /* not the loop's: it is still open */
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(write(fd, "xy", 2), 2);
	run_until(&chimes, 3);
	close(connect_to(listener));
	run_until(&chimes, 4);
	w->ops->close(first, false);
	w->ops->close(heard, false);
	w->ops->close(listener, false);
	close(fd);
	teardown();
}

static void test_choose(void **state)
{
	const char *why = NULL;

	(void)state;
	assert_int_equal(loop_choose(LOOP_EPOLL, &why), LOOP_EPOLL);
	assert_non_null(why);
	setenv("NVMETLS_LOOP", "epoll", 1);
	assert_int_equal(loop_choose(LOOP_AUTO, &why), LOOP_EPOLL);
	setenv("NVMETLS_LOOP", "uring", 1);
	assert_int_equal(loop_choose(LOOP_AUTO, NULL), loop_choose(LOOP_URING, &why));
	unsetenv("NVMETLS_LOOP");
	assert_int_not_equal(loop_choose(LOOP_AUTO, &why), LOOP_AUTO);
}

#define TEST(name, kind)                                     \
	{                                                    \
#name, test_##name, NULL, NULL, &kinds[kind] \
	}
#define TESTS(kind)                                                                                \
	{                                                                                          \
		TEST(memory, kind), TEST(files, kind), TEST(many_files, kind), TEST(timers, kind), \
			TEST(posts, kind), TEST(jobs, kind), TEST(fd, kind), TEST(stop, kind),     \
			TEST(forget, kind), TEST(choose, kind)                                     \
	}

int main(void)
{
	static enum loop_kind kinds[] = { LOOP_EPOLL, LOOP_URING };
	const struct CMUnitTest epoll[] = TESTS(0), uring[] = TESTS(1);
	const char *why;
	int failed = cmocka_run_group_tests(epoll, NULL, NULL);

	if (loop_choose(LOOP_URING, &why) == LOOP_URING)
		failed += cmocka_run_group_tests(uring, NULL, NULL);
	else
		print_message("no io_uring: %s\n", why);
	return failed;
}
