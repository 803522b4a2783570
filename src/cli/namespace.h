/* SPDX-License-Identifier: BSD-3-Clause */
/* namespace - a verb's namespace: what it is, and what to say when it is not what was meant. */
#pragma once

#include "cli/report.h"
#include "nvmetls.h"

/* Look at namespace @nsid. GO_ON with *ret, or EXIT_FAILED with the reason said. */
int namespace_open(const struct report *r, struct nvmetls *c, uint32_t nsid,
		   struct nvmetls_ns *ret);
/* "there is no namespace 7; there are 1, 2". Returns EXIT_FAILED. */
int namespace_unknown(const struct report *r, struct nvmetls *c, uint32_t nsid);
/* An I/O command to @ns failed; a range that leaves it is told with its size. EXIT_FAILED. */
int namespace_io_failed(const struct report *r, struct nvmetls *c, const struct nvmetls_ns *ns,
			int status);
