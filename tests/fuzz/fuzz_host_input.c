/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Property: what a host makes of a controller's bytes depends neither on how they are cut nor on
 * whether hints were followed; every command is given back exactly once; nothing is written
 * beyond a command's memory. Byte 0: bit 0 header digests, 1 data digests, the others how the
 * bytes are cut. Byte 1: how many come between two turns of the host, who then sends.
 */
#include "host_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COMMANDS 6

static const struct {
	enum hcmd_dir dir;
	uint32_t len;
} kinds[COMMANDS] = {
	{ HCMD_FROM_CTRL, 4096 }, { HCMD_TO_CTRL, 32768 }, { HCMD_NONE, 0 },
	{ HCMD_FROM_CTRL, 64 },	  { HCMD_TO_CTRL, 512 },   { HCMD_FROM_CTRL, 16384 },
};

struct outcome {
	struct fault why;
	int done[COMMANDS];
	uint16_t status[COMMANDS];
	uint64_t result[COMMANDS];
	bool failed[COMMANDS];
	uint8_t *mem[COMMANDS];
	struct hcmd cmd[COMMANDS];
	struct iovec iov[COMMANDS][2];
};

static void done(struct hqueue *q, struct hcmd *c)
{
	struct outcome *o;
	size_t i;

	(void)q;
	memcpy(&o, c->sqe.mptr, sizeof(o));
	i = (size_t)(c - o->cmd);
	MUST(i < COMMANDS);
	o->done[i]++;
	o->failed[i] = fault_is(c->why);
	o->status[i] = c->status;
	o->result[i] = load_le64(c->cqe.result);
}

static void submit(struct rig *r, struct outcome *o, size_t i)
{
	struct hcmd *c = &o->cmd[i];
	uint32_t len = kinds[i].len, half = len / 2;

	*c = (struct hcmd){ .dir = kinds[i].dir, .len = len, .done = done };
	nvme_sqe_rw(&c->sqe, NVME_CMD_READ, 1, 0, 1, 0);
	memcpy(c->sqe.mptr, &o, sizeof(o));
	if (len) {
		o->mem[i] = malloc(len);
		memset(o->mem[i], 0xee, len);
		o->iov[i][0] = (struct iovec){ o->mem[i], half };
		o->iov[i][1] = (struct iovec){ o->mem[i] + half, len - half };
		c->iov = o->iov[i];
		c->iov_count = 2;
	}
	hqueue_submit(r->q, c, 0);
}

static void play(struct outcome *o, const uint8_t *data, size_t size, size_t cut, bool hints)
{
	struct rig r = { 0 };

	memset(o, 0, sizeof(*o));
	rig_init(&r, data[0] & 1, data[0] & 2);
	r.hints = hints;
	for (size_t i = 0; i < COMMANDS; i++)
		submit(&r, o, i);
	MUST(!fault_is(rig_turn(&r)));
	for (struct span in = span_of(data + 2, size - 2); in.len && !fault_is(o->why);) {
		size_t n = 24 + data[1] * 64u;

		o->why = rig_feed(&r, span_take(&in, n < in.len ? n : in.len), cut);
		if (!fault_is(o->why))
			o->why = rig_turn(&r);
	}
	rig_free(&r, o->why);
	for (size_t i = 0; i < COMMANDS; i++)
		MUST(o->done[i] == 1);
}

static void compare(const struct outcome *a, const struct outcome *b)
{
	MUST(memcmp(&a->why, &b->why, sizeof(a->why)) == 0);
	for (size_t i = 0; i < COMMANDS; i++) {
		MUST(a->failed[i] == b->failed[i] && a->status[i] == b->status[i]);
		MUST(a->result[i] == b->result[i]);
		/* a peer that is refused in the end may have spoiled its own data meanwhile */
		if (!fault_is(a->why) && !a->failed[i] && a->mem[i] && a->status[i] == 0)
			MUST(memcmp(a->mem[i], b->mem[i], kinds[i].len) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct outcome whole, cut;

	if (size < 3)
		return 0;
	play(&whole, data, size, SIZE_MAX, false);
	play(&cut, data, size, 1 + (data[0] >> 2) * 7u, true);
	compare(&whole, &cut);
	for (size_t i = 0; i < COMMANDS; i++) {
		free(whole.mem[i]);
		free(cut.mem[i]);
	}
	return 0;
}
