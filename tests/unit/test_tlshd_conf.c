/* SPDX-License-Identifier: BSD-3-Clause */
/* tlshd_conf: the files that ktls-utils installs, and what is wrong in others, by line. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "tlshd/conf.h"

#define R16 "a;b;c;d;e;f;g;h;i;j;k;l;m;n;"

static void files(void **state)
{
	static const struct {
		const char *text;
		int line, loglevel, rings;
		const char *first;
	} rows[] = {
		{ "", 0, 0, 0, "" },
		{ "[debug]\nloglevel=0\ntls=0\nnl=0\n\n[authenticate]\n#keyrings= <keyring>;<keyring>\n\n"
		  "[authenticate.client]\n#x509.truststore= <pathname>\n[authenticate.server]\n", 0, 0, 0, "" },
		{ "[debug]\nloglevel = 7\n[authenticate]\nkeyrings= .nvme; lab ;second\n", 0, 7, 2, "lab" },
		{ "[authenticate]\nkeyrings=.nvme", 0, 0, 0, "" },
		{ "[other]\nkeyrings=no\nloglevel=x\n", 0, 0, 0, "" },
		{ "[authenticate]\nkeyrings=one\nkeyrings=two\n", 0, 0, 1, "two" },
		{ "[debug]\nloglevel=\n", 2, 0, 0, "" },
		{ "[debug]\nloglevel=-1\n", 2, 0, 0, "" },
		{ "\n[debug\n", 2, 0, 0, "" },
		{ "[debug]\n\nloglevel\n", 3, 0, 0, "" },
		{ "[authenticate]\nkeyrings=" R16 ";o\n", 2, 0, AGENT_KEYRINGS_MAX, "a" },
		{ "[authenticate]\nkeyrings=0123456789012345678901234567890123456789012345678901234567890123\n",
		  2, 0, 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char why[256] = "";
		struct conf c;

		print_message("file %zu\n", i);
		assert_int_equal(conf_parse(rows[i].text, &c, why, sizeof(why)), rows[i].line);
		assert_true((rows[i].line != 0) == (why[0] != '\0'));
		assert_int_equal(c.loglevel, rows[i].loglevel);
		assert_int_equal(c.keyring_count, rows[i].rings);
		assert_string_equal(c.keyrings[0], rows[i].first);
	}
}

static void a_long_line(void **state)
{
	char text[3000], why[256];
	struct conf c;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[0] = '#';
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(conf_parse(text, &c, why, sizeof(why)), 1);
}

static void on_disk(void **state)
{
	char dir[] = "/tmp/nvmetls-conf.XXXXXX", path[64], why[256];
	struct conf c;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/config", dir);
	assert_int_equal(conf_load(path, &c, why, sizeof(why)), -ENOENT);
	assert_true(strstr(why, path) != NULL);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("[debug]\nloglevel=1\n[authenticate\n", f);
	fclose(f);
	assert_int_equal(conf_load(path, &c, why, sizeof(why)), -EINVAL);
	assert_true(strstr(why, "config:3: ") != NULL);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(files), cmocka_unit_test(a_long_line),
					    cmocka_unit_test(on_disk) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
