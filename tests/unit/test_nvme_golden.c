/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Layouts and builders against bytes that a Linux host and target sent
 * (tests/vectors/wire), and what nvme-cli printed for them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "nvme/command.h"
#include "nvme/discovery.h"
#include "nvme/fabrics.h"
#include "nvme/identify.h"
#include "nvme/logs.h"
#include "nvme/status.h"
#include "nvme/tcp_wire.h"
#include "nvme/uuid.h"

#define HOSTNQN "nqn.2014-08.org.nvmexpress:uuid:00000000-1111-2222-3333-444444444444"

/* Exactly @bytes bytes of tests/vectors/wire/@name; valid until the next call. */
static const void *golden(const char *name, size_t bytes)
{
	static uint8_t data[4097];
	const char *dir = getenv("VECTORS");
	char path[1024];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/wire/%s.bin", dir ? dir : "tests/vectors", name);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("%s is missing", path);
	n = fread(data, 1, sizeof(data), f);
	fclose(f);
	assert_int_equal(n, bytes);
	return data;
}

/* Our SQE is the one in the captured CapsuleCmd, but for the CID. */
static void assert_sqe(struct nvme_sqe *ours, const char *name, size_t bytes)
{
	const struct nvme_tcp_cmd_pdu *pdu = golden(name, bytes);

	memcpy(ours->cid, pdu->sqe.cid, sizeof(ours->cid));
	assert_memory_equal(ours, &pdu->sqe, sizeof(*ours));
}

static void ic_pdus(void **state)
{
	const struct nvme_tcp_icreq_pdu *req = golden("icreq", 128);
	const struct nvme_tcp_icresp_pdu *resp;

	(void)state;
	assert_int_equal(req->hdr.type, NVME_TCP_ICREQ);
	assert_int_equal(req->hdr.hlen, NVME_TCP_IC_HLEN);
	assert_int_equal(load_le32(req->hdr.plen), 128);
	assert_int_equal(load_le16(req->pfv), NVME_TCP_PFV_1_0);
	assert_int_equal(load_le32(req->maxr2t), 0);
	resp = golden("icresp", 128);
	assert_int_equal(resp->hdr.type, NVME_TCP_ICRESP);
	assert_int_equal(resp->cpda, 0);
	assert_int_equal(load_le32(resp->maxdata), 0x400000);
}

static void connect_command(void **state)
{
	struct nvme_connect_data data;
	struct nvme_sqe sqe;
	uint8_t hostid[16];

	(void)state;
	nvme_sqe_connect(&sqe, 0, NVME_AQ_DEPTH, 0, NVME_KATO_DEFAULT_MS);
	assert_int_equal(nvme_sqe_dir(&sqe), NVME_DIR_H2C);
	assert_sqe(&sqe, "connect", 72 + 1024);
	assert_true(nvme_uuid_from_nqn(HOSTNQN, hostid));
	nvme_connect_data_set(&data, hostid, NVME_CNTLID_DYNAMIC, HOSTNQN, "nqn.test");
	assert_memory_equal(&data, (const uint8_t *)golden("connect", 1096) + 72, sizeof(data));
}

static void connect_answer(void **state)
{
	const struct nvme_tcp_rsp_pdu *rsp = golden("connect-rsp", 24);
	struct nvme_cqe cqe;

	(void)state;
	assert_int_equal(rsp->hdr.type, NVME_TCP_RSP);
	nvme_cqe_init(&cqe, load_le16(rsp->cqe.cid), NVME_SC_SUCCESS, 1, 1);
	assert_memory_equal(&cqe, &rsp->cqe, sizeof(cqe));	/* cntlid 1, SQHD 1 */
}

static void admin_commands(void **state)
{
	struct nvme_log_req ana = { .lid = NVME_LOG_ANA, .bytes = 8208 }, got;
	struct nvme_sqe sqe;

	(void)state;
	nvme_sqe_identify(&sqe, NVME_CNS_CTRL, 0, 0, 0);
	assert_int_equal(nvme_sqe_dir(&sqe), NVME_DIR_C2H);
	assert_sqe(&sqe, "identify-cmd", 72);
	nvme_sqe_property_get(&sqe, NVME_REG_CAP);
	assert_int_equal(nvme_sqe_dir(&sqe), NVME_DIR_NONE);
	assert_sqe(&sqe, "property-get-cap", 72);
	nvme_sqe_property_set(&sqe, NVME_REG_CC,
			      NVME_CC_CSS_CSI | NVME_CC_IOSQES_64 | NVME_CC_IOCQES_16);
	assert_sqe(&sqe, "property-set-cc", 72);
	nvme_sqe_get_log(&sqe, NVME_NSID_ALL, &ana);
	assert_sqe(&sqe, "get-log-ana-cmd", 72);
	nvme_log_req_decode(&sqe, &got);
	assert_int_equal(got.bytes, 8208);
	assert_int_equal(got.lid, NVME_LOG_ANA);
}

