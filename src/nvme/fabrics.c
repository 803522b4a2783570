/* SPDX-License-Identifier: BSD-3-Clause */
#include "nvme/fabrics.h"

#include <assert.h>
#include <string.h>

bool nvme_name_valid(const char *name, size_t size)
{
	size_t limit = size < NVME_NQN_MAX + 1 ? size : NVME_NQN_MAX + 1;
	size_t len = strnlen(name, limit);

	if (len == limit || len == 0)	/* no NUL, or too long */
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~')	/* a blank would split a PSK identity */
			return false;
	return true;
}

bool nvme_nqn_valid(const char *nqn, size_t size)
{
	return nvme_name_valid(nqn, size) && strncmp(nqn, "nqn.", strlen("nqn.")) == 0 &&
	       nqn[strlen("nqn.")] != '\0';
}

void nvme_sqe_fabrics(struct nvme_sqe *sqe, enum nvme_fctype fctype)
{
	nvme_sqe_init(sqe, NVME_ADMIN_FABRICS, 0);
	sqe->fctype = (uint8_t)fctype;
}

void nvme_sqe_connect(struct nvme_sqe *sqe, uint16_t qid, uint32_t queue_size, uint8_t cattr,
		      uint32_t kato_ms)
{
	struct nvme_connect_sqe *c = (struct nvme_connect_sqe *)sqe;

	assert(queue_size >= 2 && queue_size <= 65536);
	nvme_sqe_fabrics(sqe, NVME_FCTYPE_CONNECT);
	nvme_sqe_sgl_inline(sqe, NVME_CONNECT_DATA_BYTES);
	store_le16(c->qid, qid);
	store_le16(c->sqsize, (uint16_t)(queue_size - 1));
	c->cattr = cattr;
	store_le32(c->kato, kato_ms);
}

void nvme_connect_data_set(struct nvme_connect_data *data, const uint8_t hostid[16],
			   uint16_t cntlid, const char *hostnqn, const char *subsysnqn)
{
	assert(nvme_nqn_valid(hostnqn, NVME_NQN_FIELD));
	assert(nvme_nqn_valid(subsysnqn, NVME_NQN_FIELD));
	memset(data, 0, sizeof(*data));
	memcpy(data->hostid, hostid, sizeof(data->hostid));
	store_le16(data->cntlid, cntlid);
	memcpy(data->hostnqn, hostnqn, strlen(hostnqn));
	memcpy(data->subsysnqn, subsysnqn, strlen(subsysnqn));
}

uint8_t nvme_property_size(uint32_t offset)
{
	switch (offset) {
	case NVME_REG_CAP:
		return 8;
	case NVME_REG_VS:
	case NVME_REG_CC:
	case NVME_REG_CSTS:
	case NVME_REG_NSSR:
	case NVME_REG_NSSD:
	case NVME_REG_CRTO:
		return 4;
	default:
		return 0;
	}
}

static struct nvme_property_sqe *property(struct nvme_sqe *sqe, enum nvme_fctype fctype,
					  enum nvme_property prop)
{
	struct nvme_property_sqe *p = (struct nvme_property_sqe *)sqe;
	uint8_t size = nvme_property_size(prop);

	assert(size != 0);
	nvme_sqe_fabrics(sqe, fctype);
	p->attrib = size == 8 ? NVME_PROP_SIZE_8 : 0;
	store_le32(p->offset, prop);
	return p;
}

void nvme_sqe_property_get(struct nvme_sqe *sqe, enum nvme_property prop)
{
	property(sqe, NVME_FCTYPE_PROPERTY_GET, prop);
}

void nvme_sqe_property_set(struct nvme_sqe *sqe, enum nvme_property prop, uint64_t value)
{
	store_le64(property(sqe, NVME_FCTYPE_PROPERTY_SET, prop)->value, value);
}

static void auth(struct nvme_sqe *sqe, enum nvme_fctype fctype, uint32_t len)
{
	struct nvme_auth_sqe *a = (struct nvme_auth_sqe *)sqe;

	nvme_sqe_fabrics(sqe, fctype);
	a->spsp0 = NVME_AUTH_SPSP;
	a->spsp1 = NVME_AUTH_SPSP;
	a->secp = NVME_AUTH_SECP_NVME;
	store_le32(a->len, len);
}

void nvme_sqe_auth_send(struct nvme_sqe *sqe, uint32_t len)
{
	auth(sqe, NVME_FCTYPE_AUTH_SEND, len);
	nvme_sqe_sgl_inline(sqe, len);
}

void nvme_sqe_auth_recv(struct nvme_sqe *sqe, uint32_t len)
{
	auth(sqe, NVME_FCTYPE_AUTH_RECV, len);
	nvme_sqe_sgl_transport(sqe, len);
}

void nvme_sqe_disconnect(struct nvme_sqe *sqe)
{
	nvme_sqe_fabrics(sqe, NVME_FCTYPE_DISCONNECT);
}
