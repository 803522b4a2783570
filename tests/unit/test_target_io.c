/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target/nvm and tconn_data: I/O commands, their SGLs and ranges, R2T and H2CData with every rule
 * of protocol.md 1.9, digests, places, and buffers that run out.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "target_rig.h"

#define DNR   NVME_STATUS_DNR
#define BLOCK 512u

static struct rig rig;
static struct rig_conn admin, io;
static uint8_t pattern[1 << 20], zero[1 << 20];

static int init(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 13 + (i >> 9) * 7 + 1);
	return 0;
}

static void live(const struct rig_config *c)
{
	rig_init(&rig, c);
	rig_live(&rig, &admin, 0, 0);
	rig_live(&rig, &io, 1, 1);
}

static int setup(void **state)
{
	struct rig_config c = { .backends = { "mem:1M", "mem:64K" } };

	(void)state;
	live(&c);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close(&io);
	rig_close(&admin);
	rig_free(&rig);
	return 0;
}

/* --- words --- */

static uint16_t status_of(uint16_t cid)
{
	const struct nvme_cqe *cqe;

	rig_run(&io);
	cqe = rig_answer(&io, cid);
	assert_non_null(cqe);
	return rig_status(cqe);
}

static uint16_t write_inline(uint64_t slba, uint32_t nlb, const void *data, uint32_t control)
{
	struct nvme_sqe sqe;

	nvme_sqe_rw(&sqe, NVME_CMD_WRITE, 1, slba, nlb, control);
	nvme_sqe_sgl_inline(&sqe, nlb * BLOCK);
	return status_of(rig_cmd(&io, &sqe, data, nlb * BLOCK));
}

static uint16_t start_write(uint64_t slba, uint32_t nlb)
{
	struct nvme_sqe sqe;

	nvme_sqe_rw(&sqe, NVME_CMD_WRITE, 1, slba, nlb, 0);
	nvme_sqe_sgl_transport(&sqe, nlb * BLOCK);
	return rig_cmd(&io, &sqe, NULL, 0);
}

static const struct nvme_tcp_r2t_pdu *r2t_of(uint16_t cid)
{
	for (int i = 0; i < io.count; i++)
		if (io.pdu[i].h.hdr.type == NVME_TCP_R2T &&
		    load_le16(io.pdu[i].h.r2t.command_id) == cid)
			return &io.pdu[i].h.r2t;
	return NULL;
}

static uint16_t ttag_of(uint16_t cid)
{
	assert_non_null(r2t_of(cid));
	return load_le16(r2t_of(cid)->ttag);
}

static uint16_t write_r2t(uint64_t slba, uint32_t nlb, const void *data, uint32_t piece)
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
static uint16_t read_back(uint64_t slba, uint32_t nlb, const void *want)
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

/* --- reading and writing --- */

static void round_trip(void **state)
{
	static const size_t cuts[] = { 0, 1, 7, 4096 };

	(void)state;
	for (int digests = 0; digests < 4; digests++) {
		for (size_t i = 0; i < ARRAY_SIZE(cuts) * 2; i++) {
			setup(NULL);
			rig_close(&io);
			rig_close(&admin);
			rig_live(&rig, &admin, 0, 0);
			rig_open(&rig, &io, NULL);
			io.hdgst = digests & 1;
			io.ddgst = digests & 2;
			io.hpda = (uint8_t)(i * 4);
			rig_go_live(&io, 1, 2);
			io.cut = cuts[i / 2];
			io.by_place = i % 2;
			assert_int_equal(read_back(0, 8, zero), 0);
			assert_int_equal(write_inline(3, 8, pattern, 0), 0);
			assert_int_equal(write_inline(11, 32, pattern + 4096, 0), 0);
			assert_int_equal(write_r2t(43, 300, pattern + 20480, 65536), 0);
			assert_int_equal(write_r2t(343, 8, pattern + 174080, 512), 0);
			assert_int_equal(read_back(3, 348, pattern), 0);
			assert_int_equal(read_back(2040, 8, zero), 0);
			assert_int_equal(io.why.kind, FAULT_NONE);
			teardown(NULL);
		}
	}
}

