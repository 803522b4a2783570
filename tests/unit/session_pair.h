/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * session_pair - two sessions with small streams above them and two pipes between them.
 *
 * The client's stream sends commands with data in the capsule, the server's answers each with a
 * C2HData and a response; both check every byte. Pipes cut bytes as the seed says, streams
 * block now and then.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/prng.h"
#include "session/session.h"

#define TINY_DEPTH    8
#define TINY_DATA_MAX 40000u

struct tiny {
	struct stream s;
	bool server, greeted;
	bool busy;			/* its backend is not done: not drained */
	struct prng *prng;
	uint32_t total, sent, done;	/* commands */
	uint32_t read_bytes[TINY_DEPTH];	/* client: data of outstanding commands that came */
	uint32_t block_percent;
	uint32_t tokens;		/* memory that the writer holds */
	int inputs, ends, secured;
	enum cause eof;
	struct fault why;		/* of end() */
	struct fault fail_turn;		/* returned by the next turn */
	uint8_t (*buf)[TINY_DATA_MAX];	/* one per outstanding command */
	uint32_t landed;		/* data bytes that were where they should be already */
	struct session_peer peer;
};

struct pair_pipe {
	uint8_t *bytes;
	size_t len, cap;
	bool closed;
};

struct pair {
	struct prng prng;
	struct tiny client, server;
	struct session cs, ss;
	struct pair_pipe up, down;	/* client to server, server to client */
	struct world world;
	uint8_t rx[WORLD_RX_HEADROOM + 3000];
	uint64_t now;
	struct secret client_psk, server_psk;
	size_t cut_max;			/* bytes per receive or send at most; 0: all */
};

struct pair_config {
	uint64_t seed;
	enum session_tls client, server;
	bool wrong_psk, unknown_psk;
	bool hdgst, ddgst;
	uint32_t commands;
	uint32_t block_percent;
	size_t cut_max;
	uint64_t rekey_bytes;
};

void tiny_init(struct tiny *t, bool server, struct prng *prng, bool hdgst, bool ddgst);
void tiny_free(struct tiny *t);

void pair_init(struct pair *p, const struct pair_config *c);
void pair_free(struct pair *p);
/* One turn of both ends. */
void pair_step(struct pair *p);
/* Until both ends are over; fails after too many steps. Time runs. */
void pair_run(struct pair *p);
/* Run one side only: receive (all that is there), turn, job, send. */
void pair_side(struct pair *p, struct session *s);
