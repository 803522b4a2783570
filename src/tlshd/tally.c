/* SPDX-License-Identifier: BSD-3-Clause */
#include "tlshd/tally.h"

#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

void tally_peer(int fd, char *ret)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);
	char host[64], port[8];

	if (getpeername(fd, (struct sockaddr *)&a, &len) != 0 ||
	    getnameinfo((struct sockaddr *)&a, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		snprintf(ret, 64, "a peer that has gone");
	else
		snprintf(ret, 64, a.ss_family == AF_INET6 ? "[%.46s]:%.6s" : "%.46s:%.6s", host, port);
}

/* Anybody can make a target refuse: not more lines a second than a log can take. */
static bool may_say(struct tally *t)
{
	struct timespec now;
	unsigned int unsaid;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!log_rate_take(&t->rate, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
			   &unsaid))
		return false;
	if (unsaid)
		log_warn("%u more lines about refused handshakes left out", unsaid);
	return true;
}

void tally_result(struct tally *t, enum hs_role role, const char *peer,
		  const struct shake_result *r)
{
	const char *who = role == HS_CLIENT_HELLO ? "to target" : "from host";
	char identity[PSK_IDENTITY_LEN_MAX + 1], detail[SHAKE_DETAIL_LEN], group[32];
	enum cause cause = r->cause;

	/* a worker's words: it has spoken with the peer */
	log_safe(identity, sizeof(identity), r->identity, strlen(r->identity));
	log_safe(detail, sizeof(detail), r->detail, strlen(r->detail));
	log_safe(group, sizeof(group), r->group, strlen(r->group));
	if (r->status == 0) {
		t->sessions++;
		log_info("%s %s: TLS session, PSK \"%s\" (key %08x), %s", who, peer, identity,
			 (unsigned int)r->peer, group);
		return;
	}
	t->refused[cause]++;
	if (may_say(t))
		log_warn("%s %s: handshake failed: %s: %s%s%s; %s", who, peer, cause_name(cause),
			 cause_text(cause), detail[0] ? ": " : "", detail, cause_hint(cause));
}

static void add(char *text, size_t size, size_t *at, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void add(char *text, size_t size, size_t *at, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text + *at, size - *at, format, args);
	va_end(args);
	if (n > 0)
		*at = *at + (size_t)n < size ? *at + (size_t)n : size - 1;
}

size_t tally_text(const struct tally *t, char *text, size_t size)
{
	struct timespec now;
	size_t at = 0;

	clock_gettime(CLOCK_MONOTONIC, &now);
	add(text, size, &at, "nvmetls-tlshd " NVMETLS_VERSION ", process %d, up %lld s\n", (int)getpid(),
	    (long long)(now.tv_sec - t->since_s));
	add(text, size, &at, "workers           %u of %u\n", t->running, t->workers);
	add(text, size, &at, "waiting           %u\n", t->waiting);
	add(text, size, &at, "requests          %llu\n", (unsigned long long)t->requests);
	add(text, size, &at, "sessions          %llu\n", (unsigned long long)t->sessions);
	for (size_t i = 0; i < CAUSE_COUNT; i++)
		if (t->refused[i])
			add(text, size, &at, "failed            %llu %s\n", (unsigned long long)t->refused[i],
			    cause_name((enum cause)i));
	add(text, size, &at, "x509 refused      %llu\n", (unsigned long long)t->x509);
	add(text, size, &at, "workers that died %llu\n", (unsigned long long)t->crashed);
	add(text, size, &at, "too late          %llu\n", (unsigned long long)t->late);
	return at;
}
