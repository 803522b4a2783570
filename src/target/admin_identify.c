/* SPDX-License-Identifier: BSD-3-Clause */
/* Identify. Base 2.1 5.1.13; NVM Command Set 4.1.5. */
#include "nvme/identify.h"
#include "nvme/vendor.h"
#include "target/target_impl.h"

union identify {
	struct nvme_id_ctrl ctrl;
	struct nvme_id_ns ns;
	struct nvme_ns_list list;
	struct nvme_id_ctrl_nvm ctrl_nvm;
	struct nvme_id_independent_id_ns independent;
	uint8_t bytes[NVME_IDENTIFY_BYTES];
};

/* What all controllers tell, and the fields that Linux insists on. */
static void fill_common(struct nvme_id_ctrl *id, const struct tconn *tc)
{
	const struct controller *ctrl = tc->ctrl;
	const struct target_subsys *s = ctrl->subsys;

	nvme_id_string_set(id->sn, sizeof(id->sn), s->serial);
	nvme_id_string_set(id->mn, sizeof(id->mn), s->model);
	nvme_id_string_set(id->fr, sizeof(id->fr), s->firmware);
	id->rab = 6;
	id->mdts = (uint8_t)(31 - __builtin_clz(tc->target->config.mdts_bytes) - 12);
	store_le16(id->cntlid, ctrl->cntlid);
	store_le32(id->ver, TARGET_VS);
	id->lpa = NVME_CTRL_LPA_EXTENDED | NVME_CTRL_LPA_LI0_LI5_LI12_LI13;
	id->aerl = TARGET_AER_MAX - 1;
	store_le32(id->oaes,
		   s->discovery ? NVME_AEN_CFG_DISC_CHANGE : (uint32_t)NVME_AEN_CFG_NS_ATTR);
	store_le16(id->kas, TARGET_KAS_MS / 100);
	store_le16(id->maxcmd, tc->target->config.queue_size_max);
	store_le32(id->sgls,
		   NVME_CTRL_SGLS_BYTE_ALIGNED | NVME_CTRL_SGLS_OFFSET | NVME_CTRL_SGLS_TRANSPORT);
	memcpy(id->subnqn, s->nqn, strlen(s->nqn));
	store_le32(id->iorcsz, 1);
	id->msdbd = 1;
	if (tc->target->config.offer_key_update)
		nvme_vendor_set(id, NVME_VENDOR_KEY_UPDATE);
}

static void fill_io(struct nvme_id_ctrl *id, const struct tconn *tc)
{
	const struct target_view *v = tc->view;
	bool cache = false;

	id->cntrltype = NVME_CTRL_CNTRLTYPE_IO;
	id->cmic = NVME_CTRL_CMIC_MULTI_PORT | NVME_CTRL_CMIC_MULTI_CTRL;
	store_le32(id->ctratt, NVME_CTRL_CTRATT_128_ID | NVME_CTRL_CTRATT_TBKAS);
	id->acl = 3;
	id->frmw = 3;	/* one slot, read only */
	id->lpa |= NVME_CTRL_LPA_CMD_EFFECTS;
	store_le16(id->cqt, tc->target->config.cqt_ms);
	id->sqes = NVME_CTRL_SQES_64;
	id->cqes = NVME_CTRL_CQES_16;
	store_le32(id->nn, TARGET_NSID_MAX);
	store_le32(id->mnan, TARGET_NSID_MAX);
	store_le16(id->oncs, NVME_CTRL_ONCS_DSM | NVME_CTRL_ONCS_WRITE_ZEROES);
	for (uint32_t i = 0; i < v->count; i++)
		cache |= v->ns[i].backend->volatile_cache;
	id->vwc = (uint8_t)(NVME_CTRL_VWC_FLUSH_BROADCAST | (cache ? NVME_CTRL_VWC_PRESENT : 0));
	store_le32(id->ioccsz, (64 + tc->target->config.capsule_data_bytes) / 16);
	store_le16(id->ofcs, NVME_CTRL_OFCS_DISCONNECT);
}

static void identify_ctrl(struct tcmd *c, union identify *d)
{
	fill_common(&d->ctrl, c->tc);
	if (c->tc->ctrl->subsys->discovery) {
		d->ctrl.cntrltype = NVME_CTRL_CNTRLTYPE_DISCOVERY;
		store_le32(d->ctrl.ctratt, NVME_CTRL_CTRATT_128_ID | NVME_CTRL_CTRATT_TBKAS);
		store_le32(d->ctrl.ioccsz, 4);
	} else {
		fill_io(&d->ctrl, c->tc);
	}
	admin_reply(c, d, sizeof(*d));
}

