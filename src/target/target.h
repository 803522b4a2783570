/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target - subsystems, namespaces, ports, hosts and controllers.
 *
 * Owned by the control loop (world 0). I/O queues on other threads see only immutable
 * snapshots (struct target_view), taken at their Connect. Nothing here knows TLS: who the
 * peer is arrives as data (struct tconn_peer).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "auth/auth_policy.h"
#include "backend/backend.h"
#include "base/secret.h"
#include "base/world.h"

struct target;
struct target_subsys;
struct target_port;

enum target_treq {
	TARGET_TREQ_NOT_SPECIFIED = 0,
	TARGET_TREQ_REQUIRED = 1,
	TARGET_TREQ_NOT_REQUIRED = 2
};

struct target_config {
	uint32_t mdts_bytes;		/* power of two >= 4096; default 1 MiB */
	uint32_t capsule_data_bytes;	/* in-capsule data on I/O queues; default 16 KiB */
	uint32_t maxh2cdata_bytes;	/* default 1 MiB */
	uint16_t queue_size_max;	/* entries, default 128..1024 */
	uint16_t queues_max;		/* I/O queues per controller, default 64 */
	uint16_t controllers_max;	/* default 1024 */
	uint32_t buffers_per_conn_max;	/* pool buffers one connection may hold; 0: half of the pool */
	uint64_t icreq_timeout_ns, connect_timeout_ns, pdu_timeout_ns, r2t_timeout_ns;
	uint64_t auth_timeout_ns;	/* for an authentication; default 30 s */
	uint16_t cqt_ms;		/* told as CQT: a lost host's I/O has ended after that; default 2000 */
	uint32_t kato_discovery_ms;	/* for discovery controllers that ask for 0; default 120000 */
	bool hdgst, ddgst;		/* digests allowed; default both */
	bool offer_key_update;		/* told in Identify (vendor specific) so that our host may send KeyUpdate */
	uint32_t threads;		/* placement of I/O queues */
};

struct target_port_config {
	uint16_t portid;
	const char *traddr, *trsvcid;	/* as configured; "0.0.0.0" and "::" are replaced per connection in the log page */
	int adrfam;			/* NVME_ADRFAM_IPV4 or _IPV6 */
	bool tls;			/* SECTYPE TLS 1.3 */
	enum target_treq treq;
};

struct target_subsys_config {
	const char *nqn;
	bool allow_any_host;
	bool tls_required;		/* refuse Connect on a connection without TLS, but to generate a PSK */
	bool auth_required;		/* refuse hosts without a DH-HMAC-CHAP key that have no PSK either */
	bool auth_with_tls;		/* hosts with a configured PSK are to authenticate as well */
	const char *serial, *model, *firmware;	/* NULL: made up (serial: stable hash of the NQN) */
	uint16_t cntlid_min, cntlid_max;	/* 0: 1, 0xffef */
	uint32_t queues_max;		/* I/O queues per controller; 0, or more than that: the target's */
};

struct target_ns_config {
	uint32_t nsid;			/* 0: next free */
	struct backend *backend;	/* taken over, closed with the target */
	uint8_t uuid[16], nguid[16];	/* all zero: derived from subsystem NQN and nsid, stable */
	uint32_t block_bytes;		/* 0: the backend's */
};

/* Fills in the defaults. */
void target_config_init(struct target_config *c);
/* NULL: out of memory. @worlds: one per thread, [0] is the control loop. */
struct target *target_new(const struct target_config *c, struct world *const *worlds,
			  uint32_t world_count);
/* All connections must be gone. */
void target_free(struct target *t);

/* Returns 0 or negative errno: -EEXIST, -EINVAL (malformed NQN, ...), -ENOMEM. Strings are copied. */
int target_add_subsys(struct target *t, const struct target_subsys_config *c,
		      struct target_subsys **ret);
int target_add_namespace(struct target_subsys *s, const struct target_ns_config *c);
int target_allow_host(struct target_subsys *s, const char *hostnqn);
int target_add_port(struct target *t, const struct target_port_config *c, struct target_port **ret);
int target_link(struct target_port *p, struct target_subsys *s);

/* Controllers' timers (KATO, ...): call on the control loop when due; returns the next deadline. */
uint64_t target_turn(struct target *t, uint64_t now_ns);
/* The owner's way to be told that target_turn() has an earlier deadline now. */
void target_set_wake(struct target *t, void (*wake)(void *ctx), void *ctx);

/* What a host is to prove itself with, and we to it: see auth/auth_ctrl.h. */
struct target_auth_keys {
	struct secret k_h, k_c;		/* transformed; k_c may be empty */
	struct auth_policy policy;
};

/* What secure channel concatenation yields. */
struct target_psk {
	const char *hostnqn, *subsysnqn;
	uint8_t hash;			/* enum nvme_hash */
	const struct secret *psk;	/* the generated PSK */
};

/* Where the keys of in-band authentication are. Called on any thread; must not take long. */
struct target_auth {
	void *ctx;
	/* The keys of the pair; wipe after use. False: this host is not asked to authenticate. */
	bool (*find)(void *ctx, const char *hostnqn, const char *subsysnqn,
		     struct target_auth_keys *ret);
	/* Every handshake that begins now finds it. Returns a number to drop it by, 0: it cannot be kept. */
	uint64_t (*store_psk)(void *ctx, const struct target_psk *psk);
	void (*drop_psk)(void *ctx, uint64_t id);
};

/* Before the first connection. Without it nobody is asked to authenticate. */
void target_set_auth(struct target *t, const struct target_auth *auth);

struct target_counters {
	uint32_t controllers, connections;
	uint64_t connects, connects_refused, kato_expired;
};
void target_counters(const struct target *t, struct target_counters *ret);
