/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/sched.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SHORT_SLICE_NS 100000	/* the least that the kernel takes */

/* struct sched_attr of sched_setattr(2), its first version; glibc has none before 2.41. */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns, deadline_ns, period_ns;
};

static void set_slice(uint64_t ns)
{
	struct attributes a = { .size = sizeof(a) };

	/* another policy, a real-time one for instance, was somebody's wish: leave it */
	if (syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) != 0 || a.policy != SCHED_OTHER)
		return;
	a.runtime_ns = ns;
	syscall(SYS_sched_setattr, 0, &a, 0);
}

void sched_short_slices(void)
{
	set_slice(SHORT_SLICE_NS);
}

void sched_usual_slices(void)
{
	set_slice(0);
}

uint64_t sched_waited_ns(void)
{
	int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	uint64_t ran, waited = 0;
	char text[96];
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return sscanf(text, "%" SCNu64 " %" SCNu64, &ran, &waited) == 2 ? waited : 0;
}