/* The whole of MDTS, over all its buffers; and one command more than that. */
static void mdts(void **state)
{
	(void)state;
	for (int place = 0; place < 2; place++) {
		setup(NULL);
		io.by_place = place;
		assert_int_equal(write_r2t(0, 2048, pattern, 1 << 20), 0);
		assert_int_equal(read_back(0, 2048, pattern), 0);
		assert_int_equal(read_back(0, 2049, NULL), 0x002 | DNR);
		assert_int_equal(status_of(start_write(0, 2049)), 0x002 | DNR);
		assert_int_equal(write_r2t(1024, 1024, pattern, 1 << 18), 0);
		assert_int_equal(read_back(1024, 1024, pattern), 0);
		teardown(NULL);
	}
}

/* SUCCESS takes the place of the response, but only without flow control, and only for success. */
static void success_flag(void **state)
{
	struct rig_connect k;
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;
	uint16_t cid;

	(void)state;
	for (int off = 0; off < 2; off++) {
		setup(NULL);
		rig_close(&io);
		rig_close(&admin);
		rig_live(&rig, &admin, 0, 0);
		rig_open(&rig, &io, NULL);
		rig_icreq(&io);
		rig_connect_init(&k, 1, 2);
		k.sqe.cattr = off ? NVME_CONNECT_DISABLE_SQFLOW : 0;
		cqe = rig_connect(&io, &k);
		assert_int_equal(rig_status(&cqe), 0);
		rig_forget(&io);
		nvme_sqe_rw(&sqe, NVME_CMD_READ, 1, 0, 1, 0);
		nvme_sqe_sgl_transport(&sqe, BLOCK);
		cid = rig_cmd(&io, &sqe, NULL, 0);
		assert_int_equal(rig_data(&io, cid)->h.hdr.flags, off ? 0x0c : 0x04);
		assert_int_equal(io.count, off ? 1 : 2);
		assert_int_equal(read_back(2048, 1, NULL), 0x080 | DNR);
		teardown(NULL);
	}
}

/* --- SGLs, ranges, flags --- */

static void sgls(void **state)
{
	static const struct {
		const char *what;
		uint8_t opcode, flags, type;
		uint64_t addr;
		uint32_t sgl_len, in_capsule, nlb;
		uint16_t status;
	} cases[] = {
		/* clang-format off */
		{ "in capsule",           1, 0x40, 0x01, 0, 4096,  4096,  8,  0 },
		{ "PSDT 00b",             1, 0x00, 0x01, 0, 4096,  4096,  8,  0x002 | DNR },
		{ "PSDT 10b",             2, 0x80, 0x5a, 0, 4096,  0,     8,  0x002 | DNR },
		{ "fused",                1, 0x41, 0x01, 0, 4096,  4096,  8,  0x002 | DNR },
		{ "offset",               1, 0x40, 0x01, 4, 4096,  4096,  8,  0x016 | DNR },
		{ "capsule too long",     1, 0x40, 0x01, 0, 16896, 0,     33, 0x016 | DNR },
		{ "capsule short",        1, 0x40, 0x01, 0, 4096,  2048,  8,  0x00f | DNR },
		{ "capsule long",         1, 0x40, 0x01, 0, 4096,  8192,  8,  0x00f | DNR },
		{ "capsule and NLB",      1, 0x40, 0x01, 0, 4096,  4096,  7,  0x00f | DNR },
		{ "capsule for a read",   2, 0x40, 0x01, 0, 4096,  4096,  8,  0x002 | DNR },
		{ "transport and data",   1, 0x40, 0x5a, 0, 4096,  4096,  8,  0x00f | DNR },
		{ "length and NLB",       1, 0x40, 0x5a, 0, 4096,  0,     9,  0x00f | DNR },
		{ "length and NLB, read", 2, 0x40, 0x5a, 0, 4096,  0,     7,  0x00f | DNR },
		{ "no data to read",      2, 0x40, 0x5a, 0, 0,     0,     1,  0x00f | DNR },
		{ "no data to write",     1, 0x40, 0x5a, 0, 0,     0,     1,  0x00f | DNR },
		{ "no dwords",            2, 0x40, 0x5a, 0, 4095,  0,     8,  0x00f | DNR },
		{ "keyed",                1, 0x40, 0x4f, 0, 4096,  0,     8,  0x011 | DNR },
		{ "data block",           1, 0x40, 0x00, 0, 4096,  0,     8,  0x011 | DNR },
		{ "segment",              1, 0x40, 0x21, 0, 4096,  0,     8,  0x011 | DNR },
		{ "over 2 GiB",           2, 0x40, 0x5a, 0, ~3u,   0,     8,  0x002 | DNR },
		{ "Flush with data",      0, 0x40, 0x5a, 0, 4096,  0,     8,  0x00f | DNR },
		{ "read",                 2, 0x40, 0x5a, 0, 4096,  0,     8,  0 },
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nvme_sqe sqe;
		uint16_t status;

		nvme_sqe_rw(&sqe, cases[i].opcode, 1, 0, cases[i].nlb, 0);
		sqe.flags = cases[i].flags;
		sqe.sgl = (struct nvme_sgl){ .type = cases[i].type };
		store_le64(sqe.sgl.addr, cases[i].addr);
		store_le32(sqe.sgl.length, cases[i].sgl_len);
		status = status_of(rig_cmd(&io, &sqe, pattern, cases[i].in_capsule));
		if (status != cases[i].status)
			fail_msg("%s: %x", cases[i].what, status);
		assert_false(io.ended);
		rig_forget(&io);
	}
}

