/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Data of commands: buffers from the thread's pool, R2T, H2CData, and where bytes land.
 * NVMe/TCP Transport 3.3.2, 3.6.2.8, 3.6.2.9.
 */
#include "target/target_impl.h"

static struct fault bad(enum nvme_tcp_fes fes, uint32_t at)
{
	return (struct fault){ FAULT_PDU, CAUSE_PDU_INVALID, (uint16_t)fes, at };
}

/* --- buffers --- */

/* A connection's share; never less than one command of MDTS needs. */
static uint32_t held_max(const struct tconn *tc)
{
	uint32_t limit = tc->target->config.buffers_per_conn_max;

	return (uint32_t)max_u64(limit ? limit : tc->w->buffers->count / 2, TCMD_IOV_MAX + 1);
}

/*
 * Buffers that only in-capsule data may have. What it fills goes to the backend and comes back
 * without further input; so there is always one to go on with, also when hosts owe us the data of
 * many R2Ts, or do not read what they asked for.
 */
static uint32_t reserved(const struct pool *p)
{
	return p->count < 16 ? 1 : p->count / 8;
}

bool tconn_buffers_suffice(const struct pool *p, uint32_t bytes)
{
	return p->count > reserved(p) && bytes <= (p->count - reserved(p)) * p->buf_bytes;
}

/* May @n more buffers go to commands that wait for the host? */
static bool buffers_free(const struct tconn *tc, uint32_t n)
{
	const struct pool *p = tc->w->buffers;

	return p->avail >= n + reserved(p) && tc->buffers_held + n < held_max(tc);
}

static void *get_buffer(struct tconn *tc)
{
	void *buf = tc->buffers_held < held_max(tc) ? pool_get(tc->w->buffers) : NULL;

	tc->buffers_held += buf != NULL;
	return buf;
}

static void put_buffer(struct tconn *tc, void *buf)
{
	pool_put(tc->w->buffers, buf);
	tc->buffers_held--;
}

void tcmd_set_iov(struct tcmd *c)
{
	uint32_t size = (uint32_t)c->tc->w->buffers->buf_bytes, left = c->len;

	for (c->iov_count = 0; c->iov_count < c->buf_count; c->iov_count++) {
		uint32_t n = (uint32_t)min_u64(left, size);

		c->iov[c->iov_count] = (struct iovec){ c->buf[c->iov_count], n };
		left -= n;
	}
}

bool tcmd_get_buffers(struct tcmd *c)
{
	uint32_t size = (uint32_t)c->tc->w->buffers->buf_bytes, count = (c->len + size - 1) / size;

	assert(c->buf_count == 0);
	if (!buffers_free(c->tc, count))
		return false;
	while ((uint32_t)c->buf_count < count) {
		void *buf = get_buffer(c->tc);

		assert(buf && c->buf_count < TCMD_IOV_MAX);
		c->buf[c->buf_count++] = buf;
	}
	tcmd_set_iov(c);
	return true;
}

void tcmd_put_buffers(struct tcmd *c)
{
	while (c->buf_count)
		put_buffer(c->tc, c->buf[--c->buf_count]);
	c->iov_count = 0;
}

bool tcmd_take_spare(struct tcmd *c, uint32_t len)
{
	struct tconn *tc = c->tc;

	if (!tconn_want_spares(tc, 1))
		return false;
	c->buf[c->buf_count++] = tc->spare[0];
	c->iov[0] = (struct iovec){ tc->spare[0], len };
	c->iov_count = 1;
	/* in order: the hint counted them from the front */
	tc->spare_count--;
	memmove(&tc->spare[0], &tc->spare[1], (size_t)tc->spare_count * sizeof(tc->spare[0]));
	return true;
}

bool tconn_want_spares(struct tconn *tc, int count)
{
	while (tc->spare_count < count) {
		void *buf = get_buffer(tc);

		if (!buf)
			return false;
		tc->spare[tc->spare_count++] = buf;
	}
	return true;
}

void tconn_drop_spares(struct tconn *tc)
{
	while (tc->spare_count)
		put_buffer(tc, tc->spare[--tc->spare_count]);
}

/* --- R2T --- */

/* One R2T for the whole transfer: any MAXR2T allows that. */
static void send_r2t(struct tcmd *c)
{
	struct tconn *tc = c->tc;
	struct nvme_tcp_r2t_pdu r2t = { .hdr = { .type = NVME_TCP_R2T,
						 .hlen = NVME_TCP_R2T_HLEN } };
	uint64_t wait_ns = tc->target->config.r2t_timeout_ns;

	store_le16(r2t.command_id, c->cid);
	store_le16(r2t.ttag, c->slot);
	store_le32(r2t.r2t_length, c->len);
	pdu_writer_add(&tc->stream.writer, &r2t, NULL, 0, 0, NULL);
	c->state = TCMD_R2T;
	c->received = 0;
	c->deadline_ns = wait_ns ? world_now(tc->w) + wait_ns : WORLD_NEVER;
	list_add_tail(&tc->r2ts, &c->node);
}

static void with_buffers(struct tcmd *c)
{
	if (nvme_sqe_dir(&c->sqe) == NVME_DIR_H2C)
		send_r2t(c);
	else
		tcmd_execute(c);
}

