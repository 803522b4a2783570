/* SPDX-License-Identifier: BSD-3-Clause */
/* target_io - an admin queue, an I/O queue and words to read and write, for tests. After cmocka.h. */
#pragma once

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "target_rig.h"

#define DNR   NVME_STATUS_DNR
#define BLOCK 512u

static struct rig rig;
static struct rig_conn admin, io;
static uint8_t pattern[1 << 20];

static inline int init(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 13 + (i >> 9) * 7 + 1);
	return 0;
}

static inline void live(const struct rig_config *c)
{
	rig_init(&rig, c);
	rig_live(&rig, &admin, 0, 0);
	rig_live(&rig, &io, 1, 1);
}

static inline int setup(void **state)
{
	struct rig_config c = { .backends = { "mem:1M", "mem:64K" } };

	(void)state;
	live(&c);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	rig_close(&io);
	rig_close(&admin);
	rig_free(&rig);
	return 0;
}

/* --- words --- */

static inline uint16_t status_of(uint16_t cid)
{
	const struct nvme_cqe *cqe;

	rig_run(&io);
	cqe = rig_answer(&io, cid);
	assert_non_null(cqe);
	return rig_status(cqe);
}

static inline uint16_t write_inline(uint64_t slba, uint32_t nlb, const void *data, uint32_t control)
{
	struct nvme_sqe sqe;

	nvme_sqe_rw(&sqe, NVME_CMD_WRITE, 1, slba, nlb, control);
	nvme_sqe_sgl_inline(&sqe, nlb * BLOCK);
	return status_of(rig_cmd(&io, &sqe, data, nlb * BLOCK));
}

static inline uint16_t start_write(uint64_t slba, uint32_t nlb)
{
	struct nvme_sqe sqe;

	nvme_sqe_rw(&sqe, NVME_CMD_WRITE, 1, slba, nlb, 0);
	nvme_sqe_sgl_transport(&sqe, nlb * BLOCK);
	return rig_cmd(&io, &sqe, NULL, 0);
}

static inline const struct nvme_tcp_r2t_pdu *r2t_of(uint16_t cid)
{
	for (int i = 0; i < io.count; i++)
		if (io.pdu[i].h.hdr.type == NVME_TCP_R2T &&
		    load_le16(io.pdu[i].h.r2t.command_id) == cid)
			return &io.pdu[i].h.r2t;
	return NULL;
}

static inline uint16_t ttag_of(uint16_t cid)
{
	assert_non_null(r2t_of(cid));
	return load_le16(r2t_of(cid)->ttag);
}

static inline uint16_t write_r2t(uint64_t slba, uint32_t nlb, const void *data, uint32_t piece)
{
	uint16_t cid = start_write(slba, nlb), ttag = ttag_of(cid);
	uint32_t len = nlb * BLOCK;

	for (uint32_t off = 0; off < len; off += piece) {
		uint32_t n = len - off < piece ? len - off : piece;

		rig_h2c(&io, cid, ttag, off, (const uint8_t *)data + off, n, off + n == len);
	}
	return status_of(cid);
}

/* Read, and compare with @want (NULL: only the status). */
static inline uint16_t read_back(uint64_t slba, uint32_t nlb, const void *want)
{
	const struct rig_pdu *p;
	struct nvme_sqe sqe;
	uint16_t cid, status;

	nvme_sqe_rw(&sqe, NVME_CMD_READ, 1, slba, nlb, 0);
	nvme_sqe_sgl_transport(&sqe, nlb * BLOCK);
	cid = rig_cmd(&io, &sqe, NULL, 0);
	status = status_of(cid);
	p = rig_data(&io, cid);
	assert_int_equal(p != NULL, status == 0);
	if (want) {
		assert_non_null(p);
		assert_int_equal(p->len, nlb * BLOCK);
		assert_false(p->ddgst_bad);
		assert_memory_equal(p->data, want, p->len);
	}
	rig_forget(&io);
	return status;
}

/* The same on a file, of which the I/O happens when it is told to. */
static char path[] = "/tmp/nvmetls-unit-XXXXXX";

static inline int file_setup(void **state)
{
	struct rig_config c = { .backends = { path, "mem:64K" } };
	int fd;

	(void)state;
	memcpy(path + strlen(path) - 6, "XXXXXX", 6);
	fd = mkstemp(path);
	if (fd < 0 || ftruncate(fd, 1 << 20) != 0)
		return -1;
	close(fd);
	live(&c);
	return 0;
}

static inline int file_teardown(void **state)
{
	rig.w[0].io_error = 0;
	teardown(state);
	return unlink(path);
}
