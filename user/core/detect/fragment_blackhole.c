// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fragment-blackhole: a step in the size ledger exactly where fragmentation begins, or, seen from the receiver, first
 * fragments whose ends never come, or ends without beginnings. Filters that have no ports to look at in later fragments
 * do the former (RFC 8900).
 */
#include "step.h"

#include <string.h>

#include "fragments.h"

#define FIRSTS_MIN 3 /* lone first fragments; fewer may be plain loss of the other half */
#define TICKS_MIN  2 /* … at different moments */

/* rx: of the packets that the step is about some fragments come, and not all. All make it reassembly's failure. */
static bool parts_missing(const struct ledger *l, const struct verdict *v)
{
	return !fragments_whole(l, v) && !fragments_complete(l, v);
}

/* Ends of packets whose beginning was seen as well as of others. */
static uint64_t ends_since(const struct ledger *l, msec_t since_ms)
{
	uint64_t n = 0;

	for (size_t i = 0; i < l->subjects_n; i++) {
		const struct subject *s = l->subjects[i];

		if (s->key.kind == WIRE_TALLY_FRAGMENT_RX && s->key.aux == WIRE_FRAGMENT_LAST && s->last_ms >= since_ms)
			n += s->count;
	}
	return n;
}

/* rx: beginnings of packets arrive, their ends do not. */
static bool ends_missing(const struct ledger *l, struct verdict *v)
{
	const struct subject *first = ledger_subject(l, WIRE_TALLY_FRAGMENT_RX, WIRE_FRAGMENT_FIRST, l->over_ms + 1);

	if (!first || first->count < FIRSTS_MIN || first->ticks < TICKS_MIN ||
	    ends_since(l, first->first_ms) * 2 > first->count ||
	    ledger_subject(l, WIRE_TALLY_REASSEMBLED, -1, first->first_ms))
		return false;
	memset(v, 0, sizeof(*v));
	v->confidence = 0.9;
	v->first_ms = first->first_ms;
	v->last_ms = first->last_ms;
	v->lower = ledger_delivered_below(l, 0, first->first_ms);
	verdict_evidence(v, EVIDENCE_FRAGMENT, first->count, first->size_max);
	return true;
}

bool detect_fragment_blackhole(const struct ledger *l, msec_t now_ms, struct verdict *v)
{
	if (step_find(l, now_ms, v) && step_is_at_fragments(l, v)) {
		if (l->direction == WIRE_TX) {
			const struct subject *s = ledger_subject(l, WIRE_TALLY_FRAGMENTED, -1, v->first_ms);

			if (s)
				verdict_evidence(v, EVIDENCE_FRAGMENTED, s->count, s->size_min);
			return true;
		}
		return parts_missing(l, v) || ends_missing(l, v);
	}
	return l->direction == WIRE_RX && ends_missing(l, v);
}
