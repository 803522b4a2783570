/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * auth_host and auth_ctrl, and messages as they should not be: each is changed on its way, and
 * the end that gets it must answer with the failure code of the specification, tell the other
 * end, and leave nobody authenticated.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auth_rig.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "ffdhe2048.h"

enum change {
	XOR,		/* byte @at ^= @value */
	SHORT,		/* @at bytes less */
	LONG,		/* @at bytes more */
	CUT,		/* @at bytes are left */
	DH_SMALL,	/* the DH value becomes @value */
	DH_PRIME,	/* ... p - @value */
	DH_ONES,	/* ... all ones: more than p */
	DH_OTHER,	/* ... the other end's own */
	C2_IS_C1,
	INSTEAD,	/* this transaction's message of kind @at is sent instead */
	AGAIN,		/* the last transaction's message of the same kind, ... */
	AGAIN_NOW,	/* ... with the T_ID of this one */
	AS_KIND,	/* its head says that it is message @at */
};

struct bad {
	const char *what;
	enum auth_message message;	/* that is changed */
	enum change change;
	unsigned int at;
	uint8_t value;
	enum auth_failure failure;
	enum auth_concat concat;
};

/* Messages for ffdhe2048 and SHA-256: C1 at 16, DH value at 48; R1 at 16, C2 at 48, DH at 80. */
static const struct bad bads[] = {
	{ "nothing of a Negotiate", AUTH_NEGOTIATE, CUT, 0, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "5 bytes of a Negotiate", AUTH_NEGOTIATE, CUT, 5, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "7 bytes of a Negotiate", AUTH_NEGOTIATE, CUT, 7, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "Negotiate, a byte short", AUTH_NEGOTIATE, SHORT, 1, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "Negotiate, a byte over", AUTH_NEGOTIATE, LONG, 1, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "Negotiate, 4 KiB", AUTH_NEGOTIATE, LONG, 4096 - 72, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "Negotiate, NAPD 0", AUTH_NEGOTIATE, XOR, 7, 1, AUTH_BAD_PAYLOAD, 0 },
	{ "Negotiate, NAPD 254", AUTH_NEGOTIATE, XOR, 7, 0xff, AUTH_BAD_PAYLOAD, 0 },
	{ "Negotiate, HALEN 255", AUTH_NEGOTIATE, XOR, 10, 0xfc, AUTH_BAD_PAYLOAD, 0 },
	{ "Negotiate, DHLEN 0", AUTH_NEGOTIATE, XOR, 11, 6, AUTH_BAD_PAYLOAD, 0 },
	{ "Negotiate of another protocol", AUTH_NEGOTIATE, XOR, 8, 0x80, AUTH_NO_PROTOCOL, 0 },
	{ "SHA-256 not offered", AUTH_NEGOTIATE, XOR, 14, 0xf0, AUTH_NO_HASH, 0 },
	{ "ffdhe2048 not offered", AUTH_NEGOTIATE, XOR, 46, 0xf0, AUTH_NO_GROUP, 0 },
	{ "SC_C changed on its way", AUTH_NEGOTIATE, XOR, 6, 2, AUTH_FAILED, 2 },
	{ "Negotiate called Challenge", AUTH_NEGOTIATE, AS_KIND, AUTH_CHALLENGE, 0, AUTH_BAD_MESSAGE, 0 },
	{ "Negotiate called Reply", AUTH_NEGOTIATE, AS_KIND, AUTH_REPLY, 0, AUTH_BAD_MESSAGE, 0 },
	{ "Negotiate called Success2", AUTH_NEGOTIATE, AS_KIND, AUTH_SUCCESS2, 0, AUTH_BAD_MESSAGE, 0 },
	{ "Negotiate called Failure2", AUTH_NEGOTIATE, AS_KIND, AUTH_FAILURE2, 0, AUTH_BAD_MESSAGE, 0 },
	{ "an unknown message", AUTH_NEGOTIATE, AS_KIND, 0x0242, 0, AUTH_BAD_MESSAGE, 0 },

	{ "Reply, a byte short", AUTH_REPLY, SHORT, 1, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "Reply, a byte over", AUTH_REPLY, LONG, 1, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "Reply without its DH value", AUTH_REPLY, CUT, 80, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "Reply, 15 bytes", AUTH_REPLY, CUT, 15, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "Reply, 5 bytes", AUTH_REPLY, CUT, 5, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "Reply, HL of SHA-384", AUTH_REPLY, XOR, 6, 0x10, AUTH_BAD_PAYLOAD, 0 },
	{ "Reply, HL 0", AUTH_REPLY, XOR, 6, 0x20, AUTH_BAD_PAYLOAD, 0 },
	{ "Reply, CVALID 3", AUTH_REPLY, XOR, 8, 2, AUTH_BAD_PAYLOAD, 0 },
	{ "Reply, DHVLEN 0", AUTH_REPLY, XOR, 11, 1, AUTH_BAD_PAYLOAD, 0 },
	{ "Reply, DHVLEN 65280", AUTH_REPLY, XOR, 11, 0xfe, AUTH_BAD_PAYLOAD, 0 },
	{ "Reply, another T_ID", AUTH_REPLY, XOR, 4, 1, AUTH_BAD_PAYLOAD, 0 },
	{ "Reply, R1 is wrong", AUTH_REPLY, XOR, 16, 1, AUTH_FAILED, 0 },
	{ "Reply, R1 is wrong at its end", AUTH_REPLY, XOR, 47, 0x80, AUTH_FAILED, 0 },
	{ "Reply, C2 is C1", AUTH_REPLY, C2_IS_C1, 0, 0, AUTH_FAILED, 0 },
	{ "Reply, DH value 0", AUTH_REPLY, DH_SMALL, 0, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "Reply, DH value 1", AUTH_REPLY, DH_SMALL, 0, 1, AUTH_BAD_PAYLOAD, 0 },
	{ "Reply, DH value p - 1", AUTH_REPLY, DH_PRIME, 0, 1, AUTH_BAD_PAYLOAD, 0 },
	{ "Reply, DH value p", AUTH_REPLY, DH_PRIME, 0, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "Reply, DH value larger than p", AUTH_REPLY, DH_ONES, 0, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "Reply, DH value reflected", AUTH_REPLY, DH_OTHER, 0, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "Reply, another DH value", AUTH_REPLY, DH_SMALL, 0, 2, AUTH_FAILED, 0 },
	{ "Reply of the last transaction", AUTH_REPLY, AGAIN, 0, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "... with this one's T_ID", AUTH_REPLY, AGAIN_NOW, 0, 0, AUTH_FAILED, 0 },
	{ "Challenge reflected", AUTH_REPLY, INSTEAD, AUTH_CHALLENGE, 0, AUTH_BAD_MESSAGE, 0 },
	{ "Success2 instead of Reply", AUTH_REPLY, AS_KIND, AUTH_SUCCESS2, 0, AUTH_BAD_MESSAGE, 0 },
	{ "Failure1 from the host", AUTH_REPLY, AS_KIND, AUTH_FAILURE1, 0, AUTH_BAD_MESSAGE, 0 },
	{ "Reply, CVALID 0 for TLS", AUTH_REPLY, XOR, 8, 1, AUTH_BAD_PAYLOAD, 2 },

	{ "Success2, a byte short", AUTH_SUCCESS2, SHORT, 1, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "Success2, a byte over", AUTH_SUCCESS2, LONG, 1, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "Success2, another T_ID", AUTH_SUCCESS2, XOR, 5, 0x40, AUTH_BAD_PAYLOAD, 0 },
	{ "Success1 reflected", AUTH_SUCCESS2, INSTEAD, AUTH_SUCCESS1, 0, AUTH_BAD_MESSAGE, 0 },
	{ "Reply once more", AUTH_SUCCESS2, INSTEAD, AUTH_REPLY, 0, AUTH_BAD_MESSAGE, 0 },

	{ "Challenge, 5 bytes", AUTH_CHALLENGE, CUT, 5, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "Challenge, a byte short", AUTH_CHALLENGE, SHORT, 1, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "Challenge, HL of SHA-384", AUTH_CHALLENGE, XOR, 6, 0x10, AUTH_BAD_PAYLOAD, 0 },
	{ "Challenge, HL 0", AUTH_CHALLENGE, XOR, 6, 0x20, AUTH_BAD_PAYLOAD, 0 },
	{ "Challenge, unknown hash", AUTH_CHALLENGE, XOR, 8, 0x80, AUTH_NO_HASH, 0 },
	{ "Challenge, unknown group", AUTH_CHALLENGE, XOR, 9, 0x80, AUTH_NO_GROUP, 0 },
	{ "Challenge, the NULL group for TLS", AUTH_CHALLENGE, XOR, 9, 1, AUTH_NO_GROUP, 2 },
	{ "Challenge, SHA-512 for TLS", AUTH_CHALLENGE, XOR, 8, 2, AUTH_NO_HASH, 2 },
	{ "Challenge, DHVLEN of another group", AUTH_CHALLENGE, XOR, 9, 3, AUTH_BAD_PAYLOAD, 0 },
	{ "Challenge, a DH value for NULL", AUTH_CHALLENGE, XOR, 9, 1, AUTH_BAD_PAYLOAD, 0 },
	{ "Challenge, another T_ID", AUTH_CHALLENGE, XOR, 5, 1, AUTH_BAD_PAYLOAD, 0 },
	{ "Challenge, DH value 0", AUTH_CHALLENGE, DH_SMALL, 0, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "Challenge, DH value 1", AUTH_CHALLENGE, DH_SMALL, 0, 1, AUTH_BAD_PAYLOAD, 0 },
	{ "Challenge, DH value p - 1", AUTH_CHALLENGE, DH_PRIME, 0, 1, AUTH_BAD_PAYLOAD, 0 },
	{ "Challenge, DH value larger than p", AUTH_CHALLENGE, DH_ONES, 0, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "Negotiate reflected", AUTH_CHALLENGE, INSTEAD, AUTH_NEGOTIATE, 0, AUTH_BAD_MESSAGE, 0 },
	{ "Success1 without a challenge", AUTH_CHALLENGE, AS_KIND, AUTH_SUCCESS1, 0, AUTH_BAD_MESSAGE, 0 },
	{ "Challenge of the last transaction", AUTH_CHALLENGE, AGAIN, 0, 0, AUTH_BAD_PAYLOAD, 0 },

	{ "Success1, 15 bytes", AUTH_SUCCESS1, CUT, 15, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "Success1, a byte short", AUTH_SUCCESS1, SHORT, 1, 0, AUTH_BAD_PAYLOAD, 0 },
	{ "Success1, HL 0", AUTH_SUCCESS1, XOR, 6, 0x20, AUTH_BAD_PAYLOAD, 0 },
	{ "Success1 without a proof", AUTH_SUCCESS1, XOR, 8, 1, AUTH_FAILED, 0 },
	{ "Success1, R2 is wrong", AUTH_SUCCESS1, XOR, 47, 1, AUTH_FAILED, 0 },
	{ "Success1, another T_ID", AUTH_SUCCESS1, XOR, 4, 1, AUTH_BAD_PAYLOAD, 0 },
	{ "Challenge once more", AUTH_SUCCESS1, INSTEAD, AUTH_CHALLENGE, 0, AUTH_BAD_MESSAGE, 0 },
	{ "Reply reflected", AUTH_SUCCESS1, INSTEAD, AUTH_REPLY, 0, AUTH_BAD_MESSAGE, 0 },
	{ "Success1 of the last transaction", AUTH_SUCCESS1, AGAIN_NOW, 0, 0, AUTH_FAILED, 0 },
};

