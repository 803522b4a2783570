/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvmetls.h - NVMe/TCP over TLS 1.3 from user space: the host side and its keys.
 *
 *	struct nvmetls_options o = NVMETLS_OPTIONS_INIT;
 *	struct nvmetls_error e;
 *	struct nvmetls *c;
 *
 *	o.traddr = "127.0.0.1"; o.trsvcid = "4420"; o.subsysnqn = "nqn.test";
 *	o.tls = NVMETLS_TLS_REQUIRED;
 *	if (nvmetls_connect(&o, &c, &e))
 *		fprintf(stderr, "%s; %s\n", e.message, e.hint);
 *
 * Threads. Functions that take a struct nvmetls may be called from any thread. A struct
 * nvmetls_queue belongs to the thread that first calls nvmetls_poll() or nvmetls_submit()
 * on it; other threads get -EPERM. The library's own thread always serves the admin queue
 * (keep-alive goes on while the caller sleeps); with NVMETLS_SERVE_THREAD (the default) it
 * serves the I/O queues too, with NVMETLS_SERVE_CALLER they move only while their thread is
 * in nvmetls_poll().
 *
 * Fork. Connections do not survive into a child: in the child every call on an inherited
 * handle but nvmetls_disconnect() returns -ECHILD, and nvmetls_disconnect() only frees
 * memory and closes descriptors without a byte on the wire. A child may connect anew.
 *
 * Errors are negative errno values unless said otherwise; an NVMe status is positive
 * (SCT << 8 | SC). Memory passed in must live until the call returned or, for I/O, until
 * done() was called. No function prints anything.
 */
#ifndef NVMETLS_H
#define NVMETLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NVMETLS_DISCOVERY_NQN "nqn.2014-08.org.nvmexpress.discovery"

struct nvmetls;
struct nvmetls_queue;

/* What went wrong, for people and for scripts. All strings NUL-terminated, never secret. */
struct nvmetls_error {
	int err;		/* negative errno, or a positive NVMe status */
	char cause[32];		/* stable name: "psk-mismatch", "connection-refused", ... */
	char message[512];	/* one line */
	char hint[256];		/* the next step; may be "" */
};

enum nvmetls_tls { NVMETLS_TLS_OFF, NVMETLS_TLS_REQUIRED };
enum nvmetls_serve { NVMETLS_SERVE_THREAD, NVMETLS_SERVE_CALLER };

/*
 * What happens to a connection that comes back by itself. LOST: I/O is held from now on. RETRY_FAILED:
 * an attempt to connect. IO_FAILS: fast_io_fail_ms are over. RECONNECTED: I/O flows again. GIVEN_UP:
 * it will not come back. NS_CHANGED: ask nvmetls_namespace() again. NS_REFUSED: it is not the
 * namespace that it was; its I/O fails with -EIO.
 */
enum nvmetls_event_kind {
	NVMETLS_EVENT_LOST,
	NVMETLS_EVENT_RETRY_FAILED,
	NVMETLS_EVENT_IO_FAILS,
	NVMETLS_EVENT_RECONNECTED,
	NVMETLS_EVENT_GIVEN_UP,
	NVMETLS_EVENT_NS_CHANGED,
	NVMETLS_EVENT_NS_REFUSED,
};
struct nvmetls_event {
	enum nvmetls_event_kind kind;
	uint32_t nsid;			/* NS_...; else 0 */
	struct nvmetls_error error;	/* why; RECONNECTED: empty */
};

struct nvmetls_options {
	size_t size;			/* sizeof(struct nvmetls_options): set by the INIT macro */
	const char *traddr, *trsvcid;	/* address or name; port (NULL: 4420, discovery 8009) */
	const char *subsysnqn;
	const char *hostnqn, *hostid;	/* NULL: /etc/nvme, or this user's own (see nvmetls(1)) */
	enum nvmetls_tls tls;
	const char *keystore;		/* directory; NULL: the default one */
	const char *tls_key;		/* interchange form, instead of the key store; NULL: look it up */
	int tls_identity;		/* with tls_key: PSK identity version 0 or 1 (default 1) */
	bool tls_compat;		/* with tls_key: derivation of libnvme before 1.16 */
	uint16_t io_queues;		/* wanted; 0: none, admin queue only. Default 1 */
	uint16_t queue_size;		/* entries per I/O queue, 16..1024. Default 128 */
	uint32_t keep_alive_ms;		/* default 5000; 0: none */
	bool hdr_digest, data_digest;
	bool disable_sqflow;		/* ask for no SQ flow control (fewer response capsules) */
	uint32_t connect_timeout_ms;	/* whole connect, default 10000 */
	uint32_t command_timeout_ms;	/* default 30000 */
	enum nvmetls_serve serve;
	uint32_t spin_us;		/* how long a poll spins before it sleeps; default 50 */
	bool spin_always;
	uint64_t rekey_bytes;		/* KeyUpdate after that many bytes per key; 0: near the limit of the cipher */
	bool key_update;		/* send KeyUpdate also to targets that do not announce it */
	const char *keylog_file;	/* append NSS key log lines, for debugging only; NULL: none */
	/*
	 * Coming back: with reconnect_delay_ms the library connects again by itself. I/O under way is held
	 * and sent again when the old connection is known dead: the controller closed it, or its
	 * keep-alive time is over (so without keep-alive only the former). The first attempts follow
	 * each other faster. Queues that their callers serve come back within nvmetls_poll().
	 */
	uint32_t reconnect_delay_ms;	/* longest time between two attempts; 0: a lost connection is an error */
	int32_t ctrl_loss_ms;		/* so long after the loss it is given up (default 600000); -1: never */
	int32_t fast_io_fail_ms;	/* so long after the loss I/O fails with -EIO, until it is back; -1: it waits */
	/* From the library's thread: be short, and do not call the library. May be NULL. */
	void (*notify)(void *user, const struct nvmetls_event *event);
	void *notify_user;
};

