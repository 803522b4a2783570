/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_options - the options of `nvmetls perf` (fio's words), and what they make of a namespace. */
#pragma once

#include "cli/address.h"
#include "cli/perf_job.h"

#define PERF_JOBS_MAX 256

struct perf_options {
	char *rw, *cpus;
	uint64_t bs, size, iodepth, numjobs, runtime_s, rwmixread, nsid, fsync, rate_iops, seed;
	uint64_t poll_us;
	bool verify;
	int cpu[PERF_JOBS_MAX];		/* of job i % cpu_count */
	unsigned int cpu_count;
};

#define PERF_OPTIONS_INIT                                                                         \
	{                                                                                         \
		.bs = 4096, .iodepth = 1, .numjobs = 1, .rwmixread = 50, .nsid = 1, .poll_us = 50, \
		.seed = 0x6e766d65746c73                                                          \
	}

extern const struct opt perf_opts[];
extern const size_t perf_opt_count;

/* What can be said without a controller: GO_ON, or EXIT_USAGE with the reason. Sets cpu[]. */
int perf_options_check(const struct verb *v, struct perf_options *o, const struct address *a);
/* The workload on this namespace: GO_ON, or EXIT_FAILED with the reason. Allocates the pattern. */
int perf_options_apply(const struct report *r, const struct perf_options *o,
		       const struct nvmetls_ns *ns, const struct nvmetls_info *info,
		       struct perf_config *ret);