static void ranges(void **state)
{
	static const struct {
		uint64_t slba;
		uint32_t nlb, nsid;
		uint16_t status;
	} cases[] = {
		{ 0, 1, 1, 0 },
		{ 2047, 1, 1, 0 },
		{ 2040, 8, 1, 0 },
		{ 2041, 8, 1, 0x080 | DNR },
		{ 2048, 1, 1, 0x080 | DNR },
		{ UINT64_MAX, 1, 1, 0x080 | DNR },
		{ UINT64_MAX - 6, 8, 1, 0x080 | DNR }, /* SLBA + NLB is 1 */
		{ 1ull << 55, 8, 1, 0x080 | DNR },     /* bytes are 0 */
		{ 0, 1, 0, 0x00b | DNR },
		{ 0, 1, 3, 0x00b | DNR },
		{ 0, 1, 0xffffffff, 0x00b | DNR },
		{ 127, 1, 2, 0 },
		{ 128, 1, 2, 0x080 | DNR },
	};
	static const uint8_t ops[] = { NVME_CMD_READ, NVME_CMD_WRITE, NVME_CMD_WRITE_ZEROES };
	struct nvme_sqe sqe;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases) * ARRAY_SIZE(ops); i++) {
		size_t k = i / ARRAY_SIZE(ops);
		uint8_t op = ops[i % ARRAY_SIZE(ops)];
		uint32_t len = op == NVME_CMD_WRITE ? cases[k].nlb * BLOCK : 0;

		nvme_sqe_rw(&sqe, op, cases[k].nsid, cases[k].slba, cases[k].nlb, 0);
		if (op == NVME_CMD_WRITE)
			nvme_sqe_sgl_inline(&sqe, len);
		else if (op == NVME_CMD_READ)
			nvme_sqe_sgl_transport(&sqe, cases[k].nlb * BLOCK);
		assert_int_equal(status_of(rig_cmd(&io, &sqe, pattern, len)), cases[k].status);
		rig_forget(&io);
	}
	/* a write that cannot be is refused before its data is asked for */
	assert_int_equal(status_of(start_write(2048, 8)), 0x080 | DNR);
	assert_null(rig_last(&io, NVME_TCP_R2T));
}

static void opcodes(void **state)
{
	static const uint8_t there[] = { 0x00, 0x01, 0x02, 0x08, 0x09, 0x7f };
	struct nvme_sqe sqe;

	(void)state;
	for (unsigned int op = 0; op < 256; op++) {
		if (memchr(there, (int)op, sizeof(there)))
			continue;
		nvme_sqe_init(&sqe, (uint8_t)op, 1);
		assert_int_equal(status_of(rig_cmd(&io, &sqe, NULL, 0)), 0x001 | DNR);
		rig_forget(&io);
	}
	/* one that would bring data is refused without it, too */
	nvme_sqe_rw(&sqe, NVME_CMD_COMPARE, 1, 0, 8, 0);
	nvme_sqe_sgl_transport(&sqe, 4096);
	assert_int_equal(status_of(rig_cmd(&io, &sqe, NULL, 0)), 0x001 | DNR);
}

