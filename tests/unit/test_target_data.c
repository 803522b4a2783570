/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target/tconn_data: SGLs, R2T and H2CData with every rule of protocol.md 1.9, data digests, and
 * buffers that run out.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "target_io.h"

static uint8_t zero[1 << 20];

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
		{ "no dwords, DSM",       9, 0x40, 0x5a, 0, 17,    0,     8,  0x00f | DNR },
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

/* Serve the R2T of write @i of @c, which comes when there are buffers. */
static void serve(struct rig_conn *c, uint16_t cid, int i)
{
	const struct rig_pdu *p = NULL;

	rig_turn(c);
	for (int k = 0; k < c->count && !p; k++)
		if (c->pdu[k].h.hdr.type == NVME_TCP_R2T &&
		    load_le16(c->pdu[k].h.r2t.command_id) == cid)
			p = &c->pdu[k];
	assert_non_null(p);
	rig_h2c(c, cid, load_le16(p->h.r2t.ttag), 0, pattern + i * 4096, 4096, true);
	assert_non_null(rig_answer(c, cid));
	assert_int_equal(rig_status(rig_answer(c, cid)), 0);
}

/*
 * Two hosts that owe the data of R2Ts hold nearly all buffers. Commands with data in the capsule
 * still get through, and R2Ts that wait come when others are served.
 */
static void r2t_hoard(void **state)
{
	struct rig_config config = { .buf_count = 24 };
	static struct rig_conn other;
	struct rig_conn *c[2] = { &io, &other };
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;
	uint16_t cid[30];

	(void)state;
	live(&config);
	rig_live(&rig, &other, 2, 1);
	for (int i = 0; i < 30; i++) {
		nvme_sqe_rw(&sqe, NVME_CMD_WRITE, 1, (uint64_t)i * 8, 8, 0);
		nvme_sqe_sgl_transport(&sqe, 4096);
		cid[i] = rig_cmd(c[i % 2], &sqe, NULL, 0);
	}
	assert_int_equal(rig.w[0].pool.avail, 3);
	for (int i = 0; i < 2; i++) {
		nvme_sqe_rw(&sqe, NVME_CMD_WRITE, 1, 1000 + (uint64_t)i * 8, 8, 0);
		nvme_sqe_sgl_inline(&sqe, 4096);
		cqe = rig_do(c[i], &sqe, pattern + i * 4096, 4096);
		assert_int_equal(rig_status(&cqe), 0);
	}
	for (int i = 0; i < 30; i++)
		serve(c[i % 2], cid[i], i);
	assert_int_equal(read_back(0, 240, pattern), 0);
	assert_int_equal(read_back(1000, 16, pattern), 0);
	rig_close(&other);
	teardown(NULL);
}

/* What is at the backend is not touched by data that claims to belong there. */
static void claims(void **state)
{
	uint16_t cid;

	(void)state;
	io.by_place = true;
	cid = start_write(0, 8);
	rig_h2c(&io, cid, ttag_of(cid), 0, pattern, 4096, true);
	assert_null(rig_answer(&io, cid));
	rig_h2c(&io, cid, ttag_of(cid), 0, zero, 4096, true);
	assert_true(io.ended);
	rig_close(&io);
	rig_close(&admin);
	rig_live(&rig, &admin, 0, 0);
	rig_live(&rig, &io, 1, 2);
	assert_int_equal(read_back(0, 8, pattern), 0);
}

/* No buffer at all: the socket is left unread, and read on when there is one. */
static void blocked(void **state)
{
	struct nvme_sqe sqe;
	void *taken[65]; /* one more than there are */
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

/* A host that does not read its answers holds no buffer for the data that it wrote. */
static void written_and_not_read(void **state)
{
	struct nvme_sqe sqe;

	(void)state;
	rig_turn(&io);
	for (int i = 0; i < 4; i++) {
		uint32_t before = rig.w[0].pool.avail;

		io.deaf = true;
		nvme_sqe_rw(&sqe, NVME_CMD_WRITE, 1, 0, 8, 0);
		nvme_sqe_sgl_inline(&sqe, 4096);
		rig_cmd(&io, &sqe, pattern, 4096);
		rig_turn(&io);
		assert_int_equal(rig.w[0].pool.avail, before);
	}
	io.deaf = false;
	rig_turn(&io);
	assert_int_equal(read_back(0, 8, pattern), 0);
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
		T(sgls), T(r2t),
		cmocka_unit_test(h2c_errors), cmocka_unit_test(h2c_too_long),
		cmocka_unit_test(h2c_unasked), T(data_digest),
		cmocka_unit_test(reads_wait), cmocka_unit_test(r2t_hoard),
		T(blocked), T(written_and_not_read), F(end_with_io), F(claims),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