static void io_commands(void **state)
{
	struct nvme_dsm_range range;
	struct nvme_sqe sqe;

	(void)state;
	nvme_sqe_rw(&sqe, NVME_CMD_READ, 1, 0, 8, 0);
	nvme_sqe_sgl_transport(&sqe, 4096);
	assert_sqe(&sqe, "read-cmd", 72);
	nvme_sqe_rw(&sqe, NVME_CMD_WRITE, 1, 0, 8, 0);
	nvme_sqe_sgl_inline(&sqe, 4096);
	assert_sqe(&sqe, "write-cmd", 72);
	assert_int_equal(nvme_rw_slba(&sqe), 0);
	assert_int_equal(nvme_rw_nlb(&sqe), 8);
	nvme_sqe_flush(&sqe, 1);
	assert_sqe(&sqe, "flush-cmd", 72);
	nvme_sqe_rw(&sqe, NVME_CMD_WRITE_ZEROES, 1, 8, 8, 0);
	assert_sqe(&sqe, "write-zeroes-cmd", 72);
	nvme_sqe_dsm(&sqe, 1, 1, NVME_DSM_AD);
	nvme_sqe_sgl_inline(&sqe, 16);
	assert_sqe(&sqe, "dsm-cmd", 88);
	nvme_dsm_range_set(&range, 0, 8);
	assert_memory_equal(&range, (const uint8_t *)golden("dsm-cmd", 88) + 72, sizeof(range));
}

/* Commands that the captures do not show, against NVMe Base 2.1 and NVM 1.0, CDW10 .. CDW15. */
static void other_commands(void **state)
{
	const struct nvme_log_req log = {
		.lid = 0x70, .lsp = 2, .rae = true, .ot = true, .csi = 2, .lsi = 0x1234,
		.bytes = 4 * (0x54321ull + 1), .lpo = 0x1122334455667788,
	};
	struct nvme_log_req back;
	struct nvme_sqe sqe;
	char hex[97];

	(void)state;
	nvme_sqe_rw(&sqe, NVME_CMD_WRITE, 7, 0x1122334455667788, 65536, NVME_RW_FUA | NVME_RW_LR);
	hex_encode(hex, sizeof(hex), sqe.cdw10, 24);
	assert_string_equal(hex, "8877665544332211ffff00c0000000000000000000000000");
	assert_int_equal(nvme_rw_nlb(&sqe), 65536);
	nvme_sqe_get_log(&sqe, 0, &log);
	hex_encode(hex, sizeof(hex), sqe.cdw10, 24);
	assert_string_equal(hex, "708221430500341288776655443322110000800200000000");
	nvme_log_req_decode(&sqe, &back);
	assert_true(back.lid == log.lid && back.lsp == log.lsp && back.rae && back.ot &&
		    back.csi == log.csi && back.lsi == log.lsi && back.bytes == log.bytes &&
		    back.lpo == log.lpo);
	nvme_sqe_set_features(&sqe, NVME_FEAT_NUM_QUEUES, 0, NVME_NUM_QUEUES(3, 4));
	hex_encode(hex, sizeof(hex), sqe.cdw10, 8);
	assert_string_equal(hex, "0700000003000400");
	nvme_sqe_get_features(&sqe, NVME_FEAT_KATO, NVME_FEAT_SEL_SUPPORTED, 0, 0);
	hex_encode(hex, sizeof(hex), sqe.cdw10, 4);
	assert_string_equal(hex, "0f030000");
	nvme_sqe_abort(&sqe, 0x0102, 0x0304);
	hex_encode(hex, sizeof(hex), sqe.cdw10, 4);
	assert_string_equal(hex, "02010403");
	nvme_sqe_auth_send(&sqe, 72);
	hex_encode(hex, sizeof(hex), &sqe.sgl, 24);
	assert_string_equal(hex, "00000000000000004800000000000001000101e948000000");
	nvme_sqe_auth_recv(&sqe, 2048);
	assert_int_equal(nvme_sqe_dir(&sqe), NVME_DIR_C2H);
	hex_encode(hex, sizeof(hex), &sqe, 48);
	assert_memory_equal(hex, "7f40000006000000", 16);
	assert_string_equal(hex + 64, "000800000000005a000101e900080000");
	assert_int_equal(NVME_CONNECT_IPO_DATA(subsysnqn), 0x10100);
	assert_int_equal(NVME_CONNECT_IPO_SQE(sqsize), 44);
	assert_int_equal(NVME_AER_DW0(2, 0xf0, 0x70), 0x70f002);
}

