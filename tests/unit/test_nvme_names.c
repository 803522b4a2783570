/* SPDX-License-Identifier: BSD-3-Clause */
/* Words and names: status texts, discovery words, NQNs and UUIDs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "nvme/command.h"
#include "nvme/discovery.h"
#include "nvme/fabrics.h"
#include "nvme/status.h"
#include "nvme/tcp_wire.h"
#include "nvme/uuid.h"

static FILE *vector_open(const char *name)
{
	const char *dir = getenv("VECTORS");
	char path[1024];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "tests/vectors", name);
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s is missing", path);
	return f;
}

/* libnvme 1.3 writes "64- bit" and "multi- command", which we spell right. */
static void drop_blank_after_dash(char *text)
{
	char *at = strstr(text, "- ");

	if (at)
		memmove(at + 1, at + 2, strlen(at + 2) + 1);
}

/* Every code that has a name here reads as libnvme reads it. */
static void status_texts_are_libnvmes(void **state)
{
	FILE *f = vector_open("nvme-status.txt");
	char line[512], text[512], kind;
	unsigned int code, same = 0;

	(void)state;
	while (fgets(line, sizeof(line), f)) {
		const char *ours;

		if (sscanf(line, "%c %x %511[^\n]", &kind, &code, text) != 3 || kind == '#')
			continue;
		drop_blank_after_dash(text);
		ours = kind == 'F' ? nvme_status_fabrics_str((uint16_t)code) :
				     nvme_status_str((uint16_t)code);
		if (strcmp(ours, "unrecognized") == 0)
			continue;
		assert_string_equal(ours, text);
		same++;
	}
	fclose(f);
	assert_in_range(same, 95, 130);
}

static void status_bits(void **state)
{
	uint16_t wire = 0x8304;	/* DNR, SCT 1, SC 82h: what nvmet answers to an unknown NQN */
	uint16_t status = nvme_status_from_wire(wire);

	(void)state;
	assert_int_equal(nvme_status_code(status), NVME_SC_CONNECT_INVALID_PARAM);
	assert_true(nvme_status_dnr(status));
	assert_int_equal(nvme_status_sct(status), NVME_SCT_CMD_SPECIFIC);
	assert_int_equal(status, NVME_SC_CONNECT_INVALID_PARAM | NVME_STATUS_DNR);
	assert_int_equal(nvme_status_to_wire(status), wire);
	/* nvmet may set M (protocol: bit 14 on the wire): the code is the same */
	assert_int_equal(nvme_status_code(nvme_status_from_wire(0xc004)), NVME_SC_INVALID_FIELD);
	assert_int_equal(nvme_status_from_wire(0xc004),
			 NVME_SC_INVALID_FIELD | NVME_STATUS_DNR | NVME_STATUS_MORE);
	assert_string_equal(nvme_status_str(status), nvme_status_str(0x182));
	assert_string_equal(nvme_status_str(0x7ff), "unrecognized");
}