#define NVMETLS_OPTIONS_INIT                                                            \
	{                                                                                  \
		.size = sizeof(struct nvmetls_options), .tls_identity = 1, .io_queues = 1, \
		.queue_size = 128, .keep_alive_ms = 5000, .connect_timeout_ms = 10000,     \
		.command_timeout_ms = 30000, .spin_us = 50, .ctrl_loss_ms = 600000,        \
		.fast_io_fail_ms = -1                                                      \
	}

/* Connect and bring the controller up. 0, or e->err with *e filled in (@e may be NULL). */
int nvmetls_connect(const struct nvmetls_options *o, struct nvmetls **ret, struct nvmetls_error *e);
/*
 * Orderly shutdown; outstanding I/O is finished with -ECANCELED: its done() is called from here.
 * No other thread may use the connection or its queues any more. NULL is harmless.
 */
void nvmetls_disconnect(struct nvmetls *c);
/* Why the association was lost; returns 0 while it lives, -EAGAIN while it is coming back. */
int nvmetls_state(struct nvmetls *c, struct nvmetls_error *e);
/*
 * With a reconnect delay: end the connection and make it anew, with the newest key of the key store
 * (with the one before it, should the target refuse that). Commands under way are sent again and none
 * fails. Returns when it is connected: 0, -EAGAIN (it is reconnecting already), -EOPNOTSUPP, -ETIMEDOUT.
 * With NVMETLS_SERVE_CALLER the queues' threads must go on polling meanwhile.
 */
int nvmetls_reconnect(struct nvmetls *c, struct nvmetls_error *e);

struct nvmetls_info {
	uint16_t cntlid, io_queues, queue_size;
	uint32_t mdts_bytes;		/* largest transfer of one command */
	uint32_t version;		/* VS */
	bool tls, discovery;
	char cipher[32];		/* "TLS_AES_128_GCM_SHA256", "" without TLS */
	char group[32];			/* "x25519" */
	char identity[522];		/* PSK identity, "" without TLS */
	char hostnqn[224];
	uint8_t hostid[16];
	uint64_t key_updates_sent, key_updates_received;	/* all queues */
};
void nvmetls_get_info(struct nvmetls *c, struct nvmetls_info *ret);

/* A raw admin command, synchronous. @sqe: 64 bytes (CID, flags and SGL are overwritten). */
struct nvmetls_admin {
	uint8_t sqe[64];
	void *data;
	uint32_t len;		/* bytes, multiple of 4 */
	bool to_controller;	/* direction of the data */
	uint64_t result;	/* CQE DW0, DW1 */
};
/* 0, negative errno, or a positive NVMe status. */
int nvmetls_admin_command(struct nvmetls *c, struct nvmetls_admin *cmd);
int nvmetls_property_get(struct nvmetls *c, uint32_t offset, bool eight_bytes, uint64_t *ret);

struct nvmetls_ns {
	uint32_t nsid, block_bytes;
	uint64_t blocks;
	uint8_t uuid[16], nguid[16];
	bool read_only, can_deallocate, can_write_zeroes;
};
int nvmetls_namespace(struct nvmetls *c, uint32_t nsid, struct nvmetls_ns *ret);

enum nvmetls_op {
	NVMETLS_READ,
	NVMETLS_WRITE,
	NVMETLS_FLUSH,
	NVMETLS_WRITE_ZEROES,
	NVMETLS_DEALLOCATE,
};
enum {
	NVMETLS_FUA = 1,
	NVMETLS_UNMAP = 2,	/* WRITE_ZEROES: the blocks may be deallocated, and read as zeroes all the same */
};