/* --- R2T and H2CData --- */

/* The R2T asks for all of it. */
static void r2t(void **state)
{
	const struct nvme_tcp_r2t_pdu *r;
	uint16_t a, b;

	(void)state;
	a = start_write(0, 100);
	b = start_write(100, 8);
	r = r2t_of(a);
	assert_non_null(r);
	assert_int_equal(load_le32(r->r2t_offset), 0);
	assert_int_equal(load_le32(r->r2t_length), 100 * BLOCK);
	assert_int_not_equal(ttag_of(a), ttag_of(b));
	/* in any order, and between each other */
	rig_h2c(&io, a, ttag_of(a), 0, pattern, 2048, false);
	rig_h2c(&io, b, ttag_of(b), 0, pattern + 51200, 4096, true);
	assert_int_equal(status_of(b), 0);
	assert_null(rig_answer(&io, a));
	rig_h2c(&io, a, ttag_of(a), 2048, pattern + 2048, 100 * BLOCK - 2048, true);
	assert_int_equal(status_of(a), 0);
	assert_int_equal(read_back(0, 108, pattern), 0);
}

struct h2c_case {
	const char *what;
	int cid, ttag;		/* added to the right ones */
	uint32_t off, len;
	bool last;
	uint16_t fes;		/* 0: good */
	uint32_t fei;
};

/* One H2CData for an R2T of 8192 bytes of which 4096 have come. */
static void h2c_errors(void **state)
{
	static const struct h2c_case cases[] = {
		/* clang-format off */
		{ "the rest",          0, 0,     4096, 4096, true,  0, 0 },
		{ "a part",            0, 0,     4096, 2048, false, 0, 0 },
		{ "TTAG next",         0, 1,     4096, 4096, true,  NVME_TCP_FES_INVALID_HDR, 10 },
		{ "TTAG wild",         0, 30000, 4096, 4096, true,  NVME_TCP_FES_INVALID_HDR, 10 },
		{ "CCCID",             1, 0,     4096, 4096, true,  NVME_TCP_FES_INVALID_HDR, 8 },
		{ "again",             0, 0,     0,    4096, false, NVME_TCP_FES_SEQ_ERROR, 0 },
		{ "gap",               0, 0,     6144, 2048, true,  NVME_TCP_FES_SEQ_ERROR, 0 },
		{ "beyond",            0, 0,     4096, 4100, true,  NVME_TCP_FES_DATA_RANGE, 0 },
		{ "offset beyond",     0, 0,     8196, 4,    true,  NVME_TCP_FES_DATA_RANGE, 0 },
		{ "offset at the end", 0, 0,     8192, 4,    true,  NVME_TCP_FES_DATA_RANGE, 0 },
		{ "offset wraps",      0, 0,     ~0u - 3, 8, true,  NVME_TCP_FES_DATA_RANGE, 0 },
		{ "LAST early",        0, 0,     4096, 2048, true,  NVME_TCP_FES_INVALID_HDR, 1 },
		{ "LAST missing",      0, 0,     4096, 4096, false, NVME_TCP_FES_INVALID_HDR, 1 },
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases) * 2; i++) {
		const struct h2c_case *k = &cases[i / 2];
		uint16_t cid, ttag;

		setup(NULL);
		io.by_place = i % 2;
		cid = start_write(0, 16);
		ttag = ttag_of(cid);
		rig_h2c(&io, cid, ttag, 0, pattern, 4096, false);
		rig_h2c(&io, (uint16_t)(cid + k->cid), (uint16_t)(ttag + k->ttag), k->off, pattern,
			k->len, k->last);
		if (io.ended != (k->fes != 0) || io.why.code != k->fes || io.why.at != k->fei)
			fail_msg("%s: %d, FES %u, FEI %u", k->what, io.ended, io.why.code, io.why.at);
		if (k->fes) {
			assert_int_equal(load_le16(rig_last(&io, NVME_TCP_C2H_TERM)->h.term.fes),
					 k->fes);
			assert_null(rig_answer(&io, cid));
		}
		teardown(NULL);
	}
}

