/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of a command: FREE -> (CAPSULE | WAIT -> R2T) -> IO -> DONE -> SENDING -> FREE.
 *
 * Completions may come from inside other work; they only put the command on the done list. PDUs
 * are queued by tcmd_flush_done(), at most two per command, so the writer always has room.
 */

#include "target/target_impl.h"

static struct fault seq_error(void)
{
	return (struct fault){ FAULT_PDU, CAUSE_PDU_INVALID, NVME_TCP_FES_SEQ_ERROR, 0 };
}

static bool cid_taken(const struct tconn *tc, uint16_t cid)
{
	return tc->cid_used && tc->cid_used[cid / 8] & (1 << cid % 8);
}

static void cid_take(struct tcmd *c)
{
	c->duplicate = cid_taken(c->tc, c->cid);
	if (c->tc->cid_used)
		c->tc->cid_used[c->cid / 8] |= (uint8_t)(1 << c->cid % 8);
}

/* From here on the host may use the CID again. */
static void cid_give_back(struct tcmd *c)
{
	if (!c->duplicate && c->tc->cid_used)
		c->tc->cid_used[c->cid / 8] &= (uint8_t)~(1 << c->cid % 8);
}

static bool is_fabrics(const struct tcmd *c)
{
	return c->sqe.opcode == NVME_ADMIN_FABRICS;
}

/* --- begin --- */

/* In-capsule data that a command may bring. TCP Transport 3.3.2.1. */
static uint32_t capsule_max(const struct tcmd *c)
{
	const struct tconn *tc = c->tc;

	return tc->state == CONN_CONNECT || tc->qid == 0 || is_fabrics(c) ?
		       NVME_TCP_ADMIN_CAPSULE_MAX : tc->target->config.capsule_data_bytes;
}

/* What is wrong with flags and SGL; 0: nothing. Base 4.3.2, TCP Transport 3.3.2. */
static uint16_t check_sgl(struct tcmd *c, uint32_t data_len)
{
	const struct nvme_sgl *sgl = &c->sqe.sgl;
	enum nvme_data_dir dir = nvme_sqe_dir(&c->sqe);

	if (c->sqe.flags & NVME_CMD_FUSE_MASK ||
	    (c->sqe.flags & NVME_CMD_PSDT_MASK) != NVME_CMD_SGL_METABUF)
		return NVME_SC_INVALID_FIELD | DNR;
	c->len = load_le32(sgl->length);
	if (sgl->type == NVME_SGL_DATA_OFFSET) {
		if (dir != NVME_DIR_H2C)
			return NVME_SC_INVALID_FIELD | DNR;
		if (load_le64(sgl->addr) != 0 || c->len > capsule_max(c))
			return NVME_SC_SGL_INVALID_OFFSET | DNR;
		return c->len == data_len ? 0 : NVME_SC_SGL_INVALID_DATA | DNR;
	}
	if (sgl->type != NVME_SGL_TRANSPORT)
		return NVME_SC_SGL_INVALID_TYPE | DNR;
	if (data_len || (dir == NVME_DIR_NONE && c->len))
		return NVME_SC_SGL_INVALID_DATA | DNR;
	if (c->len > c->tc->target->config.mdts_bytes)
		return NVME_SC_INVALID_FIELD | DNR;
	return c->len % 4 ? NVME_SC_SGL_INVALID_DATA | DNR : 0;
}

struct fault tcmd_begin(struct tconn *tc, const struct nvme_sqe *sqe, uint32_t data_len)
{
	struct list *it = list_first(&tc->free);
	uint16_t cid = load_le16(sqe->cid);
	struct tcmd *c;

	/* more commands than the queue has entries: the host cannot count */
	if (!it)
		return seq_error();
	c = container_of(it, struct tcmd, node);
	list_del(it);
	c->sqe = *sqe;
	c->cid = cid;
	c->len = c->received = c->sent_len = 0;
	c->status = 0;
	c->result = 0;
	c->ns = NULL;
	c->io.done = NULL;
	c->state = TCMD_CAPSULE;
	tc->cur = c;
	tconn_count(&tc->activity, 1);
	if (tc->entries)
		tc->sqhd = (uint16_t)((tc->sqhd + 1u) % tc->entries);
	cid_take(c);
	c->status = c->duplicate ? NVME_SC_CMDID_CONFLICT | DNR : check_sgl(c, data_len);
	c->discard = c->status != 0;
	if (c->status || data_len == 0)
		return OK;
	if (!tcmd_take_spare(c, data_len)) {	/* not reached: tconn_input() has one */
		c->status = NVME_SC_INTERNAL;
		c->discard = true;
	}
	return OK;
}

struct fault tcmd_capsule_end(struct tconn *tc, struct tcmd *c, bool ddgst_bad)
{
	tc->cur = NULL;
	if (tc->state == CONN_CONNECT && !(is_fabrics(c) && c->sqe.fctype == NVME_FCTYPE_CONNECT))
		return seq_error();
	if (ddgst_bad && !c->status)
		c->status = NVME_SC_TRANSIENT_TR_ERR;
	if (!c->status)
		c->status = tauth_check(c);
	if (c->status)
		tcmd_complete(c, c->status);
	else if (c->len && c->sqe.sgl.type == NVME_SGL_TRANSPORT)
		tcmd_want_data(c);
	else
		tcmd_execute(c);
	return OK;
}

