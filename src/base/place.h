/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * place - where plaintext lands: a HINT that the layer above a channel gives.
 *
 * Used before a record's tag is verified. It chooses only where bytes land:
 * a private buffer of an outstanding command, or the channel's scratch. It must
 * not change any state but its own walk, which begin() restarts per record. The
 * bytes count only when channel open() returned them as pieces.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct place {
	/* A new record starts; forget the walk of the last one. */
	void (*begin)(struct place *p);
	/*
	 * Where do the next bytes go? *ret_dst = NULL: to scratch, and show them by landed().
	 * *ret_len >= 1: how many at most.
	 */
	void (*next)(struct place *p, uint8_t **ret_dst, size_t *ret_len);
	/* @n bytes landed; @scratch points at them where next() said scratch, else NULL. */
	void (*landed)(struct place *p, const uint8_t *scratch, size_t n);
};
