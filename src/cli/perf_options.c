/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/perf_options.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <string.h>
#include <sys/random.h>

#include "base/bytes.h"

#define AT(member) offsetof(struct perf_options, member)
#define UNITS_MAX  (UINT64_C(1) << 28)	/* I/Os of a slice that --verify keeps account of: 2 GiB */

/* clang-format off */
const struct opt perf_opts[] = {
	{ "rw", 0, OPT_TEXT, AT(rw), "KIND", "read|write|randread|randwrite|rw|randrw|trim|randtrim", 0, 0 },
	{ "bs", 0, OPT_SIZE, AT(bs), "SIZE", "bytes of one I/O (default 4k)", 512, 1u << 26 },
	{ "iodepth", 0, OPT_NUMBER, AT(iodepth), "N", "I/Os in flight per job (default 1); from 128 on the queues get N + 1 entries", 1, 1023 },
	{ "numjobs", 0, OPT_NUMBER, AT(numjobs), "N", "jobs; each has a thread, a queue and a slice of its own (default 1)", 1, PERF_JOBS_MAX },
	{ "size", 0, OPT_SIZE, AT(size), "SIZE", "bytes of a job's slice (default: the namespace / numjobs)", 512, 0 },
	{ "runtime", 0, OPT_NUMBER, AT(runtime_s), "SEC", "go on for that long (default: once over the slice)", 1, 86400 * 30 },
	{ "rwmixread", 0, OPT_NUMBER, AT(rwmixread), "PERCENT", "reads in rw and randrw (default 50)", 0, 100 },
	{ "verify", 0, OPT_FLAG, AT(verify), NULL, "check every block that this run wrote, at each read and at the end", 0, 0 },
	{ "namespace-id", 'N', OPT_NUMBER, AT(nsid), "N", "identifier of the namespace (default 1)", 1, 0xfffffffe },
	{ "fsync", 0, OPT_NUMBER, AT(fsync), "N", "a Flush after every N writes", 1, 0 },
	{ "rate-iops", 0, OPT_NUMBER, AT(rate_iops), "N", "no more I/Os per second and job than that", 1, 1u << 30 },
	{ "seed", 0, OPT_NUMBER, AT(seed), "N", "of the random offsets", 0, 0 },
	{ "cpus", 0, OPT_TEXT, AT(cpus), "LIST", "pin job i to the i-th CPU of the list (0,2-3)", 0, 0 },
	{ "poll-us", 0, OPT_NUMBER, AT(poll_us), "N", "spin so long before sleeping (default 50; 0: sleep at once)", 0, 1000000 },
};
/* clang-format on */
const size_t perf_opt_count = ARRAY_SIZE(perf_opts);

static const struct {
	const char *name;
	bool random, reads, writes, trims;
} kinds[] = {
	{ "read", false, true, false, false },	  { "randread", true, true, false, false },
	{ "write", false, false, true, false },	  { "randwrite", true, false, true, false },
	{ "rw", false, true, true, false },	  { "readwrite", false, true, true, false },
	{ "randrw", true, true, true, false },	  { "trim", false, false, false, true },
	{ "randtrim", true, false, false, true },
};

static int find_kind(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* "0,2-3" */
static bool parse_cpus(struct perf_options *o)
{
	char word[24], *dash;
	const char *text = o->cpus;
	uint64_t first, last;

	do {
		size_t len = strcspn(text, ",");

		if (len == 0 || len >= sizeof(word))
			return false;
		memcpy(word, text, len);
		word[len] = '\0';
		dash = strchr(word, '-');
		if (dash)
			*dash++ = '\0';
		if (!parse_number(word, &first) || !parse_number(dash ? dash : word, &last) ||
		    last < first || last >= CPU_SETSIZE)
			return false;
		for (; first <= last && o->cpu_count < PERF_JOBS_MAX; first++)
			o->cpu[o->cpu_count++] = (int)first;
		text += len;
	} while (*text++ == ',');
	return true;
}

int perf_options_check(const struct verb *v, struct perf_options *o, const struct address *a)
{
	int kind;

	if (!o->rw)
		return options_misuse(v, "--rw is missing");
	kind = find_kind(o->rw);
	if (kind < 0)
		return options_misuse(v, "--rw: \"%s\" is not a kind of load", o->rw);
	if (o->verify && !kinds[kind].writes)
		return options_misuse(v, "--verify checks what this run wrote, and --rw %s writes nothing",
				      o->rw);
	if (o->cpus && !parse_cpus(o))
		return options_misuse(v, "--cpus: \"%s\" is not a list of CPUs", o->cpus);
	if (o->size && o->size < o->bs)
		return options_misuse(v, "--size is less than --bs");
	if (a->queue_size && o->iodepth >= a->queue_size)
		return options_misuse(v, "--iodepth must be less than --queue-size, a queue holds one command less"
				      " than it has entries");
	if (a->io_queues)
		return options_misuse(v, "--nr-io-queues is --numjobs here");
	return GO_ON;
}

static int no_fit(const struct report *r, const struct perf_options *o, uint64_t bytes)
{
	return report_failed(r, "too-large", "lower --size or --numjobs",
			     "%" PRIu64 " jobs of %" PRIu64 " bytes do not fit into %" PRIu64, o->numjobs,
			     o->size ? o->size : o->bs, bytes);
}

int perf_options_apply(const struct report *r, const struct perf_options *o,
		       const struct nvmetls_ns *ns, const struct nvmetls_info *info,
		       struct perf_config *ret)
{
	uint64_t bytes = ns->blocks * ns->block_bytes;
	uint64_t slice = o->size ? o->size : bytes / o->numjobs;
	int kind = find_kind(o->rw);
	uint64_t run;

	if (o->bs % ns->block_bytes)
		return report_failed(r, "block-size", "give a multiple as --bs",
				     "blocks of the namespace have %" PRIu32 " bytes", ns->block_bytes);
	if (info->mdts_bytes && o->bs > info->mdts_bytes && !kinds[kind].trims)
		return report_failed(r, "block-size", "lower --bs", "the controller takes at most %" PRIu32
				     " bytes at once", info->mdts_bytes);
	if (slice < o->bs || slice > bytes / o->numjobs)
		return no_fit(r, o, bytes);
	*ret = (struct perf_config){
		.random = kinds[kind].random,
		.trim = kinds[kind].trims,
		.read_percent = !kinds[kind].reads ? 0 :
				kinds[kind].writes ? (uint32_t)o->rwmixread :
						     100,
		.bs = (uint32_t)o->bs,
		.iodepth = (uint32_t)o->iodepth,
		.numjobs = (uint32_t)o->numjobs,
		.slice_bytes = slice / o->bs * o->bs,
		.runtime_ns = o->runtime_s * UINT64_C(1000000000),
		.rate_iops = o->rate_iops,
		.fsync = o->fsync,
		.seed = o->seed,
		.nsid = (uint32_t)o->nsid,
		.block_bytes = ns->block_bytes,
		.verify = o->verify,
	};
	if (o->verify && slice / o->bs > UNITS_MAX)
		return report_failed(r, "too-large", "give --size", "too much for --verify");
	/* not --seed: what a run with the same seed has left must not pass for this run's */
	if (getrandom(&run, sizeof(run), 0) != sizeof(run))
		return report_status(r, -errno);
	if (o->verify && !perf_pattern_init(&ret->pattern, run, ns->block_bytes))
		return report_failed(r, "no-memory", "free some", "no memory for the pattern of --verify");
	return GO_ON;
}
