/* SPDX-License-Identifier: BSD-3-Clause */
#include "auth/auth_ctrl.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "nvme/status.h"

#define TRIES_MAX 8	/* transactions that a host may abandon */

typedef enum auth_want (*take_fn)(struct auth_ctrl *c, struct span msg);

static enum auth_want take_reply(struct auth_ctrl *c, struct span msg);
static enum auth_want take_success2(struct auth_ctrl *c, struct span msg);

#define TO(state) (1u << AUTH_CTRL_##state)
#define ANEW	  (TO(KEYGEN) | TO(CHALLENGE) | TO(FAILURE1))	/* what a Negotiate leads to */

/* The life of a queue: what may arrive in each state, and where each state may go. */
static const struct row {
	const char *name;
	enum auth_want want;
	bool begins;		/* Negotiate is welcome */
	bool under_way;		/* Failure2 is understood */
	uint16_t message;	/* what else Authentication Send may bring ... */
	take_fn take;		/* ... and who takes it; NULL: nothing */
	bool ready;		/* a message waits for Authentication Receive */
	uint16_t next;
} rows[] = {
	[AUTH_CTRL_IDLE] = { "idle", AUTH_WANT_COMMAND, .begins = true, .next = ANEW | TO(FAILED) },
	[AUTH_CTRL_KEYGEN] = { "keygen", AUTH_WANT_COMPUTE,
			       .next = TO(CHALLENGE) | TO(FAILURE1) | TO(FAILED) },
	[AUTH_CTRL_CHALLENGE] = { "challenge", AUTH_WANT_COMMAND, .begins = true, .under_way = true,
				  .ready = true, .next = ANEW | TO(REPLY) | TO(FAILED) },
	[AUTH_CTRL_REPLY] = { "reply", AUTH_WANT_COMMAND, .begins = true, .under_way = true,
			      .message = AUTH_REPLY, .take = take_reply,
			      .next = ANEW | TO(VERIFY) | TO(STORE_PSK) | TO(SUCCESS1) |
				      TO(FAILED) },
	[AUTH_CTRL_VERIFY] = { "verify", AUTH_WANT_COMPUTE,
			       .next = TO(STORE_PSK) | TO(SUCCESS1) | TO(FAILURE1) | TO(FAILED) },
	[AUTH_CTRL_STORE_PSK] = { "store-psk", AUTH_WANT_STORE_PSK,
				  .next = TO(SUCCESS1) | TO(FAILURE1) | TO(FAILED) },
	[AUTH_CTRL_SUCCESS1] = { "success1", AUTH_WANT_COMMAND, .begins = true, .under_way = true,
				 .ready = true,
				 .next = ANEW | TO(SUCCESS2) | TO(DONE) | TO(FAILED) },
	[AUTH_CTRL_SUCCESS2] = { "success2", AUTH_WANT_COMMAND, .begins = true, .under_way = true,
				 .message = AUTH_SUCCESS2, .take = take_success2,
				 .next = ANEW | TO(DONE) | TO(FAILED) },
	[AUTH_CTRL_DONE] = { "done", AUTH_WANT_NOTHING, .begins = true, .next = ANEW },
	[AUTH_CTRL_FAILURE1] = { "failure1", AUTH_WANT_COMMAND, .ready = true, .next = TO(FAILED) },
	[AUTH_CTRL_FAILED] = { "failed", AUTH_WANT_CLOSE, .next = 0 },
};
static_assert(ARRAY_SIZE(rows) == AUTH_CTRL_STATE_COUNT, "one row per state");

const char *auth_ctrl_state_name(enum auth_ctrl_state s)
{
	return rows[s].name;
}

enum auth_want auth_ctrl_want(const struct auth_ctrl *c)
{
	return rows[c->state].want;
}

/* The one place that changes the state. */
static enum auth_want enter(struct auth_ctrl *c, enum auth_ctrl_state s)
{
	assert(rows[c->state].next & 1u << s);
	c->state = s;
	return rows[s].want;
}

void auth_ctrl_init(struct auth_ctrl *c, struct world *w, const struct auth_ctrl_config *config,
		    bool required)
{
	memset(c, 0, sizeof(*c));
	c->world = w;
	c->config = config;
	c->deadline_ns = required ? world_now(w) + config->timeout_ns : WORLD_NEVER;
}

