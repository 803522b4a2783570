/* SPDX-License-Identifier: BSD-3-Clause */
/* json_line - on which line of a JSON text does a value stand? json-c does not tell. */
#pragma once

#include <stddef.h>

/*
 * The 1-based line of the value at @path ("ports[0].addr.traddr"; '.' and '_' count as equal,
 * so attribute names find their nested form) or, where there is none, of the nearest enclosing
 * value that exists. @text is valid JSON. 0: nothing found.
 */
int json_line_of(const char *text, size_t len, const char *path);
/* The 1-based line of byte @offset. */
int json_line_at(const char *text, size_t offset);
