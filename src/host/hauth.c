/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/hauth.h"

#include <errno.h>
#include <stdio.h>

#include "base/bytes.h"
#include "nvme/status.h"

#define ROOM_NS (2 * NS_PER_MS) /* until the next look where the queue is full */

void hauth_init(struct hauth *h, struct world *w, const struct hauth_config *c)
{
	memset(h, 0, sizeof(*h));
	h->config = *c;
	h->world = w;
	auth_host_init(&h->machine, w, c->host);
}

void hauth_clear(struct hauth *h)
{
	assert(hauth_idle(h));
	explicit_bzero(h, sizeof(*h));
}

bool hauth_idle(const struct hauth *h)
{
	return (!h->sent || h->answered) && !h->computing;
}

void hauth_start(struct hauth *h, enum auth_concat concat)
{
	assert(hauth_idle(h) && h->state != HAUTH_RUN && h->state != HAUTH_FAILED);
	h->sent = h->answered = false;
	h->state = HAUTH_RUN;
	secret_wipe(&h->psk);
	auth_host_start(&h->machine, concat);
}

/* ---- commands ---- */

static void done(struct hqueue *q, struct hcmd *c)
{
	struct hauth *h = container_of(c, struct hauth, cmd);

	(void)q;
	h->answered = true;
	h->config.wake(h->config.ctx);
}

/* The data of an Authentication Receive is there, its completion may never come. */
static void arrived(struct hqueue *q, struct hcmd *c)
{
	struct hauth *h = container_of(c, struct hauth, cmd);

	(void)q;
	auth_host_data(&h->machine, span_of(h->data, c->len));
	h->config.wake(h->config.ctx);
}

static void send_command(struct hauth *h, struct hqueue *q, uint64_t now_ns)
{
	bool send = auth_host_want(&h->machine) == AUTH_WANT_SEND;
	struct hcmd *c = &h->cmd;
	struct span msg;

	*c = (struct hcmd){ .done = done, .dir = send ? HCMD_TO_CTRL : HCMD_FROM_CTRL };
	memset(h->data, 0, sizeof(h->data));
	if (send) {
		msg = auth_host_message(&h->machine);
		memcpy(h->data, msg.ptr, msg.len);
		c->len = (uint32_t)msg.len;
		nvme_sqe_auth_send(&c->sqe, c->len);
	} else {
		c->len = AUTH_TRANSFER_MAX;
		c->arrived = arrived;
		nvme_sqe_auth_recv(&c->sqe, c->len);
	}
	h->iov = (struct iovec){ h->data, c->len };
	c->iov = &h->iov;
	c->iov_count = 1;
	h->sent = true;
	h->answered = false;
	hqueue_submit(q, c, now_ns);
}

/* A controller that does not know these commands, or will not carry them out for this host. */
static void refused(struct hauth *h)
{
	bool send = h->cmd.dir == HCMD_TO_CTRL;

	auth_host_lost(&h->machine, CAUSE_AUTH_REFUSED);
	h->why = (struct fault){ FAULT_NVME, CAUSE_AUTH_REFUSED, h->cmd.status, 0 };
	snprintf(h->detail, sizeof(h->detail), "Authentication %s: status %03xh, %s",
		 send ? "Send" : "Receive", h->cmd.status, nvme_status_str(h->cmd.status));
}

static void take_answer(struct hauth *h)
{
	struct auth_host *m = &h->machine;

	h->sent = h->answered = false;
	if (fault_is(h->cmd.why))
		hauth_lost(h, h->cmd.why);
	else if (auth_host_want(m) == AUTH_WANT_CLOSE)
		return;	/* its data was Failure1 */
	else if (h->cmd.status != NVME_SC_SUCCESS && m->state == AUTH_HOST_FAILURE2)
		auth_host_sent(m);	/* what counts is why we said it */
	else if (h->cmd.status != NVME_SC_SUCCESS)
		refused(h);
	else if (h->cmd.dir == HCMD_TO_CTRL)
		auth_host_sent(m);
	else
		auth_host_received(m, span_of(h->data, h->cmd.len));
}

/* ---- Diffie-Hellman ---- */

static void work(struct world_job *j)
{
	auth_job_run(&container_of(j, struct hauth, job)->machine.job);
}

static void computed(struct world *w, struct world_job *j)
{
	struct hauth *h = container_of(j, struct hauth, job);

	(void)w;
	h->computing = false;
	auth_host_computed(&h->machine);
	h->config.wake(h->config.ctx);
}

static void compute(struct hauth *h)
{
	h->computing = true;
	h->job.work = work;
	h->job.done = computed;
	world_job(h->world, &h->job);
}

/* ---- the whole ---- */

static void keep_psk(struct hauth *h)
{
	secret_copy(&h->psk, &h->machine.psk);
	auth_host_psk_stored(&h->machine, true);
}

static void succeed(struct hauth *h)
{
	h->hash = (enum nvme_hash)h->machine.x.hash;
	h->group = h->machine.x.group;
	h->state = HAUTH_DONE;
}

/* Who says what is wrong. */
static void fail(struct hauth *h)
{
	const struct auth_host *m = &h->machine;

	h->state = HAUTH_FAILED;
	secret_wipe(&h->psk);
	if (fault_is(h->why))
		return;
	h->why = fault_os(m->cause == CAUSE_AUTH_TIMEOUT ? ETIMEDOUT : EACCES, m->cause);
	if (m->failure != AUTH_FINE)
		snprintf(h->detail, sizeof(h->detail), "%s: %s",
			 m->by_peer ? "the controller says" : "this host finds",
			 auth_failure_text(m->failure));
}

void hauth_lost(struct hauth *h, struct fault why)
{
	if (h->state != HAUTH_RUN)
		return;
	if (auth_host_want(&h->machine) != AUTH_WANT_CLOSE) {
		if (h->machine.state != AUTH_HOST_FAILURE2) {
			h->why = why;
			snprintf(h->detail, sizeof(h->detail), "during authentication (%s)",
				 auth_host_state_name(h->machine.state));
		}
		auth_host_lost(&h->machine, (enum cause)why.cause);
	}
	fail(h);
}

bool hauth_turn(struct hauth *h, struct hqueue *q, uint64_t now_ns, uint64_t *ret_deadline_ns)
{
	enum auth_want want;

	*ret_deadline_ns = WORLD_NEVER;
	if (h->state == HAUTH_RUN && h->answered)
		take_answer(h);
	if (h->state != HAUTH_RUN)
		return true;
	want = auth_host_expire(&h->machine);
	if (want == AUTH_WANT_STORE_PSK) {
		keep_psk(h);
		want = auth_host_want(&h->machine);
	}
	*ret_deadline_ns = h->machine.deadline_ns;
	if (want == AUTH_WANT_NOTHING)
		succeed(h);
	else if (want == AUTH_WANT_CLOSE)
		fail(h);
	else if (want == AUTH_WANT_COMPUTE && !h->computing)
		compute(h);
	else if (h->computing || h->sent)
		return false;
	else if (!hqueue_live(q))
		hauth_lost(h, fault_os(ENOTCONN, CAUSE_PEER_CLOSED));
	else if (hqueue_room(q) == 0)
		*ret_deadline_ns = now_ns + ROOM_NS;
	else
		send_command(h, q, now_ns);
	return h->state != HAUTH_RUN;
}
