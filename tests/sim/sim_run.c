/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One run: a target (daemon/node) and a host (client/association) in their worlds, a random load
 * on several queues, faults, and a model that knows what every read may return.
 *
 * After a loss the host holds its commands and connects again as client/recovery says. At the end
 * everything is read back, both sides stop, and all buffers must be back.
 */
#include "sim_run.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "client/association.h"
#include "client/recovery.h"
#include "daemon/node.h"
#include "sim.h"
#include "sim_model.h"

#define DISK_BYTES   (MODEL_BLOCKS * MODEL_BLOCK)
#define OPS_MAX	     16u	/* commands in flight */
#define RUN_BLOCKS   600u	/* longest command: 300 KiB, several buffers */
#define STEPS_MAX    4000000u
#define DISK_SLOW_NS (4 * NS_PER_SEC)
#define CQT_MS	     5000
#define STALL_NS     (10 * NS_PER_SEC)
#define SUBSYS	     "nqn.test"
#define HOST	     "nqn.host"

enum op_kind { OP_READ, OP_WRITE, OP_ZEROES, OP_FLUSH, OP_KINDS };

struct run;

struct op {
	struct hcmd cmd;
	struct run *run;
	enum op_kind kind;
	bool busy, fua;
	bool held;		/* lost with its connection; to be sent again */
	uint32_t at, n;		/* blocks */
	struct iovec iov;
	uint8_t *data;
	uint32_t *snapshot;	/* FLUSH */
};

struct run {
	struct sim *sim;
	const struct sim_options *options;
	struct model model;
	char path[64];
	struct world *target_worlds[SIM_TARGET_WORLDS], *host_worlds[SIM_HOST_WORLDS];
	struct node *node;
	struct cfg_tree tree;
	struct key_watch *keys;
	struct tls_psk psk;
	struct secret psk_bytes;
	char identity[PSK_IDENTITY_LEN_MAX + 1];
	struct assoc *assoc;
	struct assoc_config assoc_config;
	struct recovery recovery;
	uint64_t look_at;	/* when recovery wants to be called */
	struct op ops[OPS_MAX];
	uint32_t ops_left, crashes_left, losses;
	uint32_t stalls_left;
	bool up, draining, finished, node_stopped, failed;
	uint32_t readback;	/* next block of the final check */
};

static void fail(struct run *r, const char *why)
{
	if (!r->failed)
		snprintf(r->model.why, sizeof(r->model.why), "%s", why);
	r->failed = true;
}

/* --- the load --- */

static uint32_t in_flight(const struct run *r)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < OPS_MAX; i++)
		n += r->ops[i].busy;
	return n;
}

static bool any_at_queue(const struct run *r)
{
	for (uint32_t i = 0; i < OPS_MAX; i++)
		if (r->ops[i].busy && !r->ops[i].held)
			return true;
	return false;
}

static void pump(struct run *r, unsigned int index);

static void op_done(struct hqueue *q, struct hcmd *c)
{
	struct op *op = container_of(c, struct op, cmd);
	struct run *r = op->run;
	bool good = !fault_is(c->why) && c->status == 0;

	(void)q;
	sim_note(r->sim, ((uint64_t)op->at << 8) | (uint64_t)op->kind << 1 | good);
	if (fault_is(c->why)) {
		op->held = true;	/* nobody else touches its blocks */
		return;
	}
	op->busy = false;
	if (op->kind != OP_FLUSH)
		model_lock(&r->model, op->at, op->n, false);
	if (good && op->kind == OP_READ && !model_check(&r->model, op->at, op->n, op->data))
		r->failed = true;
	if (good && (op->kind == OP_WRITE || op->kind == OP_ZEROES))
		model_acked(&r->model, op->at, op->n, op->fua);
	if (good && op->kind == OP_FLUSH)
		model_flush_acked(&r->model, op->snapshot);
	if (good && r->ops_left == 0 && op->kind == OP_READ && op->at == r->readback)
		r->readback += op->n;
}

static void choose(struct run *r, struct op *op)
{
	struct sim *s = r->sim;
	uint32_t weight = (uint32_t)sim_pick(s, 100);

	op->kind = weight < 40 ? OP_WRITE :
		   weight < 80 ? OP_READ :
		   weight < 90 ? OP_ZEROES :
				 OP_FLUSH;
	op->fua = (op->kind == OP_WRITE || op->kind == OP_ZEROES) && sim_pick(s, 5) == 0;
	op->n = 1 + (uint32_t)sim_pick(s, sim_pick(s, 8) ? 16 : RUN_BLOCKS);
	op->at = model_find_free(&r->model, (uint32_t)sim_pick(s, MODEL_BLOCKS), op->n);
	if (r->ops_left == 0) {	/* the end: read all of it */
		op->kind = OP_READ;
		op->n = (uint32_t)min_u64(RUN_BLOCKS, MODEL_BLOCKS - r->readback);
		op->at = r->readback;
	}
}

