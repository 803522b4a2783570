/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target_rig - a target over fake worlds, and hosts that are made of raw PDUs.
 *
 * A rig_conn stands where session and loop stand: it feeds a tconn, takes its turns, moves it to
 * the thread where it wants to live, and keeps every PDU that the controller sent. Uses assert(),
 * so that fuzzers can have it, too.
 */
#pragma once

#include "fake_world.h"
#include "nvme/fabrics.h"
#include "nvme/status.h"
#include "nvme/tcp_wire.h"
#include "target/tconn.h"

#define RIG_HOST   "nqn.2014-08.org.nvmexpress:uuid:00000000-1111-2222-3333-444444444444"
#define RIG_SUBSYS "nqn.test"
#define RIG_PDUS   512
#define RIG_WORLDS 2

struct rig_config {
	uint32_t threads;	  /* 0: 1 */
	uint32_t buf_count;	  /* per thread; 0: 64 of 128 KiB */
	const char *backends[4];  /* [0] NULL: "mem:1M" */
	bool read_only, tls_required, allow_listed_only;
	struct target_config target; /* mdts_bytes 0: the defaults */
};

struct rig {
	struct fake_world w[RIG_WORLDS];
	struct world *worlds[RIG_WORLDS];
	struct target *target;
	struct target_subsys *subsys;
	struct target_port *port;
	int wakes; /* of target_turn()'s owner */
};

struct rig_pdu {
	union nvme_tcp_pdu h;
	uint8_t *data;
	uint32_t len;
	bool ddgst_bad;
};

struct rig_conn {
	struct rig *r;
	struct tconn *tc; /* NULL: closed */
	struct fake_world *w;
	struct pdu_reader reader; /* of what the controller sends */
	struct pdu_writer writer; /* of what we send */
	bool hdgst, ddgst;
	uint8_t hpda;
	size_t cut;    /* bytes per piece to the controller; 0: all at once */
	bool by_place; /* data lands where the hint says, once the queue is live */
	bool deaf;     /* does not read what the controller sends */
	bool away;     /* stays on its way to the thread where it wants to live */
	uint8_t *stash; /* what the controller has not taken yet */
	size_t stash_at, stash_len; /* where in @stash it begins, and its bytes */
	struct rig_pdu pdu[RIG_PDUS];
	int count;
	struct fault why; /* why it ended */
	bool ended;
	int wakes;
	uint64_t deadline_ns; /* of the last turn */
	uint16_t next_cid;
};

void rig_init(struct rig *r, const struct rig_config *c);
/* All connections must be closed. */
void rig_free(struct rig *r);
/* Run all posts of all threads until there are none. */
void rig_settle(struct rig *r);
/* Let time pass in all threads, and target_turn() happen. */
void rig_pass(struct rig *r, uint64_t ns);

/* @peer: who the TLS handshake proved; NULL: no TLS. */
void rig_open(struct rig *r, struct rig_conn *c, const struct tconn_peer *peer);
/* The host closes the connection, if it has not ended. All I/O ends, all memory goes. */
void rig_close(struct rig_conn *c);
/* Turns until there is nothing to do. Returns the number of PDUs that came. */
int rig_turn(struct rig_conn *c);
/* Run posts, file I/O and turns of all threads until @c has nothing to do any more. */
void rig_run(struct rig_conn *c);
void rig_forget(struct rig_conn *c);

/* Send bytes, or a PDU of which lengths and digests are filled in; then take a turn. */
void rig_bytes(struct rig_conn *c, const void *bytes, size_t len);
void rig_send(struct rig_conn *c, const void *hdr, const void *data, uint32_t len);
/* The bytes of a PDU, as rig_send() would send it. */
size_t rig_encode(struct rig_conn *c, const void *hdr, const void *data, uint32_t len, uint8_t *out,
		  size_t size);
void rig_h2c(struct rig_conn *c, uint16_t cid, uint16_t ttag, uint32_t off, const void *data,
	     uint32_t len, bool last);

/* Send a command with @len bytes in the capsule; its CID. @sqe's SGL is as the caller made it. */
uint16_t rig_cmd(struct rig_conn *c, struct nvme_sqe *sqe, const void *data, uint32_t len);
/* The same, until it is answered (rig_run()). */
struct nvme_cqe rig_do(struct rig_conn *c, struct nvme_sqe *sqe, const void *data, uint32_t len);
/* The answer to a command, or NULL: none. */
const struct nvme_cqe *rig_answer(const struct rig_conn *c, uint16_t cid);
uint16_t rig_status(const struct nvme_cqe *cqe);
/* Data that came for @cid; the first C2HData. Or NULL. */
const struct rig_pdu *rig_data(const struct rig_conn *c, uint16_t cid);
/* The last PDU of this type, or NULL. */
const struct rig_pdu *rig_last(const struct rig_conn *c, uint8_t type);

/* The admin queue's or another queue's Connect, in pieces that a test may change. */
struct rig_connect {
	struct nvme_connect_sqe sqe;
	struct nvme_connect_data data;
};
void rig_connect_init(struct rig_connect *k, uint16_t qid, uint16_t cntlid);
struct nvme_cqe rig_connect(struct rig_conn *c, struct rig_connect *k);
void rig_icreq(struct rig_conn *c);
/* Open, ICReq, Connect; the admin queue (@qid 0) is enabled, too. Returns the controller's number. */
uint16_t rig_live(struct rig *r, struct rig_conn *c, uint16_t qid, uint16_t cntlid);
/* The same on a rig_conn with options already set (digests, cut, by_place) and opened. */
uint16_t rig_go_live(struct rig_conn *c, uint16_t qid, uint16_t cntlid);
struct nvme_cqe rig_set_cc(struct rig_conn *c, uint32_t cc);
uint64_t rig_property(struct rig_conn *c, enum nvme_property prop);

#define RIG_CC (NVME_CC_EN | NVME_CC_IOSQES_64 | NVME_CC_IOCQES_16)
