/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A Linux host, replayed against our target (tests/vectors/captures): what its own target answered
 * is what ours has to answer, but for the ANA log, which we do not have. And the discovery log
 * page, byte by byte (tests/vectors/wire).
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "nvme/discovery.h"
#include "pcap.h"
#include "target_rig.h"
#include "tcp/digest.h"

static struct rig rig;
static struct rig_conn admin, io;

/* --- the Linux host --- */

/* The PDU at *@at of a byte stream, and its length; NULL at the end. */
static const uint8_t *next_pdu(const struct pcap_bytes *b, size_t *at, size_t *ret_len)
{
	const uint8_t *p = b->ptr + *at;

	if (*at == b->len)
		return NULL;
	*ret_len = load_le32(p + 4);
	assert_true(*ret_len <= b->len - *at);
	*at += *ret_len;
	return p;
}

/* What Linux's target answered to a command: the @nth response with this CID, and its data. */
static const struct nvme_cqe *linux_answer(const struct pcap_bytes *b, uint16_t cid, int nth,
					   const uint8_t **ret_data)
{
	const uint8_t *p;
	size_t at = 0, len;

	*ret_data = NULL;
	while ((p = next_pdu(b, &at, &len))) {
		const union nvme_tcp_pdu *pdu = (const void *)p;

		if (p[0] == NVME_TCP_C2H_DATA && load_le16(pdu->data.command_id) == cid)
			*ret_data = p + p[3];
		if (p[0] == NVME_TCP_RSP && load_le16(pdu->rsp.cqe.cid) == cid && nth-- == 0)
			return &pdu->rsp.cqe;
	}
	fail_msg("no answer to %u", cid);
	return NULL;
}

static bool is_ana(const struct nvme_sqe *sqe)
{
	return sqe->opcode == NVME_ADMIN_GET_LOG_PAGE && sqe->cdw10[0] == NVME_LOG_ANA;
}

/* Our answer to @sqe is Linux's. @seen: how often each CID was used before. */
static void compare(struct rig_conn *c, const struct pcap_bytes *theirs, const struct nvme_sqe *sqe,
		    uint8_t *seen)
{
	uint16_t cid = load_le16(sqe->cid);
	const struct nvme_cqe *ours, *want;
	const uint8_t *data;

	rig_run(c);
	if (sqe->opcode == NVME_ADMIN_ASYNC_EVENT && c == &admin)
		return; /* stays */
	ours = rig_answer(c, cid);
	assert_non_null(ours);
	want = linux_answer(theirs, cid, seen[cid]++, &data);
	assert_int_equal(nvme_status_code(rig_status(ours)),
			 is_ana(sqe) ? NVME_SC_INVALID_LOG_PAGE :
				       nvme_status_code(rig_status(want)));
	/* blocks: those at 18h were not written in this capture when they were read first */
	if (c == &io && sqe->opcode == NVME_CMD_READ && nvme_rw_slba(sqe) != 0x18) {
		const struct rig_pdu *p = rig_data(c, cid);

		assert_int_equal(p->len, load_le32(sqe->sgl.length));
		assert_false(p->ddgst_bad);
		assert_memory_equal(p->data, data, p->len);
	}
	rig_forget(c);
}

static bool shuts_down(const uint8_t *p)
{
	const struct nvme_property_sqe *q = (const void *)(p + 8);

	return p[0] == NVME_TCP_CMD && q->opcode == NVME_ADMIN_FABRICS &&
	       q->fctype == NVME_FCTYPE_PROPERTY_SET && NVME_CC_SHN(load_le32(q->value));
}

/* H2CData carries our TTAG, not that of Linux's target. */
static void send_h2c(struct rig_conn *c, const uint8_t *p, size_t len)
{
	const struct rig_pdu *r2t = rig_last(c, NVME_TCP_R2T);
	uint8_t *copy = malloc(len);

	assert_non_null(r2t);
	assert_non_null(copy);
	memcpy(copy, p, len);
	memcpy(copy + 10, r2t->h.r2t.ttag, 2);
	digest_header_append(copy, NVME_TCP_DATA_HLEN);
	rig_bytes(c, copy, len);
	free(copy);
}

/* Feed the host's PDUs from *@at on, until it shuts down or its stream ends. Returns commands. */
static int replay(struct rig_conn *c, const struct pcap_stream *s, size_t *at, bool to_the_end)
{
	static uint8_t seen[65536];
	struct nvme_sqe sqe = { 0 };
	int commands = 0;
	const uint8_t *p;
	size_t before = *at, len;

	if (*at == 0)
		memset(seen, 0, sizeof(seen));
	while ((p = next_pdu(&s->client, at, &len))) {
		if (!to_the_end && shuts_down(p)) {
			*at = before;
			break;
		}
		before = *at;
		if (p[0] == NVME_TCP_CMD)
			memcpy(&sqe, p + 8, sizeof(sqe));
		if (p[0] == NVME_TCP_H2C_DATA)
			send_h2c(c, p, len);
		else
			rig_bytes(c, p, len);
		if (c->ended)
			fail_msg("PDU %u at %zu: FES %u, FEI %u", p[0], *at - len, c->why.code, c->why.at);
		if (p[0] == NVME_TCP_ICREQ ||
		    (c->count && c->pdu[c->count - 1].h.hdr.type == NVME_TCP_R2T))
			continue; /* no answer yet */
		commands++;
		compare(c, &s->server, &sqe, seen);
	}
	return commands;
}

