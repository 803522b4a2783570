/* SPDX-License-Identifier: BSD-3-Clause */
/* auth_host and auth_ctrl whose configurations do not fit: who notices, what both are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auth_rig.h"
#include "base/bytes.h"

enum end { HOST, CTRL };

struct misfit {
	const char *what;
	void (*change)(struct auth_rig *r);
	enum auth_concat concat;
	enum end seen_by;	/* who notices */
	enum auth_failure failure;
	enum cause host_cause;
};

static void key_differs(struct auth_rig *r)
{
	r->hc.k_h.bytes[31] ^= 1;
}

static void key_missing(struct auth_rig *r)
{
	secret_wipe(&r->cc.k_h);
}

/* ... and the host, too, proves itself with nothing */
static void key_empty(struct auth_rig *r)
{
	secret_wipe(&r->cc.k_h);
	memset(&r->hc.k_h.bytes, 0, 32);
}

static void ctrl_key_differs(struct auth_rig *r)
{
	r->cc.k_c.bytes[0] ^= 0x80;
}

static void ctrl_key_missing(struct auth_rig *r)
{
	secret_wipe(&r->cc.k_c);
}

static void no_common_hash(struct auth_rig *r)
{
	rig_restrict(&r->hc.policy, NVME_HASH_SHA512, FFDHE_2048);
}

static void no_common_group(struct auth_rig *r)
{
	rig_restrict(&r->hc.policy, NVME_HASH_SHA256, FFDHE_3072);
}

static void other_nqn(struct auth_rig *r)
{
	r->cc.hostnqn = "nqn.2014-08.org.example:other";
}

static void concat_never(struct auth_rig *r)
{
	r->cc.concat = AUTH_CONCAT_NEVER;
}

static void concat_required(struct auth_rig *r)
{
	r->cc.concat = AUTH_CONCAT_REQUIRED;
}

static void io_queue(struct auth_rig *r)
{
	r->cc.admin_queue = false;
}

static void io_queue_tls(struct auth_rig *r)
{
	r->cc.admin_queue = false;
	r->cc.tls = true;
}

static void over_tls(struct auth_rig *r)
{
	r->cc.tls = true;
}

static void nothing(struct auth_rig *r)
{
	(void)r;
}

static void only_sha512(struct auth_rig *r)
{
	rig_restrict(&r->cc.policy, NVME_HASH_SHA512, FFDHE_2048);
}

static void only_null(struct auth_rig *r)
{
	rig_restrict(&r->cc.policy, NVME_HASH_SHA256, FFDH_NULL);
}

static const struct misfit misfits[] = {
	{ "host key differs", key_differs, 0, CTRL, AUTH_FAILED, CAUSE_AUTH_FAILED },
	{ "host key missing", key_missing, 0, CTRL, AUTH_FAILED, CAUSE_AUTH_FAILED },
	{ "host key zero", key_empty, 0, CTRL, AUTH_FAILED, CAUSE_AUTH_FAILED },
	{ "another host NQN", other_nqn, 0, CTRL, AUTH_FAILED, CAUSE_AUTH_FAILED },
	{ "controller key differs", ctrl_key_differs, 0, HOST, AUTH_FAILED, CAUSE_AUTH_CTRL },
	{ "controller key missing", ctrl_key_missing, 0, CTRL, AUTH_FAILED, CAUSE_AUTH_FAILED },
	{ "no common hash", no_common_hash, 0, CTRL, AUTH_NO_HASH, CAUSE_AUTH_NO_COMMON },
	{ "no common group", no_common_group, 0, CTRL, AUTH_NO_GROUP, CAUSE_AUTH_NO_COMMON },
	{ "concatenation is off", concat_never, 2, CTRL, AUTH_CONCAT_MISMATCH, CAUSE_AUTH_CONCAT },
	{ "concatenation is required", concat_required, 0, CTRL, AUTH_CONCAT_MISMATCH, CAUSE_AUTH_CONCAT },
	{ "new PSK on an I/O queue", io_queue, 2, CTRL, AUTH_CONCAT_MISMATCH, CAUSE_AUTH_CONCAT },
	{ "other PSK on an I/O queue", io_queue_tls, 3, CTRL, AUTH_CONCAT_MISMATCH, CAUSE_AUTH_CONCAT },
	{ "new PSK over TLS", over_tls, 2, CTRL, AUTH_CONCAT_MISMATCH, CAUSE_AUTH_CONCAT },
	{ "other PSK without TLS", nothing, 3, CTRL, AUTH_CONCAT_MISMATCH, CAUSE_AUTH_CONCAT },
	{ "SC_C 1, obsolete", nothing, 1, CTRL, AUTH_CONCAT_MISMATCH, CAUSE_AUTH_CONCAT },
	{ "SC_C 4, unknown", nothing, 4, CTRL, AUTH_CONCAT_MISMATCH, CAUSE_AUTH_CONCAT },
	{ "PSK with SHA-512", only_sha512, 2, CTRL, AUTH_NO_HASH, CAUSE_AUTH_NO_COMMON },
	{ "PSK without DH", only_null, 2, CTRL, AUTH_NO_GROUP, CAUSE_AUTH_NO_COMMON },
};

