/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * api_impl - what the files behind include/nvmetls.h share. For nobody else.
 *
 * Threads: "home" is the library's own thread (loop 0 of a set of one); it owns the association.
 * Callers reach it by posts. Fields say whose they are.
 */
#pragma once

#include <nvmetls.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "client/association.h"
#include "client/ns_id.h"
#include "client/recovery.h"
#include "client/reidentify.h"
#include "keys/hostid.h"
#include "keys/keystore.h"
#include "loop/loop.h"

#define API_NS_MAX 256
#define IO_TRIES   5 /* that often a command is sent again after a loss; as Linux does */

enum api_state { API_CONNECTING, API_UP, API_RECOVERING, API_LOST, API_DOWN };

/* One I/O, inside struct nvmetls_io. */
struct io_req {
	struct hcmd cmd;
	struct io_req *next; /* in a list between threads */
	struct nvmetls_queue *q;
	struct iovec iov;
	struct nvme_dsm_range range;
	int status;
	bool sync; /* nvmetls_rw(): nobody polls for it */
	uint8_t tries;
	sem_t *sem;
};
_Static_assert(sizeof(struct io_req) <= sizeof(((struct nvmetls_io *)0)->internal),
	       "struct nvmetls_io is large enough");

static inline struct io_req *io_req(struct nvmetls_io *io)
{
	return (struct io_req *)(void *)io->internal;
}

static inline struct nvmetls_io *io_of(struct io_req *r)
{
	return (struct nvmetls_io *)(void *)((char *)r - offsetof(struct nvmetls_io, internal));
}

struct nvmetls_queue {
	struct nvmetls *c;
	unsigned int index;
	uint32_t depth;
	_Atomic uintptr_t owner; /* thread that polls; 0: none yet */
	/* the owner's */
	uint32_t in_flight, completed;
	struct loop *loop; /* SERVE_CALLER, made by the owner */
	bool asked;	   /* SERVE_CALLER: the connection was asked to come to @loop */

	/* home's; with SERVE_CALLER the owner's while the connection lives in @loop, else NULL */
	struct hqueue *hq; /* where to submit to, if it is live; NULL: nowhere now */
	struct assoc_queue *aq;
	struct io_req *backlog, **backlog_tail; /* what waits for room, or to be sent again */
	struct nvmetls_queue_stats past;	/* of connections that have ended */

	/* SERVE_THREAD: between owner and home */
	_Atomic(struct io_req *) submitted, finished; /* stacks */
	atomic_bool armed;			      /* signal @fd when something is finished */
	atomic_bool signalled;
	bool fd_wanted; /* the owner's: nvmetls_fd() was called */
	int fd;		/* eventfd, or -1 */
	struct world_post submit_post;
	/* home's */
	struct world_task signal_task;

	/* SERVE_CALLER: between owner and home */
	struct world *own_world; /* home's: where the connection is to go; NULL: nowhere yet */
	struct world_post news_post;
	atomic_bool news_posted;
};

struct api_ns {
	_Atomic uint32_t usable_nsid;	/* 0: nothing may be sent to it */
	uint32_t block_shift;		/* does not change */
	struct ns_id id;		/* as it has to be; under ns_lock */
};

struct api_key {
	struct secret psk;
	char identity[PSK_IDENTITY_LEN_MAX + 1];
	enum nvme_hash hash;
};

struct nvmetls {
	unsigned int generation; /* api_generation of the process that made it */
	enum nvmetls_serve serve;
	uint32_t spin_us;
	bool spin_always;
	uint32_t mdts_bytes;
	uint16_t oncs;
	struct loops *loops;
	struct world *home;
	struct assoc *assoc;
	struct assoc_config config;
	struct host_identity host;
	struct api_key key, key_good; /* of this attempt, and that worked last; home's */
	bool key_refused;	      /* @key, by the last attempt */
	bool renewing;		      /* it ends because we want it to */
	char *keystore;		      /* where keys are looked up; NULL: the key was given */
	int keylog_fd; /* -1: none */
	char where[300]; /* "127.0.0.1:4420", for messages */
	struct nvmetls_queue *queues;
	unsigned int queue_count;

