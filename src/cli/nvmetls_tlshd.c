/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvmetls-tlshd - shakes hands for the Linux kernel's own NVMe/TCP host and target.
 * See nvmetls-tlshd(8).
 */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/options.h"
#include "tlshd/agent.h"
#include "tlshd/conf.h"

#define STATUS_PATH   "/run/nvmetls-tlshd.sock"
#define WORKERS	      8
#define WORKERS_USER  "nobody"

static const char usage[] =
	"usage: nvmetls-tlshd [options]\n"
	"Shake hands for the Linux kernel's own NVMe/TCP host and target, in the place of tlshd.\n"
	"\n"
	"  -c, --config FILE     instead of " CONF_PATH " or " CONF_PATH_OLD "\n"
	"  -w, --workers N       handshakes at a time for hosts, and for targets; each a process, 1..64 (8)\n"
	"  -u, --user NAME       whom the workers run as (" WORKERS_USER ")\n"
	"  -n, --netns NAME      serve that network namespace (may be repeated); not this one, then\n"
	"  -k, --keystore DIR    its keys are put into .nvme ($NVMETLS_KEYSTORE or /etc/nvmetls/keys); none: no\n"
	"  -s, --stderr          accepted for tlshd's sake: the log always goes there\n"
	"  -S, --socket PATH     where --status asks (" STATUS_PATH ")\n"
	"      --status          print what the running one has done\n"
	"  -v, --version\n"
	"  -h, --help\n";

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },  { "workers", required_argument, NULL, 'w' },
	{ "user", required_argument, NULL, 'u' },    { "netns", required_argument, NULL, 'n' },
	{ "stderr", no_argument, NULL, 's' },	     { "socket", required_argument, NULL, 'S' },
	{ "keystore", required_argument, NULL, 'k' },
	{ "status", no_argument, NULL, 'q' },	     { "version", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },	     { NULL, 0, NULL, 0 },
};

struct args {
	struct agent_config agent;
	const char *config;
	bool status;
};

static int failed(const char *what, const char *why)
{
	fprintf(stderr, "nvmetls-tlshd: %s%s%s\n", what, what[0] ? ": " : "", why);
	return EXIT_FAILED;
}

static int misused(const char *why)
{
	fprintf(stderr, "nvmetls-tlshd: %s; see nvmetls-tlshd --help\n", why);
	return EXIT_USAGE;
}

static int one_option(int c, struct args *a)
{
	char *end;

	switch (c) {
	case 'c':
		a->config = optarg;
		return GO_ON;
	case 'w':
		a->agent.workers = (int)strtoul(optarg, &end, 10);
		return *end || a->agent.workers < 1 || a->agent.workers > AGENT_WORKERS_MAX ?
			       misused("--workers takes 1 to 64") : GO_ON;
	case 'u':
		a->agent.user = optarg;
		return GO_ON;
	case 'n':
		if (a->agent.netns_count == AGENT_NETNS_MAX)
			return misused("at most 16 times --netns");
		a->agent.netns[a->agent.netns_count++] = optarg;
		return GO_ON;
	case 'k':
		a->agent.keystore = optarg;
		return GO_ON;
	case 's':
		return GO_ON;
	case 'S':
		a->agent.status_path = optarg;
		return GO_ON;
	case 'q':
		a->status = true;
		return GO_ON;
	case 'v':
		printf("nvmetls-tlshd " NVMETLS_VERSION "\n");
		return EXIT_DONE;
	case 'h':
		fputs(usage, stdout);
		return EXIT_DONE;
	default:
		return EXIT_USAGE;
	}
}

static int read_args(int argc, char **argv, struct args *a)
{
	int rc = GO_ON, c;

	while (rc == GO_ON && (c = getopt_long(argc, argv, "c:w:u:n:k:sS:vh", options, NULL)) != -1)
		rc = one_option(c, a);
	if (rc == GO_ON && optind < argc)
		rc = misused("no arguments are taken");
	if (rc == GO_ON && strlen(a->agent.status_path) > 107)
		rc = misused("--socket is too long");
	return rc;
}

/* Without root nobody can change users: what may be lost is lost already. */
static int find_user(struct agent_config *c)
{
	struct passwd *p;

	if (geteuid() != 0) {
		c->user = NULL;
		return EXIT_DONE;
	}
	p = getpwnam(c->user);
	if (!p || p->pw_uid == 0)
		return failed(c->user, p ? "the workers are not to be root" : "there is no such user");
	c->uid = p->pw_uid;
	c->gid = p->pw_gid;
	return EXIT_DONE;
}

static void use_conf(struct agent_config *c, const struct conf *conf)
{
	memcpy(c->keyrings, conf->keyrings, sizeof(c->keyrings));
	c->keyring_count = conf->keyring_count;
	log_set_level(conf->loglevel == 0 ? LOG_NOTICE : conf->loglevel < 7 ? LOG_INFO : LOG_DEBUG);
}

int main(int argc, char **argv)
{
	struct args a = {
		.agent = { .workers = WORKERS, .user = WORKERS_USER, .status_path = STATUS_PATH }
	};
	char error[512];
	struct conf conf;
	int rc = read_args(argc, argv, &a);

	if (rc != GO_ON)
		return rc;
	log_set_program("nvmetls-tlshd");
	if (a.status) {
		rc = agent_status(a.agent.status_path);
		return rc ? failed("no running nvmetls-tlshd answers", strerror(-rc)) : EXIT_DONE;
	}
	if (conf_load(a.config, &conf, error, sizeof(error)) != 0)
		return failed("", error);
	use_conf(&a.agent, &conf);
	if (find_user(&a.agent) != EXIT_DONE)
		return EXIT_FAILED;
	if (agent_run(&a.agent, error, sizeof(error)) != 0)
		return failed("", error);
	return EXIT_DONE;
}
