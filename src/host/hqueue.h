/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hqueue - the host's end of one connection: a queue pair, as a stream (tcp/stream.h).
 *
 * ICReq/ICResp, Connect, then commands: in-capsule data, R2T with MAXR2T, C2HData with and
 * without SUCCESS, digests. Sans-IO; memory is taken by hqueue_new() only.
 *
 * Ownership: a hcmd and its data memory belong to the queue from hqueue_submit() until
 * done() was called, exactly once. done() runs in the queue's thread, from the stream's
 * turn() or end(), never from inside hqueue_submit(), and may submit again while the queue
 * is live.
 */
#pragma once

#include "base/list.h"
#include "nvme/command.h"
#include "nvme/fabrics.h"
#include "tcp/ic.h"
#include "tcp/stream.h"

struct hqueue;

#define HQUEUE_ENTRIES_MAX 1024u      /* the CID's lower ten bits tell the slot */
#define HQUEUE_R2T_MAX	   15u	      /* ic.maxr2t, 0's-based */
#define HCMD_NO_TIMEOUT	   UINT64_MAX /* for Asynchronous Event Request */

enum hcmd_dir { HCMD_NONE, HCMD_TO_CTRL, HCMD_FROM_CTRL };

struct hcmd {
	struct list node;
	struct nvme_sqe sqe;	/* CID, PSDT and SGL are set by the queue */
	enum hcmd_dir dir;
	struct iovec *iov;	/* data memory; sums to len */
	int iov_count;
	uint32_t len;		/* bytes, multiple of 4 */
	uint64_t timeout_ns;	/* 0: the queue's default; HCMD_NO_TIMEOUT: none */
	void (*done)(struct hqueue *q, struct hcmd *c);
	/* All len bytes from the controller are there, undamaged; done() follows, or never. May be NULL. */
	void (*arrived)(struct hqueue *q, struct hcmd *c);
	/* valid in done(): */
	struct fault why;	/* kind NONE: cqe is what the controller answered; else the connection failed */
	struct nvme_cqe cqe;
	uint16_t status;	/* SCT << 8 | SC, without DNR, M, CRD */
	bool dnr;
	uint16_t slot;		/* the queue's own */
};

struct hqueue_config {
	uint16_t qid;
	uint16_t entries;		/* SQSIZE + 1, 2..HQUEUE_ENTRIES_MAX */
	uint16_t cntlid;		/* FFFFh for the admin queue */
	uint32_t kato_ms;		/* admin queue */
	const char *hostnqn, *subsysnqn;	/* valid NQNs; copied */
	uint8_t hostid[16];
	struct ic_host ic;
	uint32_t capsule_data_max;	/* bytes; admin 8192; I/O from IOCCSZ */
	bool disable_sqflow;
	uint64_t ic_timeout_ns, connect_timeout_ns, command_timeout_ns;	/* 0: none */
	/*
	 * Connect was answered (@why.kind NONE; cntlid and AUTHREQ in @cqe) or refused
	 * (FAULT_NVME: status in code, IPO/IATTR in at).
	 */
	void (*connected)(void *ctx, struct fault why, const struct nvme_cqe *cqe);
	void (*wake)(void *ctx);	/* there is something to send */
	void *ctx;
};

struct hqueue *hqueue_new(const struct hqueue_config *c);	/* NULL: out of memory */
void hqueue_free(struct hqueue *q);	/* ended, or never used; all commands were given back */
/* A forked child lets go of the parent's queue: nothing is told to anybody. */
void hqueue_forget(struct hqueue *q);
struct stream *hqueue_stream(struct hqueue *q);
bool hqueue_live(const struct hqueue *q);

/* Free command slots now. The admin queue keeps one back for keep-alive (see hqueue_submit_reserved). */
uint32_t hqueue_room(const struct hqueue *q);
/* There must be room and the queue must be live (asserted). */
void hqueue_submit(struct hqueue *q, struct hcmd *c, uint64_t now_ns);
/* Uses the reserved slot (Keep Alive). One at a time. */
void hqueue_submit_reserved(struct hqueue *q, struct hcmd *c, uint64_t now_ns);
uint32_t hqueue_outstanding(const struct hqueue *q);
/* Commands the controller has answered, ever. From any thread. */
uint64_t hqueue_answered(const struct hqueue *q);
