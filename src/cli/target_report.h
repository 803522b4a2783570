/* SPDX-License-Identifier: BSD-3-Clause */
/* target_report - what nvmetls-target tells about itself: its addresses, its counters. */
#pragma once

#include <stdbool.h>

#include "daemon/node.h"

/* One "address:port" line per listener, written whole (rename). False: said why on stderr. */
bool target_write_addr_file(const struct node *n, const char *path);
/* One line of JSON with the counters to standard error. */
void target_report(const struct node *n, struct world *const *worlds, uint32_t count);
