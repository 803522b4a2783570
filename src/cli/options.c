/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "cli/report.h"

#define OPTS_MAX 64
#define SETS_MAX 4
#define HELP_ID	 1000	/* getopt's number for --help; the options count from 256 */

/* options_begin(): failures are said in JSON as well. */
static bool json_wanted;

/* All sets of a verb in the form getopt_long wants. */
struct parser {
	const struct opt *opt[OPTS_MAX];
	void *base[OPTS_MAX];
	bool letter[OPTS_MAX];	/* it keeps its letter */
	size_t count;
	struct option longs[OPTS_MAX + 2];
	char shorts[2 * OPTS_MAX + 4];
};

bool parse_number(const char *text, uint64_t *ret)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hex ? text + 2 : text;
	char *end;

	errno = EINVAL;
	/* strtoull would take blanks, signs and nothing at all */
	if (!strchr(hex ? "0123456789abcdefABCDEF" : "0123456789", digits[0]) || digits[0] == '\0')
		return false;
	errno = 0;
	*ret = strtoull(digits, &end, hex ? 16 : 10);
	if (*end != '\0')
		errno = EINVAL;
	return errno == 0;
}

bool parse_size(const char *text, uint64_t *ret)
{
	static const char letters[] = "kmgt";
	size_t digits = strspn(text, "0123456789");
	const char *suffix = text + digits;
	const char *unit;
	char number[24];
	unsigned int shift;

	if (*suffix == '\0' || *suffix == 'x' || *suffix == 'X')
		return parse_number(text, ret);
	errno = EINVAL;
	unit = strchr(letters, *suffix | 0x20);
	if (!unit || digits == 0 || digits >= sizeof(number))
		return false;
	suffix++;
	if (*suffix && strcmp(suffix, "i") && strcmp(suffix, "iB") && strcmp(suffix, "B"))
		return false;
	memcpy(number, text, digits);
	number[digits] = '\0';
	shift = 10 * (unsigned int)(unit - letters + 1);
	if (!parse_number(number, ret))
		return false;
	if (*ret > UINT64_MAX >> shift) {
		errno = ERANGE;
		return false;
	}
	*ret <<= shift;
	return true;
}

/* nvmetls-host has no verbs: it is one. */
static bool is_program(const struct verb *v)
{
	return strncmp(v->name, "nvmetls-", 8) == 0;
}

static void say_usage(const struct verb *v)
{
	printf("usage: %s%s%s%s\n", is_program(v) ? "" : "nvmetls ", v->name, v->args[0] ? " " : "", v->args);
}

int options_misuse(const struct verb *v, const char *format, ...)
{
	struct report r = { .verb = v->name, .json = json_wanted };
	char text[512], hint[64];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (is_program(v))
		snprintf(hint, sizeof(hint), "see %s --help", v->name);
	else
		snprintf(hint, sizeof(hint), "see nvmetls help%s%s", v->name[0] ? " " : "", v->name);
	report_failed(&r, "usage", hint, "%s", text);
	return EXIT_USAGE;
}

static int say_help(const struct verb *v, const struct parser *p)
{
	char left[96];

	say_usage(v);
	printf("%s\n", v->what);
	for (size_t i = 0; i < p->count; i++) {
		const struct opt *o = p->opt[i];
		char letter[] = { '-', o->letter, ',', ' ', '\0' };

		snprintf(left, sizeof(left), "%s--%s%s%s", p->letter[i] ? letter : "    ", o->name,
			 o->arg ? "=" : "", o->arg ? o->arg : "");
		printf("  %-34s %s\n", left, o->what);
	}
	printf("  %-34s %s\n", "-h, --help", "this text");
	return report_flush(&(struct report){ .verb = v->name });
}

static void add_option(struct parser *p, const struct opt *o, void *base)
{
	size_t i = p->count++;
	size_t len = strlen(p->shorts);

	assert(i < OPTS_MAX);
	p->opt[i] = o;
	p->base[i] = base;
	p->longs[i] = (struct option){ o->name, o->arg ? required_argument : no_argument, NULL,
				       256 + (int)i };
	p->letter[i] = o->letter && !strchr(p->shorts, o->letter);
	if (!p->letter[i])
		return;
	p->shorts[len++] = o->letter;
	if (o->arg)
		p->shorts[len++] = ':';
	p->shorts[len] = '\0';
}

static void prepare(struct parser *p, const struct opt_set *sets, size_t set_count)
{
	memset(p, 0, sizeof(*p));
	memcpy(p->shorts, ":h", 3);
	for (size_t s = 0; s < set_count; s++)
		for (size_t i = 0; i < sets[s].count; i++)
			add_option(p, &sets[s].opts[i], sets[s].base);
	p->longs[p->count] = (struct option){ "help", no_argument, NULL, HELP_ID };
}

/* "--rate_iops=5" is "--rate-iops=5" */
static void normalize(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (argv[i][0] == '-' && argv[i][1] == '-')
			for (char *c = argv[i]; *c && *c != '='; c++)
				if (*c == '_')
					*c = '-';
}

