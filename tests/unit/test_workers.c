/* SPDX-License-Identifier: BSD-3-Clause */
/* The worker pool: all work is done once and comes back, never too much at a time, files first. */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "loop/post.h"
#include "loop/workers.h"

#define WORKS 1000

struct work {
	struct world_job job;
	uint32_t done;
	bool waits;	/* for gate */
	uint32_t place; /* in the order of starting */
	pthread_t thread;
};

/* The world that work comes back to: a queue, and a semaphore that counts what is in it. */
static struct {
	struct world world;
	struct post_queue posts;
	sem_t posted;
} home;

static sem_t gate, at_gate;
static atomic_uint starts, running, most;
static struct work works[WORKS];

static void home_post(struct world *to, struct world_post *p)
{
	assert_ptr_equal(to, &home.world);
	post_push(&home.posts, p);
	sem_post(&home.posted);
}

static const struct world_ops home_ops = { .name = "test", .post = home_post };

static void come_back(struct world *w, struct world_post *p)
{
	struct work *k = container_of(p, struct work, job.back);

	assert_ptr_equal(w, &home.world);
	k->done++;
}

static void do_work(struct world_job *j)
{
	struct work *k = container_of(j, struct work, job);
	unsigned int now = atomic_fetch_add(&running, 1) + 1, seen = atomic_load(&most);

	while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
		;
	k->place = atomic_fetch_add(&starts, 1);
	k->thread = pthread_self();
	if (k->waits) {
		sem_post(&at_gate);
		while (sem_wait(&gate))
			;
	}
	atomic_fetch_sub(&running, 1);
}

static int setup(void **state)
{
	(void)state;
	memset(works, 0, sizeof(works));
	home.world.ops = &home_ops;
	post_init(&home.posts);
	sem_init(&home.posted, 0, 0);
	sem_init(&gate, 0, 0);
	sem_init(&at_gate, 0, 0);
	atomic_store(&starts, 0);
	atomic_store(&running, 0);
	atomic_store(&most, 0);
	return 0;
}

static bool submit(struct workers *p, struct work *k, enum work_kind kind)
{
	k->job.home = &home.world;
	k->job.work = do_work;
	k->job.back.run = come_back;
	return workers_submit(p, &k->job, kind);
}

static bool wait_for(sem_t *sem)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 5;
	return sem_timedwait(sem, &until) == 0;
}

/* Wait for @n that come back, and take them. */
static void receive(uint32_t n)
{
	struct world_post *p;

	while (n-- > 0)
		assert_true(wait_for(&home.posted));
	p = post_take(&home.posts);
	while (p) {
		struct world_post *next = p->next;

		p->run(&home.world, p);
		p = next;
	}
}

static void open_gate(int n)
{
	while (n-- > 0)
		sem_post(&gate);
}

static void finish(struct workers *p)
{
	workers_stop(p);
	workers_free(p);
}

static void does_all_of_it_once(void **state)
{
	struct workers *p = workers_new(3);

	(void)state;
	assert_non_null(p);
	for (int i = 0; i < WORKS; i++)
		assert_true(submit(p, &works[i], i % 2 ? WORK_IO : WORK_JOB));
	receive(WORKS);
	for (int i = 0; i < WORKS; i++) {
		assert_int_equal(works[i].done, 1);
		assert_false(pthread_equal(works[i].thread, pthread_self()));
	}
	assert_int_equal(atomic_load(&starts), WORKS);
	assert_true(atomic_load(&most) <= 3);
	finish(p);
}

/* Handshakes may fill the pool; a read of a file goes on. */
static void jobs_leave_one_thread_to_files(void **state)
{
	struct workers *p = workers_new(3);

	(void)state;
	for (int i = 0; i < 10; i++) {
		works[i].waits = true;
		assert_true(submit(p, &works[i], WORK_JOB));
	}
	assert_true(wait_for(&at_gate) && wait_for(&at_gate));
	for (int i = 10; i < 20; i++)
		assert_true(submit(p, &works[i], WORK_IO));
	receive(10);
	for (int i = 0; i < 20; i++)
		assert_int_equal(works[i].done, i >= 10);
	assert_int_equal(atomic_load(&starts), 12); /* two jobs and ten files */
	open_gate(10);
	receive(10);
	for (int i = 0; i < 10; i++)
		assert_int_equal(works[i].done, 1);
	assert_true(atomic_load(&most) <= 3);
	finish(p);
}

