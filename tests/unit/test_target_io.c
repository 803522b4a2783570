/* SPDX-License-Identifier: BSD-3-Clause */
/* target/nvm: I/O commands, their ranges, durability and errors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/log.h"
#include "target_io.h"

static uint8_t zero[1 << 20];

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

/* What was written to standard error since the last call. */
static const char *logged(FILE *f)
{
	static char text[8192];

	rewind(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	rewind(f);
	assert_int_equal(ftruncate(fileno(f), 0), 0);
	return text;
}

/* Who runs the target is told: what, where, why, what to do; and not more than bearable. */
static void errors_are_logged(void **state)
{
	int saved = dup(STDERR_FILENO);
	FILE *f = tmpfile();
	struct nvme_sqe sqe;
	const char *said;

	(void)state;
	assert_non_null(f);
	assert_true(dup2(fileno(f), STDERR_FILENO) >= 0);
	log_set_level(LOG_WARN);
	rig.w[0].io_error = -ENOSPC;
	assert_int_equal(write_inline(3, 8, pattern, 0), 0x081 | DNR);
	said = logged(f);
	assert_non_null(strstr(said, "warning: namespace 1 of nqn.test, /tmp/nvmetls-unit-"));
	assert_non_null(strstr(said, ": write of 4096 bytes at 1536 failed: No space left on device; free space"));
	/* the same again: counted, and told when ten seconds have passed */
	for (int i = 0; i < 41; i++)
		assert_int_equal(write_inline(3, 8, pattern, 0), 0x081 | DNR);
	assert_string_equal(logged(f), "");
	/* another kind of I/O has its own line */
	rig.w[0].io_error = -EIO;
	nvme_sqe_flush(&sqe, NVME_NSID_ALL);
	assert_int_equal(status_of(rig_cmd(&io, &sqe, NULL, 0)), 0x280);
	said = logged(f);
	assert_non_null(strstr(said, ": flush failed: Input/output error; see the kernel's log"));
	assert_null(strstr(said, "more since"));
	rig_pass(&rig, 10 * NS_PER_SEC);
	assert_int_equal(write_inline(2, 1, pattern, 0), 0x280);
	said = logged(f);
	assert_non_null(strstr(said, ": write of 512 bytes at 1024 failed: Input/output error"));
	assert_non_null(strstr(said, "(and 41 more since the last such line)"));
	rig.w[0].io_error = 0;
	/* the image was cut */
	assert_int_equal(truncate(path, 512), 0);
	assert_int_equal(read_back(1, 1, NULL), 0x080 | DNR);
	said = logged(f);
	assert_non_null(strstr(said, ": read of 512 bytes at 512 failed: the file ends before; it was 1048576 bytes"));
	assert_int_equal(write_r2t(8, 8, pattern, 4096), 0x080 | DNR);
	assert_int_equal(write_inline(0, 1, pattern, 0), 0);
	log_set_level(LOG_ERROR);
	dup2(saved, STDERR_FILENO);
	close(saved);
	fclose(f);
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

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define F(f) cmocka_unit_test_setup_teardown(f, file_setup, file_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(mdts),
		cmocka_unit_test(success_flag), T(ranges),
		T(opcodes), T(write_zeroes),
		T(deallocate), F(durable),
		F(errors), F(errors_are_logged), cmocka_unit_test(read_only),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