static void set_dh(struct auth_rig *r, const struct bad *t, uint8_t *buf)
{
	uint8_t *dh = buf + (t->message == AUTH_REPLY ? 80 : 48);

	memset(dh, t->change == DH_ONES ? 0xff : 0, 256);
	if (t->change == DH_SMALL)
		dh[255] = t->value;
	if (t->change == DH_PRIME) {
		assert_int_equal(hex_decode(dh, 256, prime_2048, 512), 256);
		dh[255] = (uint8_t)(dh[255] - t->value);
	}
	if (t->change == DH_OTHER)
		memcpy(dh, r->seen[rig_index(AUTH_CHALLENGE)].buf + 48, 256);
}

/* Another message in its place; the T_ID is kept where that is asked for. */
static size_t replace(const uint8_t *with, size_t len, bool keep_t_id, uint8_t *buf)
{
	uint8_t t_id[2] = { buf[4], buf[5] };

	assert_true(len > 0);
	memcpy(buf, with, len);
	if (keep_t_id)
		memcpy(buf + 4, t_id, 2);
	return len;
}

static void meddle(struct auth_rig *r, uint8_t *buf, size_t *len)
{
	const struct bad *t = r->arg;
	int i = rig_index((uint16_t)t->message);

	if ((unsigned int)(buf[0] << 8 | buf[1]) != t->message)
		return;
	switch (t->change) {
	case XOR:
		buf[t->at] ^= t->value;
		break;
	case SHORT:
		*len -= t->at;
		break;
	case LONG:
		*len += t->at;
		break;
	case CUT:
		*len = t->at;
		break;
	case DH_SMALL:
	case DH_PRIME:
	case DH_ONES:
	case DH_OTHER:
		set_dh(r, t, buf);
		break;
	case C2_IS_C1:
		memcpy(buf + 48, r->seen[rig_index(AUTH_CHALLENGE)].buf + 16, 32);
		break;
	case INSTEAD:
		i = rig_index((uint16_t)t->at);
		*len = replace(r->seen[i].buf, r->seen[i].len, true, buf);
		break;
	case AGAIN:
	case AGAIN_NOW:
		*len = replace(r->before[i].buf, r->before[i].len, t->change == AGAIN_NOW, buf);
		break;
	case AS_KIND:
		buf[0] = (uint8_t)(t->at >> 8);
		buf[1] = (uint8_t)t->at;
		break;
	}
}

