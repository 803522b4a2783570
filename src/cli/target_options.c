/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/target_options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/backend.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/log.h"
#include "cli/env.h"
#include "cli/keylog.h"
#include "crypto/aead.h"
#include "nvme/fabrics.h"
#include "tls/handshake.h"

#ifndef NVMETLS_VERSION
#define NVMETLS_VERSION "0.1.0"
#endif

#define CONFIG_BYTES_MAX (16u << 20)

enum { GO_ON = -1, STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

/* What the command line said so far that has no place in the tree yet. */
struct parsing {
	struct target_options *o;
	struct cfg_subsys *subsys;	/* the last --subsys */
	const char *config;
	const char *tls;		/* the last --tls; for all ports */
	const char *allowed_any, *host;	/* given before any --subsys: an error */
};

enum opt {
	OPT_LISTEN = 256, OPT_TLS, OPT_SUBSYS, OPT_NAMESPACE, OPT_ALLOW_ANY, OPT_HOST, OPT_KEYSTORE,
	OPT_ADDR_FILE, OPT_CONFIG, OPT_THREADS, OPT_SPIN, OPT_QUEUE_SIZE, OPT_QUEUES, OPT_MDTS,
	OPT_LOG_LEVEL, OPT_KEYLOG, OPT_STATS, OPT_CPU, OPT_DERIVATIONS, OPT_REKEY, OPT_GROUPS,
	OPT_HALF_OPEN, OPT_HALF_OPEN_ADDR, OPT_HANDSHAKE_TMO, OPT_CONNECT_TMO, OPT_WORKERS,
	OPT_INLINE, OPT_NO_DIGEST, OPT_VERSION, OPT_HELP,
};

static const struct {
	const char *name, *arg, *what;
	enum opt id;
} opts[] = {
	{ "listen", "HOST:PORT", "listen there; port 0: any free one; may be repeated", OPT_LISTEN },
	{ "tls", "required|optional|none", "TLS policy of the ports (default: required)", OPT_TLS },
	{ "subsys", "NQN", "export a subsystem; may be repeated", OPT_SUBSYS },
	{ "namespace", "PATH|mem:SIZE|null:SIZE", "a namespace of the last --subsys; may be repeated", OPT_NAMESPACE },
	{ "allow-any-host", NULL, "any host may use the last --subsys", OPT_ALLOW_ANY },
	{ "host", "NQN", "this host may use the last --subsys; may be repeated", OPT_HOST },
	{ "keystore", "DIR", "directory of TLS keys", OPT_KEYSTORE },
	{ "both-derivations", NULL, "accept each key also in the derivation of older tools", OPT_DERIVATIONS },
	{ "config", "FILE", "subsystems and ports from JSON as nvmetcli saves it", OPT_CONFIG },
	{ "addr-file", "FILE", "write the addresses listened on to FILE", OPT_ADDR_FILE },
	{ "threads", "N", "I/O threads (default: 1)", OPT_THREADS },
	{ "workers", "N", "threads for handshakes and blocking files (default: CPUs)", OPT_WORKERS },
	{ "cpu", "N", "pin thread i to CPU N + i", OPT_CPU },
	{ "spin-us", "N", "spin at most so long before sleeping (default: 50)", OPT_SPIN },
	{ "queues", "N", "I/O queues per controller at most (default: 64)", OPT_QUEUES },
	{ "queue-size", "N", "entries per queue at most, 16..1024", OPT_QUEUE_SIZE },
	{ "mdts", "SIZE", "largest transfer of a command (default: 1M)", OPT_MDTS },
	{ "inline-data-size", "SIZE", "in-capsule data on I/O queues (default: 16K)", OPT_INLINE },
	{ "no-digests", NULL, "do not grant header and data digests", OPT_NO_DIGEST },
	{ "groups", "LIST", "key exchange groups, OpenSSL's names", OPT_GROUPS },
	{ "rekey-bytes", "SIZE", "KeyUpdate after so many bytes per key, to hosts that sent one", OPT_REKEY },
	{ "max-half-open", "N", "unfinished connections at most (default: 1024)", OPT_HALF_OPEN },
	{ "max-half-open-per-addr", "N", "and per peer address (default: 256)", OPT_HALF_OPEN_ADDR },
	{ "handshake-timeout-ms", "N", "for the TLS handshake (default: 10000)", OPT_HANDSHAKE_TMO },
	{ "connect-timeout-ms", "N", "for ICReq, and again for Connect (default: 10000)", OPT_CONNECT_TMO },
	{ "log-level", "error|warn|notice|info|debug", "default: notice", OPT_LOG_LEVEL },
	{ "keylog", "FILE", "append TLS secrets to FILE, for debugging only", OPT_KEYLOG },
	{ "stats", NULL, "print counters as JSON at the end (and at SIGUSR1 always)", OPT_STATS },
	{ "version", NULL, "print version and providers", OPT_VERSION },
	{ "help", NULL, "this text", OPT_HELP },
};

/* Standard output was asked for: what did not get there is a failure. */
static int said(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return STATUS_DONE;
	fprintf(stderr, "nvmetls-target: standard output: %s\n", strerror(errno));
	return STATUS_FAILED;
}

static int usage(void)
{
	char left[64];

	printf("usage: nvmetls-target --listen HOST:PORT --subsys NQN --namespace SPEC "
	       "(--allow-any-host | --host NQN) [options]\n"
	       "       nvmetls-target --config FILE [options]\n");
	for (size_t i = 0; i < ARRAY_SIZE(opts); i++) {
		snprintf(left, sizeof(left), "--%s%s%s", opts[i].name, opts[i].arg ? " " : "",
			 opts[i].arg ? opts[i].arg : "");
		printf("  %-36s %s\n", left, opts[i].what);
	}
	return said();
}

static int misuse(const char *option, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int misuse(const char *option, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "nvmetls-target: --%s: ", option);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "; see --help\n");
	return STATUS_USAGE;
}

