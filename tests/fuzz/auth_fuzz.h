/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * auth_fuzz - a host and a controller in one transaction, one message of which is spoiled: for
 * fuzz_auth_host and fuzz_auth_ctrl. Jobs are not run (Diffie-Hellman is too slow, and of no
 * interest here): both ends are given the same session key.
 *
 *	byte 0	1:0 which message of the victim's (see the targets), 2 XOR instead of replace,
 *		3 NULL group, 4 concatenation, 5 mutual, 6 SHA-384
 *	rest	the bytes, laid over the message or instead of it
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "auth/auth_ctrl.h"
#include "auth/auth_host.h"
#include "base/bytes.h"

#define MUST(x)                  \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct auth_fuzz {
	struct world world;
	uint64_t drawn;
	struct auth_host_config hc;
	struct auth_ctrl_config cc;
	struct auth_host h;
	struct auth_ctrl c;
	uint8_t setup;
	struct span bytes;	/* of the input */
	uint16_t victim;	/* enum auth_message */
	bool spoiled;		/* the message changed on its way */
	uint8_t sent[AUTH_TRANSFER_MAX], got[AUTH_TRANSFER_MAX];
	size_t sent_len, got_len;	/* the victim, before and after */
};

static inline uint64_t auth_fuzz_now(struct world *w)
{
	(void)w;
	return 1;
}

static inline void auth_fuzz_draw(struct world *w, void *buf, size_t len)
{
	struct auth_fuzz *f = container_of(w, struct auth_fuzz, world);

	memset(buf, (int)(++f->drawn), len);
}

static inline void auth_fuzz_configure(struct auth_fuzz *f)
{
	f->hc.hostnqn = f->cc.hostnqn = "nqn.fuzz:host";
	f->hc.subsysnqn = f->cc.subsysnqn = "nqn.fuzz:subsys";
	f->hc.policy = auth_policy_strongest;
	f->cc.policy = (struct auth_policy){ .hash_count = 1, .group_count = 1 };
	f->cc.policy.hashes[0] = f->setup & 64 ? NVME_HASH_SHA384 : NVME_HASH_SHA256;
	f->cc.policy.groups[0] = f->setup & 8 && !(f->setup & 16) ? FFDH_NULL : FFDHE_2048;
	f->hc.timeout_ns = f->cc.timeout_ns = NS_PER_SEC;
	f->cc.concat = AUTH_CONCAT_ALLOWED;
	f->cc.admin_queue = true;
	f->hc.k_h.len = f->cc.k_h.len = f->cc.k_c.len = 32;
	memset(f->hc.k_h.bytes, 'h', 32);
	memset(f->cc.k_h.bytes, 'h', 32);
	memset(f->cc.k_c.bytes, 'c', 32);
	if (f->setup & 32)
		secret_copy(&f->hc.k_c, &f->cc.k_c);
}

static inline void auth_fuzz_init(struct auth_fuzz *f, const uint8_t *data, size_t size,
				  const uint16_t *victims)
{
	static const struct world_ops ops = { .now_ns = auth_fuzz_now, .random = auth_fuzz_draw };

	memset(f, 0, sizeof(*f));
	f->world.ops = &ops;
	f->setup = data[0];
	f->victim = victims[data[0] & 3];
	f->bytes = span_of(data + 1, min_u64(size - 1, AUTH_TRANSFER_MAX));
	auth_fuzz_configure(f);
	auth_host_init(&f->h, &f->world, &f->hc);
	auth_ctrl_init(&f->c, &f->world, &f->cc, true);
}

/* A message on its way; the victim is spoiled. The result has memory of exactly its length. */
static inline struct span auth_fuzz_carry(struct auth_fuzz *f, struct span msg)
{
	struct auth_head head;
	size_t n = min_u64(f->bytes.len, msg.len);

	MUST(auth_parse_head(msg, &head) && msg.len <= AUTH_MESSAGE_MAX);
	if (head.message != f->victim)
		return msg;
	f->sent_len = f->got_len = msg.len;
	memcpy(f->sent, msg.ptr, msg.len);
	memcpy(f->got, msg.ptr, msg.len);
	if (f->setup & 4) {
		for (size_t i = 0; i < n; i++)
			f->got[i] ^= f->bytes.ptr[i];
	} else {
		f->got_len = f->bytes.len;
		memcpy(f->got, f->bytes.ptr, f->bytes.len);
	}
	f->spoiled = f->got_len != f->sent_len || memcmp(f->got, f->sent, f->got_len) != 0;
	return span_of(f->got, f->got_len);
}

/* What Diffie-Hellman would have given. */
static inline void auth_fuzz_job(struct auth_job *j)
{
	memset(j->own, 0x77, sizeof(j->own));
	j->ks.len = (uint8_t)hash_len((enum nvme_hash)j->hash);
	memset(j->ks.bytes, 'k', j->ks.len);
	j->failure = AUTH_FINE;
}

static inline void auth_fuzz_ctrl_turn(struct auth_fuzz *f)
{
	for (int i = 0; i < 3; i++) {
		if (auth_ctrl_want(&f->c) == AUTH_WANT_COMPUTE) {
			auth_fuzz_job(&f->c.job);
			auth_ctrl_computed(&f->c);
		} else if (auth_ctrl_want(&f->c) == AUTH_WANT_STORE_PSK) {
			MUST(f->c.psk.len == hash_len((enum nvme_hash)f->c.x.hash));
			auth_ctrl_psk_stored(&f->c, true);
		}
	}
}

static inline void auth_fuzz_receive(struct auth_fuzz *f)
{
	struct span msg;

	if (auth_ctrl_receive(&f->c, AUTH_TRANSFER_MAX, &msg)) {
		auth_host_lost(&f->h, CAUSE_PEER_CLOSED);
		return;
	}
	msg = auth_fuzz_carry(f, msg);
	auth_host_data(&f->h, msg);
	auth_host_received(&f->h, msg);
}

/* One transaction, to its end. */
static inline void auth_fuzz_run(struct auth_fuzz *f)
{
	auth_host_start(&f->h, f->setup & 16 ? AUTH_NEW_TLS_PSK : AUTH_NO_CONCAT);
	for (int i = 0; i < 20; i++) {
		switch (auth_host_want(&f->h)) {
		case AUTH_WANT_SEND:
			auth_ctrl_send(&f->c, auth_fuzz_carry(f, auth_host_message(&f->h)));
			auth_fuzz_ctrl_turn(f);
			auth_host_sent(&f->h);
			break;
		case AUTH_WANT_RECEIVE:
			auth_fuzz_receive(f);
			break;
		case AUTH_WANT_COMPUTE:
			auth_fuzz_job(&f->h.job);
			auth_host_computed(&f->h);
			break;
		case AUTH_WANT_STORE_PSK:
			auth_host_psk_stored(&f->h, true);
			break;
		default:
			return;
		}
	}
	abort();	/* it always ends */
}

/* Whatever was sent: both ends agree about what they proved, and nothing secret is left. */
static inline void auth_fuzz_judge(const struct auth_fuzz *f)
{
	if (!f->spoiled)
		MUST(f->h.state == AUTH_HOST_DONE && f->c.state == AUTH_CTRL_DONE);
	MUST(f->c.authenticated == (f->c.state == AUTH_CTRL_DONE));
	MUST(f->h.state != AUTH_HOST_FAILED || f->h.cause != CAUSE_NONE);
	MUST(f->c.state != AUTH_CTRL_FAILED || f->c.cause != CAUSE_NONE);
	MUST(f->c.psk.len == 0 && f->h.psk.len == 0);
}
