/* SPDX-License-Identifier: BSD-3-Clause */
/* tally - what an agent has done, counted by result: a log line per handshake, and the text of --status. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/log.h"
#include "tlshd/shake.h"

struct tally {
	uint64_t requests, sessions, crashed, late, x509;
	uint64_t refused[CAUSE_COUNT];
	unsigned int waiting, running, workers;	/* at this moment; at most */
	int64_t since_s;			/* CLOCK_MONOTONIC */
	struct log_rate rate;
};

/* "127.0.0.1:4420" or "[::1]:4420": who is at the other end of @fd; @ret has 64 bytes. */
void tally_peer(int fd, char *ret);
/* Count a handshake that ended as @r, and say so: one line, with the cause and the next step. */
void tally_result(struct tally *t, enum hs_role role, const char *peer,
		  const struct shake_result *r);
/* As many bytes of text as @size has room for; returns the length. */
size_t tally_text(const struct tally *t, char *text, size_t size);
