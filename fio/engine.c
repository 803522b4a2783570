/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fio I/O engine on libnvmetls: NVMe/TCP, plain or over TLS 1.3, without a kernel module.
 *
 *	ioengine=external:/path/to/libfio-nvmetls.so
 *
 * fio connects twice. setup() asks for the namespace's size, in fio's first process and before jobs
 * are made of it; init() makes a job's own connection with one I/O queue, in the job's process or
 * thread, which serves the queue itself (NVMETLS_SERVE_CALLER): no other thread touches the I/O.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fio.h"
#include "optgroup.h"

#include <nvmetls.h>

#define QUEUE_SIZE_MIN 16
#define QUEUE_SIZE_MAX 1024
#define LINE_MAX_BYTES 256

struct options {
	void *pad; /* fio takes offset 0 for "no offset" */
	char *traddr, *trsvcid, *subsysnqn, *hostnqn, *hostid;
	char *keystore, *tls_key_file;
	unsigned int nsid, tls, tls_identity, tls_compat;
	unsigned int hdr_digest, data_digest, fua, poll_us;
};

#define OPTION(NAME, TYPE, HELP, ...)                                                     \
	{                                                                                 \
		.name = #NAME, .lname = #NAME, .type = FIO_OPT_##TYPE, .help = HELP,      \
		.off1 = offsetof(struct options, NAME), .category = FIO_OPT_C_ENGINE,     \
		.group = FIO_OPT_G_INVALID, __VA_ARGS__                                   \
	}

static struct fio_option options[] = {
	OPTION(traddr, STR_STORE, "Address of the target", .def = "127.0.0.1"),
	OPTION(trsvcid, STR_STORE, "Port of the target", .def = "4420"),
	OPTION(subsysnqn, STR_STORE, "NQN of the subsystem"),
	OPTION(hostnqn, STR_STORE, "NQN of this host; default as nvmetls connect"),
	OPTION(hostid, STR_STORE, "ID of this host; default as nvmetls connect"),
	OPTION(nsid, INT, "Namespace", .def = "1"),
	OPTION(tls, BOOL, "TLS 1.3 with a PSK", .def = "0"),
	OPTION(keystore, STR_STORE, "Key store directory; default as nvmetls"),
	OPTION(tls_key_file, STR_STORE, "File with a TLS PSK in interchange form, instead of the key store"),
	OPTION(tls_identity, INT, "With tls_key_file: version of the PSK identity, 0 or 1", .def = "1",
	       .maxval = 1),
	OPTION(tls_compat, BOOL, "With tls_key_file: derive as libnvme before 1.16", .def = "0"),
	OPTION(hdr_digest, BOOL, "Header digests", .def = "0"),
	OPTION(data_digest, BOOL, "Data digests", .def = "0"),
	OPTION(fua, BOOL, "Force Unit Access on every write", .def = "0"),
	OPTION(poll_us, INT, "Spin for so long before sleeping", .def = "50"),
	{ .name = NULL },
};

struct job {
	struct nvmetls *c;
	struct nvmetls_queue *q;
	struct nvmetls_ns ns;
	unsigned int fua;
	bool failed; /* it was said why */
	/* completed io_us: a ring of iodepth; fio has been given @given from @head on */
	struct io_u **ring;
	unsigned int size, head, count, given;
};

/* One per io_u, its engine_data. */
struct request {
	struct nvmetls_io io;
	struct job *job;
};

/* ---- connecting ---- */

/* The first line of a file, to be wiped and freed; NULL: it was said why not. */
static char *key_line(const char *path)
{
	char line[LINE_MAX_BYTES] = "", *ret = NULL;
	FILE *f = fopen(path, "re");

	if (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, " \t\r\n")] = '\0';
		ret = strdup(line);
	}
	if (!ret)
		log_err("fio: nvmetls: tls_key_file %s: %s\n", path,
			f && !ferror(f) ? "it is empty" : strerror(errno));
	explicit_bzero(line, sizeof(line));
	if (f)
		fclose(f);
	return ret;
}

static void wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

static void report(const struct nvmetls_error *e)
{
	log_err("fio: nvmetls: %s%s%s\n", e->message, e->hint[0] ? "; " : "", e->hint);
}

static unsigned int queue_size(const struct thread_data *td)
{
	unsigned int want = td->o.iodepth + 1; /* a queue holds one command less than it has entries */

	return want < QUEUE_SIZE_MIN ? QUEUE_SIZE_MIN : want > QUEUE_SIZE_MAX ? QUEUE_SIZE_MAX : want;
}

/* @io_queues: 0 or 1. 0, or a positive errno and it was said why. */
static int open_controller(struct thread_data *td, uint16_t io_queues, struct nvmetls **ret,
			   struct nvmetls_ns *ret_ns)
{
	const struct options *o = td->eo;
	struct nvmetls_options n = NVMETLS_OPTIONS_INIT;
	struct nvmetls_error e;
	char *key = NULL;
	int rc;