static void identify_ns(struct tcmd *c, union identify *d, const struct target_ns *ns)
{
	struct nvme_id_ns *id = &d->ns;

	if (ns) {
		store_le64(id->nsze, ns->blocks);
		store_le64(id->ncap, ns->blocks);
		store_le64(id->nuse, ns->blocks);
		id->nmic = NVME_NS_NMIC_SHARED;
		id->nsattr = ns->backend->read_only ? NVME_NS_NSATTR_WRITE_PROTECTED : 0;
		id->dlfeat = ns->backend->can_deallocate ?
				     NVME_NS_DLFEAT_RB_ALL_0S | NVME_NS_DLFEAT_WRITE_ZEROES :
				     0;
		memcpy(id->nguid, ns->nguid, sizeof(id->nguid));
		id->lbaf[0].ds = ns->lba_shift;
	}
	admin_reply(c, d, sizeof(*d));	/* an inactive namespace is all zeroes */
}

/* CNS 02h, 07h: namespaces above the one in the command. */
static void identify_list(struct tcmd *c, union identify *d)
{
	const struct target_view *v = c->tc->view;
	uint32_t above = load_le32(c->sqe.nsid), n = 0;

	if (above >= 0xfffffffeu) {
		tcmd_complete(c, NVME_SC_INVALID_NS | DNR);
		return;
	}
	for (uint32_t i = 0; i < v->count && n < NVME_ID_NS_LIST_MAX; i++)
		if (v->ns[i].nsid > above)
			store_le32(d->list.ns[n++], v->ns[i].nsid);
	admin_reply(c, d, sizeof(*d));
}

static void identify_descriptors(struct tcmd *c, union identify *d, const struct target_ns *ns)
{
	const uint8_t csi = NVME_CSI_NVM;
	size_t used = 0;

	used = nvme_ns_id_desc_add(d->bytes, used, NVME_NIDT_NGUID, ns->nguid, 16);
	used = nvme_ns_id_desc_add(d->bytes, used, NVME_NIDT_UUID, ns->uuid, 16);
	nvme_ns_id_desc_add(d->bytes, used, NVME_NIDT_CSI, &csi, 1);
	admin_reply(c, d, sizeof(*d));
}

static void identify_independent(struct tcmd *c, union identify *d, const struct target_ns *ns)
{
	d->independent.nmic = NVME_NS_NMIC_SHARED;
	d->independent.nsattr = ns->backend->read_only ? NVME_NS_NSATTR_WRITE_PROTECTED : 0;
	d->independent.nstat = NVME_NSTAT_NRDY;
	admin_reply(c, d, sizeof(*d));
}

/* Those that tell about one active namespace. */
static void identify_active(struct tcmd *c, union identify *d, uint8_t cns)
{
	const struct target_ns *ns = target_view_ns(c->tc->view, load_le32(c->sqe.nsid));

	if (!ns)
		tcmd_complete(c, NVME_SC_INVALID_NS | DNR);
	else if (cns == NVME_CNS_NS_DESC_LIST)
		identify_descriptors(c, d, ns);
	else if (cns == NVME_CNS_CSI_INDEPENDENT_NS)
		identify_independent(c, d, ns);
	else
		admin_reply(c, d, sizeof(*d));	/* CNS 05h, NVM: nothing to tell */
}

void admin_identify(struct tcmd *c)
{
	uint8_t cns = c->sqe.cdw10[0], csi = c->sqe.cdw11[3];
	uint32_t nsid = load_le32(c->sqe.nsid);
	union identify d;

	memset(&d, 0, sizeof(d));
	if (c->len != NVME_IDENTIFY_BYTES) {
		tcmd_complete(c, NVME_SC_SGL_INVALID_DATA | DNR);
		return;
	}
	if (c->tc->ctrl->subsys->discovery && cns != NVME_CNS_CTRL)
		cns = 0xff;
	if ((cns == NVME_CNS_CSI_NS || cns == NVME_CNS_CSI_CTRL ||
	     cns == NVME_CNS_CSI_NS_ACTIVE_LIST) &&
	    csi != NVME_CSI_NVM)
		cns = 0xff;
	switch (cns) {
	case NVME_CNS_CTRL:
		identify_ctrl(c, &d);
		break;
	case NVME_CNS_NS:
		if (nsid == 0 || nsid > TARGET_NSID_MAX)
			tcmd_complete(c, NVME_SC_INVALID_NS | DNR);
		else
			identify_ns(c, &d, target_view_ns(c->tc->view, nsid));
		break;
	case NVME_CNS_NS_ACTIVE_LIST:
	case NVME_CNS_CSI_NS_ACTIVE_LIST:
		identify_list(c, &d);
		break;
	case NVME_CNS_CSI_CTRL:
		admin_reply(c, &d, sizeof(d));	/* no limits besides MDTS */
		break;
	case NVME_CNS_NS_DESC_LIST:
	case NVME_CNS_CSI_INDEPENDENT_NS:
	case NVME_CNS_CSI_NS:
		identify_active(c, &d, cns);
		break;
	default:
		tcmd_complete(c, NVME_SC_INVALID_FIELD | DNR);
	}
}
