/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fake_ctrl - a controller made of PDUs, for tests of the host's side. It answers nothing by
 * itself: a test sees what the host sent and says what comes back.
 */
#pragma once

#include "host/hqueue.h"

#define FAKE_PDUS_MAX 256
#define PLACE_PIECES  64

struct fake_pdu {
	union nvme_tcp_pdu h;
	uint8_t *data;
	uint32_t len;
	bool ddgst_bad;
};

struct fake_ctrl {
	struct hqueue *q;
	uint64_t now;
	struct pdu_reader reader; /* of what the host sends */
	struct pdu_writer writer;
	bool hdgst, ddgst;
	uint8_t cpda;
	uint32_t maxh2cdata; /* 0: 8192 */
	size_t cut;	     /* bytes per piece to the host; 0: all at once */
	bool by_place;	     /* data lands where the host's hint says */
	/* what the host sent, until fake_forget() */
	struct fake_pdu pdu[FAKE_PDUS_MAX];
	int count;
	/* what the queue told its owner */
	int connected, wakes;
	struct fault connect_why;
	struct nvme_cqe connect_cqe;
	struct fault why; /* of the last turn */
	uint64_t deadline_ns;
};

/* A queue of @entries; @config may be NULL, its callbacks are ours. */
void fake_init(struct fake_ctrl *f, const struct hqueue_config *config);
/* Ends the queue (with @f->why, if there is one) and frees everything. */
void fake_free(struct fake_ctrl *f);
/* The stream ends; what its session would do to the writer is done. */
void fake_end(struct fake_ctrl *f, struct fault why);
/* Let the host take a turn and read what it sends. Returns how many PDUs came. */
int fake_turn(struct fake_ctrl *f);
void fake_forget(struct fake_ctrl *f);
/* Send bytes, or a PDU of which the lengths and digests are filled in. Returns the host's verdict. */
struct fault fake_bytes(struct fake_ctrl *f, const void *bytes, size_t len);
struct fault fake_pdu(struct fake_ctrl *f, const void *hdr, const void *data, uint32_t len);
/* The bytes of a PDU, as fake_pdu() would send it. Returns their number. */
size_t fake_encode(struct fake_ctrl *f, const void *hdr, const void *data, uint32_t len,
		   uint8_t *out, size_t size);

struct fault fake_icresp(struct fake_ctrl *f);
struct fault fake_resp(struct fake_ctrl *f, uint16_t cid, uint16_t status, uint64_t result);
struct fault fake_data(struct fake_ctrl *f, uint16_t cid, uint32_t off, const void *data,
		       uint32_t len, uint8_t flags);
struct fault fake_r2t(struct fake_ctrl *f, uint16_t cid, uint16_t ttag, uint32_t off,
		      uint32_t len);
/* ICReq, ICResp, Connect, its answer with @cntlid: a live queue. */
void fake_live(struct fake_ctrl *f, const struct hqueue_config *config, uint16_t cntlid);
/* The one command that the host has just sent. */
const struct nvme_sqe *fake_command(const struct fake_ctrl *f, int i);
uint16_t fake_cid(const struct fake_ctrl *f, int i);
