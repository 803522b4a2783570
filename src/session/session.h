/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * session - one connection from end to end: handshake, channel, stream. No I/O.
 *
 * The owner (loop/conn.h, or the simulator) moves bytes:
 *
 *	n = session_recv_iov(s, w, iov);   recv into iov;   session_received(s, w, got);
 *	session_turn(s, now, &deadline);
 *	n = session_send_iov(s, iov, max); send;            session_sent(s, sent);
 *
 * and runs handshake steps where they may take their time: when session_wants_job()
 * says so, session_job_work() on a pool thread, then session_job_done() at home.
 *
 * Life:   SNIFF -> HANDSHAKE <-> JOB -> OPEN -> CLOSING -> DEAD
 *	SNIFF	(TLS optional, server) the first byte decides, without waiting for more
 *	CLOSING	last bytes (alert, TermReq, close_notify) go out; input is discarded until the
 *		peer closes or the linger time is over
 *
 * Memory is taken by session_init() but for one rare case: input that cannot be consumed
 * because the stream is blocked is moved to a stash.
 */
#pragma once

#include "base/world.h"
#include "tcp/stream.h"
#include "tls/channel.h"
#include "tls/handshake.h"
#include "tls/record.h"

enum session_tls { SESSION_CLEAR, SESSION_TLS, SESSION_TLS_OPTIONAL };
enum session_state {
	SESSION_SNIFF,
	SESSION_HANDSHAKE,
	SESSION_JOB,
	SESSION_OPEN,
	SESSION_CLOSING,
	SESSION_DEAD
};

/* Who the peer is, as far as the transport can tell. */
struct session_peer {
	bool tls;
	enum nvme_hash hash;	/* of the PSK and suite, where tls */
	char identity[PSK_IDENTITY_LEN_MAX + 1];	/* proved PSK identity, "" without TLS */
	char group[32];
};

struct session_config {
	enum tls_role role;
	enum session_tls tls;
	struct handshake_config handshake;	/* unless CLEAR */
	struct record_config record;
	uint64_t handshake_timeout_ns;	/* from session_start() to OPEN; 0: none */
	uint64_t linger_ns;		/* CLOSING at most; NVMe/TCP: 30 s after a TermReq */
	/*
	 * An open connection, however it ends, is kept until the peer has closed its end or @linger_ns
	 * has passed; the owner sends FIN (@fin). So one can tell whether the peer is done with it.
	 */
	bool await_close;
	/* The transport stands; called once, before the stream sees its first byte. */
	void (*secured)(void *ctx, const struct session_peer *peer);
	void *ctx;
};

struct session_counters {
	uint64_t bytes_rx, bytes_tx;	/* on the wire */
	uint64_t recvs, sends;		/* calls that moved bytes */
};

struct session {
	struct session_config config;
	enum session_state state;
	struct stream *stream;		/* borrowed */
	struct channel *channel;
	struct handshake *handshake;
	uint64_t deadline_ns;		/* of handshake or linger; 0: not set */
	uint64_t linger_ns;		/* of this CLOSING */
	bool started, eof, stream_ended;
	bool greeted;			/* the peer's first byte was judged */
	bool secure;			/* the channel is TLS */
	bool await_eof;			/* CLOSING: the peer is to close after our last bytes */
	bool said;			/* CLOSING: alert or close_notify is queued */
	bool fin;			/* CLOSING: nothing more is sent, FIN is due */
	bool peer_closed;		/* EOF or a reset came from the peer */
	bool own_end;			/* what looks like EOF may be none (set by the owner) */
	bool ending;			/* @why is decided */
	struct fault why;		/* why it ends; kind NONE: orderly */
	char detail[512];		/* one more line about it, or "" */
	struct session_counters counters;

	uint8_t *carry;			/* a partial unit; the handshake's input */
	size_t carry_len;
	struct mspan wire, more;	/* received, not yet opened; in carry, receive buffer or stash */
	size_t recv_to_carry;		/* of the last session_recv_iov() */
	struct plain plain;		/* of the last opened unit */
	int piece;			/* next piece to give to the stream */

	bool held;			/* the stream blocked in the middle of its input */
	uint8_t *stash;			/* what the stream could not take; NULL: nothing */
	size_t stash_at;		/* [stash_at, stash_plain) is plaintext, */
	size_t stash_plain, stash_len;	/* [stash_plain, stash_len) are wire bytes */
	bool from_stash;		/* @wire is in the stash */

	uint8_t *out;			/* sealed bytes to send: [out_head, out_tail) */
	size_t out_cap, out_head, out_tail;

	bool job_due;			/* the handshake has something to do */
	bool job_abort;			/* session_close() came while a job ran */
	struct fault job_fault;		/* of the handshake step that ran */
	enum handshake_state job_state;
	size_t job_consumed;
};

/* Returns 0 or -ENOMEM. @stream stays the caller's and must outlive the session. */
int session_init(struct session *s, const struct session_config *config, struct stream *stream);
/* Not while a job runs. Wipes keys. */
void session_free(struct session *s);
/* TCP stands: a client's handshake or the stream may begin. */
void session_start(struct session *s, uint64_t now_ns);

/* Where to receive to: 0 (not now), 1 or 2 iovecs, in carry and in @w's shared buffer. */
int session_recv_iov(struct session *s, struct world *w, struct iovec iov[2]);
/* @n bytes came (0: end of stream). Opens and feeds the stream until all is consumed or stashed. */
void session_received(struct session *s, struct world *w, size_t n);
/* The socket failed with a negative errno. */
void session_socket_error(struct session *s, int err);

/* Let time pass: deadlines, stream turn, feed what waits. *ret_deadline_ns as stream turn. */
void session_turn(struct session *s, struct world *w, uint64_t now_ns, uint64_t *ret_deadline_ns);

/* What to send: seals from the stream's writer as needed. Returns iovecs (0: nothing). */
int session_send_iov(struct session *s, struct iovec *iov, int max);
void session_sent(struct session *s, size_t n);

/* End from this side: orderly (kind NONE: close_notify, FIN) or with a reason. */
void session_close(struct session *s, struct fault why);

bool session_wants_job(const struct session *s);
void session_job_start(struct session *s);	/* at home: state becomes JOB */
void session_job_work(struct session *s);	/* on a pool thread; touches nothing else */
void session_job_done(struct session *s, struct world *w);	/* at home */

/* DEAD, everything sent that could be, no job running, stream drained: free it. */
bool session_over(const struct session *s);