/* MAXH2CDATA is a limit of its own, told in ICResp. */
static void h2c_too_long(void **state)
{
	struct rig_config c = { 0 };
	uint16_t cid;

	(void)state;
	target_config_init(&c.target);
	c.target.maxh2cdata_bytes = 8192;
	live(&c);
	cid = start_write(0, 32);
	rig_h2c(&io, cid, ttag_of(cid), 0, pattern, 8192, false);
	assert_false(io.ended);
	rig_h2c(&io, cid, ttag_of(cid), 8192, pattern, 8196, false);
	assert_int_equal(io.why.code, NVME_TCP_FES_DATA_LIMIT);
	teardown(NULL);
}

/* H2CData for a command that is over, or never asked. */
static void h2c_unasked(void **state)
{
	(void)state;
	for (int served = 0; served < 2; served++) {
		uint16_t cid, ttag = 5;

		setup(NULL);
		cid = start_write(0, 8);
		if (served) {
			ttag = ttag_of(cid);
			rig_h2c(&io, cid, ttag, 0, pattern, 4096, true);
			assert_int_equal(status_of(cid), 0);
		}
		rig_h2c(&io, cid, ttag, 0, zero, 4096, true);
		assert_int_equal(io.why.code, NVME_TCP_FES_INVALID_HDR);
		assert_int_equal(io.why.at, 10);
		teardown(NULL);
	}
}

/* --- data digests --- */

static void flip_data(const void *hdr, uint32_t len)
{
	static uint8_t bytes[70000];
	size_t n = rig_encode(&io, hdr, pattern, len, bytes, sizeof(bytes));

	bytes[n - 5] ^= 1; /* the last byte in front of the digest */
	rig_bytes(&io, bytes, n);
}

/* A bad data digest fails its command, which the host may try again; nothing else. */
static void data_digest(void **state)
{
	struct nvme_tcp_data_pdu d = { .hdr = { .type = NVME_TCP_H2C_DATA } };
	struct nvme_tcp_cmd_pdu p = { .hdr.type = NVME_TCP_CMD };
	uint16_t cid;

	(void)state;
	rig_close(&io);
	rig_close(&admin);
	rig_live(&rig, &admin, 0, 0);
	rig_open(&rig, &io, NULL);
	io.hdgst = io.ddgst = true;
	rig_go_live(&io, 1, 2);
	nvme_sqe_rw(&p.sqe, NVME_CMD_WRITE, 1, 0, 8, 0);
	nvme_sqe_sgl_inline(&p.sqe, 4096);
	store_le16(p.sqe.cid, 0x99);
	flip_data(&p, 4096);
	assert_int_equal(status_of(0x99), NVME_SC_TRANSIENT_TR_ERR);
	/* in the middle of a transfer: the rest is taken, then it fails */
	cid = start_write(0, 16);
	store_le16(d.command_id, cid);
	store_le16(d.ttag, ttag_of(cid));
	store_le32(d.data_length, 4096);
	flip_data(&d, 4096);
	assert_null(rig_answer(&io, cid));
	rig_h2c(&io, cid, ttag_of(cid), 4096, pattern, 4096, true);
	assert_int_equal(status_of(cid), NVME_SC_TRANSIENT_TR_ERR);
	assert_false(io.ended);
	assert_int_equal(read_back(0, 16, zero), 0);
	assert_int_equal(write_r2t(0, 16, pattern, 8192), 0);
	assert_int_equal(read_back(0, 16, pattern), 0);
}

/* --- Write Zeroes, DSM, Flush --- */

static uint16_t zeroes(uint64_t slba, uint32_t nlb, uint32_t control)
{
	struct nvme_sqe sqe;

	nvme_sqe_rw(&sqe, NVME_CMD_WRITE_ZEROES, 1, slba, nlb, control);
	return status_of(rig_cmd(&io, &sqe, NULL, 0));
}

static void write_zeroes(void **state)
{
	static const uint32_t control[] = { 0, NVME_RW_DEAC, NVME_RW_FUA,
					    NVME_RW_FUA | NVME_RW_DEAC };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(control); i++) {
		assert_int_equal(write_r2t(0, 2048, pattern, 1 << 20), 0);
		assert_int_equal(zeroes(3, 1000, control[i]), 0);
		assert_int_equal(read_back(0, 3, pattern), 0);
		assert_int_equal(read_back(3, 1000, zero), 0);
		assert_int_equal(read_back(1003, 1045, pattern + 1003 * BLOCK), 0);
	}
	assert_int_equal(zeroes(0, 2048, 0), 0);
	assert_int_equal(read_back(0, 2048, zero), 0);
}

