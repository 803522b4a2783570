/* SPDX-License-Identifier: BSD-3-Clause */
/* The option tables: values, letters of two sets, and everything that is not understood. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "cli/options.h"

static struct values {
	char *text, *other;
	uint64_t number, size;
	bool flag, json;
} v;

#define AT(member) offsetof(struct values, member)
static const struct opt first[] = {
	{ "text", 't', OPT_TEXT, AT(text), "TEXT", "", 0, 0 },
	{ "number", 'n', OPT_NUMBER, AT(number), "N", "", 2, 100 },
	{ "block-size", 0, OPT_SIZE, AT(size), "SIZE", "", 512, 0 },
	{ "flag", 'f', OPT_FLAG, AT(flag), NULL, "", 0, 0 },
};
static const struct opt second[] = {
	{ "tail", 't', OPT_TEXT, AT(other), "TEXT", "", 0, 0 },
	{ "output-format", 'o', OPT_FORMAT, AT(json), "FMT", "", 0, 0 },
};
static const struct verb verb = { "test", NULL, "", "" };

static int parse(const char *line)
{
	static char copy[256];
	const struct opt_set sets[] = { { first, ARRAY_SIZE(first), &v },
					{ second, ARRAY_SIZE(second), &v } };
	char *argv[16] = { (char[]){ "test" } }, *rest = copy, *word;
	int argc = 1;

	memset(&v, 0, sizeof(v));
	snprintf(copy, sizeof(copy), "%s", line);
	while (argc < 15 && (word = strsep(&rest, " ")) != NULL)
		if (*word)
			argv[argc++] = word;
	return options_parse(&verb, sets, 2, argc, argv);
}

static void good_lines(void **state)
{
	(void)state;
	assert_int_equal(parse("-t a --number=0x10 --block-size 4k -f -o json --tail b"), GO_ON);
	assert_string_equal(v.text, "a");	/* the first set keeps the letter */
	assert_string_equal(v.other, "b");
	assert_int_equal(v.number, 16);
	assert_int_equal(v.size, 4096);
	assert_true(v.flag && v.json);
	assert_int_equal(parse("--block_size=1M --output_format=normal"), GO_ON);
	assert_int_equal(v.size, 1 << 20);
	assert_false(v.json);
	assert_int_equal(parse(""), GO_ON);
}

static void bad_lines(void **state)
{
	static const char *const lines[] = {
		"--bogus", "-x", "--text", "-t", "--flag=1", "--number=1", "--number=101", "--number=x",
		"--number=-1", "--number=+5", "--number=", "--number=5x", "--number 0x",
		"--number=99999999999999999999", "--block-size=4q", "--block-size=k", "--block-size=511",
		"--block-size=4kk", "--block-size=99999999999T", "-o xml", "stray", "/dev/nvme0",
		"--t=ambiguous", "NVMeTLSkey-1:01:x:",
	};
	int saved = dup(STDERR_FILENO);

	(void)state;
	assert_non_null(freopen("/dev/null", "w", stderr));
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (parse(lines[i]) != EXIT_USAGE)
			fail_msg("accepted: %s", lines[i]);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {
		{ "512", 512 }, { "4k", 4096 }, { "4K", 4096 }, { "4KiB", 4096 }, { "4KB", 4096 },
		{ "1m", 1 << 20 }, { "2Gi", UINT64_C(2) << 30 }, { "1T", UINT64_C(1) << 40 },
		{ "0x200", 512 }, { "0", 0 },
	};
	uint64_t got;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(parse_size(cases[i].text, &got));
		assert_true(got == cases[i].bytes);
	}
	assert_false(parse_size("", &got));
	assert_false(parse_size(" 1", &got));
	assert_false(parse_size("16777216T", &got));	/* 2^64 */
}

static void json_is_seen_before_parsing(void **state)
{
	static const struct {
		const char *args[4];
		bool json;
	} cases[] = {
		{ { "-o", "json" }, true },
		{ { "-ojson" }, true },
		{ { "--output-format=json" }, true },
		{ { "--output_format", "json" }, true },
		{ { "--bogus", "-o", "json" }, true },
		{ { "-o", "json", "-o", "normal" }, false },
		{ { "-o" }, false },
		{ { "json" }, false },
		{ { "--", "-o", "json" }, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *argv[6] = { (char[]){ "test" } };
		int argc = 1;

		for (; argc < 5 && cases[i].args[argc - 1]; argc++)
			argv[argc] = (char *)(uintptr_t)cases[i].args[argc - 1];
		if (options_begin(argc, argv) != cases[i].json)
			fail_msg("case %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_lines),
		cmocka_unit_test(bad_lines),
		cmocka_unit_test(sizes),
		cmocka_unit_test(json_is_seen_before_parsing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
