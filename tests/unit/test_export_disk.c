/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A disk in bytes over a device in blocks: which commands a request becomes, what stands on the
 * device afterwards, what an error does, and that writes of parts of a block from several
 * threads lose nothing of each other.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "export/disk.h"
#include "fake_device.h"

struct rig {
	struct fake_device dev;
	struct disk disk;
	struct disk_queue q;
	struct disk_req req;
	int err;
	unsigned int done;
};

static struct rig *rig_of;

static void on_done(struct disk_req *r, int err)
{
	(void)r;
	rig_of->err = err;
	rig_of->done++;
}

static void rig_new(struct rig *t, uint32_t block, uint64_t blocks, uint32_t max_bytes)
{
	memset(t, 0, sizeof(*t));
	rig_of = t;
	fake_device_init(&t->dev, block, blocks, max_bytes);
	disk_init(&t->disk, &t->dev.ns, &t->dev.device);
	assert_int_equal(disk_queue_init(&t->q, &t->dev.device, 0), 0);
	assert_int_equal(disk_req_init(&t->req, block), 0);
	t->req.done = on_done;
}

static void rig_free(struct rig *t)
{
	disk_req_free(&t->req);
	disk_queue_free(&t->q);
	disk_free(&t->disk);
	fake_device_free(&t->dev);
}

/* Submits t->req and waits; returns its error. */
static int run(struct rig *t, enum disk_op op, uint64_t offset, uint64_t len, uint8_t *data)
{
	unsigned int before = t->done;

	t->req.op = op;
	t->req.offset = offset;
	t->req.len = len;
	t->req.data = data;
	disk_submit(&t->disk, &t->q, &t->req);
	for (int i = 0; i < 1000 && t->done == before; i++)
		disk_queue_run(&t->q);
	assert_int_equal(t->done, before + 1);
	return t->err;
}

/* Blocks of 512 bytes, commands of 2048. */
static const struct {
	const char *name;
	enum disk_op op;
	uint64_t offset, len;
	bool fua, unmap;
	const char *commands;
} shapes[] = {
	{ "a block", DISK_READ, 512, 512, false, false, "R1+1" },
	{ "blocks, one command each 2048 bytes", DISK_READ, 0, 5120, false, false, "R0+4 R4+4 R8+2" },
	{ "inside a block", DISK_READ, 3, 5, false, false, "R0+1" },
	{ "over an edge", DISK_READ, 510, 4, false, false, "R0+2" },
	{ "write of blocks", DISK_WRITE, 1024, 1024, false, false, "W2+2" },
	{ "write with FUA", DISK_WRITE, 0, 4096, true, false, "W0+4f W4+4f" },
	{ "write inside a block", DISK_WRITE, 100, 10, false, false, "R0+1 W0+1" },
	{ "write of a block's begin", DISK_WRITE, 512, 10, true, false, "R1+1 W1+1f" },
	{ "write up to a block's end", DISK_WRITE, 1000, 24, false, false, "R1+1 W1+1" },
	{ "write over one edge", DISK_WRITE, 510, 4, false, false, "R0+1 R1+1 W0+2" },
	{ "head and blocks", DISK_WRITE, 500, 1036, false, false, "R0+1 W0+3" },
	{ "blocks and tail", DISK_WRITE, 512, 1025, false, false, "R3+1 W1+3" },
	{ "head, blocks, tail, in parts", DISK_WRITE, 1, 4608, false, false, "R0+1 R9+1 W0+4 W4+4 W8+2" },
	{ "zeroes", DISK_ZERO, 0, 65536, false, true, "Z0+128u" },
	{ "zeroes inside a block", DISK_ZERO, 7, 1, false, true, "R0+1 W0+1" },
	{ "zeroes over edges", DISK_ZERO, 511, 1026, false, true, "R0+1 R3+1 W0+1 W3+1 Z1+2u" },
	{ "zeroes, kept allocated", DISK_ZERO, 512, 512, true, false, "Z1+1f" },
	{ "flush", DISK_FLUSH, 0, 0, false, false, "F" },
};