static bool to_host(const struct bad *t)
{
	return t->message == AUTH_CHALLENGE || t->message == AUTH_SUCCESS1;
}

/* Behind Success2 the host expects nothing more; its next command will be refused. */
static bool ended_behind_success2(const struct auth_rig *r, const struct bad *t)
{
	return r->h.state == AUTH_HOST_DONE && r->c.state == AUTH_CTRL_FAILURE1 &&
	       r->c.failure == t->failure;
}

static bool ended(const struct auth_rig *r, const struct bad *t)
{
	return r->h.state == AUTH_HOST_FAILED && r->c.state == AUTH_CTRL_FAILED &&
	       r->h.failure == t->failure && r->c.failure == t->failure &&
	       r->h.by_peer == !to_host(t) && r->c.by_peer == to_host(t) &&
	       r->h.cause != CAUSE_NONE && r->host_psk.len == 0;
}

static void judge(const struct auth_rig *r, const struct bad *t)
{
	bool good = t->message == AUTH_SUCCESS2 ? ended_behind_success2(r, t) : ended(r, t);

	good = good && !r->c.authenticated && r->c.cause != CAUSE_NONE;
	if (!good)
		fail_msg("%s: host %s, %s; controller %s, %s", t->what,
			 auth_host_state_name(r->h.state), auth_failure_text(r->h.failure),
			 auth_ctrl_state_name(r->c.state), auth_failure_text(r->c.failure));
}

