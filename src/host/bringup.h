/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bringup - what is said on a live admin queue before a controller can be used, and before it
 * is left: properties, Identify Controller, KATO, Number of Queues; shutdown.
 *
 * A table of steps per purpose, one command at a time. Sans-IO: bringup_turn() does everything,
 * commands only tell by wake() that there is a reason to call it.
 *
 * NVMe Base 2.1 §3.5.2 (initialization of a memory-less controller), §3.6.2 (shutdown).
 */
#pragma once

#include "host/hqueue.h"
#include "nvme/identify.h"

#define BRINGUP_TRANSFER_MAX (4u << 20) /* bytes; a Linux target refuses more, whatever MDTS says */

enum bringup_purpose {
	BRINGUP_IO,	   /* an I/O controller: enable, identify, ask for queues */
	BRINGUP_DISCOVERY, /* a discovery controller: enable, identify */
	BRINGUP_SHUTDOWN,  /* CC.SHN, until CSTS.SHST says complete */
};

struct bringup_config {
	enum bringup_purpose purpose;
	uint16_t cntlid;	/* Connect's answer */
	uint32_t kato_ms;	/* as it went into Connect */
	uint16_t io_queues;	/* wanted; BRINGUP_IO only, may be 0 */
	bool well_known;	/* discovery: connected by the well-known NQN */
	uint64_t timeout_ns;	/* SHUTDOWN: how long to wait for SHST */
	void (*wake)(void *ctx);	/* call bringup_turn() soon */
	void *ctx;
};

/* What the controller is, valid when it is done. */
struct bringup_result {
	uint64_t cap;
	uint32_t cc, vs;
	uint32_t kato_ms;		/* as the controller counts */
	uint16_t io_queues;		/* granted, at most as many as wanted */
	uint32_t mdts_bytes;		/* at most BRINGUP_TRANSFER_MAX */
	uint32_t capsule_data_max;	/* I/O queues, bytes */
	uint32_t entries_max;		/* per I/O queue: MQES and MAXCMD */
	bool discovery, traffic_based;	/* CNTRLTYPE; TBKAS */
	bool key_update;		/* it announces that it takes KeyUpdate */
	struct nvme_id_ctrl id;
};

struct bringup {
	struct bringup_config config;
	struct bringup_result result;
	const struct bringup_step *step;
	enum { BRINGUP_RUN, BRINGUP_WAIT, BRINGUP_DONE, BRINGUP_FAILED } state;
	bool answered;
	uint64_t again_ns;	/* poll again at; 0: now */
	uint64_t limit_ns;	/* of the poll; 0: not begun */
	struct fault why;
	char detail[160];	/* one line about the failure */
	struct hcmd cmd;
	struct iovec iov;
};

/* @b is the caller's; @keep (may be NULL) is the result of an earlier bring-up: its CC is needed to shut down. */
void bringup_start(struct bringup *b, const struct bringup_config *c,
		   const struct bringup_result *keep);
/*
 * Send the next command, look at the last answer. Returns true when it is over: b->state is
 * DONE, or FAILED with b->why and b->detail. *ret_deadline_ns: call again at the latest.
 * When the queue ends, its fault is ours.
 */
bool bringup_turn(struct bringup *b, struct hqueue *q, uint64_t now_ns,
		  uint64_t *ret_deadline_ns);
/* No command is in the queue: @b may go away. */
bool bringup_idle(const struct bringup *b);