static void test_commands(void **state)
{
	uint8_t data[8192] = { 0 };
	struct rig t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		rig_new(&t, 512, 128, 2048);
		t.req.fua = shapes[i].fua;
		t.req.unmap = shapes[i].unmap;
		assert_int_equal(run(&t, shapes[i].op, shapes[i].offset, shapes[i].len, data), 0);
		if (strcmp(t.dev.log, shapes[i].commands) != 0)
			fail_msg("%s: %s, not %s", shapes[i].name, t.dev.log, shapes[i].commands);
		rig_free(&t);
	}
}

/* More zeroes than one command takes. */
static void test_many_zeroes(void **state)
{
	struct rig t;

	(void)state;
	rig_new(&t, 512, 70000, 4096);
	assert_int_equal(run(&t, DISK_ZERO, 0, 70000 * 512, NULL), 0);
	assert_string_equal(t.dev.log, "Z0+65536 Z65536+4464");
	rig_free(&t);
}

/* Random requests against an array of bytes. */
static void check_against_model(uint32_t block, uint32_t max_bytes)
{
	enum { BYTES = 65536, MAX = 20000 };
	uint8_t *model = malloc(BYTES), *data = malloc(MAX);
	struct prng p;
	struct rig t;

	assert_true(model && data);
	rig_new(&t, block, BYTES / block, max_bytes);
	memset(model, 0xaa, BYTES);
	prng_seed(&p, block + max_bytes);
	for (int i = 0; i < 3000; i++) {
		uint64_t at = prng_below(&p, BYTES), len = 1 + prng_below(&p, MAX - 1);
		enum disk_op op = (enum disk_op)prng_below(&p, 3);

		len = min_u64(prng_below(&p, 2) ? len : len & 1023, BYTES - at);
		if (len == 0)
			continue;
		prng_fill(&p, data, len);
		assert_int_equal(run(&t, op, at, len, data), 0);
		if (op == DISK_READ)
			assert_memory_equal(data, model + at, len);
		else if (op == DISK_WRITE)
			memcpy(model + at, data, len);
		else
			memset(model + at, 0, len);
		t.dev.log[0] = '\0';
	}
	assert_memory_equal(t.dev.bytes, model, BYTES);
	rig_free(&t);
	free(data);
	free(model);
}

static void test_model(void **state)
{
	(void)state;
	check_against_model(512, 2048);
	check_against_model(512, 1048576);
	check_against_model(4096, 4096);
	check_against_model(4096, 16384);
}

static const struct {
	const char *name;
	char fail_op;
	uint64_t fail_block;
	int status;
	enum disk_op op;
	uint64_t offset, len;
	int err;
	const char *commands;
} errors[] = {
	{ "unreadable", 'R', 1, 0x281, DISK_READ, 512, 512, -EIO, "R1+1" },
	{ "second part unreadable", 'R', 5, 0x281, DISK_READ, 0, 8192, -EIO, "R0+4 R4+4" },
	{ "unreadable edge: nothing is written", 'R', 0, 0x281, DISK_WRITE, 1, 5, -EIO, "R0+1" },
	{ "unreadable tail: nothing is written", 'R', 2, 0x281, DISK_WRITE, 1, 1030, -EIO, "R0+1 R2+1" },
	{ "unreadable tail: nothing is zeroed", 'R', 2, 0x281, DISK_ZERO, 1, 1030, -EIO, "R0+1 R2+1" },
	{ "write fault", 'W', 0, 0x280, DISK_WRITE, 0, 512, -EIO, "W0+1" },
	{ "no space", 'W', 0, 0x4081, DISK_WRITE, 0, 512, -ENOSPC, "W0+1" },
	{ "write protected", 'W', 0, 0x20, DISK_WRITE, 0, 512, -EROFS, "W0+1" },
	{ "attempted write to read only", 'W', 0, 0x4182, DISK_WRITE, 0, 512, -EROFS, "W0+1" },
	{ "reservation", 'W', 0, 0x83, DISK_WRITE, 0, 512, -EBADE, "W0+1" },
	{ "no write zeroes", 'Z', 0, 0x4001, DISK_ZERO, 0, 512, -EOPNOTSUPP, "Z0+1" },
	{ "flush fails", 'F', 0, 0x280, DISK_FLUSH, 0, 0, -EIO, "F" },
	{ "connection lost", 'W', 0, -ENOTCONN, DISK_WRITE, 0, 512, -EIO, "W0+1" },
	{ "no answer", 'R', 0, -ETIMEDOUT, DISK_READ, 0, 512, -EIO, "R0+1" },
	{ "disconnected", 'F', 0, -ECANCELED, DISK_FLUSH, 0, 0, -EIO, "F" },
};

