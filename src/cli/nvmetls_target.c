/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvmetls-target - exports files, block devices and memory as NVMe namespaces over TLS.
 *
 * The main thread only reads options, builds the node and waits for signals; the loops
 * run in threads of their own. See nvmetls-target(8).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/log.h"
#include "cli/std_files.h"
#include "cli/target_options.h"
#include "cli/target_report.h"
#include "crypto/aead.h"
#include "daemon/node.h"
#include "loop/loop.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct running {
	struct loops *loops;
	struct world *worlds[64];
	struct key_watch *keys;
	struct node *node;
	struct world_post stop_post;
	uint64_t grace_ns;
};

static int failed(const char *what, const char *why)
{
	fprintf(stderr, "nvmetls-target: %s%s%s\n", what, what[0] ? ": " : "", why);
	return EXIT_FAILED;
}

static bool has_tls_port(const struct target_options *o)
{
	for (size_t i = 0; i < o->tree.port_count; i++)
		if (o->tree.ports[i].addr_tsas_tls13)
			return true;
	return false;
}

/*
 * The key store of a target with TLS ports must be readable. A store without any key cannot serve
 * anybody: say so at the start, do not refuse; keys may come later.
 */
static int check_keys(struct key_watch *keys)
{
	struct keytable *t;
	char why[1024];

	if (key_watch_check(keys, why, sizeof(why)))
		return failed("key store", why);
	t = key_watch_pin(keys);
	if (keytable_count(t) == 0)
		log_warn("no TLS keys in the key store %s yet; insert one with: nvmetls check-tls-key -i",
			 key_watch_dir(keys));
	keytable_unref(t);
	return EXIT_DONE;
}

static int start(struct running *r, const struct target_options *o)
{
	char why[512];
	int rc;

	aead_setup(getenv("NVMETLS_CRYPTO"));
	if (loops_new(&o->loops, &r->loops, why, sizeof(why)))
		return failed("", why);
	for (uint32_t i = 0; i < loops_count(r->loops); i++)
		r->worlds[i] = loops_world(r->loops, i);
	r->keys = key_watch_new(o->keystore, o->both_derivations);
	if (!r->keys)
		return failed("key store", "out of memory");
	if (has_tls_port(o) && check_keys(r->keys) != EXIT_DONE)
		return EXIT_FAILED;
	rc = node_new(&o->node, &o->tree, r->keys, r->worlds, loops_count(r->loops), &r->node, why,
		      sizeof(why));
	if (rc)
		return failed("", why);
	if (o->addr_file && !target_write_addr_file(r->node, o->addr_file))
		return EXIT_FAILED;
	for (size_t i = 0; node_listen_addr(r->node, i)[0]; i++)
		log_notice("listening on %s", node_listen_addr(r->node, i));
	rc = loops_spawn(r->loops);
	return rc ? failed("threads", strerror(-rc)) : EXIT_DONE;
}

static void stopped(void *ctx)
{
	loops_stop(((struct running *)ctx)->loops);
}

static void stop_on_control(struct world *w, struct world_post *p)
{
	struct running *r = (struct running *)((char *)p - offsetof(struct running, stop_post));

	(void)w;
	node_stop(r->node, r->grace_ns, stopped, r);
}

/* Serve until SIGTERM or SIGINT, then ask for an orderly end. */
static void wait_for_end(struct running *r, const sigset_t *signals)
{
	int sig;

	while (sigwait(signals, &sig) == 0 && sig != SIGTERM && sig != SIGINT)
		if (sig == SIGUSR1)
			target_report(r->node, r->worlds, loops_count(r->loops));
	log_notice("stopping");
	r->stop_post.run = stop_on_control;
	world_post(r->worlds[0], &r->stop_post);
}

static void finish(struct running *r, const struct target_options *o)
{
	if (r->node && o->stats)
		target_report(r->node, r->worlds, loops_count(r->loops));
	if (r->node)
		node_free(r->node);
	key_watch_free(r->keys);
	if (r->loops)
		loops_free(r->loops);
}

int main(int argc, char **argv)
{
	struct target_options o;
	struct running r = { .loops = NULL };
	sigset_t signals;
	int rc;

	std_files_hold();
	log_set_program("nvmetls-target");
	prctl(PR_SET_DUMPABLE, 0);	/* key bytes must not end in a core file */
	rc = target_options_parse(&o, argc, argv);
	if (rc >= 0)
		return rc;
	signal(SIGPIPE, SIG_IGN);	/* standard error may be a pipe that nobody reads any more */
	signal(SIGXFSZ, SIG_IGN);	/* a file size limit is an error of one write */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);	/* threads inherit it */
	r.grace_ns = 5 * NS_PER_SEC;
	rc = start(&r, &o);
	if (rc == EXIT_DONE) {
		wait_for_end(&r, &signals);
		pthread_sigmask(SIG_UNBLOCK, &signals, NULL);	/* a second signal ends at once */
		loops_join(r.loops);
	}
	finish(&r, &o);
	target_options_free(&o);
	return rc;
}