static int out_of_memory(void)
{
	fprintf(stderr, "nvmetls-target: %s\n", strerror(ENOMEM));
	return STATUS_FAILED;
}

static int show_version(const struct target_options *o)
{
	const char *why;
	enum loop_kind kind = loop_choose(o->loops.kind, &why);

	aead_setup(getenv("NVMETLS_CRYPTO"));
	printf("nvmetls-target %s\ncrypto: %s\ncrc32c: %s\nloop:   %s (%s)\n", NVMETLS_VERSION,
	       aead_provider(), crc32c_provider(), kind == LOOP_URING ? "uring" : "epoll", why);
	return said();
}

/* --- values --- */

/* Options with a number or size: what it may be. Where it goes is in set_number(). */
static const struct range {
	enum opt id;
	bool size;
	uint64_t min, max;
	const char *text;	/* of min and max, and what else must hold */
} ranges[] = {
	{ OPT_THREADS, false, 1, 64, "1 to 64" },
	{ OPT_WORKERS, false, 1, 64, "1 to 64" },
	{ OPT_CPU, false, 0, CPU_SETSIZE - 1, "the number of a processor" },
	{ OPT_SPIN, false, 0, 1000000, "0 to 1000000" },
	{ OPT_QUEUES, false, 1, 1024, "1 to 1024" },
	{ OPT_QUEUE_SIZE, false, 16, 1024, "16 to 1024" },
	{ OPT_MDTS, true, 4096, 1u << 20, "4K to 1M, a power of two" },
	{ OPT_INLINE, true, 0, 65536, "0 to 64K, a multiple of 16" },
	{ OPT_REKEY, true, 65536, UINT64_MAX, "at least 64K" },
	{ OPT_HALF_OPEN, false, 1, 1000000, "1 to 1000000" },
	{ OPT_HALF_OPEN_ADDR, false, 1, 1000000, "1 to 1000000" },
	{ OPT_HANDSHAKE_TMO, false, 1, 3600000, "1 to 3600000" },
	{ OPT_CONNECT_TMO, false, 1, 3600000, "1 to 3600000" },
};

static void set_number(struct target_options *o, enum opt id, uint64_t v)
{
	switch ((int)id) {
	case OPT_THREADS: o->loops.threads = (uint32_t)v; break;
	case OPT_WORKERS: o->loops.workers = (uint32_t)v; break;
	case OPT_CPU: o->loops.cpu_first = (int)v; break;
	case OPT_SPIN: o->loops.spin_us = (uint32_t)v; break;
	case OPT_QUEUES: o->node.target.queues_max = (uint16_t)v; break;
	case OPT_QUEUE_SIZE: o->node.target.queue_size_max = (uint16_t)v; break;
	case OPT_MDTS: o->node.target.mdts_bytes = (uint32_t)v; break;
	case OPT_INLINE: o->node.target.capsule_data_bytes = (uint32_t)v; break;
	case OPT_REKEY: o->node.record.rekey_bytes = v; break;
	case OPT_HALF_OPEN: o->node.half_open_max = (uint32_t)v; break;
	case OPT_HALF_OPEN_ADDR: o->node.half_open_per_addr_max = (uint32_t)v; break;
	case OPT_HANDSHAKE_TMO: o->node.handshake_timeout_ns = v * NS_PER_MS; break;
	default:
		o->node.target.icreq_timeout_ns = o->node.target.connect_timeout_ns = v * NS_PER_MS;
		break;
	}
}