static void build(struct run *r, struct op *op)
{
	uint32_t bytes = op->n * MODEL_BLOCK;
	uint8_t opcode[] = { NVME_CMD_READ, NVME_CMD_WRITE, NVME_CMD_WRITE_ZEROES };

	memset(&op->cmd, 0, sizeof(op->cmd));
	if (op->kind == OP_FLUSH) {
		nvme_sqe_flush(&op->cmd.sqe, sim_pick(r->sim, 2) ? 1 : NVME_NSID_ALL);
		model_flush_begin(&r->model, op->snapshot);
	} else {
		nvme_sqe_rw(&op->cmd.sqe, opcode[op->kind], 1, op->at, op->n,
			    op->fua ? NVME_RW_FUA : 0);
		model_lock(&r->model, op->at, op->n, true);
	}
	if (op->kind == OP_WRITE || op->kind == OP_ZEROES)
		model_issue(&r->model, op->at, op->n, op->kind == OP_WRITE ? op->data : NULL);
	if (op->kind == OP_READ || op->kind == OP_WRITE) {
		op->iov = (struct iovec){ op->data, bytes };
		op->cmd.dir = op->kind == OP_READ ? HCMD_FROM_CTRL : HCMD_TO_CTRL;
		op->cmd.iov = &op->iov;
		op->cmd.iov_count = 1;
		op->cmd.len = bytes;
	}
	op->cmd.done = op_done;
}

/* Submit to queue @index, in whose world we are. */
static void pump(struct run *r, unsigned int index)
{
	struct assoc_queue *q = assoc_io(r->assoc, index);

	for (uint32_t i = 0; i < OPS_MAX; i++) {
		struct op *op = &r->ops[i];

		if (!hqueue_live(q->hq) || hqueue_room(q->hq) == 0)
			return;
		if (op->held) {
			op->held = false;
			hqueue_submit(q->hq, &op->cmd, r->sim->now);
			continue;
		}
		if (op->busy || (r->ops_left == 0 && (in_flight(r) || r->readback >= MODEL_BLOCKS)))
			continue;
		choose(r, op);
		if (op->at == UINT32_MAX && op->kind != OP_FLUSH)
			continue;
		build(r, op);
		op->busy = true;
		if (r->ops_left)
			r->ops_left--;
		hqueue_submit(q->hq, &op->cmd, r->sim->now);
	}
}

/* Every so often, in each queue's world. @b: queue index and the losses seen when it was set up. */
static void tick(struct sim *s, void *a, uint64_t b)
{
	struct run *r = a;
	unsigned int index = (unsigned int)(b & 0xff);

	if (r->losses != b >> 8 || !r->up)
		return;
	pump(r, index);
	sim_at(s, s->current, s->now + 1000 + sim_pick(s, 300000), tick, r, b);
}

/* --- the host's association --- */

static void connect_host(struct sim *s, void *a, uint64_t b);
static void act(struct run *r, unsigned int todo);

static struct world *place(void *ctx, unsigned int index)
{
	struct run *r = ctx;

	return r->host_worlds[index % SIM_HOST_WORLDS];
}

/* Commands flow from now on. */
static void resume(struct run *r)
{
	r->up = true;
	for (unsigned int i = 0; i < assoc_io_count(r->assoc); i++)
		sim_at(r->sim, sim_of(assoc_io(r->assoc, i)->w), r->sim->now, tick, r,
		       (uint64_t)r->losses << 8 | i);
}

static void lost(void *ctx, struct fault why, const char *detail)
{
	struct run *r = ctx;

	(void)detail;
	sim_note(r->sim, why.cause);
	if (r->options->verbose)
		printf("  %lu us: lost: %s (%s)\n", r->sim->now / 1000, cause_name((enum cause)why.cause), detail);
	r->up = false;
	if (!r->draining)
		act(r, recovery_event(&r->recovery, RECOVERY_LOST, r->sim->now));
}

static void up(void *ctx)
{
	struct run *r = ctx;

	act(r, recovery_event(&r->recovery, RECOVERY_UP, r->sim->now));
}

