/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stream - what stands above a channel: one end of an NVMe/TCP connection.
 *
 * target/tconn and host/hqueue are streams; session/ drives them and knows no
 * more than this. Sans-IO. A stream is used by one thread at a time.
 */
#pragma once

#include "base/fault.h"
#include "base/span.h"
#include "tcp/pdu_place.h"
#include "tcp/pdu_reader.h"
#include "tcp/pdu_writer.h"

struct stream;

struct stream_ops {
	const char *name; /* "controller", "host" */
	/*
	 * Consume verified plaintext. Takes all of @in unless stream->blocked got set (no
	 * buffers) or a fault is returned. Many PDUs per call; answers go to the writer.
	 */
	struct fault (*input)(struct stream *s, struct span *in) MUST_CHECK;
	/*
	 * Time passes: check timeouts, take completions, move what waits into the writer.
	 * Called once per turn after input. Returns a fault to end the connection.
	 * *ret_deadline_ns: when to be called again at the latest (WORLD_NEVER: not at all).
	 */
	struct fault (*turn)(struct stream *s, uint64_t now_ns, uint64_t *ret_deadline_ns)
		MUST_CHECK;
	/*
	 * The peer closed its side or the socket failed, or this side is to end: @why. Stop
	 * work; finish commands with an error. The stream may have backend I/O in flight:
	 * drained() tells when it has ended and the stream may be freed.
	 */
	void (*end)(struct stream *s, struct fault why);
	bool (*drained)(const struct stream *s);
	/* A better cause for a bare end of stream in the present state (CLOSED_AFTER_ICREQ, ...). */
	enum cause (*eof_cause)(const struct stream *s);
};

struct stream {
	const struct stream_ops *ops;
	struct pdu_reader reader;
	struct pdu_writer writer;
	struct pdu_place place;
	bool blocked;	/* takes no input now; cleared by turn() */
	bool finish;	/* orderly end: close when the writer is empty */
	bool term_sent; /* a TermReq is queued or sent: nothing follows, input is discarded */
};

/*
 * Queue a TermReq for @why (kind FAULT_PDU) with a copy of the offending header @bad; drops
 * what was not begun and sets term_sent. @type: NVME_TCP_H2C_TERM or NVME_TCP_C2H_TERM.
 */
void stream_term(struct stream *s, uint8_t type, struct fault why, struct span bad);
/* FES of a received TermReq as a fault of kind FAULT_PDU_PEER. @hdr: its 24 bytes. */
struct fault stream_term_received(const uint8_t *hdr);
