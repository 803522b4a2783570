/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fabrics commands: Connect, properties, Disconnect. Base 2.1, 3.3, 6.3; protocol order of checks
 * as nvmet's where the specification leaves it open. All of it runs on the control loop but Disconnect.
 */
#include "base/log.h"
#include "target/target_impl.h"

/* --- Connect --- */

struct connect {
	struct tcmd *c;
	struct tconn *tc;
	const struct nvme_connect_sqe *sqe;
	struct nvme_connect_data data;
	struct target_subsys *subsys;
	struct controller *ctrl;
	bool auth;		/* there is a key for this host */
	struct target_auth_keys keys;
	enum cause cause;	/* for the log */
};

/* @nqn has passed nvme_name_valid(). */
static void copy_nqn(char dst[224], const char nqn[NVME_NQN_FIELD])
{
	memcpy(dst, nqn, NVME_NQN_MAX);
	dst[NVME_NQN_MAX] = '\0';
}

/* Connect Invalid Parameters with the offset of the bad field. */
static uint16_t invalid(struct connect *k, uint32_t ipo)
{
	k->c->result = ipo;
	return NVME_SC_CONNECT_INVALID_PARAM | DNR;
}

static uint16_t denied(struct connect *k, enum cause cause)
{
	k->cause = cause;
	return NVME_SC_CONNECT_INVALID_HOST | DNR;
}

static uint16_t check_sqe(struct connect *k)
{
	const struct target_config *t = &k->tc->target->config;
	uint32_t entries = load_le16(k->sqe->sqsize) + 1u;

	if (load_le16(k->sqe->recfmt) != 0)
		return NVME_SC_CONNECT_FORMAT | DNR;
	if (load_le16(k->sqe->qid) > t->queues_max)
		return invalid(k, NVME_CONNECT_IPO_SQE(qid));
	if (entries < 2 || entries > t->queue_size_max)
		return invalid(k, NVME_CONNECT_IPO_SQE(sqsize));
	return 0;
}

static uint16_t check_names(struct connect *k)
{
	if (!nvme_name_valid(k->data.subsysnqn, sizeof(k->data.subsysnqn)))
		return invalid(k, NVME_CONNECT_IPO_DATA(subsysnqn));
	if (!nvme_name_valid(k->data.hostnqn, sizeof(k->data.hostnqn)))
		return invalid(k, NVME_CONNECT_IPO_DATA(hostnqn));
	k->subsys = target_find_subsys(k->tc->port, k->data.subsysnqn);
	if (!k->subsys) {
		k->cause = CAUSE_SUBSYS_UNKNOWN;
		return invalid(k, NVME_CONNECT_IPO_DATA(subsysnqn));
	}
	return 0;
}

/* May this host, over this transport? The PSK's NQNs are bound to those of the command. */
static uint16_t check_access(struct connect *k)
{
	const struct tconn_peer *peer = &k->tc->peer;

	if (!target_host_allowed(k->subsys, k->data.hostnqn))
		return denied(k, CAUSE_HOST_DENIED);
	if (peer->tls &&
	    (strcmp(peer->hostnqn, k->data.hostnqn) || strcmp(peer->subsysnqn, k->data.subsysnqn)))
		return denied(k, CAUSE_IDENTITY_BINDING);
	k->auth = target_find_auth(k->tc->target, k->data.hostnqn, k->data.subsysnqn, &k->keys);
	/* without TLS, only to authenticate and to come back with the PSK that this yields */
	if (k->subsys->tls_required && !peer->tls && !(k->auth && k->tc->port->tls))
		return denied(k, CAUSE_TLS_NEEDED);
	if (!k->auth && ((k->subsys->auth_required && !peer->tls) ||
			 (k->subsys->auth_with_tls && peer->tls && !peer->generated)))
		return denied(k, CAUSE_AUTH_KEY_MISSING);
	return 0;
}

static uint16_t connect_admin(struct connect *k)
{
	uint16_t status = 0;

	if (load_le16(k->data.cntlid) != NVME_CNTLID_DYNAMIC)
		return invalid(k, NVME_CONNECT_IPO_DATA(cntlid));
	k->ctrl = controller_new(k->subsys, k->tc, &status);
	if (!k->ctrl) {
		k->cause = CAUSE_CTRL_BUSY;
		return status;
	}
	copy_nqn(k->ctrl->hostnqn, k->data.hostnqn);
	memcpy(k->ctrl->hostid, k->data.hostid, 16);
	k->ctrl->tls = k->tc->peer.tls;
	controller_set_kato(k->ctrl, load_le32(k->sqe->kato));
	return 0;
}