static uint16_t dsm(struct nvme_dsm_range *r, uint32_t count, uint32_t attrs, uint32_t len,
		    bool capsule)
{
	struct nvme_sqe sqe;
	uint16_t cid;

	nvme_sqe_dsm(&sqe, 1, count, attrs);
	if (capsule) {
		nvme_sqe_sgl_inline(&sqe, len);
		return status_of(rig_cmd(&io, &sqe, r, len));
	}
	nvme_sqe_sgl_transport(&sqe, len);
	cid = rig_cmd(&io, &sqe, NULL, 0);
	if (r2t_of(cid))
		rig_h2c(&io, cid, ttag_of(cid), 0, r, len, true);
	return status_of(cid);
}

static void deallocate(void **state)
{
	static struct nvme_dsm_range r[256];

	(void)state;
	for (int capsule = 0; capsule < 2; capsule++) {
		memset(r, 0, sizeof(r));
		assert_int_equal(write_r2t(0, 2048, pattern, 1 << 20), 0);
		nvme_dsm_range_set(&r[0], 8, 8);
		nvme_dsm_range_set(&r[1], 2048, 0); /* nothing, at the very end */
		nvme_dsm_range_set(&r[2], 2000, 48);
		assert_int_equal(dsm(r, 3, NVME_DSM_AD, 48, capsule), 0);
		assert_int_equal(read_back(0, 8, pattern), 0);
		assert_int_equal(read_back(8, 8, zero), 0);
		assert_int_equal(read_back(16, 1984, pattern + 16 * BLOCK), 0);
		assert_int_equal(read_back(2000, 48, zero), 0);
		/* only a hint */
		nvme_dsm_range_set(&r[0], 0, 8);
		assert_int_equal(dsm(r, 1, 0, 16, capsule), 0);
		assert_int_equal(read_back(0, 8, pattern), 0);
		/* all ranges are checked before the first is carried out */
		nvme_dsm_range_set(&r[1], 2041, 8);
		assert_int_equal(dsm(r, 2, NVME_DSM_AD, 32, capsule), 0x080 | DNR);
		nvme_dsm_range_set(&r[1], UINT64_MAX, 2);
		assert_int_equal(dsm(r, 2, NVME_DSM_AD, 32, capsule), 0x080 | DNR);
		assert_int_equal(read_back(0, 8, pattern), 0);
		/* less data than ranges */
		assert_int_equal(dsm(r, 2, NVME_DSM_AD, 16, capsule), 0x00f | DNR);
		for (uint32_t i = 0; i < 256; i++)
			nvme_dsm_range_set(&r[i], i * 4, 4);
		assert_int_equal(dsm(r, 256, NVME_DSM_AD, 4096, capsule), 0);
		assert_int_equal(read_back(0, 1024, zero), 0);
	}
}

/* --- files: durability, errors --- */

static char path[] = "/tmp/nvmetls-unit-XXXXXX";

static int file_setup(void **state)
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

static int file_teardown(void **state)
{
	rig.w[0].io_error = 0;
	teardown(state);
	return unlink(path);
}

static void durable(void **state)
{
	struct nvme_sqe sqe;

	(void)state;
	assert_int_equal(write_inline(0, 8, pattern, 0), 0);
	assert_false(rig.w[0].io_dsync);
	assert_int_equal(write_inline(8, 8, pattern + 4096, NVME_RW_FUA), 0);
	assert_true(rig.w[0].io_dsync);
	nvme_sqe_flush(&sqe, 1);
	assert_int_equal(status_of(rig_cmd(&io, &sqe, NULL, 0)), 0);
	assert_int_equal(rig.w[0].io_op, WORLD_IO_FDATASYNC);
	/* all namespaces: the file once, memory needs none */
	rig.w[0].io_count = 0;
	nvme_sqe_flush(&sqe, NVME_NSID_ALL);
	assert_int_equal(status_of(rig_cmd(&io, &sqe, NULL, 0)), 0);
	assert_int_equal(rig.w[0].io_count, 1);
	nvme_sqe_flush(&sqe, 3);
	assert_int_equal(status_of(rig_cmd(&io, &sqe, NULL, 0)), 0x00b | DNR);
	/* FUA on Write Zeroes: made durable, too */
	assert_int_equal(zeroes(0, 8, NVME_RW_FUA), 0);
	assert_true(rig.w[0].io_op == WORLD_IO_FDATASYNC || rig.w[0].io_dsync);
	assert_int_equal(read_back(0, 8, zero), 0);
	assert_int_equal(read_back(8, 8, pattern + 4096), 0);
}

