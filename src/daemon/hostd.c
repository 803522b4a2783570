/* SPDX-License-Identifier: BSD-3-Clause */
#include "daemon/hostd.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/log.h"
#include "daemon/hostd_impl.h"
#include "daemon/users.h"

#define WORKERS_MAX    4
#define SLOTS	       64	/* requests under way per worker */
#define FLUSH_MS       30000
#define LOOP_CLOSE_MS  2000

static int say(struct nvmetls_error *e, int err, const char *cause, const char *hint,
	       const char *format, ...) __attribute__((format(printf, 5, 6)));

static int say(struct nvmetls_error *e, int err, const char *cause, const char *hint,
	       const char *format, ...)
{
	va_list args;

	memset(e, 0, sizeof(*e));
	e->err = err;
	snprintf(e->cause, sizeof(e->cause), "%s", cause);
	snprintf(e->hint, sizeof(e->hint), "%s", hint);
	va_start(args, format);
	vsnprintf(e->message, sizeof(e->message), format, args);
	va_end(args);
	return err;
}

/* ---- start ---- */

static int claim(struct hostd *h, struct nvmetls_error *e)
{
	char why[256], path[RUN_PATH_MAX];
	int rc = run_dir_open(&h->dir, true, why, sizeof(why));

	if (rc)
		return say(e, rc, "os-error",
			   geteuid() ? "set XDG_RUNTIME_DIR to a directory of your own" : "", "%s", why);
	h->lock_fd = run_claim(&h->dir, &h->x);
	if (h->lock_fd < 0)
		return say(e, h->lock_fd, "os-error", "", "%s: %s", h->dir.path,
			   strerror(-h->lock_fd));
	snprintf(h->name, sizeof(h->name), "nvme%u", h->x);
	run_path(&h->dir, h->x, ".sock", path);
	h->control_fd = control_listen(path);
	if (h->control_fd < 0)
		return say(e, h->control_fd, "os-error", "", "%s: %s", path,
			   strerror(-h->control_fd));
	return 0;
}