static void keep_alive_and_the_like_carry_no_data(void **state)
{
	static void (*const builders[])(struct nvme_sqe *sqe) = {
		nvme_sqe_keep_alive, nvme_sqe_async_event, nvme_sqe_disconnect,
	};
	static const uint8_t opcodes[] = { 0x18, 0x0c, 0x7f };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(builders); i++) {
		struct nvme_sqe sqe;

		memset(&sqe, 0xee, sizeof(sqe));
		builders[i](&sqe);
		assert_int_equal(sqe.opcode, opcodes[i]);
		assert_int_equal(sqe.flags, 0x40);
		assert_int_equal(sqe.sgl.type, 0x5a);
		assert_int_equal(load_le32(sqe.sgl.length), 0);
		assert_int_equal(nvme_sqe_dir(&sqe), NVME_DIR_NONE);
	}
}

/* "nvme id-ctrl" of nvme-cli 2.16 on these bytes. */
static void identify_controller(void **state)
{
	const struct nvme_id_ctrl *id = golden("id-ctrl", 4096);
	char text[64];

	(void)state;
	assert_int_equal(load_le16(id->vid), 0);
	assert_string_equal(nvme_id_string_get(text, sizeof(text), id->sn, sizeof(id->sn)),
			    "bbccdc2c5b6e37204871");
	assert_string_equal(nvme_id_string_get(text, sizeof(text), id->mn, sizeof(id->mn)), "Linux");
	assert_string_equal(nvme_id_string_get(text, sizeof(text), id->fr, sizeof(id->fr)),
			    "7.3.4+de");
	assert_int_equal(id->rab, 6);
	assert_int_equal(id->cmic, 0xb);
	assert_int_equal(id->mdts, 0);
	assert_int_equal(load_le16(id->cntlid), 1);
	assert_int_equal(load_le32(id->ver), NVME_VS(2, 1, 0));
	assert_int_equal(load_le32(id->oaes), 0x900);
	assert_int_equal(load_le32(id->ctratt), 0x41);
	assert_int_equal(id->cntrltype, NVME_CTRL_CNTRLTYPE_IO);
	assert_int_equal(load_le16(id->oacs), 0);
	assert_int_equal(id->acl, 3);
	assert_int_equal(id->aerl, 3);
	assert_int_equal(id->frmw, 3);
	assert_int_equal(id->lpa, 7);
	assert_int_equal(id->elpe, 127);
	assert_int_equal(load_le16(id->kas), 10);
	assert_int_equal(load_le16(id->endgidmax), 1024);
	assert_int_equal(id->anatt, 10);
	assert_int_equal(id->anacap, 31);
}

/* The rest of nvmet's values (drivers/nvme/target/admin-cmd.c). */
static void identify_controller_fabrics(void **state)
{
	const struct nvme_id_ctrl *id = golden("id-ctrl", 4096);

	(void)state;
	assert_int_equal(load_le32(id->anagrpmax), 128);
	assert_int_equal(load_le32(id->nanagrpid), 128);
	assert_int_equal(id->sqes, NVME_CTRL_SQES_64);
	assert_int_equal(id->cqes, NVME_CTRL_CQES_16);
	assert_int_equal(load_le32(id->nn), 1024);
	assert_int_equal(load_le32(id->mnan), 1024);
	assert_int_equal(load_le16(id->oncs), NVME_CTRL_ONCS_DSM | NVME_CTRL_ONCS_WRITE_ZEROES |
						      NVME_CTRL_ONCS_RESERVATIONS);
	assert_int_equal(id->vwc & NVME_CTRL_VWC_PRESENT, NVME_CTRL_VWC_PRESENT);
	assert_true(load_le32(id->sgls) & NVME_CTRL_SGLS_BYTE_ALIGNED);
	assert_true(load_le32(id->sgls) & NVME_CTRL_SGLS_OFFSET);
	assert_true(nvme_nqn_valid(id->subnqn, sizeof(id->subnqn)));
	assert_string_equal(id->subnqn, "nqn.test");
	assert_int_equal(load_le32(id->ioccsz), (64 + 16384) / 16);
	assert_int_equal(load_le32(id->iorcsz), 1);
	assert_int_equal(load_le16(id->icdoff), 0);
	assert_int_equal(id->msdbd, 1);
}

