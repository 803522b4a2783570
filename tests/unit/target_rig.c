/* SPDX-License-Identifier: BSD-3-Clause */
#include "target_rig.h"

#include <assert.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "nvme/discovery.h"

#define PIECES_MAX 4096

/* --- the target --- */

static void target_wake(void *ctx)
{
	((struct rig *)ctx)->wakes++;
}

static void add_namespaces(struct rig *r, const struct rig_config *c)
{
	for (int i = 0; i < 4; i++) {
		const char *spec = c->backends[i] ? c->backends[i] : i ? NULL : "mem:1M";
		struct target_ns_config ns = { 0 };
		char why[256];
		int rc;

		if (!spec)
			break;
		rc = backend_open(spec, c->read_only, &ns.backend, why, sizeof(why));
		if (rc)
			fprintf(stderr, "%s\n", why);
		assert(rc == 0);
		rc = target_add_namespace(r->subsys, &ns);
		assert(rc == 0);
	}
}

static void add_port(struct rig *r, bool tls)
{
	const struct target_port_config port = {
		.portid = 1,
		.traddr = "127.0.0.1",
		.trsvcid = "4420",
		.adrfam = NVMF_ADDR_FAMILY_IP4,
		.tls = tls,
		.treq = tls ? TARGET_TREQ_REQUIRED : TARGET_TREQ_NOT_SPECIFIED,
	};
	int rc = target_add_port(r->target, &port, &r->port);

	assert(rc == 0);
	rc = target_link(r->port, r->subsys);
	assert(rc == 0);
}

void rig_init(struct rig *r, const struct rig_config *config)
{
	struct rig_config c = config ? *config : (struct rig_config){ 0 };
	struct target_subsys_config s = { .nqn = RIG_SUBSYS,
					  .allow_any_host = !c.allow_listed_only,
					  .tls_required = c.tls_required };
	int rc;

	log_set_level(LOG_ERROR);
	memset(r, 0, sizeof(*r));
	for (uint32_t i = 0; i < RIG_WORLDS; i++) {
		fake_world_init(&r->w[i], i, 128 << 10, c.buf_count ? c.buf_count : 64);
		r->worlds[i] = &r->w[i].world;
	}
	if (!c.target.mdts_bytes)
		target_config_init(&c.target);
	r->target = target_new(&c.target, r->worlds, c.threads ? c.threads : 1);
	assert(r->target);
	target_set_wake(r->target, target_wake, r);
	rc = target_add_subsys(r->target, &s, &r->subsys);
	assert(rc == 0);
	add_namespaces(r, &c);
	add_port(r, c.tls_required);
}

void rig_settle(struct rig *r)
{
	int ran;

	do {
		ran = 0;
		for (int i = 0; i < RIG_WORLDS; i++)
			ran += fake_world_posts(&r->w[i]);
	} while (ran);
}

void rig_free(struct rig *r)
{
	struct target_counters n;

	rig_settle(r);
	target_counters(r->target, &n);
	assert(n.controllers == 0 && n.connections == 0);
	target_free(r->target);
	for (int i = 0; i < RIG_WORLDS; i++)
		fake_world_free(&r->w[i]);
}

void rig_pass(struct rig *r, uint64_t ns)
{
	for (int i = 0; i < RIG_WORLDS; i++)
		fake_world_advance(&r->w[i], ns);
	target_turn(r->target, r->w[0].now_ns);
	rig_settle(r);
}

/* --- a connection --- */

static void wake(void *ctx)
{
	((struct rig_conn *)ctx)->wakes++;
}

static void released(void *owner, void *token)
{
	(void)owner;
	(void)token;
}

static const struct pdu_rules no_rules = { .capsule_data_max = 8192, .data_max = 1u << 20 };

void rig_open(struct rig *r, struct rig_conn *c, const struct tconn_peer *peer)
{
	struct tconn_peer who = { .addr = "127.0.0.1:1" };
	struct sockaddr_in *local = (void *)&who.local;
	int rc;

	memset(c, 0, sizeof(*c));
	if (peer)
		who = *peer;
	local->sin_family = AF_INET;
	local->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->r = r;
	c->w = &r->w[0];
	c->tc = tconn_new(r->port, wake, c);
	assert(c->tc);
	tconn_secured(c->tc, &who);
	pdu_reader_init(&c->reader, PDU_FROM_CTRL);
	rc = pdu_writer_init(&c->writer, 4, released, NULL);
	assert(rc == 0);
}

static struct stream *stream(struct rig_conn *c)
{
	return tconn_stream(c->tc);
}