static void test_errors(void **state)
{
	uint8_t data[8192] = { 0 };
	struct rig t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		rig_new(&t, 512, 128, 2048);
		t.dev.fail_op = errors[i].fail_op;
		t.dev.fail_block = errors[i].fail_block;
		t.dev.fail_status = errors[i].status;
		if (run(&t, errors[i].op, errors[i].offset, errors[i].len, data) != errors[i].err)
			fail_msg("%s: %d, not %d", errors[i].name, t.err, errors[i].err);
		if (strcmp(t.dev.log, errors[i].commands) != 0)
			fail_msg("%s: %s, not %s", errors[i].name, t.dev.log, errors[i].commands);
		/* the blocks are free again */
		t.dev.fail_op = 0;
		assert_int_equal(run(&t, DISK_WRITE, 1, 8000, data), 0);
		rig_free(&t);
	}
}

static void test_gone(void **state)
{
	uint8_t data[512] = { 0 };
	struct rig t;

	(void)state;
	rig_new(&t, 512, 128, 2048);
	t.dev.gone = true;
	assert_int_equal(run(&t, DISK_READ, 0, 512, data), -EIO);
	assert_int_equal(run(&t, DISK_WRITE, 5, 10, data), -EIO);
	assert_int_equal(run(&t, DISK_FLUSH, 0, 0, NULL), -EIO);
	t.dev.gone = false;
	assert_int_equal(run(&t, DISK_WRITE, 5, 10, data), 0);
	rig_free(&t);
}

/* More requests than the device's queue takes: the rest waits its turn. */
static void test_full_queue(void **state)
{
	enum { N = 40 };
	static struct disk_req r[N];
	static uint8_t data[N][512];
	struct rig t;

	(void)state;
	rig_new(&t, 512, 128, 2048);
	t.dev.queue[0].depth = 3;
	for (unsigned int i = 0; i < N; i++) {
		assert_int_equal(disk_req_init(&r[i], 512), 0);
		memset(data[i], (int)i, 512);
		r[i].op = DISK_WRITE;
		r[i].offset = i * 512;
		r[i].len = 512;
		r[i].data = data[i];
		r[i].done = on_done;
		disk_submit(&t.disk, &t.q, &r[i]);
	}
	for (int i = 0; i < 1000 && t.done < N; i++)
		disk_queue_run(&t.q);
	assert_int_equal(t.done, N);
	assert_memory_equal(t.dev.bytes, data, sizeof(data));
	for (unsigned int i = 0; i < N; i++)
		disk_req_free(&r[i]);
	rig_free(&t);
}

/* ---- threads that write neighbouring bytes ---- */

#define THREADS	 4u
#define PER	 8u	/* requests of a thread at a time */
#define STRIPE	 7u	/* bytes of one thread before the next one's */
#define AREA	 (2u * 512)
#define ROUNDS	 4u

struct writer {
	struct disk *disk;
	struct device *dev;
	unsigned int index;
	struct disk_queue q;
	struct wreq {
		struct disk_req r;
		uint8_t data[STRIPE];
		bool busy;
	} w[PER];
	unsigned int next, rounds, failed;
};

static void writer_done(struct disk_req *r, int err)
{
	struct wreq *w = container_of(r, struct wreq, r);
	struct writer *me = container_of(r->q, struct writer, q);

	w->busy = false;
	me->failed += err != 0;
}