static int number_option(struct target_options *o, enum opt id, const char *name, const char *text)
{
	const struct range *r = ranges;
	uint64_t v = 0;
	int rc;

	while (r->id != id)
		r++;
	rc = backend_parse_size(text, &v);
	if (rc == -EINVAL || (!r->size && strspn(text, "0123456789") != strlen(text)))
		return misuse(name, "\"%s\" is not a %s", text, r->size ? "size" : "number");
	if (rc || v < r->min || v > r->max || (id == OPT_MDTS && v & (v - 1)) ||
	    (id == OPT_INLINE && v % 16))
		return misuse(name, "%s is out of range (%s)", text, r->text);
	set_number(o, id, v);
	return GO_ON;
}

/* "127.0.0.1:4420", "[::1]:4420", "*:4420" */
static int add_listen(struct parsing *p, const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	struct sockaddr_storage addr;
	struct cfg_port *port;
	socklen_t addr_len;

	if (!colon || len == 0 || len >= sizeof(port->addr_traddr) - 1 ||
	    colon[1] == '\0' || strlen(colon + 1) >= sizeof(port->addr_trsvcid))
		return misuse("listen", "wants HOST:PORT, [IPV6]:PORT or *:PORT");
	port = cfg_add_port(&p->o->tree);
	if (!port)
		return out_of_memory();
	if (text[0] == '[' && colon[-1] == ']')
		memcpy(port->addr_traddr, text + 1, len - 2);
	else if (len == 1 && text[0] == '*')
		memcpy(port->addr_traddr, "0.0.0.0", 8);
	else
		memcpy(port->addr_traddr, text, len);
	memcpy(port->addr_trsvcid, colon + 1, strlen(colon + 1) + 1);
	if (cfg_port_addr(port, &addr, &addr_len) == 0)
		return GO_ON;
	return misuse("listen", "%s: wants a numeric address and a port of 0 to 65535", text);
}

static int set_log_level(const char *text)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = { { "error", LOG_ERROR }, { "warn", LOG_WARN }, { "notice", LOG_NOTICE },
		       { "info", LOG_INFO }, { "debug", LOG_DEBUG } };

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (strcmp(text, levels[i].name) == 0) {
			log_set_level(levels[i].level);
			return GO_ON;
		}
	return misuse("log-level", "wants error, warn, notice, info or debug");
}

static int add_subsys(struct parsing *p, const char *nqn)
{
	if (!nvme_nqn_valid(nqn, strlen(nqn) + 1))
		return misuse("subsys", "not an NQN; it begins with \"nqn.\" and has at most 223 characters");
	p->subsys = cfg_add_subsys(&p->o->tree, nqn);
	return p->subsys ? GO_ON : out_of_memory();
}

/* Options that belong to the last --subsys. */
static int subsys_option(struct parsing *p, enum opt id, const char *name, const char *text)
{
	struct cfg_namespace *ns;
	char why[320];

	if (!p->subsys)
		return misuse(name, "comes after the --subsys that it belongs to");
	switch ((int)id) {
	case OPT_ALLOW_ANY:
		p->subsys->attr_allow_any_host = true;
		return GO_ON;
	case OPT_HOST:
		if (!nvme_nqn_valid(text, strlen(text) + 1))
			return misuse("host", "not an NQN; it begins with \"nqn.\" and has at most 223 characters");
		return cfg_allow_host(p->subsys, text) ? GO_ON : out_of_memory();
	default:
		if (backend_check(text, why, sizeof(why)))
			return misuse("namespace", "%s", why);
		if (strlen(text) >= sizeof(ns->device_path))
			return misuse("namespace", "the path is too long");
		ns = cfg_add_namespace(p->subsys);
		if (!ns)
			return out_of_memory();
		memcpy(ns->device_path, text, strlen(text) + 1);
		return GO_ON;
	}
}

