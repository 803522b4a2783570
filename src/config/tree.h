/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tree - the target's object tree: hosts, subsystems, namespaces, ports.
 *
 * The nouns and attribute names are those of the kernel's nvmet configfs, as
 * `nvmetcli save` writes them (nested by group: "addr": {"traddr": ...}) or flat
 * ("addr_traddr"). One attribute table (config/attrs.c) reads, checks and writes them.
 *
 * Plain data. The tree owns everything in it; cfg_free() releases it. No I/O.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define CFG_NQN_MAX    224	/* with NUL */
#define CFG_TRADDR_MAX 257
#define CFG_PATH_MAX   4096

struct cfg_host {
	char nqn[CFG_NQN_MAX];
};

struct cfg_namespace {
	uint32_t nsid;
	char device_path[CFG_PATH_MAX];	/* a path, "mem:64M" or "null:1G" */
	uint8_t device_uuid[16], device_nguid[16];	/* zero: not given */
	uint32_t ana_grpid;		/* read and kept; must be 1 */
	bool enable;
	bool readonly;			/* our extension */
};

struct cfg_subsys {
	char nqn[CFG_NQN_MAX];
	bool attr_allow_any_host;
	char attr_serial[21], attr_model[41], attr_firmware[9];
	uint32_t attr_cntlid_min, attr_cntlid_max;
	uint32_t attr_qid_max;
	bool attr_tls_required;		/* our extension: refuse Connect without TLS */
	struct cfg_namespace *namespaces;
	size_t namespace_count;
	char (*allowed_hosts)[CFG_NQN_MAX];
	size_t allowed_host_count;
};

enum cfg_adrfam { CFG_ADRFAM_ANY, CFG_ADRFAM_IPV4, CFG_ADRFAM_IPV6 };
enum cfg_treq { CFG_TREQ_NOT_SPECIFIED, CFG_TREQ_REQUIRED, CFG_TREQ_NOT_REQUIRED };

struct cfg_port {
	uint32_t portid;
	char addr_traddr[CFG_TRADDR_MAX];
	char addr_trsvcid[33];
	enum cfg_adrfam addr_adrfam;	/* ANY: what the address is */
	bool addr_tsas_tls13;
	enum cfg_treq addr_treq;
	char (*subsystems)[CFG_NQN_MAX];
	size_t subsystem_count;
};

/* What is wrong and where: "config.json:12: ports[0] addr_trsvcid: ..." is made of it. */
struct cfg_error {
	int line;		/* 1-based; 0: not known (a value from the command line) */
	char where[160];	/* the attribute's path, "subsystems[0].namespaces[1].device_path" */
	char what[320];		/* one line for people, with the next step */
};

struct cfg_tree {
	struct cfg_host *hosts;
	size_t host_count;
	struct cfg_subsys *subsystems;
	size_t subsys_count;
	struct cfg_port *ports;
	size_t port_count;
	struct cfg_error *warnings;	/* what is taken, but should be known */
	size_t warning_count;
};

/* New zeroed elements at the end, with nvmet's defaults. NULL: out of memory. */
struct cfg_host *cfg_add_host(struct cfg_tree *t, const char *nqn);
struct cfg_subsys *cfg_add_subsys(struct cfg_tree *t, const char *nqn);
struct cfg_namespace *cfg_add_namespace(struct cfg_subsys *s);
struct cfg_port *cfg_add_port(struct cfg_tree *t);
bool cfg_allow_host(struct cfg_subsys *s, const char *nqn);
bool cfg_link(struct cfg_port *p, const char *subsysnqn);
void cfg_free(struct cfg_tree *t);

/*
 * Read @text (@len bytes of JSON) into the empty tree @t. False with @err on the first mistake;
 * @t is then empty again.
 */
bool cfg_from_json(struct cfg_tree *t, const char *text, size_t len, struct cfg_error *err);

/*
 * Check what needs the whole tree: links name existing subsystems, NQNs are valid and unique,
 * nsids and port ids too, TLS policy makes sense. False with @err. Adds to the warnings.
 */
bool cfg_check(struct cfg_tree *t, struct cfg_error *err);
/*
 * The address and port of @p in binary; port 4420 where none was given. 0, or which attribute is
 * wrong: -EADDRNOTAVAIL traddr is no address, -EAFNOSUPPORT it is none of adrfam's, -EINVAL trsvcid.
 */
int cfg_port_addr(const struct cfg_port *p, struct sockaddr_storage *ret, socklen_t *ret_len);
/* One more warning; lost where there is no memory. */
void cfg_warn(struct cfg_tree *t, const char *where, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