static void down(void *ctx)
{
	struct run *r = ctx;
	uint64_t quiet = assoc_quiet_ns(r->assoc);

	r->up = false;
	r->losses++;
	if (any_at_queue(r))
		fail(r, "the association is down and commands were not given back");
	assoc_free(r->assoc);
	r->assoc = NULL;
	r->finished = r->draining;
	if (r->sim->plant == PLANT_EARLY_RETRY)
		quiet = 0;
	if (!r->draining)
		act(r, recovery_down(&r->recovery, quiet, r->sim->now));
}

/* The time has come that recovery asked for, unless it has asked for another one since. */
static void recovery_due(struct sim *s, void *a, uint64_t at)
{
	struct run *r = a;
	uint64_t next;

	if (at == r->look_at && !r->draining)
		act(r, recovery_turn(&r->recovery, s->now, &next));
}

static void act(struct run *r, unsigned int todo)
{
	struct sim_world *home = sim_of(r->host_worlds[0]);
	uint64_t next;

	if (todo & RECOVERY_CONNECT)
		sim_at(r->sim, home, r->sim->now, connect_host, r, 0);
	if (todo & RECOVERY_RESUME)
		resume(r);
	if (todo & RECOVERY_GIVE_UP)
		fail(r, "recovery gave up, and was told never to");
	recovery_turn(&r->recovery, r->sim->now, &next);	/* did all that is due just now */
	if (next == WORLD_NEVER)
		return;
	r->look_at = next;
	sim_at(r->sim, home, next, recovery_due, r, next);
}

static void connect_host(struct sim *s, void *a, uint64_t b)
{
	struct run *r = a;

	(void)s;
	(void)b;
	r->assoc = assoc_new(&r->assoc_config, r->host_worlds[0]);
	assert(r->assoc);
	assoc_start(r->assoc);
}

static void host_init(struct run *r)
{
	struct assoc_config *c = &r->assoc_config;
	struct sockaddr_in *to = (void *)&c->addr;
	struct sim *s = r->sim;

	to->sin_family = AF_INET;
	to->sin_port = htons(4420);
	to->sin_addr.s_addr = htonl(0x0a000001);
	c->addr_len = sizeof(*to);
	snprintf(c->hostnqn, sizeof(c->hostnqn), HOST);
	snprintf(c->subsysnqn, sizeof(c->subsysnqn), SUBSYS);
	c->hostid[0] = 1;
	c->tls = r->options->tls;
	c->psk = r->psk;
	c->rekey_bytes = sim_pick(s, 2) ? 65536 : 0;
	c->io_queues = (uint16_t)(1 + sim_pick(s, 3));
	c->queue_size = (uint16_t)(2 + sim_pick(s, 31));
	c->kato_ms = 2000;
	c->hdgst = sim_pick(s, 2);
	c->ddgst = sim_pick(s, 2);
	if (s->plant == PLANT_FLIPPED_BIT)
		c->hdgst = c->ddgst = false;
	c->disable_sqflow = sim_pick(s, 2);
	c->connect_timeout_ns = 5 * NS_PER_SEC;
	c->await_close = true;
	c->command_timeout_ns = 20 * NS_PER_SEC;
	c->shutdown_timeout_ns = 5 * NS_PER_SEC;
	c->place = place;
	c->up = up;
	c->lost = lost;
	c->down = down;
	c->ctx = r;
	for (uint32_t i = 0; i < OPS_MAX; i++) {
		r->ops[i].run = r;
		r->ops[i].data = malloc(RUN_BLOCKS * MODEL_BLOCK);
		r->ops[i].snapshot = calloc(MODEL_BLOCKS, sizeof(uint32_t));
		assert(r->ops[i].data && r->ops[i].snapshot);
	}
}

/* --- the target --- */

static void make_key(struct run *r)
{
	struct key_entry e = { .hostnqn = HOST, .subsysnqn = SUBSYS, .identity_version = 1 };
	struct psk_owner owner = { HOST, SUBSYS };
	SECRET(retained);

	e.psk.hash = sim_pick(r->sim, 2) ? NVME_HASH_SHA256 : NVME_HASH_SHA384;
	e.psk.key.len = (uint8_t)hash_len(e.psk.hash);
	for (uint8_t i = 0; i < e.psk.key.len; i++)
		e.psk.key.bytes[i] = (uint8_t)sim_pick(r->sim, 256);
	r->keys = key_watch_fixed(keytable_new(&e, 1, false));
	assert(r->keys && !fault_is(psk_retain(&e.psk, HOST, PSK_RFC, &retained)) &&
	       !fault_is(
		       psk_identity(1, PSK_RETAINED, e.psk.hash, &retained, &owner, r->identity)) &&
	       !fault_is(psk_tls(1, PSK_RETAINED, e.psk.hash, &retained, &owner, PSK_RFC,
				 &r->psk_bytes)));
	r->psk = (struct tls_psk){ r->identity, e.psk.hash, &r->psk_bytes };
}

