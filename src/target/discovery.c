/* SPDX-License-Identifier: BSD-3-Clause */
/* The discovery log page (70h): what this host can reach at the port that it asks. Base 5.1.12.3.1. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "nvme/discovery.h"
#include "target/target_impl.h"

/* A wildcard address means nothing to the host: show the one that it has reached. */
static void put_traddr(struct nvmf_disc_log_entry *e, const struct tconn *tc)
{
	const struct sockaddr_storage *local = &tc->peer.local;
	const struct sockaddr_in6 *v6 = (const void *)local;
	const struct sockaddr_in *v4 = (const void *)local;
	const char *traddr = tc->port->traddr;

	if (strcmp(traddr, "0.0.0.0") != 0 && strcmp(traddr, "::") != 0) {
		memcpy(e->traddr, traddr, strnlen(traddr, 255));
		e->adrfam = (uint8_t)tc->port->adrfam;
		return;
	}
	e->adrfam = NVMF_ADDR_FAMILY_IP4;
	if (local->ss_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		e->adrfam = NVMF_ADDR_FAMILY_IP6;
		inet_ntop(AF_INET6, &v6->sin6_addr, e->traddr, sizeof(e->traddr));
	} else if (local->ss_family == AF_INET6) {
		inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], e->traddr, sizeof(e->traddr));
	} else {
		inet_ntop(AF_INET, &v4->sin_addr, e->traddr, sizeof(e->traddr));
	}
}

/* TREQ 5:4: what a host with a key has to do before anything else. Base 2.1 figure 295. */
static uint8_t treq_auth(const struct tconn *tc, const struct target_subsys *s)
{
	const struct target_port *p = tc->port;
	struct target_auth_keys keys;
	bool found = target_find_auth(p->target, tc->hostnqn, s->nqn, &keys);

	explicit_bzero(&keys, sizeof(keys));
	if (!found)
		return 0;
	if (p->tls && p->treq == TARGET_TREQ_REQUIRED)
		return s->auth_with_tls ? NVMF_TREQ_AUTH_REQUIRED : 0;
	return p->tls && s->tls_required ? NVMF_TREQ_AUTH_CONCAT : NVMF_TREQ_AUTH_REQUIRED;
}

static void put_entry(struct nvmf_disc_log_entry *e, const struct tconn *tc, uint8_t subtype,
		      const struct target_subsys *s)
{
	const struct target_port *p = tc->port;

	e->trtype = NVMF_TRTYPE_TCP;
	e->subtype = subtype;
	e->treq = (uint8_t)((uint8_t)p->treq | NVMF_TREQ_DISABLE_SQFLOW | treq_auth(tc, s));
	e->sectype = p->tls ? NVMF_TCP_SECTYPE_TLS13 : NVMF_TCP_SECTYPE_NONE;
	store_le16(e->portid, p->portid);
	store_le16(e->cntlid, NVME_CNTLID_DYNAMIC);
	store_le16(e->asqsz, NVME_DISC_ASQSZ_MIN);
	memcpy(e->trsvcid, p->trsvcid, strnlen(p->trsvcid, sizeof(e->trsvcid)));
	memcpy(e->subnqn, s->nqn, strlen(s->nqn));
	put_traddr(e, tc);
}

uint8_t *discovery_log(const struct tconn *tc, size_t *ret_len)
{
	const struct target_port *p = tc->port;
	struct nvmf_disc_log_entry *entry;
	struct nvmf_discovery_hdr *hdr;
	uint64_t count = 0;

	hdr = calloc(p->link_count + 2, NVME_DISC_ENTRY_BYTES);
	if (!hdr)
		return NULL;
	entry = (struct nvmf_disc_log_entry *)(hdr + 1);
	put_entry(&entry[count++], tc, NVME_NQN_CURR, p->target->discovery);
	for (size_t i = 0; i < p->link_count; i++)
		if (target_host_allowed(p->links[i], tc->hostnqn))
			put_entry(&entry[count++], tc, NVME_NQN_NVME, p->links[i]);
	store_le64(hdr->genctr, p->target->genctr);
	store_le64(hdr->numrec, count);
	*ret_len = NVME_DISC_HDR_BYTES + count * NVME_DISC_ENTRY_BYTES;
	store_le32(hdr->tdlpl, (uint32_t)*ret_len);
	return (uint8_t *)hdr;
}
