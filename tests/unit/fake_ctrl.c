/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_ctrl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/world.h"

static void connected(void *ctx, struct fault why, const struct nvme_cqe *cqe)
{
	struct fake_ctrl *f = ctx;

	f->connected++;
	f->connect_why = why;
	f->connect_cqe = *cqe;
}

static void wake(void *ctx)
{
	((struct fake_ctrl *)ctx)->wakes++;
}

static void released(void *owner, void *token)
{
	(void)owner;
	(void)token;
}

void fake_init(struct fake_ctrl *f, const struct hqueue_config *config)
{
	struct hqueue_config c = { .entries = 32, .cntlid = 0xffff, .capsule_data_max = 8192 };

	if (config)
		c = *config;
	c.connected = connected;
	c.wake = wake;
	c.ctx = f;
	if (!c.hostnqn)
		c.hostnqn = "nqn.2014-08.org.nvmexpress:uuid:00000000-1111-2222-3333-444444444444";
	if (!c.subsysnqn)
		c.subsysnqn = "nqn.test";
	f->hdgst = c.ic.hdgst;
	f->ddgst = c.ic.ddgst;
	f->q = hqueue_new(&c);
	assert_non_null(f->q);
	pdu_reader_init(&f->reader, PDU_FROM_HOST);
	assert_int_equal(pdu_writer_init(&f->writer, 4, released, NULL), 0);
}

void fake_end(struct fake_ctrl *f, struct fault why)
{
	struct stream *st = hqueue_stream(f->q);

	pdu_writer_drop_all(&st->writer);
	st->ops->end(st, why);
	assert_true(st->ops->drained(st));
}

void fake_free(struct fake_ctrl *f)
{
	fake_end(f, f->why);
	hqueue_free(f->q);
	pdu_writer_free(&f->writer);
	fake_forget(f);
}

void fake_forget(struct fake_ctrl *f)
{
	for (int i = 0; i < f->count; i++)
		free(f->pdu[i].data);
	memset(f->pdu, 0, sizeof(f->pdu));
	f->count = 0;
}

static void note(struct fake_ctrl *f, enum pdu_step step, const struct pdu_event *ev)
{
	struct fake_pdu *p;

	if (step == PDU_HEADER) {
		assert_true(f->count < FAKE_PDUS_MAX);
		p = &f->pdu[f->count++];
		memcpy(p->h.bytes, ev->hdr, ev->hdr[2]);
		p->len = ev->data_len;
		p->data = malloc(ev->data_len + 1);
		return;
	}
	p = &f->pdu[f->count - 1];
	if (step == PDU_DATA)
		memcpy(p->data + ev->data_off, ev->data.ptr, ev->data.len);
	else
		p->ddgst_bad = ev->ddgst_bad;
}

static void read_host(struct fake_ctrl *f, struct span in)
{
	struct pdu_event ev;
	struct fault why;
	enum pdu_step step;

	while ((step = pdu_reader_step(&f->reader, &in, &ev, &why)) != PDU_MORE) {
		assert_int_not_equal(step, PDU_FAULT);
		note(f, step, &ev);
	}
}

int fake_turn(struct fake_ctrl *f)
{
	struct stream *st = hqueue_stream(f->q);
	int before = f->count;

	for (;;) {
		struct iovec iov[64];
		size_t n;
		int count;

		f->why = st->ops->turn(st, f->now, &f->deadline_ns);
		n = pdu_writer_gather_all(&st->writer, iov, 64, &count);
		if (n == 0)
			break;
		for (int i = 0; i < count; i++)
			read_host(f, span_of(iov[i].iov_base, iov[i].iov_len));
		pdu_writer_consume(&st->writer, n);
	}
	return f->count - before;
}

/* Move @in to where the host's hint says, as a channel that opens records does. */
static struct fault feed_by_place(struct fake_ctrl *f, struct span in)
{
	struct stream *st = hqueue_stream(f->q);
	struct place *p = &st->place.place;
	struct span pieces[PLACE_PIECES];
	int count = 0;

	p->begin(p);
	while (in.len) {
		struct span part;
		uint8_t *dst;
		size_t len;

		p->next(p, &dst, &len);
		assert_true(len >= 1 && count < PLACE_PIECES);
		part = span_take(&in, len < in.len ? len : in.len);
		if (dst)
			memcpy(dst, part.ptr, part.len);
		p->landed(p, dst ? NULL : part.ptr, part.len);
		pieces[count++] = span_of(dst ? dst : part.ptr, part.len);
	}
	for (int i = 0; i < count; i++)
		TRY(st->ops->input(st, &pieces[i]));
	return OK;
}

struct fault fake_bytes(struct fake_ctrl *f, const void *bytes, size_t len)
{
	struct stream *st = hqueue_stream(f->q);
	struct span all = span_of(bytes, len);

