/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target/admin: Identify, log pages and features. Fields are looked up at the byte offsets of
 * protocol.md 6.2 - 6.4 and compared with what a Linux host insists on.
 */
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

#define DNR NVME_STATUS_DNR

static struct rig rig;
static struct rig_conn admin, io;
static uint8_t data[8192];

/* Run @sqe with @len bytes of data to come; the data is in data[]. */
static uint16_t ask(struct rig_conn *c, struct nvme_sqe *sqe, uint32_t len, uint64_t *ret_result)
{
	const struct rig_pdu *p;
	struct nvme_cqe cqe;
	uint16_t status;

	memset(data, 0xee, sizeof(data));
	nvme_sqe_sgl_transport(sqe, len);
	cqe = rig_do(c, sqe, NULL, 0);
	status = rig_status(&cqe);
	p = rig_data(c, load_le16(cqe.cid));
	assert_int_equal(p != NULL, status == 0 && len != 0);
	if (p) {
		/* all of it in one PDU, before the response */
		assert_int_equal(p->len, len);
		assert_int_equal(p->h.hdr.flags, NVME_TCP_F_DATA_LAST);
		memcpy(data, p->data, len);
	}
	if (ret_result)
		*ret_result = load_le64(cqe.result);
	rig_forget(c);
	return status;
}

static uint16_t identify(uint8_t cns, uint32_t nsid)
{
	struct nvme_sqe sqe;

	nvme_sqe_identify(&sqe, cns, nsid, 0, 0);
	return ask(&admin, &sqe, 4096, NULL);
}

static uint64_t at(uint32_t off, int bytes)
{
	uint8_t v[8] = { 0 };

	memcpy(v, data + off, (size_t)bytes);
	return load_le64(v);
}

static void zero_from(uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		if (data[i])
			fail_msg("byte %u is not zero", i);
}

static void connect_discovery(void)
{
	struct rig_connect k;
	struct nvme_cqe cqe;

	rig_open(&rig, &admin, NULL);
	rig_icreq(&admin);
	rig_connect_init(&k, 0, NVME_CNTLID_DYNAMIC);
	memset(k.data.subsysnqn, 0, sizeof(k.data.subsysnqn));
	memcpy(k.data.subsysnqn, NVME_DISC_SUBSYS_NAME, strlen(NVME_DISC_SUBSYS_NAME));
	cqe = rig_connect(&admin, &k);
	assert_int_equal(rig_status(&cqe), 0);
	rig_set_cc(&admin, RIG_CC);
	rig_forget(&admin);
}

