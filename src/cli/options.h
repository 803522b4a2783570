/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * options - the options of a verb as a table: parsing, values, help.
 *
 * A verb has one or more sets: its own options first, then those that it shares with others
 * (address.h). Where two sets have the same letter, the first set keeps it. Long names may be
 * written with '_' for '-' (fio and older nvme-cli do), and with "=VALUE" or " VALUE".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit status, the same for every verb; nvmetls(1), EXIT STATUS. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, GO_ON = -1 };

enum opt_kind {
	OPT_FLAG,	/* bool */
	OPT_TEXT,	/* char *: points into argv */
	OPT_NUMBER,	/* uint64_t: decimal or 0x hexadecimal, min .. max */
	OPT_SIZE,	/* uint64_t: bytes, with k, M, G or T (powers of 1024), min .. max */
	OPT_TIMEOUT,	/* int64_t: seconds, min .. max; or -1 */
	OPT_FORMAT,	/* bool: true for "json", false for "normal" */
};

struct opt {
	const char *name;	/* long name, with '-' */
	char letter;		/* or '\0' */
	enum opt_kind kind;
	size_t offset;		/* of the value in the set's base */
	const char *arg;	/* what the value is called in the help; NULL for a flag */
	const char *what;	/* one line for the help */
	uint64_t min, max;	/* max 0: no limit */
};

struct opt_set {
	const struct opt *opts;
	size_t count;
	void *base;
};

struct verb {
	const char *name;
	int (*run)(const struct verb *v, int argc, char **argv);	/* returns an exit status */
	const char *args;	/* the main ones, for the usage line */
	const char *what;
};

/*
 * Reads argv[1] and what follows into the sets' bases. Returns GO_ON, EXIT_USAGE with the
 * reason said, or EXIT_DONE after --help. @sets: at most 4.
 */
int options_parse(const struct verb *v, const struct opt_set *sets, size_t set_count, int argc,
		  char **argv);
/* Say it as report_failed() does, cause "usage"; returns EXIT_USAGE. @v: its name may be "". */
int options_misuse(const struct verb *v, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Is "-o json" among the arguments? Then misuse is told in JSON as well, wherever it is found. */
bool options_begin(int argc, char **argv);

/* Whole text is a decimal or 0x number within 64 bits; errno is ERANGE when only that is wrong. */
bool parse_number(const char *text, uint64_t *ret);
/* The same with an optional suffix k, M, G, T (also Ki, KiB, KB...: all powers of 1024). */
bool parse_size(const char *text, uint64_t *ret);
