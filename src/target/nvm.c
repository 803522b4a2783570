/* SPDX-License-Identifier: BSD-3-Clause */
/* I/O commands. NVM Command Set Specification 3.2, 3.3. */
#include "target/target_impl.h"

static bool writes(uint8_t opcode)
{
	return opcode == NVME_CMD_WRITE || opcode == NVME_CMD_WRITE_ZEROES ||
	       opcode == NVME_CMD_DSM;
}

/* SLBA and NLB within the namespace, without overflow; the SGL is as long as they say. */
static uint16_t check_range(const struct tcmd *c, bool data)
{
	uint64_t slba = nvme_rw_slba(&c->sqe), nlb = nvme_rw_nlb(&c->sqe);

	if (slba > c->ns->blocks || nlb > c->ns->blocks - slba)
		return NVME_SC_LBA_RANGE | DNR;
	if (data && c->len != nlb << c->ns->lba_shift)
		return NVME_SC_SGL_INVALID_DATA | DNR;
	return 0;
}

uint16_t nvm_check(struct tcmd *c)
{
	uint32_t nsid = load_le32(c->sqe.nsid);
	uint8_t op = c->sqe.opcode;

	if (op != NVME_CMD_FLUSH && op != NVME_CMD_WRITE && op != NVME_CMD_READ &&
	    op != NVME_CMD_WRITE_ZEROES && op != NVME_CMD_DSM)
		return NVME_SC_INVALID_OPCODE | DNR;
	if (op == NVME_CMD_FLUSH && nsid == NVME_NSID_ALL)
		return 0;
	c->ns = target_view_ns(c->tc->view, nsid);
	if (!c->ns)
		return NVME_SC_INVALID_NS | DNR;
	if (writes(op) && c->ns->backend->read_only)
		return NVME_SC_NS_WRITE_PROTECTED | DNR;
	if (op == NVME_CMD_READ || op == NVME_CMD_WRITE)
		return check_range(c, true);
	if (op == NVME_CMD_WRITE_ZEROES)
		return check_range(c, false);
	return 0;
}

/* --- completions --- */

static void count(struct tcmd *c)
{
	struct tconn *tc = c->tc;

	if (c->io.op == IO_READ) {
		tconn_count(&tc->reads, 1);
		tconn_count(&tc->read_bytes, c->len);
	} else if (c->io.op == IO_WRITE) {
		tconn_count(&tc->writes, 1);
		tconn_count(&tc->written_bytes, c->len);
	}
}

static void rw_done(struct world *w, struct io *io)
{
	struct tcmd *c = container_of(io, struct tcmd, io);

	(void)w;
	c->tc->in_flight--;
	if (io->err == 0)
		count(c);
	if (io->err == 0 && io->op == IO_READ) {
		if (!io->borrowed)
			tcmd_set_iov(c);	/* a transfer in several parts has used it up */
		c->sent_len = c->len;
	}
	tcmd_complete(c, tcmd_io_status(c));
}

static void set_io(struct tcmd *c, enum io_op op, uint64_t slba, uint64_t blocks)
{
	c->io = (struct io){
		.op = op,
		.offset_bytes = slba << c->ns->lba_shift,
		.len_bytes = blocks << c->ns->lba_shift,
		.iov = c->iov,
		.iov_count = c->iov_count,
	};
}

static bool fua(const struct tcmd *c)
{
	return load_le32(c->sqe.cdw12) & NVME_RW_FUA;
}

static void read_now(struct tcmd *c)
{
	set_io(c, IO_READ, nvme_rw_slba(&c->sqe), nvme_rw_nlb(&c->sqe));
	/* with a data digest cipher and digest must see the same bytes: a copy of our own */
	c->io.may_borrow = c->buf_count == 0;
	if (c->io.may_borrow)
		c->io.iov_count = 0;
	tcmd_submit(c, rw_done);
}

/* Backends that lend their memory need no buffer; the others get one first. */
static bool lends(const struct tcmd *c)
{
	return c->ns->backend->lends && !c->tc->ic.ddgst;
}