/* An I/O queue belongs to the association that its names, ids and transport say. */
static uint16_t connect_io(struct connect *k)
{
	static const uint8_t zero[16];
	uint16_t qid = load_le16(k->sqe->qid);

	k->ctrl = controller_find(k->subsys, load_le16(k->data.cntlid));
	if (!k->ctrl || k->ctrl->ending) {
		k->cause = CAUSE_CNTLID_UNKNOWN;
		return invalid(k, NVME_CONNECT_IPO_DATA(cntlid));
	}
	if (strcmp(k->ctrl->hostnqn, k->data.hostnqn) != 0)
		return invalid(k, NVME_CONNECT_IPO_DATA(hostnqn));
	if (memcmp(k->data.hostid, zero, 16) != 0 &&
	    memcmp(k->data.hostid, k->ctrl->hostid, 16) != 0)
		return invalid(k, NVME_CONNECT_IPO_DATA(hostid));
	if (k->ctrl->tls != k->tc->peer.tls)
		return denied(k, CAUSE_TLS_NEEDED);
	if (k->ctrl->admin && !tauth_settled(k->ctrl->admin)) {
		k->cause = CAUSE_AUTH_CONCAT;
		return NVME_SC_AUTH_REQUIRED | DNR;
	}
	if (k->subsys->discovery || !controller_ready(k->ctrl) || qid > k->subsys->queues_max)
		return invalid(k, NVME_CONNECT_IPO_SQE(qid));
	if (k->ctrl->queue[qid])
		return NVME_SC_CMD_SEQ_ERROR | DNR;
	k->ctrl->queue[qid] = k->tc;
	k->ctrl->queue_count++;
	return 0;
}

/* A PSK is proof enough, unless the subsystem wants both. */
static int prepare_auth(struct connect *k)
{
	const struct tconn_peer *peer = &k->tc->peer;
	struct tauth_rule rule = {
		.keys = &k->keys,
		.admin = load_le16(k->sqe->qid) == 0,
		.required = !peer->tls || (k->subsys->auth_with_tls && !peer->generated),
		.concat = peer->tls ? AUTH_CONCAT_ALLOWED :
			  !k->tc->port->tls ? AUTH_CONCAT_NEVER :
			  k->subsys->tls_required ? AUTH_CONCAT_REQUIRED : AUTH_CONCAT_ALLOWED,
	};

	return k->auth ? tauth_new(k->tc, &rule) : 0;
}

static uint16_t take_memory(struct connect *k)
{
	if (tconn_reserve(k->tc, load_le16(k->sqe->sqsize) + 1u) == 0 && prepare_auth(k) == 0)
		return 0;
	k->cause = CAUSE_NO_MEMORY;
	return NVME_SC_CONNECT_CTRL_BUSY;	/* without DNR: it may pass */
}

static void accept_connect(struct connect *k)
{
	struct tconn *tc = k->tc;

	tc->qid = load_le16(k->sqe->qid);
	tc->ctrl = k->ctrl;
	tc->cntlid = k->ctrl->cntlid;
	tconn_set_entries(tc, load_le16(k->sqe->sqsize) + 1u);
	tc->sqflow_off = k->sqe->cattr & NVME_CONNECT_DISABLE_SQFLOW;
	tc->sqhd = 1;
	tc->view = target_view_ref(k->subsys->view);
	copy_nqn(tc->hostnqn, k->data.hostnqn);
	copy_nqn(tc->subsysnqn, k->data.subsysnqn);
	if (tc->qid)	/* I/O queues go round the threads; with one thread all stay */
		tc->placement = (int)((tc->cntlid + tc->qid - 1u) % tc->target->world_count);
	tconn_enter(tc, CONN_LIVE);
	k->c->result = tc->cntlid | tauth_authreq(tc);
	tc->target->counters.connects++;
}

static void log_connect(struct connect *k, uint16_t status)
{
	char subsys[224], host[224], who[700];

	if (status == 0) {
		log_notice("%s connected", tconn_describe(k->tc, who, sizeof(who)));
		return;
	}
	k->tc->target->counters.connects_refused++;
	log_warn("%s: Connect refused: %s (%s, %s): host %s, subsystem %s; %s",
		 k->tc->peer.addr ? k->tc->peer.addr : "", cause_name(k->cause),
		 cause_text(k->cause), nvme_status_fabrics_str(status),
		 log_safe(host, sizeof(host), k->data.hostnqn, 223),
		 log_safe(subsys, sizeof(subsys), k->data.subsysnqn, 223), cause_hint(k->cause));
}

