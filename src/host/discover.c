/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/discover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "nvme/identify.h"
#include "nvme/status.h"

void discover_start(struct discover *d, const struct discover_config *c)
{
	*d = (struct discover){ .config = *c };
}

void discover_free(struct discover *d)
{
	assert(discover_idle(d));
	free(d->entries);
	d->entries = NULL;
	d->count = d->have = 0;
}

bool discover_idle(const struct discover *d)
{
	return !d->sent || d->answered;
}

static void done(struct hqueue *q, struct hcmd *c)
{
	struct discover *d = container_of(c, struct discover, cmd);

	(void)q;
	d->answered = true;
	d->config.wake(d->config.ctx);
}

static void get_log(struct discover *d, struct hqueue *q, void *to, uint64_t offset,
		    uint32_t bytes, uint64_t now_ns)
{
	struct nvme_log_req req = { .lid = NVME_LOG_DISCOVERY, .bytes = bytes, .lpo = offset };
	struct hcmd *c = &d->cmd;

	*c = (struct hcmd){ .dir = HCMD_FROM_CTRL, .len = bytes, .done = done };
	nvme_sqe_get_log(&c->sqe, NVME_NSID_NONE, &req);
	d->iov = (struct iovec){ to, bytes };
	c->iov = &d->iov;
	c->iov_count = 1;
	d->sent = true;
	d->answered = false;
	hqueue_submit(q, c, now_ns);
}

static void read_entries(struct discover *d, struct hqueue *q, uint64_t now_ns)
{
	uint32_t most = d->config.transfer_max / NVME_DISC_ENTRY_BYTES, n = d->count - d->have;

	if (n > most)
		n = most ? most : 1;
	get_log(d, q, d->entries + d->have,
		NVME_DISC_HDR_BYTES + (uint64_t)d->have * NVME_DISC_ENTRY_BYTES,
		n * NVME_DISC_ENTRY_BYTES, now_ns);
}

static struct fault invalid(struct discover *d, const char *what)
{
	snprintf(d->detail, sizeof(d->detail), "discovery log page: %s", what);
	return (struct fault){ FAULT_OS, CAUSE_CTRL_INVALID, EPROTO, 0 };
}

static struct fault take_header(struct discover *d)
{
	uint64_t numrec = load_le64(d->hdr.numrec);

	if (load_le16(d->hdr.recfmt) != 0)
		return invalid(d, "unknown record format");
	if (numrec > NVME_DISC_NUMREC_MAX)
		return invalid(d, "too many records");
	free(d->entries);
	d->entries = NULL;
	d->genctr = load_le64(d->hdr.genctr);
	d->count = (uint32_t)numrec;
	d->have = 0;
	d->tries++;
	if (numrec == 0) {
		d->state = DISCOVER_DONE;
		return OK;
	}
	d->entries = calloc(numrec, sizeof(*d->entries));
	if (!d->entries)
		return fault_os(ENOMEM, CAUSE_NO_MEMORY);
	d->state = DISCOVER_ENTRIES;
	return OK;
}

/* Did the log change while it was read? */
static struct fault compare_header(struct discover *d)
{
	if (load_le64(d->hdr.genctr) == d->genctr && load_le64(d->hdr.numrec) == d->count) {
		d->state = DISCOVER_DONE;
		return OK;
	}
	if (d->tries == DISCOVER_TRIES)
		return invalid(d, "changes faster than it can be read");
	return take_header(d);
}

static struct fault take_answer(struct discover *d)
{
	d->sent = false;
	if (fault_is(d->cmd.why))
		return d->cmd.why;
	if (d->cmd.status != NVME_SC_SUCCESS) {
		snprintf(d->detail, sizeof(d->detail), "discovery log page: status %03xh, %s",
			 d->cmd.status, nvme_status_str(d->cmd.status));
		return (struct fault){ FAULT_NVME, CAUSE_CTRL_INVALID, d->cmd.status, 0 };
	}
	switch (d->state) {
	case DISCOVER_HEADER:
		return take_header(d);
	case DISCOVER_ENTRIES:
		d->have += d->cmd.len / NVME_DISC_ENTRY_BYTES;
		if (d->have == d->count)
			d->state = DISCOVER_AGAIN;
		return OK;
	default:
		return compare_header(d);
	}
}

bool discover_turn(struct discover *d, struct hqueue *q, uint64_t now_ns)
{
	if (d->sent && !d->answered)
		return false;
	if (d->sent) {
		d->why = take_answer(d);
		if (fault_is(d->why))
			d->state = DISCOVER_FAILED;
	}
	if (d->state == DISCOVER_DONE || d->state == DISCOVER_FAILED)
		return true;
	if (!hqueue_live(q) || hqueue_room(q) == 0) {
		d->why = fault_os(ENOTCONN, CAUSE_PEER_CLOSED);
		d->state = DISCOVER_FAILED;
		return true;
	}
	if (d->state == DISCOVER_ENTRIES)
		read_entries(d, q, now_ns);
	else
		get_log(d, q, &d->hdr, 0, NVME_DISC_HDR_BYTES, now_ns);
	return false;
}

void discover_entry_decode(const struct nvmf_disc_log_entry *e, struct discover_entry *ret)
{
	char nqn[NVME_NQN_FIELD + 1];

	*ret = (struct discover_entry){
		.trtype = e->trtype,
		.adrfam = e->adrfam,
		.subtype = e->subtype,
		.treq = e->treq,
		.sectype = e->sectype,
		.portid = load_le16(e->portid),
		.cntlid = load_le16(e->cntlid),
		.asqsz = load_le16(e->asqsz),
		.eflags = load_le16(e->eflags),
	};
	nvme_id_string_get(ret->trsvcid, sizeof(ret->trsvcid), e->trsvcid, sizeof(e->trsvcid));
	nvme_id_string_get(ret->traddr, sizeof(ret->traddr), e->traddr, sizeof(e->traddr));
	nvme_id_string_get(nqn, sizeof(nqn), e->subnqn, sizeof(e->subnqn));
	log_safe(ret->subnqn, sizeof(ret->subnqn), nqn, strlen(nqn));
}
