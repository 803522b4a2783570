/* SPDX-License-Identifier: BSD-3-Clause */
/* backend: sizes, memory and null, files with holes, durability, alignment, locks, errors. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "base/bytes.h"
#include "fake_world.h"

static struct fake_world w;
static char path[] = "/tmp/nvmetls-unit-XXXXXX";
static uint8_t pattern[1 << 20] __attribute__((aligned(4096)));
static uint8_t got[(1 << 20) + 8192] __attribute__((aligned(4096)));
static const uint8_t zero[1 << 20];

static void sizes(void **state)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t bytes;
	} cases[] = {
		{ "0", 0, 0 },	     { "512", 0, 512 },	      { "4k", 0, 4096 },
		{ "64M", 0, 64 << 20 }, { "1G", 0, 1 << 30 }, { "2T", 0, 2ull << 40 },
		{ "1KiB", 0, 1024 }, { "", -EINVAL, 0 },      { "M", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 }, { " 1", -EINVAL, 0 },   { "1X", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 }, { "1 iB", -EINVAL, 0 },
		{ "1MM", -EINVAL, 0 }, { "1MB", -EINVAL, 0 }, { "1.5G", -EINVAL, 0 },
		{ "18446744073709551615", 0, UINT64_MAX },    { "18446744073709551616", -ERANGE, 0 },
		{ "18014398509481984K", -ERANGE, 0 },	      { "16777216T", -ERANGE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t bytes = 0;

		if (backend_parse_size(cases[i].text, &bytes) != cases[i].rc ||
		    bytes != cases[i].bytes)
			fail_msg("'%s': %llu", cases[i].text, (unsigned long long)bytes);
	}
}

/* --- one I/O, until it is done --- */

static int ended;

static void done(struct world *world, struct io *io)
{
	(void)io;
	assert_ptr_equal(world, &w.world);
	ended++;
}

static int run(struct backend *b, struct io *io)
{
	ended = 0;
	io->done = done;
	if (backend_submit(b, &w.world, io) == IO_DONE) {
		assert_int_equal(ended, 0); /* never from inside */
		return io->err;
	}
	assert_int_equal(ended, 0);
	while (!ended)
		assert_int_equal(fake_world_ios(&w, 1) + fake_world_jobs(&w), 1);
	assert_int_equal(ended, 1);
	assert_true(list_empty(&w.ios) && list_empty(&w.jobs));
	return io->err;
}

static int transfer(struct backend *b, enum io_op op, uint64_t off, void *p, size_t len, bool fua)
{
	/* in two pieces */
	struct iovec iov[2] = { { p, len / 2 }, { (uint8_t *)p + len / 2, len - len / 2 } };
	struct io io = { .op = op,
			 .offset_bytes = off,
			 .len_bytes = len,
			 .iov = iov,
			 .iov_count = 2,
			 .fua = fua };

	return run(b, &io);
}

static int simple(struct backend *b, enum io_op op, uint64_t off, uint64_t len, bool unmap,
		  bool fua)
{
	struct io io = {
		.op = op, .offset_bytes = off, .len_bytes = len, .may_unmap = unmap, .fua = fua
	};

	return run(b, &io);
}

static void expect(struct backend *b, uint64_t off, const uint8_t *want, size_t len)
{
	memset(got, 0x55, sizeof(got));
	assert_int_equal(transfer(b, IO_READ, off, got, len, false), 0);
	assert_memory_equal(got, want, len);
}

