/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvmetls - the operator's command line: keys, discovery, admin and I/O commands, perf.
 * Verbs, options and output are nvme-cli's wherever nvme-cli has them; see nvmetls(1).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "cli/env.h"
#include "cli/interrupt.h"
#include "cli/report.h"
#include "cli/std_files.h"
#include "cli/verbs.h"
#include "crypto/aead.h"
#include "loop/loop.h"

#define AT_ARGS "-t tcp -a ADDR -s PORT -n NQN [--tls] [OPTIONS]"

static int cmd_version(const struct verb *v, int argc, char **argv);
static int cmd_help(const struct verb *v, int argc, char **argv);

/* One line per verb. nvmetls(1) and this table are compared by the test cli_pages. */
/* clang-format off */
static const struct verb verbs[] = {
	{ "gen-tls-key", cmd_gen_tls_key, "[-m 1|2] [-i -c NQN] [OPTIONS]", "Generate a TLS key in NVMe PSK interchange format" },
	{ "check-tls-key", cmd_check_tls_key, "-c NQN [-i] [-f FILE] [OPTIONS]", "Check a TLS key, show its identity or insert it into the key store" },
	{ "gen-dhchap-key", cmd_gen_dhchap_key, "[-m 0|1|2|3] [-l 32|48|64] [OPTIONS]", "Generate a DH-HMAC-CHAP key for in-band authentication" },
	{ "check-dhchap-key", cmd_check_dhchap_key, "[-k KEY] [-s HEX -n NQN] [OPTIONS]", "Check a DH-HMAC-CHAP key, tell how it was made" },
	{ "discover", cmd_discover, "-t tcp -a ADDR -s PORT [--tls] [OPTIONS]", "Discover NVMeoF subsystems" },
	{ "connect-all", cmd_connect_all, "-t tcp -a ADDR -s PORT [--tls] [OPTIONS]", "Discover and Connect to NVMeoF subsystems" },
	{ "connect", cmd_connect, AT_ARGS, "Connect to NVMeoF subsystem" },
	{ "rotate", cmd_rotate, "-n NQN | -d DEV", "Connect anew with the newest TLS key, under I/O" },
	{ "disconnect", cmd_disconnect, "-n NQN | -d DEV [--force]", "Disconnect from NVMeoF subsystem" },
	{ "list", cmd_list, "[-o json]", "List all NVMe devices and namespaces on machine" },
	{ "list-subsys", cmd_list_subsys, "[-o json]", "List nvme subsystems" },
	{ "id-ctrl", cmd_id_ctrl, AT_ARGS, "Send NVMe Identify Controller" },
	{ "id-ns", cmd_id_ns, AT_ARGS, "Send NVMe Identify Namespace, display structure" },
	{ "list-ns", cmd_list_ns, AT_ARGS, "Send NVMe Identify List, display structure" },
	{ "show-regs", cmd_show_regs, AT_ARGS, "Shows the controller properties" },
	{ "read", cmd_read, AT_ARGS, "Submit a read command, return results" },
	{ "write", cmd_write, AT_ARGS, "Submit a write command, return results" },
	{ "flush", cmd_flush, AT_ARGS, "Submit a Flush command, return results" },
	{ "write-zeroes", cmd_write_zeroes, AT_ARGS, "Submit a write zeroes command, return results" },
	{ "dsm", cmd_dsm, AT_ARGS, "Submit a Data Set Management command, return results" },
	{ "perf", cmd_perf, AT_ARGS, "Load a namespace and measure it; --verify checks every byte" },
	{ "version", cmd_version, "", "Shows the program version and its providers" },
	{ "help", cmd_help, "[VERB]", "Display this help, or that of a verb" },
};
/* clang-format on */

static const struct verb *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

/* For what is wrong before there is a verb. */
static const struct verb none = { "", NULL, "", "" };

static int say_verbs(void)
{
	printf("usage: nvmetls VERB [OPTIONS]\n"
	       "NVMe/TCP over TLS 1.3 from user space. The verbs:\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("  %-18s%s\n", verbs[i].name, verbs[i].what);
	printf("See 'nvmetls help VERB' for the options of one, and nvmetls(1).\n");
	return report_flush(&(struct report){ .verb = "help" });
}

static int unknown(const char *name)
{
	return options_misuse(&none, "\"%s\" is not a verb", name);
}

static int cmd_version(const struct verb *v, int argc, char **argv)
{
	int rc = options_parse(v, NULL, 0, argc, argv);
	const char *why;
	enum loop_kind kind;

	if (rc != GO_ON)
		return rc;
	aead_setup(getenv("NVMETLS_CRYPTO"));
	kind = loop_choose(LOOP_AUTO, &why);
	printf("nvmetls %s\ncrypto: %s\ncrc32c: %s\nloop:   %s (%s)\n", NVMETLS_VERSION,
	       aead_provider(), crc32c_provider(), kind == LOOP_URING ? "uring" : "epoll", why);
	return report_flush(&(struct report){ .verb = v->name });
}

static int cmd_help(const struct verb *v, int argc, char **argv)
{
	const struct verb *of = argc > 1 ? find(argv[1]) : NULL;
	char *args[] = { argv[0], (char[]){ "--help" }, NULL };

	(void)v;
	if (argc < 2)
		return say_verbs();
	if (!of)
		return unknown(argv[1]);
	return of->run == cmd_help ? say_verbs() : of->run(of, 2, args);
}

int main(int argc, char **argv)
{
	const struct verb *v;
	char why[128];
	bool json;

	std_files_hold();
	prctl(PR_SET_DUMPABLE, 0);	/* keys must not end in a core file */
	signal(SIGPIPE, SIG_IGN);
	json = options_begin(argc, argv);
	if (argc < 2)
		return options_misuse(&none, "no verb");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return say_verbs();
	v = find(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
	if (!v)
		return unknown(argv[1]);
	if (!env_check(why, sizeof(why)))
		return options_misuse(v, "%s", why);
	interrupt_ends(v->name, json);
	return v->run(v, argc - 1, argv + 1);
}
