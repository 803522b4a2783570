/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * read, write, flush, write-zeroes, dsm: nvme-cli's options, with -s and -a given to the
 * address; a range larger than the controller takes at once goes out in several commands.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/address.h"
#include "cli/namespace.h"
#include "cli/verbs.h"
#include "nvme/command.h"

#define NSID_MAX    (NVME_NSID_ALL - 1)	/* all of them at once: flush only */
#define NOT_GIVEN   UINT64_MAX
#define DATA_MAX    (1u << 30)	/* bytes of one read or write: all of it is held in memory */
#define RANGES_MAX  256
#define ROUND_UP(n, to) (((n) + (to) - 1) / (to) * (to))

struct io_options {
	struct address a;
	uint64_t nsid, start_block, block_count, data_size;
	char *data, *slbs, *blocks;
	bool fua, deallocate;
};

struct io_work {
	const struct report *r;
	const struct verb *v;
	struct io_options *o;
	struct nvmetls *c;
	struct nvmetls_ns ns;
	uint32_t blocks_max;	/* of one command */
	uint64_t moved;		/* blocks, so far */
};

#define AT(member) offsetof(struct io_options, member)
/* clang-format off */
#define NSID_OPT(max)                                                                           \
	{ "namespace-id", 'N', OPT_NUMBER, AT(nsid), "N", "identifier of the namespace (default 1)", 1, max }
#define START_OPT                                                                               \
	{ "start-block", 0, OPT_NUMBER, AT(start_block), "LBA", "64-bit address of the first block (default 0)", 0, 0 }
#define COUNT_OPT                                                                               \
	{ "block-count", 'c', OPT_NUMBER, AT(block_count), "N", "number of blocks, zeroes based: 0 is one block", 0, 0xffff }
#define FUA_OPT                                                                                 \
	{ "force-unit-access", 'f', OPT_FLAG, AT(fua), NULL, "commit the data before the command completes", 0, 0 }

static const struct opt rw_opts[] = {
	NSID_OPT(NSID_MAX), START_OPT, COUNT_OPT,
	{ "data-size", 'z', OPT_SIZE, AT(data_size), "SIZE", "size of the data, in bytes or as 4k, 1M (default: that of the blocks)", 1, DATA_MAX },
	{ "data", 'd', OPT_TEXT, AT(data), "FILE", "data file (default: standard output, or standard input)", 0, 0 },
	FUA_OPT,
};
static const struct opt flush_opts[] = { NSID_OPT(NVME_NSID_ALL) };
static const struct opt zeroes_opts[] = { NSID_OPT(NSID_MAX), START_OPT, COUNT_OPT, FUA_OPT };
static const struct opt dsm_opts[] = {
	NSID_OPT(NSID_MAX),
	{ "slbs", 0, OPT_TEXT, AT(slbs), "LIST", "comma separated list of the starting block in each range", 0, 0 },
	{ "blocks", 'b', OPT_TEXT, AT(blocks), "LIST", "comma separated list of the number of blocks in each range", 0, 0 },
	{ "ad", 0, OPT_FLAG, AT(deallocate), NULL, "attribute deallocate", 0, 0 },
};
/* clang-format on */

typedef int (*check_fn)(const struct verb *v, const struct io_options *o);
typedef int (*work_fn)(struct io_work *w);

static int open_namespace(struct io_work *w)
{
	struct nvmetls_info info;
	int rc;

	if (w->o->nsid == NVME_NSID_ALL)
		return GO_ON;
	rc = namespace_open(w->r, w->c, (uint32_t)w->o->nsid, &w->ns);
	if (rc != GO_ON)
		return rc;
	nvmetls_get_info(w->c, &info);
	w->blocks_max = 65536;
	if (info.mdts_bytes && info.mdts_bytes / w->ns.block_bytes < w->blocks_max)
		w->blocks_max = info.mdts_bytes / w->ns.block_bytes;
	return GO_ON;
}

/* Parse, connect with one I/O queue, look at the namespace, work, disconnect. */
static int with_namespace(const struct verb *v, const struct opt *own, size_t own_count, int argc,
			  char **argv, check_fn check, work_fn work)
{
	struct io_options o = { .a = ADDRESS_INIT, .nsid = 1, .block_count = NOT_GIVEN };
	const struct opt_set sets[] = { { own, own_count, &o }, OPTIONS_ADDRESS(&o.a) };
	struct nvmetls_options options;
	struct io_work w = { .v = v, .o = &o };
	int rc = options_parse(v, sets, ARRAY_SIZE(sets), argc, argv);
	struct report r = { .verb = v->name, .json = o.a.json };

	w.r = &r;
	o.a.io_queues = max_u64(o.a.io_queues, 1);
	if (rc == GO_ON && check)
		rc = check(v, &o);
	if (rc == GO_ON)
		rc = address_check(v, &o.a, false, &options);
	if (rc == GO_ON)
		rc = address_connect(&r, &options, &w.c);
	address_done(&o.a);
	if (rc != GO_ON)
		return rc;
	rc = open_namespace(&w);
	if (rc == GO_ON)
		rc = work(&w);
	nvmetls_disconnect(w.c);
	return rc;
}