static int tls_option(struct parsing *p, const char *text)
{
	if (strcmp(text, "required") && strcmp(text, "optional") && strcmp(text, "none"))
		return misuse("tls", "wants required, optional or none");
	p->tls = text;
	return GO_ON;
}

static int one_option(struct parsing *p, enum opt id, const char *name, const char *text)
{
	struct target_options *o = p->o;

	switch ((int)id) {
	case OPT_LISTEN:
		return add_listen(p, text);
	case OPT_TLS:
		return tls_option(p, text);
	case OPT_SUBSYS:
		return add_subsys(p, text);
	case OPT_NAMESPACE:
	case OPT_ALLOW_ANY:
	case OPT_HOST:
		return subsys_option(p, id, name, text);
	case OPT_KEYSTORE:
		o->keystore = text;
		return GO_ON;
	case OPT_ADDR_FILE:
		o->addr_file = text;
		return GO_ON;
	case OPT_CONFIG:
		p->config = text;
		return GO_ON;
	case OPT_LOG_LEVEL:
		return set_log_level(text);
	case OPT_GROUPS:
		if (!handshake_groups_known(text))
			return misuse("groups", "\"%s\" is not a list of groups; they look like %s", text,
				      TLS_GROUPS_DEFAULT);
		o->node.groups = text;
		return GO_ON;
	case OPT_KEYLOG:
		o->node.keylog = keylog_line;
		o->node.keylog_ctx = keylog_open(text);
		return o->node.keylog_ctx ? GO_ON : STATUS_FAILED;
	case OPT_STATS: o->stats = true; return GO_ON;
	case OPT_DERIVATIONS: o->both_derivations = true; return GO_ON;
	case OPT_NO_DIGEST: o->node.target.hdgst = o->node.target.ddgst = false; return GO_ON;
	case OPT_VERSION: return show_version(o);
	case OPT_HELP: return usage();
	default: return number_option(o, id, name, text);
	}
}

/* --- the tree from options, or from a file --- */

static void apply_tls(struct parsing *p)
{
	for (size_t i = 0; i < p->o->tree.port_count; i++) {
		struct cfg_port *port = &p->o->tree.ports[i];

		port->addr_tsas_tls13 = !p->tls || strcmp(p->tls, "none") != 0;
		port->addr_treq = !port->addr_tsas_tls13 ? CFG_TREQ_NOT_SPECIFIED
				  : p->tls && strcmp(p->tls, "optional") == 0 ? CFG_TREQ_NOT_REQUIRED
									      : CFG_TREQ_REQUIRED;
	}
}

/* The option that an attribute came from. */
static const char *option_of(const char *where)
{
	if (strstr(where, "namespaces"))
		return "namespace";
	if (strstr(where, "allowed_hosts"))
		return "host";
	return strncmp(where, "ports", 5) == 0 ? "listen" : "subsys";
}

static int tree_from_options(struct parsing *p)
{
	struct cfg_tree *t = &p->o->tree;
	struct cfg_error err;

	if (t->port_count == 0)
		return misuse("listen", "missing; where shall hosts connect?");
	if (t->subsys_count == 0)
		return misuse("subsys", "missing; what shall be exported?");
	apply_tls(p);
	for (size_t i = 0; i < t->port_count; i++)
		for (size_t k = 0; k < t->subsys_count; k++)
			if (!cfg_link(&t->ports[i], t->subsystems[k].nqn))
				return out_of_memory();
	for (size_t k = 0; k < t->subsys_count; k++)
		if (!t->subsystems[k].attr_allow_any_host &&
		    t->subsystems[k].allowed_host_count == 0)
			return misuse(
				"host",
				"nobody may use a subsystem; give --host NQN or --allow-any-host");
	if (cfg_check(t, &err)) {
		for (size_t i = 0; i < t->warning_count; i++)
			log_warn("--%s: %s", option_of(t->warnings[i].where), t->warnings[i].what);
		return GO_ON;
	}
	return misuse(option_of(err.where), "%s", err.what);
}

/* Of a file or a pipe. NULL with errno. */
static char *read_file(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "re");
	char *text = f ? malloc(CONFIG_BYTES_MAX + 1) : NULL;
	int err = errno;

	if (text) {
		errno = 0;
		*ret_len = fread(text, 1, CONFIG_BYTES_MAX + 1, f);
		err = *ret_len > CONFIG_BYTES_MAX ? EFBIG : errno;
		if (err) {
			free(text);
			text = NULL;
		} else {
			text[*ret_len] = '\0';
		}
	}
	if (f)
		fclose(f);
	errno = err;
	return text;
}