void tcmd_want_buffers(struct tcmd *c)
{
	/* those who wait already go first */
	if (list_empty(&c->tc->waiting) && tcmd_get_buffers(c)) {
		with_buffers(c);
		return;
	}
	c->state = TCMD_WAIT;
	list_add_tail(&c->tc->waiting, &c->node);
}

void tconn_serve_waiting(struct tconn *tc)
{
	struct list *it;

	while ((it = list_first(&tc->waiting))) {
		struct tcmd *c = container_of(it, struct tcmd, node);

		if (!tcmd_get_buffers(c))
			return;
		list_del(it);
		with_buffers(c);
	}
}

/* --- H2CData --- */

/* The command that this H2CData belongs to, every field checked. */
struct fault tconn_h2c_begin(struct tconn *tc, const uint8_t *hdr)
{
	const struct nvme_tcp_data_pdu *d = (const void *)hdr;
	uint32_t ttag = load_le16(d->ttag), off = load_le32(d->data_offset),
		 len = load_le32(d->data_length);
	bool last = d->hdr.flags & NVME_TCP_F_DATA_LAST;
	struct tcmd *c;

	if (ttag >= tc->cmd_count || tconn_slot(tc, ttag)->state != TCMD_R2T)
		return bad(NVME_TCP_FES_INVALID_HDR, offsetof(struct nvme_tcp_data_pdu, ttag));
	c = tconn_slot(tc, ttag);
	if (load_le16(d->command_id) != c->cid)
		return bad(NVME_TCP_FES_INVALID_HDR,
			   offsetof(struct nvme_tcp_data_pdu, command_id));
	if (off > c->len || len > c->len - off)
		return bad(NVME_TCP_FES_DATA_RANGE, 0);
	if (off != c->received)
		return bad(NVME_TCP_FES_SEQ_ERROR, 0);
	if (last != (off + len == c->len))
		return bad(NVME_TCP_FES_INVALID_HDR, offsetof(struct nvme_tcp_hdr, flags));
	tc->cur = c;
	return OK;
}

struct fault tconn_h2c_end(struct tconn *tc, const uint8_t *hdr, bool ddgst_bad)
{
	const struct nvme_tcp_data_pdu *d = (const void *)hdr;
	struct tcmd *c = tc->cur;

	tc->cur = NULL;
	tc->h2c_ns = world_now(tc->w);
	c->received += load_le32(d->data_length);
	/* 3.3.1.1: not fatal; the command fails when all of its data is in */
	if (ddgst_bad)
		c->status = NVME_SC_TRANSIENT_TR_ERR;
	if (c->received < c->len)
		return OK;
	list_del(&c->node);
	if (c->status)
		tcmd_complete(c, c->status);
	else
		tcmd_execute(c);
	return OK;
}

/* --- where bytes land --- */

/* The iovec entry at @off of the transfer: contiguous place from there. */
static struct mspan place_in(const struct tcmd *c, uint32_t off)
{
	for (int i = 0; i < c->iov_count; i++) {
		if (off < c->iov[i].iov_len)
			return (struct mspan){ (uint8_t *)c->iov[i].iov_base + off,
					       c->iov[i].iov_len - off };
		off -= (uint32_t)c->iov[i].iov_len;
	}
	return (struct mspan){ NULL, SIZE_MAX };
}

void tcmd_land(struct tcmd *c, uint32_t off, struct span piece)
{
	while (piece.len) {
		struct mspan to = place_in(c, off);
		size_t n = min_u64(piece.len, to.len);

		assert(to.ptr);	/* lengths were checked with the header */
		if (to.ptr != piece.ptr)
			memmove(to.ptr, piece.ptr, n);
		span_take(&piece, n);
		off += (uint32_t)n;
	}
}

/*
 * A hint (base/place.h): private buffers only. It may take spare buffers, which go back at
 * the end of the turn; nothing else is changed.
 */
struct mspan tconn_place_dest(void *owner, const uint8_t *hdr, uint32_t off, bool trusted,
			      unsigned int nth)
{
	const struct nvme_tcp_data_pdu *d = (const void *)hdr;
	const struct mspan scratch = { NULL, SIZE_MAX };
	struct tconn *tc = owner;
	const struct tcmd *c;
	uint32_t ttag, at;

	if (tc->state != CONN_LIVE)
		return scratch;
	if (hdr[0] == NVME_TCP_CMD) {
		if (trusted)
			return tc->cur && !tc->cur->discard ? place_in(tc->cur, off) : scratch;
		if (nth >= TCONN_SPARES || off >= tc->w->buffers->buf_bytes ||
		    !tconn_want_spares(tc, (int)nth + 1))
			return scratch;
		return (struct mspan){ (uint8_t *)tc->spare[nth] + off,
				       tc->w->buffers->buf_bytes - off };
	}
	if (hdr[0] != NVME_TCP_H2C_DATA)
		return scratch;
	ttag = load_le16(d->ttag);
	at = load_le32(d->data_offset);
	c = ttag < tc->cmd_count ? tconn_slot(tc, ttag) : NULL;
	if (!c || c->state != TCMD_R2T || at > c->len || off > c->len - at)
		return scratch;
	return place_in(c, at + off);
}
