/* SPDX-License-Identifier: BSD-3-Clause */
#include "tls/client_hello.h"

#include "base/bytes.h"
#include "tls/record_impl.h"

#define IDENTITY_MIN 1	/* 4.2.11: identity<1..2^16-1> */
#define BINDER_MIN   32	/* 4.2.11: PskBinderEntry<32..255> */

enum extension { EXT_PSK = 41, EXT_VERSIONS = 43, EXT_PSK_MODES = 45 };

/* A cursor that remembers that it ran over. */
struct cursor {
	struct span s;
	bool bad;
};

static uint32_t get(struct cursor *c, size_t n)
{
	uint32_t v = 0;

	if (c->s.len < n) {
		c->bad = true;
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		v = v << 8 | c->s.ptr[i];
	span_take(&c->s, n);
	return v;
}

/* A vector with a length of @n bytes in front. */
static struct cursor vector(struct cursor *c, size_t n)
{
	size_t len = get(c, n);

	if (c->bad || c->s.len < len) {
		c->bad = true;
		return (struct cursor){ .bad = true };
	}
	return (struct cursor){ .s = span_take(&c->s, len) };
}

static void parse_suites(struct cursor *c, struct client_hello *ret)
{
	while (c->s.len && !c->bad) {
		uint32_t suite = get(c, 2);

		ret->suite_128 |= suite == 0x1301;
		ret->suite_256 |= suite == 0x1302;
	}
}

static void parse_versions(struct cursor *c, struct client_hello *ret)
{
	struct cursor list = vector(c, 1);

	while (list.s.len && !list.bad)
		ret->tls13 |= get(&list, 2) == 0x0304;
	c->bad |= list.bad;
}

static void parse_modes(struct cursor *c, struct client_hello *ret)
{
	struct cursor list = vector(c, 1);

	while (list.s.len && !list.bad)
		ret->psk_dhe_ke |= get(&list, 1) == 1;
	c->bad |= list.bad;
}

/* 4.2.11: OfferedPsks. @msg tells where the binders begin. */
static void parse_psks(struct cursor *c, struct span msg, struct client_hello *ret)
{
	struct cursor ids = vector(c, 2), binders;
	int count = 0, binder_count = 0;

	while (ids.s.len && !ids.bad) {
		struct cursor id = vector(&ids, 2);

		get(&ids, 4);	/* obfuscated_ticket_age: of no meaning for external PSKs */
		ids.bad |= id.s.len < IDENTITY_MIN;
		if (!ids.bad && count < TLS_PSK_CANDIDATES_MAX)
			ret->psk[count].identity = id.s;
		count++;
	}
	ret->truncated_len = c->bad ? 0 : (size_t)(c->s.ptr - msg.ptr);
	binders = vector(c, 2);
	while (binders.s.len && !binders.bad) {
		struct cursor b = vector(&binders, 1);

		binders.bad |= b.s.len < BINDER_MIN;
		if (!binders.bad && binder_count < TLS_PSK_CANDIDATES_MAX)
			ret->psk[binder_count].binder = b.s;
		binder_count++;
	}
	c->bad |= ids.bad || binders.bad || count != binder_count || count == 0;
	ret->psk_count = (int)min_u64((uint64_t)count, TLS_PSK_CANDIDATES_MAX);
	ret->has_psk = true;
}

static void parse_extensions(struct cursor *c, struct span msg, struct client_hello *ret)
{
	while (c->s.len && !c->bad) {
		uint32_t type = get(c, 2);
		struct cursor body = vector(c, 2);

		/* 4.2.11: pre_shared_key must be the last extension */
		if (c->bad || ret->has_psk) {
			c->bad = true;
			return;
		}
		if (type == EXT_PSK)
			parse_psks(&body, msg, ret);
		else if (type == EXT_VERSIONS)
			parse_versions(&body, ret);
		else if (type == EXT_PSK_MODES)
			parse_modes(&body, ret);
		else
			continue;
		c->bad |= body.bad || body.s.len != 0;
	}
}

struct fault client_hello_parse(struct span msg, struct client_hello *ret)
{
	struct cursor c = { .s = msg }, part;
	uint32_t type, len;

	memset(ret, 0, sizeof(*ret));
	type = get(&c, 1);
	len = get(&c, 3);
	c.bad |= type != 1 || len != c.s.len;
	get(&c, 2);		/* legacy_version */
	for (int i = 0; i < 8; i++)
		get(&c, 4);	/* random */
	vector(&c, 1);		/* legacy_session_id */
	part = vector(&c, 2);
	parse_suites(&part, ret);
	c.bad |= part.bad;
	vector(&c, 1);		/* legacy_compression_methods */
	if (!c.bad && c.s.len == 0)
		return OK;	/* RFC 5246 7.4.1.2: an old client may have no extensions at all */
	part = vector(&c, 2);
	parse_extensions(&part, msg, ret);
	if (c.bad || part.bad || c.s.len)
		return record_fault(ALERT_DECODE_ERROR, CAUSE_TLS_PROTOCOL);
	return OK;
}

bool client_hello_binder_ok(struct span msg, const struct client_hello *hello, struct span binder,
			    enum nvme_hash h, const struct secret *psk)
{
	struct span truncated = span_of(msg.ptr, hello->truncated_len), empty = span_of("", 0), part;
	uint8_t transcript[HASH_LEN_MAX], of_nothing[HASH_LEN_MAX], want[HASH_LEN_MAX];
	size_t len = hash_len(h);
	SECRET(early);
	SECRET(binder_key);
	SECRET(finished);

	if (binder.len != len || kdf_hash(h, &truncated, 1, transcript) ||
	    kdf_hash(h, &empty, 1, of_nothing) || kdf_extract(h, psk, &early) ||
	    kdf_expand_label(h, &early, "ext binder", span_of(of_nothing, len), len, &binder_key) ||
	    kdf_expand_label(h, &binder_key, "finished", empty, len, &finished))
		return false;
	part = span_of(transcript, len);
	if (kdf_hmac(h, span_of(finished.bytes, finished.len), &part, 1, want))
		return false;
	return bytes_equal_ct(want, binder.ptr, len);
}
