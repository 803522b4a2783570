/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Properties of a live queue that is told anything: nothing crashes; every command is answered,
 * or the connection has ended, or the command waits for something that it may wait for; and at the
 * end all memory is back.
 *
 * Input: one byte of options, then steps. A step is a control byte and what it needs:
 *	bits 1:0 = 0	a command without data: 64 bytes, the submission queue entry
 *	           1	a command with data in the capsule: 64 bytes, 2 bytes of length
 *	           2	H2CData: CCCID, TTAG, DATAO, DATAL (12 bytes); bit 2: LAST; bit 3: the last R2T's
 *			TTAG and CCCID instead
 *	           3	time passes: bits 7:2 seconds
 */
#include <string.h>

#include "target/target_impl.h"
#include "unit/target_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 300

#define MUST(x) \
	do { \
		if (!(x)) \
			__builtin_trap(); \
	} while (0)

static uint8_t filler[65536];

struct run {
	struct rig rig;
	struct rig_conn admin, io, *c;
	struct span in;
	uint32_t sent, answered, events;
};

/* The next @len bytes of the input; zeroes behind its end. */
static void take(struct run *r, void *dst, size_t len)
{
	size_t n = len < r->in.len ? len : r->in.len;

	memset(dst, 0, len);
	memcpy(dst, span_take(&r->in, n).ptr, n);
}

static uint32_t outstanding(const struct tconn *tc)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < tc->cmd_count; i++)
		n += tconn_slot((struct tconn *)tc, i)->state != TCMD_FREE;
	return n;
}

/* Count the answers, and look at each. */
static void count_answers(struct run *r)
{
	for (int i = 0; i < r->c->count; i++) {
		const union nvme_tcp_pdu *p = &r->c->pdu[i].h;

		MUST(p->hdr.type == NVME_TCP_RSP || p->hdr.type == NVME_TCP_C2H_DATA ||
		     p->hdr.type == NVME_TCP_R2T || p->hdr.type == NVME_TCP_C2H_TERM);
		MUST(!r->c->pdu[i].ddgst_bad);
		r->answered += p->hdr.type == NVME_TCP_RSP ||
			       (p->hdr.type == NVME_TCP_C2H_DATA &&
				p->hdr.flags & NVME_TCP_F_DATA_SUCCESS);
	}
}

static void command(struct run *r, bool with_data)
{
	struct nvme_tcp_cmd_pdu p = { .hdr.type = NVME_TCP_CMD };
	uint8_t len[2] = { 0, 0 };

	take(r, &p.sqe, sizeof(p.sqe));
	if (with_data)
		take(r, len, 2);
	r->sent++;
	r->events += p.sqe.opcode == NVME_ADMIN_ASYNC_EVENT;
	rig_send(r->c, &p, filler, load_le16(len));
}

static void h2c(struct run *r, uint8_t control, const union nvme_tcp_pdu *r2t)
{
	uint8_t f[12];
	uint32_t len;

	take(r, f, sizeof(f));
	if (control & 8) {
		memcpy(f, r2t->r2t.command_id, 2);
		memcpy(f + 2, r2t->r2t.ttag, 2);
	}
	len = load_le32(f + 8) % (sizeof(filler) - 1) + 1;
	rig_h2c(r->c, load_le16(f), load_le16(f + 2), load_le32(f + 4), filler, len, control & 4);
}

static void step(struct run *r, union nvme_tcp_pdu *r2t)
{
	uint8_t control = 0;

	take(r, &control, 1);
	switch (control & 3) {
	case 0:
	case 1:
		command(r, control & 1);
		break;
	case 2:
		h2c(r, control, r2t);
		break;
	default:
		rig_pass(&r->rig, (control >> 2) * NS_PER_SEC);
		break;
	}
	rig_run(r->c);
	if (r->c != &r->admin)
		rig_turn(&r->admin);
	count_answers(r);
	if (rig_last(r->c, NVME_TCP_R2T))
		*r2t = rig_last(r->c, NVME_TCP_R2T)->h;
	rig_forget(r->c);
	if (r->c->ended)
		return;
	MUST(r->answered + outstanding(r->c->tc) <= r->sent);
	MUST(r->answered + outstanding(r->c->tc) + r->events >= r->sent);
}

static void start(struct run *r, uint8_t options)
{
	static const struct rig_config config = { .buf_count = 12,
						  .backends = { "mem:1M", "null:64M" } };
	uint16_t cntlid;

	rig_init(&r->rig, &config);
	rig_open(&r->rig, &r->admin, NULL);
	r->c = options & 1 ? &r->io : &r->admin;
	if (!(options & 1))
		r->admin.hdgst = r->admin.ddgst = options & 2;
	cntlid = rig_go_live(&r->admin, 0, 0);
	if (options & 1) {
		rig_open(&r->rig, &r->io, NULL);
		r->io.hdgst = r->io.ddgst = options & 2;
		rig_go_live(&r->io, 1, cntlid);
	}
	r->c->by_place = options & 4;
	r->c->cut = options >> 4;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run r;
	union nvme_tcp_pdu r2t = { 0 };

	if (size < 2)
		return 0;
	memset(&r, 0, sizeof(r));
	start(&r, data[0]);
	r.in = span_of(data + 1, size - 1);
	for (int i = 0; i < STEPS_MAX && r.in.len && !r.c->ended; i++)
		step(&r, &r2t);
	rig_close(&r.io);
	rig_close(&r.admin);
	rig_free(&r.rig);
	return 0;
}
