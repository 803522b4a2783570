/* SPDX-License-Identifier: BSD-3-Clause */
/* host/hqueue: data in both directions, in PDUs, pieces, records and digests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "fake_io.h"
#include "nvme/status.h"

static void fill(uint8_t *b, size_t len, uint8_t seed)
{
	for (size_t i = 0; i < len; i++)
		b[i] = (uint8_t)(seed + i * 3 + (i >> 9));
}

/* ---- data from the controller ---- */

static void read_one(struct fake_ctrl *f, const struct hqueue_config *c, uint32_t split)
{
	static uint8_t data[16384];
	struct io io;
	uint16_t cid;

	fake_live(f, c, 1);
	io_prepare(&io, HCMD_FROM_CTRL, sizeof(data), split);
	hqueue_submit(f->q, &io.cmd, 0);
	fake_turn(f);
	cid = fake_cid(f, 0);
	assert_int_equal(f->pdu[0].h.cmd.sqe.sgl.type, NVME_SGL_TRANSPORT);
	assert_int_equal(load_le32(f->pdu[0].h.cmd.sqe.sgl.length), sizeof(data));
	fill(data, sizeof(data), 9);
	must(fake_data(f, cid, 0, data, 4096, 0));
	must(fake_data(f, cid, 4096, data + 4096, 12288, LAST));
	fake_turn(f);
	assert_int_equal(io.done, 0);
	must(fake_resp(f, cid, 0, 0));
	fake_turn(f);
	assert_int_equal(io.done, 1);
	must(io.cmd.why);
	assert_int_equal(io.cmd.status, 0);
	assert_memory_equal(io.mem, data, sizeof(data));
	assert_int_equal(hqueue_outstanding(f->q), 0);
	fake_free(f);
	free(io.mem);
}

static void reads(void **state)
{
	static const size_t cuts[] = { 0, 1, 7, 23, 1460, 5000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cuts) * 8; i++) {
		struct hqueue_config c = io_queue;
		struct fake_ctrl f = { .cut = cuts[i / 8], .by_place = i & 4 };

		c.ic.hdgst = i & 1;
		c.ic.ddgst = i & 2;
		read_one(&f, &c, i & 1 ? 5000 : 0);
	}
}

/* Data goes to where it belongs before its record is verified, and only there. */
static void hint(void **state)
{
	uint8_t rec[16384], data[4096];
	struct fake_ctrl f = { 0 };
	struct io a, b, w;
	struct stream *st;
	size_t n;

	(void)state;
	fake_live(&f, &io_queue, 1);
	st = hqueue_stream(f.q);
	io_start(&f, &a, HCMD_FROM_CTRL, 4096);
	io_start(&f, &b, HCMD_FROM_CTRL, 4096);
	io_start(&f, &w, HCMD_TO_CTRL, 32768);
	fake_turn(&f);
	fill(data, sizeof(data), 1);
	for (int i = 0; i < 5; i++) {
		static const struct {
			int cmd;
			uint32_t off, len;
			bool direct;
		} claims[] = {
			{ 0, 0, 4096, true },  { 1, 2048, 2048, true }, { 1, 2048, 4096, false },
			{ 2, 0, 4096, false }, { 9, 0, 4096, false },
		};
		struct nvme_tcp_data_pdu d = { .hdr.type = NVME_TCP_C2H_DATA };
		struct place *p = &st->place.place;
		uint8_t *dst, *want;
		size_t len, at = 0;

		store_le16(d.command_id, claims[i].cmd == 9 ? 99 : fake_cid(&f, claims[i].cmd));
		store_le32(d.data_offset, claims[i].off);
		store_le32(d.data_length, claims[i].len);
		n = fake_encode(&f, &d, data, claims[i].len, rec, sizeof(rec));
		p->begin(p);
		while (at < 24) {
			p->next(p, &dst, &len);
			assert_null(dst);
			len = len < 24 - at ? len : 24 - at;
			p->landed(p, rec + at, len);
			at += len;
		}
		p->next(p, &dst, &len);
		want = (claims[i].cmd == 0 ? a.mem : b.mem) + claims[i].off;
		assert_ptr_equal(dst, claims[i].direct ? want : NULL);
		if (claims[i].direct)
			assert_true(len <= claims[i].len && n == 24 + claims[i].len);
	}
	/* nothing of it counts */
	assert_int_equal(hqueue_outstanding(f.q), 3);
	must(fake_data(&f, fake_cid(&f, 0), 0, data, 4096, LAST | SUCCESS));
	fake_turn(&f);
	assert_int_equal(a.done, 1);
	assert_memory_equal(a.mem, data, 4096);
	fake_free(&f);
	free(a.mem);
	free(b.mem);
	free(w.mem);
}