void auth_ctrl_clear(struct auth_ctrl *c)
{
	explicit_bzero(c, sizeof(*c));
}

void auth_ctrl_use(struct auth_ctrl *c, const struct auth_ctrl_config *config)
{
	assert(c->state == AUTH_CTRL_IDLE || c->state == AUTH_CTRL_DONE);
	c->config = config;
}

/* It is over; nothing is sent any more. */
static enum auth_want give_up(struct auth_ctrl *c, uint8_t failure, enum cause cause)
{
	c->failure = failure;
	c->cause = cause;
	c->authenticated = false;
	c->deadline_ns = WORLD_NEVER;
	secret_wipe(&c->x.ks);
	secret_wipe(&c->psk);
	return enter(c, AUTH_CTRL_FAILED);
}

/* It failed; Failure1 waits to be fetched, until the deadline. */
static enum auth_want fail(struct auth_ctrl *c, enum auth_failure failure)
{
	struct auth_failed f = { .t_id = c->x.t_id, .failure = (uint8_t)failure };

	c->failure = f.failure;
	c->cause = auth_cause(f.failure);
	c->authenticated = false;
	if (c->deadline_ns == WORLD_NEVER)
		c->deadline_ns = world_now(c->world) + c->config->timeout_ns;
	c->out_len = auth_write_failed(c->out, AUTH_FAILURE1, &f);
	return enter(c, AUTH_CTRL_FAILURE1);
}

/* The transaction succeeded. */
static enum auth_want finish(struct auth_ctrl *c)
{
	c->authenticated = true;
	c->tries = 0;
	c->deadline_ns = WORLD_NEVER;
	c->psk_stored = false;	/* it is good now */
	secret_wipe(&c->x.ks);
	return enter(c, AUTH_CTRL_DONE);
}

/* ---- Negotiate, Challenge ---- */

/* May a host ask for this SC_C here? Base 2.1 §8.3.5.5.9, and what the configuration allows. */
static bool concat_fits(const struct auth_ctrl_config *g, uint8_t concat)
{
	switch (concat) {
	case AUTH_NO_CONCAT:
		return g->tls || g->concat != AUTH_CONCAT_REQUIRED;
	case AUTH_NEW_TLS_PSK:
		return g->admin_queue && !g->tls && g->concat != AUTH_CONCAT_NEVER;
	case AUTH_REPLACE_TLS_PSK:
		return g->admin_queue && g->tls && g->concat != AUTH_CONCAT_NEVER;
	default:
		return false;
	}
}

static enum auth_want make_challenge(struct auth_ctrl *c)
{
	struct auth_challenge m = { .t_id = c->x.t_id,
				    .hash = c->x.hash,
				    .group = c->x.group,
				    .seq = c->x.s1,
				    .c1 = span_of(c->x.c1, hash_len((enum nvme_hash)c->x.hash)),
				    .dh = span_of(c->job.own, ffdh_len(c->x.group)) };

	c->out_len = auth_write_challenge(c->out, &m);
	return enter(c, AUTH_CTRL_CHALLENGE);
}

/* A sequence number: random at first, then counted, never 0. */
static uint32_t next_seq(struct auth_ctrl *c)
{
	if (c->seq == 0)
		world_random(c->world, &c->seq, sizeof(c->seq));
	else
		c->seq++;
	if (c->seq == 0)
		c->seq = 1;
	return c->seq;
}

static enum auth_want challenge(struct auth_ctrl *c)
{
	struct auth_job *j = &c->job;

	c->x.s1 = next_seq(c);
	world_random(c->world, c->x.c1, hash_len((enum nvme_hash)c->x.hash));
	if (c->x.group == FFDH_NULL)
		return make_challenge(c);
	explicit_bzero(j, sizeof(*j));
	j->hash = c->x.hash;
	j->group = c->x.group;
	j->want_own = true;
	j->x.len = (uint8_t)ffdh_private_len(j->group);
	world_random(c->world, j->x.bytes, j->x.len);
	return enter(c, AUTH_CTRL_KEYGEN);
}

