/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim --seed S --runs N [--ops K] [--plant BUG] [--verbose]
 *
 * Runs the seeds S .. S+N-1; even seeds over TLS, odd ones in the clear. Every tenth is run twice
 * and must do the same. With --plant a bug is put in, and it is a failure not to find it.
 *
 *	FAIL seed=9711: block 17 holds ...   rerun: sim --seed 9711 --runs 1
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sim_run.h"

static const char *const plants[] = {
	[PLANT_NONE] = "none",
	[PLANT_LOST_FLUSH] = "lost-flush",
	[PLANT_LOST_FUA] = "lost-fua",
	[PLANT_FLIPPED_BIT] = "flipped-bit",
	[PLANT_EARLY_RETRY] = "early-retry",
};

static enum sim_plant plant_of(const char *name)
{
	for (size_t i = 0; i < sizeof(plants) / sizeof(plants[0]); i++)
		if (strcmp(plants[i], name) == 0)
			return (enum sim_plant)i;
	fprintf(stderr, "sim: no such bug: %s\n", name);
	exit(2);
}

static bool run_seed(uint64_t seed, struct sim_options *o)
{
	struct sim_report r, again;

	/* under TLS a flipped bit never gets as far as the data */
	o->tls = seed % 2 == 0 && o->plant != PLANT_FLIPPED_BIT;
	if (!sim_run(seed, o, &r)) {
		printf("FAIL seed=%lu: %s   rerun: sim --seed %lu --runs 1 --verbose\n", seed, r.why, seed);
		return false;
	}
	if (o->verbose)
		printf("seed=%lu steps=%lu virtual=%lu us losses=%lu writes=%lu reads=%lu\n", seed, r.steps,
		       r.now_ns / 1000, r.losses, r.writes, r.reads);
	if (seed % 10 == 0 && (!sim_run(seed, o, &again) || again.trace != r.trace)) {
		printf("FAIL seed=%lu: a second run went another way\n", seed);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "seed", required_argument, NULL, 's' },  { "runs", required_argument, NULL, 'n' },
		{ "ops", required_argument, NULL, 'o' },   { "plant", required_argument, NULL, 'p' },
		{ "verbose", no_argument, NULL, 'v' },	   { NULL, 0, NULL, 0 },
	};
	struct sim_options o = { .ops = 200 };
	uint64_t seed = 1, runs = 100;
	bool found = false;
	int c;

	log_set_level(LOG_ERROR);
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 's')
			seed = strtoull(optarg, NULL, 10);
		else if (c == 'n')
			runs = strtoull(optarg, NULL, 10);
		else if (c == 'o')
			o.ops = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'p')
			o.plant = plant_of(optarg);
		else if (c == 'v')
			o.verbose = true;
		else
			return 2;
	}
	for (uint64_t i = 0; i < runs && !found; i++)
		found = !run_seed(seed + i, &o);
	if (o.plant != PLANT_NONE) {
		printf("planted bug \"%s\": %s\n", plants[o.plant], found ? "found" : "NOT FOUND");
		return !found;
	}
	if (!found)
		printf("sim: %lu seeds from %lu: ok\n", runs, seed);
	return found;
}