	while (all.len) {
		size_t n = f->cut && f->cut < all.len ? f->cut : all.len;
		struct span in = span_take(&all, n);
		/* memory of its own: a sanitizer sees what is read beyond it */
		uint8_t *copy = malloc(n);
		struct fault why;

		memcpy(copy, in.ptr, n);
		in.ptr = copy;
		why = f->by_place ? feed_by_place(f, in) : st->ops->input(st, &in);
		free(copy);
		if (fault_is(why))
			return why;
	}
	return OK;
}

size_t fake_encode(struct fake_ctrl *f, const void *hdr, const void *data, uint32_t len,
		   uint8_t *out, size_t size)
{
	struct iovec iov = { (void *)data, len }, v[8];
	size_t n, sum = 0;
	int count;

	f->writer.hdgst = f->hdgst;
	f->writer.ddgst = f->ddgst;
	pdu_writer_add(&f->writer, hdr, &iov, 0, len, NULL);
	n = pdu_writer_gather_all(&f->writer, v, 8, &count);
	assert_true(n <= size);
	for (int i = 0; i < count; i++) {
		memcpy(out + sum, v[i].iov_base, v[i].iov_len);
		sum += v[i].iov_len;
	}
	pdu_writer_consume(&f->writer, n);
	return n;
}

struct fault fake_pdu(struct fake_ctrl *f, const void *hdr, const void *data, uint32_t len)
{
	size_t size = len + 256, n;
	uint8_t *out = malloc(size);
	struct fault why;

	n = fake_encode(f, hdr, data, len, out, size);
	why = fake_bytes(f, out, n);
	free(out);
	return why;
}

struct fault fake_icresp(struct fake_ctrl *f)
{
	struct ic_ctrl c = { f->hdgst, f->ddgst, f->cpda, f->maxh2cdata ? f->maxh2cdata : 8192 };
	struct pdu_rules rules = { f->hdgst, f->ddgst, f->cpda, 1u << 20, c.maxh2cdata };
	struct nvme_tcp_icresp_pdu resp;
	struct ic_result result;

	assert_true(f->count >= 1 && f->pdu[0].h.hdr.type == NVME_TCP_ICREQ);
	TRY(ic_req_accept(&f->pdu[0].h.icreq, &c, &result, &resp));
	pdu_reader_rules(&f->reader, &rules);
	return fake_pdu(f, &resp, NULL, 0);
}

struct fault fake_resp(struct fake_ctrl *f, uint16_t cid, uint16_t status, uint64_t result)
{
	struct nvme_tcp_rsp_pdu r = { .hdr.type = NVME_TCP_RSP };

	nvme_cqe_init(&r.cqe, cid, status, result, 1);
	return fake_pdu(f, &r, NULL, 0);
}

struct fault fake_data(struct fake_ctrl *f, uint16_t cid, uint32_t off, const void *data,
		       uint32_t len, uint8_t flags)
{
	struct nvme_tcp_data_pdu d = { .hdr = { .type = NVME_TCP_C2H_DATA, .flags = flags } };

	store_le16(d.command_id, cid);
	store_le32(d.data_offset, off);
	store_le32(d.data_length, len);
	return fake_pdu(f, &d, data, len);
}

struct fault fake_r2t(struct fake_ctrl *f, uint16_t cid, uint16_t ttag, uint32_t off,
		      uint32_t len)
{
	struct nvme_tcp_r2t_pdu r = { .hdr.type = NVME_TCP_R2T };

	store_le16(r.command_id, cid);
	store_le16(r.ttag, ttag);
	store_le32(r.r2t_offset, off);
	store_le32(r.r2t_length, len);
	return fake_pdu(f, &r, NULL, 0);
}

void fake_live(struct fake_ctrl *f, const struct hqueue_config *config, uint16_t cntlid)
{
	fake_init(f, config);
	assert_int_equal(fake_turn(f), 1);
	assert_false(fault_is(fake_icresp(f)));
	fake_forget(f);
	assert_int_equal(fake_turn(f), 1);
	assert_false(fault_is(fake_resp(f, fake_cid(f, 0), 0, cntlid)));
	fake_forget(f);
	assert_int_equal(fake_turn(f), 0);
	assert_int_equal(f->connected, 1);
	assert_true(hqueue_live(f->q));
}

const struct nvme_sqe *fake_command(const struct fake_ctrl *f, int i)
{
	assert_true(i < f->count && f->pdu[i].h.hdr.type == NVME_TCP_CMD);
	return &f->pdu[i].h.cmd.sqe;
}

uint16_t fake_cid(const struct fake_ctrl *f, int i)
{
	return load_le16(fake_command(f, i)->cid);
}