static int tree_from_file(struct parsing *p)
{
	struct cfg_tree *t = &p->o->tree;
	struct cfg_error err;
	size_t len = 0;
	char *text;
	bool good;

	if (p->o->tree.port_count || p->o->tree.subsys_count || p->tls)
		return misuse("config", "does not go with --listen, --tls and --subsys");
	text = read_file(p->config, &len);
	if (!text) {
		fprintf(stderr, "nvmetls-target: %s: %s\n", p->config, strerror(errno));
		return STATUS_FAILED;
	}
	good = cfg_from_json(t, text, len, &err);
	free(text);
	for (size_t i = 0; i < t->warning_count; i++)
		log_warn("%s:%d: %s: %s", p->config, t->warnings[i].line, t->warnings[i].where,
			 t->warnings[i].what);
	if (good)
		return GO_ON;
	fprintf(stderr, "nvmetls-target: %s:%d: %s%s%s\n", p->config, err.line, err.where,
		err.where[0] ? ": " : "", err.what);
	return STATUS_FAILED;
}

static void defaults(struct target_options *o)
{
	memset(o, 0, sizeof(*o));
	node_config_init(&o->node);
	o->node.target.offer_key_update = true;
	o->loops.threads = 1;
	o->loops.spin_us = 50;
	o->loops.cpu_first = -1;
}

/* Every thread must be able to run where it shall be pinned to. */
static int check_cpus(const struct target_options *o)
{
	cpu_set_t before, one;

	if (o->loops.cpu_first < 0 || sched_getaffinity(0, sizeof(before), &before) != 0)
		return GO_ON;
	for (uint32_t i = 0; i < o->loops.threads; i++) {
		unsigned int cpu = (unsigned int)o->loops.cpu_first + i;

		CPU_ZERO(&one);
		if (cpu < CPU_SETSIZE)
			CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one) != 0)
			return misuse("cpu", "there is no CPU %u for thread %u (see nproc)", cpu, i);
		sched_setaffinity(0, sizeof(before), &before);
	}
	return GO_ON;
}

/* What getopt_long() did not like. */
static int complain(int code, char **argv)
{
	const char *word = argv[optind - 1], *name = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(opts); i++)
		if ((int)opts[i].id == optopt)
			name = opts[i].name;
	if (name)
		return misuse(name, code == ':' ? "wants a value" : "takes no value");
	if (optopt > ' ' && optopt <= '~')
		fprintf(stderr, "nvmetls-target: -%c is not an option; see --help\n", optopt);
	else
		fprintf(stderr, "nvmetls-target: %.*s is not an option; see --help\n",
			(int)strcspn(word, "="), word);
	return STATUS_USAGE;
}

int target_options_parse(struct target_options *o, int argc, char **argv)
{
	struct option longs[ARRAY_SIZE(opts) + 1] = { 0 };
	struct parsing p = { .o = o };
	int c, index = 0, rc = GO_ON;
	char why[128];

	defaults(o);
	if (!env_check(why, sizeof(why))) {
		fprintf(stderr, "nvmetls-target: %s; see --help\n", why);
		return STATUS_USAGE;
	}
	opterr = 0;
	for (size_t i = 0; i < ARRAY_SIZE(opts); i++)
		longs[i] = (struct option){ opts[i].name,
					    opts[i].arg ? required_argument : no_argument, NULL,
					    (int)opts[i].id };
	while (rc == GO_ON && (c = getopt_long(argc, argv, ":h", longs, &index)) != -1)
		rc = c == 'h'		  ? usage() :
		     c == '?' || c == ':' ? complain(c, argv) :
					    one_option(&p, (enum opt)c, longs[index].name, optarg);
	if (rc == GO_ON && optind < argc) {
		fprintf(stderr, "nvmetls-target: \"%s\" is not an option; see --help\n", argv[optind]);
		rc = STATUS_USAGE;
	}
	if (rc == GO_ON)
		rc = check_cpus(o);
	if (rc == GO_ON)
		rc = p.config ? tree_from_file(&p) : tree_from_options(&p);
	o->node.target.threads = o->loops.threads;
	if (rc != GO_ON)
		target_options_free(o);
	return rc;
}

void target_options_free(struct target_options *o)
{
	cfg_free(&o->tree);
	keylog_close(o->node.keylog_ctx);
	o->node.keylog_ctx = NULL;
}