static void linux_host(void **state)
{
	struct rig_config config = { .backends = { "mem:64M" } };
	size_t at_admin = 0, at_io = 0;
	struct pcap p;
	int n;

	(void)state;
	pcap_load(pcap_vector("captures/plain-io-digests.pcap"), &p);
	rig_init(&rig, &config);
	for (int place = 0; place < 2; place++) {
		at_admin = at_io = 0;
		rig_open(&rig, &admin, NULL);
		admin.hdgst = admin.ddgst = true;
		n = replay(&admin, &p.streams[0], &at_admin, false);
		assert_in_range(n, 25, 60);
		rig_open(&rig, &io, NULL);
		io.hdgst = io.ddgst = true;
		io.by_place = place;
		assert_int_equal(replay(&io, &p.streams[1], &at_io, true), 19);
		n = replay(&admin, &p.streams[0], &at_admin, true);
		assert_in_range(n, 1, 10);
		rig_close(&io);
		rig_close(&admin);
		rig_free(&rig);
		rig_init(&rig, &config);
	}
	rig_free(&rig);
	pcap_free(&p);
}

/* --- the discovery log --- */

struct view {
	const char *traddr, *trsvcid;
	int adrfam;
	uint16_t portid;
	bool tls;
	enum target_treq treq;
};

static struct target_port *add_port(const struct view *v)
{
	const struct target_port_config c = {
		.portid = v->portid,
		.traddr = v->traddr,
		.trsvcid = v->trsvcid,
		.adrfam = v->adrfam,
		.tls = v->tls,
		.treq = v->treq,
	};
	struct target_port *port;

	assert_int_equal(target_add_port(rig.target, &c, &port), 0);
	assert_int_equal(target_link(port, rig.subsys), 0);
	return port;
}

/* Connect to the discovery controller of @port as @hostnqn, our address being @local. */
static void connect_to(struct target_port *port, const char *hostnqn, const struct sockaddr *local)
{
	struct tconn_peer peer = { .addr = "peer" };
	struct rig_connect k;
	struct nvme_cqe cqe;
	struct target_port *was = rig.port;

	rig.port = port;
	rig_open(&rig, &admin, NULL);
	rig.port = was;
	memcpy(&peer.local, local,
	       local->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
					      sizeof(struct sockaddr_in));
	tconn_secured(admin.tc, &peer);
	rig_icreq(&admin);
	rig_connect_init(&k, 0, NVME_CNTLID_DYNAMIC);
	nvme_connect_data_set(&k.data, k.data.hostid, NVME_CNTLID_DYNAMIC, hostnqn,
			      NVME_DISC_SUBSYS_NAME);
	cqe = rig_connect(&admin, &k);
	assert_int_equal(rig_status(&cqe), 0);
	rig_set_cc(&admin, RIG_CC);
	rig_forget(&admin);
}

/* @len bytes of the log from @off; valid until the next rig_forget(). */
static const uint8_t *get_log(uint64_t off, uint32_t len)
{
	struct nvme_log_req req = { .lid = NVME_LOG_DISCOVERY, .lpo = off, .bytes = len };
	const struct rig_pdu *p;
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	rig_forget(&admin);
	nvme_sqe_get_log(&sqe, 0, &req);
	nvme_sqe_sgl_transport(&sqe, len);
	cqe = rig_do(&admin, &sqe, NULL, 0);
	assert_int_equal(rig_status(&cqe), 0);
	p = rig_data(&admin, load_le16(cqe.cid));
	assert_int_equal(p->len, len);
	return p->data;
}

static const struct nvmf_disc_log_entry *entry(uint32_t i)
{
	return (const void *)get_log(1024 + 1024ull * i, 1024);
}

static struct sockaddr_in v4(const char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	assert_int_equal(inet_pton(AF_INET, text, &a.sin_addr), 1);
	return a;
}

static struct sockaddr_in6 v6(const char *text)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6 };

	assert_int_equal(inet_pton(AF_INET6, text, &a.sin6_addr), 1);
	return a;
}

