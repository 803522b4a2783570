/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_report - the results of `nvmetls perf`: fio's words, as text and as JSON. */
#pragma once

#include <stdio.h>

#include "cli/perf_job.h"

struct json_object;

/* What a run was and came to. */
struct perf_result {
	const struct perf_config *config;
	const char *rw;			/* as given */
	const struct perf_job *jobs;	/* config->numjobs of them, all done */
	const struct nvmetls_info *info;
	uint64_t runtime_ns;		/* of the timed phase */
	uint64_t cpu_user_us, cpu_sys_us;	/* of the process in it, all threads */
	uint64_t verified_blocks;
	bool mismatched, interrupted;
	const char *unchecked;		/* with verify: why not all was checked; NULL: all was */
};

void perf_print(FILE *to, const struct perf_result *r);
struct json_object *perf_json(const struct perf_result *r);
/* "12.3k": at most four characters of digits. Returns @text. */
const char *perf_short(double value, char *text, size_t size);
