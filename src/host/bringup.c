/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/bringup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/world.h"
#include "nvme/status.h"
#include "nvme/vendor.h"

#define POLL_NS		(2 * NS_PER_MS) /* between two looks at CSTS */
#define CAP_TO_NS	(500 * NS_PER_MS) /* unit of CAP.TO */
#define IOCCSZ_UNIT	16u
#define PAGE_SHIFT_MIN	12u

/* A step's verdict besides a fault. */
enum verdict { NEXT, AGAIN };

struct bringup_step {
	const char *name;
	void (*build)(struct bringup *b, struct nvme_sqe *sqe);
	/* Judge a successful answer. */
	struct fault (*judge)(struct bringup *b, enum verdict *ret);
	/* An error status is no reason to give up. */
	bool optional;
	/* Not needed: go on without it. */
	bool (*skip)(const struct bringup *b);
	uint32_t data;	/* bytes the controller sends, to result.id */
};

static struct fault invalid(struct bringup *b, const char *what)
{
	snprintf(b->detail, sizeof(b->detail), "%s: %s", b->step->name, what);
	return (struct fault){ FAULT_OS, CAUSE_CTRL_INVALID, EPROTO, 0 };
}

static uint64_t answer(const struct bringup *b)
{
	return load_le64(b->cmd.cqe.result);
}

/* ---- CAP, CC, CSTS, VS ---- */

static void build_cap(struct bringup *b, struct nvme_sqe *sqe)
{
	(void)b;
	nvme_sqe_property_get(sqe, NVME_REG_CAP);
}

static struct fault judge_cap(struct bringup *b, enum verdict *ret)
{
	uint64_t cap = answer(b);

	(void)ret;
	if (!(NVME_CAP_CSS(cap)) && b->config.purpose == BRINGUP_IO)
		return invalid(b, "no command set");
	if (NVME_CAP_MPSMIN(cap) > NVME_CAP_MPSMAX(cap))
		return invalid(b, "MPSMIN exceeds MPSMAX");
	b->result.cap = cap;
	b->result.cc = NVME_CC_IOSQES_64 | NVME_CC_IOCQES_16 |
		       (uint32_t)NVME_CAP_MPSMIN(cap) << 7;
	if (cap & NVME_CAP_CSS_CSI)
		b->result.cc |= NVME_CC_CSS_CSI;
	else if (cap & NVME_CAP_CSS_ADMIN && !(cap & NVME_CAP_CSS_NVM))
		b->result.cc |= NVME_CC_CSS_ADMIN;
	return OK;
}

static void build_cc(struct bringup *b, struct nvme_sqe *sqe)
{
	nvme_sqe_property_set(sqe, NVME_REG_CC, b->result.cc);
}

static void build_enable(struct bringup *b, struct nvme_sqe *sqe)
{
	b->result.cc |= NVME_CC_EN;
	build_cc(b, sqe);
}

static void build_csts(struct bringup *b, struct nvme_sqe *sqe)
{
	(void)b;
	nvme_sqe_property_get(sqe, NVME_REG_CSTS);
}

static struct fault judge_ready(struct bringup *b, enum verdict *ret)
{
	uint32_t csts = (uint32_t)answer(b);

	if (csts & NVME_CSTS_CFS)
		return invalid(b, "the controller reports a fatal status (CSTS.CFS)");
	if (!(csts & NVME_CSTS_RDY))
		*ret = AGAIN;
	return OK;
}

static void build_vs(struct bringup *b, struct nvme_sqe *sqe)
{
	(void)b;
	nvme_sqe_property_get(sqe, NVME_REG_VS);
}

static struct fault judge_vs(struct bringup *b, enum verdict *ret)
{
	(void)ret;
	b->result.vs = (uint32_t)answer(b);
	if (b->result.vs < NVME_VS(1, 0, 0))
		return invalid(b, "not a version");
	return OK;
}

/* ---- Identify Controller ---- */

