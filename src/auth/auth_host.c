/* SPDX-License-Identifier: BSD-3-Clause */
#include "auth/auth_host.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"

typedef enum auth_want (*take_fn)(struct auth_host *h, struct span msg);

static enum auth_want take_challenge(struct auth_host *h, struct span msg);
static enum auth_want take_success1(struct auth_host *h, struct span msg);
static enum auth_want succeed(struct auth_host *h);

#define TO(state) (1u << AUTH_HOST_##state)
#define WRONG	  (TO(FAILURE2) | TO(FAILED))

/* The life of a queue: what may happen in each state, and where each state may go. */
static const struct row {
	const char *name;
	enum auth_want want;
	enum auth_host_state sent;	/* want SEND: where the completion leads (IDLE: succeed()) */
	uint16_t message;		/* want RECEIVE: what has to come ... */
	take_fn take;			/* ... and who takes it */
	uint16_t next;
} rows[] = {
	[AUTH_HOST_IDLE] = { "idle", AUTH_WANT_NOTHING, .next = TO(NEGOTIATE) | TO(FAILED) },
	[AUTH_HOST_NEGOTIATE] = { "negotiate", AUTH_WANT_SEND, .sent = AUTH_HOST_CHALLENGE,
				  .next = TO(CHALLENGE) | TO(FAILED) },
	[AUTH_HOST_CHALLENGE] = { "challenge", AUTH_WANT_RECEIVE, .message = AUTH_CHALLENGE,
				  .take = take_challenge,
				  .next = TO(COMPUTE) | TO(REPLY) | WRONG },
	[AUTH_HOST_COMPUTE] = { "compute", AUTH_WANT_COMPUTE, .next = TO(REPLY) | WRONG },
	[AUTH_HOST_REPLY] = { "reply", AUTH_WANT_SEND, .sent = AUTH_HOST_SUCCESS1,
			      .next = TO(SUCCESS1) | TO(FAILED) },
	[AUTH_HOST_SUCCESS1] = { "success1", AUTH_WANT_RECEIVE, .message = AUTH_SUCCESS1,
				 .take = take_success1,
				 .next = TO(SUCCESS2) | TO(STORE_PSK) | TO(DONE) | WRONG },
	[AUTH_HOST_SUCCESS2] = { "success2", AUTH_WANT_SEND, .sent = AUTH_HOST_IDLE,
				 .next = TO(STORE_PSK) | TO(DONE) | TO(FAILED) },
	[AUTH_HOST_STORE_PSK] = { "store-psk", AUTH_WANT_STORE_PSK, .next = TO(DONE) | TO(FAILED) },
	[AUTH_HOST_DONE] = { "done", AUTH_WANT_NOTHING, .next = TO(NEGOTIATE) | TO(FAILED) },
	[AUTH_HOST_FAILURE2] = { "failure2", AUTH_WANT_SEND, .sent = AUTH_HOST_FAILED,
				 .next = TO(FAILED) },
	[AUTH_HOST_FAILED] = { "failed", AUTH_WANT_CLOSE, .next = 0 },
};
static_assert(ARRAY_SIZE(rows) == AUTH_HOST_STATE_COUNT, "one row per state");

const char *auth_host_state_name(enum auth_host_state s)
{
	return rows[s].name;
}

enum auth_want auth_host_want(const struct auth_host *h)
{
	return rows[h->state].want;
}

struct span auth_host_message(const struct auth_host *h)
{
	assert(rows[h->state].want == AUTH_WANT_SEND);
	return span_of(h->out, h->out_len);
}

/* The one place that changes the state. */
static enum auth_want enter(struct auth_host *h, enum auth_host_state s)
{
	assert(rows[h->state].next & 1u << s);
	h->state = s;
	return rows[s].want;
}

void auth_host_init(struct auth_host *h, struct world *w, const struct auth_host_config *config)
{
	memset(h, 0, sizeof(*h));
	h->world = w;
	h->config = config;
	h->deadline_ns = WORLD_NEVER;
	world_random(w, &h->t_id, sizeof(h->t_id));
}

void auth_host_clear(struct auth_host *h)
{
	explicit_bzero(h, sizeof(*h));
}

/* It is over, and there is nothing to tell the controller. */
static enum auth_want give_up(struct auth_host *h, uint8_t failure, enum cause cause)
{
	h->failure = failure;
	h->cause = cause;
	h->deadline_ns = WORLD_NEVER;
	secret_wipe(&h->x.ks);
	secret_wipe(&h->psk);
	return enter(h, AUTH_HOST_FAILED);
}

/* The controller is wrong: tell it, then end. */
static enum auth_want fail(struct auth_host *h, enum auth_failure failure, enum cause cause)
{
	struct auth_failed f = { .t_id = h->x.t_id, .failure = (uint8_t)failure };

