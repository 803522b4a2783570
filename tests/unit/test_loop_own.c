/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A loop that its owner's thread runs: loop_fd() tells of all there is to do, and of nothing else,
 * and one call of loop_run_once() does it. On both kinds.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "loop/loop.h"

#define SOON_MS	 5000 /* it is told at once; this is for machines that are busy */
#define QUIET_MS 15
#define TIMER_MS 20

static enum loop_kind kind; /* of the tests that run now */

/* One of everything that a loop may be asked for. */
struct asker {
	struct loop *l;
	struct world *w;
	struct world_task task;
	struct world_timer timer;
	struct world_post post;
	struct world_job job;
	struct world_io io;
	struct iovec iov;
	uint8_t data[16];
	FILE *file;
	struct world_sock *sock;
	int listener, peer;
	uint64_t deadline_ns, came_ns;
	uint32_t done;
};

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

static void ran_task(struct world *w, struct world_task *t)
{
	(void)w;
	container_of(t, struct asker, task)->done++;
}

static void ask_task(struct asker *a)
{
	a->task.run = ran_task;
	list_init(&a->task.node);
	world_wake(a->w, &a->task);
	world_wake(a->w, &a->task); /* harmless: it runs once */
}

static void fired(struct world *w, struct world_timer *t)
{
	struct asker *a = container_of(t, struct asker, timer);

	a->came_ns = world_now(w);
	assert_true(a->came_ns >= a->deadline_ns);
	a->done++;
}

static void ask_timer(struct asker *a)
{
	a->timer.fire = fired;
	list_init(&a->timer.node);
	a->deadline_ns = clock_ns() + TIMER_MS * NS_PER_MS;
	world_timer_set(a->w, &a->timer, a->deadline_ns);
}

static void posted(struct world *w, struct world_post *p)
{
	struct asker *a = container_of(p, struct asker, post);

	assert_ptr_equal(w, a->w);
	a->done++;
}

static void *post_thread(void *arg)
{
	struct asker *a = arg;

	a->post.run = posted;
	world_post(a->w, &a->post);
	return NULL;
}

static void ask_post(struct asker *a)
{
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, post_thread, a), 0);
	pthread_join(t, NULL);
}

static void job_work(struct world_job *j)
{
	container_of(j, struct asker, job)->data[0] = 1;
}

static void job_done(struct world *w, struct world_job *j)
{
	struct asker *a = container_of(j, struct asker, job);

	assert_ptr_equal(w, a->w);
	assert_int_equal(a->data[0], 1);
	a->done++;
}

static void ask_job(struct asker *a)
{
	a->job = (struct world_job){ .work = job_work, .done = job_done };
	world_job(a->w, &a->job);
}

static void io_done(struct world *w, struct world_io *io)
{
	struct asker *a = container_of(io, struct asker, io);

	(void)w;
	assert_int_equal(io->result, 0);
	assert_memory_equal(a->data, "0123456789abcdef", sizeof(a->data));
	a->done++;
}

static void ask_io(struct asker *a)
{
	a->file = tmpfile();
	assert_non_null(a->file);
	assert_int_equal(pwrite(fileno(a->file), "0123456789abcdef", 16, 4096), 16);
	a->iov = (struct iovec){ a->data, sizeof(a->data) };
	a->io = (struct world_io){ .op = WORLD_IO_READ,
				   .fd = fileno(a->file),
				   .offset = 4096,
				   .len = sizeof(a->data),
				   .iov = &a->iov,
				   .iov_count = 1,
				   .done = io_done };
	world_io_submit(a->w, &a->io);
}

static bool connected(void *ctx, unsigned int events)
{
	struct asker *a = ctx;

	if (!(events & WORLD_WRITABLE))
		return false;
	assert_int_equal(a->w->ops->sock_error(a->sock), 0);
	a->done++;
	return true;
}

static void listen_here(struct asker *a, struct sockaddr_in *ret_addr)
{
	socklen_t len = sizeof(*ret_addr);

	*ret_addr = (struct sockaddr_in){ .sin_family = AF_INET };
	ret_addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(a->listener, (struct sockaddr *)ret_addr, len), 0);
	assert_int_equal(listen(a->listener, 1), 0);
	assert_int_equal(getsockname(a->listener, (struct sockaddr *)ret_addr, &len), 0);
}

