/* SPDX-License-Identifier: BSD-3-Clause */
/* From struct nvmetls_options to what an association needs: identity, key, address. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "client/api_impl.h"
#include "tls/psk.h"

#define QUEUES_MAX   1024u
#define SHUTDOWN_NS  (2 * NS_PER_SEC)

static int invalid(struct nvmetls_error *e, const char *what)
{
	return api_error(e, -EINVAL, CAUSE_ARGUMENT, "%s", what);
}

static int check(const struct nvmetls_options *o, struct nvmetls_error *e)
{
	if (o->size != sizeof(*o))
		return invalid(e, "options: size does not match; use NVMETLS_OPTIONS_INIT");
	if (!o->traddr || !o->traddr[0])
		return invalid(e, "traddr: an address is needed");
	if (o->subsysnqn && !nvme_nqn_valid(o->subsysnqn, NVME_NQN_FIELD))
		return invalid(e, "subsysnqn: not a valid NQN");
	if (o->hostnqn && !nvme_nqn_valid(o->hostnqn, NVME_NQN_FIELD))
		return invalid(e, "hostnqn: not a valid NQN");
	if (o->io_queues > QUEUES_MAX)
		return invalid(e, "io_queues: at most 1024");
	if (o->queue_size < 16 || o->queue_size > HQUEUE_ENTRIES_MAX)
		return invalid(e, "queue_size: 16 to 1024");
	if (o->tls_identity != 0 && o->tls_identity != 1)
		return invalid(e, "tls_identity: 0 or 1");
	if (o->connect_timeout_ms == 0)
		return invalid(e, "connect_timeout_ms: must not be 0");
	if (o->ctrl_loss_ms < -1 || o->fast_io_fail_ms < -1)
		return invalid(e, "ctrl_loss_ms, fast_io_fail_ms: -1 or more");
	return 0;
}

/* The key to offer: given, or from the store. */
static int find_key(const struct nvmetls_options *o, struct keystore *ks, const char *hostnqn,
		    const char *subsysnqn, struct key_entry *ret, struct nvmetls_error *e)
{
	struct fault why;

	if (!o->tls_key) {
		why = keystore_find(ks, hostnqn, subsysnqn, ret);
		if (!fault_is(why))
			return 0;
		if (why.cause == CAUSE_PSK_MISSING)
			why.code = ENOKEY;
		return api_store_error(e, ks, why);
	}
	ret->identity_version = o->tls_identity;
	ret->derivation = o->tls_compat ? PSK_COMPAT : PSK_RFC;
	why = psk_parse(o->tls_key, &ret->psk);
	return fault_is(why) ? api_key_error(e, why) : 0;
}

static int load_key(struct nvmetls *c, const struct nvmetls_options *o, struct keystore *ks,
		    struct nvmetls_error *e)
{
	struct key_entry k = { 0 };
	struct fault why;
	int rc = find_key(o, ks, c->config.hostnqn, c->config.subsysnqn, &k, e);

	if (rc == 0) {
		why = api_key_derive(c, &k, &c->key);
		if (fault_is(why))
			rc = api_error_fault(e, why, "", "deriving the TLS PSK failed");
	}
	explicit_bzero(&k, sizeof(k));
	if (rc == 0 && !o->tls_key) {
		c->keystore = strdup(ks->dir);
		if (!c->keystore)
			rc = api_error(e, -ENOMEM, CAUSE_NO_MEMORY, "out of memory");
	}
	if (rc)
		return rc;
	api_key_worked(c);
	api_key_use(c);
	return 0;
}

static void copy(struct assoc_config *a, const struct nvmetls_options *o, bool discovery)
{
	a->discovery = discovery;
	a->tls = o->tls == NVMETLS_TLS_REQUIRED;
	a->key_update = o->key_update;
	a->rekey_bytes = o->rekey_bytes;
	a->io_queues = discovery ? 0 : o->io_queues;
	a->queue_size = o->queue_size;
	a->kato_ms = o->keep_alive_ms;
	a->hdgst = o->hdr_digest;
	a->ddgst = o->data_digest;
	a->disable_sqflow = o->disable_sqflow;
	a->connect_timeout_ns = o->connect_timeout_ms * NS_PER_MS;
	a->command_timeout_ns = o->command_timeout_ms * NS_PER_MS;
	a->shutdown_timeout_ns = SHUTDOWN_NS;
	a->await_close = !discovery && o->reconnect_delay_ms != 0;
}

static uint64_t ms_or_never(int32_t ms)
{
	return ms < 0 ? WORLD_NEVER : (unsigned int)ms * NS_PER_MS;
}

static void copy_recovery(struct nvmetls *c, const struct nvmetls_options *o)
{
	c->recovery_config = (struct recovery_config){
		/* a log is read at once, or asked for anew */
		.delay_ns = c->config.discovery ? 0 : o->reconnect_delay_ms * NS_PER_MS,
		.loss_ns = ms_or_never(o->ctrl_loss_ms),
		.fast_fail_ns = ms_or_never(o->fast_io_fail_ms),
	};
	c->notify = o->notify;
	c->notify_user = o->notify_user;
}

int api_options(struct nvmetls *c, const struct nvmetls_options *o, bool discovery,
		struct nvmetls_error *e)
{
	const char *subsysnqn = o->subsysnqn;
	struct keystore ks;
	struct fault why;
	int rc = check(o, e);

	if (rc)
		return rc;
	if (!subsysnqn && !discovery)
		return invalid(e, "subsysnqn: the subsystem's NQN is needed");
	if (!subsysnqn)
		subsysnqn = NVMETLS_DISCOVERY_NQN;
	/* the well-known NQN is always that of a discovery controller */
	discovery |= strcmp(subsysnqn, NVMETLS_DISCOVERY_NQN) == 0;
	keystore_init(&ks, o->keystore);
	why = hostid_load(&ks, o->hostnqn, o->hostid, &c->host);
	if (fault_is(why))
		return api_store_error(e, &ks, why);
	copy(&c->config, o, discovery);
	memcpy(c->config.hostid, c->host.id, sizeof(c->config.hostid));
	snprintf(c->config.hostnqn, sizeof(c->config.hostnqn), "%s", c->host.nqn);
	snprintf(c->config.subsysnqn, sizeof(c->config.subsysnqn), "%s", subsysnqn);
	c->serve = o->serve;
	c->spin_us = o->spin_us;
	c->spin_always = o->spin_always;
	copy_recovery(c, o);
	return c->config.tls ? load_key(c, o, &ks, e) : 0;
}

int api_resolve(const struct nvmetls_options *o, bool discovery, struct addrinfo **ret,
		struct nvmetls_error *e)
{
	const char *port = o->trsvcid ? o->trsvcid : discovery ? "8009" : "4420";
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	int rc = getaddrinfo(o->traddr, port, &hints, ret);

	if (rc == EAI_NONAME) { /* not a numeric address: ask */
		hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
		rc = getaddrinfo(o->traddr, port, &hints, ret);
	}
	if (rc == 0)
		return 0;
	return api_error(e, -EADDRNOTAVAIL, CAUSE_RESOLVE, "%s port %s: %s (%s)", o->traddr, port,
			 cause_text(CAUSE_RESOLVE), gai_strerror(rc));
}