	h->failure = f.failure;
	h->cause = cause;
	h->out_len = auth_write_failed(h->out, AUTH_FAILURE2, &f);
	return enter(h, AUTH_HOST_FAILURE2);
}

static enum auth_want bad_payload(struct auth_host *h)
{
	return fail(h, AUTH_BAD_PAYLOAD, CAUSE_AUTH_PROTOCOL);
}

/* ---- Negotiate ---- */

enum auth_want auth_host_start(struct auth_host *h, enum auth_concat concat)
{
	struct auth_negotiate *n = &h->offer;

	assert(h->state == AUTH_HOST_IDLE || h->state == AUTH_HOST_DONE);
	assert(h->config->k_h.len);
	explicit_bzero(&h->x, sizeof(h->x));
	h->x.t_id = n->t_id = h->t_id++;
	h->x.concat = n->concat = (uint8_t)concat;
	h->x.hostnqn = h->config->hostnqn;
	h->x.subsysnqn = h->config->subsysnqn;
	if (!auth_policy_offer(&h->config->policy, n))
		return give_up(h, AUTH_NO_HASH, CAUSE_AUTH_NO_COMMON);
	h->deadline_ns = world_now(h->world) + h->config->timeout_ns;
	h->out_len = auth_write_negotiate(h->out, n);
	return enter(h, AUTH_HOST_NEGOTIATE);
}

enum auth_want auth_host_sent(struct auth_host *h)
{
	const struct row *row = &rows[h->state];

	assert(row->want == AUTH_WANT_SEND);
	if (h->state == AUTH_HOST_FAILURE2)
		return give_up(h, h->failure, h->cause);
	return row->sent == AUTH_HOST_IDLE ? succeed(h) : enter(h, row->sent);
}

/* ---- Challenge, Reply ---- */

/* A sequence number: random at first, then counted, never 0. */
static uint32_t next_seq(struct auth_host *h)
{
	if (h->seq == 0)
		world_random(h->world, &h->seq, sizeof(h->seq));
	else
		h->seq++;
	if (h->seq == 0)
		h->seq = 1;
	return h->seq;
}

static bool mutual(const struct auth_host *h)
{
	return h->config->k_c.len > 0;
}

static enum auth_want make_reply(struct auth_host *h)
{
	uint8_t r1[HASH_LEN_MAX];
	size_t hl = hash_len((enum nvme_hash)h->x.hash);
	struct auth_reply m = { .t_id = h->x.t_id,
				.c2_valid = mutual(h) || h->x.concat != AUTH_NO_CONCAT,
				.seq = h->x.s2,
				.r1 = span_of(r1, hl),
				.c2 = span_of(h->x.c2, hl),
				.dh = span_of(h->job.own, ffdh_len(h->x.group)) };

	if (dhchap_response1(&h->x, &h->config->k_h, r1))
		return fail(h, AUTH_FAILED, CAUSE_AUTH_FAILED);
	h->out_len = auth_write_reply(h->out, &m);
	return enter(h, AUTH_HOST_REPLY);
}

/* Fill the job in; @peer is the controller's value. */
static enum auth_want compute(struct auth_host *h, struct span peer)
{
	struct auth_job *j = &h->job;

	explicit_bzero(j, sizeof(*j));
	j->hash = h->x.hash;
	j->group = h->x.group;
	j->want_own = j->want_key = true;
	j->x.len = (uint8_t)ffdh_private_len(j->group);
	world_random(h->world, j->x.bytes, j->x.len);
	memcpy(j->peer, peer.ptr, peer.len);
	return enter(h, AUTH_HOST_COMPUTE);
}

/* What the challenge names must have been offered, and be as long as it has to. */
static enum auth_failure judge(const struct auth_host *h, const struct auth_challenge *m)
{
	if (!memchr(h->offer.hashes, m->hash, h->offer.hash_count))
		return AUTH_NO_HASH;
	if (!memchr(h->offer.groups, m->group, h->offer.group_count))
		return AUTH_NO_GROUP;
	if (m->c1.len != hash_len((enum nvme_hash)m->hash) || m->dh.len != ffdh_len(m->group) ||
	    m->seq == 0)
		return AUTH_BAD_PAYLOAD;
	return AUTH_FINE;
}

static enum auth_want take_challenge(struct auth_host *h, struct span msg)
{
	struct auth_challenge m;
	enum auth_failure failure = auth_parse_challenge(msg, &m);

	if (failure == AUTH_FINE)
		failure = judge(h, &m);
	if (failure != AUTH_FINE)
		return fail(h, failure, auth_cause((uint8_t)failure));
	h->x.hash = m.hash;
	h->x.group = m.group;
	h->x.s1 = m.seq;
	memcpy(h->x.c1, m.c1.ptr, m.c1.len);
	/* As Linux: C2 is zero unless it is needed; S2 0 asks for no proof. */
	if (mutual(h) || h->x.concat != AUTH_NO_CONCAT)
		world_random(h->world, h->x.c2, m.c1.len);
	h->x.s2 = mutual(h) ? next_seq(h) : 0;
	return m.group == FFDH_NULL ? make_reply(h) : compute(h, m.dh);
}