	struct list admin_backlog; /* home's: admin_req.node */
	struct nvmetls_info info;  /* home's: of the association that was up last */

	/* coming back; home's */
	bool recover, flowing;
	atomic_bool given_up;
	uint16_t entries; /* as at first */
	struct recovery_config recovery_config;
	struct recovery recovery;
	struct world_task recover_task;
	struct world_timer recover_timer;
	struct reidentify again;
	unsigned int judged; /* namespaces, so far */
	void (*notify)(void *user, const struct nvmetls_event *event);
	void *notify_user;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum api_state state;
	atomic_bool up;	     /* I/O is taken: it is up, or coming back */
	atomic_bool leaving; /* nvmetls_disconnect() was called */
	struct fault why;
	char detail[640];

	pthread_mutex_t ns_lock;
	atomic_uint ns_count, ns_refused;
	struct api_ns ns[API_NS_MAX]; /* those below ns_count stay */
};

/* ---- api_error.c ---- */

/* Fill in *@e (may be NULL) and return @err. */
int api_error(struct nvmetls_error *e, int err, enum cause cause, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The same for a fault. @where, @detail: "" where there is nothing to say. */
int api_error_fault(struct nvmetls_error *e, struct fault why, const char *where,
		    const char *detail);
/* The same for a key string that psk_parse() refused. */
int api_key_error(struct nvmetls_error *e, struct fault why);
/* The same for the key store, whose line says which file. */
int api_store_error(struct nvmetls_error *e, const struct keystore *ks, struct fault why);
/* What a failed connection means for one command: -ECANCELED, -ETIMEDOUT, -ENOTCONN. */
int api_command_error(struct fault why);

/* ---- api_process.c ---- */

/* Grows in a forked child, so that inherited handles are known. Registers itself. */
unsigned int api_generation(void);
static inline bool api_forked(const struct nvmetls *c)
{
	return c->generation != api_generation();
}
/* Differs between threads that live at the same time; never 0. */
uintptr_t api_thread(void);

/* ---- api_options.c ---- */

/* Check @o and fill in c->config, identity, keys. 0, or an error in @e. */
int api_options(struct nvmetls *c, const struct nvmetls_options *o, bool discovery,
		struct nvmetls_error *e);
struct addrinfo;
/* The addresses that @o names; freeaddrinfo() them. */
int api_resolve(const struct nvmetls_options *o, bool discovery, struct addrinfo **ret,
		struct nvmetls_error *e);

/* ---- api_connect.c ---- */

int api_connect(const struct nvmetls_options *o, bool discovery, struct nvmetls **ret,
		struct nvmetls_error *e);
/* Run @fn at home and wait until it has returned. */
void api_at_home(struct nvmetls *c, void (*fn)(struct nvmetls *c, void *arg), void *arg);
enum api_state api_state(struct nvmetls *c);
void api_set_state(struct nvmetls *c, enum api_state state);
/* In a child: let go of an inherited handle without a word to anybody. */
void api_forget(struct nvmetls *c);

/* ---- api_admin.c ---- */

struct admin_req {
	struct list node;
	struct nvmetls *c;
	struct hcmd cmd;
	struct iovec iov;
	sem_t sem;
};

/* Submit an admin command and wait. 0, negative errno, or NVMe status; *ret_cqe may be NULL. */
int api_admin(struct nvmetls *c, const struct nvme_sqe *sqe, enum hcmd_dir dir, void *data,
	      uint32_t len, struct nvme_cqe *ret_cqe);

/* ---- api_ns.c ---- */

/* log2 of @nsid's block. 0, or as api_admin(); -EIO: it is refused. */
int api_block_shift(struct nvmetls *c, uint32_t nsid, uint32_t *ret);
/* It is not what it was: nothing may be sent to it. From any thread. */
bool api_ns_refused(struct nvmetls *c, uint32_t nsid);
/* At home: namespace @index was looked at again. Returns whether that changes anything. */
bool api_ns_judge(struct nvmetls *c, unsigned int index, enum ns_verdict v, const struct ns_id *is);

/* ---- api_recover.c: coming back, at home ---- */

/* At home, once: it is up for the first time. */
void api_recover_begin(struct nvmetls *c);
/* It is being left. */
void api_recover_end(struct nvmetls *c);
/* What the association says. False: nothing is known of it here, go on without. */
bool api_recover_up(struct nvmetls *c);
bool api_recover_lost(struct nvmetls *c);
bool api_recover_down(struct nvmetls *c);
/* Are commands kept that cannot be sent now? From any thread. */
static inline bool api_holds(const struct nvmetls *c)
{
	return c->recover && atomic_load_explicit(&c->up, memory_order_relaxed) &&
	       !atomic_load_explicit(&c->leaving, memory_order_relaxed);
}
/* May it be up again one day? From any thread. */
static inline bool api_comes_back(const struct nvmetls *c)
{
	return c->recover && !atomic_load_explicit(&c->given_up, memory_order_relaxed) &&
	       !atomic_load_explicit(&c->leaving, memory_order_relaxed);
}
/* The connection failed under @r. True: it is kept in its queue's backlog. */
bool api_hold(struct io_req *r);
/* Take one from the backlog; NULL: there is none. */
struct io_req *api_held(struct nvmetls_queue *q);

/* ---- api_rekey.c: keys of a host that connects again ---- */

/* The TLS PSK and its identity from @k, for c->config's NQNs. */
struct fault api_key_derive(const struct nvmetls *c, const struct key_entry *k, struct api_key *ret)
	MUST_CHECK;
/* c->key is what the next association offers. Not while there is one. */
void api_key_use(struct nvmetls *c);
/* At home, before an attempt: the newest key, or the one that worked if that was refused. */
void api_key_choose(struct nvmetls *c);
/* The attempt failed, or it is up. */
void api_key_failed(struct nvmetls *c);
void api_key_worked(struct nvmetls *c);

/* ---- api_io.c ---- */

/* Check @io and make its command. 0 or negative errno or NVMe status. */
int api_io_prepare(struct nvmetls_queue *q, struct nvmetls_io *io);
/* The status that done() is to get. */
int api_io_status(const struct io_req *r);
/* The same for one that waited in vain to be sent (again). */
int api_gone_status(const struct io_req *r);
/* Where it lived: its connection has ended. */
void api_queue_left(struct nvmetls_queue *q);

/* ---- api_thread.c: queues that the library's thread serves ---- */

int api_thread_init(struct nvmetls_queue *q);
void api_thread_submit(struct nvmetls_queue *q, struct io_req *r);
int api_thread_poll(struct nvmetls_queue *q, int timeout_ms);
int api_thread_fd(struct nvmetls_queue *q);
/* At home: the connection is lost; whoever waits in a poll is to know. */
void api_thread_lost(struct nvmetls *c);
/* At home: send what waits, or fail it if it is not to wait any longer. */
void api_thread_pump(struct nvmetls_queue *q);
/* Run done() of what is finished. Returns how many. */
uint32_t api_thread_reap(struct nvmetls_queue *q);

/* ---- api_caller.c: queues that the caller's thread serves ---- */

/* Bring the connection over to this thread. 0 or negative errno. */
int api_caller_own(struct nvmetls_queue *q);
int api_caller_submit(struct nvmetls_queue *q, struct io_req *r);
int api_caller_poll(struct nvmetls_queue *q, int timeout_ms);
/* In the owner's world: the connection has come; it has gone. */
void api_caller_arrived(struct nvmetls_queue *q);
/* At home: what waits may have to fail. */
void api_caller_news(struct nvmetls_queue *q);
/* It is being left, and nobody else uses the queue: give back what waits. */
void api_caller_drop(struct nvmetls_queue *q);