/* Data that does not come in the capsule. What cannot be carried out is answered without it. */
void tcmd_want_data(struct tcmd *c)
{
	uint16_t status = 0;

	if (nvme_sqe_dir(&c->sqe) != NVME_DIR_H2C) {
		tcmd_execute(c);	/* it takes buffers when it knows that it needs them */
		return;
	}
	if (c->tc->state == CONN_CONNECT)	/* its data comes in the capsule */
		status = NVME_SC_SGL_INVALID_DATA | DNR;
	else if (c->tc->qid && !is_fabrics(c))
		status = nvm_check(c);
	if (status)
		tcmd_complete(c, status);
	else
		tcmd_want_buffers(c);	/* R2T follows */
}

void tcmd_execute(struct tcmd *c)
{
	c->state = TCMD_IO;
	if (is_fabrics(c))
		fabrics_execute(c);
	else if (c->tc->qid == 0)
		admin_execute(c);
	else
		nvm_execute(c);
}

/* --- the backend --- */

bool tcmd_submit_step(struct tcmd *c, void (*done)(struct world *w, struct io *io))
{
	struct tconn *tc = c->tc;

	c->state = TCMD_IO;
	c->io.done = done;
	tc->in_flight++;
	if (backend_submit(c->ns->backend, tc->w, &c->io) == IO_PENDING)
		return true;
	tc->in_flight--;
	return false;
}

void tcmd_submit(struct tcmd *c, void (*done)(struct world *w, struct io *io))
{
	if (tcmd_submit_step(c, done))
		return;
	c->tc->in_flight++;	/* @done counts it off */
	done(c->tc->w, &c->io);
}

/* --- complete --- */

void tcmd_complete(struct tcmd *c, uint16_t status)
{
	struct tconn *tc = c->tc;

	c->status = status;
	c->state = TCMD_DONE;
	c->io.done = NULL;
	if (status || !c->sent_len)	/* a host that does not read its answers holds no data of its writes */
		tcmd_put_buffers(c);
	if (tc->ended) {	/* nobody to answer: the last I/O of a connection that is over */
		tcmd_put_buffers(c);
		c->state = TCMD_FREE;
		if (tc->in_flight == 0 && tc->wake)
			tc->wake(tc->wake_ctx);
		return;
	}
	list_add_tail(&tc->done, &c->node);
	if (tc->wake && !tc->busy)
		tc->wake(tc->wake_ctx);
}

void tcmd_complete_result(struct tcmd *c, uint64_t result)
{
	c->result = result;
	tcmd_complete(c, 0);
}

static void send_data(struct tcmd *c, bool success)
{
	struct nvme_tcp_data_pdu pdu = { .hdr = { .type = NVME_TCP_C2H_DATA,
						  .hlen = NVME_TCP_DATA_HLEN,
						  .flags = NVME_TCP_F_DATA_LAST } };

	if (success)
		pdu.hdr.flags |= NVME_TCP_F_DATA_SUCCESS;
	store_le16(pdu.command_id, c->cid);
	store_le32(pdu.data_length, c->sent_len);
	pdu_writer_add(&c->tc->stream.writer, &pdu, c->iov, 0, c->sent_len, success ? c : NULL);
}

static void send_response(struct tcmd *c)
{
	struct tconn *tc = c->tc;
	struct nvme_tcp_rsp_pdu pdu = { .hdr = { .type = NVME_TCP_RSP,
						 .hlen = NVME_TCP_RSP_HLEN } };

	nvme_cqe_init(&pdu.cqe, c->cid, c->status, c->result,
		      tc->sqflow_off ? NVME_SQHD_NO_FLOW_CONTROL : tc->sqhd);
	pdu_writer_add(&tc->stream.writer, &pdu, NULL, 0, 0, c);
}

static void answer(struct tcmd *c)
{
	bool data = c->status == 0 && c->sent_len;
	/* 3.6.2.10: the flag stands for a completion of zeroes, and there must be no SQHD to tell */
	bool success = data && c->tc->sqflow_off && c->result == 0;

	c->state = TCMD_SENDING;
	cid_give_back(c);
	if (data)
		send_data(c, success);
	if (!success)
		send_response(c);
}

void tcmd_drop(struct tcmd *c)
{
	cid_give_back(c);
	tcmd_put_buffers(c);
	c->state = TCMD_FREE;
	list_add_tail(&c->tc->free, &c->node);
}

void tcmd_flush_done(struct tconn *tc)
{
	struct list *it;

	while (!tc->stream.term_sent && (it = list_first(&tc->done))) {
		list_del(it);
		answer(container_of(it, struct tcmd, node));
	}
}

void tcmd_released(void *owner, void *token)
{
	struct tconn *tc = owner;
	struct tcmd *c = token;

	if (c->state != TCMD_SENDING)
		return;
	tcmd_put_buffers(c);
	c->state = TCMD_FREE;
	list_add_tail(&tc->free, &c->node);
}