enum auth_want auth_host_computed(struct auth_host *h)
{
	struct auth_job *j = &h->job;

	if (h->state == AUTH_HOST_FAILED)
		return AUTH_WANT_CLOSE;
	assert(h->state == AUTH_HOST_COMPUTE);
	secret_wipe(&j->x);
	if (j->failure != AUTH_FINE)
		return fail(h, (enum auth_failure)j->failure, auth_cause(j->failure));
	secret_copy(&h->x.ks, &j->ks);
	secret_wipe(&j->ks);
	return make_reply(h);
}

/* ---- Success1 ---- */

static bool controller_proved(const struct auth_host *h, struct span r2)
{
	uint8_t want[HASH_LEN_MAX];

	return dhchap_response2(&h->x, &h->config->k_c, want) == 0 &&
	       bytes_equal_ct(want, r2.ptr, r2.len);
}

static enum auth_want finish(struct auth_host *h)
{
	h->deadline_ns = WORLD_NEVER;
	secret_wipe(&h->x.ks);
	return enter(h, AUTH_HOST_DONE);
}

/* Both have proved what they had to; is there a PSK to make? */
static enum auth_want succeed(struct auth_host *h)
{
	if (h->x.concat == AUTH_NO_CONCAT)
		return finish(h);
	if (dhchap_generated_psk(&h->x, &h->psk))
		return give_up(h, AUTH_FAILED, CAUSE_AUTH_FAILED);
	return enter(h, AUTH_HOST_STORE_PSK);
}

static enum auth_want take_success1(struct auth_host *h, struct span msg)
{
	struct auth_success1 m;

	if (auth_parse_success1(msg, &m) != AUTH_FINE ||
	    m.hl != hash_len((enum nvme_hash)h->x.hash) || (m.r2_valid && !mutual(h)))
		return bad_payload(h);
	if (!mutual(h))
		return succeed(h);
	if (!m.r2_valid || !controller_proved(h, m.r2))
		return fail(h, AUTH_FAILED, CAUSE_AUTH_CTRL);
	h->out_len = auth_write_success2(h->out, h->x.t_id);
	return enter(h, AUTH_HOST_SUCCESS2);
}

enum auth_want auth_host_psk_stored(struct auth_host *h, bool good)
{
	if (h->state == AUTH_HOST_FAILED)
		return AUTH_WANT_CLOSE;
	assert(h->state == AUTH_HOST_STORE_PSK);
	secret_wipe(&h->psk);
	return good ? finish(h) : give_up(h, AUTH_FAILED, CAUSE_AUTH_FAILED);
}

/* ---- what came, time ---- */

/* Failure1, of whatever transaction: the controller has ended it. */
static bool take_failure1(struct auth_host *h, struct span msg)
{
	struct auth_head head;
	struct auth_failed f;

	if (!auth_parse_head(msg, &head) || head.message != AUTH_FAILURE1 ||
	    auth_parse_failed(msg, &f) != AUTH_FINE)
		return false;
	h->by_peer = true;
	give_up(h, f.failure, auth_cause(f.failure));
	return true;
}

enum auth_want auth_host_data(struct auth_host *h, struct span data)
{
	if (rows[h->state].want == AUTH_WANT_RECEIVE)
		take_failure1(h, data);
	return auth_host_want(h);
}

enum auth_want auth_host_received(struct auth_host *h, struct span data)
{
	const struct row *row = &rows[h->state];
	struct auth_head head;

	if (h->state == AUTH_HOST_FAILED)
		return AUTH_WANT_CLOSE;	/* auth_host_data() has acted already */
	assert(row->want == AUTH_WANT_RECEIVE);
	if (take_failure1(h, data))
		return AUTH_WANT_CLOSE;
	if (!auth_parse_head(data, &head))
		return bad_payload(h);
	if (head.message != row->message)
		return fail(h, AUTH_BAD_MESSAGE, CAUSE_AUTH_PROTOCOL);
	if (head.t_id != h->x.t_id)
		return bad_payload(h);
	return row->take(h, data);
}

enum auth_want auth_host_lost(struct auth_host *h, enum cause cause)
{
	if (h->state == AUTH_HOST_FAILED)
		return AUTH_WANT_CLOSE;
	if (h->state == AUTH_HOST_FAILURE2)	/* why we ended it counts more */
		return give_up(h, h->failure, h->cause);
	return give_up(h, AUTH_FINE, cause);
}

enum auth_want auth_host_expire(struct auth_host *h)
{
	if (world_now(h->world) < h->deadline_ns)
		return auth_host_want(h);
	return auth_host_lost(h, CAUSE_AUTH_TIMEOUT);
}