/* Files that never end leave a thread to a handshake. */
static void files_leave_a_turn_to_jobs(void **state)
{
	struct workers *p = workers_new(2);

	(void)state;
	for (int i = 0; i < 12; i++) {
		works[i].waits = i < 2;
		assert_true(submit(p, &works[i], WORK_IO));
	}
	assert_true(wait_for(&at_gate) && wait_for(&at_gate));
	assert_true(submit(p, &works[12], WORK_JOB));
	open_gate(1);
	receive(12);
	assert_int_equal(works[12].place, 2);	/* the first that a thread was free for */
	open_gate(1);
	receive(1);
	finish(p);
}

/* One thread: what runs is not disturbed, then they take turns, and each queue keeps its order. */
static void one_thread_takes_turns(void **state)
{
	struct workers *p = workers_new(1);

	(void)state;
	works[0].waits = true;
	assert_true(submit(p, &works[0], WORK_JOB));
	assert_true(wait_for(&at_gate));
	for (int i = 1; i <= 5; i++)
		assert_true(submit(p, &works[i], WORK_JOB));
	for (int i = 6; i <= 10; i++)
		assert_true(submit(p, &works[i], WORK_IO));
	open_gate(1);
	receive(11);
	for (uint32_t i = 1; i <= 5; i++) {
		assert_int_equal(works[i + 5].place, 2 * i - 1);
		assert_int_equal(works[i].place, 2 * i);
	}
	assert_int_equal(atomic_load(&most), 1);
	finish(p);
}

static void *stop(void *arg)
{
	workers_stop(arg);
	return NULL;
}

static void stopping_waits_for_what_runs_and_drops_the_rest(void **state)
{
	struct workers *p = workers_new(2);
	pthread_t stopper;

	(void)state;
	for (int i = 0; i < 5; i++) {
		works[i].waits = true;
		assert_true(submit(p, &works[i], WORK_IO));
	}
	assert_true(wait_for(&at_gate) && wait_for(&at_gate));
	assert_int_equal(pthread_create(&stopper, NULL, stop, p), 0);
	/* a pool that is being stopped refuses; until then it queues */
	for (int i = 5; submit(p, &works[i], WORK_IO); i++) {
		assert_true(i < WORKS - 1);
		nanosleep(&(struct timespec){ .tv_nsec = 1000 * 1000 }, NULL);
	}
	assert_int_equal(atomic_load(&running), 2);
	open_gate(10);
	pthread_join(stopper, NULL);
	assert_int_equal(atomic_load(&running), 0);
	assert_int_equal(atomic_load(&starts), 2);
	receive(2);
	for (int i = 0; i < WORKS; i++)
		assert_int_equal(works[i].done, i < 2);
	assert_false(submit(p, &works[WORKS - 1], WORK_JOB));
	assert_int_equal(atomic_load(&starts), 2);
	workers_free(p);
}

static void a_pool_without_work_starts_no_thread_and_stops(void **state)
{
	struct workers *p = workers_new(0);

	(void)state;
	assert_non_null(p);
	finish(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(does_all_of_it_once, setup),
		cmocka_unit_test_setup(jobs_leave_one_thread_to_files, setup),
		cmocka_unit_test_setup(files_leave_a_turn_to_jobs, setup),
		cmocka_unit_test_setup(one_thread_takes_turns, setup),
		cmocka_unit_test_setup(stopping_waits_for_what_runs_and_drops_the_rest, setup),
		cmocka_unit_test_setup(a_pool_without_work_starts_no_thread_and_stops, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
