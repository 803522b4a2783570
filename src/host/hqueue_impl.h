/* SPDX-License-Identifier: BSD-3-Clause */
/* hqueue_impl - what the files of hqueue share. For nobody else. */
#pragma once

#include "host/hqueue.h"

enum hqueue_state {
	HQUEUE_NEW,	/* the transport does not stand yet */
	HQUEUE_IC_SENT, /* waits for ICResp */
	HQUEUE_IC_DONE, /* Connect is to be sent */
	HQUEUE_CONNECT, /* waits for Connect's answer */
	HQUEUE_LIVE,
	HQUEUE_REFUSED, /* Connect failed; the owner closes */
	HQUEUE_ENDED
};

enum hslot_state {
	HSLOT_FREE,
	HSLOT_WAITING, /* for room in the writer */
	HSLOT_SENT,    /* the controller may speak of it */
	HSLOT_ANSWERED, /* failed by the controller, but our data is still being sent */
};

/* One R2T that is not served yet. */
struct hr2t {
	uint16_t ttag;
	uint32_t off, left;
};

struct hslot {
	struct hcmd *cmd;
	uint8_t state; /* enum hslot_state */
	uint8_t gen;   /* upper six bits of the CID */
	bool in_capsule, last_seen, ddgst_bad;
	uint8_t r2t_head, r2t_count; /* ring of hqueue.r2t_max R2Ts */
	uint32_t received;	     /* bytes of C2HData that arrived, from offset 0 */
	uint32_t r2t_next;	     /* where the next R2T has to begin */
	uint32_t refs;		     /* PDUs in the writer that borrow the command's data */
	uint64_t deadline_ns;
	struct hr2t *r2t;
	struct list timed, sending;
};

struct hqueue {
	struct stream stream; /* first */
	struct hqueue_config config;
	enum hqueue_state state;
	struct ic_result ic;
	struct hslot *slots;
	struct hr2t *r2ts;
	uint16_t *free_slots;
	uint16_t slot_count, free_count;
	uint8_t r2t_max;       /* R2Ts per command */
	struct hslot *current; /* the command of the C2HData being read */
	bool in_turn;
	uint64_t answered;
	uint64_t deadline_ns;	/* of ICResp */
	uint64_t default_ns;	/* timeout of commands without one */
	struct list waiting;	/* hcmd.node */
	struct list sending;	/* hslot.sending: there are R2Ts to serve */
	struct list timed;	/* hslot.timed, by deadline */
	struct list finished;	/* hcmd.node: to be told by done() */
	struct hcmd connect;
	struct iovec connect_iov;
	struct nvme_connect_data connect_data;
};

#define HQUEUE_SLOT_BITS 10
#define HQUEUE_GEN_MASK	 0x3fu

static inline struct hqueue *hqueue_of(struct stream *s)
{
	return (struct hqueue *)s;
}

static inline uint16_t hqueue_cid(const struct hqueue *q, const struct hslot *s)
{
	return (uint16_t)(s->gen << HQUEUE_SLOT_BITS | (s - q->slots));
}

/* hqueue.c */

/* Take the command off its slot; done() is called by the turn. Its result is set already. */
void hqueue_finish(struct hqueue *q, struct hslot *s);
/* Take a slot for @c. */
void hqueue_take_slot(struct hqueue *q, struct hcmd *c, uint64_t now_ns);

/* hqueue_rx.c */

struct fault hqueue_input(struct stream *st, struct span *in) MUST_CHECK;
struct mspan hqueue_dest(void *owner, const uint8_t *hdr, uint32_t off, bool trusted,
			 unsigned int nth);

/* hqueue_tx.c */

void hqueue_send_icreq(struct hqueue *q);
void hqueue_send_connect(struct hqueue *q, uint64_t now_ns);
/* Move commands and promised data into the writer, as far as it has room. */
void hqueue_pump(struct hqueue *q);
/* The writer lets go of a command's data. */
void hqueue_released(void *owner, void *token);
