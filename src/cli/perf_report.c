/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/perf_report.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"

static const char *const dir_names[PERF_DIRS] = { "read", "write", "trim", "sync" };

/* fio's default list */
static const double percentiles[] = { 1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 99.5, 99.9,
				      99.95, 99.99 };
/* what the text shows */
static const double shown[] = { 50, 90, 99, 99.9 };

/* All jobs in one. malloc'd: a histogram is large. */
static struct perf_stats *sum_of(const struct perf_result *r, enum perf_dir dir)
{
	struct perf_stats *sum = calloc(1, sizeof(*sum));

	for (uint32_t i = 0; sum && i < r->config->numjobs; i++) {
		const struct perf_stats *s = &r->jobs[i].stats[dir];

		perf_hist_merge(&sum->clat, &s->clat);
		sum->ios += s->ios;
		sum->bytes += s->bytes;
	}
	return sum;
}

static double seconds(uint64_t ns)
{
	return (double)(ns ? ns : 1) / 1e9;
}

static double per(double value, uint64_t n)
{
	return n ? value / (double)n : 0;
}

const char *perf_short(double value, char *text, size_t size)
{
	static const char units[] = " kMGT";
	size_t i = 0;

	while (value >= 1000 && i < sizeof(units) - 2) {
		value /= 1000;
		i++;
	}
	if (i == 0)
		snprintf(text, size, "%.0f", value);
	else
		snprintf(text, size, "%.*f%c", value < 100 ? 1 : 0, value, units[i]);
	return text;
}

/* ---- text ---- */

static void print_dir(FILE *to, const struct perf_result *r, enum perf_dir dir,
		      const struct perf_stats *s)
{
	double s_run = seconds(r->runtime_ns), mib = (double)s->bytes / (1 << 20);
	char iops[16];

	fprintf(to, "  %-5s: IOPS=%s, BW=%.1fMiB/s (%.0fMB/s)(%.0fMiB/%.0fmsec)\n", dir_names[dir],
		perf_short((double)s->ios / s_run, iops, sizeof(iops)), mib / s_run,
		(double)s->bytes / 1e6 / s_run, mib, s_run * 1000);
	fprintf(to, "    clat (usec): min=%.1f, max=%.1f, avg=%.1f, stdev=%.1f\n",
		(double)s->clat.min / 1000, (double)s->clat.max / 1000,
		perf_hist_mean(&s->clat) / 1000, perf_hist_stddev(&s->clat) / 1000);
	fprintf(to, "    clat percentiles (usec):");
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		fprintf(to, "%s %.4gth=%.1f", i ? "," : "", shown[i],
			(double)perf_hist_percentile(&s->clat, shown[i]) / 1000);
	fprintf(to, "\n");
}

struct totals {
	uint64_t ios, recvs, sends, bytes_rx, bytes_tx;
};

static struct totals totals_of(const struct perf_result *r)
{
	struct totals t = { 0 };

	for (uint32_t i = 0; i < r->config->numjobs; i++) {
		const struct perf_job *j = &r->jobs[i];

		for (int d = 0; d < PERF_DIRS; d++)
			t.ios += j->stats[d].ios;
		t.recvs += j->wire.recvs;
		t.sends += j->wire.sends;
		t.bytes_rx += j->wire.bytes_rx;
		t.bytes_tx += j->wire.bytes_tx;
	}
	return t;
}

/* "failed" is for wrong data only: what could not be looked at is not wrong. */
static const char *verify_state(const struct perf_result *r)
{
	return r->mismatched ? "failed" : r->unchecked ? "not-checked" : "good";
}

static void print_verify(FILE *to, const struct perf_result *r)
{
	fprintf(to, "  verify: ");
	if (r->verified_blocks || !r->unchecked || r->mismatched)
		fprintf(to, "%" PRIu64 " blocks of %" PRIu32 " bytes checked, %s%s",
			r->verified_blocks, r->config->block_bytes,
			r->mismatched ? "FAILED" : "all good",
			r->unchecked && !r->mismatched ? "; the others " : "");
	if (r->unchecked && !r->mismatched)
		fprintf(to, "not checked: %s", r->unchecked);
	fprintf(to, "\n");
}