static void build_identify(struct bringup *b, struct nvme_sqe *sqe)
{
	(void)b;
	nvme_sqe_identify(sqe, NVME_CNS_CTRL, 0, 0, 0);
}

static uint32_t transfer_max(const struct bringup *b)
{
	uint32_t shift = b->result.id.mdts + PAGE_SHIFT_MIN + NVME_CAP_MPSMIN(b->result.cap);

	if (b->result.id.mdts == 0 || shift >= 22)
		return BRINGUP_TRANSFER_MAX;
	return 1u << shift;
}

/* What every controller has to say; else it is not usable, or not the one we connected to. */
static struct fault check_common(struct bringup *b)
{
	const struct nvme_id_ctrl *id = &b->result.id;

	if (load_le16(id->cntlid) != b->config.cntlid)
		return invalid(b, "CNTLID differs from Connect's");
	if (b->config.purpose == BRINGUP_DISCOVERY && !b->config.well_known &&
	    id->cntrltype != NVME_CTRL_CNTRLTYPE_DISCOVERY)
		return invalid(b, "CNTRLTYPE: not a discovery controller");
	if (b->config.purpose == BRINGUP_IO && id->cntrltype == NVME_CTRL_CNTRLTYPE_DISCOVERY)
		return invalid(b, "CNTRLTYPE: a discovery controller");
	return OK;
}

static struct fault check_io(struct bringup *b)
{
	const struct nvme_id_ctrl *id = &b->result.id;
	uint32_t ioccsz = load_le32(id->ioccsz);

	if (load_le16(id->kas) == 0)
		return invalid(b, "KAS is 0: no Keep Alive");
	if (ioccsz < sizeof(struct nvme_sqe) / IOCCSZ_UNIT)
		return invalid(b, "IOCCSZ is too small for a command");
	if (load_le32(id->iorcsz) < sizeof(struct nvme_cqe) / IOCCSZ_UNIT)
		return invalid(b, "IORCSZ is too small for a completion");
	if (load_le16(id->icdoff) != 0)
		return invalid(b, "ICDOFF is not 0");
	if ((load_le32(id->sgls) & 3) == 0)
		return invalid(b, "SGLS: no SGLs");
	if (!nvme_nqn_valid(id->subnqn, sizeof(id->subnqn)))
		return invalid(b, "SUBNQN is malformed");
	return OK;
}

static uint32_t capsule_data(uint32_t ioccsz)
{
	uint64_t bytes = (uint64_t)ioccsz * IOCCSZ_UNIT - sizeof(struct nvme_sqe);

	return (uint32_t)min_u64(bytes, BRINGUP_TRANSFER_MAX) & ~3u;
}

static struct fault judge_identify(struct bringup *b, enum verdict *ret)
{
	struct bringup_result *r = &b->result;
	uint16_t maxcmd = load_le16(r->id.maxcmd);

	(void)ret;
	TRY(check_common(b));
	if (b->config.purpose == BRINGUP_IO) {
		TRY(check_io(b));
		r->capsule_data_max = capsule_data(load_le32(r->id.ioccsz));
	}
	r->mdts_bytes = transfer_max(b);
	r->entries_max = (uint32_t)NVME_CAP_MQES(r->cap) + 1;
	if (maxcmd)
		r->entries_max = (uint32_t)min_u64(r->entries_max, maxcmd);
	r->discovery = b->config.purpose == BRINGUP_DISCOVERY;
	r->traffic_based = load_le32(r->id.ctratt) & NVME_CTRL_CTRATT_TBKAS;
	r->key_update = nvme_vendor_flags(&r->id) & NVME_VENDOR_KEY_UPDATE;
	if (b->config.io_queues && r->entries_max < 2)
		return invalid(b, "MQES and MAXCMD leave no room for a command");
	return OK;
}

/* ---- features ---- */

static bool no_kato(const struct bringup *b)
{
	return b->config.kato_ms == 0;
}

static void build_kato(struct bringup *b, struct nvme_sqe *sqe)
{
	(void)b;
	nvme_sqe_get_features(sqe, NVME_FEAT_KATO, NVME_FEAT_SEL_CURRENT, 0, 0);
}