bool options_begin(int argc, char **argv)
{
	bool json = false;

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		const char *a = argv[i], *value = NULL;

		if (strcmp(a, "-o") == 0 || (strncmp(a, "--o", 3) == 0 && !strchr(a, '=')))
			value = i + 1 < argc ? argv[i + 1] : NULL;
		else if (strncmp(a, "--o", 3) == 0)
			value = strchr(a, '=') + 1;
		else if (strncmp(a, "-o", 2) == 0)
			value = a + 2;
		if (value)
			json = strcmp(value, "json") == 0;
	}
	json_wanted = json;
	return json;
}

static int store_number(const struct verb *v, const struct opt *o, void *at, const char *text)
{
	uint64_t n;
	bool good = o->kind == OPT_SIZE ? parse_size(text, &n) : parse_number(text, &n);

	if (o->kind == OPT_TIMEOUT && strcmp(text, "-1") == 0) {
		memset(at, 0xff, sizeof(int64_t));
		return GO_ON;
	}

	/* what is too large, or less than nothing, is a number all the same */
	if (!good && text[0] == '-' && parse_number(text + 1, &n))
		errno = ERANGE;
	if (!good && errno != ERANGE)
		return options_misuse(v, "--%s: \"%s\" is not a %s", o->name, text,
				      o->kind == OPT_SIZE ? "size" : "number");
	if (!good || n < o->min || (o->max && n > o->max))
		return options_misuse(v, "--%s: %s is out of range (%llu to %llu)", o->name, text,
				      (unsigned long long)o->min,
				      (unsigned long long)(o->max ? o->max : UINT64_MAX));
	memcpy(at, &n, sizeof(n));
	return GO_ON;
}

static int store(const struct verb *v, const struct opt *o, void *base, char *text)
{
	void *at = (char *)base + o->offset;

	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)at = true;
		return GO_ON;
	case OPT_TEXT:
		*(char **)at = text;
		return GO_ON;
	case OPT_FORMAT:
		if (strcmp(text, "json") != 0 && strcmp(text, "normal") != 0)
			return options_misuse(v, "--%s: \"%s\" is not a format (normal, json)",
					      o->name, text);
		*(bool *)at = text[0] == 'j';
		return GO_ON;
	default:
		return store_number(v, o, at, text);
	}
}

static const struct opt *find_letter(const struct parser *p, int letter, void **ret_base)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->letter[i] && p->opt[i]->letter == letter) {
			*ret_base = p->base[i];
			return p->opt[i];
		}
	return NULL;
}

/* What getopt_long did not like. A long option is shown without its value: it may be a key. */
static int complain(const struct verb *v, const struct parser *p, int code, char **argv)
{
	const char *word = argv[optind - 1];
	void *base;

	if (code == ':' && optopt >= 256)
		return options_misuse(v, "--%s needs a value", p->opt[optopt - 256]->name);
	if (code == ':')
		return options_misuse(v, "-%c needs a value", optopt);
	if (optopt >= 256 && optopt != HELP_ID)
		return options_misuse(v, "--%s takes no value", p->opt[optopt - 256]->name);
	if (optopt > ' ' && optopt <= '~' && !find_letter(p, optopt, &base))
		return options_misuse(v, "-%c is not an option", optopt);
	return options_misuse(v, "%.*s is not an option", (int)strcspn(word, "="), word);
}

int options_parse(const struct verb *v, const struct opt_set *sets, size_t set_count, int argc,
		  char **argv)
{
	const struct opt *o;
	struct parser p;
	void *base;
	int c, rc = GO_ON;

	assert(set_count <= SETS_MAX);
	prepare(&p, sets, set_count);
	normalize(argc, argv);
	opterr = 0;
	optind = 0;	/* a fresh start, also for the leading ':' */
	while (rc == GO_ON && (c = getopt_long(argc, argv, p.shorts, p.longs, NULL)) != -1) {
		if (c == 'h' || c == HELP_ID)
			return say_help(v, &p);
		if (c == '?' || c == ':')
			return complain(v, &p, c, argv);
		base = c >= 256 ? p.base[c - 256] : NULL;
		o = c >= 256 ? p.opt[c - 256] : find_letter(&p, c, &base);
		rc = store(v, o, base, optarg);
	}
	if (rc == GO_ON && optind < argc && strncmp(argv[optind], "/dev/", 5) == 0)
		return options_misuse(v, "%s: no device files here, say -t tcp -a ADDR -s PORT -n NQN",
				      argv[optind]);
	if (rc == GO_ON && optind < argc &&
	    (strncmp(argv[optind], "NVMeTLSkey", 10) == 0 || strncmp(argv[optind], "DHHC-", 5) == 0))
		return options_misuse(v, "a key stands where an option should");
	if (rc == GO_ON && optind < argc)
		return options_misuse(v, "\"%s\" is not an option", argv[optind]);
	return rc;
}
