/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plaintext in: PDU events become commands and data. Here a PDU becomes a command:
 * on_header() -> tcmd_begin(), on_end() -> tcmd_capsule_end() -> tcmd_execute().
 */
#include "target/target_impl.h"

static struct fault on_icreq(struct tconn *tc, const uint8_t *hdr)
{
	const struct target_config *c = &tc->target->config;
	const struct ic_ctrl ours = { c->hdgst, c->ddgst, 0, c->maxh2cdata_bytes };
	struct nvme_tcp_icresp_pdu resp;
	struct pdu_rules rules;

	TRY(ic_req_accept((const void *)hdr, &ours, &tc->ic, &resp));
	pdu_writer_add(&tc->stream.writer, &resp, NULL, 0, 0, NULL);
	/* the answer itself carries no digest; from now on all PDUs do as agreed */
	tc->stream.writer.hdgst = tc->ic.hdgst;
	tc->stream.writer.ddgst = tc->ic.ddgst;
	tc->stream.writer.pda = tc->ic.hpda;
	rules = (struct pdu_rules){
		.hdgst = tc->ic.hdgst,
		.ddgst = tc->ic.ddgst,
		.pda = tc->ic.cpda,
		/* the larger of the two until Connect tells which queue this is */
		.capsule_data_max =
			(uint32_t)max_u64(NVME_TCP_ADMIN_CAPSULE_MAX, c->capsule_data_bytes),
		.data_max = c->maxh2cdata_bytes,
	};
	pdu_reader_rules(&tc->stream.reader, &rules);
	tconn_enter(tc, CONN_CONNECT);
	return OK;
}

static struct fault on_header(struct tconn *tc, const struct pdu_event *ev)
{
	const struct nvme_tcp_cmd_pdu *cmd = (const void *)ev->hdr;
	uint8_t type = ev->hdr[0];

	TRY(conn_accepts(tc->state, type));
	tc->cur = NULL;
	switch (type) {
	case NVME_TCP_CMD:
		return tcmd_begin(tc, &cmd->sqe, ev->data_len);
	case NVME_TCP_H2C_DATA:
		return tconn_h2c_begin(tc, ev->hdr);
	default:
		return OK;
	}
}

static void on_data(struct tconn *tc, const struct pdu_event *ev)
{
	const struct nvme_tcp_data_pdu *d = (const void *)ev->hdr;
	uint32_t base = ev->hdr[0] == NVME_TCP_H2C_DATA ? load_le32(d->data_offset) : 0;

	if (tc->cur && !tc->cur->discard)
		tcmd_land(tc->cur, base + ev->data_off, ev->data);
}

static struct fault on_end(struct tconn *tc, const struct pdu_event *ev)
{
	tc->pdu_ns = world_now(tc->w);
	switch (ev->hdr[0]) {
	case NVME_TCP_ICREQ:
		return on_icreq(tc, ev->hdr);
	case NVME_TCP_H2C_TERM:
		tconn_enter(tc, CONN_TERM);
		return stream_term_received(ev->hdr);
	case NVME_TCP_H2C_DATA:
		return tconn_h2c_end(tc, ev->hdr, ev->ddgst_bad);
	default:
		return tc->cur ? tcmd_capsule_end(tc, tc->cur, ev->ddgst_bad) : OK;
	}
}

static struct fault on_event(struct tconn *tc, enum pdu_step step, const struct pdu_event *ev)
{
	switch (step) {
	case PDU_HEADER:
		return on_header(tc, ev);
	case PDU_DATA:
		on_data(tc, ev);
		return OK;
	default:
		return on_end(tc, ev);
	}
}

/*
 * The next PDU may be a capsule with data: without a buffer for it the socket is left unread. A
 * PDU of which the header was taken has its place.
 */
static bool must_block(struct tconn *tc)
{
	tc->stream.blocked = tc->stream.reader.state == PDU_R_HEADER &&
			     (tconn_unsettled(tc) || tc->finishing || !tconn_want_spares(tc, 1));
	return tc->stream.blocked;
}

struct fault tconn_input(struct stream *s, struct span *in)
{
	struct tconn *tc = (struct tconn *)s;
	struct pdu_event ev;
	struct fault why = OK;
	enum pdu_step step;

	if (!pdu_reader_in_pdu(&s->reader))
		tc->pdu_ns = world_now(tc->w);
	tc->busy = true;
	while (!must_block(tc)) {
		step = pdu_reader_step(&s->reader, in, &ev, &why);
		if (step == PDU_MORE)
			break;
		if (step != PDU_FAULT)
			why = on_event(tc, step, &ev);
		if (fault_is(why))
			break;
	}
	tcmd_flush_done(tc);
	tc->busy = false;
	return why;
}
