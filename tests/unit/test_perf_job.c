/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole job of perf --verify against a disk in memory that completes in any order. The disk
 * is honest, or has one planted fault; the job must find nothing, or the fault.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "cli/perf_job.h"

#define BLOCK	  512u
#define BLOCKS	  2048u
#define IN_FLIGHT 8u

enum plant {
	HONEST,
	LOSE_WRITE,	/* acknowledges and forgets */
	MISDIRECT,	/* writes to the block beside */
	FLIP_BIT,	/* of what a read returns */
	TEAR_WRITE,	/* writes the first half only */
	STALE_READ,	/* a read returns what stood there before the last write */
	FAIL_WRITE,	/* NVMe status */
	LOSE_QUEUE,
	SILENT,		/* answers no more; then a signal comes */
	PLANTS
};

static atomic_int stop;

/* Stands behind the library's calls: the tests define them. */
static struct {
	uint8_t bytes[BLOCKS * BLOCK], before[BLOCKS * BLOCK];
	struct nvmetls_io *queue[IN_FLIGHT];
	unsigned int count, capacity, high_water;
	uint64_t writes, reads, flushes;
	struct prng order;
	enum plant plant;
	uint64_t plant_at;	/* the n-th write or read */
	bool was_full;
} disk;

int nvmetls_submit(struct nvmetls_queue *q, struct nvmetls_io *io)
{
	(void)q;
	if (disk.count == disk.capacity) {
		disk.was_full = true;
		return -EAGAIN;
	}
	disk.queue[disk.count++] = io;
	if (disk.count > disk.high_water)
		disk.high_water = disk.count;
	return 0;
}

void nvmetls_get_queue_stats(struct nvmetls_queue *q, struct nvmetls_queue_stats *ret)
{
	(void)q;
	*ret = (struct nvmetls_queue_stats){ .recvs = disk.reads };
}

static int do_write(const struct nvmetls_io *io)
{
	uint8_t *at = disk.bytes + io->slba * BLOCK;
	size_t bytes = (size_t)io->blocks * BLOCK;
	enum plant plant = ++disk.writes == disk.plant_at ? disk.plant : HONEST;

	if (plant == FAIL_WRITE)
		return 0x4281;
	if (plant == LOSE_WRITE)
		return 0;
	if (plant == MISDIRECT)
		at += io->slba + 2 * io->blocks <= BLOCKS ? bytes : -bytes;
	memcpy(disk.before + io->slba * BLOCK, disk.bytes + io->slba * BLOCK, bytes);
	memcpy(at, io->buf, plant == TEAR_WRITE ? bytes / 2 : bytes);
	return 0;
}

static int do_read(const struct nvmetls_io *io)
{
	size_t bytes = (size_t)io->blocks * BLOCK;
	bool planted = ++disk.reads >= disk.plant_at;
	uint8_t *buf = io->buf;

	memcpy(buf,
	       (disk.plant == STALE_READ && planted ? disk.before : disk.bytes) + io->slba * BLOCK,
	       bytes);
	if (disk.plant == FLIP_BIT && planted)
		buf[bytes - 1] ^= 0x10;
	return 0;
}

static int execute(struct nvmetls_io *io)
{
	switch (io->op) {
	case NVMETLS_WRITE:
		return do_write(io);
	case NVMETLS_READ:
		return do_read(io);
	case NVMETLS_FLUSH:
		disk.flushes++;
		return 0;
	default:
		return 0;
	}
}

/* One to all of what is in flight completes, in any order. */
int nvmetls_poll(struct nvmetls_queue *q, int timeout_ms)
{
	uint64_t n = disk.count ? 1 + prng_below(&disk.order, disk.count) : 0;

	(void)q;
	(void)timeout_ms;
	if (disk.plant == LOSE_QUEUE && disk.writes + disk.reads >= disk.plant_at)
		return -ENOTCONN;
	if (disk.plant == SILENT && disk.writes + disk.reads >= disk.plant_at) {
		atomic_store(&stop, PERF_STOP_SIGNAL);
		return 0;
	}
	for (uint64_t i = 0; i < n; i++) {
		unsigned int pick = (unsigned int)prng_below(&disk.order, disk.count);
		struct nvmetls_io *io = disk.queue[pick];

		disk.queue[pick] = disk.queue[--disk.count];
		io->done(io, execute(io));
	}
	return (int)n;
}

static struct perf_config config;
static struct perf_job job;

