/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * print_table - Identify data as nvme-cli prints it: one line or one JSON member per field,
 * in the order of a table that says where the field stands and how it is shown.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json_object;

enum field_kind {
	FIELD_DEC,	/* little endian number of @size bytes, decimal */
	FIELD_HEX,	/* the same as 0x.., but 0 for zero */
	FIELD_TEXT,	/* blank-padded ASCII, printed with its padding; unprintable bytes as '?' */
	FIELD_STRING,	/* the same up to a NUL, left out of JSON when empty */
	FIELD_U128,	/* 16 bytes little endian, decimal */
	FIELD_UUID,
	FIELD_BYTES,	/* hexadecimal digits in the order of the bytes */
	FIELD_OUI,	/* 3 bytes little endian: digits in text, a number in JSON */
};

struct field {
	const char *name;
	uint16_t at;		/* byte offset */
	uint8_t size;		/* bytes; 0: 256 */
	uint8_t kind;		/* enum field_kind */
};

/* clang-format off */
#define FIELD(type, member, kind) \
	{ #member, offsetof(type, member), (uint8_t)sizeof(((type *)0)->member), kind }
/* clang-format on */

/* "name      : value" with the name in @width columns. */
void print_fields(FILE *to, int width, const struct field *f, size_t count, const uint8_t *data);
void json_fields(struct json_object *o, const struct field *f, size_t count, const uint8_t *data);
