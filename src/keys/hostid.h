/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostid - who this host is: /etc/nvme/hostnqn and /etc/nvme/hostid, as nvme-cli
 * reads them; else made once (random UUID) and kept beside the key store
 * (<keystore>/../hostnqn and hostid), so that all nvmetls programs of a user agree.
 */
#pragma once

#include <stdint.h>

#include "base/fault.h"
#include "keys/keystore.h"

struct host_identity {
	char nqn[224];
	uint8_t id[16];		/* UUID bytes as they go into Connect */
};

/*
 * @hostnqn, @hostid (text UUID): what the user gave, or NULL. Only the missing parts are
 * looked up; a host NQN of the uuid: form gives the host id where only the NQN is known.
 */
struct fault hostid_load(struct keystore *ks, const char *hostnqn, const char *hostid,
			 struct host_identity *ret) MUST_CHECK;
