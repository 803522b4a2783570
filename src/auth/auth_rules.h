/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * auth_rules - what both state machines and their callers share: what a machine wants next,
 * the form of the commands that carry messages, the cause behind a failure code.
 */
#pragma once

#include <stdbool.h>

#include "auth/auth_msg.h"
#include "base/cause.h"
#include "nvme/fabrics.h"

/* What a machine wants its caller to do. */
enum auth_want {
	AUTH_WANT_NOTHING,	/* no transaction is under way */
	AUTH_WANT_COMMAND,	/* controller: the host's next Authentication Send or Receive */
	AUTH_WANT_SEND,		/* host: Authentication Send with auth_host_message() */
	AUTH_WANT_RECEIVE,	/* host: Authentication Receive of AUTH_TRANSFER_MAX bytes */
	AUTH_WANT_COMPUTE,	/* run auth_job_run(&machine.job) somewhere */
	AUTH_WANT_STORE_PSK,	/* put machine.psk where new connections find it */
	AUTH_WANT_CLOSE,	/* end the association; machine.cause says why */
};

/*
 * auth_check_command - may this Authentication Send or Receive be carried out? SECP, SPSP, a
 * length of 1 .. AUTH_TRANSFER_MAX that is also the SGL's. Returns an NVMe status, 0 if good.
 */
uint16_t auth_check_command(const struct nvme_auth_sqe *sqe);

/* The cause that a failure code stands for, sent or received; never CAUSE_NONE. */
enum cause auth_cause(uint8_t failure);