static void target_init(struct run *r)
{
	struct cfg_subsys *subsys = cfg_add_subsys(&r->tree, SUBSYS);
	struct cfg_namespace *ns = cfg_add_namespace(subsys);
	struct cfg_port *port = cfg_add_port(&r->tree);
	struct node_config config;
	char why[256];
	int rc;

	subsys->attr_allow_any_host = true;
	snprintf(ns->device_path, sizeof(ns->device_path), "%s", r->path);
	snprintf(port->addr_traddr, sizeof(port->addr_traddr), "10.0.0.1");
	snprintf(port->addr_trsvcid, sizeof(port->addr_trsvcid), "4420");
	port->addr_tsas_tls13 = r->options->tls;
	cfg_link(port, SUBSYS);
	node_config_init(&config);
	config.target.offer_key_update = true;
	config.target.cqt_ms = CQT_MS;
	config.record.rekey_bytes = sim_pick(r->sim, 2) ? 65536 : 0;
	config.target.capsule_data_bytes = sim_pick(r->sim, 2) ? 16384 : 4096;
	rc = node_new(&config, &r->tree, r->keys, r->target_worlds, SIM_TARGET_WORLDS, &r->node,
		      why, sizeof(why));
	if (rc)
		fprintf(stderr, "sim: %s\n", why);
	assert(rc == 0);
}

static void node_is_down(void *ctx)
{
	((struct run *)ctx)->node_stopped = true;
}

static void stop_node(struct sim *s, void *a, uint64_t b)
{
	struct run *r = a;

	(void)s;
	(void)b;
	node_stop(r->node, NS_PER_SEC, node_is_down, r);
}

/* --- faults --- */

/*
 * A flush that is sent again after a crash cannot bring back what the crash has lost: it stands for
 * what was acknowledged and is still there.
 */
static void forget_flushes(struct run *r)
{
	for (uint32_t i = 0; i < OPS_MAX; i++)
		if (r->ops[i].busy && r->ops[i].kind == OP_FLUSH)
			model_flush_begin(&r->model, r->ops[i].snapshot);
}

/* Nothing arrives for a while, long enough now and then for both ends to give the other one up. */
static void stall(struct sim *s, void *a, uint64_t b)
{
	struct run *r = a;

	(void)b;
	if (r->draining || r->ops_left == 0)
		return;
	s->stalled_until = s->now + sim_pick(s, STALL_NS);
	if (r->options->verbose)
		printf("  %lu us: nothing arrives until %lu us\n", s->now / 1000, s->stalled_until / 1000);
	if (--r->stalls_left)
		sim_at(s, s->current, s->stalled_until + sim_pick(s, NS_PER_SEC), stall, r, 0);
}

static void crash(struct sim *s, void *a, uint64_t b)
{
	struct run *r = a;

	(void)b;
	if (r->draining || r->ops_left == 0)
		return;
	if (r->options->verbose)
		printf("  %lu us: power loss\n", s->now / 1000);
	sim_disk_crash(s);
	model_crashed(&r->model);
	forget_flushes(r);
	sim_net_reset_all(s);
	if (--r->crashes_left)
		sim_at(s, s->current, s->now + sim_pick(s, NS_PER_SEC), crash, r, 0);
}

static void faults_init(struct run *r)
{
	struct sim *s = r->sim;

	r->crashes_left = (uint32_t)sim_pick(s, 4);
	if (r->options->plant == PLANT_LOST_FLUSH || r->options->plant == PLANT_LOST_FUA)
		r->crashes_left = 3;
	if (sim_pick(s, 2))
		s->faults.reset_ppm = 1u << sim_pick(s, 12);
	if (sim_pick(s, 3) == 0)
		s->faults.disk_error_ppm = 1u << sim_pick(s, 16);
	if (r->crashes_left)
		sim_at(s, &s->worlds[0], s->now + sim_pick(s, NS_PER_SEC), crash, r, 0);
	r->stalls_left = (uint32_t)sim_pick(s, 3);
	if (sim_pick(s, 3) == 0) {
		s->faults.disk_slow_ppm = 1u << sim_pick(s, 17);
		s->faults.disk_slow_max_ns = sim_pick(s, DISK_SLOW_NS);
	}
	if (r->stalls_left)
		sim_at(s, &s->worlds[0], s->now + sim_pick(s, NS_PER_SEC), stall, r, 0);
	if (r->options->plant == PLANT_EARLY_RETRY || sim_pick(s, 10) == 0) {
		s->faults.reset_ppm = 2000;
		s->faults.disk_slow_ppm = 100000;
		s->faults.disk_slow_max_ns = DISK_SLOW_NS;
	}
}

