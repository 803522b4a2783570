/* SPDX-License-Identifier: BSD-3-Clause */
/* session_impl - what the files of session/ share. For nobody else. */
#pragma once

#include "session/session.h"

#define SESSION_CARRY_BYTES   RECORD_WIRE_MAX
#define SESSION_OUT_RECORDS   10 /* full records sealed per send */
#define SESSION_SEND_BYTES    (64u << 10) /* of sealed whole PDUs, then they are sent */
#define SESSION_CONTROL_BYTES 64 /* what seal_control() needs */
#define SESSION_OUT_BYTES \
	(SESSION_OUT_RECORDS * (TLS_RECORD_PLAIN_MAX + RECORD_OVERHEAD) + SESSION_CONTROL_BYTES)

/* session.c: ends */

/* The one way a session ends by a fault (or, with kind NONE, in order). Harmless when it has ended. */
void session_fail(struct session *s, struct fault why);
/* End without a word; what was not sent is dropped. */
void session_die(struct session *s);
/* The peer sends nothing more. */
void session_eof(struct session *s);
/* It said close_notify: the same, but its socket may still stand. */
void session_notified(struct session *s);
/* CLOSING: take the next step if the last one is done. */
void session_closing(struct session *s);

/* session_hs.c: SNIFF, HANDSHAKE, JOB */

/* Judge the first byte the peer sent. False: the session has ended. */
bool session_greet(struct session *s, uint8_t first);
/* Take what is in carry by now. */
void session_hs_input(struct session *s);
/* The channel stands: tell who the peer is. False: the session has ended. */
bool session_open_clear(struct session *s);

/* session_rx.c */

/* Open and feed what is in s->wire and s->more until all is consumed, carried or stashed. */
void session_feed(struct session *s);
/* The stream is not blocked any more: go on where it stopped. */
void session_resume(struct session *s);

/* session_tx.c */

/* Seal until the writer is empty or there is no room. */
void session_seal(struct session *s);
