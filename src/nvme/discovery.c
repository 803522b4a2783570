/* SPDX-License-Identifier: BSD-3-Clause */
#include "nvme/discovery.h"

#include <stddef.h>

#include "base/bytes.h"

/* libnvme's words (src/nvme/fabrics.c), which scripts match on. */
static const char *pick(const char *const *words, size_t count, size_t index)
{
	return index < count && words[index] ? words[index] : "unrecognized";
}

const char *nvmf_trtype_str(uint8_t trtype)
{
	static const char *const words[] = {
		[NVMF_TRTYPE_RDMA]	= "rdma",
		[NVMF_TRTYPE_FC]	= "fc",
		[NVMF_TRTYPE_TCP]	= "tcp",
		[NVMF_TRTYPE_LOOP]	= "loop",
	};

	return pick(words, ARRAY_SIZE(words), trtype);
}

const char *nvmf_adrfam_str(uint8_t adrfam)
{
	static const char *const words[] = {
		[NVMF_ADDR_FAMILY_PCI]	= "pci",
		[NVMF_ADDR_FAMILY_IP4]	= "ipv4",
		[NVMF_ADDR_FAMILY_IP6]	= "ipv6",
		[NVMF_ADDR_FAMILY_IB]	= "infiniband",
		[NVMF_ADDR_FAMILY_FC]	= "fibre-channel",
	};

	return pick(words, ARRAY_SIZE(words), adrfam);
}

const char *nvmf_subtype_str(uint8_t subtype)
{
	static const char *const words[] = {
		[NVME_NQN_DISC]	= "discovery subsystem referral",
		[NVME_NQN_NVME]	= "nvme subsystem",
		[NVME_NQN_CURR]	= "current discovery subsystem",
	};

	return pick(words, ARRAY_SIZE(words), subtype);
}

const char *nvmf_treq_str(uint8_t treq)
{
	static const char *const words[] = {
		[NVMF_TREQ_NOT_SPECIFIED] = "not specified",
		[NVMF_TREQ_REQUIRED]	= "required",
		[NVMF_TREQ_NOT_REQUIRED] = "not required",
		[NVMF_TREQ_NOT_SPECIFIED | NVMF_TREQ_DISABLE_SQFLOW] =
			"not specified, sq flow control disable supported",
		[NVMF_TREQ_REQUIRED | NVMF_TREQ_DISABLE_SQFLOW] =
			"required, sq flow control disable supported",
		[NVMF_TREQ_NOT_REQUIRED | NVMF_TREQ_DISABLE_SQFLOW] =
			"not required, sq flow control disable supported",
	};

	return pick(words, ARRAY_SIZE(words), treq & (NVMF_TREQ_MASK | NVMF_TREQ_DISABLE_SQFLOW));
}

const char *nvmf_treq_auth_str(uint8_t treq)
{
	static const char *const words[] = {
		[0] = "not required",
		[NVMF_TREQ_AUTH_REQUIRED >> 4] = "required",
		[NVMF_TREQ_AUTH_CONCAT >> 4] = "required, with secure channel concatenation",
	};

	return pick(words, ARRAY_SIZE(words), (treq & NVMF_TREQ_AUTH_MASK) >> 4);
}

const char *nvmf_eflags_str(uint16_t eflags)
{
	static const char *const words[] = {
		[0] = "none",
		[1] = "duplicate discovery information",
		[2] = "explicit discovery connections",
		[3] = "explicit discovery connections, duplicate discovery information",
		[4] = "no cdc connectivity",
		[5] = "duplicate discovery information, no cdc connectivity",
		[6] = "explicit discovery connections, no cdc connectivity",
		[7] = ("explicit discovery connections, duplicate discovery information, "
		       "no cdc connectivity"),
	};

	return pick(words, ARRAY_SIZE(words), eflags);
}

const char *nvmf_sectype_str(uint8_t sectype)
{
	static const char *const words[] = {
		[NVMF_TCP_SECTYPE_NONE]	= "none",
		[NVMF_TCP_SECTYPE_TLS12] = "tls",
		[NVMF_TCP_SECTYPE_TLS13] = "tls13",
	};

	return pick(words, ARRAY_SIZE(words), sectype);
}