static void success_flag(void **state)
{
	static uint8_t data[4096];
	struct fake_ctrl f = { 0 };
	struct io io;

	(void)state;
	fake_live(&f, &io_queue, 1);
	io_start(&f, &io, HCMD_FROM_CTRL, 4096);
	fake_turn(&f);
	fill(data, sizeof(data), 3);
	must(fake_data(&f, fake_cid(&f, 0), 0, data, 4096, LAST | SUCCESS));
	fake_turn(&f);
	assert_int_equal(io.done, 1);
	must(io.cmd.why);
	assert_int_equal(io.cmd.status, 0);
	assert_memory_equal(io.mem, data, 4096);
	assert_int_equal(hqueue_answered(f.q), 2); /* Connect, too */
	fake_free(&f);
	free(io.mem);
}

/* An error may come with less data, or none. M and CRD are not part of the status. */
static void read_error(void **state)
{
	struct fake_ctrl f = { 0 };
	struct io io;

	(void)state;
	fake_live(&f, &io_queue, 1);
	io_start(&f, &io, HCMD_FROM_CTRL, 4096);
	fake_turn(&f);
	must(fake_resp(&f, fake_cid(&f, 0), 0x7a81, 0));
	fake_turn(&f);
	assert_int_equal(io.done, 1);
	must(io.cmd.why);
	assert_int_equal(io.cmd.status, 0x281);
	assert_true(io.cmd.dnr);
	fake_free(&f);
	free(io.mem);
}

/* A data digest that does not match ends the command, not the connection. */
static void data_digest(void **state)
{
	static uint8_t data[4096], rec[8192];
	struct nvme_tcp_data_pdu d = { .hdr.type = NVME_TCP_C2H_DATA };
	struct hqueue_config c = io_queue;
	struct fake_ctrl f = { 0 };
	struct io io, next;
	size_t n;

	(void)state;
	c.ic.hdgst = c.ic.ddgst = true;
	fake_live(&f, &c, 1);
	io_start(&f, &io, HCMD_FROM_CTRL, 4096);
	fake_turn(&f);
	store_le16(d.command_id, fake_cid(&f, 0));
	store_le32(d.data_length, 4096);
	d.hdr.flags = LAST;
	n = fake_encode(&f, &d, data, 4096, rec, sizeof(rec));
	rec[n - 1000] ^= 1;
	must(fake_bytes(&f, rec, n));
	must(fake_resp(&f, fake_cid(&f, 0), 0, 0));
	fake_turn(&f);
	assert_int_equal(io.done, 1);
	must(io.cmd.why);
	assert_int_equal(io.cmd.status, NVME_SC_TRANSIENT_TR_ERR);
	assert_false(io.cmd.dnr);

	fake_forget(&f);
	io_start(&f, &next, HCMD_FROM_CTRL, 4096);
	fake_turn(&f);
	must(fake_data(&f, fake_cid(&f, 0), 0, data, 4096, LAST | SUCCESS));
	fake_turn(&f);
	assert_int_equal(next.done, 1);
	assert_int_equal(next.cmd.status, 0);

	fake_forget(&f);
	free(next.mem);
	io_start(&f, &next, HCMD_FROM_CTRL, 4096);
	fake_turn(&f);
	store_le16(d.command_id, fake_cid(&f, 0));
	n = fake_encode(&f, &d, data, 4096, rec, sizeof(rec));
	rec[9] ^= 0x80; /* header digest: of the connection */
	f.why = fake_bytes(&f, rec, n);
	refused(f.why, FAULT_PDU, NVME_TCP_FES_HDGST, load_le32(rec + 24));
	fake_free(&f);
	free(io.mem);
	free(next.mem);
}