/* Forget the transaction before, set the clock. */
static void begin(struct auth_ctrl *c, uint16_t t_id)
{
	explicit_bzero(&c->x, sizeof(c->x));
	c->x.t_id = t_id;
	c->x.hostnqn = c->config->hostnqn;
	c->x.subsysnqn = c->config->subsysnqn;
	c->mutual = false;
	if (c->deadline_ns == WORLD_NEVER)	/* one deadline for all attempts */
		c->deadline_ns = world_now(c->world) + c->config->timeout_ns;
}

static enum auth_want take_negotiate(struct auth_ctrl *c, uint16_t t_id, struct span msg)
{
	struct auth_negotiate n;
	enum auth_failure failure;

	begin(c, t_id);
	if (++c->tries > TRIES_MAX)
		return fail(c, AUTH_FAILED);
	failure = auth_parse_negotiate(msg, &n);
	if (failure == AUTH_FINE && !concat_fits(c->config, n.concat))
		failure = AUTH_CONCAT_MISMATCH;
	if (failure == AUTH_FINE)
		failure = auth_policy_choose(&c->config->policy, &n, &c->x.hash, &c->x.group);
	if (failure != AUTH_FINE)
		return fail(c, failure);
	c->x.concat = n.concat;
	return challenge(c);
}

/* ---- Reply ---- */

static enum auth_want make_success1(struct auth_ctrl *c)
{
	uint8_t r2[HASH_LEN_MAX], hl = (uint8_t)hash_len((enum nvme_hash)c->x.hash);
	struct auth_success1 m = { .t_id = c->x.t_id, .hl = hl, .r2_valid = c->mutual };

	if (c->mutual) {
		if (dhchap_response2(&c->x, &c->config->k_c, r2))
			return fail(c, AUTH_FAILED);
		m.r2 = span_of(r2, hl);
	}
	c->out_len = auth_write_success1(c->out, &m);
	return enter(c, AUTH_CTRL_SUCCESS1);
}

static bool host_proved(const struct auth_ctrl *c)
{
	uint8_t want[HASH_LEN_MAX];

	return c->config->k_h.len && dhchap_response1(&c->x, &c->config->k_h, want) == 0 &&
	       bytes_equal_ct(want, c->r1, hash_len((enum nvme_hash)c->x.hash));
}

/* All that a Reply holds is known, and the session key. */
static enum auth_want verify(struct auth_ctrl *c)
{
	size_t hl = hash_len((enum nvme_hash)c->x.hash);

	if (c->c2_valid && memcmp(c->x.c1, c->x.c2, hl) == 0)	/* reflected; both are public */
		return fail(c, AUTH_FAILED);
	if (!host_proved(c))
		return fail(c, AUTH_FAILED);
	if (c->mutual && c->config->k_c.len == 0)
		return fail(c, AUTH_FAILED);
	if (c->x.concat == AUTH_NO_CONCAT)
		return make_success1(c);
	if (dhchap_generated_psk(&c->x, &c->psk))
		return fail(c, AUTH_FAILED);
	return enter(c, AUTH_CTRL_STORE_PSK);
}

/* With concatenation C2 has to be there, and S2 0 asks for no proof; else they go together. */
static bool c2_fits(const struct auth_ctrl *c, const struct auth_reply *r)
{
	if (c->x.concat != AUTH_NO_CONCAT)
		return r->c2_valid;
	return !r->c2_valid || r->seq != 0;
}

static enum auth_want take_reply(struct auth_ctrl *c, struct span msg)
{
	size_t hl = hash_len((enum nvme_hash)c->x.hash);
	struct auth_job *j = &c->job;
	struct auth_reply r;

	if (auth_parse_reply(msg, hl, &r) != AUTH_FINE || r.dh.len != ffdh_len(c->x.group) ||
	    !c2_fits(c, &r))
		return fail(c, AUTH_BAD_PAYLOAD);
	c->x.s2 = r.seq;
	c->c2_valid = r.c2_valid;
	c->mutual = r.c2_valid && r.seq != 0;
	memcpy(c->x.c2, r.c2.ptr, hl);
	memcpy(c->r1, r.r1.ptr, hl);
	if (c->x.group == FFDH_NULL)
		return verify(c);
	memcpy(j->peer, r.dh.ptr, r.dh.len);
	j->want_own = false;
	j->want_key = true;
	return enter(c, AUTH_CTRL_VERIFY);
}

enum auth_want auth_ctrl_computed(struct auth_ctrl *c)
{
	struct auth_job *j = &c->job;

