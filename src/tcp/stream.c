/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/stream.h"

#include "base/bytes.h"

void stream_term(struct stream *s, uint8_t type, struct fault why, struct span bad)
{
	struct nvme_tcp_term_pdu term = { .hdr = { .type = type, .hlen = NVME_TCP_TERM_HLEN } };
	struct iovec copy = { .iov_base = (void *)bad.ptr, .iov_len = bad.len };

	assert(why.kind == FAULT_PDU && !s->term_sent);
	if (copy.iov_len > NVME_TCP_TERM_DATA_MAX)
		copy.iov_len = NVME_TCP_TERM_DATA_MAX;
	store_le16(term.fes, why.code);
	store_le32(term.fei, why.at);
	pdu_writer_drop_rest(&s->writer);
	pdu_writer_add(&s->writer, &term, &copy, 0, (uint32_t)copy.iov_len, NULL);
	s->term_sent = true;
}

struct fault stream_term_received(const uint8_t *hdr)
{
	const struct nvme_tcp_term_pdu *t = (const void *)hdr;

	return (struct fault){ FAULT_PDU_PEER, CAUSE_PDU_TERM, load_le16(t->fes),
			       load_le32(t->fei) };
}