/* The very entries that Linux's target sent, without TLS; and their first bytes with it. */
static void entries(void **state)
{
	static const struct view plain = { "192.168.77.1", "4420", 1, 1, false, 0 };
	static const struct view tls = { "192.168.77.1", "4421", 1, 2, true, TARGET_TREQ_REQUIRED };
	static const uint8_t tls_begin[16] = { 3, 1, 3, 5, 2, 0, 0xff, 0xff, 32 };
	struct sockaddr_in local = v4("192.168.77.1");
	uint8_t *want, first[20];
	size_t len;

	(void)state;
	rig_init(&rig, NULL);
	want = pcap_file(pcap_vector("wire/discovery-entries.bin"), &len);
	assert_int_equal(len, 2048);
	connect_to(add_port(&plain), RIG_HOST, (struct sockaddr *)&local);
	memcpy(first, get_log(0, 20), 20);
	assert_int_equal(load_le64(first + 8), 2);
	assert_int_equal(load_le16(first + 16), 0);
	assert_memory_equal(get_log(1024, 2048), want, 2048);
	/* in other pieces, and over the end */
	assert_memory_equal(get_log(1024 + 500, 1000), want + 500, 1000);
	assert_memory_equal(get_log(3000, 1000), want + 3000 - 1024, 72);
	assert_int_equal(get_log(3000, 1000)[72], 0);
	assert_int_equal(load_le32(get_log(0, 1024) + 20), 3072);
	rig_close(&admin);
	connect_to(add_port(&tls), RIG_HOST, (struct sockaddr *)&local);
	assert_memory_equal(entry(0), tls_begin, 16);
	assert_int_equal(entry(0)->sectype, NVMF_TCP_SECTYPE_TLS13);
	assert_int_equal(entry(1)->sectype, NVMF_TCP_SECTYPE_TLS13);
	assert_string_equal(entry(1)->trsvcid, "4421");
	rig_close(&admin);
	/* what changes, changes the generation */
	connect_to(rig.port, RIG_HOST, (struct sockaddr *)&local);
	assert_true(load_le64(get_log(0, 1024)) > load_le64(first));
	rig_close(&admin);
	free(want);
	rig_free(&rig);
}

/* Wildcards become the address that the host has reached. */
static void wildcards(void **state)
{
	static const struct {
		struct view v;
		const char *v4, *v6; /* our address of the connection */
		const char *traddr;
		int adrfam;
	} cases[] = {
		{ { "0.0.0.0", "8009", 1, 7, false, 0 }, "10.1.2.3", NULL, "10.1.2.3", 1 },
		{ { "::", "8009", 2, 7, false, 0 }, NULL, "fd00::17", "fd00::17", 2 },
		{ { "::", "8009", 2, 7, false, 0 }, NULL, "::ffff:10.1.2.3", "10.1.2.3", 1 },
		{ { "::1", "8009", 2, 7, false, 0 }, NULL, "::1", "::1", 2 },
		{ { "10.9.9.9", "8009", 1, 7, false, 0 }, "10.1.2.3", NULL, "10.9.9.9", 1 },
	};

	(void)state;
	rig_init(&rig, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sockaddr_in a4 = v4(cases[i].v4 ? cases[i].v4 : "0.0.0.0");
		struct sockaddr_in6 a6 = v6(cases[i].v6 ? cases[i].v6 : "::");

		connect_to(add_port(&cases[i].v), RIG_HOST,
			   cases[i].v4 ? (struct sockaddr *)&a4 : (struct sockaddr *)&a6);
		for (uint32_t e = 0; e < 2; e++) {
			assert_string_equal(entry(e)->traddr, cases[i].traddr);
			assert_int_equal(entry(e)->adrfam, cases[i].adrfam);
		}
		rig_close(&admin);
	}
	rig_free(&rig);
}

/* A host sees what it may use, at the port that it asks. */
static void visible(void **state)
{
	struct target_subsys_config second = { .nqn = "nqn.second" };
	struct sockaddr_in local = v4("10.1.2.3");
	struct target_subsys *s;

	(void)state;
	rig_init(&rig, NULL);
	assert_int_equal(target_add_subsys(rig.target, &second, &s), 0);
	assert_int_equal(target_add_subsys(rig.target, &second, &s), -17);
	assert_int_equal(target_link(rig.port, s), 0);
	connect_to(rig.port, RIG_HOST, (struct sockaddr *)&local);
	assert_int_equal(load_le64(get_log(0, 1024) + 8), 2);
	assert_string_equal(entry(1)->subnqn, RIG_SUBSYS);
	rig_close(&admin);
	assert_int_equal(target_allow_host(s, RIG_HOST), 0);
	connect_to(rig.port, RIG_HOST, (struct sockaddr *)&local);
	assert_int_equal(load_le64(get_log(0, 1024) + 8), 3);
	assert_string_equal(entry(2)->subnqn, "nqn.second");
	rig_close(&admin);
	connect_to(rig.port, "nqn.2014-08.org.example:other", (struct sockaddr *)&local);
	assert_int_equal(load_le64(get_log(0, 1024) + 8), 2);
	rig_close(&admin);
	rig_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(linux_host),
		cmocka_unit_test(entries),
		cmocka_unit_test(wildcards),
		cmocka_unit_test(visible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
