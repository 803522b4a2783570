/* SPDX-License-Identifier: BSD-3-Clause */
#include "target/tauth.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "target/target_impl.h"

int tauth_new(struct tconn *tc, const struct tauth_rule *rule)
{
	struct tauth *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->tc = tc;
	a->required = rule->required;
	a->config = (struct auth_ctrl_config){
		.hostnqn = tc->hostnqn,
		.subsysnqn = tc->subsysnqn,
		.policy = rule->keys->policy,
		.concat = rule->concat,
		.admin_queue = rule->admin,
		.tls = tc->peer.tls,
		.timeout_ns = tc->target->config.auth_timeout_ns,
	};
	secret_copy(&a->config.k_h, &rule->keys->k_h);
	secret_copy(&a->config.k_c, &rule->keys->k_c);
	auth_ctrl_init(&a->machine, tc->w, &a->config, a->required);
	tc->auth = a;
	return 0;
}

void tauth_free(struct tconn *tc)
{
	struct tauth *a = tc->auth;

	if (!a)
		return;
	assert(!a->computing);
	explicit_bzero(a, sizeof(*a));
	free(a);
	tc->auth = NULL;
}

uint32_t tauth_authreq(const struct tconn *tc)
{
	const struct tauth *a = tc->auth;

	if (!a || !a->required)
		return 0;
	return a->config.concat == AUTH_CONCAT_REQUIRED && !a->config.tls ?
		       NVME_CONNECT_AUTHREQ_ASCR : NVME_CONNECT_AUTHREQ_ATR;
}

/* It has yielded a PSK, and the host is to come back with it. */
static bool handed_over(const struct tauth *a)
{
	return a->machine.authenticated && a->machine.x.concat == AUTH_NEW_TLS_PSK;
}

bool tauth_settled(const struct tconn *tc)
{
	const struct tauth *a = tc->auth;

	return !a || ((a->machine.authenticated || !a->required) && !handed_over(a));
}

static bool is_property(const struct tcmd *c)
{
	return c->sqe.fctype == NVME_FCTYPE_PROPERTY_GET ||
	       c->sqe.fctype == NVME_FCTYPE_PROPERTY_SET;
}

uint16_t tauth_check(const struct tcmd *c)
{
	bool fabrics = c->sqe.opcode == NVME_ADMIN_FABRICS;

	if (tauth_settled(c->tc))
		return 0;
	if (fabrics && (c->sqe.fctype == NVME_FCTYPE_AUTH_SEND ||
			c->sqe.fctype == NVME_FCTYPE_AUTH_RECV ||
			c->sqe.fctype == NVME_FCTYPE_CONNECT ||
			c->sqe.fctype == NVME_FCTYPE_DISCONNECT))
		return 0;
	/* Linux before 6.18 looks at properties once more before it closes the queue */
	if (fabrics && is_property(c) && handed_over(c->tc->auth))
		return 0;
	return NVME_SC_AUTH_REQUIRED | DNR;
}

/* ---- what the machine wants ---- */

static void go_on(struct tconn *tc, enum auth_want want);

static void work(struct world_job *j)
{
	auth_job_run(&container_of(j, struct tauth, job)->machine.job);
}

/* The job ran, in the world where the connection lives; it may have ended meanwhile. */
static void computed(struct world *w, struct world_job *j)
{
	struct tauth *a = container_of(j, struct tauth, job);
	struct tconn *tc = a->tc;

	(void)w;
	a->computing = false;
	tc->in_flight--;
	if (!tc->ended)
		go_on(tc, auth_ctrl_computed(&a->machine));
	else if (tc->in_flight == 0 && tc->wake)
		tc->wake(tc->wake_ctx);
}

static void compute(struct tconn *tc)
{
	struct tauth *a = tc->auth;

	a->computing = true;
	tc->in_flight++;
	a->job.work = work;
	a->job.done = computed;
	world_job(tc->w, &a->job);
}

static enum auth_want store_psk(struct tconn *tc)
{
	const struct target_auth *auth = &tc->target->auth;
	struct tauth *a = tc->auth;
	struct target_psk psk = { .hostnqn = tc->hostnqn,
				  .subsysnqn = tc->subsysnqn,
				  .hash = a->machine.x.hash,
				  .psk = &a->machine.psk };

	a->psk_id = auth->store_psk(auth->ctx, &psk);
	return auth_ctrl_psk_stored(&a->machine, a->psk_id != 0);
}