/* The controller may have rounded up; one that says less is believed. */
static struct fault judge_kato(struct bringup *b, enum verdict *ret)
{
	uint32_t ms = (uint32_t)answer(b);

	(void)ret;
	if (ms)
		b->result.kato_ms = ms;
	return OK;
}

static bool no_queues(const struct bringup *b)
{
	return b->config.io_queues == 0;
}

static void build_queues(struct bringup *b, struct nvme_sqe *sqe)
{
	uint16_t n = (uint16_t)(b->config.io_queues - 1);

	nvme_sqe_set_features(sqe, NVME_FEAT_NUM_QUEUES, 0, NVME_NUM_QUEUES(n, n));
}

static struct fault judge_queues(struct bringup *b, enum verdict *ret)
{
	uint32_t dw0 = (uint32_t)answer(b), nsq = (dw0 & 0xffff) + 1, ncq = (dw0 >> 16) + 1;

	(void)ret;
	b->result.io_queues = (uint16_t)min_u64(b->config.io_queues, min_u64(nsq, ncq));
	return OK;
}

/* ---- shutdown ---- */

static void build_shutdown(struct bringup *b, struct nvme_sqe *sqe)
{
	nvme_sqe_property_set(sqe, NVME_REG_CC,
			      (b->result.cc & ~NVME_CC_SHN_MASK) | NVME_CC_SHN_NORMAL);
}

static struct fault judge_shut_down(struct bringup *b, enum verdict *ret)
{
	uint32_t csts = (uint32_t)answer(b);

	if (csts & NVME_CSTS_CFS)
		return invalid(b, "the controller reports a fatal status (CSTS.CFS)");
	if ((csts & NVME_CSTS_SHST_MASK) != NVME_CSTS_SHST_CMPLT)
		*ret = AGAIN;
	return OK;
}

/* ---- the tables ---- */

/* clang-format off */
#define CAP	 { .name = "Property Get CAP", .build = build_cap, .judge = judge_cap }
#define CC	 { .name = "Property Set CC", .build = build_cc }
#define ENABLE	 { .name = "Property Set CC.EN", .build = build_enable }
#define READY	 { .name = "waiting for CSTS.RDY", .build = build_csts, .judge = judge_ready }
#define VERSION	 { .name = "Property Get VS", .build = build_vs, .judge = judge_vs }
#define IDENTIFY { .name = "Identify Controller", .build = build_identify, .judge = judge_identify, \
		   .data = sizeof(struct nvme_id_ctrl) }
#define KATO	 { .name = "Get Features KATO", .build = build_kato, .judge = judge_kato, \
		   .optional = true, .skip = no_kato }
#define QUEUES	 { .name = "Set Features Number of Queues", .build = build_queues, .judge = judge_queues, \
		   .skip = no_queues }
#define SHN	 { .name = "Property Set CC.SHN", .build = build_shutdown }
#define SHST	 { .name = "waiting for CSTS.SHST", .build = build_csts, .judge = judge_shut_down }
#define END	 { .name = NULL }

static const struct bringup_step io_steps[] = { CAP, CC, ENABLE, READY, VERSION, IDENTIFY, KATO, QUEUES, END };
static const struct bringup_step discovery_steps[] = { CAP, CC, ENABLE, READY, VERSION, IDENTIFY, KATO, END };
static const struct bringup_step shutdown_steps[] = { SHN, SHST, END };
/* clang-format on */

static const struct bringup_step *const steps[] = {
	[BRINGUP_IO] = io_steps,
	[BRINGUP_DISCOVERY] = discovery_steps,
	[BRINGUP_SHUTDOWN] = shutdown_steps,
};

/* ---- the engine ---- */

void bringup_start(struct bringup *b, const struct bringup_config *c,
		   const struct bringup_result *keep)
{
	struct bringup_result kept = { .kato_ms = c->kato_ms };

	if (keep)
		kept = *keep; /* may be in @b */
	*b = (struct bringup){ .config = *c, .step = steps[c->purpose], .result = kept };
}

