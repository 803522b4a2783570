/* SPDX-License-Identifier: BSD-3-Clause */
/* reidentify - ask a controller about one namespace again, and judge whether it is still the same. */
#pragma once

#include "base/world.h"
#include "client/ns_id.h"
#include "host/hqueue.h"

struct reidentify {
	struct world *w;
	struct ns_id was, is;
	/*
	 * It is judged (@status 0; @r->is is valid unless NS_GONE), or the controller answered with an error.
	 * From the queue's turn; may start another one. Not called when the queue ended.
	 */
	void (*judged)(void *ctx, enum ns_verdict v, int status);
	void *ctx;
	struct hcmd cmd;
	struct iovec iov;
	uint8_t data[NVME_IDENTIFY_BYTES];
};

/* @q: the admin queue, live and with room, in @r->w. The caller has set w, was, judged, ctx. */
void reidentify_start(struct reidentify *r, struct hqueue *q);