static void note(struct rig_conn *c, enum pdu_step step, const struct pdu_event *ev)
{
	struct rig_pdu *p;

	if (step == PDU_HEADER) {
		assert(c->count < RIG_PDUS);
		p = &c->pdu[c->count++];
		memcpy(p->h.bytes, ev->hdr, ev->hdr[2]);
		p->len = ev->data_len;
		p->data = malloc(ev->data_len + 1);
		assert(p->data);
		return;
	}
	p = &c->pdu[c->count - 1];
	if (step == PDU_DATA)
		memcpy(p->data + ev->data_off, ev->data.ptr, ev->data.len);
	else
		p->ddgst_bad = ev->ddgst_bad;
}

/* The rules of an ICResp hold for what follows it. */
static void learn(struct rig_conn *c)
{
	const struct rig_pdu *p = &c->pdu[c->count - 1];
	struct pdu_rules rules = no_rules;

	if (p->h.hdr.type != NVME_TCP_ICRESP)
		return;
	rules.hdgst = c->hdgst = p->h.icresp.digest & NVME_TCP_HDR_DIGEST;
	rules.ddgst = c->ddgst = p->h.icresp.digest & NVME_TCP_DATA_DIGEST;
	rules.pda = c->hpda;
	pdu_reader_rules(&c->reader, &rules);
}

static void read_ctrl(struct rig_conn *c, struct span in)
{
	struct pdu_event ev;
	struct fault why;
	enum pdu_step step;

	while ((step = pdu_reader_step(&c->reader, &in, &ev, &why)) != PDU_MORE) {
		assert(step != PDU_FAULT);
		note(c, step, &ev);
		if (step == PDU_END)
			learn(c);
	}
}

/* Take what the writer holds. Returns bytes. */
static size_t drain(struct rig_conn *c)
{
	struct pdu_writer *w = &stream(c)->writer;
	struct iovec iov[64];
	size_t n, sum = 0;
	int count;

	while (!c->deaf && (n = pdu_writer_gather_all(w, iov, 64, &count))) {
		for (int i = 0; i < count; i++)
			read_ctrl(c, span_of(iov[i].iov_base, iov[i].iov_len));
		pdu_writer_consume(w, n);
		sum += n;
	}
	return sum;
}

/* What a session does with a fault. */
static void fail(struct rig_conn *c, struct fault why)
{
	struct stream *s = stream(c);

	if (c->ended)
		return;
	c->ended = true;
	c->why = why;
	if (why.kind == FAULT_PDU) {
		stream_term(s, NVME_TCP_C2H_TERM, why, pdu_reader_bad_hdr(&s->reader));
		drain(c);
	}
	pdu_writer_drop_all(&s->writer);
	s->ops->end(s, why);
}

static struct fault input(struct rig_conn *c, struct span *in)
{
	struct stream *s = stream(c);

	return s->ops->input(s, in);
}

/* Move @in to where the hint says, as a channel that opens records does. Returns what was taken. */
static size_t feed_by_place(struct rig_conn *c, struct span in, struct fault *why)
{
	struct place *p = &stream(c)->place.place;
	static struct span pieces[PIECES_MAX];
	size_t taken = 0;
	int count = 0;

	p->begin(p);
	while (in.len) {
		struct span part;
		uint8_t *dst;
		size_t len;

		p->next(p, &dst, &len);
		assert(len >= 1 && count < PIECES_MAX);
		part = span_take(&in, len < in.len ? len : in.len);
		if (dst)
			memcpy(dst, part.ptr, part.len);
		p->landed(p, dst ? NULL : part.ptr, part.len);
		pieces[count++] = span_of(dst ? dst : part.ptr, part.len);
	}
	for (int i = 0; i < count; i++) {
		size_t had = pieces[i].len;

		*why = input(c, &pieces[i]);
		taken += had - pieces[i].len;
		if (fault_is(*why) || pieces[i].len || stream(c)->blocked)
			break;
	}
	return taken;
}

/* One piece of the stash. Returns bytes taken. */
static size_t feed_piece(struct rig_conn *c)
{
	size_t n = c->cut && c->cut < c->stash_len ? c->cut : c->stash_len;
	uint8_t *copy = malloc(n ? n : 1); /* a sanitizer sees what is read beyond it */
	struct fault why = OK;
	struct span in;
	size_t taken;

	assert(copy);
	if (n)
		memcpy(copy, c->stash + c->stash_at, n);
	in = span_of(copy, n);
	if (c->by_place && n) {
		taken = feed_by_place(c, in, &why);
	} else {
		why = input(c, &in);
		taken = n - in.len;
	}
	free(copy);
	c->stash_at += taken;
	c->stash_len -= taken;
	if (fault_is(why))
		fail(c, why);
	return taken;
}