/* The Authentication Send is answered when the machine knows what to say to the next Receive. */
static void go_on(struct tconn *tc, enum auth_want want)
{
	struct tauth *a = tc->auth;
	struct tcmd *c = a->send;

	if (want == AUTH_WANT_STORE_PSK)
		want = store_psk(tc);
	if (want == AUTH_WANT_COMPUTE) {
		compute(tc);
		return;
	}
	a->send = NULL;
	if (c)
		tcmd_complete(c, 0);
}

/* ---- commands ---- */

/* A command that the machine can take now? */
static uint16_t check(const struct tcmd *c)
{
	const struct tauth *a = c->tc->auth;

	if (!a)
		return NVME_SC_INVALID_OPCODE | DNR;
	if (a->computing)
		return NVME_SC_CMD_SEQ_ERROR | DNR;
	return auth_check_command((const void *)&c->sqe);
}

/* A new transaction is made with the keys of now; one that runs goes on with its own. */
static void renew_keys(struct tconn *tc)
{
	struct target_auth_keys keys;
	struct tauth *a = tc->auth;

	if (a->machine.state != AUTH_CTRL_IDLE && a->machine.state != AUTH_CTRL_DONE)
		return;
	target_find_auth(tc->target, tc->hostnqn, tc->subsysnqn, &keys);	/* none: it fails */
	secret_copy(&a->config.k_h, &keys.k_h);
	secret_copy(&a->config.k_c, &keys.k_c);
	if (keys.policy.hash_count)
		a->config.policy = keys.policy;
	explicit_bzero(&keys, sizeof(keys));
	auth_ctrl_use(&a->machine, &a->config);
}

void tauth_send(struct tcmd *c)
{
	struct tconn *tc = c->tc;
	uint16_t status = check(c);

	if (status) {
		tcmd_complete(c, status);
		return;
	}
	renew_keys(tc);
	tc->auth->send = c;
	go_on(tc, auth_ctrl_send(&tc->auth->machine, span_of(c->iov[0].iov_base, c->len)));
}

void tauth_receive(struct tcmd *c)
{
	uint16_t status = check(c);
	struct span msg;

	if (!status && c->buf_count == 0 && !tcmd_get_buffers(c)) {
		tcmd_want_buffers(c);
		return;
	}
	if (!status)
		status = auth_ctrl_receive(&c->tc->auth->machine, c->len, &msg);
	if (status)
		tcmd_complete(c, status);
	else
		admin_reply(c, msg.ptr, msg.len);
}

/* ---- time, and the end ---- */

enum cause tauth_cause(const struct tconn *tc)
{
	const struct tauth *a = tc->auth;

	return a && auth_ctrl_want(&a->machine) == AUTH_WANT_CLOSE ? a->machine.cause : CAUSE_NONE;
}

static void log_failure(const struct tconn *tc)
{
	const struct auth_ctrl *m = &tc->auth->machine;
	/* what a host does not like is our proof */
	enum cause cause = m->by_peer && m->cause == CAUSE_AUTH_FAILED ? CAUSE_AUTH_CTRL : m->cause;
	char who[700];

	log_warn("%s: authentication failed%s: %s; %s", tconn_describe(tc, who, sizeof(who)),
		 m->by_peer ? ", says the host" : "", cause_text(cause), cause_hint(cause));
}

/* A failure ends the association, behind the completion that told it. */
struct fault tauth_turn(struct tconn *tc, uint64_t now_ns, uint64_t *ret_deadline_ns)
{
	struct tauth *a = tc->auth;
	bool failed;

	if (!a)
		return OK;
	failed = auth_ctrl_want(&a->machine) == AUTH_WANT_CLOSE;
	if (!failed && now_ns >= a->machine.deadline_ns &&
	    auth_ctrl_expire(&a->machine) == AUTH_WANT_CLOSE &&
	    a->machine.cause == CAUSE_AUTH_TIMEOUT)
		return fault_os(ETIMEDOUT, CAUSE_AUTH_TIMEOUT);
	*ret_deadline_ns = min_u64(*ret_deadline_ns, a->machine.deadline_ns);
	if (auth_ctrl_want(&a->machine) == AUTH_WANT_CLOSE && !a->over) {
		a->over = true;
		log_failure(tc);
	}
	tc->stream.finish |= a->over;
	return OK;
}

void tauth_moved(struct tconn *tc)
{
	if (tc->auth)
		tc->auth->machine.world = tc->w;
}

void tauth_end(struct tconn *tc)
{
	const struct target_auth *auth = &tc->target->auth;
	struct tauth *a = tc->auth;

	if (!a)
		return;
	a->send = NULL;
	if (a->machine.psk_stored)	/* nobody has been told of it */
		auth->drop_psk(auth->ctx, a->psk_id);
}
