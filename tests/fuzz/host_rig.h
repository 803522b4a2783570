/* SPDX-License-Identifier: BSD-3-Clause */
/* host_rig - a live host queue without a network: what it sends is dropped, what it reads is ours. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/world.h"
#include "host/hqueue.h"

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

struct rig {
	struct hqueue *q;
	struct stream *st;
	uint64_t now;
	bool connected, hints;
	uint16_t last_cid; /* of the last command that was sent */
};

static inline void rig_connected(void *ctx, struct fault why, const struct nvme_cqe *cqe)
{
	(void)cqe;
	((struct rig *)ctx)->connected = !fault_is(why);
}

static inline void rig_wake(void *ctx)
{
	(void)ctx;
}

/* Let the queue take its turn; what it sends is thrown away. */
static inline struct fault rig_turn(struct rig *r)
{
	struct fault why;
	uint64_t next;

	for (;;) {
		struct iovec iov[64];
		int count;
		size_t n;

		why = r->st->ops->turn(r->st, r->now, &next);
		n = pdu_writer_gather_all(&r->st->writer, iov, 64, &count);
		if (n == 0 || fault_is(why))
			return why;
		for (int i = 0; i < count; i++)
			if (iov[i].iov_len >= 72 && *(uint8_t *)iov[i].iov_base == NVME_TCP_CMD)
				r->last_cid = load_le16((uint8_t *)iov[i].iov_base + 10);
		pdu_writer_consume(&r->st->writer, n);
	}
}

/* As a channel opens a record: plaintext to where the hint says, then to the stream. */
static inline struct fault rig_record(struct rig *r, struct span in)
{
	struct place *p = &r->st->place.place;

	p->begin(p);
	for (struct span rest = in; rest.len;) {
		struct span part;
		uint8_t *dst;
		size_t len;

		p->next(p, &dst, &len);
		MUST(len >= 1);
		part = span_take(&rest, len < rest.len ? len : rest.len);
		if (dst)
			memcpy(dst, part.ptr, part.len);
		p->landed(p, dst ? NULL : part.ptr, part.len);
	}
	/* the pieces, as if all had been scratch: what landed is the same bytes */
	return r->st->ops->input(r->st, &in);
}

/* @in in pieces of @cut bytes, each in memory of its own. */
static inline struct fault rig_feed(struct rig *r, struct span in, size_t cut)
{
	while (in.len) {
		size_t n = cut < in.len ? cut : in.len;
		uint8_t *copy = malloc(n);
		struct span part = span_of(copy, n);
		struct fault why;

		memcpy(copy, span_take(&in, n).ptr, n);
		why = r->hints ? rig_record(r, part) : r->st->ops->input(r->st, &part);
		free(copy);
		if (fault_is(why))
			return why;
	}
	return OK;
}

/* A queue that is connected. The first command's CID is 0800h, then 0401h, 0402h, ... */
static inline void rig_init(struct rig *r, bool hdgst, bool ddgst)
{
	struct hqueue_config c = {
		.entries = 32, .cntlid = 0xffff, .capsule_data_max = 8192,
		.ic = { .hdgst = hdgst, .ddgst = ddgst, .maxr2t = 1 },
		.hostnqn = "nqn.host", .subsysnqn = "nqn.test",
		.connected = rig_connected, .wake = rig_wake, .ctx = r,
	};
	uint8_t icresp[128] = { 1, 0, 128, 0, 128, 0, 0, 0, [13] = 32 };
	uint8_t resp[28] = { 5, 0, 24, 0, 24, [8] = 1, [21] = 4 }; /* CID 0400h */
	uint32_t len = 24;

	r->q = hqueue_new(&c);
	MUST(r->q);
	r->st = hqueue_stream(r->q);
	icresp[11] = (uint8_t)((hdgst ? 1 : 0) | (ddgst ? 2 : 0));
	MUST(!fault_is(rig_turn(r)));
	MUST(!fault_is(rig_feed(r, span_of(icresp, 128), SIZE_MAX)));
	MUST(!fault_is(rig_turn(r)));
	if (hdgst) {
		resp[1] = NVME_TCP_F_HDGST;
		resp[4] = 28;
		store_le32(resp + 24, crc32c(0, resp, 24));
		len = 28;
	}
	MUST(!fault_is(rig_feed(r, span_of(resp, len), SIZE_MAX)));
	MUST(!fault_is(rig_turn(r)));
	MUST(r->connected && hqueue_live(r->q));
}

static inline void rig_free(struct rig *r, struct fault why)
{
	pdu_writer_drop_all(&r->st->writer);
	r->st->ops->end(r->st, why);
	MUST(r->st->ops->drained(r->st));
	hqueue_free(r->q);
}
