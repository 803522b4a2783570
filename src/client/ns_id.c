/* SPDX-License-Identifier: BSD-3-Clause */
#include "client/ns_id.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "nvme/command.h"
#include "nvme/status.h"

int ns_id_read(const struct nvme_id_ns *id, uint32_t nsid, struct ns_id *ret)
{
	const struct nvme_lbaf *f = &id->lbaf[nvme_id_ns_lbaf_index(id)];

	memset(ret, 0, sizeof(*ret));
	ret->nsid = nsid;
	ret->blocks = load_le64(id->nsze);
	if (ret->blocks == 0)
		return NVME_SC_INVALID_NS; /* an inactive one is all zeroes */
	if (f->ds < 9 || f->ds > 16 || load_le16(f->ms) != 0)
		return -ENOTSUP;
	ret->block_shift = f->ds;
	memcpy(ret->nguid, id->nguid, sizeof(ret->nguid));
	memcpy(ret->eui64, id->eui64, sizeof(ret->eui64));
	ret->read_only = id->nsattr & NVME_NS_NSATTR_WRITE_PROTECTED;
	return 0;
}

void ns_id_read_descs(const uint8_t *list, struct ns_id *id)
{
	size_t at = 0;

	while (at + sizeof(struct nvme_ns_id_desc) <= NVME_IDENTIFY_BYTES) {
		const struct nvme_ns_id_desc *d = (const void *)(list + at);

		at += sizeof(*d);
		if (d->nidl == 0 || at + d->nidl > NVME_IDENTIFY_BYTES)
			return;
		if (d->nidt == NVME_NIDT_UUID && d->nidl == sizeof(id->uuid))
			memcpy(id->uuid, list + at, sizeof(id->uuid));
		at += d->nidl;
	}
}

enum ns_verdict ns_id_compare(const struct ns_id *was, const struct ns_id *is)
{
	if (memcmp(was->uuid, is->uuid, sizeof(was->uuid)) ||
	    memcmp(was->nguid, is->nguid, sizeof(was->nguid)) ||
	    memcmp(was->eui64, is->eui64, sizeof(was->eui64)))
		return NS_OTHER;
	if (was->block_shift != is->block_shift)
		return NS_FORMAT;
	if (is->blocks < was->blocks)
		return NS_SMALLER;
	return is->blocks > was->blocks ? NS_GROWN : NS_SAME;
}

const char *ns_verdict_text(enum ns_verdict v)
{
	static const char *const texts[] = {
		[NS_SAME] = "it is the same",
		[NS_GROWN] = "it is larger now",
		[NS_SMALLER] = "it is smaller now",
		[NS_FORMAT] = "it has blocks of another size now",
		[NS_OTHER] = "it is another namespace now: its UUID, NGUID or EUI64 differs",
		[NS_GONE] = "it is not there any more",
	};

	return texts[v];
}
