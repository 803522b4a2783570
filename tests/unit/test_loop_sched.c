/* SPDX-License-Identifier: BSD-3-Clause */
/* Slices of a thread, as the kernel tells them (sched_getattr(2)). */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop/sched.h"

struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns, deadline_ns, period_ns;
};

static struct attributes get(void)
{
	struct attributes a = { 0 };

	assert_int_equal(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0), 0);
	return a;
}

static void slices(void **state)
{
	struct attributes before = get(), now;

	(void)state;
	if (before.policy != 0 || before.runtime_ns == 0)
		skip(); /* not SCHED_OTHER, or a kernel without slices for it (before 6.12) */
	sched_short_slices();
	now = get();
	assert_int_equal(now.runtime_ns, 100000);
	assert_int_equal(now.nice, before.nice);
	sched_usual_slices();
	now = get();
	assert_int_equal(now.runtime_ns, before.runtime_ns);
	assert_int_equal(now.policy, before.policy);
}

static void *burn(void *stop)
{
	while (!__atomic_load_n((int *)stop, __ATOMIC_RELAXED))
		;
	return NULL;
}

/* Two that compute on one CPU: each waits while the other runs. */
static void waited(void **state)
{
	struct timespec from, now;
	cpu_set_t before, one;
	pthread_t other;
	int stop = 0;

	(void)state;
	if (access("/proc/thread-self/schedstat", R_OK))
		skip();
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(pthread_create(&other, NULL, burn, &stop), 0);
	clock_gettime(CLOCK_MONOTONIC, &from);
	do /* a minute is for ever; a few slices are enough */
		clock_gettime(CLOCK_MONOTONIC, &now);
	while (sched_waited_ns() < 1000000 && now.tv_sec - from.tv_sec < 60);
	assert_true(sched_waited_ns() >= 1000000);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(other, NULL);
	sched_setaffinity(0, sizeof(before), &before);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(slices), cmocka_unit_test(waited) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