/* Every backend that keeps what it is told. */
static void exercise(struct backend *b)
{
	/* aligned, not aligned, memory not aligned */
	assert_int_equal(transfer(b, IO_WRITE, 0, pattern, 1 << 20, false), 0);
	expect(b, 0, pattern, 1 << 20);
	assert_int_equal(transfer(b, IO_WRITE, 512, pattern, 1024, true), 0);
	expect(b, 512, pattern, 1024);
	expect(b, 1536, pattern + 1536, 8192 - 1536);
	memset(got, 0x55, sizeof(got));
	assert_int_equal(transfer(b, IO_READ, 4096, got + 3, 8192, false), 0);
	assert_memory_equal(got + 3, pattern + 4096, 8192);
	/* zeroes: written or unmapped, whole pages and edges */
	for (int unmap = 0; unmap < 2; unmap++)
		for (int fua = 0; fua < 2; fua++) {
			assert_int_equal(transfer(b, IO_WRITE, 0, pattern, 1 << 20, false), 0);
			assert_int_equal(simple(b, IO_WRITE_ZEROES, 1536, 100000 / 512 * 512, unmap,
						fua), 0);
			expect(b, 0, pattern, 1536);
			expect(b, 1536, zero, 99840);
			expect(b, 101376, pattern + 101376, 100000 / 512 * 512);
		}
	assert_int_equal(simple(b, IO_DEALLOCATE, 524288, 65536, true, false), 0);
	expect(b, 524288, zero, 65536);
	expect(b, 589824, pattern + 589824, 4096);
	assert_int_equal(simple(b, IO_FLUSH, 0, 0, false, false), 0);
	/* the last block */
	assert_int_equal(transfer(b, IO_WRITE, b->size_bytes - 512, pattern, 512, false), 0);
	expect(b, b->size_bytes - 512, pattern, 512);
}

static struct backend *open_it(const char *spec, bool read_only)
{
	struct backend *b = NULL;
	char why[256] = "";

	if (backend_open(spec, read_only, &b, why, sizeof(why)))
		fail_msg("%s", why);
	return b;
}

static int setup(void **state)
{
	int fd;

	(void)state;
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 11 + (i >> 10) + 1);
	fake_world_init(&w, 0, 128 << 10, 4);
	memcpy(path + strlen(path) - 6, "XXXXXX", 6);
	fd = mkstemp(path);
	if (fd < 0 || ftruncate(fd, 4 << 20) != 0)
		return -1;
	return close(fd);
}

static int teardown(void **state)
{
	(void)state;
	fake_world_free(&w);
	return unlink(path);
}

static void memory(void **state)
{
	struct backend *b = open_it("mem:4M", false);
	struct iovec iov = { 0 };
	struct io io = { .op = IO_READ, .offset_bytes = 4096, .len_bytes = 8192, .may_borrow = true,
			 .iov = &iov };

	(void)state;
	assert_int_equal(b->size_bytes, 4 << 20);
	assert_int_equal(b->block_bytes, 512);
	assert_false(b->volatile_cache);
	assert_true(b->lends && b->can_deallocate && b->can_write_zeroes);
	expect(b, 0, zero, 1 << 20);
	exercise(b);
	/* lending: its own memory, not a copy */
	assert_int_equal(transfer(b, IO_WRITE, 4096, pattern, 8192, false), 0);
	assert_int_equal(run(b, &io), 0);
	assert_true(io.borrowed);
	assert_int_equal(io.iov_count, 1);
	assert_int_equal(iov.iov_len, 8192);
	assert_memory_equal(iov.iov_base, pattern, 8192);
	assert_int_equal(transfer(b, IO_WRITE, 4096, pattern + 512, 512, false), 0);
	assert_memory_equal(iov.iov_base, pattern + 512, 512);
	/* a loop does not zero much by itself */
	for (int unmap = 0; unmap < 3; unmap++) {
		struct io big = { .op = unmap == 2 ? IO_DEALLOCATE : IO_WRITE_ZEROES, .done = done,
				  .offset_bytes = 512, .len_bytes = (1 << 20) - 1024,
				  .may_unmap = unmap };

		assert_int_equal(transfer(b, IO_WRITE, 0, pattern, 1 << 20, false), 0);
		ended = 0;
		assert_int_equal(backend_submit(b, &w.world, &big), IO_PENDING);
		expect(b, 4096, pattern + 4096, 4096);
		ended = 0;
		assert_int_equal(fake_world_jobs(&w), 1);
		assert_int_equal(ended, 1);
		assert_int_equal(big.err, 0);
		expect(b, 0, pattern, 512);
		expect(b, 512, zero, (1 << 20) - 1024);
		expect(b, (1 << 20) - 512, pattern + (1 << 20) - 512, 512);
	}
	backend_close(b);
}

