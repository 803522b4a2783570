/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ns_id - who a namespace is: size, format and identifiers out of the Identify data, and whether
 * what is found later under the same number is still the same.
 */
#pragma once

#include <stdbool.h>

#include "nvme/identify.h"

struct ns_id {
	uint32_t nsid;
	uint32_t block_shift;	/* log2 of a block's bytes */
	uint64_t blocks;
	uint8_t uuid[16], nguid[16], eui64[8];	/* zeroes: has none */
	bool read_only;
};

enum ns_verdict {
	NS_SAME,
	NS_GROWN,	/* the same, and larger */
	NS_SMALLER,
	NS_FORMAT,	/* other blocks */
	NS_OTHER,	/* an identifier differs: it is another namespace */
	NS_GONE,
};

/* 0; NVMe status Invalid Namespace for one that is not there; -ENOTSUP: metadata, or blocks we cannot handle. */
int ns_id_read(const struct nvme_id_ns *id, uint32_t nsid, struct ns_id *ret);
/* The UUID (and others) among the descriptors, a page of 4096 bytes. */
void ns_id_read_descs(const uint8_t *list, struct ns_id *id);
/* Both have been read; NS_GONE is not decided here. */
enum ns_verdict ns_id_compare(const struct ns_id *was, const struct ns_id *is);
/* "it is another namespace now", for people. */
const char *ns_verdict_text(enum ns_verdict v);
