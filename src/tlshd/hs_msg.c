/* SPDX-License-Identifier: BSD-3-Clause */
#include "tlshd/hs_msg.h"

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <string.h>

#include "base/bytes.h"

#define HEADER_LEN sizeof(struct nlmsghdr)
#define PREFIX_LEN (HEADER_LEN + sizeof(struct genlmsghdr))

/* Documentation/netlink/specs/handshake.yaml; enums there begin with 1 */
enum { CMD_READY = 1, CMD_ACCEPT, CMD_DONE };
enum {
	ACCEPT_SOCKFD = 1,
	ACCEPT_HANDLER_CLASS,
	ACCEPT_MESSAGE_TYPE,
	ACCEPT_TIMEOUT,
	ACCEPT_AUTH_MODE,
	ACCEPT_PEER_IDENTITY,
	ACCEPT_CERTIFICATE,
	ACCEPT_PEERNAME,
	ACCEPT_KEYRING
};
enum { DONE_STATUS = 1, DONE_SOCKFD, DONE_REMOTE_AUTH };
enum { CLASS_TLSHD = 1 };

/* @len bytes and the padding to a multiple of 4, which may be missing at the end. */
static void take_aligned(struct span *in, size_t len)
{
	span_take(in, min_u64((len + 3) & ~(size_t)3, in->len));
}

/* The attribute at the front of @in, cut off; NULL when there is none that is whole. */
static const struct nlattr *next_attr(struct span *in)
{
	const struct nlattr *a = (const void *)in->ptr;

	if (in->len < sizeof(*a) || a->nla_len < sizeof(*a) || a->nla_len > in->len)
		return NULL;
	take_aligned(in, a->nla_len);
	return a;
}

static struct span payload_of(const struct nlattr *a)
{
	return span_of(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
}

static bool get_u32(const struct nlattr *a, uint32_t *ret)
{
	if (mnl_attr_get_payload_len(a) != sizeof(*ret))
		return false;
	*ret = mnl_attr_get_u32(a);
	return true;
}

/* The attributes behind the headers of @h. False: it has not even these. */
static bool attributes(const struct nlmsghdr *h, struct span *ret)
{
	if (h->nlmsg_len < PREFIX_LEN)
		return false;
	*ret = span_of((const uint8_t *)h + PREFIX_LEN, h->nlmsg_len - PREFIX_LEN);
	return true;
}

/* --- ACCEPT and READY --- */

static bool accept_number(struct hs_request *r, uint16_t type, uint32_t v)
{
	switch (type) {
	case ACCEPT_SOCKFD:
		if (r->sockfd >= 0 || v > INT32_MAX)
			return false;
		r->sockfd = (int)v;
		return true;
	case ACCEPT_MESSAGE_TYPE:
		r->role = (enum hs_role)v;
		return v == HS_CLIENT_HELLO || v == HS_SERVER_HELLO;
	case ACCEPT_TIMEOUT:
		r->timeout_ms = v;
		return true;
	case ACCEPT_AUTH_MODE:
		r->auth = (enum hs_auth)v;
		return v >= HS_AUTH_NONE && v <= HS_AUTH_X509;
	case ACCEPT_PEER_IDENTITY:
		if (v != 0 && r->peer_count < HS_PEERS_MAX)
			r->peer[r->peer_count++] = (int32_t)v;
		return true;
	case ACCEPT_KEYRING:
		r->keyring = (int32_t)v;
		return true;
	default:
		return true;
	}
}

/* Certificate, peer name and what later kernels may add have other lengths and are not for us. */
static bool accept_attr(struct hs_request *r, const struct nlattr *a)
{
	uint16_t type = mnl_attr_get_type(a);
	uint32_t v;

	if (type == ACCEPT_CERTIFICATE || type == ACCEPT_PEERNAME || type > ACCEPT_KEYRING)
		return true;
	return get_u32(a, &v) && accept_number(r, type, v);
}

/* To the end also when something was wrong: the socket must be found. */
static enum hs_kind parse_accept(struct span in, struct hs_request *ret)
{
	struct hs_request r = { .sockfd = -1 };
	bool good = true;
	const struct nlattr *a;

	while ((a = next_attr(&in)) != NULL)
		if (!accept_attr(&r, a))
			good = false;
	good = good && in.len == 0 && r.sockfd >= 0 && r.role != 0 && r.auth != 0;
	if (good) {
		*ret = r;
		return HS_ACCEPTED;
	}
	ret->sockfd = r.sockfd;
	return HS_MALFORMED;
}

static enum hs_kind parse_ready(struct span in)
{
	const struct nlattr *a;
	uint32_t class = 0;