/* ---- data to the controller ---- */

static void in_capsule(void **state)
{
	(void)state;
	for (uint32_t len = 512; len <= 8192; len *= 2) {
		struct hqueue_config c = io_queue;
		struct fake_ctrl f = { .cpda = 31 };
		struct io io;

		c.ic.ddgst = true;
		fake_live(&f, &c, 1);
		io_start(&f, &io, HCMD_TO_CTRL, len);
		fake_turn(&f);
		assert_int_equal(fake_command(&f, 0)->flags, 0x40);
		assert_int_equal(load_le32(fake_command(&f, 0)->sgl.length), len);
		if (len > 4096) {
			assert_int_equal(fake_command(&f, 0)->sgl.type, 0x5a);
			assert_int_equal(f.pdu[0].len, 0);
		} else {
			assert_int_equal(fake_command(&f, 0)->sgl.type, 0x01);
			assert_int_equal(f.pdu[0].len, len);
			assert_int_equal(f.pdu[0].h.hdr.pdo, 128);
			assert_false(f.pdu[0].ddgst_bad);
			assert_memory_equal(f.pdu[0].data, io.mem, len);
			must(fake_resp(&f, fake_cid(&f, 0), 0, 0));
			fake_turn(&f);
			assert_int_equal(io.done, 1);
		}
		fake_free(&f);
		free(io.mem);
	}
}

/* Check the H2CData PDUs from index @i on: one R2T of [@off, @off + @len). Returns the next index. */
static int check_r2t(const struct fake_ctrl *f, int i, const struct io *io, uint16_t ttag,
		     uint32_t off, uint32_t len, uint32_t max)
{
	while (len) {
		const struct nvme_tcp_data_pdu *d = &f->pdu[i].h.data;
		uint32_t n = load_le32(d->data_length);

		assert_true(i < f->count);
		assert_int_equal(d->hdr.type, NVME_TCP_H2C_DATA);
		assert_int_equal(load_le16(d->ttag), ttag);
		assert_int_equal(load_le32(d->data_offset), off);
		assert_true(n == f->pdu[i].len && n <= max && n <= len);
		assert_int_equal(!!(d->hdr.flags & LAST), n == len);
		assert_memory_equal(f->pdu[i].data, io->mem + off, n);
		off += n;
		len -= n;
		i++;
	}
	return i;
}

static void r2t_split(void **state)
{
	struct hqueue_config c = io_queue;
	struct fake_ctrl f = { .maxh2cdata = 4096 };
	struct io io;
	uint16_t cid;
	int i;

	(void)state;
	c.ic.maxr2t = 2;
	fake_live(&f, &c, 1);
	io_prepare(&io, HCMD_TO_CTRL, 65536, 10000);
	hqueue_submit(f.q, &io.cmd, 0);
	fake_turn(&f);
	cid = fake_cid(&f, 0);
	fake_forget(&f);
	must(fake_r2t(&f, cid, 0xbeef, 0, 10240));
	must(fake_r2t(&f, cid, 0x0001, 10240, 4));
	must(fake_r2t(&f, cid, 0xffff, 10244, 16380));
	fake_turn(&f);
	i = check_r2t(&f, 0, &io, 0xbeef, 0, 10240, 4096);
	assert_int_equal(i, 3);
	i = check_r2t(&f, i, &io, 0x0001, 10240, 4, 4096);
	i = check_r2t(&f, i, &io, 0xffff, 10244, 16380, 4096);
	assert_int_equal(i, f.count);
	fake_forget(&f);
	/* they are served: three more may come */
	must(fake_r2t(&f, cid, 7, 26624, 65536 - 26624));
	fake_turn(&f);
	i = check_r2t(&f, 0, &io, 7, 26624, 65536 - 26624, 4096);
	assert_int_equal(i, f.count);
	assert_int_equal(io.done, 0);
	must(fake_resp(&f, cid, 0, 0));
	fake_turn(&f);
	assert_int_equal(io.done, 1);
	assert_int_equal(io.cmd.status, 0);
	fake_free(&f);
	free(io.mem);
}