static void null(void **state)
{
	struct backend *b = open_it("null:1T", false);
	struct iovec iov = { 0 };
	struct io io = { .op = IO_READ, .offset_bytes = 1ull << 39, .len_bytes = 1 << 20,
			 .may_borrow = true, .iov = &iov };

	(void)state;
	assert_int_equal(b->size_bytes, 1ull << 40);
	assert_int_equal(transfer(b, IO_WRITE, 0, pattern, 4096, true), 0);
	expect(b, 0, zero, 4096);
	assert_int_equal(run(b, &io), 0);
	assert_true(io.borrowed);
	assert_memory_equal(iov.iov_base, zero, 1 << 20);
	assert_int_equal(simple(b, IO_FLUSH, 0, 0, false, false), 0);
	assert_int_equal(simple(b, IO_DEALLOCATE, 0, 4096, true, false), 0);
	backend_close(b);
}

static void file(void **state)
{
	struct backend *b = open_it(path, false);

	(void)state;
	assert_int_equal(b->size_bytes, 4 << 20);
	assert_int_equal(b->block_bytes, 512);
	assert_true(b->volatile_cache);
	assert_false(b->lends);
	expect(b, 0, zero, 1 << 20);
	exercise(b);
	backend_close(b);
	/* it stayed */
	b = open_it(path, true);
	assert_true(b->read_only);
	expect(b, 589824, pattern + 589824, 4096);
	backend_close(b);
}

/* What must be durable goes out so, and what need not does not. */
static void durability(void **state)
{
	struct backend *b = open_it(path, false);

	(void)state;
	transfer(b, IO_WRITE, 0, pattern, 4096, false);
	assert_int_equal(w.io_op, WORLD_IO_WRITE);
	assert_false(w.io_dsync);
	transfer(b, IO_WRITE, 0, pattern, 4096, true);
	assert_true(w.io_dsync);
	simple(b, IO_FLUSH, 0, 0, false, false);
	assert_int_equal(w.io_op, WORLD_IO_FDATASYNC);
	simple(b, IO_WRITE_ZEROES, 0, 4096, true, true);
	assert_true(w.io_op == WORLD_IO_FDATASYNC || w.io_dsync);
	w.io_count = 0;
	simple(b, IO_WRITE_ZEROES, 0, 4096, true, false);
	assert_int_not_equal(w.io_op, WORLD_IO_FDATASYNC);
	backend_close(b);
}

static long blocks_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(name, &st), 0);
	return (long)st.st_blocks;
}

static void holes(void **state)
{
	struct backend *b = open_it(path, false);
	long full, empty;

	(void)state;
	assert_int_equal(transfer(b, IO_WRITE, 0, pattern, 1 << 20, true), 0);
	full = blocks_of(path);
	assert_int_equal(simple(b, IO_DEALLOCATE, 0, 1 << 20, true, false), 0);
	empty = blocks_of(path);
	assert_true(full >= 2048 && empty <= full - 1024);
	expect(b, 0, zero, 1 << 20);
	/* the file has kept its length */
	backend_close(b);
	b = open_it(path, false);
	assert_int_equal(b->size_bytes, 4 << 20);
	backend_close(b);
}