/* What the verb says when it is done: nvme-cli's line, or an object. */
static int done(const struct io_work *w, FILE *to, const char *line)
{
	struct json_object *o;

	if (!w->r->json) {
		fprintf(to, "%s\n", line);
		return report_flush(w->r);
	}
	o = json_object_new_object();
	json_object_object_add(o, "result", json_object_new_string(line));
	json_object_object_add(o, "nsid", json_object_new_uint64(w->o->nsid));
	if (w->moved && !w->o->slbs)
		json_object_object_add(o, "start_block", json_object_new_uint64(w->o->start_block));
	if (w->moved) {
		json_object_object_add(o, "blocks", json_object_new_uint64(w->moved));
		json_object_object_add(o, "bytes",
				       json_object_new_uint64(w->moved * w->ns.block_bytes));
	}
	return report_json(o);
}

/* --- read, write --- */

/* Blocks and bytes as nvme-cli works them out from --block-count and --data-size. */
static uint64_t transfer_blocks(const struct io_work *w, uint64_t *ret_bytes)
{
	const struct io_options *o = w->o;
	uint64_t bs = w->ns.block_bytes;
	uint64_t blocks = o->block_count != NOT_GIVEN ? o->block_count + 1
			  : o->data_size	      ? ROUND_UP(o->data_size, bs) / bs
						      : 1;

	*ret_bytes = o->data_size && o->data_size < blocks * bs ? o->data_size : blocks * bs;
	if (*ret_bytes < blocks * bs)
		fprintf(stderr, "Rounding data size to fit block count (%" PRIu64 " bytes)\n", blocks * bs);
	return blocks;
}

static int move_blocks(struct io_work *w, enum nvmetls_op op, uint64_t blocks, uint8_t *buf)
{
	unsigned int flags = w->o->fua ? NVMETLS_FUA : 0;
	uint64_t at = 0;
	int rc = 0;

	while (at < blocks && rc == 0) {
		uint32_t n = (uint32_t)min_u64(blocks - at, w->blocks_max);

		rc = nvmetls_rw(w->c, op, flags, (uint32_t)w->o->nsid, w->o->start_block + at, n,
				buf ? buf + at * w->ns.block_bytes : NULL);
		at += n;
	}
	w->moved += at;
	return rc ? namespace_io_failed(w->r, w->c, &w->ns, rc) : GO_ON;
}

static int file_failed(const struct io_work *w, const char *what)
{
	return report_os(w->r, errno, what);
}

static int write_out(struct io_work *w, const uint8_t *buf, uint64_t bytes)
{
	const char *name = w->o->data ? w->o->data : "standard output";
	int fd = w->o->data ? open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) :
			      STDOUT_FILENO;
	uint64_t at = 0;
	int rc = GO_ON;

	if (fd < 0)
		return file_failed(w, name);
	while (at < bytes && rc == GO_ON) {
		ssize_t n = write(fd, buf + at, bytes - at);

		if (n < 0 && errno != EINTR)
			rc = file_failed(w, name);
		at += n > 0 ? (uint64_t)n : 0;
	}
	if (w->o->data && close(fd) < 0 && rc == GO_ON)
		rc = file_failed(w, name);
	return rc;
}

