/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/pdu_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "tcp/digest.h"

static const uint8_t zeros[NVME_TCP_PDA_MAX * 4 + 4];

int pdu_writer_init(struct pdu_writer *w, uint32_t slots,
		    void (*released)(void *owner, void *token), void *owner)
{
	assert(slots >= 2);
	*w = (struct pdu_writer){ .slots = slots, .released = released, .owner = owner };
	w->ring = calloc(slots, sizeof(*w->ring));
	return w->ring ? 0 : -ENOMEM;
}

void pdu_writer_free(struct pdu_writer *w)
{
	if (w->ring)
		pdu_writer_drop_all(w);
	free(w->ring);
	w->ring = NULL;
}

static struct pdu_tx *nth(const struct pdu_writer *w, uint32_t n)
{
	uint32_t at = w->head + n;

	return &w->ring[at >= w->slots ? at - w->slots : at];
}

int pdu_writer_grow(struct pdu_writer *w, uint32_t slots)
{
	struct pdu_tx *ring = calloc(slots, sizeof(*ring));

	assert(slots >= w->slots);
	if (!ring)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->used; i++)
		ring[i] = *nth(w, i);
	free(w->ring);
	w->ring = ring;
	w->slots = slots;
	w->head = 0;
	return 0;
}

static uint32_t wire_len(const struct pdu_tx *t)
{
	return (uint32_t)t->hdr_len + t->pad_len + t->data_len + t->ddgst_len;
}

static bool is_term(uint8_t type)
{
	return type == NVME_TCP_H2C_TERM || type == NVME_TCP_C2H_TERM;
}

static bool takes_digests(uint8_t type)
{
	return type != NVME_TCP_ICREQ && type != NVME_TCP_ICRESP && !is_term(type);
}

/* A TermReq is sent when all else has ended: its copy of a header is kept in the slot. */
static void copy_term_data(struct pdu_tx *t, const struct iovec *iov, uint32_t off, uint32_t len)
{
	uint8_t *to = t->hdr + NVME_TCP_TERM_HLEN;

	assert(len <= NVME_TCP_TERM_DATA_MAX);
	if (len)
		memcpy(to, (const uint8_t *)iov->iov_base + off, len);
	t->hdr_len = (uint8_t)(NVME_TCP_TERM_HLEN + len);
	store_le32(t->hdr + offsetof(struct nvme_tcp_hdr, plen), t->hdr_len);
}

/* Where does the data begin? As early as header, digest and the peer's alignment allow. */
static uint8_t data_offset(uint32_t bare, uint8_t pda)
{
	uint32_t align = (pda + 1u) * 4;

	return (uint8_t)((bare + align - 1) / align * align);
}

static void fill_lengths(struct pdu_writer *w, struct pdu_tx *t)
{
	struct nvme_tcp_hdr *h = (void *)t->hdr;
	bool digests = takes_digests(h->type);
	uint8_t hlen = t->hdr_len;

	h->flags &= (uint8_t) ~(NVME_TCP_F_HDGST | NVME_TCP_F_DDGST);
	if (w->hdgst && digests) {
		h->flags |= NVME_TCP_F_HDGST;
		t->hdr_len = (uint8_t)(hlen + NVME_TCP_DIGEST_BYTES);
	}
	h->pdo = 0;
	if (t->data_len) {
		h->pdo = data_offset(t->hdr_len, w->pda);
		t->pad_len = (uint8_t)(h->pdo - t->hdr_len);
	}
	if (w->ddgst && digests && t->data_len) {
		h->flags |= NVME_TCP_F_DDGST;
		t->ddgst_len = NVME_TCP_DIGEST_BYTES;
		store_le32(t->ddgst, digest_data(t->iov, t->iov_off, t->data_len));
	}
	store_le32(h->plen, wire_len(t));
	if (t->hdr_len != hlen)
		digest_header_append(t->hdr, hlen);
}

void pdu_writer_add(struct pdu_writer *w, const void *hdr, const struct iovec *iov,
		    uint32_t iov_off, uint32_t data_len, void *token)
{
	uint8_t type = *(const uint8_t *)hdr, hlen = nvme_tcp_hlen(type);
	struct pdu_tx *t;

	assert(pdu_writer_room(w) && hlen);
	t = nth(w, w->used);
	memcpy(t->hdr, hdr, hlen);
	t->hdr[offsetof(struct nvme_tcp_hdr, hlen)] = t->hdr_len = hlen;
	t->pad_len = t->ddgst_len = 0;
	t->iov = iov;
	t->iov_off = iov_off;
	t->data_len = is_term(type) ? 0 : data_len;
	t->token = token;
	fill_lengths(w, t);
	if (is_term(type))
		copy_term_data(t, iov, iov_off, data_len);
	w->used++;
	w->bytes += wire_len(t);
}

