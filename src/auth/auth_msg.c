/* SPDX-License-Identifier: BSD-3-Clause */
#include "auth/auth_msg.h"

#include <string.h>

#include "auth/auth_wire.h"
#include "base/bytes.h"

#define REASON_AUTH_FAILURE 1	/* RCODE: the only one there is */

bool auth_parse_head(struct span msg, struct auth_head *ret)
{
	const struct auth_wire_head *w = (const void *)msg.ptr;

	if (msg.len < sizeof(*w))
		return false;
	ret->message = (uint16_t)(w->type << 8 | w->id);
	ret->t_id = load_le16(w->t_id);
	return true;
}

/* DH-HMAC-CHAP's among @count descriptors, or NULL. */
static const struct auth_wire_descriptor *find_dhchap(struct span list, size_t count)
{
	const struct auth_wire_descriptor *d = (const void *)list.ptr;

	for (size_t i = 0; i < count; i++)
		if (d[i].auth_id == AUTH_TYPE_DHCHAP)
			return d + i;
	return NULL;
}

enum auth_failure auth_parse_negotiate(struct span msg, struct auth_negotiate *ret)
{
	const struct auth_wire_negotiate *w = (const void *)msg.ptr;
	const struct auth_wire_descriptor *d;

	if (msg.len < sizeof(*w) || w->napd == 0 || msg.len != sizeof(*w) + w->napd * sizeof(*d))
		return AUTH_BAD_PAYLOAD;
	d = find_dhchap(span_of(w + 1, msg.len - sizeof(*w)), w->napd);
	if (!d)
		return AUTH_NO_PROTOCOL;
	if (d->halen < 1 || d->halen > AUTH_LIST_MAX || d->dhlen < 1 || d->dhlen > AUTH_LIST_MAX)
		return AUTH_BAD_PAYLOAD;
	*ret = (struct auth_negotiate){ .t_id = load_le16(w->head.t_id),
					.concat = w->sc_c,
					.hash_count = d->halen,
					.group_count = d->dhlen };
	memcpy(ret->hashes, d->hashes, d->halen);
	memcpy(ret->groups, d->groups, d->dhlen);
	return AUTH_FINE;
}

enum auth_failure auth_parse_challenge(struct span msg, struct auth_challenge *ret)
{
	const struct auth_wire_challenge *w = (const void *)msg.ptr;
	size_t dhvlen;

	if (msg.len < sizeof(*w))
		return AUTH_BAD_PAYLOAD;
	dhvlen = load_le16(w->dhvlen);
	span_take(&msg, sizeof(*w));
	if (w->hl == 0 || msg.len < w->hl || msg.len - w->hl < dhvlen)
		return AUTH_BAD_PAYLOAD;
	*ret = (struct auth_challenge){ .t_id = load_le16(w->head.t_id),
					.hash = w->hash,
					.group = w->group,
					.seq = load_le32(w->seq) };
	ret->c1 = span_take(&msg, w->hl);
	ret->dh = span_take(&msg, dhvlen);
	return AUTH_FINE;
}

enum auth_failure auth_parse_reply(struct span msg, size_t hl, struct auth_reply *ret)
{
	const struct auth_wire_reply *w = (const void *)msg.ptr;
	size_t dhvlen;

	if (msg.len < sizeof(*w) || w->hl != hl || w->cvalid > 1)
		return AUTH_BAD_PAYLOAD;
	dhvlen = load_le16(w->dhvlen);
	span_take(&msg, sizeof(*w));
	if (msg.len != 2 * hl + dhvlen)
		return AUTH_BAD_PAYLOAD;
	*ret = (struct auth_reply){ .t_id = load_le16(w->head.t_id),
				    .c2_valid = w->cvalid,
				    .seq = load_le32(w->seq) };
	ret->r1 = span_take(&msg, hl);
	ret->c2 = span_take(&msg, hl);
	ret->dh = msg;
	return AUTH_FINE;
}

enum auth_failure auth_parse_success1(struct span msg, struct auth_success1 *ret)
{
	const struct auth_wire_success1 *w = (const void *)msg.ptr;

	if (msg.len < sizeof(*w) || w->rvalid > 1)
		return AUTH_BAD_PAYLOAD;
	span_take(&msg, sizeof(*w));
	if (w->rvalid && msg.len < w->hl)
		return AUTH_BAD_PAYLOAD;
	*ret = (struct auth_success1){ .t_id = load_le16(w->head.t_id),
				       .hl = w->hl,
				       .r2_valid = w->rvalid };
	ret->r2 = span_take(&msg, w->rvalid ? w->hl : 0);
	return AUTH_FINE;
}