static void errors(void **state)
{
	static const struct {
		int err;
		uint16_t write, read;
	} cases[] = {
		{ -EIO, 0x280, 0x281 },
		{ -ENOSPC, 0x081 | DNR, 0x081 | DNR },
		{ -EOPNOTSUPP, 0x001 | DNR, 0x001 | DNR },
		{ -EROFS, 0x020 | DNR, 0x020 | DNR },
		{ -ENOMEM, 0x006, 0x006 },
	};
	struct nvme_sqe sqe;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		rig.w[0].io_error = cases[i].err;
		assert_int_equal(write_inline(0, 8, pattern, 0), cases[i].write);
		assert_int_equal(write_r2t(0, 8, pattern, 4096), cases[i].write);
		assert_int_equal(read_back(0, 8, NULL), cases[i].read);
	}
	rig.w[0].io_error = -EIO;
	nvme_sqe_flush(&sqe, NVME_NSID_ALL);
	assert_int_equal(status_of(rig_cmd(&io, &sqe, NULL, 0)), 0x280);
	rig.w[0].io_error = 0;
	assert_int_equal(read_back(0, 8, zero), 0);
}

static void read_only(void **state)
{
	struct rig_config c = { .read_only = true };
	struct nvme_dsm_range r;

	(void)state;
	live(&c);
	assert_int_equal(write_inline(0, 8, pattern, 0), 0x020 | DNR);
	assert_int_equal(status_of(start_write(0, 8)), 0x020 | DNR);
	assert_int_equal(zeroes(0, 8, 0), 0x020 | DNR);
	nvme_dsm_range_set(&r, 0, 8);
	assert_int_equal(dsm(&r, 1, NVME_DSM_AD, 16, true), 0x020 | DNR);
	assert_int_equal(read_back(0, 8, zero), 0);
	teardown(NULL);
}

/* --- buffers run out --- */

/* Reads wait for buffers and are all answered, in whatever memory there is. */
static void reads_wait(void **state)
{
	struct rig_config c = { .buf_count = 10, .backends = { path } };
	struct nvme_sqe sqe;
	int fd, answers = 0;

	(void)state;
	memcpy(path + strlen(path) - 6, "XXXXXX", 6);
	fd = mkstemp(path);
	assert_int_equal(write(fd, pattern, sizeof(pattern)), sizeof(pattern));
	close(fd);
	live(&c);
	for (int i = 0; i < 30; i++) {
		nvme_sqe_rw(&sqe, NVME_CMD_READ, 1, 0, 600, 0);
		nvme_sqe_sgl_transport(&sqe, 600 * BLOCK);
		rig_cmd(&io, &sqe, NULL, 0);
	}
	assert_true(rig.w[0].pool.avail < 3);
	rig_run(&io);
	for (int i = 0; i < io.count; i++) {
		answers += io.pdu[i].h.hdr.type == NVME_TCP_RSP;
		if (io.pdu[i].h.hdr.type == NVME_TCP_C2H_DATA)
			assert_memory_equal(io.pdu[i].data, pattern, 600 * BLOCK);
	}
	assert_int_equal(answers, 30);
	teardown(NULL);
	unlink(path);
}

/*
 * Hosts that owe the data of R2Ts hold nearly all buffers; commands with data in the capsule still
 * get through, on their connection and on another, and R2Ts that wait come when one is served.
 */
