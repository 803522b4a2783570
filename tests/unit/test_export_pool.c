/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The threads of a pool without a mount: they start, flush when asked and end, however the asking
 * and their going to sleep fall together.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "export/fuse_pool.h"
#include "fake_device.h"

#define ROUNDS 150u

struct rig {
	struct fake_device dev;
	struct fuse_disk fuse[2];
	struct fuse_disk *disks[2];
};

static void rig_new(struct rig *t)
{
	memset(t, 0, sizeof(*t));
	fake_device_init(&t->dev, 512, 64, 4096);
	for (int i = 0; i < 2; i++) {
		disk_init(&t->fuse[i].disk, &t->dev.ns, &t->dev.device);
		t->fuse[i].fd = -1;
		t->fuse[i].gone = true;	/* no mount */
		t->disks[i] = &t->fuse[i];
	}
}

static void rig_free(struct rig *t)
{
	for (int i = 0; i < 2; i++)
		disk_free(&t->fuse[i].disk);
	fake_device_free(&t->dev);
}

static struct fuse_pool *start(struct rig *t, uint32_t spin_us)
{
	struct fuse_pool_config c = {
		.device = &t->dev.device, .disks = t->disks, .disk_count = 2,
		.workers = FAKE_QUEUES, .slots = 2, .spin_us = spin_us,
	};
	struct fuse_pool *p = NULL;

	assert_int_equal(fuse_pool_new(&c, &p), 0);
	return p;
}

/* A lost wake-up is a test that never ends: the alarm ends it. */
static void test_flush_and_end(void **state)
{
	struct rig t;

	(void)state;
	rig_new(&t);
	alarm(30);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct fuse_pool *p = start(&t, i % 3 * 10);

		if (i % 2)
			usleep(i % 50);
		if (i % 5)
			assert_int_equal(fuse_pool_flush(p, 10000), 0);
		fuse_pool_free(p);
	}
	alarm(0);
	assert_int_equal(t.dev.flushes, 2 * (ROUNDS - ROUNDS / 5));
	rig_free(&t);
}

/* A flush that fails at once is answered in the middle of a turn, and the end is asked for in the same. */
static void test_gone_and_end(void **state)
{
	struct rig t;

	(void)state;
	rig_new(&t);
	t.dev.gone = true;
	alarm(30);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct fuse_pool *p = start(&t, 0);

		assert_int_equal(fuse_pool_flush(p, 10000), -EIO);
		fuse_pool_free(p);
	}
	alarm(0);
	rig_free(&t);
}

static void test_flush_fails(void **state)
{
	struct fuse_pool *p;
	struct rig t;

	(void)state;
	rig_new(&t);
	alarm(30);
	p = start(&t, 0);
	t.dev.fail_op = 'F';
	t.dev.fail_status = 0x280;
	assert_int_equal(fuse_pool_flush(p, 10000), -EIO);
	t.dev.fail_op = 0;
	assert_int_equal(fuse_pool_flush(p, 10000), 0);
	t.dev.gone = true;
	assert_int_equal(fuse_pool_flush(p, 10000), -EIO);
	t.dev.gone = false;
	t.dev.keep = true;	/* a device that never answers */
	assert_int_equal(fuse_pool_flush(p, 1000), -ETIMEDOUT);
	assert_int_equal(fuse_pool_flush(p, 1000), -ETIMEDOUT);
	fuse_pool_free(p);
	alarm(0);
	rig_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flush_and_end),
		cmocka_unit_test(test_gone_and_end),
		cmocka_unit_test(test_flush_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