/* One I/O. The caller's memory; zero it before first use. Belongs to the library until done(). */
struct nvmetls_io {
	enum nvmetls_op op;
	unsigned int flags;		/* NVMETLS_FUA, NVMETLS_UNMAP */
	uint32_t nsid;
	uint64_t slba;			/* logical blocks */
	uint32_t blocks;		/* 1..65536; READ, WRITE: as much data as iov or buf holds */
	void *buf;			/* READ, WRITE: blocks * block_bytes bytes, unless iov is set */
	struct iovec *iov;		/* or scattered; unchanged */
	int iov_count;
	/* From nvmetls_poll(), in the queue's thread. @status: 0, -errno, or NVMe status. May submit again. */
	void (*done)(struct nvmetls_io *io, int status);
	void *user;
	void *internal[48];
};

/* @index: 0 .. io_queues - 1 */
struct nvmetls_queue *nvmetls_get_queue(struct nvmetls *c, unsigned int index);
/* 0, -EAGAIN (full: poll first), -EINVAL, -ENOTCONN, -EPERM, -ECHILD. */
int nvmetls_submit(struct nvmetls_queue *q, struct nvmetls_io *io);
/*
 * Run completions. Waits up to @timeout_ms for the first (0: not at all, -1: no limit).
 * Returns how many completed, or -errno.
 */
int nvmetls_poll(struct nvmetls_queue *q, int timeout_ms);
/*
 * Readable when nvmetls_poll() has something to do; once in a while also when it has not. With
 * NVMETLS_SERVE_CALLER, that is also how submitted I/O gets sent: sleep on the descriptor, then
 * poll. Owned by the library.
 */
int nvmetls_fd(struct nvmetls_queue *q);

struct nvmetls_queue_stats {
	uint64_t recvs, sends;		/* data syscalls */
	uint64_t bytes_rx, bytes_tx;	/* wire */
};
/* NVMETLS_SERVE_CALLER: from the queue's own thread, or when it is at rest. */
void nvmetls_get_queue_stats(struct nvmetls_queue *q, struct nvmetls_queue_stats *ret);

/* Synchronous forms of the above, on queue 0 through the library's thread (NVMETLS_SERVE_THREAD). */
int nvmetls_rw(struct nvmetls *c, enum nvmetls_op op, unsigned int flags, uint32_t nsid,
	       uint64_t slba, uint32_t blocks, void *buf);

/* One record of a discovery log page (NVM Express Base, Get Log Page 70h). */
struct nvmetls_discovery_record {
	uint8_t trtype, adrfam, subtype, treq, sectype;
	uint16_t portid, cntlid, asqsz, eflags;
	char trsvcid[33], traddr[257], subnqn[224];	/* printable, trimmed */
};
struct nvmetls_discovery {
	uint64_t genctr;
	size_t count;
	struct nvmetls_discovery_record *record;
};
/* Connect to the discovery controller that @o names (subsysnqn NULL: the well-known one) and read its log. */
int nvmetls_discover(const struct nvmetls_options *o, struct nvmetls_discovery **ret,
		     struct nvmetls_error *e);
void nvmetls_discovery_free(struct nvmetls_discovery *d);

/* Keys. @hash: 0 (none), 1 (SHA-256), 2 (SHA-384). Lengths of strings include the NUL. */
#define NVMETLS_KEY_LEN      90
#define NVMETLS_IDENTITY_LEN 522

struct nvmetls_key {
	const char *interchange;	/* "NVMeTLSkey-1:..." */
	const char *hostnqn, *subsysnqn;	/* hostnqn NULL: this host's */
	int identity;			/* 0 or 1 */
	bool compat;
};
/* @secret: @secret_len bytes (32 or 48), or NULL: random. 0 or negative errno. */
int nvmetls_key_generate(int hash, const uint8_t *secret, size_t secret_len,
			 char ret_key[NVMETLS_KEY_LEN]);
/* 0, or -EINVAL, -EBADMSG (CRC), -ENOTSUP (hash or version). */
int nvmetls_key_check(const struct nvmetls_key *k, char ret_identity[NVMETLS_IDENTITY_LEN],
		      struct nvmetls_error *e);
/* Put it into the key store (@dir NULL: the default one); *ret_id as "Inserted TLS key %08x" shows it. */
int nvmetls_key_insert(const struct nvmetls_key *k, const char *dir, uint32_t *ret_id,
		       struct nvmetls_error *e);

/* "0.1.0 (crypto ipsec-mb ..., loop uring)"; static string. */
const char *nvmetls_version(void);

#ifdef __cplusplus
}
#endif
#endif
