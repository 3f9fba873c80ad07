/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What became of the fragments that arrive from a peer since a step was first seen; for the detectors of the step. */
#ifndef MTUSCOPE_FRAGMENTS_H
#define MTUSCOPE_FRAGMENTS_H

#include "detect.h"

#define FRAGMENTS_LATE_MS 1000 /* what was sent before the path changed has arrived by then */

/* rx: some did become a packet. Those are of others, then: the packets that the step is about do not come whole. */
static inline bool fragments_whole(const struct ledger *l, const struct verdict *v)
{
	return ledger_subject(l, WIRE_TALLY_REASSEMBLED, -1, v->first_ms + FRAGMENTS_LATE_MS);
}

/* rx: of some all fragments came. */
static inline bool fragments_complete(const struct ledger *l, const struct verdict *v)
{
	return ledger_subject(l, WIRE_TALLY_FRAGMENT_RX, WIRE_FRAGMENTS_ALL, v->first_ms + FRAGMENTS_LATE_MS);
}

#endif
