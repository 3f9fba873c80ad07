// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reassembly-failure: all fragments of packets from the peer arrive here, and they never become a packet: the queue
 * is starved (ipfrag_high_thresh), or they come too late for it (ipfrag_time).
 */
#include "detect.h"

#include <string.h>

#define FAILURES_MIN 3 /* since one became a packet; loss is not counted among them */
#define TICKS_MIN    2

bool detect_reassembly_failure(const struct ledger *l, msec_t now_ms, struct verdict *v)
{
	const struct subject *all, *timeout;

	(void)now_ms;
	if (l->direction != WIRE_RX)
		return false;
	all = ledger_subject(l, WIRE_TALLY_FRAGMENT_RX, WIRE_FRAGMENTS_ALL, 1);
	if (!all || all->count < FAILURES_MIN || all->ticks < TICKS_MIN ||
	    ledger_subject(l, WIRE_TALLY_REASSEMBLED, -1, all->first_ms))
		return false;
	timeout = ledger_subject(l, WIRE_TALLY_REASSEMBLY_TIMEOUT, -1, all->first_ms);
	memset(v, 0, sizeof(*v));
	v->confidence = timeout ? 0.98 : 0.85;
	v->first_ms = all->first_ms;
	v->lower = ledger_delivered_below(l, 0, all->first_ms);
	verdict_evidence(v, EVIDENCE_FRAGMENT, all->count, all->size_max);
	if (timeout)
		verdict_evidence(v, EVIDENCE_REASSEMBLY_TIMEOUT, timeout->count, 0);
	return true;
}
