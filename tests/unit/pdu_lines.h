/* SPDX-License-Identifier: BSD-3-Clause */
/* pdu_lines - what an independent decoder wrote down about a capture's PDUs (NAME.pdus). For tests. */
#pragma once

#include <stdint.h>

#define PDUS_MAX 256

struct pdu_seen {
	char name[16];
	unsigned int flags, hlen, pdo, plen;
};

/* The lines of connection @st and direction @dir ("H>C"). Returns how many. */
int pdu_lines_expected(const char *text, int st, const char *dir, struct pdu_seen *ret);
/* The same of a header that was read. */
void pdu_lines_note(struct pdu_seen *to, const uint8_t *hdr);
