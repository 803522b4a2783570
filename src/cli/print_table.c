/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/print_table.h"

#include <assert.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "nvme/uuid.h"

#define VALUE_MAX 520	/* 256 bytes as hexadecimal digits, and a NUL */

static size_t field_size(const struct field *f)
{
	return f->size ? f->size : 256;
}

static uint64_t number(const struct field *f, const uint8_t *data)
{
	uint64_t v = 0;

	assert(f->size >= 1 && f->size <= 8);
	for (size_t i = f->size; i-- > 0;)
		v = v << 8 | data[f->at + i];
	return v;
}

/* What a controller calls itself goes to a terminal: only printable ASCII does. */
static void text(const struct field *f, const uint8_t *data, char *dst)
{
	size_t len = strnlen((const char *)data + f->at, field_size(f));

	for (size_t i = 0; i < len; i++) {
		char c = (char)data[f->at + i];

		dst[i] = c >= ' ' && c <= '~' ? c : '?';
	}
	dst[len] = '\0';
}

static void u128(const uint8_t *le, char *dst, size_t size)
{
	unsigned __int128 v = 0;
	char digits[40];
	size_t n = sizeof(digits);

	for (size_t i = 16; i-- > 0;)
		v = v << 8 | le[i];
	digits[--n] = '\0';
	do {
		digits[--n] = (char)('0' + (unsigned int)(v % 10));
		v /= 10;
	} while (v > 0);
	snprintf(dst, size, "%s", digits + n);
}

static void as_text(const struct field *f, const uint8_t *data, char dst[VALUE_MAX])
{
	const uint8_t *at = data + f->at;

	switch (f->kind) {
	case FIELD_DEC:
		snprintf(dst, VALUE_MAX, "%" PRIu64, number(f, data));
		break;
	case FIELD_HEX:
		snprintf(dst, VALUE_MAX, "%#" PRIx64, number(f, data));
		break;
	case FIELD_U128:
		u128(at, dst, VALUE_MAX);
		break;
	case FIELD_UUID:
		nvme_uuid_format(at, dst);
		break;
	case FIELD_BYTES:
		hex_encode(dst, VALUE_MAX, at, f->size);
		break;
	case FIELD_OUI:
		snprintf(dst, VALUE_MAX, "%02x%02x%02x", at[2], at[1], at[0]);
		break;
	default:
		text(f, data, dst);
		break;
	}
}

void print_fields(FILE *to, int width, const struct field *f, size_t count, const uint8_t *data)
{
	char value[VALUE_MAX];

	for (size_t i = 0; i < count; i++) {
		as_text(&f[i], data, value);
		fprintf(to, "%-*s: %s\n", width, f[i].name, value);
	}
}

static struct json_object *as_json(const struct field *f, const uint8_t *data)
{
	char value[VALUE_MAX];

	switch (f->kind) {
	case FIELD_DEC:
	case FIELD_HEX:
	case FIELD_OUI:
		return json_object_new_uint64(number(f, data));
	case FIELD_U128:
		/* a number whatever its size, as nvme-cli has it */
		as_text(f, data, value);
		return json_object_new_double_s(strtod(value, NULL), value);
	default:
		as_text(f, data, value);
		if (f->kind == FIELD_STRING && value[0] == '\0')
			return NULL;
		return json_object_new_string(value);
	}
}

void json_fields(struct json_object *o, const struct field *f, size_t count, const uint8_t *data)
{
	for (size_t i = 0; i < count; i++) {
		struct json_object *value = as_json(&f[i], data);

		if (value)
			json_object_object_add(o, f[i].name, value);
	}
}