static void feed(struct rig_conn *c, bool resumed)
{
	while (!c->ended && !stream(c)->blocked && (c->stash_len || resumed)) {
		resumed = false;
		feed_piece(c);
	}
}

static void place(struct rig_conn *c)
{
	int want = tconn_placement(c->tc);

	if (want < 0 || c->away)
		return;
	c->w = &c->r->w[want];
	tconn_placed(c->tc, &c->w->world);
}

static bool one_turn(struct rig_conn *c)
{
	struct stream *s = stream(c);
	bool was_blocked = s->blocked;
	size_t stash = c->stash_len;
	struct fault why;

	if (c->ended)
		return false;
	c->wakes = 0;
	why = s->ops->turn(s, c->w->now_ns, &c->deadline_ns);
	if (fault_is(why)) {
		fail(c, why);
		return false;
	}
	place(c);
	feed(c, was_blocked && !s->blocked);
	if (c->ended)
		return false;
	if (drain(c) == 0 && s->finish && s->writer.used == 0)
		fail(c, OK);
	return !c->ended && (c->wakes || stash != c->stash_len || (was_blocked && !s->blocked));
}

int rig_turn(struct rig_conn *c)
{
	int before = c->count;

	if (!c->tc)
		return 0;
	while (one_turn(c))
		;
	/* a last one, that nothing stays behind */
	one_turn(c);
	return c->count - before;
}

void rig_run(struct rig_conn *c)
{
	int ran;

	do {
		rig_turn(c);
		rig_settle(c->r);
		ran = fake_world_ios(c->w, 1000) + fake_world_jobs(c->w);
	} while (ran || c->wakes);
}

void rig_forget(struct rig_conn *c)
{
	for (int i = 0; i < c->count; i++)
		free(c->pdu[i].data);
	memset(c->pdu, 0, sizeof(c->pdu[0]) * (size_t)c->count);
	c->count = 0;
}

void rig_close(struct rig_conn *c)
{
	struct stream *s;

	if (!c->tc)
		return;
	s = stream(c);
	fail(c, OK);
	while (!s->ops->drained(s)) {
		int ran = fake_world_ios(c->w, 1) + fake_world_jobs(c->w);

		assert(ran > 0);
		(void)ran;
	}
	tconn_release(c->tc);
	c->tc = NULL;
	rig_settle(c->r);
	pdu_writer_free(&c->writer);
	rig_forget(c);
	free(c->stash);
}

/* --- sending --- */

void rig_bytes(struct rig_conn *c, const void *bytes, size_t len)
{
	if (c->stash_at)
		memmove(c->stash, c->stash + c->stash_at, c->stash_len);
	c->stash_at = 0;
	c->stash = realloc(c->stash, c->stash_len + len + 1);
	assert(c->stash);
	memcpy(c->stash + c->stash_len, bytes, len);
	c->stash_len += len;
	feed(c, false);
	rig_turn(c);
}

size_t rig_encode(struct rig_conn *c, const void *hdr, const void *data, uint32_t len, uint8_t *out,
		  size_t size)
{
	struct iovec iov = { (void *)data, len }, v[8];
	size_t n, sum = 0;
	int count;

	c->writer.hdgst = c->hdgst;
	c->writer.ddgst = c->ddgst;
	pdu_writer_add(&c->writer, hdr, &iov, 0, len, NULL);
	n = pdu_writer_gather_all(&c->writer, v, 8, &count);
	assert(n <= size);
	for (int i = 0; i < count; i++) {
		memcpy(out + sum, v[i].iov_base, v[i].iov_len);
		sum += v[i].iov_len;
	}
	pdu_writer_consume(&c->writer, n);
	return n;
}

void rig_send(struct rig_conn *c, const void *hdr, const void *data, uint32_t len)
{
	size_t size = len + 256u, n;
	uint8_t *out = malloc(size);

	assert(out);
	n = rig_encode(c, hdr, data, len, out, size);
	rig_bytes(c, out, n);
	free(out);
}

void rig_h2c(struct rig_conn *c, uint16_t cid, uint16_t ttag, uint32_t off, const void *data,
	     uint32_t len, bool last)
{
	struct nvme_tcp_data_pdu d = { .hdr = { .type = NVME_TCP_H2C_DATA,
						.flags = last ? NVME_TCP_F_DATA_LAST : 0 } };

	store_le16(d.command_id, cid);
	store_le16(d.ttag, ttag);
	store_le32(d.data_offset, off);
	store_le32(d.data_length, len);
	rig_send(c, &d, data, len);
}