static void ask_connect(struct asker *a)
{
	struct sockaddr_in addr;

	listen_here(a, &addr);
	assert_int_equal(a->w->ops->connect(a->w, (struct sockaddr *)&addr, sizeof(addr), &a->sock),
			 0);
	a->w->ops->watch(a->w, a->sock, connected, a);
}

static const struct {
	const char *what;
	void (*ask)(struct asker *a);
} asks[] = {
	{ "task", ask_task }, { "timer", ask_timer }, { "post", ask_post },
	{ "job", ask_job },   { "file", ask_io },     { "connect", ask_connect },
};

static void begin(struct asker *a)
{
	struct loop_config config = { .kind = kind, .threads = 1, .buf_count = 1, .cpu_first = -1 };

	memset(a, 0, sizeof(*a));
	a->listener = a->peer = -1;
	assert_int_equal(loop_new(&config, NULL, &a->l), 0);
	a->w = loop_world(a->l);
}

static void end(struct asker *a)
{
	if (a->sock)
		a->w->ops->close(a->sock, true);
	loop_free(a->l);
	if (a->file)
		fclose(a->file);
	if (a->listener >= 0)
		close(a->listener);
	if (a->peer >= 0)
		close(a->peer);
}

static bool readable(struct asker *a, int ms)
{
	struct pollfd p = { .fd = loop_fd(a->l), .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

/* As a caller of poll(2) does, who never waits in the loop. */
static void serve(struct asker *a, uint32_t done)
{
	for (int i = 0; a->done < done; i++) {
		if (!readable(a, SOON_MS))
			fail_msg("loop_fd() does not tell");
		assert_true(i < 100); /* it tells when there is something, not always */
		loop_run_once(a->l, 0);
	}
	assert_int_equal(a->done, done);
}

static void settle(struct asker *a)
{
	for (int i = 0; i < 10 && readable(a, 0); i++)
		loop_run_once(a->l, 0);
	assert_false(readable(a, QUIET_MS));
}

/* @fd_first: the caller asked for the descriptor before anything else. */
static void all_asks(bool fd_first, bool ran_before)
{
	for (size_t i = 0; i < ARRAY_SIZE(asks); i++) {
		struct asker a;

		print_message("- %s\n", asks[i].what);
		begin(&a);
		if (fd_first)
			(void)loop_fd(a.l);
		if (ran_before)
			loop_run_once(a.l, 0);
		if (fd_first && ran_before)
			settle(&a);
		asks[i].ask(&a);
		serve(&a, 1);
		settle(&a);
		end(&a);
	}
}

static void tells_what_was_asked_before_it_ran(void **state)
{
	(void)state;
	all_asks(false, false);
	all_asks(true, false);
}

static void tells_what_is_asked_between_runs(void **state)
{
	(void)state;
	all_asks(false, true);
	all_asks(true, true);
}

static void all_at_once(void **state)
{
	struct asker a;

	(void)state;
	begin(&a);
	for (size_t i = 0; i < ARRAY_SIZE(asks); i++)
		if (asks[i].ask != ask_io) /* it shares data with the job */
			asks[i].ask(&a);
	serve(&a, ARRAY_SIZE(asks) - 1);
	settle(&a);
	end(&a);
}

static void the_timer_is_told_in_time(void **state)
{
	struct asker a;

	(void)state;
	begin(&a);
	settle(&a);
	ask_timer(&a);
	for (int i = 0; a.done == 0; i++) {
		assert_true(readable(&a, SOON_MS));
		loop_run_once(a.l, 0);
		assert_true(i < 5); /* it is not told before its time again and again */
	}
	assert_true(a.came_ns >= a.deadline_ns);
	ask_timer(&a);
	world_timer_cancel(a.w, &a.timer);
	loop_run_once(a.l, 0);
	usleep(2 * TIMER_MS * 1000);
	loop_run_once(a.l, 0);
	assert_int_equal(a.done, 1);
	end(&a);
}

static void waits_as_long_as_it_was_told(void **state)
{
	struct asker a;
	uint64_t from;

	(void)state;
	begin(&a);
	loop_run_once(a.l, 0);
	loop_run_once(a.l, 0);
	from = clock_ns();
	assert_false(loop_run_once(a.l, 30 * NS_PER_MS));
	assert_true(clock_ns() - from >= 30 * NS_PER_MS);
	/* a timer ends the wait */
	ask_timer(&a);
	from = clock_ns();
	while (a.done == 0)
		loop_run_once(a.l, 60 * NS_PER_SEC);
	assert_true(clock_ns() - from < 30 * NS_PER_SEC);
	/* and a message does, whoever sends it */
	ask_post(&a);
	assert_true(loop_run_once(a.l, 60 * NS_PER_SEC));
	assert_int_equal(a.done, 2);
	end(&a);
}

/* Data that comes while nobody looks is told of, and told of once: the reader stops half-way. */
static bool reads_a_byte(void *ctx, unsigned int events)
{
	struct asker *a = ctx;
	struct iovec iov = { a->data, 1 };

	(void)events;
	if (a->w->ops->recv(a->sock, &iov, 1) != 1)
		return false;
	a->done++;
	return true;
}

static void tells_of_data_and_its_end(void **state)
{
	struct sockaddr_in addr;
	struct asker a;

	(void)state;
	begin(&a);
	listen_here(&a, &addr);
	assert_int_equal(a.w->ops->connect(a.w, (struct sockaddr *)&addr, sizeof(addr), &a.sock),
			 0);
	a.peer = accept(a.listener, NULL, NULL);
	assert_true(a.peer >= 0);
	a.w->ops->watch(a.w, a.sock, reads_a_byte, &a);
	settle(&a);
	for (uint32_t i = 1; i <= 50; i++) {
		assert_int_equal(send(a.peer, "x", 1, 0), 1);
		serve(&a, i);
		assert_int_equal(a.data[0], 'x');
	}
	settle(&a);
	/* watched anew, by the same world: what is there already is reported */
	a.w->ops->unwatch(a.sock);
	assert_int_equal(send(a.peer, "y", 1, 0), 1);
	assert_false(readable(&a, QUIET_MS) && loop_run_once(a.l, 0) && a.done != 50);
	a.w->ops->watch(a.w, a.sock, reads_a_byte, &a);
	serve(&a, 51);
	assert_int_equal(a.data[0], 'y');
	shutdown(a.peer, SHUT_WR);
	assert_true(readable(&a, SOON_MS));
	end(&a);
}

struct chain {
	struct world_task task[3];
	uint32_t ran, again;
};

static void chain_run(struct world *w, struct world_task *t)
{
	struct chain *c = container_of(t, struct chain, task[0]);
	uint64_t now = world_now(w);

	/* the time stands still within one callback */
	while (clock_ns() < now + 2 * NS_PER_MS)
		;
	assert_true(world_now(w) == now);
	if (++c->ran < c->again)
		world_wake(w, t);
}

/* Others have their turn: a task that wakes itself does not hold the loop. */
static void a_task_that_wakes_itself_runs_once_per_pass(void **state)
{
	struct chain c = { .again = 3 };
	struct asker a;

	(void)state;
	begin(&a);
	list_init(&c.task[0].node);
	c.task[0].run = chain_run;
	world_wake(a.w, &c.task[0]);
	for (uint32_t i = 1; i <= 3; i++) {
		assert_true(loop_run_once(a.l, 60 * NS_PER_SEC)); /* never sleeps on it */
		assert_int_equal(c.ran, i);
	}
	loop_run_once(a.l, 0);
	assert_int_equal(c.ran, 3);
	end(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_what_was_asked_before_it_ran),
		cmocka_unit_test(tells_what_is_asked_between_runs),
		cmocka_unit_test(all_at_once),
		cmocka_unit_test(the_timer_is_told_in_time),
		cmocka_unit_test(waits_as_long_as_it_was_told),
		cmocka_unit_test(tells_of_data_and_its_end),
		cmocka_unit_test(a_task_that_wakes_itself_runs_once_per_pass),
	};
	const char *why;
	int failed;

	kind = LOOP_EPOLL;
	failed = cmocka_run_group_tests_name("epoll", tests, NULL, NULL);
	kind = LOOP_URING;
	if (loop_choose(kind, &why) != LOOP_URING) {
		print_message("no io_uring: %s\n", why);
		return failed;
	}
	return failed + cmocka_run_group_tests_name("uring", tests, NULL, NULL);
}
