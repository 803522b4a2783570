/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * address - the options by which every connected verb names its controller, as nvme-cli's
 * fabrics commands do: -t tcp -a ADDR -s PORT -n NQN [--tls] ..., and the connect itself.
 */
#pragma once

#include "cli/options.h"
#include "cli/report.h"
#include "nvmetls.h"

struct address {
	char *transport, *traddr, *trsvcid, *nqn, *hostnqn, *hostid;
	char *keystore, *tls_key, *keylog;
	uint64_t tls_identity, keep_alive_s, io_queues, queue_size;
	uint64_t connect_timeout_s, timeout_ms, spin_us, rekey_bytes;
	uint64_t reconnect_delay_s;		/* 0: not given */
	int64_t ctrl_loss_s, fast_io_fail_s;	/* -1: never */
	bool tls, compat, hdr_digest, data_digest, disable_sqflow, key_update, json;
	char key_text[NVMETLS_KEY_LEN + 8];	/* tls_key, out of argv */
};

#define ADDRESS_INIT                                                                               \
	{                                                                                          \
		.tls_identity = 1, .keep_alive_s = 5, .connect_timeout_s = 10, \
		.timeout_ms = 30000, .spin_us = 50, .ctrl_loss_s = 600,        \
		.fast_io_fail_s = -1                                           \
	}

/* The table, to be given after the verb's own: OPTIONS_ADDRESS(&address). */
extern const struct opt address_opts[];
extern const size_t address_opt_count;
/* What to do when the connection is lost, for verbs that come back: OPTIONS_RECOVERY(&address). */
extern const struct opt recovery_opts[];
extern const size_t recovery_opt_count;
/* clang-format off */
#define OPTIONS_ADDRESS(a) { address_opts, address_opt_count, (a) }
#define OPTIONS_RECOVERY(a) { recovery_opts, recovery_opt_count, (a) }
/* clang-format on */

/*
 * Check what was given and turn it into library options, which borrow from @a. Takes a key on
 * the command line out of argv. Returns GO_ON, EXIT_USAGE or EXIT_FAILED.
 */
int address_check(const struct verb *v, struct address *a, bool discovery,
		  struct nvmetls_options *ret);
/* Connect; GO_ON with *ret, or EXIT_FAILED with the reason said. */
int address_connect(const struct report *r, const struct nvmetls_options *o, struct nvmetls **ret);
/* Wipe what is secret. */
void address_done(struct address *a);
