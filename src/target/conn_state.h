/* SPDX-License-Identifier: BSD-3-Clause */
/* conn_state - the life of one target connection, as tables. NVMe/TCP Transport 3.6; protocol order. */
#pragma once

#include "base/fault.h"

enum conn_state {
	CONN_ICREQ,	/* nothing but an ICReq may come */
	CONN_CONNECT,	/* nothing but a Connect command */
	CONN_LIVE,
	CONN_TERM,	/* a TermReq was sent or received */
	CONN_CLOSED,
	CONN_STATE_COUNT,
};

const char *conn_state_name(enum conn_state s);
bool conn_may_enter(enum conn_state from, enum conn_state to);
/* Is this PDU type welcome in @s? FES 2 if not. @pdu_type is one that pdu_reader lets through. */
struct fault conn_accepts(enum conn_state s, uint8_t pdu_type);