static int read_in(struct io_work *w, uint8_t *buf, uint64_t bytes)
{
	const char *name = w->o->data ? w->o->data : "standard input";
	int fd = w->o->data ? open(name, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	uint64_t at = 0;
	bool failed;
	ssize_t n = 1;

	while (fd >= 0 && at < bytes && n != 0) {
		n = read(fd, buf + at, bytes - at);
		if (n < 0 && errno != EINTR)
			break;
		at += n > 0 ? (uint64_t)n : 0;
	}
	failed = fd < 0 || n < 0;
	if (failed)
		file_failed(w, name);
	if (w->o->data && fd >= 0)
		close(fd);
	if (failed)
		return EXIT_FAILED;
	if (at < bytes)
		return report_failed(w->r, "data-short", "see --data-size and --block-count",
				     "%s holds %" PRIu64 " bytes, %" PRIu64 " are to be written", name,
				     at, bytes);
	return GO_ON;
}

static int do_rw(struct io_work *w, enum nvmetls_op op)
{
	uint64_t bytes, blocks = transfer_blocks(w, &bytes);
	uint64_t room = blocks * w->ns.block_bytes;
	uint8_t *buf;
	char line[32];
	int rc = GO_ON;

	if (room > DATA_MAX)
		return options_misuse(w->v, "more than %u MiB at once", DATA_MAX >> 20);
	buf = aligned_alloc(4096, ROUND_UP(room, 4096));
	if (!buf)
		return report_failed(w->r, "no-memory", "move less at once", "no memory for %" PRIu64 " bytes",
				     room);
	memset(buf, 0, room);	/* a write shorter than its blocks ends in zeroes */
	if (op == NVMETLS_WRITE)
		rc = read_in(w, buf, bytes);
	if (rc == GO_ON)
		rc = move_blocks(w, op, blocks, buf);
	if (rc == GO_ON && op == NVMETLS_READ)
		rc = write_out(w, buf, room);
	free(buf);
	snprintf(line, sizeof(line), "%s: Success", w->v->name);
	return rc == GO_ON ? done(w, stderr, line) : rc;
}

static int do_read(struct io_work *w)
{
	return do_rw(w, NVMETLS_READ);
}

static int do_write(struct io_work *w)
{
	return do_rw(w, NVMETLS_WRITE);
}

static int check_rw(const struct verb *v, const struct io_options *o)
{
	if (o->block_count == NOT_GIVEN && !o->data_size)
		return options_misuse(v, "--data-size or --block-count is missing");
	return GO_ON;
}

static int check_read(const struct verb *v, const struct io_options *o)
{
	int rc = check_rw(v, o);

	if (rc == GO_ON && o->a.json && !o->data)
		rc = options_misuse(v, "-o json needs -d FILE: the data would stand in the JSON");
	return rc;
}

/* --- the others --- */

/* nvme-cli would zero the first block. */
static int check_zeroes(const struct verb *v, const struct io_options *o)
{
	if (o->block_count == NOT_GIVEN)
		return options_misuse(v, "--block-count is missing: which blocks are to become zeroes?");
	return GO_ON;
}

static int do_flush(struct io_work *w)
{
	int rc = nvmetls_rw(w->c, NVMETLS_FLUSH, 0, (uint32_t)w->o->nsid, 0, 1, NULL);

	return rc ? report_command(w->r, w->c, rc) : done(w, stdout, "NVMe Flush: success");
}

static int do_write_zeroes(struct io_work *w)
{
	int rc;

	w->blocks_max = 65536;	/* no data, so MDTS does not bind it */
	rc = move_blocks(w, NVMETLS_WRITE_ZEROES, w->o->block_count + 1, NULL);
	return rc == GO_ON ? done(w, stdout, "NVME Write Zeroes Success") : rc;
}

/* "1,2,3" to at most RANGES_MAX numbers; how many, or -1. */
static int parse_list(const char *text, uint64_t *ret)
{
	char word[24];
	int count = 0;

	while (text && *text) {
		size_t len = strcspn(text, ",");

		if (count == RANGES_MAX || len == 0 || len >= sizeof(word))
			return -1;
		memcpy(word, text, len);
		word[len] = '\0';
		if (!parse_number(word, &ret[count++]))
			return -1;
		text += len;
		if (*text == ',' && *++text == '\0')
			return -1;
	}
	return count;
}

static int check_dsm(const struct verb *v, const struct io_options *o)
{
	uint64_t slbs[RANGES_MAX], blocks[RANGES_MAX];
	int starts = parse_list(o->slbs, slbs), lengths = parse_list(o->blocks, blocks);

	if (starts < 0 || lengths < 0)
		return options_misuse(v, "--slbs and --blocks take comma separated numbers, at most %d",
				      RANGES_MAX);
	if (starts == 0 || starts != lengths)
		return options_misuse(v, "--slbs and --blocks: one of each for every range");
	if (!o->deallocate)
		return options_misuse(v, "--ad is missing: nothing but deallocating is done here");
	for (int i = 0; i < starts; i++)
		if (blocks[i] < 1 || blocks[i] > UINT32_MAX)
			return options_misuse(v, "--blocks: %" PRIu64 " is out of range", blocks[i]);
	return GO_ON;
}

static int do_dsm(struct io_work *w)
{
	uint64_t slbs[RANGES_MAX], blocks[RANGES_MAX];
	int count = parse_list(w->o->slbs, slbs), rc = GO_ON;

	parse_list(w->o->blocks, blocks);
	w->blocks_max = 65536;
	for (int i = 0; i < count && rc == GO_ON; i++) {
		w->o->start_block = slbs[i];
		rc = move_blocks(w, NVMETLS_DEALLOCATE, blocks[i], NULL);
	}
	return rc == GO_ON ? done(w, stdout, "NVMe DSM: success") : rc;
}

int cmd_read(const struct verb *v, int argc, char **argv)
{
	return with_namespace(v, rw_opts, ARRAY_SIZE(rw_opts), argc, argv, check_read, do_read);
}

int cmd_write(const struct verb *v, int argc, char **argv)
{
	return with_namespace(v, rw_opts, ARRAY_SIZE(rw_opts), argc, argv, check_rw, do_write);
}

int cmd_flush(const struct verb *v, int argc, char **argv)
{
	return with_namespace(v, flush_opts, ARRAY_SIZE(flush_opts), argc, argv, NULL, do_flush);
}

int cmd_write_zeroes(const struct verb *v, int argc, char **argv)
{
	return with_namespace(v, zeroes_opts, ARRAY_SIZE(zeroes_opts), argc, argv, check_zeroes,
			      do_write_zeroes);
}

int cmd_dsm(const struct verb *v, int argc, char **argv)
{
	return with_namespace(v, dsm_opts, ARRAY_SIZE(dsm_opts), argc, argv, check_dsm, do_dsm);
}
