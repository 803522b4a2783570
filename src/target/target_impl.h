/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target_impl - the objects of a target, for its own room.
 *
 * Who may touch what: struct target, subsystems, ports and controllers belong to the control loop.
 * A tconn belongs to the loop it was placed on; an I/O queue's loop sees of all that only the
 * tconn and its view. Between the two go messages (world posts), each acknowledged.
 */
#pragma once

#include <stdatomic.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/pool.h"
#include "nvme/command.h"
#include "nvme/fabrics.h"
#include "nvme/status.h"
#include "target/conn_state.h"
#include "target/tauth.h"
#include "target/tconn.h"
#include "tcp/ic.h"

#define TARGET_NSID_MAX	  1024u
#define TARGET_QUEUES_MAX 1024u	/* I/O queues of one controller */
#define TARGET_AER_MAX	  4u	/* outstanding Asynchronous Event Requests */
#define TARGET_KAS_MS	  1000u	/* KATO granularity */
#define TARGET_DISABLED_MS 150000u	/* an association may be without an enabled controller */
#define TARGET_VS	  NVME_VS(2, 0, 0)
#define TCMD_IOV_MAX	  9	/* MDTS of 1 MiB in buffers of 128 KiB, and one to spare */
#define TCONN_SPARES	  4	/* buffers for in-capsule data, held within one turn */
#define DNR		  NVME_STATUS_DNR

struct target_ns {
	uint32_t nsid;
	struct backend *backend;
	uint64_t blocks;
	uint8_t lba_shift;
	uint8_t uuid[16], nguid[16];
};

/* What I/O queues see: immutable, counted (one reference per queue and one of the subsystem). */
struct target_view {
	atomic_uint refs;
	uint32_t mdts_bytes;
	uint32_t count;
	struct target_ns ns[];	/* ascending nsid */
};

/* I/O commands that succeeded, for the health log. */
struct target_io_sum {
	uint64_t reads, writes, read_bytes, written_bytes;
};

struct target_subsys {
	struct list node;
	struct target *target;
	char nqn[224], serial[21], model[41], firmware[9];
	bool discovery, allow_any_host, tls_required, auth_required, auth_with_tls;
	uint16_t cntlid_min, cntlid_max, cntlid_next, queues_max;
	struct target_view *view;
	char (*hosts)[224];
	size_t host_count;
	struct list controllers;
	struct target_io_sum io_past;	/* of queues that are gone */
};

struct target_port {
	struct list node;
	struct target *target;
	uint16_t portid;
	char traddr[257], trsvcid[33];
	int adrfam;
	bool tls;
	enum target_treq treq;
	struct target_subsys **links;
	size_t link_count;
};

struct target {
	struct target_config config;
	struct world *const *worlds;
	uint32_t world_count;
	struct list subsystems, ports;
	struct target_subsys *discovery;
	struct target_auth auth;
	uint64_t genctr;
	void (*wake)(void *ctx);
	void *wake_ctx;
	struct target_counters counters;
};

/* An association's controller. Freed when it has ended and all its queues have let go. */
struct controller {
	struct list node;	/* in subsys->controllers */
	struct target_subsys *subsys;
	uint16_t cntlid;
	char hostnqn[224];
	uint8_t hostid[16];
	bool tls;
	uint32_t cc, csts, aen_config;
	uint16_t nsq, ncq;	/* Number of Queues, 0's-based, as last told to the host */
	bool ending;
	bool quiescing;		/* I/O queues were told to stop, and not all have let go */
	uint32_t kato_ms;
	uint64_t deadline_ns;	/* of keep-alive, or for being enabled */
	uint64_t activity_seen;
	struct tconn *admin;
	struct tconn *queue[TARGET_QUEUES_MAX + 1];	/* [qid], 1.. */
	uint32_t queue_count;	/* of I/O queues that have not let go */
};

enum tcmd_state {
	TCMD_FREE,
	TCMD_CAPSULE,	/* in-capsule data is coming in */
	TCMD_WAIT,	/* for buffers */
	TCMD_R2T,	/* for H2CData */
	TCMD_IO,	/* at the backend, or held by the controller (AER) */
	TCMD_DONE,	/* answered as soon as the turn comes to it */
	TCMD_SENDING,	/* its PDUs are in the writer */
};

struct tcmd {
	struct list node;	/* free, waiting, r2t, done */
	struct tconn *tc;
	enum tcmd_state state;
	struct nvme_sqe sqe;
	uint16_t cid, slot;	/* slot is the TTAG */
	uint32_t len;		/* bytes of the transfer, from the SGL */
	uint32_t received;	/* H2CData bytes that came */
	uint32_t sent_len;	/* C2HData bytes to send */
	bool discard;		/* data comes in and is dropped */
	bool duplicate;		/* its CID belongs to another command */
	uint16_t status;	/* SCT << 8 | SC, with DNR */
	uint64_t result;
	uint64_t deadline_ns;	/* of the R2T */
	struct iovec iov[TCMD_IOV_MAX];
	int iov_count;
	void *buf[TCMD_IOV_MAX];
	int buf_count;
	const struct target_ns *ns;
	struct io io;
	uint32_t step, steps;	/* commands of several I/Os: Flush of all namespaces, DSM */
};