/* This thread's next stripe, again and again; round n writes n's low byte. */
static void write_next(struct writer *me, struct wreq *w)
{
	unsigned int stripes = AREA / (STRIPE * THREADS);
	unsigned int at = me->next % stripes, round = me->next / stripes;

	memset(w->data, (int)(round * THREADS + me->index), STRIPE);
	w->r.op = DISK_WRITE;
	w->r.offset = (at * THREADS + me->index) * (uint64_t)STRIPE;
	w->r.len = STRIPE;
	w->r.data = w->data;
	w->r.done = writer_done;
	w->busy = true;
	me->next++;
	disk_submit(me->disk, &me->q, &w->r);
}

static bool all_idle(const struct writer *me)
{
	for (unsigned int i = 0; i < PER; i++)
		if (me->w[i].busy)
			return false;
	return true;
}

static void *write_stripes(void *arg)
{
	struct writer *me = arg;
	unsigned int stripes = AREA / (STRIPE * THREADS), total = me->rounds * stripes;

	while (me->next < total || !all_idle(me)) {
		/* a round ends before the next begins: it writes the same bytes */
		for (unsigned int i = 0; i < PER && me->next < total; i++)
			if (!me->w[i].busy && (me->next % stripes || all_idle(me)))
				write_next(me, &me->w[i]);
		if (disk_queue_run(&me->q) == 0)
			sched_yield();
	}
	return NULL;
}

static void test_neighbours(void **state)
{
	static struct writer w[THREADS];
	pthread_t thread[THREADS];
	struct rig t;
	unsigned int used = AREA / (STRIPE * THREADS) * STRIPE * THREADS;

	(void)state;
	rig_new(&t, 512, 8, 2048);
	for (unsigned int i = 0; i < THREADS; i++) {
		w[i] = (struct writer){ &t.disk, &t.dev.device, i, .rounds = ROUNDS };
		assert_int_equal(disk_queue_init(&w[i].q, &t.dev.device, i), 0);
		for (unsigned int j = 0; j < PER; j++)
			assert_int_equal(disk_req_init(&w[i].w[j].r, 512), 0);
	}
	for (unsigned int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, write_stripes, &w[i]), 0);
	for (unsigned int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		assert_int_equal(w[i].failed, 0);
	}
	for (unsigned int i = 0; i < used; i++)
		if (t.dev.bytes[i] != (uint8_t)((ROUNDS - 1) * THREADS + i / STRIPE % THREADS))
			fail_msg("byte %u is %#x", i, t.dev.bytes[i]);
	for (unsigned int i = used; i < AREA; i++)
		assert_int_equal(t.dev.bytes[i], 0xaa);
	for (unsigned int i = 0; i < THREADS; i++) {
		for (unsigned int j = 0; j < PER; j++)
			disk_req_free(&w[i].w[j].r);
		disk_queue_free(&w[i].q);
	}
	rig_free(&t);
}

/* Waiters come in order, and an exclusive one is not overtaken by who overlaps it. */
static int granted_count;

static void count_granted(struct range *r)
{
	(void)r;
	granted_count++;
}

static void test_range_order(void **state)
{
	struct range a = { 0, 4, false, count_granted, { 0 } };
	struct range b = { 3, 5, true, count_granted, { 0 } };
	struct range c = { 4, 8, false, count_granted, { 0 } };
	struct range d = { 8, 9, false, count_granted, { 0 } };
	struct range_lock l;

	(void)state;
	granted_count = 0;
	range_lock_init(&l);
	assert_true(range_acquire(&l, &a));
	assert_false(range_acquire(&l, &b));
	assert_false(range_acquire(&l, &c));
	assert_true(range_acquire(&l, &d));
	range_release(&l, &d);
	assert_int_equal(granted_count, 0);
	range_release(&l, &a);
	assert_int_equal(granted_count, 1);
	range_release(&l, &b);
	assert_int_equal(granted_count, 2);
	range_release(&l, &c);
	assert_true(range_acquire(&l, &b));
	range_release(&l, &b);
	range_lock_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),   cmocka_unit_test(test_many_zeroes),
		cmocka_unit_test(test_model),	   cmocka_unit_test(test_errors),
		cmocka_unit_test(test_gone),	   cmocka_unit_test(test_full_queue),
		cmocka_unit_test(test_neighbours), cmocka_unit_test(test_range_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
