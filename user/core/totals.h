/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a snapshot amounts to: its sessions added up by peer, its tallies and drops in order, for those who print
 * counters. Called by the sinks, the metrics and the screen. Pure.
 */
#ifndef MTUSCOPE_TOTALS_H
#define MTUSCOPE_TOTALS_H

#include "snapshot.h"

struct direction_total {
	uint64_t packets; /* WireGuard data messages, distinct by their counter */
	uint64_t lost;	  /* counters that never came: rx, on the way here; tx, before the link */
	uint64_t duplicates;
	uint64_t bytes;	  /* outer */
	uint32_t largest; /* bytes, outer; the largest of late, not of all time */
};

struct peer_total {
	const struct peer *peer; /* NULL: sessions with an endpoint that is no peer's (any more) */
	struct direction_total direction[WIRE_DIRECTIONS];
};

struct totals {
	struct peer_total *peers; /* those that have sessions, busiest first */
	size_t peers_n;
	const struct tally **tallies; /* highest count first */
	size_t tallies_n;
	/* Among them: of each kind those that were given up, without a subject. */
	struct tally retired[WIRE_TALLY_KINDS];
	const struct drop **drops; /* highest count first */
	size_t drops_n;
};

/* Whether the link's counters mean anything: on a LAN only messages are looked at. NULL: a link that has gone, yes. */
bool link_is_counted(const struct link *link);

/* Points into snap, which must live on. 0 or -ENOMEM, *t is empty then. */
int totals_make(struct totals *t, const struct snapshot *snap);
void totals_free(struct totals *t);

#endif