struct tconn {
	struct stream stream;	/* first */
	struct target *target;
	struct target_port *port;
	struct world *w;	/* where it lives */
	void (*wake)(void *ctx);
	void *wake_ctx;
	enum conn_state state;
	struct tconn_peer peer;
	struct ic_result ic;
	uint64_t state_since_ns;
	uint64_t pdu_ns;	/* when the PDU began that is coming in */
	uint64_t h2c_ns;	/* when the last H2CData ended */
	uint64_t tx_ns;		/* when the writer last got rid of something */
	uint32_t tx_head, tx_front_done;	/* the writer's position then */
	bool tx_waits;		/* there was something in the writer */

	/* the queue, from Connect */
	uint16_t qid;
	uint32_t entries;
	uint16_t sqhd;
	bool sqflow_off;
	struct target_view *view;
	struct controller *ctrl;	/* admin queue; for an I/O queue touched by the control loop only */
	uint16_t cntlid;
	char hostnqn[224], subsysnqn[224];
	struct tauth *auth;	/* NULL: nothing is to be authenticated */
	int placement;
	bool placed;

	struct tcmd first;	/* slot 0: all there is before Connect */
	struct tcmd *cmds;	/* slots 1 .. cmd_count - 1 */
	uint32_t cmd_count, in_flight;	/* in_flight: at the backend */
	struct list free, waiting, r2ts, done;
	struct tcmd *cur;		/* whose data the reader is in the middle of */
	uint8_t *cid_used;		/* a bit per CID; NULL before Connect */
	void *spare[TCONN_SPARES];
	int spare_count;
	uint32_t buffers_held;
	/* written by its own thread, read by the control loop: commands seen (keep-alive), and I/O */
	atomic_ulong activity, reads, writes, read_bytes, written_bytes;

	bool busy;			/* inside input or turn: no need to wake it */
	bool ended;			/* stream end() was called */
	bool finishing;			/* no new commands; ends when those in flight are answered */
	bool released;			/* its owner has let go of it (control loop) */
	struct fault stop;		/* end with this at the next turn */
	struct fault stop_wanted;	/* the same, on its way from the control loop */
	bool stop_early;		/* it came to where the connection is still going to */
	bool stop_pending;		/* control loop: a stop message is not acknowledged yet */
	struct world_post stop_post, stop_ack, release_post;
};

/* --- tconn.c --- */
/* Is it on its way to another thread? Then it takes no input and no buffers. */
static inline bool tconn_unsettled(const struct tconn *tc)
{
	return tc->placement >= 0 && !tc->placed;
}

static inline struct tcmd *tconn_slot(struct tconn *tc, uint32_t slot)
{
	return slot == 0 ? &tc->first : &tc->cmds[slot - 1];
}