void fabrics_connect(struct tcmd *c)
{
	struct connect k = {
		.c = c, .tc = c->tc, .sqe = (const void *)&c->sqe, .cause = CAUSE_NVME_CONNECT
	};
	uint16_t status;

	if (c->len != sizeof(k.data) || c->sqe.sgl.type != NVME_SGL_DATA_OFFSET) {
		tcmd_put_buffers(c);
		tcmd_complete(c, NVME_SC_SGL_INVALID_DATA | DNR);
		return;
	}
	memcpy(&k.data, c->iov[0].iov_base, sizeof(k.data));
	tcmd_put_buffers(c);
	status = check_sqe(&k);
	if (!status)
		status = check_names(&k);
	if (!status)
		status = check_access(&k);
	if (!status)
		status = take_memory(&k);
	if (!status)
		status = load_le16(k.sqe->qid) == 0 ? connect_admin(&k) : connect_io(&k);
	if (!status)
		accept_connect(&k);
	else
		tauth_free(c->tc);
	explicit_bzero(&k.keys, sizeof(k.keys));
	log_connect(&k, status);
	if (tconn_unsettled(c->tc))
		tconn_drop_spares(c->tc);	/* buffers come from the thread where it will live */
	tcmd_complete(c, status);
}

/* --- properties --- */

static uint64_t cap(const struct tconn *tc)
{
	const uint64_t fixed = NVME_CAP_CQR | NVME_CAP_CSS_NVM | NVME_CAP_CSS_CSI;

	return fixed | (uint64_t)(tc->target->config.queue_size_max - 1u) |
	       (uint64_t)15 << NVME_CAP_TO_SHIFT;	/* 7.5 s */
}

void fabrics_property_get(struct tcmd *c)
{
	const struct nvme_property_sqe *p = (const void *)&c->sqe;
	const struct controller *ctrl = c->tc->ctrl;
	uint32_t offset = load_le32(p->offset);
	uint8_t size = p->attrib & 7 ? 8 : 4;

	if ((p->attrib & 7) > 1 || nvme_property_size(offset) != size) {
		tcmd_complete(c, NVME_SC_INVALID_FIELD | DNR);
		return;
	}
	switch (offset) {
	case NVME_REG_CAP:
		tcmd_complete_result(c, cap(c->tc));
		return;
	case NVME_REG_VS:
		tcmd_complete_result(c, TARGET_VS);
		return;
	case NVME_REG_CC:
		tcmd_complete_result(c, ctrl->cc);
		return;
	case NVME_REG_CSTS:
		tcmd_complete_result(c, ctrl->csts);
		return;
	default:	/* NSSR, NSSD, CRTO: CAP says that they are not there */
		tcmd_complete(c, NVME_SC_INVALID_FIELD | DNR);
	}
}

void fabrics_property_set(struct tcmd *c)
{
	const struct nvme_property_sqe *p = (const void *)&c->sqe;

	if ((p->attrib & 7) != 0 || load_le32(p->offset) != NVME_REG_CC) {
		tcmd_complete(c, NVME_SC_INVALID_FIELD | DNR);
		return;
	}
	controller_set_cc(c->tc->ctrl, load_le32(p->value));
	tcmd_complete(c, 0);
}

static void disconnect(struct tcmd *c)
{
	const struct nvme_disconnect_sqe *d = (const void *)&c->sqe;

	if (c->tc->qid == 0)
		tcmd_complete(c, NVME_SC_CONNECT_INVALID_QTYPE | DNR);
	else if (load_le16(d->recfmt) != 0)
		tcmd_complete(c, NVME_SC_CONNECT_FORMAT | DNR);
	else {
		tcmd_complete(c, 0);
		c->tc->stream.finish = true;	/* the answer is the last of this queue */
	}
}

void fabrics_execute(struct tcmd *c)
{
	bool admin = c->tc->state == CONN_LIVE && c->tc->qid == 0;

	if (c->sqe.fctype == NVME_FCTYPE_CONNECT && c->tc->state == CONN_CONNECT)
		fabrics_connect(c);
	else if (c->sqe.fctype == NVME_FCTYPE_CONNECT)
		tcmd_complete(c, NVME_SC_CMD_SEQ_ERROR | DNR);
	else if (c->sqe.fctype == NVME_FCTYPE_PROPERTY_GET && admin)
		fabrics_property_get(c);
	else if (c->sqe.fctype == NVME_FCTYPE_PROPERTY_SET && admin)
		fabrics_property_set(c);
	else if (c->sqe.fctype == NVME_FCTYPE_AUTH_SEND)
		tauth_send(c);
	else if (c->sqe.fctype == NVME_FCTYPE_AUTH_RECV)
		tauth_receive(c);
	else if (c->sqe.fctype == NVME_FCTYPE_DISCONNECT)
		disconnect(c);
	else if (c->sqe.fctype == NVME_FCTYPE_PROPERTY_GET ||
		 c->sqe.fctype == NVME_FCTYPE_PROPERTY_SET)
		tcmd_complete(c, NVME_SC_INVALID_FIELD | DNR);
	else
		tcmd_complete(c, NVME_SC_INVALID_OPCODE | DNR);
}