/* From here on what is to be said goes to nvmeX.log. */
static void log_to_file(struct hostd *h)
{
	char path[RUN_PATH_MAX];
	int fd;

	run_path(&h->dir, h->x, ".log", path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	dup2(fd, STDERR_FILENO);
	dup2(fd, STDOUT_FILENO);
	close(fd);
}

/* fusermount3 talks to standard error only; say before it what it will not like. */
static int check_fuse(struct nvmetls_error *e)
{
	if (access("/dev/fuse", F_OK) != 0)
		return say(e, -ENODEV, "fuse-missing", "as root: modprobe fuse",
			   "there is no /dev/fuse");
	if (access("/dev/fuse", R_OK | W_OK) != 0)
		return say(e, -EACCES, "fuse-refused",
			   "connect as root, or let this user open /dev/fuse",
			   "this user may not open /dev/fuse");
	return 0;
}

static void set_owner(struct fuse_disk *d)
{
	struct group *disk = geteuid() == 0 ? getgrnam("disk") : NULL;

	d->uid = geteuid();
	d->gid = disk ? disk->gr_gid : getegid();
	d->others = geteuid() == 0;
	d->mode = geteuid() == 0 ? 0660 : 0600;	/* as the kernel's block devices */
}

int hostd_mount(struct hostd *h, struct hostd_device *d, struct nvmetls_error *e)
{
	char why[400];
	int fd, rc;

	fd = open(d->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return say(e, -errno, "os-error", "", "%s: %s", d->path, strerror(errno));
	close(fd);
	d->fuse.path = d->path;
	d->fuse.name = d->name;
	d->fuse.background = h->info.io_queues * SLOTS;
	set_owner(&d->fuse);
	rc = fuse_disk_mount(&d->fuse, why, sizeof(why));
	if (rc)
		return say(e, rc, "fuse-mount",
			   geteuid() ? "see that the package fuse3 is installed, and dmesg" : "see dmesg",
			   "%s", why);
	return 0;
}

static int start_devices(struct hostd *h, struct nvmetls_error *e)
{
	struct fuse_disk *disks[HOSTD_DEVICES_MAX];
	struct fuse_pool_config pc = {
		.device = &h->device,
		.disks = disks,
		.workers = h->info.io_queues,
		.slots = SLOTS,
		.spin_us = h->c.options.spin_us,
	};
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < h->count; i++) {
		rc = hostd_mount(h, &h->devices[i], e);
		disks[pc.disk_count++] = &h->devices[i].fuse;
	}
	if (rc)
		return rc;
	rc = fuse_pool_new(&pc, &h->pool);
	if (rc)
		return say(e, rc, "os-error", "", "threads: %s", strerror(-rc));
	return 0;
}

static int start_loops(struct hostd *h, struct nvmetls_error *e)
{
	for (unsigned int i = 0; h->c.loop && i < h->count; i++) {
		struct hostd_device *d = &h->devices[i];
		int rc = loopdev_attach(d->path, d->fuse.disk.ns.block_bytes, d->loop);

		if (rc) {
			d->loop[0] = '\0';
			return say(
				e, rc, "loop-device",
				"leave out --loop, or see that this is root and the kernel has loop devices",
				"no loop device for %s: %s", d->name, strerror(-rc));
		}
		log_notice("%s is %s", d->loop, d->name);
	}
	return 0;
}

static void look_again(struct hostd *h)
{
	uint64_t one = 1;

	if (write(h->changed_fd, &one, sizeof(one)) != sizeof(one))
		log_error("%s: %s", h->name, strerror(errno));
}

/* From the library's thread. Attempts that fail as the one before are not told again. */
static void connection_event(void *user, const struct nvmetls_event *ev)
{
	struct hostd *h = user;
	const char *why = ev->error.message;

	switch (ev->kind) {
	case NVMETLS_EVENT_LOST:
		log_warn("the connection is lost: %s; I/O waits until it is back", why);
		break;
	case NVMETLS_EVENT_RETRY_FAILED:
		if (strcmp(h->last_cause, ev->error.cause) != 0)
			log_warn("connecting again: %s%s%s", why, ev->error.hint[0] ? "; " : "",
				 ev->error.hint);
		break;
	case NVMETLS_EVENT_IO_FAILS:
		log_warn("still lost: I/O fails until it is back");
		break;
	case NVMETLS_EVENT_RECONNECTED:
		log_notice("connected again");
		look_again(h);	/* there may be more namespaces */
		break;
	case NVMETLS_EVENT_GIVEN_UP:
		log_error("given up: %s; I/O fails until it is disconnected and connected anew", why);
		break;
	case NVMETLS_EVENT_NS_CHANGED:
		log_notice("%s", why);
		look_again(h);
		break;
	case NVMETLS_EVENT_NS_REFUSED:
		log_error("%s; nothing is read from it or written to it", why);
		break;
	}
	snprintf(h->last_cause, sizeof(h->last_cause), "%s",
		 ev->kind == NVMETLS_EVENT_RETRY_FAILED ? ev->error.cause : "");
}

static uint16_t default_queues(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return (uint16_t)(n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : n);
}

static int start(struct hostd *h, struct nvmetls_error *e)
{
	int rc = check_fuse(e);

	if (rc == 0)
		rc = claim(h, e);
	if (rc)
		return rc;
	if (h->c.log_file)
		log_to_file(h);
	if (h->c.options.io_queues == 0)
		h->c.options.io_queues = default_queues();
	h->c.options.serve = NVMETLS_SERVE_CALLER;
	h->c.options.notify = connection_event;
	h->c.options.notify_user = h;
	rc = nvmetls_connect(&h->c.options, &h->conn, e);
	if (rc)
		return rc;
	nvmetls_get_info(h->conn, &h->info);
	device_of(h->conn, &h->device);
	rc = hostd_identify(h);
	if (rc)
		return say(e, rc, rc > 0 ? "nvme-status" : "os-error", "see the target's log",
			   "Identify failed: %s%#x", rc > 0 ? "status " : "", (unsigned int)abs(rc));
	rc = start_devices(h, e);
	if (rc == 0)
		rc = start_loops(h, e);
	/* everything that I/O needs is there now; without the right or the limit it may be paged out */
	if (rc == 0 && mlockall(MCL_CURRENT) != 0)
		log_info("memory is not locked: %s", strerror(errno));
	return rc;
}

/* ---- the end ---- */

static int refuse_users(struct hostd_device *d, struct nvmetls_error *e)
{
	unsigned int expected = d->loop[0] ? 1 : 0, opens = atomic_load(&d->fuse.opens), found;
	char who[256];

	found = users_find(d->path, d->loop, who, sizeof(who));
	if (opens <= expected && (!d->loop[0] || found == 0))
		return 0;
	return say(e, -EBUSY, "device-busy", "end or unmount it, or disconnect with --force",
		   "%s is in use: %s", d->name, found ? who : "opened by processes that this user cannot see");
}

static int detach_loop(struct hostd_device *d, struct nvmetls_error *e)
{
	int rc = d->loop[0] ? loopdev_detach(d->loop) : 0;

	if (rc)
		return say(e, rc, "device-busy", "unmount it, or disconnect with --force",
			   "%s on %s is in use: %s", d->loop, d->name, strerror(-rc));
	/* it is let go of when the last one closes it */
	for (int i = 0; d->loop[0] && atomic_load(&d->fuse.opens) && i < LOOP_CLOSE_MS / 10; i++)
		poll(NULL, 0, 10);
	d->loop[0] = '\0';
	return 0;
}

static int flush_all(struct hostd *h, struct nvmetls_error *e)
{
	struct nvmetls_error why;
	int rc;

	/* nothing more can be done for what was written; who synced it has been told */
	if (nvmetls_state(h->conn, &why)) {
		log_warn("ending without a flush: %s", why.message);
		return 0;
	}
	rc = fuse_pool_flush(h->pool, FLUSH_MS);

	return rc ? say(e, rc, "flush-failed", "disconnect with --force gives up what was not flushed",
			"the flush failed: %s", strerror(-rc)) : 0;
}

/* May it end? Then it will, after this request was answered. */
static int disconnect(struct hostd *h, bool force, struct nvmetls_error *e)
{
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < h->count; i++)
		rc = refuse_users(&h->devices[i], e);
	for (unsigned int i = 0; (rc == 0 || force) && i < h->count; i++)
		rc = detach_loop(&h->devices[i], e);
	if (rc == 0 || force)
		rc = flush_all(h, e);
	h->end = rc == 0 || force;
	return force ? 0 : rc;
}

