// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * peer-unreachable: packets for the peer have nowhere to go, because it has no endpoint or does not answer handshakes. Not
 * an MTU problem, and said so: handshakes are small.
 */
#include "detect.h"

#include <string.h>

#define INITIATION	1    /* WireGuard's message type */
#define INITIATIONS_MIN 3    /* one every five seconds: ten seconds without an answer */
#define USED_MS		5000 /* the peer is wanted now */

bool detect_peer_unreachable(const struct ledger *l, msec_t now_ms, struct verdict *v)
{
	const struct subject *s;

	if (l->direction != WIRE_TX || !l->has_peer)
		return false;
	memset(v, 0, sizeof(*v));
	v->confidence = 0.95;
	if (!l->has_endpoint) {
		v->first_ms = l->used_ms;
		verdict_evidence(v, EVIDENCE_HANDSHAKE, 0, 0);
		return l->used_ms && now_ms - l->used_ms <= USED_MS;
	}
	s = ledger_subject(l, WIRE_TALLY_HANDSHAKE_TX, INITIATION, 1);
	if (!s || s->count < INITIATIONS_MIN || now_ms - s->last_ms > SUBJECT_PAUSE_MS ||
	    l->last_heard_ms >= s->first_ms)
		return false;
	v->first_ms = s->first_ms;
	verdict_evidence(v, EVIDENCE_HANDSHAKE, s->count, s->size_max);
	return true;
}