	if (!o->subsysnqn || !o->subsysnqn[0]) {
		log_err("fio: nvmetls: subsysnqn is missing: the NQN of the subsystem to connect to\n");
		return EINVAL;
	}
	if (o->tls_key_file && !(key = key_line(o->tls_key_file)))
		return EINVAL;
	n.traddr = o->traddr;
	n.trsvcid = o->trsvcid;
	n.subsysnqn = o->subsysnqn;
	n.hostnqn = o->hostnqn;
	n.hostid = o->hostid;
	n.tls = o->tls ? NVMETLS_TLS_REQUIRED : NVMETLS_TLS_OFF;
	n.keystore = o->keystore;
	n.tls_key = key;
	n.tls_identity = (int)o->tls_identity;
	n.tls_compat = o->tls_compat;
	n.hdr_digest = o->hdr_digest;
	n.data_digest = o->data_digest;
	n.spin_us = o->poll_us;
	n.io_queues = io_queues;
	n.queue_size = (uint16_t)queue_size(td);
	n.serve = NVMETLS_SERVE_CALLER;
	rc = nvmetls_connect(&n, ret, &e);
	wipe(key);
	if (rc) {
		report(&e);
		return e.err < 0 ? -e.err : EIO;
	}
	rc = nvmetls_namespace(*ret, o->nsid, ret_ns);
	if (rc == 0)
		return 0;
	log_err("fio: nvmetls: %s: no namespace %u (%s); nvmetls list-ns shows what there is\n",
		o->subsysnqn, o->nsid, rc < 0 ? strerror(-rc) : "the controller refuses it");
	nvmetls_disconnect(*ret);
	return rc < 0 ? -rc : ENXIO;
}

/* Does the job ask for what the namespace and the controller do? */
static int check_sizes(struct thread_data *td, struct nvmetls *c, const struct nvmetls_ns *ns)
{
	struct nvmetls_info info;

	nvmetls_get_info(c, &info);
	for (int d = 0; d < DDIR_RWDIR_CNT; d++) {
		if (td->o.min_bs[d] % ns->block_bytes) {
			log_err("fio: nvmetls: bs=%llu is not a multiple of the namespace's blocks of %u bytes\n",
				td->o.min_bs[d], ns->block_bytes);
			return EINVAL;
		}
		if (d != DDIR_TRIM && td->o.max_bs[d] > info.mdts_bytes) {
			log_err("fio: nvmetls: bs=%llu is larger than the controller's largest transfer (MDTS), %u bytes\n",
				td->o.max_bs[d], info.mdts_bytes);
			return EINVAL;
		}
	}
	if (td->o.iodepth > info.queue_size - 1u && info.io_queues)
		log_info("fio: nvmetls: the queue holds %u commands, less than iodepth=%u\n",
			 info.queue_size - 1u, td->o.iodepth);
	return 0;
}

/* The connection's size; runs before jobs are made. */
static int engine_setup(struct thread_data *td)
{
	struct nvmetls_ns ns;
	struct nvmetls *c;
	int rc;

	if (!td->files_index) { /* there is no file, but fio wants one */
		add_file(td, "nvmetls", 0, 0);
		td->o.nr_files = td->o.nr_files ? td->o.nr_files : 1;
		td->o.open_files++;
	}
	rc = open_controller(td, 0, &c, &ns);
	if (rc)
		return rc;
	rc = check_sizes(td, c, &ns);
	td->files[0]->real_file_size = ns.blocks * ns.block_bytes;
	nvmetls_disconnect(c);
	return rc;
}

static int engine_init(struct thread_data *td)
{
	struct job *j = calloc(1, sizeof(*j));
	int rc;

	if (!j)
		return ENOMEM;
	td->io_ops_data = j;
	j->size = td->o.iodepth;
	j->fua = ((struct options *)td->eo)->fua;
	j->ring = calloc(j->size, sizeof(*j->ring));
	if (!j->ring)
		return ENOMEM;
	rc = open_controller(td, 1, &j->c, &j->ns);
	if (rc)
		return rc;
	j->q = nvmetls_get_queue(j->c, 0);
	return check_sizes(td, j->c, &j->ns);
}

static void engine_cleanup(struct thread_data *td)
{
	struct job *j = td->io_ops_data;

	if (!j)
		return;
	nvmetls_disconnect(j->c);
	free(j->ring);
	free(j);
	td->io_ops_data = NULL;
}

/* ---- I/O ---- */