static void done(struct hqueue *q, struct hcmd *c)
{
	struct bringup *b = container_of(c, struct bringup, cmd);

	(void)q;
	b->answered = true;
	b->config.wake(b->config.ctx);
}

static void send_step(struct bringup *b, struct hqueue *q, uint64_t now_ns)
{
	struct hcmd *c = &b->cmd;

	*c = (struct hcmd){ .done = done };
	b->step->build(b, &c->sqe);
	if (b->step->data) {
		b->iov = (struct iovec){ &b->result.id, b->step->data };
		c->dir = HCMD_FROM_CTRL;
		c->iov = &b->iov;
		c->iov_count = 1;
		c->len = b->step->data;
	}
	b->state = BRINGUP_WAIT;
	b->answered = false;
	hqueue_submit(q, c, now_ns);
}

/* How long the polling step may go on. */
static uint64_t poll_limit(const struct bringup *b)
{
	uint64_t units = NVME_CAP_TO(b->result.cap);

	if (b->config.purpose == BRINGUP_SHUTDOWN)
		return b->config.timeout_ns;
	return (units ? units : 1) * CAP_TO_NS;
}

static struct fault poll_later(struct bringup *b, uint64_t now_ns)
{
	if (b->limit_ns == 0)
		b->limit_ns = now_ns + poll_limit(b);
	if (now_ns >= b->limit_ns) {
		invalid(b, "not in the time the controller asked for");
		return fault_os(ETIMEDOUT, CAUSE_CTRL_INVALID);
	}
	b->again_ns = now_ns + POLL_NS;
	return OK;
}

static struct fault command_failed(struct bringup *b)
{
	snprintf(b->detail, sizeof(b->detail), "%s: status %03xh, %s", b->step->name,
		 b->cmd.status, nvme_status_str(b->cmd.status));
	return (struct fault){ FAULT_NVME, CAUSE_CTRL_INVALID, b->cmd.status, 0 };
}

/* Look at the answer; go on to the next step or poll again. */
static struct fault take_answer(struct bringup *b, uint64_t now_ns)
{
	enum verdict v = NEXT;

	b->state = BRINGUP_RUN;
	if (fault_is(b->cmd.why))
		return b->cmd.why;
	if (b->cmd.status != NVME_SC_SUCCESS) {
		if (!b->step->optional)
			return command_failed(b);
	} else if (b->step->judge) {
		TRY(b->step->judge(b, &v));
	}
	if (v == AGAIN)
		return poll_later(b, now_ns);
	b->step++;
	b->limit_ns = b->again_ns = 0;
	return OK;
}

bool bringup_turn(struct bringup *b, struct hqueue *q, uint64_t now_ns, uint64_t *ret_deadline_ns)
{
	*ret_deadline_ns = WORLD_NEVER;
	if (b->state == BRINGUP_WAIT && b->answered) {
		b->why = take_answer(b, now_ns);
		if (fault_is(b->why))
			b->state = BRINGUP_FAILED;
	}
	if (b->state != BRINGUP_RUN)
		return b->state == BRINGUP_DONE || b->state == BRINGUP_FAILED;
	while (b->step->name && b->step->skip && b->step->skip(b))
		b->step++;
	if (!b->step->name) {
		b->state = BRINGUP_DONE;
		return true;
	}
	if (now_ns < b->again_ns) {
		*ret_deadline_ns = b->again_ns;
		return false;
	}
	if (!hqueue_live(q)) {
		b->why = fault_os(ENOTCONN, CAUSE_PEER_CLOSED);
		b->state = BRINGUP_FAILED;
		return true;
	}
	if (hqueue_room(q) == 0)
		*ret_deadline_ns = now_ns + POLL_NS;
	else
		send_step(b, q, now_ns);
	return false;
}

bool bringup_idle(const struct bringup *b)
{
	return b->state != BRINGUP_WAIT || b->answered;
}