static void print_end(FILE *to, const struct perf_result *r)
{
	struct totals t = totals_of(r);
	double us = seconds(r->runtime_ns) * 1e6;
	double cpu = (double)(r->cpu_user_us + r->cpu_sys_us);

	fprintf(to, "  cpu  : usr=%.1f%%, sys=%.1f%%, %.2f usec per I/O\n",
		100 * (double)r->cpu_user_us / us, 100 * (double)r->cpu_sys_us / us,
		per(cpu, t.ios));
	fprintf(to, "  data syscalls: recv=%" PRIu64 ", send=%" PRIu64 ", %.3f per I/O\n", t.recvs,
		t.sends, per((double)(t.recvs + t.sends), t.ios));
	if (r->info->tls)
		fprintf(to, "  tls  : %s, %s, key updates sent=%" PRIu64 ", received=%" PRIu64 "\n",
			r->info->cipher, r->info->group, r->info->key_updates_sent,
			r->info->key_updates_received);
	if (r->config->verify)
		print_verify(to, r);
}

void perf_print(FILE *to, const struct perf_result *r)
{
	const struct perf_config *c = r->config;

	fprintf(to, "nvmetls-perf: rw=%s, bs=%" PRIu32 "B, iodepth=%" PRIu32 ", numjobs=%" PRIu32
		    ", size=%" PRIu64 "B, tls=%s\n",
		r->rw, c->bs, c->iodepth, c->numjobs, c->slice_bytes,
		r->info->tls ? r->info->cipher : "none");
	for (int d = 0; d < PERF_DIRS; d++) {
		struct perf_stats *s = sum_of(r, d);

		if (s && s->ios)
			print_dir(to, r, d, s);
		free(s);
	}
	print_end(to, r);
}

/* ---- JSON ---- */

static void add_u64(struct json_object *o, const char *name, uint64_t v)
{
	json_object_object_add(o, name, json_object_new_uint64(v));
}

static void add_double(struct json_object *o, const char *name, double v)
{
	char text[40];

	snprintf(text, sizeof(text), "%.6f", v);
	json_object_object_add(o, name, json_object_new_double_s(v, text));
}

static void add_text(struct json_object *o, const char *name, const char *text)
{
	json_object_object_add(o, name, json_object_new_string(text));
}

static struct json_object *json_clat(const struct perf_hist *h)
{
	struct json_object *o = json_object_new_object(), *p = json_object_new_object();
	char name[16];

	add_u64(o, "min", h->min);
	add_u64(o, "max", h->max);
	add_double(o, "mean", perf_hist_mean(h));
	add_double(o, "stddev", perf_hist_stddev(h));
	add_u64(o, "N", h->n);
	for (size_t i = 0; h->n && i < ARRAY_SIZE(percentiles); i++) {
		snprintf(name, sizeof(name), "%.6f", percentiles[i]);
		add_u64(p, name, perf_hist_percentile(h, percentiles[i]));
	}
	json_object_object_add(o, "percentile", p);
	return o;
}

static struct json_object *json_dir(const struct perf_stats *s, uint64_t runtime_ns)
{
	struct json_object *o = json_object_new_object();
	double s_run = seconds(runtime_ns);

	add_u64(o, "io_bytes", s->bytes);
	add_u64(o, "io_kbytes", s->bytes >> 10);
	add_u64(o, "bw_bytes", (uint64_t)((double)s->bytes / s_run));
	add_u64(o, "bw", (uint64_t)((double)s->bytes / 1024 / s_run));
	add_double(o, "iops", (double)s->ios / s_run);
	add_u64(o, "runtime", s->ios ? runtime_ns / 1000000 : 0);
	add_u64(o, "total_ios", s->ios);
	json_object_object_add(o, "clat_ns", json_clat(&s->clat));
	return o;
}

static struct json_object *json_job(const struct perf_result *r, uint32_t index)
{
	const struct perf_job *j = &r->jobs[index];
	uint64_t ns = j->end_ns - j->start_ns;
	double us = seconds(ns) * 1e6;
	struct json_object *o = json_object_new_object();