/* Direct I/O is used where all aligns, and only there. */
static void direct(void **state)
{
	struct backend *b = open_it(path, false);
	struct iovec iov = { pattern, 8192 };
	struct io io = { .op = IO_WRITE, .len_bytes = 8192, .iov = &iov, .iov_count = 1 };
	bool is[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		io.offset_bytes = i == 1 ? 512 : 0;
		iov = (struct iovec){ pattern + (i == 2 ? 1 : 0), 8192 };
		io.len_bytes = iov.iov_len = i == 3 ? 8191 : 8192;
		assert_int_equal(run(b, &io), 0);
		is[i] = fcntl(io.wio.fd, F_GETFL) & O_DIRECT;
	}
	assert_false(is[2] || is[3]);
	if (!is[0])
		print_message("no direct I/O in /tmp\n");
	/* a read through the page cache sees what was written past it */
	iov = (struct iovec){ pattern, 8192 };
	io.offset_bytes = 0;
	io.len_bytes = 8192;
	assert_int_equal(run(b, &io), 0);
	memset(got, 0, 8192);
	assert_int_equal(transfer(b, IO_READ, 0, got + 1, 8192, false), 0);
	assert_memory_equal(got + 1, pattern, 8192);
	backend_close(b);
}

/* A file that cannot be zeroed by the system is written, all of it, in pieces. */
static void zeroes_by_writing(void **state)
{
	struct backend *b = open_it(path, false);
	struct io io = { .op = IO_WRITE_ZEROES, .offset_bytes = 512, .len_bytes = (2 << 20) + 512,
			 .fua = true, .done = done };
	int pieces = 0;

	(void)state;
	for (uint64_t off = 0; off < 3 << 20; off += 1 << 20)
		assert_int_equal(transfer(b, IO_WRITE, off, pattern, 1 << 20, false), 0);
	ended = 0;
	assert_int_equal(backend_submit(b, &w.world, &io), IO_PENDING);
	w.io_error = -EOPNOTSUPP;
	fake_world_ios(&w, 1);
	w.io_error = 0;
	while (!ended) {
		assert_int_equal(fake_world_ios(&w, 1), 1);
		assert_int_equal(w.io_op, WORLD_IO_WRITE);
		assert_true(w.io_dsync);
		pieces++;
	}
	assert_int_equal(io.err, 0);
	assert_int_equal(pieces, 3);
	expect(b, 0, pattern, 512);
	expect(b, 512, zero, 1 << 20);
	expect(b, 512 + (1 << 20), zero, 1 << 20);
	expect(b, (2 << 20) + 512, zero, 512);
	expect(b, (2 << 20) + 1024, pattern + 1024, 4096);
	/* deallocation is advice; anything else is an error */
	w.io_error = -EOPNOTSUPP;
	assert_int_equal(simple(b, IO_DEALLOCATE, 0, 4096, true, false), 0);
	w.io_error = -EIO;
	assert_int_equal(simple(b, IO_DEALLOCATE, 0, 4096, true, false), -EIO);
	assert_int_equal(simple(b, IO_WRITE_ZEROES, 0, 4096, true, false), -EIO);
	assert_int_equal(simple(b, IO_FLUSH, 0, 0, false, false), -EIO);
	assert_int_equal(transfer(b, IO_READ, 0, got, 4096, false), -EIO);
	w.io_error = 0;
	backend_close(b);
}

static off_t length_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(name, &st), 0);
	return st.st_size;
}