static void tell_ready(struct hostd *h, struct json_object *o)
{
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);

	if (h->c.ready_fd >= 0) {
		dprintf(h->c.ready_fd, "%s\n", text);
		close(h->c.ready_fd);
	}
	h->c.ready_fd = -1;
	json_object_put(o);
}

static void stop(struct hostd *h)
{
	/* what is under way is given back by the disconnect, and answered */
	fuse_pool_stop(h->pool);
	for (unsigned int i = 0; i < h->count; i++)
		if (h->devices[i].loop[0])
			loopdev_detach(h->devices[i].loop);
	nvmetls_disconnect(h->conn);
	fuse_pool_free(h->pool);
	for (unsigned int i = 0; i < h->count; i++) {
		fuse_disk_unmount(&h->devices[i].fuse);
		disk_free(&h->devices[i].fuse.disk);
	}
	if (h->control_fd >= 0)
		close(h->control_fd);
	if (h->lock_fd >= 0)
		run_leave(&h->dir, h->x, h->lock_fd);
	close(h->signal_fd);
	close(h->changed_fd);
	free(h->devices);
}

/* ---- between ---- */

static struct json_object *reconnect(struct hostd *h, struct nvmetls_error *e)
{
	struct nvmetls_info info;
	struct json_object *o;

	if (nvmetls_reconnect(h->conn, e))
		return hostd_error(e);
	nvmetls_get_info(h->conn, &info);
	log_notice("reconnected on request%s%s", info.identity[0] ? ", " : "", info.identity);
	o = json_object_new_object();
	json_object_object_add(o, "done", json_object_new_boolean(true));
	json_object_object_add(o, "identity", json_object_new_string(info.identity));
	return o;
}

static void answer_one(struct hostd *h)
{
	struct nvmetls_error e;
	char request[128];
	struct json_object *o;
	int fd = control_accept(h->control_fd, request, sizeof(request));

	if (fd < 0)
		return;
	if (strcmp(request, "info") == 0) {
		control_answer(fd, hostd_info(h));
		return;
	}
	memset(&e, 0, sizeof(e));
	if (strcmp(request, "reconnect") == 0) {
		control_answer(fd, reconnect(h, &e));
		return;
	}
	if (strcmp(request, "disconnect") != 0 && strcmp(request, "disconnect force") != 0)
		say(&e, -EINVAL, "request-unknown", "", "this nvmetls-host does not know that request");
	else if (disconnect(h, strchr(request, ' ') != NULL, &e) == 0) {
		/* answered when everything is gone: who asked may connect again at once */
		log_notice("disconnected on request");
		o = json_object_new_object();
		json_object_object_add(o, "done", json_object_new_boolean(true));
		stop(h);
		control_answer(fd, o);
		return;
	}
	control_answer(fd, hostd_error(&e));
}

static void serve(struct hostd *h)
{
	struct pollfd p[] = { { h->control_fd, POLLIN, 0 },
			      { h->signal_fd, POLLIN, 0 },
			      { h->changed_fd, POLLIN, 0 } };
	struct nvmetls_error e;

	while (!h->end) {
		poll(p, 3, -1);
		if (p[1].revents) {
			log_notice("stopping");
			if (flush_all(h, &e))
				log_error("%s", e.message);
			stop(h);
			return;
		}
		if (p[2].revents)
			hostd_follow(h);
		if (p[0].revents)
			answer_one(h);
	}
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int hostd_run(const struct hostd_config *c, struct nvmetls_error *e)
{
	struct hostd h = { .c = *c, .lock_fd = -1, .control_fd = -1 };
	int rc;

	h.signal_fd = open_signals();
	h.changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	h.devices = calloc(HOSTD_DEVICES_MAX, sizeof(*h.devices));
	rc = h.devices ? start(&h, e) : say(e, -ENOMEM, "no-memory", "", "out of memory");
	if (rc) {
		tell_ready(&h, hostd_error(e));
		stop(&h);
		return rc;
	}
	if (h.c.log_file && chdir("/") != 0)	/* in the background: hold no directory */
		log_info("/: %s", strerror(errno));
	tell_ready(&h, hostd_info(&h));
	log_notice("%s: %u device(s) of %s", h.name, h.count, h.c.options.subsysnqn);
	serve(&h);
	return 0;
}
