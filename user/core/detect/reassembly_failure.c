// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reassembly-failure: fragments from the peer arrive here, beginnings and ends, and never become a packet: the queue
 * is starved (ipfrag_high_thresh), or they come too late for it (ipfrag_time).
 */
#include "detect.h"

#include <string.h>

#define FAILURES_MIN 3
#define TICKS_MIN    2

bool detect_reassembly_failure(const struct ledger *l, msec_t now_ms, struct verdict *v)
{
	const struct subject *first, *last, *timeout;

	(void)now_ms;
	if (l->direction != WIRE_RX)
		return false;
	first = ledger_subject(l, WIRE_TALLY_FRAGMENT_RX, 0, 1);
	last = ledger_subject(l, WIRE_TALLY_FRAGMENT_RX, 2, 1);
	if (!first || !last || first->count < FAILURES_MIN || last->count * 2 <= first->count ||
	    first->ticks < TICKS_MIN || ledger_subject(l, WIRE_TALLY_REASSEMBLED, -1, first->first_ms))
		return false;
	timeout = ledger_subject(l, WIRE_TALLY_REASSEMBLY_TIMEOUT, -1, first->first_ms);
	memset(v, 0, sizeof(*v));
	v->confidence = timeout ? 0.98 : 0.85;
	v->first_ms = first->first_ms;
	v->lower = ledger_delivered_below(l, 0, first->first_ms);
	verdict_evidence(v, EVIDENCE_FRAGMENT, first->count, first->size_max);
	if (timeout)
		verdict_evidence(v, EVIDENCE_REASSEMBLY_TIMEOUT, timeout->count, 0);
	return true;
}