/* An image that was cut behind our back: its lost part is an error, and no write brings it back. */
static void cut_file(void **state)
{
	struct backend *b = open_it(path, false);
	struct io io = { .op = IO_WRITE_ZEROES, .len_bytes = 3 << 20, .done = done };

	(void)state;
	assert_int_equal(transfer(b, IO_WRITE, 0, pattern, 1 << 20, false), 0);
	assert_int_equal(truncate(path, (1 << 20) + 512), 0);
	for (int i = 0; i < 2; i++) {
		uint64_t off = i ? 3 << 20 : 1 << 20;

		assert_int_equal(transfer(b, IO_READ, off, got, 4096, false), -EREMOTEIO);
		assert_int_equal(transfer(b, IO_WRITE, off, pattern, 4096, i), -EREMOTEIO);
		assert_int_equal(simple(b, IO_WRITE_ZEROES, off, 4096, false, i), -EREMOTEIO);
		assert_int_equal(simple(b, IO_WRITE_ZEROES, off, 4096, true, i), -EREMOTEIO);
		assert_int_equal(simple(b, IO_DEALLOCATE, off, 4096, true, false), 0);
	}
	assert_int_equal(length_of(path), (1 << 20) + 512);
	expect(b, 0, pattern, 1 << 20);
	assert_int_equal(transfer(b, IO_WRITE, 1 << 20, pattern, 512, false), 0);
	/* cut between two pieces of zeroes */
	assert_int_equal(truncate(path, 4 << 20), 0);
	assert_int_equal(backend_submit(b, &w.world, &io), IO_PENDING);
	w.io_error = -EOPNOTSUPP;
	fake_world_ios(&w, 1);
	w.io_error = 0;
	assert_int_equal(truncate(path, 512), 0);
	ended = 0;
	assert_int_equal(fake_world_ios(&w, 1), 1); /* this piece was under way */
	assert_int_equal(ended, 1);
	assert_int_equal(io.err, -EREMOTEIO);
	assert_int_equal(length_of(path), 1 << 20);
	backend_close(b);
}

/* --- what cannot be opened --- */

static void refused(const char *spec, bool read_only, int rc, const char *says)
{
	struct backend *b = NULL;
	char why[256] = "";

	assert_int_equal(backend_open(spec, read_only, &b, why, sizeof(why)), rc);
	if (!strstr(why, says))
		fail_msg("'%s' does not say '%s'", why, says);
	assert_null(b);
}

static void opening(void **state)
{
	char small[] = "/tmp/nvmetls-unit-XXXXXX";
	int fd = mkstemp(small);
	struct backend *b;

	(void)state;
	refused("/nonexistent/disk.img", false, -ENOENT, "/nonexistent/disk.img: No such file");
	refused("/tmp", true, -EINVAL, "neither a file nor a block device");
	refused("/dev/null", false, -EINVAL, "neither a file nor a block device");
	refused("mem:", false, -EINVAL, "not a size");
	refused("mem:0", false, -EINVAL, "not a size");
	refused("mem:12Q", false, -EINVAL, "not a size");
	refused("null:lots", false, -EINVAL, "not a size");
	assert_int_equal(write(fd, pattern, 511), 511);
	refused(small, false, -EINVAL, "smaller than one block");
	/* half a block at the end does not count */
	assert_int_equal(ftruncate(fd, 512 * 7 + 100), 0);
	b = open_it(small, false);
	assert_int_equal(b->size_bytes, 512 * 7);
	assert_int_equal(b->tail_bytes, 100);
	backend_close(b);
	close(fd);
	unlink(small);
}

static int open_in_child(bool read_only)
{
	struct backend *b;
	char why[256] = "";
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int rc = backend_open(path, read_only, &b, why, sizeof(why));

		_exit(rc == 0 ? 0 : rc == -EBUSY && strstr(why, "in use by another process") ? 1 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* One image has one writer; several may read it. */
static void locks(void **state)
{
	struct backend *b = open_it(path, false);

	(void)state;
	assert_int_equal(open_in_child(false), 1);
	assert_int_equal(open_in_child(true), 1);
	backend_close(b);
	assert_int_equal(open_in_child(false), 0);
	b = open_it(path, true);
	assert_int_equal(open_in_child(true), 0);
	assert_int_equal(open_in_child(false), 1);
	backend_close(b);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes), T(memory),  T(null),	 T(file),
		T(durability),		 T(holes),   T(direct),	 T(zeroes_by_writing),
		T(cut_file),		 T(opening), T(locks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