/*
 * Two large writes share the line chunk by chunk; a large MAXH2CDATA is not used to the full. With
 * data digests it is: nvmet cannot check the second PDU of a command.
 */
static void turns(bool ddgst, uint32_t pdus)
{
	struct hqueue_config c = io_queue;
	struct fake_ctrl f = { .maxh2cdata = 4 << 20 };
	uint16_t cid[2];
	struct io io[2];

	c.ic.ddgst = ddgst;
	fake_live(&f, &c, 1);
	for (int i = 0; i < 2; i++)
		io_start(&f, &io[i], HCMD_TO_CTRL, 512 << 10);
	fake_turn(&f);
	for (int i = 0; i < 2; i++)
		must(fake_r2t(&f, cid[i] = fake_cid(&f, i), (uint16_t)i, 0, 512 << 10));
	fake_forget(&f);
	fake_turn(&f);
	assert_int_equal(f.count, (int)pdus);
	for (uint32_t i = 0; i < pdus; i++) {
		assert_int_equal(load_le16(f.pdu[i].h.data.command_id), cid[i & 1]);
		assert_int_equal(f.pdu[i].len, (1 << 20) / pdus);
	}
	fake_free(&f);
	free(io[0].mem);
	free(io[1].mem);
}

static void r2t_turns(void **state)
{
	(void)state;
	turns(false, 8);
	turns(true, 2);
}

/*
 * The controller fails a write while its data is on the way: what was promised is sent, and
 * only then is the memory the caller's again.
 */
static void failed_early(void **state)
{
	struct fake_ctrl f = { .maxh2cdata = 4096 };
	struct stream *st;
	uint16_t cid;
	struct io io;

	(void)state;
	fake_live(&f, &io_queue, 1);
	st = hqueue_stream(f.q);
	io_start(&f, &io, HCMD_TO_CTRL, 16384);
	fake_turn(&f);
	cid = fake_cid(&f, 0);
	fake_forget(&f);
	must(fake_r2t(&f, cid, 5, 0, 16384));
	must(st->ops->turn(st, 0, &f.deadline_ns));
	assert_true(st->writer.used > 0);
	must(fake_resp(&f, cid, NVME_SC_WRITE_FAULT, 0));
	must(st->ops->turn(st, 0, &f.deadline_ns));
	assert_int_equal(io.done, 0);
	assert_int_equal(hqueue_outstanding(f.q), 1);
	fake_turn(&f);
	check_r2t(&f, 0, &io, 5, 0, 16384, 4096);
	fake_turn(&f);
	assert_int_equal(io.done, 1);
	assert_int_equal(io.cmd.status, NVME_SC_WRITE_FAULT);
	fake_free(&f);
	free(io.mem);

	/* success at that point would mean that data was not written */
	f = (struct fake_ctrl){ 0 };
	fake_live(&f, &io_queue, 1);
	io_start(&f, &io, HCMD_TO_CTRL, 16384);
	fake_turn(&f);
	must(fake_r2t(&f, fake_cid(&f, 0), 5, 0, 16384));
	f.why = fake_resp(&f, fake_cid(&f, 0), 0, 0);
	refused(f.why, FAULT_PDU, NVME_TCP_FES_SEQ_ERROR, 0);
	fake_free(&f);
	assert_int_equal(io.done, 1);
	free(io.mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(hint),
		cmocka_unit_test(success_flag),
		cmocka_unit_test(read_error),
		cmocka_unit_test(data_digest),
		cmocka_unit_test(in_capsule),
		cmocka_unit_test(r2t_split),
		cmocka_unit_test(r2t_turns),
		cmocka_unit_test(failed_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
