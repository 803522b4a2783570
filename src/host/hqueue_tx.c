/* SPDX-License-Identifier: BSD-3-Clause */
/* What a host sends: ICReq, Connect, CapsuleCmd, H2CData. */
#include "base/bytes.h"
#include "host/hqueue_impl.h"
#include "nvme/status.h"

/* One H2CData carries no more, so that small commands need not wait behind a large write. */
#define CHUNK_MAX (128u << 10)

void hqueue_send_icreq(struct hqueue *q)
{
	struct nvme_tcp_icreq_pdu req;

	ic_req_build(&q->config.ic, &req);
	pdu_writer_add(&q->stream.writer, &req, NULL, 0, 0, NULL);
}

/* ---- Connect ---- */

/* What a refused Connect means; NVMe Base 2.1, 6.3, and protocol notes in docs. */
static enum cause refusal(uint16_t status, uint32_t dw0)
{
	uint32_t where = dw0 & (0xffff | NVME_CONNECT_IPS_DATA);

	switch (status) {
	case NVME_SC_CONNECT_CTRL_BUSY:
		return CAUSE_CTRL_BUSY;
	case NVME_SC_CONNECT_INVALID_HOST:
		return CAUSE_HOST_DENIED;
	case NVME_SC_CONNECT_INVALID_PARAM:
		if (where == NVME_CONNECT_IPO_DATA(subsysnqn))
			return CAUSE_SUBSYS_UNKNOWN;
		if (where == NVME_CONNECT_IPO_DATA(hostnqn))
			return CAUSE_HOST_DENIED;
		if (where == NVME_CONNECT_IPO_DATA(cntlid))
			return CAUSE_CNTLID_UNKNOWN;
		return CAUSE_NVME_CONNECT;
	default:
		return CAUSE_NVME_CONNECT;
	}
}

static void connect_done(struct hqueue *q, struct hcmd *c)
{
	uint32_t dw0 = load_le32(c->cqe.dw0);
	struct fault why = OK;

	if (fault_is(c->why))
		return; /* the connection failed; its owner knows */
	if (c->status != NVME_SC_SUCCESS)
		why = (struct fault){ FAULT_NVME, (uint8_t)refusal(c->status, dw0), c->status,
				      dw0 };
	q->state = fault_is(why) ? HQUEUE_REFUSED : HQUEUE_LIVE;
	q->config.connected(q->config.ctx, why, &c->cqe);
}

void hqueue_send_connect(struct hqueue *q, uint64_t now_ns)
{
	uint8_t cattr = q->config.disable_sqflow ? NVME_CONNECT_DISABLE_SQFLOW : 0;
	struct hcmd *c = &q->connect;

	nvme_sqe_connect(&c->sqe, q->config.qid, q->config.entries, cattr,
			 q->config.qid == 0 ? q->config.kato_ms : 0);
	q->connect_iov = (struct iovec){ &q->connect_data, sizeof(q->connect_data) };
	c->dir = HCMD_TO_CTRL;
	c->iov = &q->connect_iov;
	c->iov_count = 1;
	c->len = sizeof(q->connect_data);
	c->timeout_ns = q->config.connect_timeout_ns ? q->config.connect_timeout_ns :
						       HCMD_NO_TIMEOUT;
	c->done = connect_done;
	hqueue_take_slot(q, c, now_ns);
}

/* ---- commands ---- */

/* Connect's data is always in the capsule: IOCCSZ counts from the command after it. */
static bool fits_capsule(const struct hqueue *q, const struct hcmd *c)
{
	return c->dir == HCMD_TO_CTRL &&
	       (c->len <= q->config.capsule_data_max || c == &q->connect);
}

static void send_command(struct hqueue *q, struct hcmd *c)
{
	struct nvme_tcp_cmd_pdu pdu = { .hdr.type = NVME_TCP_CMD };
	struct hslot *s = &q->slots[c->slot];

	s->state = HSLOT_SENT;
	s->in_capsule = fits_capsule(q, c);
	c->sqe.flags = NVME_CMD_SGL_METABUF;
	store_le16(c->sqe.cid, hqueue_cid(q, s));
	if (s->in_capsule)
		nvme_sqe_sgl_inline(&c->sqe, c->len);
	else
		nvme_sqe_sgl_transport(&c->sqe, c->len);
	pdu.sqe = c->sqe;
	if (s->in_capsule) {
		s->refs++;
		pdu_writer_add(&q->stream.writer, &pdu, c->iov, 0, c->len, s);
	} else {
		pdu_writer_add(&q->stream.writer, &pdu, NULL, 0, 0, NULL);
	}
}

/* ---- data for R2Ts ---- */

/*
 * Bytes of one H2CData: small enough for other commands to have their turn. With data digests as much
 * as the controller takes: nvmet checks the digest of a command's second PDU over its first bytes.
 */
static uint32_t chunk_max(const struct hqueue *q)
{
	return q->ic.ddgst || q->ic.maxh2cdata < CHUNK_MAX ? q->ic.maxh2cdata : CHUNK_MAX;
}

/* The next H2CData of @s. NVMe/TCP Transport 3.6.2.8: in order, LAST on the last of each R2T. */
static void send_chunk(struct hqueue *q, struct hslot *s)
{
	struct nvme_tcp_data_pdu pdu = { .hdr.type = NVME_TCP_H2C_DATA };
	struct hr2t *r = &s->r2t[s->r2t_head];
	uint32_t n = chunk_max(q);
	uint32_t off = r->off;

	if (r->left <= n) {
		n = r->left;
		pdu.hdr.flags = NVME_TCP_F_DATA_LAST;
	}
	store_le16(pdu.command_id, hqueue_cid(q, s));
	store_le16(pdu.ttag, r->ttag);
	store_le32(pdu.data_offset, off);
	store_le32(pdu.data_length, n);
	r->off += n;
	r->left -= n;
	if (r->left == 0) {
		s->r2t_head = (uint8_t)((s->r2t_head + 1) % q->r2t_max);
		s->r2t_count--;
	}
	list_del(&s->sending);
	if (s->r2t_count)
		list_add_tail(&q->sending, &s->sending); /* others have their turn */
	s->refs++;
	pdu_writer_add(&q->stream.writer, &pdu, s->cmd->iov, off, n, s);
}

void hqueue_pump(struct hqueue *q)
{
	struct pdu_writer *w = &q->stream.writer;
	struct list *n;

	while (pdu_writer_room(w) && (n = list_first(&q->waiting))) {
		list_del(n);
		send_command(q, container_of(n, struct hcmd, node));
	}
	while (pdu_writer_room(w) && (n = list_first(&q->sending)))
		send_chunk(q, container_of(n, struct hslot, sending));
}

void hqueue_released(void *owner, void *token)
{
	struct hqueue *q = owner;
	struct hslot *s = token;

	assert(s->refs > 0);
	s->refs--;
	if (s->state != HSLOT_ANSWERED || s->refs || s->r2t_count)
		return;
	hqueue_finish(q, s);
	q->config.wake(q->config.ctx);
}
