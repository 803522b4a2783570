/* SPDX-License-Identifier: BSD-3-Clause */
#include "tlshd/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

static int netlink_socket(void)
{
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof(any)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A datagram of the kernel's, nobody else's. Returns its length, or -errno. */
static ssize_t receive(int fd, void *buf, size_t size)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, buf, size, 0, (struct sockaddr *)&from, &len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n >= 0 && from.nl_pid == 0)
			return n;
	}
}

/*
 * Send a request and read what the kernel says to it. It answers while it is asked, so that all is
 * there. @ret: the answer, if there is one; its error is returned.
 */
static int ask(struct kernel *k, const void *request, size_t len, struct hs_msg *ret)
{
	static _Alignas(8) uint8_t buf[HS_DATAGRAM_MAX];

	ret->kind = HS_OTHER;
	if (send(k->control, request, len, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t n = receive(k->control, buf, sizeof(buf));
		struct span in;
		struct hs_msg m;

		if (n < 0)
			return n == -EAGAIN ? -EPROTO : (int)n;
		in = span_of(buf, (size_t)n);
		while (hs_msg_next(&in, k->family, &m)) {
			if (m.seq != k->seq)
				continue;
			if (m.kind == HS_ACK)
				return -m.error;
			if (m.kind != HS_OTHER)
				*ret = m;
		}
	}
}

/* --- namespaces --- */

static int enter(const char *netns)
{
	char path[4096];
	int fd, rc;

	if (strchr(netns, '/'))
		snprintf(path, sizeof(path), "%s", netns);
	else
		snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = setns(fd, CLONE_NEWNET) ? -errno : 0;
	close(fd);
	return rc;
}

/* A socket belongs to the namespace in which it was made. */
static int open_sockets(struct kernel *k, const char *netns)
{
	int home = netns ? open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC) : -1;
	int rc = netns ? home < 0 ? -errno : enter(netns) : 0;

	if (rc == 0) {
		k->events = netlink_socket();
		k->control = netlink_socket();
		rc = k->events < 0 || k->control < 0 ? -errno : 0;
	}
	if (home >= 0) {
		if (setns(home, CLONE_NEWNET) != 0 && rc == 0)
			rc = -errno;
		close(home);
	}
	return rc;
}

static int resolve(struct kernel *k, uint32_t *ret_group)
{
	_Alignas(4) uint8_t buf[HS_MESSAGE_MAX];
	struct hs_msg m;
	int rc = ask(k, buf, hs_build_resolve(buf, ++k->seq), &m);

	if (rc == 0 && m.kind != HS_FAMILY_INFO)
		rc = -EPROTO;
	if (rc == 0 && m.group == 0)
		rc = -ENOENT;
	if (rc)
		return rc;
	k->family = m.family;
	*ret_group = m.group;
	return 0;
}

int kernel_open(struct kernel *k, const char *netns, char *error, size_t size)
{
	uint32_t group;
	int rc;

	*k = (struct kernel){ .events = -1, .control = -1 };
	rc = open_sockets(k, netns);
	if (rc) {
		snprintf(error, size, "netlink%s%s: %s", netns ? " in namespace " : "",
			 netns ? netns : "", strerror(-rc));
		kernel_close(k);
		return rc;
	}
	rc = resolve(k, &group);
	if (rc) {
		snprintf(error, size, "this kernel has no handshake upcall (netlink family \"" HS_FAMILY
			 "\", Linux 6.4 or later with CONFIG_NET_HANDSHAKE): %s", strerror(-rc));
		kernel_close(k);
	}
	return rc;
}

void kernel_close(struct kernel *k)
{
	if (k->events >= 0)
		close(k->events);
	if (k->control >= 0)
		close(k->control);
	k->events = k->control = -1;
}

static int membership(struct kernel *k, int what)
{
	uint32_t group;
	int rc = resolve(k, &group);	/* the family may have come anew, with other numbers */

	if (rc)
		return rc;
	return setsockopt(k->events, SOL_NETLINK, what, &group, sizeof(group)) ? -errno : 0;
}

int kernel_listen(struct kernel *k)
{
	return membership(k, NETLINK_ADD_MEMBERSHIP);
}

void kernel_unlisten(struct kernel *k)
{
	(void)membership(k, NETLINK_DROP_MEMBERSHIP);
}

/* --- requests --- */

void kernel_drain(struct kernel *k)
{
	_Alignas(4) uint8_t buf[HS_MESSAGE_MAX];

	for (;;) {
		ssize_t n = receive(k->events, buf, sizeof(buf));

		if (n < 0 && n != -ENOBUFS)
			return;
	}
}

int kernel_accept(struct kernel *k, struct hs_request *ret)
{
	_Alignas(4) uint8_t buf[HS_MESSAGE_MAX];
	struct hs_msg m;
	int rc = ask(k, buf, hs_build_accept(buf, k->family, ++k->seq), &m);

	if (m.kind == HS_ACCEPTED && rc == 0) {
		*ret = m.request;
		return 0;
	}
	if ((m.kind == HS_ACCEPTED || m.kind == HS_MALFORMED) && m.request.sockfd > 2) {
		kernel_done(k, m.request.sockfd, EINVAL, 0);
		close(m.request.sockfd);
	}
	return rc ? rc : -EBADMSG;
}

int kernel_done(struct kernel *k, int sockfd, int status, int32_t peer)
{
	_Alignas(4) uint8_t buf[HS_MESSAGE_MAX];
	struct hs_msg m;

	return ask(k, buf, hs_build_done(buf, k->family, ++k->seq, sockfd, status, peer), &m);
}