	if (c->state == AUTH_CTRL_FAILED)
		return AUTH_WANT_CLOSE;
	if (j->failure != AUTH_FINE)
		return fail(c, (enum auth_failure)j->failure);
	if (c->state == AUTH_CTRL_KEYGEN)
		return make_challenge(c);
	assert(c->state == AUTH_CTRL_VERIFY);
	secret_copy(&c->x.ks, &j->ks);
	explicit_bzero(j, sizeof(*j));
	return verify(c);
}

enum auth_want auth_ctrl_psk_stored(struct auth_ctrl *c, bool good)
{
	if (c->state == AUTH_CTRL_FAILED)
		return AUTH_WANT_CLOSE;
	assert(c->state == AUTH_CTRL_STORE_PSK);
	secret_wipe(&c->psk);
	c->psk_stored = good;
	return good ? make_success1(c) : fail(c, AUTH_FAILED);
}

/* ---- Success2, Failure2 ---- */

static enum auth_want take_success2(struct auth_ctrl *c, struct span msg)
{
	return auth_parse_success2(msg) == AUTH_FINE ? finish(c) : fail(c, AUTH_BAD_PAYLOAD);
}

static enum auth_want take_failure2(struct auth_ctrl *c, struct span msg)
{
	struct auth_failed f;

	if (auth_parse_failed(msg, &f) != AUTH_FINE)
		f.failure = AUTH_FAILED;
	c->by_peer = true;
	return give_up(c, f.failure, auth_cause(f.failure));
}

/* ---- commands, time ---- */

enum auth_want auth_ctrl_send(struct auth_ctrl *c, struct span msg)
{
	const struct row *row = &rows[c->state];
	struct auth_head h;

	assert(row->want != AUTH_WANT_COMPUTE && row->want != AUTH_WANT_STORE_PSK);
	if (c->state == AUTH_CTRL_FAILURE1 || c->state == AUTH_CTRL_FAILED)
		return row->want;	/* one chance per connection */
	if (!auth_parse_head(msg, &h))
		return fail(c, AUTH_BAD_PAYLOAD);
	if (h.message == AUTH_NEGOTIATE && row->begins && !c->psk_stored)
		return take_negotiate(c, h.t_id, msg);
	if (h.message == AUTH_FAILURE2 && row->under_way)
		return take_failure2(c, msg);
	if (!row->take || h.message != row->message)
		return fail(c, AUTH_BAD_MESSAGE);
	if (h.t_id != c->x.t_id)
		return fail(c, AUTH_BAD_PAYLOAD);
	return row->take(c, msg);
}

/* The message of a state with .ready was fetched. */
static void delivered(struct auth_ctrl *c)
{
	if (c->state == AUTH_CTRL_CHALLENGE)
		enter(c, AUTH_CTRL_REPLY);
	else if (c->state == AUTH_CTRL_FAILURE1)
		give_up(c, c->failure, c->cause);
	else if (c->mutual)
		enter(c, AUTH_CTRL_SUCCESS2);
	else
		finish(c);
}

uint16_t auth_ctrl_receive(struct auth_ctrl *c, uint32_t al, struct span *ret_msg)
{
	assert(auth_ctrl_want(c) != AUTH_WANT_COMPUTE && auth_ctrl_want(c) != AUTH_WANT_STORE_PSK);
	*ret_msg = span_of(c->out, 0);
	if (c->state == AUTH_CTRL_FAILED)
		return NVME_SC_CMD_SEQ_ERROR | NVME_STATUS_DNR;
	if (!rows[c->state].ready)
		fail(c, AUTH_BAD_MESSAGE);
	if (al < c->out_len)
		return NVME_SC_INVALID_FIELD | NVME_STATUS_DNR;
	*ret_msg = span_of(c->out, c->out_len);
	delivered(c);
	return 0;
}

enum auth_want auth_ctrl_expire(struct auth_ctrl *c)
{
	if (world_now(c->world) < c->deadline_ns)
		return auth_ctrl_want(c);
	if (c->state == AUTH_CTRL_FAILURE1)	/* never fetched: the reason stays what it was */
		return give_up(c, c->failure, c->cause);
	return give_up(c, AUTH_FAILED, CAUSE_AUTH_TIMEOUT);
}