static void bad_table(void **state)
{
	struct auth_rig r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bads); i++) {
		rig_init(&r);
		rig_run(&r, AUTH_NO_CONCAT);	/* so that there is a last transaction */
		assert_int_equal(r.c.state, AUTH_CTRL_DONE);
		r.arg = &bads[i];
		r.meddle = meddle;
		rig_run(&r, bads[i].concat);
		judge(&r, &bads[i]);
		rig_free(&r);
	}
}

/* A proof that was not asked for is no proof of anything: one-way, RVALID 1. */
static void unasked_proof(void **state)
{
	static const struct bad t = { "RVALID 1", AUTH_SUCCESS1, XOR, 8, 1, AUTH_BAD_PAYLOAD, 0 };
	struct auth_rig r;

	(void)state;
	rig_init(&r);
	secret_wipe(&r.hc.k_c);
	r.arg = &t;
	r.meddle = meddle;
	rig_run(&r, AUTH_NO_CONCAT);
	assert_int_equal(r.h.state, AUTH_HOST_FAILED);
	assert_int_equal(r.h.failure, AUTH_BAD_PAYLOAD);
	rig_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_table),
		cmocka_unit_test(unasked_proof),
	};

	return cmocka_run_group_tests_name("auth_bad", tests, NULL, NULL);
}