static void identify_namespace(void **state)
{
	const struct nvme_id_ns *ns = golden("id-ns", 4096);
	const struct nvme_ns_id_desc *desc;
	uint8_t list[4096] = { 0 }, uuid[16];
	size_t used;

	(void)state;
	assert_int_equal(load_le64(ns->nsze), (64 << 20) / 512);
	assert_int_equal(load_le64(ns->ncap), load_le64(ns->nsze));
	assert_int_equal(nvme_id_ns_lbaf_index(ns), 0);
	assert_int_equal(ns->lbaf[0].ds, 9);
	assert_int_equal(ns->nmic, NVME_NS_NMIC_SHARED);
	assert_int_equal(load_le32(ns->anagrpid), 1);
	assert_true(ns->nsfeat & NVME_NS_FEAT_IO_OPT);
	assert_int_equal(load_le16(ns->npwg), 7);	/* 4 KiB pages of the RAM disk */

	desc = golden("ns-descs", 4096);
	assert_int_equal(desc->nidt, NVME_NIDT_UUID);
	assert_int_equal(desc->nidl, 16);
	memcpy(uuid, desc + 1, sizeof(uuid));
	used = nvme_ns_id_desc_add(list, 0, NVME_NIDT_UUID, uuid, 16);
	used = nvme_ns_id_desc_add(list, used, NVME_NIDT_CSI, "", 1);
	assert_int_equal(used, 4 + 16 + 4 + 1);
	assert_memory_equal(list, golden("ns-descs", 4096), sizeof(list));
}

static void lbaf_index_has_six_bits(void **state)
{
	struct nvme_id_ns ns = { .flbas = 0x75 };

	(void)state;
	assert_int_equal(nvme_id_ns_lbaf_index(&ns), 0x35);
}

/* "nvme discover" of nvme-cli 2.16 on these bytes. */
static void discovery_log(void **state)
{
	const struct nvmf_discovery_hdr *hdr = golden("discovery-hdr", 20);
	const struct nvmf_disc_log_entry *e;

	(void)state;
	assert_int_equal(load_le64(hdr->numrec), 2);
	assert_int_equal(load_le64(hdr->genctr), 4);
	assert_int_equal(load_le16(hdr->recfmt), 0);
	e = golden("discovery-entries", 2048);
	assert_string_equal(nvmf_subtype_str(e[0].subtype), "current discovery subsystem");
	assert_string_equal(e[0].subnqn, NVME_DISC_SUBSYS_NAME);
	assert_string_equal(nvmf_trtype_str(e[1].trtype), "tcp");
	assert_string_equal(nvmf_adrfam_str(e[1].adrfam), "ipv4");
	assert_string_equal(nvmf_subtype_str(e[1].subtype), "nvme subsystem");
	assert_string_equal(nvmf_treq_str(e[1].treq),
			    "not specified, sq flow control disable supported");
	assert_int_equal(load_le16(e[1].portid), 1);
	assert_int_equal(load_le16(e[1].cntlid), NVME_CNTLID_DYNAMIC);
	assert_int_equal(load_le16(e[1].asqsz), NVME_DISC_ASQSZ_MIN);
	assert_string_equal(e[1].trsvcid, "4420");
	assert_string_equal(e[1].subnqn, "nqn.test");
	assert_string_equal(e[1].traddr, "192.168.77.1");
	assert_string_equal(nvmf_eflags_str(load_le16(e[1].eflags)), "none");
	assert_string_equal(nvmf_sectype_str(e[1].sectype), "none");
}

static void padded_strings(void **state)
{
	char field[8], text[9];

	(void)state;
	nvme_id_string_set(field, sizeof(field), "abc");
	assert_memory_equal(field, "abc     ", 8);
	assert_string_equal(nvme_id_string_get(text, sizeof(text), field, sizeof(field)), "abc");
	nvme_id_string_set(field, sizeof(field), "abcdefghij");
	assert_memory_equal(field, "abcdefgh", 8);
	assert_string_equal(nvme_id_string_get(text, sizeof(text), field, sizeof(field)),
			    "abcdefgh");
	assert_string_equal(nvme_id_string_get(text, sizeof(text), "a\x1b\n\xff   \0", 8), "a???");
	assert_string_equal(nvme_id_string_get(text, sizeof(text), "        ", 8), "");
}

static void smart_counters_carry(void **state)
{
	uint8_t n[16] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	static const uint8_t want[16] = { 4, [8] = 1 };

	(void)state;
	nvme_u128_add(n, 5);
	assert_memory_equal(n, want, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ic_pdus),
		cmocka_unit_test(connect_command),
		cmocka_unit_test(connect_answer),
		cmocka_unit_test(admin_commands),
		cmocka_unit_test(io_commands),
		cmocka_unit_test(other_commands),
		cmocka_unit_test(keep_alive_and_the_like_carry_no_data),
		cmocka_unit_test(identify_controller),
		cmocka_unit_test(identify_controller_fabrics),
		cmocka_unit_test(identify_namespace),
		cmocka_unit_test(lbaf_index_has_six_bits),
		cmocka_unit_test(discovery_log),
		cmocka_unit_test(padded_strings),
		cmocka_unit_test(smart_counters_carry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