/* nvme-cli 2.16's words; the combinations of TREQ as on Oracle's and SUSE's pages. */
static void discovery_words(void **state)
{
	(void)state;
	assert_string_equal(nvmf_trtype_str(3), "tcp");
	assert_string_equal(nvmf_trtype_str(1), "rdma");
	assert_string_equal(nvmf_trtype_str(254), "loop");
	assert_string_equal(nvmf_trtype_str(0), "unrecognized");
	assert_string_equal(nvmf_trtype_str(255), "unrecognized");
	assert_string_equal(nvmf_adrfam_str(1), "ipv4");
	assert_string_equal(nvmf_adrfam_str(2), "ipv6");
	assert_string_equal(nvmf_adrfam_str(4), "fibre-channel");
	assert_string_equal(nvmf_adrfam_str(5), "unrecognized");
	assert_string_equal(nvmf_subtype_str(1), "discovery subsystem referral");
	assert_string_equal(nvmf_subtype_str(2), "nvme subsystem");
	assert_string_equal(nvmf_subtype_str(3), "current discovery subsystem");
	assert_string_equal(nvmf_subtype_str(4), "unrecognized");
	assert_string_equal(nvmf_treq_str(0), "not specified");
	assert_string_equal(nvmf_treq_str(1), "required");
	assert_string_equal(nvmf_treq_str(2), "not required");
	assert_string_equal(nvmf_treq_str(3), "unrecognized");
	assert_string_equal(nvmf_treq_str(4), "not specified, sq flow control disable supported");
	assert_string_equal(nvmf_treq_str(5), "required, sq flow control disable supported");
	assert_string_equal(nvmf_treq_str(6), "not required, sq flow control disable supported");
	assert_string_equal(nvmf_treq_str(0x15), nvmf_treq_str(5));
	assert_string_equal(nvmf_eflags_str(0), "none");
	assert_string_equal(nvmf_eflags_str(1), "duplicate discovery information");
	assert_string_equal(nvmf_eflags_str(2), "explicit discovery connections");
	assert_string_equal(nvmf_eflags_str(8), "unrecognized");
	assert_string_equal(nvmf_sectype_str(0), "none");
	assert_string_equal(nvmf_sectype_str(1), "tls");
	assert_string_equal(nvmf_sectype_str(2), "tls13");
	assert_string_equal(nvmf_sectype_str(3), "unrecognized");
}

static void names_of_commands_and_pdus(void **state)
{
	(void)state;
	assert_string_equal(nvme_opcode_str(true, 0x02), "Get Log Page");
	assert_string_equal(nvme_opcode_str(false, 0x02), "Read");
	assert_string_equal(nvme_opcode_str(true, 0x18), "Keep Alive");
	assert_string_equal(nvme_opcode_str(true, 0xff), "Unknown");
	assert_string_equal(nvme_fctype_str(1), "Connect");
	assert_string_equal(nvme_fctype_str(2), "Unknown");
	assert_string_equal(nvme_fctype_str(0xff), "Unknown");
	assert_string_equal(nvme_tcp_pdu_str(9), "R2T");
	assert_string_equal(nvme_tcp_pdu_str(8), "unknown");
	assert_string_equal(nvme_tcp_pdu_str(0x0a), "unknown");
	assert_string_equal(nvme_tcp_fes_str(3), "Header Digest Error");
	assert_string_equal(nvme_tcp_fes_str(0), "unknown");
	assert_string_equal(nvme_tcp_fes_str(7), "unknown");
}

static void header_lengths(void **state)
{
	static const uint8_t want[] = { 128, 128, 24, 24, 72, 24, 24, 24, 0, 24, 0, 0 };

	(void)state;
	for (int type = 0; type < 256; type++)
		assert_int_equal(nvme_tcp_hlen((uint8_t)type),
				 (size_t)type < sizeof(want) ? want[type] : 0);
}

static void nqn_of_length(char field[NVME_NQN_FIELD], size_t len)
{
	memset(field, 'x', NVME_NQN_FIELD);
	memcpy(field, "nqn.", 4);
	if (len < NVME_NQN_FIELD)
		field[len] = '\0';
}

static void nqns(void **state)
{
	static const struct {
		const char *nqn;
		bool valid, name;
	} cases[] = {
		{ "nqn.test", true, true },
		{ "nqn.2014-08.org.nvmexpress.discovery", true, true },
		{ "nqn.2014-08.org.nvmexpress:uuid:00000000-1111-2222-3333-444444444444", true, true },
		{ "nqn.2019-08.org.example:a/b~c!", true, true },
		{ "", false, false },
		{ "nqn", false, true },
		{ "nqn.", false, true },
		{ "NQN.test", false, true },
		{ " nqn.test", false, false },
		{ "iqn.2001-04.com.example", false, true },
		{ "nqn.two words", false, false },
		{ "nqn.tab\t", false, false },
		{ "nqn.bell\a", false, false },
		{ "nqn.del\x7f", false, false },
		{ "nqn.\xc3\xa4", false, false },
	};
	char field[NVME_NQN_FIELD] = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(field, 0, sizeof(field));
		memcpy(field, cases[i].nqn, strlen(cases[i].nqn));
		if (nvme_nqn_valid(field, sizeof(field)) != cases[i].valid)
			fail_msg("\"%s\"", cases[i].nqn);
		/* the same but for the prefix */
		if (nvme_name_valid(field, sizeof(field)) != cases[i].name)
			fail_msg("\"%s\"", cases[i].nqn);
	}
	for (size_t len = 5; len <= 256; len++) {
		nqn_of_length(field, len);
		assert_int_equal(nvme_nqn_valid(field, sizeof(field)), len <= 223);
	}
	nqn_of_length(field, 8);
	assert_true(nvme_nqn_valid(field, 9));
	assert_false(nvme_nqn_valid(field, 8));	/* the NUL is outside */
	assert_false(nvme_nqn_valid(field, 0));
}