/* Passes enough for several generations of each unit: runtime by rate would need a clock. */
static void run(enum plant plant, bool random, uint32_t read_percent, uint64_t seed)
{
	memset(&disk, 0, sizeof(disk));
	disk.capacity = IN_FLIGHT - 1;
	disk.plant = plant;
	disk.plant_at = 300;
	prng_seed(&disk.order, seed);
	config = (struct perf_config){
		.random = random,
		.read_percent = read_percent,
		.bs = 2 * BLOCK,
		.iodepth = IN_FLIGHT,
		.numjobs = 1,
		.slice_bytes = BLOCKS * BLOCK,
		.seed = seed,
		.nsid = 1,
		.block_bytes = BLOCK,
		.verify = true,
		.fsync = 10,
	};
	assert_true(perf_pattern_init(&config.pattern, seed, BLOCK));
	memset(&job, 0, sizeof(job));
	job.c = &config;
	job.stop = &stop;
	atomic_store(&stop, PERF_GO_ON);
	assert_true(perf_job_init(&job));
	perf_job_run(&job);
	perf_job_read_back(&job);
}

static void finish(void)
{
	perf_job_free(&job);
	perf_pattern_free(&config.pattern);
}

static void an_honest_disk_passes(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		run(HONEST, seed % 2, seed % 4 < 2 ? 0 : 50, seed);
		assert_int_equal(job.status, 0);
		assert_false(job.mismatched);
		assert_true(job.verified_blocks > 0);
		assert_int_equal(job.in_flight, 0);
		/* one pass: as many I/Os as the slice has units */
		assert_int_equal(job.stats[PERF_READ].ios + job.stats[PERF_WRITE].ios, BLOCKS / 2);
		assert_int_equal(job.stats[PERF_SYNC].ios, disk.flushes);
		assert_true(disk.flushes >= job.stats[PERF_WRITE].ios / 10 - 1);
		assert_true(disk.was_full && disk.high_water == disk.capacity);
		finish();
	}
}

/* A pass of sequential writes is read back whole. */
static void all_that_was_written_is_checked(void **state)
{
	(void)state;
	run(HONEST, false, 0, 1);
	assert_int_equal(job.verified_blocks, BLOCKS);
	assert_true(job.read_back);
	finish();
}

static void planted_faults_are_found(void **state)
{
	static const struct {
		enum plant plant;
		enum perf_found found;
	} cases[] = {
		{ LOSE_WRITE, PERF_FOREIGN },
		{ MISDIRECT, PERF_WRONG_LBA },
		{ FLIP_BIT, PERF_CORRUPT },
		{ TEAR_WRITE, PERF_FOREIGN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		run(cases[i].plant, false, 0, 5);
		assert_true(job.mismatched);
		assert_int_equal(atomic_load(&stop), PERF_STOP_ERROR);
		/* a misdirected write may be found at the place it missed first */
		if (cases[i].plant != MISDIRECT)
			assert_int_equal(job.mismatch.found, cases[i].found);
		finish();
	}
}

static void stale_data_is_found_in_a_mixed_load(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		run(STALE_READ, true, 30, seed);
		assert_true(job.mismatched);
		finish();
	}
}

static void an_error_ends_the_job_with_its_status(void **state)
{
	(void)state;
	run(FAIL_WRITE, false, 0, 1);
	assert_int_equal(job.status, 0x4281);
	assert_int_equal(job.in_flight, 0);
	assert_false(job.mismatched);
	finish();
	run(LOSE_QUEUE, false, 0, 1);
	assert_int_equal(job.status, -ENOTCONN);
	assert_false(job.read_back || job.mismatched);
	finish();
}

/* It does not wait for what may never come, and what was not seen is neither good nor bad. */
static void a_signal_ends_the_job_of_a_silent_disk(void **state)
{
	(void)state;
	run(SILENT, false, 0, 1);
	assert_true(job.in_flight > 0);
	assert_int_equal(job.status, 0);
	assert_false(job.read_back || job.mismatched);
	assert_int_equal(job.verified_blocks, 0);
	finish();
}

static void offsets_stay_in_the_slice(void **state)
{
	(void)state;
	run(HONEST, false, 0, 1);
	finish();
	/* the second of two jobs: the upper half */
	memset(&disk, 0, sizeof(disk));
	disk.capacity = IN_FLIGHT;
	prng_seed(&disk.order, 1);
	config.slice_bytes = BLOCKS / 2 * BLOCK;
	config.fsync = 0;
	assert_true(perf_pattern_init(&config.pattern, 1, BLOCK));
	memset(&job, 0, sizeof(job));
	job.c = &config;
	job.stop = &stop;
	job.index = 1;
	assert_true(perf_job_init(&job));
	perf_job_run(&job);
	for (size_t i = 0; i < BLOCKS; i++)
		assert_int_equal(disk.bytes[i * BLOCK] != 0, i >= BLOCKS / 2);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_honest_disk_passes),
		cmocka_unit_test(all_that_was_written_is_checked),
		cmocka_unit_test(planted_faults_are_found),
		cmocka_unit_test(stale_data_is_found_in_a_mixed_load),
		cmocka_unit_test(an_error_ends_the_job_with_its_status),
		cmocka_unit_test(a_signal_ends_the_job_of_a_silent_disk),
		cmocka_unit_test(offsets_stay_in_the_slice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
