/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pdu_writer - the queue of PDUs that wait to be sealed and sent, in order.
 *
 * A PDU is its header (kept here, with HDGST) and its data (borrowed iovecs, with
 * DDGST). The channel takes plaintext from the front through gather() and consume().
 * Sans-IO; memory is taken by init() only.
 *
 * Ownership: data memory belongs to the writer from pdu_writer_add() until released()
 * was called for the PDU's token: when its last byte was consumed. Never called from
 * inside add().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/span.h"
#include "nvme/tcp_wire.h"

struct pdu_tx {
	uint8_t hdr[NVME_TCP_TERM_PLEN_MAX]; /* with room for HDGST, or a whole TermReq */
	uint8_t hdr_len;		     /* bytes, with HDGST */
	uint8_t pad_len;		     /* zero bytes before the data */
	uint8_t ddgst_len;		     /* 0 or 4 */
	uint8_t ddgst[4];
	const struct iovec *iov; /* data begins @iov_off bytes into it */
	uint32_t iov_off, data_len;
	void *token; /* for released(); NULL: nothing to release */
};

struct pdu_writer {
	struct pdu_tx *ring;
	uint32_t slots, head, used; /* head: oldest */
	uint32_t front_done;	    /* bytes of the oldest PDU consumed */
	bool hdgst, ddgst;
	uint8_t pda;	/* CPDA or HPDA that binds us: 0's-based dwords */
	uint64_t bytes; /* plaintext bytes queued */
	void (*released)(void *owner, void *token);
	void *owner;
};

/* Returns 0 or -ENOMEM. @slots: at least 2 (a PDU that was begun, and a TermReq). */
int pdu_writer_init(struct pdu_writer *w, uint32_t slots,
		    void (*released)(void *owner, void *token), void *owner);
/* More slots; what is queued stays. Returns 0 or -ENOMEM. Not between gather() and consume(). */
int pdu_writer_grow(struct pdu_writer *w, uint32_t slots);
/* Calls released() for everything still queued. */
void pdu_writer_free(struct pdu_writer *w);

static inline uint32_t pdu_writer_room(const struct pdu_writer *w)
{
	return w->slots - w->used;
}

/*
 * Queue a PDU. @hdr: HLEN bytes with type-specific fields filled in; this function sets
 * HDGSTF, DDGSTF, PDO and PLEN, digests (not for IC and Term PDUs) and padding.
 * @iov, @iov_off, @data_len: its data, data_len 0: none. There must be room (asserted).
 * The data of a TermReq (up to 128 bytes) is copied, all other data is borrowed.
 */
void pdu_writer_add(struct pdu_writer *w, const void *hdr, const struct iovec *iov,
		    uint32_t iov_off, uint32_t data_len, void *token);

/*
 * The next plaintext to seal as one record: up to @limit bytes and @max iovecs from the
 * front. Cuts where it pays (docs/perf-log.md): whole PDUs share a record as long as they fit,
 * what does not fit begins the next; data over @limit fills records. Returns the bytes,
 * *ret_count the iovecs; 0: empty.
 */
size_t pdu_writer_gather(const struct pdu_writer *w, size_t limit, struct iovec *iov, int max,
			 int *ret_count);
/* For sending as is (no TLS): everything from the front that fits @max iovecs. */
size_t pdu_writer_gather_all(const struct pdu_writer *w, struct iovec *iov, int max,
			     int *ret_count);
/* @n bytes from the front were taken. */
void pdu_writer_consume(struct pdu_writer *w, size_t n);
/* Drop all PDUs that were not begun (before a TermReq). */
void pdu_writer_drop_rest(struct pdu_writer *w);
/* Drop everything, also a PDU that was begun: nothing can be sent after it. */
void pdu_writer_drop_all(struct pdu_writer *w);
