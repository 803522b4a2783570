/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvmetls-host - keeps a connection and shows its namespaces as devices. Started by nvmetls connect,
 * or by a service manager; see nvmetls-host(8).
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "cli/address.h"
#include "cli/std_files.h"
#include "daemon/hostd.h"

#define RECONNECT_DELAY_S 10

struct host_options {
	struct address a;
	bool loop, log_file;
	uint64_t ready_fd;	/* 0: none */
};

#define AT(member) offsetof(struct host_options, member)

static const struct opt own_opts[] = {
	{ "loop", 0, OPT_FLAG, AT(loop), NULL, "attach a loop device to each namespace (root)", 0, 0 },
	{ "log-file", 0, OPT_FLAG, AT(log_file), NULL, "log to nvmeX.log instead of standard error", 0, 0 },
	{ "ready-fd", 0, OPT_NUMBER, AT(ready_fd), "FD", "tell there when the devices exist, or why not", 3, 1023 },
};

static int run(const struct verb *v, int argc, char **argv)
{
	struct host_options o = { .a = ADDRESS_INIT };
	const struct opt_set sets[] = { { own_opts, ARRAY_SIZE(own_opts), &o },
					OPTIONS_RECOVERY(&o.a),
					OPTIONS_ADDRESS(&o.a) };
	struct hostd_config c = { .ready_fd = -1 };
	struct nvmetls_error e;
	struct report r = { .verb = "host" };
	int rc = options_parse(v, sets, ARRAY_SIZE(sets), argc, argv);

	if (o.a.reconnect_delay_s == 0)
		o.a.reconnect_delay_s = RECONNECT_DELAY_S;
	if (rc == GO_ON)
		rc = address_check(v, &o.a, false, &c.options);
	if (rc == GO_ON && o.ready_fd && fcntl((int)o.ready_fd, F_GETFD) < 0)
		rc = options_misuse(v, "--ready-fd: %d is not open", (int)o.ready_fd);
	if (rc != GO_ON)
		return rc;
	c.loop = o.loop;
	c.log_file = o.log_file;
	c.ready_fd = o.ready_fd ? (int)o.ready_fd : -1;
	memset(&e, 0, sizeof(e));
	rc = hostd_run(&c, &e) == 0 ? EXIT_DONE : EXIT_FAILED;
	if (rc == EXIT_FAILED && c.ready_fd < 0)
		report_error(&r, &e);
	address_done(&o.a);
	return rc;
}

int main(int argc, char **argv)
{
	static const struct verb v = { "nvmetls-host", run,
				       "-t tcp -a ADDR -s PORT -n NQN [--tls] [OPTIONS]",
				       "Connect and show the namespaces as devices" };
	sigset_t signals;

	std_files_hold();
	log_set_program("nvmetls-host");
	prctl(PR_SET_DUMPABLE, 0);	/* keys must not end in a core file */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);	/* threads inherit it */
	return run(&v, argc, argv);
}
