/* SPDX-License-Identifier: BSD-3-Clause */
/* assoc_impl - what the files of an association share. For nobody else. */
#pragma once

#include "client/association.h"

/* association.c */
void assoc_wake(struct assoc *a);
void assoc_bringup_wake(void *ctx);
/* The one way an association ends by itself. Harmless when it has ended. */
void assoc_fail(struct assoc *a, struct fault why, const char *detail);
void assoc_admin_live(struct assoc *a, const struct nvme_cqe *cqe);

/* assoc_queue.c */

/* Connect. @c: what differs between queues is filled in. Failure comes by assoc_fail(). */
void assoc_queue_start(struct assoc *a, struct assoc_queue *q, struct hqueue_config *c);
void assoc_queue_move(struct assoc_queue *q, struct world *to);
/* Let it end, wherever it is. Harmless when that is under way. */
void assoc_queue_close(struct assoc_queue *q);

/* assoc_ka.c */
void assoc_ka_init(struct assoc *a);
void assoc_ka_start(struct assoc *a);
void assoc_ka_stop(struct assoc *a);