static int setup(void **state)
{
	struct rig_config c = { .backends = { "mem:1M", "null:1G" } };

	(void)state;
	rig_init(&rig, &c);
	rig_live(&rig, &admin, 0, 0);
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

struct field {
	uint32_t off;
	int bytes;
	uint64_t value;
};

static void check_fields(const struct field *f, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (at(f[i].off, f[i].bytes) != f[i].value)
			fail_msg("offset %u: %llx, not %llx", f[i].off,
				 (unsigned long long)at(f[i].off, f[i].bytes),
				 (unsigned long long)f[i].value);
}

static void controller(void **state)
{
	static const struct field fields[] = {
		{ 76, 1, 3 },		/* CMIC: ports, controllers */
		{ 77, 1, 8 },		/* MDTS: 1 MiB */
		{ 78, 2, 1 },		/* CNTLID as Connect said */
		{ 80, 4, 0x00020000 },	/* VER as VS */
		{ 92, 4, 1 << 8 },	/* OAES: namespace attributes */
		{ 96, 4, 0x41 },	/* CTRATT: 128-bit HOSTID, TBKAS */
		{ 111, 1, 1 },		/* CNTRLTYPE: I/O */
		{ 128, 2, 0 },		/* CRDT1 */
		{ 256, 2, 0 },		/* OACS */
		{ 258, 1, 3 },		/* ACL */
		{ 259, 1, 3 },		/* AERL */
		{ 260, 1, 3 },		/* FRMW */
		{ 261, 1, 0x26 },	/* LPA: effects, extended, 00h */
		{ 320, 2, 10 },		/* KAS: 1 s */
		{ 512, 1, 0x66 },	{ 513, 1, 0x44 },
		{ 514, 2, 128 },	/* MAXCMD */
		{ 516, 4, 1024 },	/* NN */
		{ 520, 2, 0x0c },	/* ONCS: DSM, Write Zeroes */
		{ 522, 2, 0 },		/* FUSES */
		{ 525, 1, 0x06 },	/* VWC: memory has none; Flush takes FFFFFFFFh */
		{ 536, 4, 0x00300001 }, /* SGLS: transport, in-capsule offset */
		{ 540, 4, 1024 },	/* MNAN */
		{ 1792, 4, (64 + 16384) / 16 },
		{ 1796, 4, 1 },		/* IORCSZ */
		{ 1800, 2, 0 },		/* ICDOFF */
		{ 1802, 1, 0 },		/* FCATT: dynamic */
		{ 1803, 1, 1 },		/* MSDBD */
		{ 1804, 2, 1 },		/* OFCS: Disconnect */
	};

	(void)state;
	assert_int_equal(identify(1, 0), 0);
	check_fields(fields, ARRAY_SIZE(fields));
	assert_memory_equal(data + 24, "nvmetls                                 ", 40);
	for (int i = 4; i < 72; i++) /* ASCII, padded with blanks */
		assert_in_range(data[i], ' ', '~');
	assert_string_equal((char *)data + 768, RIG_SUBSYS);
	zero_from(3072, 4096); /* nothing to say about KeyUpdate */
}

static void key_update_told(void **state)
{
	struct rig_config c = { 0 };

	(void)state;
	target_config_init(&c.target);
	c.target.offer_key_update = true;
	rig_init(&rig, &c);
	rig_live(&rig, &admin, 0, 0);
	assert_int_equal(identify(1, 0), 0);
	assert_memory_equal(data + 3072, "nvmetls\0\1\0\0\0", 12);
	zero_from(3084, 4096);
	rig_close(&admin);
	rig_free(&rig);
}

static void namespaces(void **state)
{
	uint8_t uuid[16];

	(void)state;
	assert_int_equal(identify(0, 1), 0);
	assert_int_equal(at(0, 8), 2048);
	assert_int_equal(at(8, 8), 2048);
	assert_int_equal(at(16, 8), 2048);
	assert_int_equal(data[25], 0);	/* NLBAF: one */
	assert_int_equal(data[26], 0);	/* FLBAS */
	assert_int_equal(data[30], 1);	/* NMIC: shared */
	assert_int_equal(data[33], 9);	/* DLFEAT: zeroes, DEAC */
	assert_int_equal(data[99], 0);	/* NSATTR */
	assert_int_equal(at(128, 4), 9 << 16); /* 512 bytes */
	assert_int_equal(identify(0, 2), 0);
	assert_int_equal(at(0, 8), 2097152);
	/* inactive, not there, all */
	assert_int_equal(identify(0, 3), 0);
	zero_from(0, 4096);
	assert_int_equal(identify(0, 0), 0x00b | DNR);
	assert_int_equal(identify(0, 1025), 0x00b | DNR);
	assert_int_equal(identify(0, 0xffffffff), 0x00b | DNR);
	/* lists: those above */
	assert_int_equal(identify(2, 0), 0);
	assert_int_equal(at(0, 8), 1 | 2ull << 32);
	zero_from(8, 4096);
	assert_int_equal(identify(2, 1), 0);
	assert_int_equal(at(0, 8), 2);
	assert_int_equal(identify(2, 0xfffffffe), 0x00b | DNR);
	/* descriptors: NGUID, UUID, CSI, end */
	assert_int_equal(identify(3, 1), 0);
	assert_memory_equal(data, "\2\20\0\0", 4);
	assert_memory_equal(data + 20, "\3\20\0\0", 4);
	assert_memory_equal(data + 40, "\4\1\0\0\0", 5);
	zero_from(45, 4096);
	memcpy(uuid, data + 24, 16);
	assert_int_equal(identify(3, 2), 0);
	assert_memory_not_equal(uuid, data + 24, 16);
	assert_int_equal(identify(3, 3), 0x00b | DNR);
	/* independent of the command set; NVM command set */
	assert_int_equal(identify(8, 1), 0);
	assert_int_equal(data[1], 1);
	assert_int_equal(data[14], 1); /* NSTAT: ready */
	assert_int_equal(identify(5, 1), 0);
	assert_int_equal(identify(6, 0), 0);
	zero_from(0, 4096);
	assert_int_equal(identify(7, 0), 0);
	assert_int_equal(at(0, 8), 1 | 2ull << 32);
	/* the UUID is the same in the next life */
	teardown(state);
	setup(state);
	assert_int_equal(identify(3, 1), 0);
	assert_memory_equal(uuid, data + 24, 16);
}

static void identify_refused(void **state)
{
	static const uint8_t cns[] = { 0x04, 0x10, 0x11, 0x12, 0x13, 0x14, 0x1c, 0xff };
	struct nvme_sqe sqe;

	(void)state;
	for (size_t i = 0; i < sizeof(cns); i++)
		assert_int_equal(identify(cns[i], 1), 0x002 | DNR);
	for (uint8_t i = 5; i <= 7; i++) { /* another command set */
		nvme_sqe_identify(&sqe, i, 1, 0, NVME_CSI_ZNS);
		assert_int_equal(ask(&admin, &sqe, 4096, NULL), 0x002 | DNR);
	}
	nvme_sqe_identify(&sqe, 1, 0, 0, 0);
	assert_int_equal(ask(&admin, &sqe, 4092, NULL), 0x00f | DNR);
	nvme_sqe_identify(&sqe, 1, 0, 0, 0);
	assert_int_equal(ask(&admin, &sqe, 0, NULL), 0x00f | DNR);
}

/* --- logs --- */

static uint16_t get_log(uint8_t lid, uint64_t lpo, uint32_t bytes)
{
	struct nvme_log_req req = { .lid = lid, .lpo = lpo, .bytes = bytes };
	struct nvme_sqe sqe;

	nvme_sqe_get_log(&sqe, NVME_NSID_ALL, &req);
	return ask(&admin, &sqe, bytes, NULL);
}

static void logs(void **state)
{
	static const uint8_t lids[] = { 0, 1, 2, 3, 4, 5, 0x12 };
	uint8_t supported[1024];
	struct nvme_sqe sqe;

	(void)state;
	assert_int_equal(get_log(0, 0, 1024), 0);
	memcpy(supported, data, sizeof(supported));
	for (unsigned int lid = 0; lid < 256; lid++) {
		bool is = memchr(lids, (int)lid, sizeof(lids));

		assert_int_equal(supported[lid * 4] & 1, is);
		assert_int_equal(get_log((uint8_t)lid, 0, 512), is ? 0 : 0x109 | DNR);
	}
	/* commands: what we carry out, what changes blocks */
	assert_int_equal(get_log(5, 0, 4096), 0);
	assert_int_equal(at(6 * 4, 4), 1);
	assert_int_equal(at(0x0d * 4, 4), 0);
	assert_int_equal(at(1024 + 1 * 4, 4), 3);
	assert_int_equal(at(1024 + 2 * 4, 4), 1);
	assert_int_equal(at(1024 + 5 * 4, 4), 0);
	assert_int_equal(get_log(0x12, 0, 1024), 0);
	assert_int_equal(at(7 * 4, 1), 1);
	assert_int_equal(at(8 * 4, 1), 0);
	assert_int_equal(get_log(3, 0, 512), 0);
	assert_int_equal(data[0], 1);
	assert_memory_equal(data + 8, "0.1     ", 8);
	/* the end of a log, and behind it */
	assert_int_equal(get_log(0, 1000, 512), 0);
	assert_memory_equal(data, supported + 1000, 24);
	zero_from(24, 512);
	assert_int_equal(get_log(0, 1024, 512), 0);
	zero_from(0, 512);
	assert_int_equal(get_log(0, 1028, 512), 0x002 | DNR);
	assert_int_equal(get_log(0, 2, 512), 0x002 | DNR);
	assert_int_equal(get_log(0, UINT64_MAX - 3, 512), 0x002 | DNR);
	/* NUMD and SGL differ */
	nvme_sqe_get_log(&sqe, 0, &(struct nvme_log_req){ .bytes = 1024 });
	assert_int_equal(ask(&admin, &sqe, 512, NULL), 0x00f | DNR);
}

/* The health log counts what was done, also by queues that are gone. */
static void health(void **state)
{
	static uint8_t block[4096];
	struct nvme_sqe sqe;

	(void)state;
	rig_live(&rig, &io, 1, 1);
	for (int i = 0; i < 300; i++) {
		nvme_sqe_rw(&sqe, NVME_CMD_WRITE, 1, 0, 8, 0);
		nvme_sqe_sgl_inline(&sqe, 4096);
		rig_do(&io, &sqe, block, 4096);
		nvme_sqe_rw(&sqe, NVME_CMD_READ, 1, 0, 1, 0);
		nvme_sqe_sgl_transport(&sqe, 512);
		rig_do(&io, &sqe, NULL, 0);
		rig_forget(&io);
	}
	for (int gone = 0; gone < 2; gone++) {
		assert_int_equal(get_log(2, 0, 512), 0);
		assert_int_equal(at(32, 8), 1);	  /* 153600 bytes, in units of 512000, up */
		assert_int_equal(at(48, 8), 3);	  /* 1228800 bytes */
		assert_int_equal(at(64, 8), 300);
		assert_int_equal(at(80, 8), 300);
		assert_int_equal(data[3], 100);
		nvme_sqe_disconnect(&sqe);
		if (!gone)
			rig_do(&io, &sqe, NULL, 0);
		rig_close(&io);
	}
}

/* --- features --- */

static uint16_t feature(bool set, uint32_t cdw10, uint32_t cdw11, uint32_t len, uint64_t *ret)
{
	struct nvme_sqe sqe;

	if (set)
		nvme_sqe_set_features(&sqe, 0, 0, cdw11);
	else
		nvme_sqe_get_features(&sqe, 0, NVME_FEAT_SEL_CURRENT, 0, cdw11);
	store_le32(sqe.cdw10, cdw10);
	return ask(&admin, &sqe, len, ret);
}

static void features(void **state)
{
	uint64_t v;

	(void)state;
	assert_int_equal(feature(false, 0x06, 0, 0, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(feature(true, 0x06, 1, 0, NULL), 0x10e | DNR);
	/* number of queues: the smaller of both, 0's-based */
	assert_int_equal(feature(true, 0x07, 3 | 5 << 16, 0, &v), 0);
	assert_int_equal(v, 3 | 5 << 16);
	assert_int_equal(feature(false, 0x07, 0, 0, &v), 0);
	assert_int_equal(v, 3 | 5 << 16);
	assert_int_equal(feature(true, 0x07, 0xfffe | 0xfffeu << 16, 0, &v), 0);
	assert_int_equal(v, 63 | 63 << 16);
	assert_int_equal(feature(true, 0x07, 0xffff, 0, NULL), 0x002 | DNR);
	assert_int_equal(feature(true, 0x07, 0xffffu << 16, 0, NULL), 0x002 | DNR);
	rig_live(&rig, &io, 1, 1);
	assert_int_equal(feature(true, 0x07, 1 | 1 << 16, 0, NULL), 0x00c | DNR);
	/* events: what OAES offers */
	assert_int_equal(feature(true, 0x0b, 0x80000f00, 0, NULL), 0);
	assert_int_equal(feature(false, 0x0b, 0, 0, &v), 0);
	assert_int_equal(v, 0x100);
	/* the host's identifier, 128 bits of it */
	assert_int_equal(feature(false, 0x81, 1, 16, NULL), 0);
	assert_memory_equal(data, "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20", 16);
	assert_int_equal(feature(false, 0x81, 0, 8, NULL), 0x002 | DNR);
	assert_int_equal(feature(true, 0x81, 1, 0, NULL), 0x00c | DNR);
	/* nothing is saved, the rest is not there */
	assert_int_equal(feature(true, 0x8000000b, 0x100, 0, NULL), 0x10d | DNR);
	for (uint32_t fid = 0; fid < 256; fid++) {
		static const uint8_t there[] = { 0x06, 0x07, 0x0b, 0x0f, 0x81 };

		if (memchr(there, (int)fid, sizeof(there)))
			continue;
		assert_int_equal(feature(false, fid, 0, 0, NULL), 0x002 | DNR);
		assert_int_equal(feature(true, fid, 0, 0, NULL), 0x002 | DNR);
	}
}

/* A file may have a volatile cache, and says so. */
static void volatile_cache(void **state)
{
	char path[] = "/tmp/nvmetls-unit-XXXXXX";
	struct rig_config c = { .backends = { "mem:1M", path } };
	int fd = mkstemp(path);
	uint64_t v;

	(void)state;
	assert_true(fd >= 0 && ftruncate(fd, 1 << 20) == 0);
	rig_init(&rig, &c);
	rig_live(&rig, &admin, 0, 0);
	assert_int_equal(identify(1, 0), 0);
	assert_int_equal(data[525], 7);
	assert_int_equal(feature(false, 0x06, 0, 0, &v), 0);
	assert_int_equal(v, 1);
	rig_close(&admin);
	rig_free(&rig);
	close(fd);
	unlink(path);
}

/* --- the rest --- */

static void opcodes(void **state)
{
	static const uint8_t there[] = { 0x02, 0x06, 0x08, 0x09, 0x0a, 0x0c, 0x18, 0x7f };
	struct nvme_sqe sqe;
	uint64_t v;

	(void)state;
	for (unsigned int op = 0; op < 256; op++) {
		if (memchr(there, (int)op, sizeof(there)))
			continue;
		nvme_sqe_init(&sqe, (uint8_t)op, 0);
		assert_int_equal(ask(&admin, &sqe, 0, NULL), 0x001 | DNR);
	}
	nvme_sqe_abort(&sqe, 0, 7);
	assert_int_equal(ask(&admin, &sqe, 0, &v), 0);
	assert_int_equal(v, 1); /* not aborted */
}

/* A discovery controller knows less, and says what it is. */
static void discovery_controller(void **state)
{
	static const struct field fields[] = {
		{ 78, 2, 1 }, { 92, 4, 0x80000000 }, { 111, 1, 2 }, { 1792, 4, 4 }, { 1796, 4, 1 },
		{ 516, 4, 0 }, { 520, 2, 0 }, { 525, 1, 0 }, { 514, 2, 128 },
	};
	static const uint8_t lids[] = { 0, 1, 0x12, 0x70 };
	static const uint8_t there[] = { 0x02, 0x06, 0x09, 0x0a, 0x0c, 0x18, 0x7f };
	struct nvme_sqe sqe;
	uint64_t v;

	(void)state;
	rig_close(&admin);
	connect_discovery();
	assert_int_equal(identify(1, 0), 0);
	check_fields(fields, ARRAY_SIZE(fields));
	assert_string_equal((char *)data + 768, NVME_DISC_SUBSYS_NAME);
	for (uint8_t cns = 0; cns < 0x20; cns++)
		if (cns != 1)
			assert_int_equal(identify(cns, 1), 0x002 | DNR);
	for (unsigned int lid = 0; lid < 256; lid++)
		assert_int_equal(get_log((uint8_t)lid, 0, 512),
				 memchr(lids, (int)lid, sizeof(lids)) ? 0 : 0x109 | DNR);
	for (unsigned int op = 0; op < 256; op++) {
		if (memchr(there, (int)op, sizeof(there)))
			continue;
		nvme_sqe_init(&sqe, (uint8_t)op, 0);
		assert_int_equal(ask(&admin, &sqe, 0, NULL), 0x001 | DNR);
	}
	assert_int_equal(feature(true, 0x0b, 0xffffffff, 0, NULL), 0);
	assert_int_equal(feature(false, 0x0b, 0, 0, &v), 0);
	assert_int_equal(v, 0x80000000);
	assert_int_equal(feature(true, 0x07, 0, 0, NULL), 0x002 | DNR);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(controller), cmocka_unit_test(key_update_told),
		T(namespaces), T(identify_refused),
		T(logs),       T(health),
		T(features),   cmocka_unit_test(volatile_cache),
		T(opcodes),    T(discovery_controller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
