/* SPDX-License-Identifier: BSD-3-Clause */
/* Is it still the same namespace? */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "client/ns_id.h"
#include "nvme/command.h"
#include "nvme/status.h"

static struct nvme_id_ns page;

static void make(uint64_t blocks, uint8_t shift, uint16_t metadata)
{
	memset(&page, 0, sizeof(page));
	store_le64(page.nsze, blocks);
	page.flbas = 3;
	page.lbaf[3].ds = shift;
	store_le16(page.lbaf[3].ms, metadata);
	memset(page.nguid, 0xaa, sizeof(page.nguid));
	memset(page.eui64, 0xbb, sizeof(page.eui64));
}

static void test_read(void **state)
{
	static const struct {
		uint64_t blocks;
		uint8_t shift;
		uint16_t metadata;
		int rc;
	} rows[] = {
		{ 1000, 9, 0, 0 },	  { 1000, 12, 0, 0 },
		{ 1000, 16, 0, 0 },	  { 0, 9, 0, NVME_SC_INVALID_NS },
		{ 1000, 8, 0, -ENOTSUP }, { 1000, 17, 0, -ENOTSUP },
		{ 1000, 9, 8, -ENOTSUP },
	};
	struct ns_id id;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make(rows[i].blocks, rows[i].shift, rows[i].metadata);
		assert_int_equal(ns_id_read(&page, 7, &id), rows[i].rc);
		if (rows[i].rc)
			continue;
		assert_int_equal(id.nsid, 7);
		assert_int_equal(id.blocks, rows[i].blocks);
		assert_int_equal(id.block_shift, rows[i].shift);
		assert_memory_equal(id.nguid, page.nguid, 16);
		assert_memory_equal(id.eui64, page.eui64, 8);
	}
}

static void test_descs(void **state)
{
	static uint8_t list[NVME_IDENTIFY_BYTES];
	struct ns_id id = { 0 };

	(void)state;
	list[0] = NVME_NIDT_EUI64;
	list[1] = 8;
	list[12] = NVME_NIDT_UUID;
	list[13] = 16;
	memset(list + 16, 0xcc, 16);
	ns_id_read_descs(list, &id);
	assert_memory_equal(id.uuid, list + 16, 16);
	/* one that reaches beyond the page */
	memset(list, 0, sizeof(list));
	memset(&id, 0, sizeof(id));
	for (size_t at = 0; at < 4080; at += 20) {
		list[at] = NVME_NIDT_NGUID;
		list[at + 1] = 16;
	}
	list[4080] = NVME_NIDT_UUID;
	list[4081] = 16;
	ns_id_read_descs(list, &id);
	assert_int_equal(id.uuid[0], 0);
}

static void test_compare(void **state)
{
	struct ns_id was, is;

	(void)state;
	make(1000, 9, 0);
	assert_int_equal(ns_id_read(&page, 1, &was), 0);
	is = was;
	assert_int_equal(ns_id_compare(&was, &is), NS_SAME);
	is.blocks = 1001;
	assert_int_equal(ns_id_compare(&was, &is), NS_GROWN);
	is.blocks = 999;
	assert_int_equal(ns_id_compare(&was, &is), NS_SMALLER);
	is = was;
	is.block_shift = 12;
	assert_int_equal(ns_id_compare(&was, &is), NS_FORMAT);
	for (int i = 0; i < 3; i++) {
		uint8_t *which[] = { is.uuid, is.nguid, is.eui64 };

		is = was;
		is.blocks = 2000; /* it does not help to be larger */
		which[i][7] ^= 1;
		assert_int_equal(ns_id_compare(&was, &is), NS_OTHER);
		memset(which[i], 0, 8); /* nor to be nobody */
		assert_int_equal(ns_id_compare(&was, &is), i ? NS_OTHER : NS_GROWN);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_descs),
		cmocka_unit_test(test_compare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
