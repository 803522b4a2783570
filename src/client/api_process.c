/* SPDX-License-Identifier: BSD-3-Clause */
/* Which process and which thread is this? Without a system call per I/O. */
#include "client/api_impl.h"

static unsigned int generation = 1;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local char here;

static void in_child(void)
{
	generation++;
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, in_child);
}

unsigned int api_generation(void)
{
	pthread_once(&once, watch_forks);
	return generation;
}

uintptr_t api_thread(void)
{
	return (uintptr_t)&here;
}
