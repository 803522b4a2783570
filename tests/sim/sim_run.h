/* SPDX-License-Identifier: BSD-3-Clause */
/* sim_run - one simulated life of a host and a target, from one seed. */
#pragma once

#include "sim.h"

struct sim_options {
	bool tls, verbose;
	uint32_t ops;
	enum sim_plant plant;
};

struct sim_report {
	uint64_t trace, steps, now_ns, losses, writes, reads;
	char why[160];
};

/* False: @report->why. What runs of one process have done does not reach the next. */
bool sim_run(uint64_t seed, const struct sim_options *options, struct sim_report *report);