/* A counter with one writer needs no locked instruction. */
static inline void tconn_count(atomic_ulong *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

void tconn_enter(struct tconn *tc, enum conn_state to);
/* Memory for a queue of @entries. Returns 0 or -ENOMEM. May be called again before set_entries. */
int tconn_reserve(struct tconn *tc, uint32_t entries);
/* The queue has @entries from now on; they are reserved. */
void tconn_set_entries(struct tconn *tc, uint32_t entries);
/* From the control loop: end the connection, wherever it lives. */
void tconn_stop(struct tconn *tc, enum cause cause);

/* --- tconn_rx.c --- */
struct fault tconn_input(struct stream *s, struct span *in) MUST_CHECK;

/* --- tconn_cmd.c: the life of a command --- */
/* A CapsuleCmd's header. @data_len: in-capsule bytes that follow. */
struct fault tcmd_begin(struct tconn *tc, const struct nvme_sqe *sqe, uint32_t data_len) MUST_CHECK;
/* All in-capsule data is here (or there was none). */
struct fault tcmd_capsule_end(struct tconn *tc, struct tcmd *c, bool ddgst_bad) MUST_CHECK;
/* The SGL says that data moves by PDUs of its own. */
void tcmd_want_data(struct tcmd *c);
/* Answer: @status 0 for success. May be called from anywhere in the connection's thread. */
void tcmd_complete(struct tcmd *c, uint16_t status);
void tcmd_complete_result(struct tcmd *c, uint64_t result);
/* All data is in (writes), or none is needed: run it. */
void tcmd_execute(struct tcmd *c);
/* Queue the PDUs of the commands that are done. */
void tcmd_flush_done(struct tconn *tc);
/* The PDU writer has sealed the last PDU of the command @token. */
void tcmd_released(void *owner, void *token);
/* Submit c->io to the namespace's backend; @done completes the command. */
void tcmd_submit(struct tcmd *c, void (*done)(struct world *w, struct io *io));
/* The same for one I/O of several: true if @done will be called, false if it is done already. */
bool tcmd_submit_step(struct tcmd *c, void (*done)(struct world *w, struct io *io));
/* Let it go without an answer. */
void tcmd_drop(struct tcmd *c);

/* --- tconn_data.c: buffers, R2T, H2CData --- */
/* Buffers for c->len bytes into c->iov. False: none left now. */
bool tcmd_get_buffers(struct tcmd *c);
/* Can a command of @bytes ever get its buffers from @p? */
bool tconn_buffers_suffice(const struct pool *p, uint32_t bytes);
/* c->iov over the buffers that it has, for c->len bytes. */
void tcmd_set_iov(struct tcmd *c);
void tcmd_put_buffers(struct tcmd *c);
/* Take a spare buffer for in-capsule data. False: there is none. */
bool tcmd_take_spare(struct tcmd *c, uint32_t len);
/* Hold at least @count spare buffers. False: there are not so many now. */
bool tconn_want_spares(struct tconn *tc, int count);
void tconn_drop_spares(struct tconn *tc);
/* Get buffers if needed, then R2T (writes) or execute (reads). Waits if there are none. */
void tcmd_want_buffers(struct tcmd *c);
void tconn_serve_waiting(struct tconn *tc);
struct fault tconn_h2c_begin(struct tconn *tc, const uint8_t *hdr) MUST_CHECK;
struct fault tconn_h2c_end(struct tconn *tc, const uint8_t *hdr, bool ddgst_bad) MUST_CHECK;
/* A piece of the current PDU's data at @off of the command's transfer. */
void tcmd_land(struct tcmd *c, uint32_t off, struct span piece);
struct mspan tconn_place_dest(void *owner, const uint8_t *hdr, uint32_t off, bool trusted,
			      unsigned int nth);

/* --- io_error.c --- */
/*
 * The status for c->io.err, an errno of the backend (writes 280h, reads 281h, ENOSPC 81h, ...), and
 * a line in the log. 0 where there was no error.
 */
uint16_t tcmd_io_status(const struct tcmd *c);

/* --- commands --- */
void fabrics_execute(struct tcmd *c);
void admin_execute(struct tcmd *c);
void admin_identify(struct tcmd *c);
void admin_get_log(struct tcmd *c);
void admin_set_features(struct tcmd *c);
void admin_get_features(struct tcmd *c);
/* Namespace, range and length of an I/O command; sets c->ns. A status, or 0. */
uint16_t nvm_check(struct tcmd *c);
void nvm_execute(struct tcmd *c);
void fabrics_connect(struct tcmd *c);
void fabrics_property_get(struct tcmd *c);
void fabrics_property_set(struct tcmd *c);
/* Answer with @len bytes at @data (cut to what was asked for, the rest zeroes). */
void admin_reply(struct tcmd *c, const void *data, size_t len);

/* --- controller.c, on the control loop --- */
/* NULL with *ret_status: no room. */
struct controller *controller_new(struct target_subsys *s, struct tconn *admin,
				  uint16_t *ret_status);
struct controller *controller_find(struct target_subsys *s, uint16_t cntlid);
/* End the association: every queue is told, the controller goes when all have let go. */
void controller_end(struct controller *ctrl, enum cause cause);
/* CC was written. */
void controller_set_cc(struct controller *ctrl, uint32_t cc);
void controller_set_kato(struct controller *ctrl, uint32_t kato_ms);
/* A connected tconn has let go. */
void controller_queue_gone(struct controller *ctrl, struct tconn *tc);
void controller_aer(struct tcmd *c);
/* I/O of all queues of the subsystem, also of those that are gone. */
void target_io_sum(const struct target_subsys *s, struct target_io_sum *ret);
void target_io_sum_add(struct target_io_sum *sum, const struct tconn *tc);
uint64_t controller_turn(struct controller *ctrl, uint64_t now_ns);
bool controller_ready(const struct controller *ctrl);

/* --- subsystem.c --- */
struct target_subsys *target_find_subsys(struct target_port *p, const char *nqn);
/* The keys of a pair; false: there are none, and @ret is empty. Wipe it after use. */
bool target_find_auth(const struct target *t, const char *hostnqn, const char *subsysnqn,
		      struct target_auth_keys *ret);
bool target_host_allowed(const struct target_subsys *s, const char *hostnqn);
struct target_view *target_view_ref(struct target_view *v);
void target_view_unref(struct target_view *v);
const struct target_ns *target_view_ns(const struct target_view *v, uint32_t nsid);

/* --- discovery.c --- */
/* The whole log page for @tc's host and port; malloc'd. NULL: out of memory. */
uint8_t *discovery_log(const struct tconn *tc, size_t *ret_len);