static void parted(const struct auth_rig *r, const struct misfit *t)
{
	bool good = r->h.state == AUTH_HOST_FAILED && r->c.state == AUTH_CTRL_FAILED &&
		    r->h.failure == t->failure && r->c.failure == t->failure &&
		    r->h.by_peer == (t->seen_by == CTRL) && r->c.by_peer == (t->seen_by == HOST) &&
		    r->h.cause == t->host_cause && !r->c.authenticated;

	if (!good)
		fail_msg("%s: host %s, %s; controller %s, %s", t->what,
			 auth_host_state_name(r->h.state), auth_failure_text(r->h.failure),
			 auth_ctrl_state_name(r->c.state), auth_failure_text(r->c.failure));
}

static void misfit_table(void **state)
{
	struct auth_rig r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(misfits); i++) {
		rig_init(&r);
		misfits[i].change(&r);
		rig_run(&r, misfits[i].concat);
		parted(&r, &misfits[i]);
		rig_free(&r);
	}
}

/* Re-authentication that fails takes back what the queue was allowed. */
static void fails_later(void **state)
{
	struct auth_rig r;

	(void)state;
	rig_init(&r);
	rig_run(&r, AUTH_NO_CONCAT);
	assert_true(r.c.authenticated);
	key_differs(&r);
	rig_run(&r, AUTH_NO_CONCAT);
	assert_int_equal(r.c.state, AUTH_CTRL_FAILED);
	assert_false(r.c.authenticated);
	rig_free(&r);
}

/* The controller fails to prove itself, but its PSK is in the table: it says so. */
static void psk_is_taken_back(void **state)
{
	struct auth_rig r;

	(void)state;
	rig_init(&r);
	ctrl_key_differs(&r);
	rig_run(&r, AUTH_NEW_TLS_PSK);
	assert_int_equal(r.stored, 1);
	assert_int_equal(r.c.state, AUTH_CTRL_FAILED);
	assert_true(r.c.psk_stored);
	assert_int_equal(r.host_psk.len, 0);
	rig_free(&r);
}

static void psk_cannot_be_stored(void **state)
{
	struct span msg;
	struct auth_rig r;

	(void)state;
	rig_init(&r);
	secret_wipe(&r.hc.k_c);
	auth_host_start(&r.h, AUTH_NEW_TLS_PSK);
	auth_ctrl_send(&r.c, auth_host_message(&r.h));
	auth_host_sent(&r.h);
	auth_job_run(&r.c.job);
	auth_ctrl_computed(&r.c);
	assert_int_equal(auth_ctrl_receive(&r.c, AUTH_TRANSFER_MAX, &msg), 0);
	assert_int_equal(auth_host_received(&r.h, msg), AUTH_WANT_COMPUTE);
	auth_job_run(&r.h.job);
	assert_int_equal(auth_host_computed(&r.h), AUTH_WANT_SEND);
	auth_ctrl_send(&r.c, auth_host_message(&r.h));
	auth_job_run(&r.c.job);
	assert_int_equal(auth_ctrl_computed(&r.c), AUTH_WANT_STORE_PSK);
	assert_int_equal(auth_ctrl_psk_stored(&r.c, false), AUTH_WANT_COMMAND);
	assert_int_equal(r.c.state, AUTH_CTRL_FAILURE1);
	assert_false(r.c.psk_stored);
	rig_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(misfit_table),
		cmocka_unit_test(fails_later),
		cmocka_unit_test(psk_is_taken_back),
		cmocka_unit_test(psk_cannot_be_stored),
	};

	return cmocka_run_group_tests_name("auth_misfit", tests, NULL, NULL);
}