/* --- the run --- */

/* Everything was done and read back: no more faults, orderly ends. */
static void wind_down(struct run *r)
{
	r->draining = true;
	r->up = false;
	assoc_shutdown(r->assoc);
}

static void drive(struct run *r)
{
	bool stopping = false;

	while (!r->failed && !(r->finished && r->node_stopped)) {
		if (!sim_step(r->sim)) {
			fail(r, "nothing happens any more, and it is not finished");
			break;
		}
		if (r->sim->steps > STEPS_MAX) {
			fail(r, "it takes for ever");
			break;
		}
		if (r->ops_left == 0) {	/* let it settle before judging it */
			r->sim->faults.reset_ppm = 0;
			r->sim->faults.disk_error_ppm = 0;
			r->sim->faults.disk_slow_ppm = 0;
		}
		if (!r->draining && r->up && r->ops_left == 0 && r->readback >= MODEL_BLOCKS &&
		    !in_flight(r) && r->sim->current == sim_of(r->host_worlds[0]))
			wind_down(r);
		if (r->finished && !stopping) {
			stopping = true;
			sim_at(r->sim, &r->sim->worlds[0], r->sim->now, stop_node, r, 0);
		}
	}
}

static void check_leaks(struct run *r)
{
	while (!r->failed && sim_step(r->sim))	/* late deliveries, acknowledgements */
		;
	for (int i = 0; !r->failed && i < SIM_WORLDS; i++)
		if (r->sim->worlds[i].pool.avail != r->sim->worlds[i].pool.count)
			fail(r, "a data buffer was not given back");
}

bool sim_run(uint64_t seed, const struct sim_options *options, struct sim_report *report)
{
	static struct sim sim;
	static const struct recovery_config recovery = { NS_PER_SEC, WORLD_NEVER, WORLD_NEVER };
	struct run *r = calloc(1, sizeof(*r));
	int fd;

	assert(r);
	sim_init(&sim, seed);
	sim.plant = options->plant;
	r->sim = &sim;
	r->options = options;
	r->model.seed = seed;
	r->ops_left = options->ops;
	snprintf(r->path, sizeof(r->path), "/tmp/nvmetls-sim.XXXXXX");
	fd = mkstemp(r->path);
	assert(fd >= 0 && ftruncate(fd, DISK_BYTES) == 0 &&
	       sim_disk_open(&sim, r->path, DISK_BYTES) == 0);
	close(fd);
	for (int i = 0; i < SIM_TARGET_WORLDS; i++)
		r->target_worlds[i] = &sim.worlds[i].world;
	for (int i = 0; i < SIM_HOST_WORLDS; i++)
		r->host_worlds[i] = &sim.worlds[SIM_TARGET_WORLDS + i].world;
	sim.current = &sim.worlds[0];
	make_key(r);
	target_init(r);
	host_init(r);
	recovery_init(&r->recovery, &recovery);
	faults_init(r);
	/* as if it had been lost just now: there is one way to connect */
	recovery_event(&r->recovery, RECOVERY_LOST, sim.now);
	act(r, recovery_down(&r->recovery, 0, sim.now));
	drive(r);
	check_leaks(r);
	*report = (struct sim_report){ .trace = sim.trace,
				       .steps = sim.steps,
				       .now_ns = sim.now,
				       .losses = r->losses,
				       .writes = sim.writes,
				       .reads = sim.reads };
	snprintf(report->why, sizeof(report->why), "%s", r->model.why);
	unlink(r->path);
	if (r->failed)
		return false;	/* what was under way is left to the end of the process */
	node_free(r->node);
	key_watch_free(r->keys);
	cfg_free(&r->tree);
	for (uint32_t i = 0; i < OPS_MAX; i++) {
		free(r->ops[i].data);
		free(r->ops[i].snapshot);
	}
	free(r);
	sim_free(&sim);
	return true;
}