static void uuids(void **state)
{
	static const char text[] = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";	/* RFC 4122 §3 */
	static const uint8_t bytes[16] = { 0xf8, 0x1d, 0x4f, 0xae, 0x7d, 0xec, 0x11, 0xd0,
					   0xa7, 0x65, 0x00, 0xa0, 0xc9, 0x1e, 0x6b, 0xf6 };
	static const char *const bad[] = {
		"", "f81d4fae", "f81d4fae-7dec-11d0-a765-00a0c91e6bf",
		"f81d4fae-7dec-11d0-a765-00a0c91e6bf60", "f81d4fae-7dec-11d0-a765-00a0c91e6bg6",
		"f81d4fae7dec-11d0-a765-00a0c91e6bf6-", "{f81d4fae-7dec-11d0-a765-00a0c91e6bf}",
		"f81d4fae-7dec-11d0-a76500-a0c91e6bf6", "f81d4fae-7dec-11d0-a765+00a0c91e6bf6",
	};
	uint8_t got[16] = { 0 };
	char out[NVME_UUID_STR_BYTES], nqn[NVME_UUID_NQN_BYTES];

	(void)state;
	assert_true(nvme_uuid_is_zero(got));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(nvme_uuid_parse(bad[i], got));
	assert_true(nvme_uuid_is_zero(got));	/* untouched by failures */
	assert_true(nvme_uuid_parse(text, got));
	assert_memory_equal(got, bytes, 16);
	assert_false(nvme_uuid_is_zero(got));
	assert_true(nvme_uuid_parse("F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", got));
	assert_memory_equal(got, bytes, 16);
	assert_string_equal(nvme_uuid_format(bytes, out), text);

	assert_string_equal(nvme_uuid_to_nqn(bytes, nqn),
			    "nqn.2014-08.org.nvmexpress:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
	assert_true(nvme_nqn_valid(nqn, sizeof(nqn)));
	memset(got, 0, sizeof(got));
	assert_true(nvme_uuid_from_nqn(nqn, got));
	assert_memory_equal(got, bytes, 16);
	assert_false(nvme_uuid_from_nqn("nqn.test", got));
	assert_false(nvme_uuid_from_nqn("nqn.2014-08.org.nvmexpress:uuid:", got));
}

static void random_uuids_say_so(void **state)
{
	uint8_t uuid[16];
	char out[NVME_UUID_STR_BYTES];

	(void)state;
	memset(uuid, 0xff, sizeof(uuid));
	nvme_uuid_make_v4(uuid);
	assert_string_equal(nvme_uuid_format(uuid, out), "ffffffff-ffff-4fff-bfff-ffffffffffff");
	memset(uuid, 0, sizeof(uuid));
	nvme_uuid_make_v4(uuid);
	assert_string_equal(nvme_uuid_format(uuid, out), "00000000-0000-4000-8000-000000000000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_texts_are_libnvmes),
		cmocka_unit_test(status_bits),
		cmocka_unit_test(discovery_words),
		cmocka_unit_test(names_of_commands_and_pdus),
		cmocka_unit_test(header_lengths),
		cmocka_unit_test(nqns),
		cmocka_unit_test(uuids),
		cmocka_unit_test(random_uuids_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