	add_text(o, "jobname", "nvmetls-perf");
	add_u64(o, "groupid", 0);
	add_u64(o, "job_id", index);
	json_object_object_add(o, "error", json_object_new_int(j->status));
	for (int d = 0; d < PERF_DIRS; d++)
		json_object_object_add(o, dir_names[d], json_dir(&j->stats[d], ns));
	add_u64(o, "job_runtime", ns / 1000000);
	add_double(o, "usr_cpu", 100 * (double)j->cpu_user_us / us);
	add_double(o, "sys_cpu", 100 * (double)j->cpu_sys_us / us);
	add_u64(o, "data_recvs", j->wire.recvs);
	add_u64(o, "data_sends", j->wire.sends);
	add_u64(o, "wire_bytes_rx", j->wire.bytes_rx);
	add_u64(o, "wire_bytes_tx", j->wire.bytes_tx);
	add_u64(o, "verified_blocks", j->verified_blocks);
	return o;
}

static struct json_object *json_options(const struct perf_result *r)
{
	const struct perf_config *c = r->config;
	struct json_object *o = json_object_new_object();

	add_text(o, "ioengine", "nvmetls");
	add_text(o, "rw", r->rw);
	add_u64(o, "bs", c->bs);
	add_u64(o, "iodepth", c->iodepth);
	add_u64(o, "numjobs", c->numjobs);
	add_u64(o, "size", c->slice_bytes);
	add_u64(o, "runtime", c->runtime_ns / 1000000000);
	add_u64(o, "rwmixread", c->read_percent);
	json_object_object_add(o, "verify", json_object_new_boolean(c->verify));
	add_u64(o, "seed", c->seed);
	return o;
}

/* All jobs together. */
static struct json_object *json_total(const struct perf_result *r)
{
	struct totals t = totals_of(r);
	struct json_object *o = json_object_new_object();
	double cpu = (double)(r->cpu_user_us + r->cpu_sys_us);

	for (int d = 0; d < PERF_DIRS; d++) {
		struct perf_stats *s = sum_of(r, d);

		if (s)
			json_object_object_add(o, dir_names[d], json_dir(s, r->runtime_ns));
		free(s);
	}
	add_u64(o, "total_ios", t.ios);
	add_u64(o, "cpu_user_us", r->cpu_user_us);
	add_u64(o, "cpu_sys_us", r->cpu_sys_us);
	add_double(o, "cpu_us_per_io", per(cpu, t.ios));
	add_u64(o, "data_recvs", t.recvs);
	add_u64(o, "data_sends", t.sends);
	add_double(o, "data_syscalls_per_io", per((double)(t.recvs + t.sends), t.ios));
	add_u64(o, "wire_bytes_rx", t.bytes_rx);
	add_u64(o, "wire_bytes_tx", t.bytes_tx);
	add_u64(o, "verified_blocks", r->verified_blocks);
	return o;
}

static struct json_object *json_tls(const struct nvmetls_info *info)
{
	struct json_object *o = json_object_new_object();

	add_text(o, "cipher", info->cipher);
	add_text(o, "group", info->group);
	add_u64(o, "key_updates_sent", info->key_updates_sent);
	add_u64(o, "key_updates_received", info->key_updates_received);
	return o;
}

struct json_object *perf_json(const struct perf_result *r)
{
	struct json_object *o = json_object_new_object(), *jobs = json_object_new_array();

	add_text(o, "nvmetls version", nvmetls_version());
	add_u64(o, "timestamp", (uint64_t)time(NULL));
	json_object_object_add(o, "global options", json_options(r));
	for (uint32_t i = 0; i < r->config->numjobs; i++)
		json_object_array_add(jobs, json_job(r, i));
	json_object_object_add(o, "jobs", jobs);
	json_object_object_add(o, "total", json_total(r));
	if (r->info->tls)
		json_object_object_add(o, "tls", json_tls(r->info));
	if (r->config->verify)
		add_text(o, "verify", verify_state(r));
	json_object_object_add(o, "interrupted", json_object_new_boolean(r->interrupted));
	return o;
}
