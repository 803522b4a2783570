/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * channel - the seam between bytes on the socket and bytes of NVMe/TCP.
 *
 * Everything above it (tcp/, target/, host/) sees plaintext in order. Providers:
 *
 *	clear	no TLS
 *	record	our own TLS 1.3 record layer, in this process (tls/record.h)
 *
 * A channel is made after the handshake and keeps its provider for life.
 *
 * Two verbs. seal() gathers plaintext straight into the send buffer; open()
 * puts plaintext straight where the layer above wants it. In both the cipher
 * is the one touch of a payload byte.
 */
#pragma once

#include <sys/uio.h>

#include "base/fault.h"
#include "base/place.h"
#include "base/span.h"

#define PLAIN_PIECES_MAX 64

/* Plaintext of one record, in order. Valid until the next open() on this channel. */
struct plain {
	struct span piece[PLAIN_PIECES_MAX];
	int count;
};

struct channel;

/* What happened besides data, bits of channel_take_events(). */
enum {
	CHANNEL_CLOSE_NOTIFY = 1,	/* the peer will send nothing more */
	CHANNEL_REKEYED_RX = 2,		/* a KeyUpdate was received */
	CHANNEL_SEAL_CONTROL = 4,	/* call channel_seal_control(): a KeyUpdate or alert waits to be sent */
};

struct channel_ops {
	const char *name;

	/*
	 * The size in bytes of the unit (record) that starts at @wire: open() needs
	 * all of it at once. 0: not known yet, more than @wire is needed to tell.
	 * clear: everything there is.
	 */
	size_t (*frame)(const struct channel *c, struct span wire);

	/*
	 * Open the one whole unit at the front of @wire and cut it off. @ret gets its
	 * plaintext, possibly none (alert, KeyUpdate, CCS). @wire may be written to.
	 * On a fault nothing of the record may be used and the channel is dead.
	 */
	struct fault (*open)(struct channel *c, struct mspan *wire, struct place *place,
			     struct plain *ret) MUST_CHECK;

	/*
	 * Seal the gathered plaintext of @in (sum: 1 to plain_max) as one unit to the
	 * front of @wire and cut the used bytes off. @wire must hold sum + overhead.
	 * NULL for a channel that sends plaintext as it is (clear): then the loop sends
	 * from the writer's own segments.
	 */
	struct fault (*seal)(struct channel *c, const struct iovec *in, int in_count,
			     struct mspan *wire) MUST_CHECK;

	/* Seal what waits (KeyUpdate, close_notify, alert); @wire must hold 64 bytes. */
	void (*seal_control)(struct channel *c, struct mspan *wire);

	/* Queue a fatal alert or, with 0, close_notify, for seal_control(). NULL: nothing to say. */
	void (*say)(struct channel *c, uint8_t alert);

	/* Wipe keys and free. */
	void (*free)(struct channel *c);
};

struct channel_counters {
	uint64_t records_tx, records_rx;	/* under the current keys */
	uint64_t key_updates_sent, key_updates_received;
};

struct channel {
	const struct channel_ops *ops;
	uint32_t plain_max;	/* bytes of plaintext per seal() */
	uint32_t overhead;	/* bytes a seal() adds at most */
	uint32_t events;	/* CHANNEL_* since the last look; the owner clears them */
	struct channel_counters counters;
};

/* The channel without TLS. Static lifetime semantics: allocated, freed by ops->free. NULL: out of memory. */
struct channel *channel_clear_new(void);
