/* SPDX-License-Identifier: BSD-3-Clause */
/* Admin commands: dispatch, replies, features. Base 2.1 chapter 5. */
#include "target/target_impl.h"

/*
 * Reply with @data: exactly as many bytes as the SGL asks for, zeroes behind the end. Waits for
 * buffers by running the command again; so what makes the data must be repeatable.
 */
void admin_reply(struct tcmd *c, const void *data, size_t len)
{
	const uint8_t *from = data;

	if (c->len == 0) {
		tcmd_complete(c, 0);
		return;
	}
	if (c->buf_count == 0 && !tcmd_get_buffers(c)) {
		tcmd_want_buffers(c);
		return;
	}
	for (int i = 0; i < c->iov_count; i++) {
		size_t n = min_u64(len, c->iov[i].iov_len);

		memcpy(c->iov[i].iov_base, from, n);
		memset((uint8_t *)c->iov[i].iov_base + n, 0, c->iov[i].iov_len - n);
		from += n;
		len -= n;
	}
	c->sent_len = c->len;
	tcmd_complete(c, 0);
}

/* --- features --- */

static void set_num_queues(struct tcmd *c)
{
	struct controller *ctrl = c->tc->ctrl;
	uint32_t v = load_le32(c->sqe.cdw11), nsq = v & 0xffff, ncq = v >> 16;
	uint32_t most = ctrl->subsys->queues_max - 1u;

	if (nsq == 0xffff || ncq == 0xffff) {
		tcmd_complete(c, NVME_SC_INVALID_FIELD | DNR);
		return;
	}
	if (ctrl->queue_count) {
		tcmd_complete(c, NVME_SC_CMD_SEQ_ERROR | DNR);
		return;
	}
	ctrl->nsq = (uint16_t)min_u64(nsq, most);
	ctrl->ncq = (uint16_t)min_u64(ncq, most);
	tcmd_complete_result(c, NVME_NUM_QUEUES(ctrl->nsq, ctrl->ncq));
}

void admin_set_features(struct tcmd *c)
{
	struct controller *ctrl = c->tc->ctrl;
	uint32_t cdw10 = load_le32(c->sqe.cdw10), cdw11 = load_le32(c->sqe.cdw11);
	uint8_t fid = (uint8_t)cdw10;

	if (cdw10 & NVME_FEAT_SAVE) {
		tcmd_complete(c, NVME_SC_FEATURE_NOT_SAVEABLE | DNR);
	} else if (fid == NVME_FEAT_KATO) {
		controller_set_kato(ctrl, cdw11);
		tcmd_complete(c, 0);
	} else if (fid == NVME_FEAT_ASYNC_EVENT) {
		ctrl->aen_config = cdw11 &
				   (ctrl->subsys->discovery ? NVME_AEN_CFG_DISC_CHANGE :
							      (uint32_t)NVME_AEN_CFG_NS_ATTR);
		tcmd_complete(c, 0);
	} else if (fid == NVME_FEAT_NUM_QUEUES && !ctrl->subsys->discovery) {
		set_num_queues(c);
	} else if (fid == NVME_FEAT_HOST_ID) {
		tcmd_complete(c, NVME_SC_CMD_SEQ_ERROR | DNR);	/* Connect has told it */
	} else if (fid == NVME_FEAT_VOLATILE_WC) {
		tcmd_complete(c, NVME_SC_FEATURE_NOT_CHANGEABLE | DNR);
	} else {
		tcmd_complete(c, NVME_SC_INVALID_FIELD | DNR);
	}
}

static bool volatile_cache(const struct target_view *v)
{
	for (uint32_t i = 0; i < v->count; i++)
		if (v->ns[i].backend->volatile_cache)
			return true;
	return false;
}

void admin_get_features(struct tcmd *c)
{
	const struct controller *ctrl = c->tc->ctrl;
	uint32_t cdw10 = load_le32(c->sqe.cdw10);
	bool discovery = ctrl->subsys->discovery;

	if ((cdw10 >> 8 & 7) == NVME_FEAT_SEL_SUPPORTED) {
		tcmd_complete(c, NVME_SC_INVALID_FIELD | DNR);
		return;
	}
	switch ((uint8_t)cdw10) {
	case NVME_FEAT_KATO:
		tcmd_complete_result(c, ctrl->kato_ms);
		return;
	case NVME_FEAT_ASYNC_EVENT:
		tcmd_complete_result(c, ctrl->aen_config);
		return;
	case NVME_FEAT_NUM_QUEUES:
		if (discovery)
			break;
		tcmd_complete_result(c, NVME_NUM_QUEUES(ctrl->nsq, ctrl->ncq));
		return;
	case NVME_FEAT_VOLATILE_WC:
		if (discovery)
			break;
		tcmd_complete_result(c, volatile_cache(c->tc->view));
		return;
	case NVME_FEAT_HOST_ID:
		if (discovery || !(load_le32(c->sqe.cdw11) & NVME_HOST_ID_EXHID))
			break;
		admin_reply(c, ctrl->hostid, sizeof(ctrl->hostid));
		return;
	default:
		break;
	}
	tcmd_complete(c, NVME_SC_INVALID_FIELD | DNR);
}

/* --- dispatch --- */

static bool discovery_may(uint8_t opcode)
{
	return opcode == NVME_ADMIN_IDENTIFY || opcode == NVME_ADMIN_GET_LOG_PAGE ||
	       opcode == NVME_ADMIN_SET_FEATURES || opcode == NVME_ADMIN_GET_FEATURES ||
	       opcode == NVME_ADMIN_ASYNC_EVENT || opcode == NVME_ADMIN_KEEP_ALIVE;
}

void admin_execute(struct tcmd *c)
{
	const struct controller *ctrl = c->tc->ctrl;

	if (!ctrl || !controller_ready(ctrl)) {
		tcmd_complete(c, NVME_SC_CMD_SEQ_ERROR | DNR);
		return;
	}
	if (ctrl->subsys->discovery && !discovery_may(c->sqe.opcode)) {
		tcmd_complete(c, NVME_SC_INVALID_OPCODE | DNR);
		return;
	}
	switch (c->sqe.opcode) {
	case NVME_ADMIN_IDENTIFY:
		admin_identify(c);
		break;
	case NVME_ADMIN_GET_LOG_PAGE:
		admin_get_log(c);
		break;
	case NVME_ADMIN_SET_FEATURES:
		admin_set_features(c);
		break;
	case NVME_ADMIN_GET_FEATURES:
		admin_get_features(c);
		break;
	case NVME_ADMIN_KEEP_ALIVE:
		tcmd_complete(c, 0);
		break;
	case NVME_ADMIN_ASYNC_EVENT:
		controller_aer(c);
		break;
	case NVME_ADMIN_ABORT:
		tcmd_complete_result(c, 1);	/* not aborted: it will be answered soon */
		break;
	default:
		tcmd_complete(c, NVME_SC_INVALID_OPCODE | DNR);
	}
}
