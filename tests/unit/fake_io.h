/* SPDX-License-Identifier: BSD-3-Clause */
/* fake_io - commands with memory, for tests of the host's queue. Include after cmocka.h. */
#pragma once

#include <stdlib.h>

#include "base/bytes.h"
#include "fake_ctrl.h"

#define LAST	NVME_TCP_F_DATA_LAST
#define SUCCESS NVME_TCP_F_DATA_SUCCESS

static inline void must(struct fault why)
{
	assert_int_equal(why.kind, FAULT_NONE);
}

static inline void refused(struct fault why, enum fault_kind kind, uint16_t code, uint32_t at)
{
	assert_int_equal(why.kind, kind);
	assert_int_equal(why.code, code);
	assert_int_equal(why.at, at);
}

/* A command and its memory. */
struct io {
	struct hcmd cmd;
	struct iovec iov[2];
	uint8_t *mem;
	int done;
	struct io *again; /* submitted from done() */
};

static inline void io_done(struct hqueue *q, struct hcmd *c)
{
	struct io *io = container_of(c, struct io, cmd);

	io->done++;
	if (io->again) {
		hqueue_submit(q, &io->again->cmd, 0);
		io->again = NULL;
	}
}

/* The data memory is cut at @split (0: one piece). */
static inline void io_prepare(struct io *io, enum hcmd_dir dir, uint32_t len, uint32_t split)
{
	*io = (struct io){ .cmd = { .dir = dir, .len = len, .done = io_done } };
	nvme_sqe_rw(&io->cmd.sqe, dir == HCMD_FROM_CTRL ? NVME_CMD_READ : NVME_CMD_WRITE, 1, 0,
		    len / 512 ? len / 512 : 1, 0);
	if (len == 0)
		return;
	io->mem = malloc(len);
	for (uint32_t i = 0; i < len; i++)
		io->mem[i] = dir == HCMD_TO_CTRL ? (uint8_t)(i * 7 + (i >> 8)) : 0xee;
	io->iov[0] = (struct iovec){ io->mem, split ? split : len };
	io->iov[1] = (struct iovec){ io->mem + split, len - split };
	io->cmd.iov = io->iov;
	io->cmd.iov_count = split ? 2 : 1;
}

static inline void io_start(struct fake_ctrl *f, struct io *io, enum hcmd_dir dir, uint32_t len)
{
	io_prepare(io, dir, len, 0);
	hqueue_submit(f->q, &io->cmd, f->now);
}

static const struct hqueue_config io_queue = {
	.qid = 1, .entries = 128, .cntlid = 1, .capsule_data_max = 4096,
};
