/* SPDX-License-Identifier: BSD-3-Clause */
/* auth_wire - how the messages of auth_msg.h lie on the wire. Private to this room. */
#pragma once

#include "nvme/layout.h"

struct auth_wire_head {
	uint8_t type, id;
	uint8_t rsvd2[2];
	uint8_t t_id[2];
};
WIRE_SIZE(auth_wire_head, 6);

/* Followed by NAPD descriptors. */
struct auth_wire_negotiate {
	struct auth_wire_head head;
	uint8_t sc_c;
	uint8_t napd;
};
WIRE_SIZE(auth_wire_negotiate, 8);

struct auth_wire_descriptor {
	uint8_t auth_id;	/* enum auth_type */
	uint8_t rsvd1;
	uint8_t halen, dhlen;
	uint8_t hashes[30], groups[30];
};
WIRE_SIZE(auth_wire_descriptor, 64);
WIRE_AT(auth_wire_descriptor, hashes, 4);
WIRE_AT(auth_wire_descriptor, groups, 34);

/* Followed by C1 (HL bytes) and the DH value (DHVLEN bytes). */
struct auth_wire_challenge {
	struct auth_wire_head head;
	uint8_t hl, rsvd7;
	uint8_t hash, group;
	uint8_t dhvlen[2];
	uint8_t seq[4];
};
WIRE_SIZE(auth_wire_challenge, 16);
WIRE_AT(auth_wire_challenge, dhvlen, 10);

/* Followed by R1 (HL bytes), C2 (HL bytes) and the DH value (DHVLEN bytes). */
struct auth_wire_reply {
	struct auth_wire_head head;
	uint8_t hl, rsvd7;
	uint8_t cvalid, rsvd9;
	uint8_t dhvlen[2];
	uint8_t seq[4];
};
WIRE_SIZE(auth_wire_reply, 16);
WIRE_AT(auth_wire_reply, dhvlen, 10);

/* Followed by R2 (HL bytes) where RVALID is 1. */
struct auth_wire_success1 {
	struct auth_wire_head head;
	uint8_t hl, rsvd7;
	uint8_t rvalid;
	uint8_t rsvd9[7];
};
WIRE_SIZE(auth_wire_success1, 16);

struct auth_wire_success2 {
	struct auth_wire_head head;
	uint8_t rsvd6[10];
};
WIRE_SIZE(auth_wire_success2, 16);

struct auth_wire_failed {
	struct auth_wire_head head;
	uint8_t rcode, rcodeex;
};
WIRE_SIZE(auth_wire_failed, 8);
