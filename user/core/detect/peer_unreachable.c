// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * peer-unreachable: packets for the peer have nowhere to go, because it has no endpoint, does not answer handshakes, or this host
 * cannot even send them. Not an MTU problem, and said so: handshakes are small. What comes from the peer on a session of before
 * refutes it for the time being.
 */
#include "detect.h"

#include <string.h>

#define INITIATION    1	     /* WireGuard's message type */
#define USED_MS	      5000   /* the peer is wanted now */
#define UNSENT_MS     9000   /* nothing can be sent for as long as that, or nearly */
#define UNANSWERED_MS 20000  /* four handshakes, one every five seconds, and time for the last one's answer */
#define GIVES_UP_MS   110000 /* longer than WireGuard tries for one packet (timers.c: 20 times at most) */

/* Since when what is sent to the peer, the latest lately, is in vain: since it began, or the peer was last heard. */
static msec_t since_ms(const struct ledger *l, const struct subject *s)
{
	return s->first_ms > l->last_heard_ms ? s->first_ms : l->last_heard_ms;
}

/*
 * A peer that goes leaves the last packet for it unanswered, and WireGuard asks for it a while. That is a matter only for those
 * who send on, or who want it kept up (PersistentKeepalive), or for a peer that is there and asks itself.
 */
static bool is_wanted(const struct ledger *l, const struct subject *s)
{
	msec_t since = since_ms(l, s);

	return l->used_ms > since || l->kept_alive || s->last_ms >= since + GIVES_UP_MS ||
	       (l->back && ledger_subject(l->back, WIRE_TALLY_HANDSHAKE_RX, INITIATION, since + 1));
}

/*
 * Packets that could not be sent, or handshakes that bring forth nothing, answers to the peer's own among them; NULL if there are
 * none. Those made are those that leave as well, unless their hook is missing.
 */
static const struct subject *in_vain(const struct ledger *l, msec_t now_ms)
{
	static const enum wire_tally_kind handshakes[] = { WIRE_TALLY_HANDSHAKE_MADE, WIRE_TALLY_HANDSHAKE_TX };
	msec_t lately_ms = now_ms > SUBJECT_PAUSE_MS ? now_ms - SUBJECT_PAUSE_MS : 1;
	const struct subject *s = ledger_subject(l, WIRE_TALLY_SEND_ERROR, -1, lately_ms);

	if (s && s->last_ms >= since_ms(l, s) + UNSENT_MS)
		return s;
	for (size_t i = 0; i < sizeof(handshakes) / sizeof(handshakes[0]); i++) {
		s = ledger_subject(l, handshakes[i], -1, lately_ms);
		if (s && s->last_ms > since_ms(l, s) && now_ms >= since_ms(l, s) + UNANSWERED_MS && is_wanted(l, s))
			return s;
	}
	return NULL;
}

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
	s = in_vain(l, now_ms);
	if (!s)
		return false;
	v->first_ms = since_ms(l, s);
	verdict_evidence(v, s->key.kind == WIRE_TALLY_SEND_ERROR ? EVIDENCE_SEND_ERROR : EVIDENCE_HANDSHAKE, s->count,
			 s->size_max);
	return true;
}
