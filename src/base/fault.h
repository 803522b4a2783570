/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fault - what went wrong, and who must be told.
 *
 * A fault is a value, never a log line: the code that detects it fills it in,
 * and the one place that owns the connection turns it into a TLS alert, a
 * TermReq or an NVMe completion. Only that place logs.
 *
 * @cause names it for people (base/cause.h); CAUSE_NONE lets the owner of the
 * connection choose the cause from kind and code.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cause.h"

#define MUST_CHECK __attribute__((warn_unused_result))

enum fault_kind {
	FAULT_NONE = 0,
	FAULT_OS,	/* code: errno, positive.    Ends the connection.   */
	FAULT_TLS,	/* code: alert to send.      Ends the connection.   */
	FAULT_TLS_PEER,	/* code: alert received.     Ends the connection.   */
	FAULT_PDU,	/* code: NVMe/TCP FES to send in a TermReq.         */
	FAULT_PDU_PEER,	/* code: FES received in a TermReq.                 */
	FAULT_NVME,	/* code: SCT << 8 | SC.      Ends one command only. */
};

/* Eight bytes, passed by value. A struct, so it never converts to int or bool. */
struct fault {
	uint8_t kind;	/* enum fault_kind */
	uint8_t cause;	/* enum cause */
	uint16_t code;
	uint32_t at;	/* FAULT_PDU: FEI of the TermReq (often the bad field's offset) */
};

#define OK ((struct fault){ .kind = FAULT_NONE })

static inline bool fault_is(struct fault f)
{
	return f.kind != FAULT_NONE;
}

static inline struct fault fault_os(int err, enum cause cause)
{
	return (struct fault){ FAULT_OS, (uint8_t)cause, (uint16_t)(err < 0 ? -err : err), 0 };
}

/* Return early. Only in functions whose locals need no release, or release themselves. */
#define TRY(expr)                                \
	do {                                     \
		struct fault fault_ = (expr);    \
		if (fault_.kind != FAULT_NONE)   \
			return fault_;           \
	} while (0)