uint16_t rig_cmd(struct rig_conn *c, struct nvme_sqe *sqe, const void *data, uint32_t len)
{
	struct nvme_tcp_cmd_pdu p = { .hdr.type = NVME_TCP_CMD };
	uint16_t cid = c->next_cid++;

	store_le16(sqe->cid, cid);
	p.sqe = *sqe;
	rig_send(c, &p, data, len);
	return cid;
}

struct nvme_cqe rig_do(struct rig_conn *c, struct nvme_sqe *sqe, const void *data, uint32_t len)
{
	uint16_t cid = rig_cmd(c, sqe, data, len);

	rig_run(c);
	assert(rig_answer(c, cid));
	return *rig_answer(c, cid);
}

const struct nvme_cqe *rig_answer(const struct rig_conn *c, uint16_t cid)
{
	for (int i = c->count - 1; i >= 0; i--)
		if (c->pdu[i].h.hdr.type == NVME_TCP_RSP &&
		    load_le16(c->pdu[i].h.rsp.cqe.cid) == cid)
			return &c->pdu[i].h.rsp.cqe;
	return NULL;
}

uint16_t rig_status(const struct nvme_cqe *cqe)
{
	return nvme_status_from_wire(load_le16(cqe->status));
}

const struct rig_pdu *rig_data(const struct rig_conn *c, uint16_t cid)
{
	for (int i = 0; i < c->count; i++)
		if (c->pdu[i].h.hdr.type == NVME_TCP_C2H_DATA &&
		    load_le16(c->pdu[i].h.data.command_id) == cid)
			return &c->pdu[i];
	return NULL;
}

const struct rig_pdu *rig_last(const struct rig_conn *c, uint8_t type)
{
	for (int i = c->count - 1; i >= 0; i--)
		if (c->pdu[i].h.hdr.type == type)
			return &c->pdu[i];
	return NULL;
}

/* --- bringing up --- */

void rig_icreq(struct rig_conn *c)
{
	struct nvme_tcp_icreq_pdu req = { .hdr.type = NVME_TCP_ICREQ, .hpda = c->hpda };

	req.digest = (uint8_t)((c->hdgst ? NVME_TCP_HDR_DIGEST : 0) |
			       (c->ddgst ? NVME_TCP_DATA_DIGEST : 0));
	rig_send(c, &req, NULL, 0);
	assert(c->ended || rig_last(c, NVME_TCP_ICRESP));
}

void rig_connect_init(struct rig_connect *k, uint16_t qid, uint16_t cntlid)
{
	static const uint8_t hostid[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	struct nvme_sqe sqe;

	nvme_sqe_connect(&sqe, qid, 32, 0, qid ? 0 : 5000);
	memcpy(&k->sqe, &sqe, sizeof(sqe));
	nvme_connect_data_set(&k->data, hostid, cntlid, RIG_HOST, RIG_SUBSYS);
}

struct nvme_cqe rig_connect(struct rig_conn *c, struct rig_connect *k)
{
	struct nvme_sqe sqe;

	memcpy(&sqe, &k->sqe, sizeof(sqe));
	return rig_do(c, &sqe, &k->data, sizeof(k->data));
}

struct nvme_cqe rig_set_cc(struct rig_conn *c, uint32_t cc)
{
	struct nvme_sqe sqe;

	nvme_sqe_property_set(&sqe, NVME_REG_CC, cc);
	return rig_do(c, &sqe, NULL, 0);
}

uint64_t rig_property(struct rig_conn *c, enum nvme_property prop)
{
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	nvme_sqe_property_get(&sqe, prop);
	cqe = rig_do(c, &sqe, NULL, 0);
	assert(rig_status(&cqe) == 0);
	return load_le64(cqe.result);
}

uint16_t rig_go_live(struct rig_conn *c, uint16_t qid, uint16_t cntlid)
{
	struct rig_connect k;
	struct nvme_cqe cqe;

	rig_icreq(c);
	rig_connect_init(&k, qid, qid ? cntlid : NVME_CNTLID_DYNAMIC);
	cqe = rig_connect(c, &k);
	assert(rig_status(&cqe) == 0);
	if (qid == 0) {
		struct nvme_cqe set = rig_set_cc(c, RIG_CC);

		assert(rig_status(&set) == 0);
		assert(rig_property(c, NVME_REG_CSTS) == NVME_CSTS_RDY);
	}
	rig_forget(c);
	return load_le16(cqe.result);
}

uint16_t rig_live(struct rig *r, struct rig_conn *c, uint16_t qid, uint16_t cntlid)
{
	rig_open(r, c, NULL);
	return rig_go_live(c, qid, cntlid);
}
