/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Property: reading any discovery log page ends, with at most NVME_DISC_NUMREC_MAX records whose
 * strings are printable and end. The input is the log; what is asked for beyond it reads as
 * zeroes. Byte 0: how often the generation changes while it is read.
 */
#include "host_rig.h"

#include "host/discover.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wake(void *ctx)
{
	(void)ctx;
}

static struct fault answer(struct rig *r, struct span log, uint64_t lpo, uint32_t len, bool change)
{
	uint8_t *pdu = calloc(1, 24 + (size_t)len + 24);
	struct nvme_tcp_data_pdu *d = (void *)pdu;
	uint8_t *resp = pdu + 24 + len;
	struct fault why;

	d->hdr = (struct nvme_tcp_hdr){
		.type = NVME_TCP_C2H_DATA, .hlen = 24, .pdo = 24, .flags = NVME_TCP_F_DATA_LAST
	};
	store_le32(d->hdr.plen, 24 + len);
	store_le16(d->command_id, r->last_cid);
	store_le32(d->data_length, len);
	if (lpo < log.len)
		memcpy(pdu + 24, log.ptr + lpo, min_u64(len, log.len - lpo));
	if (change && lpo == 0)
		pdu[24]++;
	memcpy(resp, (const uint8_t[]){ 5, 0, 24, 0, 24 }, 5);
	store_le16(resp + 20, r->last_cid);
	why = rig_feed(r, span_of(pdu, 24 + (size_t)len + 24), SIZE_MAX);
	free(pdu);
	return why;
}

static void check_string(const char *s, size_t size)
{
	size_t len = strnlen(s, size);

	MUST(len < size);
	for (size_t i = 0; i < len; i++)
		MUST(s[i] >= ' ' && s[i] <= '~');
}

static void check(const struct discover *d)
{
	MUST(d->count <= NVME_DISC_NUMREC_MAX && d->have == d->count);
	for (uint32_t i = 0; i < d->count; i++) {
		struct discover_entry e;

		discover_entry_decode(&d->entries[i], &e);
		check_string(e.trsvcid, sizeof(e.trsvcid));
		check_string(e.traddr, sizeof(e.traddr));
		check_string(e.subnqn, sizeof(e.subnqn));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct discover_config c = { .transfer_max = 1 << 20, .wake = wake };
	struct rig r = { 0 };
	struct discover d;
	int changes;

	if (size < 2)
		return 0;
	changes = data[0] % 16;
	rig_init(&r, false, false);
	discover_start(&d, &c);
	for (int commands = 0; !discover_turn(&d, r.q, 0); commands++) {
		struct nvme_log_req req;

		MUST(commands < 64);
		MUST(!fault_is(rig_turn(&r)));
		nvme_log_req_decode(&d.cmd.sqe, &req);
		MUST(!fault_is(answer(&r, span_of(data + 1, size - 1), req.lpo, (uint32_t)req.bytes,
				      req.lpo == 0 && changes-- > 0)));
		MUST(!fault_is(rig_turn(&r)));
	}
	if (d.state == DISCOVER_DONE)
		check(&d);
	rig_free(&r, OK);
	discover_free(&d);
	return 0;
}