	while ((a = next_attr(&in)) != NULL)
		if (mnl_attr_get_type(a) == ACCEPT_HANDLER_CLASS && !get_u32(a, &class))
			return HS_MALFORMED;
	if (in.len)
		return HS_MALFORMED;
	return class == CLASS_TLSHD ? HS_READY : HS_OTHER;
}

/* --- the family's numbers --- */

static bool parse_group(struct span in, struct hs_msg *ret)
{
	const struct nlattr *a;
	struct span name = { NULL, 0 };
	uint32_t id = 0;

	while ((a = next_attr(&in)) != NULL) {
		if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GRP_NAME)
			name = payload_of(a);
		if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GRP_ID && !get_u32(a, &id))
			return false;
	}
	if (name.len == sizeof(HS_GROUP) && memcmp(name.ptr, HS_GROUP, sizeof(HS_GROUP)) == 0)
		ret->group = id;
	return in.len == 0;
}

static bool parse_groups(struct span in, struct hs_msg *ret)
{
	const struct nlattr *a;

	while ((a = next_attr(&in)) != NULL)
		if (!parse_group(payload_of(a), ret))
			return false;
	return in.len == 0;
}

static enum hs_kind parse_family(struct span in, struct hs_msg *ret)
{
	const struct nlattr *a;
	bool good = true;

	while (good && (a = next_attr(&in)) != NULL) {
		if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID) {
			good = mnl_attr_get_payload_len(a) == sizeof(ret->family);
			ret->family = good ? mnl_attr_get_u16(a) : 0;
		} else if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GROUPS) {
			good = parse_groups(payload_of(a), ret);
		}
	}
	return good && in.len == 0 && ret->family >= GENL_MIN_ID ? HS_FAMILY_INFO : HS_MALFORMED;
}

/* --- a message --- */

static enum hs_kind parse_error(const struct nlmsghdr *h, struct hs_msg *ret)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

	if (h->nlmsg_len < HEADER_LEN + sizeof(e->error) || e->error > 0 || e->error < -4095)
		return HS_MALFORMED;
	ret->error = -e->error;
	return HS_ACK;
}

static enum hs_kind parse(const struct nlmsghdr *h, uint16_t family, struct hs_msg *ret)
{
	const struct genlmsghdr *g = mnl_nlmsg_get_payload(h);
	struct span in;

	if (h->nlmsg_type == NLMSG_ERROR)
		return parse_error(h, ret);
	if (h->nlmsg_type != GENL_ID_CTRL && (family == 0 || h->nlmsg_type != family))
		return HS_OTHER;
	if (!attributes(h, &in))
		return HS_MALFORMED;
	if (h->nlmsg_type == GENL_ID_CTRL)
		return g->cmd == CTRL_CMD_NEWFAMILY ? parse_family(in, ret) : HS_OTHER;
	if (g->cmd == CMD_READY)
		return parse_ready(in);
	return g->cmd == CMD_ACCEPT ? parse_accept(in, &ret->request) : HS_OTHER;
}

bool hs_msg_next(struct span *in, uint16_t family, struct hs_msg *ret)
{
	const struct nlmsghdr *h = (const void *)in->ptr;

	if (in->len == 0)
		return false;
	*ret = (struct hs_msg){ .kind = HS_MALFORMED, .request = { .sockfd = -1 } };
	if (in->len < HEADER_LEN || h->nlmsg_len < HEADER_LEN || h->nlmsg_len > in->len) {
		in->len = 0;
		return true;
	}
	ret->seq = h->nlmsg_seq;
	ret->kind = parse(h, family, ret);
	take_aligned(in, h->nlmsg_len);
	return true;
}

/* --- requests --- */

static struct nlmsghdr *build(void *buf, uint16_t type, uint8_t cmd, uint32_t seq)
{
	struct nlmsghdr *h;
	struct genlmsghdr *g;

	memset(buf, 0, HS_MESSAGE_MAX);	/* libmnl leaves what pads an attribute as it was */
	h = mnl_nlmsg_put_header(buf);
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	h->nlmsg_seq = seq;
	g->cmd = cmd;
	g->version = HS_VERSION;
	return h;
}

size_t hs_build_resolve(void *buf, uint32_t seq)
{
	struct nlmsghdr *h = build(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, seq);

	mnl_attr_put_strz(h, CTRL_ATTR_FAMILY_NAME, HS_FAMILY);
	return h->nlmsg_len;
}

size_t hs_build_accept(void *buf, uint16_t family, uint32_t seq)
{
	struct nlmsghdr *h = build(buf, family, CMD_ACCEPT, seq);

	mnl_attr_put_u32(h, ACCEPT_HANDLER_CLASS, CLASS_TLSHD);
	return h->nlmsg_len;
}

size_t hs_build_done(void *buf, uint16_t family, uint32_t seq, int sockfd, int status, int32_t peer)
{
	struct nlmsghdr *h = build(buf, family, CMD_DONE, seq);

	mnl_attr_put_u32(h, DONE_STATUS, (uint32_t)status);
	mnl_attr_put_u32(h, DONE_SOCKFD, (uint32_t)sockfd);
	if (peer)
		mnl_attr_put_u32(h, DONE_REMOTE_AUTH, (uint32_t)peer);
	return h->nlmsg_len;
}
