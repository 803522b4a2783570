/* SPDX-License-Identifier: BSD-3-Clause */
/*
 *   ICREQ --> CONNECT --> LIVE --> CLOSED
 *     |          |          |        ^
 *     `----------+----------+-> TERM-'
 *
 * In-band authentication will stand between CONNECT and LIVE.
 */
#include "target/conn_state.h"

#include <assert.h>

#include "nvme/tcp_wire.h"

#define BIT(n) (1u << (n))

static const struct {
	const char *name;
	uint16_t accepts;	/* bit per nvme_tcp_pdu_type */
	uint16_t next;		/* bit per conn_state */
} states[] = {
	[CONN_ICREQ]   = { "icreq", BIT(NVME_TCP_ICREQ) | BIT(NVME_TCP_H2C_TERM),
			 BIT(CONN_CONNECT) | BIT(CONN_TERM) | BIT(CONN_CLOSED) },
	[CONN_CONNECT] = { "connect", BIT(NVME_TCP_CMD) | BIT(NVME_TCP_H2C_TERM),
			   BIT(CONN_LIVE) | BIT(CONN_TERM) | BIT(CONN_CLOSED) },
	[CONN_LIVE]    = { "live", BIT(NVME_TCP_CMD) | BIT(NVME_TCP_H2C_DATA) | BIT(NVME_TCP_H2C_TERM),
			BIT(CONN_TERM) | BIT(CONN_CLOSED) },
	[CONN_TERM]    = { "term", 0, BIT(CONN_CLOSED) },
	[CONN_CLOSED]  = { "closed", 0, 0 },
};
static_assert(sizeof(states) / sizeof(states[0]) == CONN_STATE_COUNT, "one row per state");

const char *conn_state_name(enum conn_state s)
{
	return states[s].name;
}

bool conn_may_enter(enum conn_state from, enum conn_state to)
{
	return states[from].next & BIT(to);
}

struct fault conn_accepts(enum conn_state s, uint8_t pdu_type)
{
	assert(pdu_type <= NVME_TCP_R2T);
	if (states[s].accepts & BIT(pdu_type))
		return OK;
	return (struct fault){ FAULT_PDU, CAUSE_PDU_INVALID, NVME_TCP_FES_SEQ_ERROR, 0 };
}
