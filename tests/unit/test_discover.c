/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/discover: a Linux target's log page (tests/vectors/wire, printed by nvme-cli), read in
 * pieces, read while it changes, and logs that are too long or hold anything but text.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "fake_ctrl.h"
#include "host/discover.h"
#include "nvme/status.h"
#include "pcap.h"

struct scene {
	struct fake_ctrl f;
	struct discover d;
	uint8_t *log; /* header and entries */
	size_t log_len;
	int commands, headers;
	int changes; /* so many more headers tell a new generation */
	uint16_t status;
};

static void wake(void *ctx)
{
	(void)ctx;
}

static void scene_init(struct scene *s, uint64_t records, uint32_t transfer_max)
{
	struct discover_config c = { .transfer_max = transfer_max, .wake = wake, .ctx = s };

	memset(s, 0, sizeof(*s));
	fake_live(&s->f, NULL, 1);
	s->log_len = NVME_DISC_HDR_BYTES * (1 + (records < 100 ? records : 100));
	s->log = calloc(1, s->log_len);
	store_le64(s->log, 4);
	store_le64(s->log + 8, records);
	for (size_t i = 1; i < s->log_len / 1024; i++) {
		struct nvmf_disc_log_entry *e = (void *)(s->log + i * 1024);

		e->trtype = NVMF_TRTYPE_TCP;
		store_le16(e->portid, (uint16_t)i);
		memcpy(e->subnqn, "nqn.test", 8);
	}
	discover_start(&s->d, &c);
}

static void scene_free(struct scene *s)
{
	fake_free(&s->f);
	discover_free(&s->d);
	free(s->log);
}

static void answer(struct scene *s, const struct nvme_sqe *sqe)
{
	struct nvme_log_req req;

	assert_int_equal(sqe->opcode, NVME_ADMIN_GET_LOG_PAGE);
	nvme_log_req_decode(sqe, &req);
	assert_int_equal(req.lid, 0x70);
	s->commands++;
	if (req.lpo == 0) {
		s->headers++;
		if (s->headers > 1 && s->changes-- > 0)
			store_le64(s->log, load_le64(s->log) + 1);
	}
	if (s->status) {
		assert_false(fault_is(fake_resp(&s->f, load_le16(sqe->cid), s->status, 0)));
		return;
	}
	assert_true(req.lpo + req.bytes <= s->log_len && req.bytes <= 4096);
	assert_false(fault_is(fake_data(&s->f, load_le16(sqe->cid), 0, s->log + req.lpo,
					(uint32_t)req.bytes, NVME_TCP_F_DATA_LAST)));
	assert_false(fault_is(fake_resp(&s->f, load_le16(sqe->cid), 0, 0)));
}

static void run(struct scene *s)
{
	while (!discover_turn(&s->d, s->f.q, 0)) {
		assert_true(s->commands < 1000);
		assert_int_equal(fake_turn(&s->f), 1);
		answer(s, fake_command(&s->f, 0));
		fake_forget(&s->f);
		fake_turn(&s->f);
	}
}

static void as_nvme_cli_printed(void **state)
{
	struct discover_entry e;
	struct scene s;
	uint8_t *b;
	size_t len;

	(void)state;
	scene_init(&s, 2, 4096);
	b = pcap_file(pcap_vector("wire/discovery-hdr.bin"), &len);
	memcpy(s.log, b, len);
	free(b);
	b = pcap_file(pcap_vector("wire/discovery-entries.bin"), &len);
	assert_int_equal(len, 2048);
	memcpy(s.log + 1024, b, len);
	free(b);
	run(&s);
	assert_int_equal(s.d.state, DISCOVER_DONE);
	assert_int_equal(s.commands, 3);
	assert_int_equal(s.d.genctr, 4);
	assert_int_equal(s.d.count, 2);
	discover_entry_decode(&s.d.entries[0], &e);
	assert_string_equal(nvmf_subtype_str(e.subtype), "current discovery subsystem");
	assert_string_equal(e.subnqn, NVME_DISC_SUBSYS_NAME);
	discover_entry_decode(&s.d.entries[1], &e);
	assert_int_equal(e.trtype, NVMF_TRTYPE_TCP);
	assert_int_equal(e.adrfam, NVMF_ADDR_FAMILY_IP4);
	assert_string_equal(nvmf_subtype_str(e.subtype), "nvme subsystem");
	assert_string_equal(nvmf_treq_str(e.treq),
			    "not specified, sq flow control disable supported");
	assert_int_equal(e.portid, 1);
	assert_int_equal(e.cntlid, 0xffff);
	assert_int_equal(e.asqsz, 32);
	assert_int_equal(e.sectype, NVMF_TCP_SECTYPE_NONE);
	assert_string_equal(e.trsvcid, "4420");
	assert_string_equal(e.traddr, "192.168.77.1");
	assert_string_equal(e.subnqn, "nqn.test");
	scene_free(&s);
}

