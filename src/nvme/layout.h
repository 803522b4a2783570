/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * layout - how this room checks its wire structs against the specifications.
 *
 * Every struct of this room is made of uint8_t and arrays of uint8_t, so it has
 * no padding, no alignment and no byte order: overlay it on received bytes and
 * read integers with load_le*() of base/bytes.h.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_SIZE(type, bytes) \
	static_assert(sizeof(struct type) == (bytes), #type " has the size of the specification")
#define WIRE_AT(type, field, offset) \
	static_assert(offsetof(struct type, field) == (offset), #type "." #field " is in its place")