/* Why, once a job: what follows is the same. */
static void explain(struct job *j, const struct io_u *u, int status)
{
	struct nvmetls_error e = { 0 };

	if (j->failed)
		return;
	j->failed = true;
	if (nvmetls_state(j->c, &e))
		report(&e);
	else if (status > 0)
		log_err("fio: nvmetls: %s of %llu bytes at %llu: NVMe status %03xh; see the target's log\n",
			io_ddir_name(u->ddir), u->xfer_buflen, u->offset, (unsigned int)status);
	else
		log_err("fio: nvmetls: %s of %llu bytes at %llu: %s\n", io_ddir_name(u->ddir),
			u->xfer_buflen, u->offset, strerror(-status));
}

static void done(struct nvmetls_io *io, int status)
{
	struct request *r = (struct request *)io;
	struct job *j = r->job;
	struct io_u *u = io->user;

	u->error = status == 0 ? 0 : status < 0 ? -status : EIO;
	if (u->error)
		explain(j, u, status);
	j->ring[(j->head + j->count++) % j->size] = u;
}

/* The command for @u, or -1: there is none. */
static int operation(enum fio_ddir ddir)
{
	switch (ddir) {
	case DDIR_READ:
		return NVMETLS_READ;
	case DDIR_WRITE:
		return NVMETLS_WRITE;
	case DDIR_TRIM:
		return NVMETLS_DEALLOCATE;
	case DDIR_SYNC:
	case DDIR_DATASYNC:
		return NVMETLS_FLUSH;
	default:
		return -1;
	}
}

static enum fio_q_status engine_queue(struct thread_data *td, struct io_u *u)
{
	struct request *r = u->engine_data;
	struct job *j = td->io_ops_data;
	int op = operation(u->ddir), rc;

	fio_ro_check(td, u);
	r->job = j;
	r->io.op = (enum nvmetls_op)op;
	r->io.flags = j->fua && u->ddir == DDIR_WRITE ? NVMETLS_FUA : 0;
	r->io.nsid = j->ns.nsid;
	r->io.slba = u->offset / j->ns.block_bytes;
	r->io.blocks = (uint32_t)(u->xfer_buflen / j->ns.block_bytes);
	r->io.buf = u->xfer_buf;
	r->io.done = done;
	r->io.user = u;
	if (op < 0 || (op != NVMETLS_FLUSH && (u->offset | u->xfer_buflen) % j->ns.block_bytes))
		rc = -EINVAL;
	else
		rc = nvmetls_submit(j->q, &r->io);
	if (rc == 0)
		return FIO_Q_QUEUED;
	if (rc == -EAGAIN)
		return FIO_Q_BUSY;
	u->error = -rc;
	explain(j, u, rc);
	return FIO_Q_COMPLETED;
}

/*
 * fio takes completions one by one and queues one command for each, by default. As long as there are
 * some, nothing is sent: then all that was queued goes in one batch.
 */
static int engine_getevents(struct thread_data *td, unsigned int min, unsigned int max,
			    const struct timespec *t)
{
	int timeout_ms = t ? (int)(t->tv_sec * 1000 + t->tv_nsec / 1000000) : -1;
	struct job *j = td->io_ops_data;

	j->head = (j->head + j->given) % j->size;
	j->count -= j->given;
	j->given = 0;
	if (min == 0 && j->count == 0)
		timeout_ms = 0;
	while (j->count < min || (min == 0 && j->count == 0)) {
		int rc = nvmetls_poll(j->q, timeout_ms);

		if (rc < 0)
			return rc;
		if (timeout_ms >= 0)
			break;
	}
	j->given = j->count < max ? j->count : max;
	return (int)j->given;
}

static struct io_u *engine_event(struct thread_data *td, int event)
{
	struct job *j = td->io_ops_data;

	return j->ring[(j->head + (unsigned int)event) % j->size];
}

static int engine_io_u_init(struct thread_data *td, struct io_u *u)
{
	u->engine_data = calloc(1, sizeof(struct request));
	return u->engine_data ? 0 : ENOMEM;
}

static void engine_io_u_free(struct thread_data *td, struct io_u *u)
{
	free(u->engine_data);
	u->engine_data = NULL;
}

/* There is no file to open, and no cache to drop. */
static int nothing(struct thread_data *td, struct fio_file *f)
{
	return 0;
}

/* fio looks this symbol up. */
struct ioengine_ops ioengine = {
	.name = "nvmetls",
	.version = FIO_IOOPS_VERSION,
	.flags = FIO_DISKLESSIO | FIO_NOEXTEND | FIO_NODISKUTIL | FIO_RAWIO,
	.setup = engine_setup,
	.init = engine_init,
	.cleanup = engine_cleanup,
	.queue = engine_queue,
	.getevents = engine_getevents,
	.event = engine_event,
	.io_u_init = engine_io_u_init,
	.io_u_free = engine_io_u_free,
	.open_file = nothing,
	.close_file = nothing,
	.invalidate = nothing,
	.options = options,
	.option_struct_size = sizeof(struct options),
};
