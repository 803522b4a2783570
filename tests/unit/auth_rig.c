/* SPDX-License-Identifier: BSD-3-Clause */
#include "auth_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "auth/dhchap_key.h"
#include "base/bytes.h"

static uint64_t now_ns(struct world *w)
{
	return container_of(w, struct auth_rig, world)->now_ns;
}

static void draw(struct world *w, void *buf, size_t len)
{
	struct auth_rig *r = container_of(w, struct auth_rig, world);

	if (!r->script_count) {
		prng_fill(&r->prng, buf, len);
		return;
	}
	if (r->script->len != len)
		fail_msg("%zu bytes drawn, %zu in the script", len, r->script->len);
	memcpy(buf, r->script->ptr, len);
	r->script++;
	r->script_count--;
}

static const struct world_ops ops = { .name = "rig", .now_ns = now_ns, .random = draw };

static void key_of(uint8_t first, const char *nqn, struct secret *ret)
{
	struct dhchap_key key = { .hash = NVME_HASH_SHA256, .secret = { .len = 32 } };

	for (size_t i = 0; i < 32; i++)
		key.secret.bytes[i] = (uint8_t)(first + i);
	assert_false(fault_is(dhchap_key_transform(&key, nqn, ret)));
}

void rig_restrict(struct auth_policy *p, uint8_t hash, uint8_t group)
{
	*p = (struct auth_policy){ .hash_count = 1, .group_count = 1 };
	p->hashes[0] = hash;
	p->groups[0] = group;
}

void rig_init(struct auth_rig *r)
{
	memset(r, 0, sizeof(*r));
	r->world.ops = &ops;
	prng_seed(&r->prng, 6);
	r->hc = (struct auth_host_config){ .hostnqn = RIG_HOST,
					   .subsysnqn = RIG_SUBSYS,
					   .policy = auth_policy_strongest,
					   .timeout_ns = 60 * NS_PER_SEC };
	r->cc = (struct auth_ctrl_config){ .hostnqn = RIG_HOST,
					   .subsysnqn = RIG_SUBSYS,
					   .concat = AUTH_CONCAT_ALLOWED,
					   .admin_queue = true,
					   .timeout_ns = 120 * NS_PER_SEC };
	rig_restrict(&r->cc.policy, NVME_HASH_SHA256, FFDHE_2048);
	key_of(0x00, RIG_HOST, &r->hc.k_h);
	key_of(0x20, RIG_SUBSYS, &r->hc.k_c);
	secret_copy(&r->cc.k_h, &r->hc.k_h);
	secret_copy(&r->cc.k_c, &r->hc.k_c);
	auth_host_init(&r->h, &r->world, &r->hc);
	auth_ctrl_init(&r->c, &r->world, &r->cc, true);
}

void rig_free(struct auth_rig *r)
{
	auth_host_clear(&r->h);
	auth_ctrl_clear(&r->c);
}

int rig_index(uint16_t message)
{
	static const uint16_t all[RIG_MESSAGES] = { AUTH_NEGOTIATE, AUTH_CHALLENGE, AUTH_REPLY,
						    AUTH_SUCCESS1,  AUTH_SUCCESS2,  AUTH_FAILURE1,
						    AUTH_FAILURE2 };

	for (int i = 0; i < RIG_MESSAGES; i++)
		if (all[i] == message)
			return i;
	fail_msg("message %04x", message);
	return -1;
}

/* Note a message as it was sent, then let it be changed. */
static struct span carry(struct auth_rig *r, struct span msg, uint8_t *buf)
{
	struct auth_head head;
	size_t len = msg.len;
	int i;

	assert_true(auth_parse_head(msg, &head));
	i = rig_index(head.message);
	memcpy(buf, msg.ptr, len);
	memcpy(r->seen[i].buf, msg.ptr, len);
	r->seen[i].len = len;
	if (r->meddle)
		r->meddle(r, buf, &len);
	return span_of(buf, len);
}

static void run_ctrl(struct auth_rig *r)
{
	for (;;) {
		switch (auth_ctrl_want(&r->c)) {
		case AUTH_WANT_COMPUTE:
			auth_job_run(&r->c.job);
			r->jobs++;
			auth_ctrl_computed(&r->c);
			break;
		case AUTH_WANT_STORE_PSK:
			assert_int_equal(r->seen[rig_index(AUTH_SUCCESS1)].len, 0);
			secret_copy(&r->ctrl_psk, &r->c.psk);
			r->stored++;
			auth_ctrl_psk_stored(&r->c, true);
			break;
		default:
			return;
		}
	}
}

static void rig_send(struct auth_rig *r)
{
	uint8_t buf[AUTH_TRANSFER_MAX];
	struct span msg = carry(r, auth_host_message(&r->h), buf);

	auth_ctrl_send(&r->c, msg);
	run_ctrl(r);
	auth_host_sent(&r->h);
}

/* As Linux before 6.18 did, there is garbage behind the message. */
static void rig_receive(struct auth_rig *r)
{
	uint8_t buf[AUTH_TRANSFER_MAX];
	struct span msg;

	if (auth_ctrl_receive(&r->c, AUTH_TRANSFER_MAX, &msg)) {
		auth_host_lost(&r->h, CAUSE_PEER_CLOSED);
		return;
	}
	memset(buf, 0xa5, sizeof(buf));
	msg = carry(r, msg, buf);
	if (msg.len == r->seen[rig_index((uint16_t)(buf[0] << 8 | buf[1]))].len)
		msg.len = sizeof(buf);
	auth_host_data(&r->h, msg);
	auth_host_received(&r->h, msg);
}

static bool step(struct auth_rig *r)
{
	switch (auth_host_want(&r->h)) {
	case AUTH_WANT_SEND:
		rig_send(r);
		return true;
	case AUTH_WANT_RECEIVE:
		rig_receive(r);
		return true;
	case AUTH_WANT_COMPUTE:
		auth_job_run(&r->h.job);
		r->jobs++;
		auth_host_computed(&r->h);
		return true;
	case AUTH_WANT_STORE_PSK:
		secret_copy(&r->host_psk, &r->h.psk);
		auth_host_psk_stored(&r->h, true);
		return true;
	default:
		return false;
	}
}

bool rig_run_some(struct auth_rig *r, enum auth_concat concat, int steps)
{
	memcpy(r->before, r->seen, sizeof(r->before));
	memset(r->seen, 0, sizeof(r->seen));
	auth_host_start(&r->h, concat);
	for (; steps; steps--)
		if (!step(r))
			return false;
	return true;
}

void rig_run(struct auth_rig *r, enum auth_concat concat)
{
	assert_false(rig_run_some(r, concat, 20));
}