static void in_pieces(void **state)
{
	static const struct {
		uint64_t records;
		uint32_t transfer_max;
		int commands;
	} rows[] = {
		{ 0, 4096, 1 },	 { 1, 4096, 3 },  { 4, 4096, 3 },   { 5, 4096, 4 },
		{ 50, 4096, 15 }, { 3, 2048, 4 }, { 3, 100, 5 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct scene s;

		scene_init(&s, rows[i].records, rows[i].transfer_max);
		run(&s);
		assert_int_equal(s.d.state, DISCOVER_DONE);
		assert_int_equal(s.commands, rows[i].commands);
		assert_int_equal(s.d.count, rows[i].records);
		for (uint32_t k = 0; k < s.d.count; k++)
			assert_int_equal(load_le16(s.d.entries[k].portid), k + 1);
		scene_free(&s);
	}
}

static void changes(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2, 4096);
	s.changes = 3;
	run(&s);
	assert_int_equal(s.d.state, DISCOVER_DONE);
	assert_int_equal(s.d.genctr, 7);
	assert_int_equal(s.headers, 5);
	scene_free(&s);

	scene_init(&s, 2, 4096);
	s.changes = 1000;
	run(&s);
	assert_int_equal(s.d.state, DISCOVER_FAILED);
	assert_int_equal(s.d.why.cause, CAUSE_CTRL_INVALID);
	assert_int_equal(s.headers, 7); /* six tries, the last one looked at again */
	scene_free(&s);
}

static void refused(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 4097, 4096); /* memory for no more than that */
	run(&s);
	assert_int_equal(s.d.state, DISCOVER_FAILED);
	assert_int_equal(s.commands, 1);
	scene_free(&s);

	scene_init(&s, UINT64_MAX, 4096);
	run(&s);
	assert_int_equal(s.d.state, DISCOVER_FAILED);
	scene_free(&s);

	scene_init(&s, 1, 4096);
	store_le16(s.log + 16, 1); /* RECFMT */
	run(&s);
	assert_int_equal(s.d.state, DISCOVER_FAILED);
	scene_free(&s);

	scene_init(&s, 1, 4096);
	s.status = NVME_SC_INVALID_LOG_PAGE | NVME_STATUS_DNR;
	run(&s);
	assert_int_equal(s.d.state, DISCOVER_FAILED);
	assert_int_equal(s.d.why.kind, FAULT_NVME);
	assert_int_equal(s.d.why.code, 0x109);
	scene_free(&s);
}

static void lost(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 1, 4096);
	assert_false(discover_turn(&s.d, s.f.q, 0));
	assert_false(discover_idle(&s.d));
	fake_end(&s.f, fault_os(ECONNRESET, CAUSE_PEER_RESET));
	assert_true(discover_turn(&s.d, s.f.q, 0));
	assert_int_equal(s.d.state, DISCOVER_FAILED);
	assert_int_equal(s.d.why.cause, CAUSE_PEER_RESET);
	scene_free(&s);
}

/* Strings fill their fields, end in blanks, or carry a terminal's commands. */
static void strings(void **state)
{
	struct nvmf_disc_log_entry e = { 0 };
	struct discover_entry d;

	(void)state;
	memset(e.subnqn, 'n', sizeof(e.subnqn));
	memset(e.traddr, 'a', sizeof(e.traddr));
	memset(e.trsvcid, '8', sizeof(e.trsvcid));
	discover_entry_decode(&e, &d);
	assert_int_equal(strlen(d.subnqn), 223);
	assert_int_equal(strlen(d.traddr), 256);
	assert_int_equal(strlen(d.trsvcid), 32);
	memset(&e, 0, sizeof(e));
	memset(e.trsvcid, ' ', sizeof(e.trsvcid));
	memcpy(e.trsvcid, "4420", 4);
	memcpy(e.traddr, "\033[2J\n\xff", 6);
	discover_entry_decode(&e, &d);
	assert_string_equal(d.trsvcid, "4420");
	assert_string_equal(d.traddr, "?[2J??");
	assert_string_equal(d.subnqn, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_nvme_cli_printed), cmocka_unit_test(in_pieces),
		cmocka_unit_test(changes),	       cmocka_unit_test(refused),
		cmocka_unit_test(lost),		       cmocka_unit_test(strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
