/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim - host and target in one process, on a clock, a wire and a disk that we own.
 *
 * Everything that is random comes from one seed: delays of messages between loops, how bytes are
 * cut on the wire, when the disk completes, what fails. No threads, no sockets, no real
 * time. (Key bytes of the TLS handshakes are OpenSSL's own; they decide nothing that is visible here.)
 *
 * Worlds 0..SIM_TARGET_WORLDS-1 belong to the target, the others to the host.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/prng.h"
#include "base/world.h"

#define SIM_TARGET_WORLDS 2
#define SIM_HOST_WORLDS	  2
#define SIM_WORLDS	  (SIM_TARGET_WORLDS + SIM_HOST_WORLDS)

struct sim;

struct sim_event {
	uint64_t at, seq;
	struct sim_world *w;	/* where it happens */
	void (*fn)(struct sim *s, void *a, uint64_t b);
	void *a;
	uint64_t b;
};

struct sim_world {
	struct world world;	/* first */
	struct sim *sim;
	struct pool pool;
	struct list tasks, timers;
	bool tasks_scheduled;
	uint8_t *rx_memory;
	uint64_t post_last[SIM_WORLDS];	/* when the last post from each sender arrives: FIFO */
};

/* Bugs planted to prove that the simulation can fail. */
enum sim_plant {
	PLANT_NONE,
	PLANT_LOST_FLUSH,
	PLANT_LOST_FUA,
	PLANT_FLIPPED_BIT,
	PLANT_EARLY_RETRY
};

struct sim_faults {
	uint32_t reset_ppm;		/* chance per delivered segment that the connection is reset */
	uint32_t disk_error_ppm;	/* chance per disk operation of EIO */
	uint32_t disk_slow_ppm;		/* chance per disk operation that it takes up to @disk_slow_max_ns */
	uint64_t disk_slow_max_ns;
	uint64_t net_delay_max_ns, disk_delay_max_ns, post_delay_max_ns;
	uint32_t cut_percent;		/* how often bytes are cut into pieces */
};

/* The disk behind one file: what would survive a crash, and what a read sees. */
struct sim_disk {
	uint64_t inode;
	uint64_t size;
	uint8_t *stable, *cached;
};

struct sim {
	struct prng prng;
	uint64_t now, seq, steps;
	uint64_t trace;			/* a hash of all that happened: two runs of a seed must agree */
	struct sim_world worlds[SIM_WORLDS];
	struct sim_world *current;
	struct sim_event *heap;
	size_t heap_len, heap_cap;
	struct list socks;
	struct sim_faults faults;
	enum sim_plant plant;
	struct sim_disk disk;
	uint64_t stalled_until;		/* nothing arrives before that */
	uint64_t disk_generation;	/* grows with each crash; older I/O fails */
	uint64_t flushes, writes, reads, errors, resets, deliveries;
};

void sim_init(struct sim *s, uint64_t seed);
void sim_free(struct sim *s);
/* A number in 0..n-1. */
uint64_t sim_pick(struct sim *s, uint64_t n);
bool sim_chance(struct sim *s, uint32_t ppm);
/* Let @fn happen in @w at @at. */
void sim_at(struct sim *s, struct sim_world *w, uint64_t at,
	    void (*fn)(struct sim *s, void *a, uint64_t b), void *a, uint64_t b);
/* Mix a fact into the trace. */
void sim_note(struct sim *s, uint64_t fact);
/* One event. False: nothing will ever happen again. */
bool sim_step(struct sim *s);

static inline struct sim_world *sim_of(struct world *w)
{
	return (struct sim_world *)w;
}

/* --- sim_net.c --- */
int sim_net_connect(struct world *w, const struct sockaddr *addr, socklen_t len,
		    struct world_sock **ret);
int sim_net_listen(struct world *w, const struct sockaddr *addr, socklen_t len, int backlog,
		   world_accept_fn accept, void *ctx, struct world_sock **ret);
int sim_net_local_addr(struct world_sock *k, struct sockaddr_storage *ret);
int sim_net_error(struct world_sock *k);
ssize_t sim_net_recv(struct world_sock *k, const struct iovec *iov, int iov_count);
ssize_t sim_net_send(struct world_sock *k, const struct iovec *iov, int iov_count);
void sim_net_watch(struct world *w, struct world_sock *k, world_ready_fn ready, void *ctx);
void sim_net_unwatch(struct world_sock *k);
void sim_net_finish(struct world_sock *k);
void sim_net_close(struct world_sock *k, bool abort);
void sim_net_free(struct sim *s);
/* Reset every connection that stands. */
void sim_net_reset_all(struct sim *s);

/* --- sim_disk.c --- */
/* A disk for the (real, empty) file at @path of @size bytes. 0 or negative errno. */
int sim_disk_open(struct sim *s, const char *path, uint64_t size);
void sim_disk_free(struct sim *s);
void sim_disk_submit(struct world *w, struct world_io *io);
/* The power goes: what was not made durable is gone, in pieces of one block at a time. */
void sim_disk_crash(struct sim *s);