/* An iovec list under construction. */
struct gather {
	struct iovec *iov;
	int count, max;
	size_t sum, limit;
};

/* Returns false when the list or the limit is full. */
static bool put(struct gather *g, const void *ptr, size_t len)
{
	size_t n = len < g->limit - g->sum ? len : g->limit - g->sum;

	if (n == 0)
		return len == 0;
	if (g->count == g->max)
		return false;
	g->iov[g->count++] = (struct iovec){ .iov_base = (void *)ptr, .iov_len = n };
	g->sum += n;
	return n == len;
}

/* The part of [@ptr, +@len) that lies behind the first *@skip bytes of what is put. */
static bool put_behind(struct gather *g, const void *ptr, size_t len, size_t *skip)
{
	size_t s = *skip < len ? *skip : len;

	*skip -= s;
	return put(g, (const uint8_t *)ptr + s, len - s);
}

static bool put_data(struct gather *g, const struct pdu_tx *t, size_t *skip)
{
	size_t skip_iov, left, s = *skip < t->data_len ? *skip : t->data_len;

	*skip -= s;
	skip_iov = t->iov_off + s;
	left = t->data_len - s;
	for (const struct iovec *v = t->iov; left; v++) {
		size_t n = v->iov_len;

		if (skip_iov >= n) {
			skip_iov -= n;
			continue;
		}
		n -= skip_iov;
		if (n > left)
			n = left;
		if (!put(g, (const uint8_t *)v->iov_base + skip_iov, n))
			return false;
		left -= n;
		skip_iov = 0;
	}
	return true;
}

/* Put what is left of @t behind its first @skip bytes. Returns false when it did not all fit. */
static bool put_pdu(struct gather *g, const struct pdu_tx *t, size_t skip)
{
	return put_behind(g, t->hdr, t->hdr_len, &skip) &&
	       put_behind(g, zeros, t->pad_len, &skip) && put_data(g, t, &skip) &&
	       put_behind(g, t->ddgst, t->ddgst_len, &skip);
}

/*
 * Data that does not fit a record anyway fills the rest of one that was begun, if that rest
 * is worth a cut.
 */
#define FILL_MIN 4096

/* May the PDU @t with @left bytes join a record that holds @sum? */
static bool joins(const struct pdu_tx *t, size_t left, size_t sum, size_t limit)
{
	if (t->data_len && left > limit)
		return limit - sum >= FILL_MIN;
	return left <= limit - sum;
}

size_t pdu_writer_gather(const struct pdu_writer *w, size_t limit, struct iovec *iov, int max,
			 int *ret_count)
{
	struct gather g = { .iov = iov, .max = max, .limit = limit };
	size_t done = w->front_done;

	for (uint32_t i = 0; i < w->used; i++, done = 0) {
		const struct pdu_tx *t = nth(w, i);

		if (i && !joins(t, wire_len(t), g.sum, limit))
			break;
		if (!put_pdu(&g, t, done))
			break;
	}
	*ret_count = g.count;
	return g.sum;
}

size_t pdu_writer_gather_all(const struct pdu_writer *w, struct iovec *iov, int max, int *ret_count)
{
	struct gather g = { .iov = iov, .max = max, .limit = SIZE_MAX };
	size_t done = w->front_done;

	for (uint32_t i = 0; i < w->used; i++, done = 0)
		if (!put_pdu(&g, nth(w, i), done))
			break;
	*ret_count = g.count;
	return g.sum;
}

/* The oldest PDU leaves. The ring is in order before anybody else is called. */
static void pop(struct pdu_writer *w)
{
	void *token = nth(w, 0)->token;

	w->head = w->head + 1 == w->slots ? 0 : w->head + 1;
	w->used--;
	w->front_done = 0;
	if (token)
		w->released(w->owner, token);
}

void pdu_writer_consume(struct pdu_writer *w, size_t n)
{
	assert(n <= w->bytes);
	w->bytes -= n;
	while (n) {
		uint32_t left = wire_len(nth(w, 0)) - w->front_done;

		if (n < left) {
			w->front_done += (uint32_t)n;
			return;
		}
		n -= left;
		pop(w);
	}
}

void pdu_writer_drop_rest(struct pdu_writer *w)
{
	uint32_t keep = w->front_done ? 1 : 0;

	while (w->used > keep) {
		struct pdu_tx *t = nth(w, w->used - 1);
		void *token = t->token;

		w->used--;
		w->bytes -= wire_len(t);
		if (token)
			w->released(w->owner, token);
	}
}

void pdu_writer_drop_all(struct pdu_writer *w)
{
	pdu_writer_drop_rest(w);
	if (w->used == 0)
		return;
	w->bytes -= wire_len(nth(w, 0)) - w->front_done;
	pop(w);
}