static void do_read(struct tcmd *c)
{
	if (c->buf_count || lends(c))
		read_now(c);
	else
		tcmd_want_buffers(c);	/* comes back here with buffers */
}

static void do_write(struct tcmd *c)
{
	set_io(c, IO_WRITE, nvme_rw_slba(&c->sqe), nvme_rw_nlb(&c->sqe));
	c->io.fua = fua(c);
	tcmd_submit(c, rw_done);
}

static void do_write_zeroes(struct tcmd *c)
{
	set_io(c, IO_WRITE_ZEROES, nvme_rw_slba(&c->sqe), nvme_rw_nlb(&c->sqe));
	c->io.iov_count = 0;
	c->io.fua = fua(c);
	c->io.may_unmap = load_le32(c->sqe.cdw12) & NVME_RW_DEAC;
	tcmd_submit(c, rw_done);
}

/* --- commands of several steps, one after the other: Flush of all namespaces, DSM --- */

static const struct nvme_dsm_range *dsm_range(const struct tcmd *c, uint32_t i)
{
	return (const struct nvme_dsm_range *)c->iov[0].iov_base + i;	/* 4 KiB fit one buffer */
}

static void prepare_step(struct tcmd *c, uint32_t i)
{
	if (c->sqe.opcode == NVME_CMD_DSM) {
		const struct nvme_dsm_range *r = dsm_range(c, i);

		set_io(c, IO_DEALLOCATE, load_le64(r->slba), load_le32(r->nlb));
	} else {
		if (load_le32(c->sqe.nsid) == NVME_NSID_ALL)
			c->ns = &c->tc->view->ns[i];
		set_io(c, IO_FLUSH, 0, 0);
	}
	c->io.iov_count = 0;
}

static void step_done(struct world *w, struct io *io);

static void next_steps(struct tcmd *c)
{
	while (c->io.err == 0 && c->step < c->steps && !c->tc->ended) {
		prepare_step(c, c->step++);
		if (c->io.op == IO_DEALLOCATE && c->io.len_bytes == 0)
			continue;
		if (tcmd_submit_step(c, step_done))
			return;
	}
	tcmd_complete(c, tcmd_io_status(c));
}

static void step_done(struct world *w, struct io *io)
{
	struct tcmd *c = container_of(io, struct tcmd, io);

	(void)w;
	c->tc->in_flight--;
	next_steps(c);
}

static void do_steps(struct tcmd *c, uint32_t steps)
{
	c->io.err = 0;
	c->step = 0;
	c->steps = steps;
	next_steps(c);
}

static void do_flush(struct tcmd *c)
{
	do_steps(c, load_le32(c->sqe.nsid) == NVME_NSID_ALL ? c->tc->view->count : 1);
}

static void do_dsm(struct tcmd *c)
{
	uint32_t ranges = (load_le32(c->sqe.cdw10) & NVME_DSM_NR_MASK) + 1;

	if (c->len < ranges * sizeof(struct nvme_dsm_range)) {
		tcmd_complete(c, NVME_SC_SGL_INVALID_DATA | DNR);
		return;
	}
	for (uint32_t i = 0; i < ranges; i++) {
		uint64_t slba = load_le64(dsm_range(c, i)->slba),
			 nlb = load_le32(dsm_range(c, i)->nlb);

		if (slba > c->ns->blocks || nlb > c->ns->blocks - slba) {
			tcmd_complete(c, NVME_SC_LBA_RANGE | DNR);
			return;
		}
	}
	/* without AD these are hints about use: nothing to do */
	do_steps(c, load_le32(c->sqe.cdw11) & NVME_DSM_AD ? ranges : 0);
}

void nvm_execute(struct tcmd *c)
{
	uint16_t status = nvm_check(c);

	if (status) {
		tcmd_complete(c, status);
		return;
	}
	switch (c->sqe.opcode) {
	case NVME_CMD_READ:
		do_read(c);
		break;
	case NVME_CMD_WRITE:
		do_write(c);
		break;
	case NVME_CMD_WRITE_ZEROES:
		do_write_zeroes(c);
		break;
	case NVME_CMD_DSM:
		do_dsm(c);
		break;
	default:
		do_flush(c);
		break;
	}
}
