/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One pass over text that json-c has accepted, with a stack of open containers. The path
 * of the value at hand is kept in one string; leaving a container cuts it back.
 */
#include "config/json_line.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/span.h"

#define DEPTH_MAX      16
#define JSON_PATH_SIZE 512

struct scan {
	const char *at, *end;
	int line, depth;	/* depth: open containers */
	bool key_next;		/* the next string is a key */
	char path[JSON_PATH_SIZE];
	struct {
		bool array;
		unsigned int index;
		size_t path_len;	/* of the container's own path */
	} frame[DEPTH_MAX + 1];
	const char *want;
	size_t best_len;
	int best_line;
};

int json_line_at(const char *text, size_t offset)
{
	int line = 1;

	for (size_t i = 0; i < offset; i++)
		line += text[i] == '\n';
	return line;
}

static bool same(char a, char b)
{
	return a == b || ((a == '.' || a == '_') && (b == '.' || b == '_'));
}

/* A value starts here. Is its path the wanted one or an ancestor? Keep the longest. */
static void value_starts(struct scan *s)
{
	size_t n;

	if (s->depth && s->frame[s->depth].array)
		snprintf(s->path + s->frame[s->depth].path_len,
			 sizeof(s->path) - s->frame[s->depth].path_len, "[%u]",
			 s->frame[s->depth].index);
	n = strlen(s->path);
	if (n > strlen(s->want) || (s->best_line && n <= s->best_len))
		return;
	for (size_t i = 0; i < n; i++)
		if (!same(s->path[i], s->want[i]))
			return;
	if (n == 0 || strchr("._[", s->want[n])) {	/* also matches the NUL at the end */
		s->best_len = n;
		s->best_line = s->line;
	}
}

static struct span string_literal(struct scan *s)
{
	const char *start = ++s->at;

	while (s->at < s->end && *s->at != '"')
		s->at += *s->at == '\\' && s->at + 1 < s->end ? 2 : 1;
	return span_of(start, (size_t)(s->at++ - start));
}

static void take_string(struct scan *s)
{
	size_t base = s->depth ? s->frame[s->depth].path_len : 0;
	struct span text;

	if (!s->key_next) {
		value_starts(s);
		string_literal(s);
		return;
	}
	text = string_literal(s);
	snprintf(s->path + base, sizeof(s->path) - base, "%s%.*s", base ? "." : "",
		 (int)(text.len < 200 ? text.len : 200), (const char *)text.ptr);
	s->key_next = false;
}

static bool open_container(struct scan *s, bool array)
{
	value_starts(s);
	if (s->depth == DEPTH_MAX)
		return false;
	s->depth++;
	s->frame[s->depth].array = array;
	s->frame[s->depth].index = 0;
	s->frame[s->depth].path_len = strlen(s->path);
	s->key_next = !array;
	s->at++;
	return true;
}

static bool close_container(struct scan *s)
{
	if (s->depth == 0)
		return false;
	s->path[s->frame[s->depth].path_len] = '\0';
	s->depth--;
	s->key_next = false;
	s->at++;
	return true;
}

static void next_element(struct scan *s)
{
	if (s->depth) {
		s->path[s->frame[s->depth].path_len] = '\0';
		s->frame[s->depth].index++;
		s->key_next = !s->frame[s->depth].array;
	}
	s->at++;
}

/* One token. False: deeper than we follow; the best line so far stands. */
static bool token(struct scan *s)
{
	switch (*s->at) {
	case '\n':
		s->line++;
		s->at++;
		return true;
	case ' ': case '\t': case '\r': case ':':
		s->at++;
		return true;
	case '{': case '[':
		return open_container(s, *s->at == '[');
	case '}': case ']':
		return close_container(s);
	case ',':
		next_element(s);
		return true;
	case '"':
		take_string(s);
		return true;
	default:
		value_starts(s);
		s->at += strcspn(s->at, ",]} \t\r\n");
		return true;
	}
}

int json_line_of(const char *text, size_t len, const char *path)
{
	struct scan s = { .at = text, .end = text + len, .line = 1, .want = path };

	while (s.at < s.end && token(&s))
		;
	return s.best_line;
}
