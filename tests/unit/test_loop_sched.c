/* SPDX-License-Identifier: BSD-3-Clause */
/* Slices of a thread, as the kernel tells them (sched_getattr(2)). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(slices) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