static void r2t_hoard(void **state)
{
	struct rig_config c = { .buf_count = 10 };
	static struct rig_conn other;
	struct nvme_sqe sqe;
	uint16_t cid[30];
	int asked = 0;

	(void)state;
	live(&c);
	for (int i = 0; i < 30; i++) {
		cid[i] = start_write((uint64_t)i * 8, 8);
		asked += r2t_of(cid[i]) != NULL;
	}
	assert_in_range(asked, 5, 9);
	assert_true(rig.w[0].pool.avail >= 1);
	assert_int_equal(write_inline(1000, 8, pattern, 0), 0);
	rig_live(&rig, &other, 2, 1);
	nvme_sqe_rw(&sqe, NVME_CMD_WRITE, 1, 1008, 8, 0);
	nvme_sqe_sgl_inline(&sqe, 4096);
	rig_do(&other, &sqe, pattern, 4096);
	for (int i = 0; i < 30; i++) {
		rig_turn(&io);
		rig_h2c(&io, cid[i], ttag_of(cid[i]), 0, pattern + i * 4096, 4096, true);
		assert_int_equal(status_of(cid[i]), 0);
	}
	assert_int_equal(read_back(0, 240, pattern), 0);
	assert_int_equal(read_back(1000, 8, pattern), 0);
	assert_int_equal(read_back(1008, 8, pattern), 0);
	rig_close(&other);
	teardown(NULL);
}

/* No buffer at all: the socket is left unread, and read on when there is one. */
static void blocked(void **state)
{
	struct nvme_sqe sqe;
	void *taken[64];
	uint16_t cid;
	int n = 0;

	(void)state;
	while ((taken[n] = pool_get(&rig.w[0].pool)))
		n++;
	nvme_sqe_rw(&sqe, NVME_CMD_WRITE, 1, 5, 8, 0);
	nvme_sqe_sgl_inline(&sqe, 4096);
	cid = rig_cmd(&io, &sqe, pattern, 4096);
	assert_true(tconn_stream(io.tc)->blocked);
	assert_true(io.stash_len > 0);
	/* it asks to be called again soon, and that time is not the host's */
	assert_int_equal(io.deadline_ns, rig.w[0].now_ns + NS_PER_MS);
	rig.w[0].now_ns += 100 * NS_PER_SEC;
	rig_turn(&io);
	assert_false(io.ended);
	while (n)
		pool_put(&rig.w[0].pool, taken[--n]);
	rig_turn(&io);
	assert_int_equal(io.stash_len, 0);
	assert_int_equal(status_of(cid), 0);
	assert_int_equal(read_back(5, 8, pattern), 0);
}

/* The connection ends with I/O at the backend: its buffers come back when that is done. */
static void end_with_io(void **state)
{
	struct nvme_sqe sqe;

	(void)state;
	nvme_sqe_rw(&sqe, NVME_CMD_READ, 1, 0, 256, 0);
	nvme_sqe_sgl_transport(&sqe, 256 * BLOCK);
	rig_cmd(&io, &sqe, NULL, 0);
	start_write(0, 300);
	nvme_sqe_rw(&sqe, NVME_CMD_WRITE, 1, 0, 8, 0);
	nvme_sqe_sgl_inline(&sqe, 4096);
	rig_cmd(&io, &sqe, pattern, 4096);
	assert_int_equal(rig.w[0].pool.avail, rig.w[0].pool.count - 1 - 2 - 1);
	tconn_stream(io.tc)->ops->end(tconn_stream(io.tc), OK);
	io.ended = true;
	assert_int_equal(rig.w[0].pool.avail, rig.w[0].pool.count - 2);
	assert_false(tconn_stream(io.tc)->ops->drained(tconn_stream(io.tc)));
	assert_int_equal(fake_world_ios(&rig.w[0], 10), 2);
	assert_true(io.wakes > 0);
	assert_true(tconn_stream(io.tc)->ops->drained(tconn_stream(io.tc)));
	assert_int_equal(rig.w[0].pool.avail, rig.w[0].pool.count);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define F(f) cmocka_unit_test_setup_teardown(f, file_setup, file_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(mdts),
		cmocka_unit_test(success_flag),
		T(sgls),
		T(ranges),
		T(opcodes),
		T(r2t),
		cmocka_unit_test(h2c_errors),
		cmocka_unit_test(h2c_too_long),
		cmocka_unit_test(h2c_unasked),
		T(data_digest),
		T(write_zeroes),
		T(deallocate),
		F(durable),
		F(errors),
		cmocka_unit_test(read_only),
		cmocka_unit_test(reads_wait),
		cmocka_unit_test(r2t_hoard),
		T(blocked),
		F(end_with_io),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
