/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a forked child does with its parent's loops: close its copies of the descriptors and free
 * its copy of the memory. Rings and epoll sets are shared with the parent: nothing is taken off
 * them.
 */
#include <stdlib.h>
#include <unistd.h>

#include "loop/loop_impl.h"

void loop_forget(struct loop *l)
{
	for (uint32_t i = 0; i < l->slot_count; i++) {
		struct world_sock *s = l->slots[i].sock;

		if (!s)
			continue;
		close(s->fd);
		free(s);
	}
	loop_free(l);
}

void loops_forget(struct loops *l)
{
	for (uint32_t i = 0; i < loops_count(l); i++)
		loop_forget(loop_of(loops_world(l, i)));
	free(l); /* its worker threads are not here; their queue is left behind */
}
