/* SPDX-License-Identifier: BSD-3-Clause */
#include "pdu_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "nvme/tcp_wire.h"

int pdu_lines_expected(const char *text, int st, const char *dir, struct pdu_seen *ret)
{
	int count = 0;

	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		struct pdu_seen p;
		char d[4];
		int s;

		assert_int_equal(sscanf(line, " st%d %3s %15s fl=%x hlen=%u pdo=%u plen=%u", &s, d,
					p.name, &p.flags, &p.hlen, &p.pdo, &p.plen),
				 7);
		if (s != st || strcmp(d, dir) != 0)
			continue;
		assert_true(count < PDUS_MAX);
		ret[count++] = p;
	}
	return count;
}

void pdu_lines_note(struct pdu_seen *to, const uint8_t *hdr)
{
	const struct nvme_tcp_hdr *h = (const void *)hdr;

	snprintf(to->name, sizeof(to->name), "%s", nvme_tcp_pdu_str(h->type));
	to->flags = h->flags;
	to->hlen = h->hlen;
	to->pdo = h->pdo;
	to->plen = load_le32(h->plen);
}