enum auth_failure auth_parse_success2(struct span msg)
{
	return msg.len == sizeof(struct auth_wire_success2) ? AUTH_FINE : AUTH_BAD_PAYLOAD;
}

enum auth_failure auth_parse_failed(struct span msg, struct auth_failed *ret)
{
	const struct auth_wire_failed *w = (const void *)msg.ptr;

	if (msg.len < sizeof(*w))
		return AUTH_BAD_PAYLOAD;
	ret->t_id = load_le16(w->head.t_id);
	ret->failure = w->rcodeex;
	return AUTH_FINE;
}

static void write_head(struct auth_wire_head *w, enum auth_message which, uint16_t t_id)
{
	w->type = (uint8_t)(which >> 8);
	w->id = (uint8_t)which;
	store_le16(w->t_id, t_id);
}

/* Append @s at @at; returns where it ends. Empty spans may have no pointer. */
static size_t append(uint8_t *msg, size_t at, struct span s)
{
	if (s.len)
		memcpy(msg + at, s.ptr, s.len);
	return at + s.len;
}

size_t auth_write_negotiate(uint8_t *msg, const struct auth_negotiate *n)
{
	struct auth_wire_negotiate *w = (void *)msg;
	struct auth_wire_descriptor *d = (void *)(w + 1);

	memset(msg, 0, sizeof(*w) + sizeof(*d));
	write_head(&w->head, AUTH_NEGOTIATE, n->t_id);
	w->sc_c = n->concat;
	w->napd = 1;	/* Linux takes no other number */
	d->auth_id = AUTH_TYPE_DHCHAP;
	d->halen = n->hash_count;
	d->dhlen = n->group_count;
	memcpy(d->hashes, n->hashes, n->hash_count);
	memcpy(d->groups, n->groups, n->group_count);
	return sizeof(*w) + sizeof(*d);
}

size_t auth_write_challenge(uint8_t *msg, const struct auth_challenge *c)
{
	struct auth_wire_challenge *w = (void *)msg;

	memset(w, 0, sizeof(*w));
	write_head(&w->head, AUTH_CHALLENGE, c->t_id);
	w->hl = (uint8_t)c->c1.len;
	w->hash = c->hash;
	w->group = c->group;
	store_le16(w->dhvlen, (uint16_t)c->dh.len);
	store_le32(w->seq, c->seq);
	return append(msg, append(msg, sizeof(*w), c->c1), c->dh);
}

size_t auth_write_reply(uint8_t *msg, const struct auth_reply *r)
{
	struct auth_wire_reply *w = (void *)msg;

	memset(w, 0, sizeof(*w));
	write_head(&w->head, AUTH_REPLY, r->t_id);
	w->hl = (uint8_t)r->r1.len;
	w->cvalid = r->c2_valid;
	store_le16(w->dhvlen, (uint16_t)r->dh.len);
	store_le32(w->seq, r->seq);
	return append(msg, append(msg, append(msg, sizeof(*w), r->r1), r->c2), r->dh);
}

size_t auth_write_success1(uint8_t *msg, const struct auth_success1 *s)
{
	struct auth_wire_success1 *w = (void *)msg;

	memset(w, 0, sizeof(*w));
	write_head(&w->head, AUTH_SUCCESS1, s->t_id);
	w->hl = s->hl;
	w->rvalid = s->r2_valid;
	return append(msg, sizeof(*w), s->r2);
}

size_t auth_write_success2(uint8_t *msg, uint16_t t_id)
{
	struct auth_wire_success2 *w = (void *)msg;

	memset(w, 0, sizeof(*w));
	write_head(&w->head, AUTH_SUCCESS2, t_id);
	return sizeof(*w);
}

size_t auth_write_failed(uint8_t *msg, enum auth_message which, const struct auth_failed *f)
{
	struct auth_wire_failed *w = (void *)msg;

	memset(w, 0, sizeof(*w));
	write_head(&w->head, which, f->t_id);
	w->rcode = REASON_AUTH_FAILURE;
	w->rcodeex = f->failure;
	return sizeof(*w);
}

const char *auth_failure_text(uint8_t failure)
{
	static const char *const texts[] = {
		[AUTH_FINE] = "no failure",
		[AUTH_FAILED] = "authentication failed",
		[AUTH_NO_PROTOCOL] = "authentication protocol not usable",
		[AUTH_CONCAT_MISMATCH] = "secure channel concatenation mismatch",
		[AUTH_NO_HASH] = "hash function not usable",
		[AUTH_NO_GROUP] = "DH group not usable",
		[AUTH_BAD_PAYLOAD] = "incorrect payload",
		[AUTH_BAD_MESSAGE] = "incorrect protocol message",
	};

	return failure < ARRAY_SIZE(texts) ? texts[failure] : "unknown failure code";
}
