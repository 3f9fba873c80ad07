// SPDX-License-Identifier: GPL-2.0-or-later
/* When a finding has ended: what refutes or cures each class. Called by findings.c, where the verdict is no more. */
#include "findings_internal.h"

#include <string.h>

#include "chance.h"
#include "order.h"
#include "outer.h"

#define TRAFFIC_OUTER  576   /* traffic of that size after the cure shows that it flows */
#define PTB_FORGET_MS  50000 /* with SUBJECT_PAUSE_MS a minute: then nobody waits any more */
#define LOST_BY_CHANCE 2     /* packets lost in CURED_MS may be any */
#define CURED_MS       5000  /* … without any: small packets, or just the recommended MTU, and so long no new stall */
#define CURED_FLOWS_MS 2000  /* of that time, since the cure */

/*
 * Senders are told that the peer's route carries what is recommended, and traffic flows: that route is the cure. What
 * flowed within the tick of the message is dated before it, and then some time without a new stall must do.
 */
static bool route_is_cure(const struct living *it, const struct ledger *l, msec_t now_ms)
{
	msec_t delivered_ms = ledger_delivered_ms(l, TRAFFIC_OUTER);

	for (size_t i = 0; i < l->subjects_n; i++) {
		const struct subject *s = l->subjects[i];

		if (s->key.kind == WIRE_TALLY_TOO_BIG_MADE && s->key.tunnel == WIRE_TUNNEL_SEEN &&
		    s->key.aux <= it->f.recommended_mtu && s->last_ms > it->evidence_ms &&
		    (delivered_ms >= s->last_ms || (delivered_ms >= it->evidence_ms && now_ms - s->last_ms > CURED_MS)))
			return true;
	}
	return false;
}

/*
 * rx: for some time, part of it since then, no more has been lost than loss explains. What is sent too large for the path is seen
 * nowhere else, unless it is TCP.
 */
static bool nothing_vanishes(const struct ledger *l, msec_t since_ms, msec_t now_ms)
{
	struct trials known = ledger_trials(l, 0, ledger_known_since_ms(l, now_ms, LEDGER_WINDOW_MS));
	struct tried none = { 0, 0 };
	uint32_t lost, came;

	if (l->direction != WIRE_RX)
		return true;
	if (now_ms - since_ms < CURED_FLOWS_MS)
		return false;
	ledger_loss(l, now_ms > CURED_MS ? now_ms - CURED_MS : 0, now_ms, &lost, &came, NULL);
	return lost <= LOST_BY_CHANCE ||
	       chance_gaps_of_others(lost, (struct tried){ lost, came }, (struct tried){ known.lost, known.delivered },
				     none) > 1.0;
}

/* tx: datagrams that are too large vanish as well. Where a clamp asks for less there must be none: they are not bound by it. */
static bool none_is_sent(const struct ledger *l, msec_t now_ms)
{
	return l->direction != WIRE_TX || now_ms - l->hole_sent_ms >= CURED_FLOWS_MS;
}

/* Those whose packets vanished make smaller ones by now. */
static bool sender_is_cured(const struct living *it, const struct ledger *l, msec_t now_ms)
{
	const struct full_size *full = ledger_sends_less(l, it->f.path_mtu_upper, it->stalled_ms, it->connected_ms,
							 it->f.flows, it->f.flows_n);

	return full && nothing_vanishes(l, full->first_ms, now_ms) && (!full->is_asked || none_is_sent(l, now_ms));
}

/*
 * The tunnel's MTU no longer allows the size, and traffic flows. Where it is larger than what is recommended, a packet as
 * large as it allows has to have arrived since the finding opened. The programs date packets with the last snapshot's time:
 * one of the time of the change came after it.
 */
static bool tunnel_is_cured(const struct living *it, const struct ledger *l, msec_t now_ms)
{
	uint32_t full = l->tunnel_mtu + outer_overhead(l->outer_family);
	msec_t since_ms = l->mtu_changed_ms;

	if (since_ms <= it->opened_ms ||
	    (it->f.path_mtu_upper && ledger_outer_most(l, l->tunnel_mtu) >= it->f.path_mtu_upper) ||
	    !nothing_vanishes(l, since_ms, now_ms))
		return false;
	/* A full packet is padded to the MTU, the next smaller one to a multiple below it. */
	if (l->tunnel_mtu > it->f.recommended_mtu)
		return ledger_delivered_ms(l, full - (l->tunnel_mtu - 1) % OUTER_PADDING) >= it->opened_ms;
	return ledger_delivered_ms(l, TRAFFIC_OUTER) >= since_ms || now_ms - since_ms > CURED_MS;
}

/* The size arrives again, or is sent no more and traffic flows. */
static bool step_is_over(const struct living *it, const struct ledger *l, msec_t now_ms)
{
	if (it->f.path_mtu_upper && ledger_delivered_ms(l, it->f.path_mtu_upper) >= it->evidence_ms)
		return true;
	if (!it->f.path_mtu_upper && ledger_subject(l, WIRE_TALLY_REASSEMBLED, -1, it->evidence_ms + 1))
		return true;
	return route_is_cure(it, l, now_ms) || sender_is_cured(it, l, now_ms) || tunnel_is_cured(it, l, now_ms);
}

/* The host is told no more, for longer than since it is: a sender that does not listen waits twice as long each time. */
static bool host_is_quiet(const struct living *it, const struct ledger *l, msec_t now_ms)
{
	msec_t last_ms = it->evidence_ms, lasts_ms;

	for (size_t i = 0; i < l->subjects_n; i++) {
		const struct subject *s = l->subjects[i];

		if ((s->key.kind == WIRE_TALLY_TOO_BIG_MADE || s->key.kind == WIRE_TALLY_TOO_BIG_TX) &&
		    s->last_ms > last_ms && !memcmp(s->key.remote, it->f.host.bytes, 16))
			last_ms = s->last_ms;
	}
	lasts_ms = last_ms - it->opened_ms;
	return now_ms - last_ms > SUBJECT_PAUSE_MS + (lasts_ms < PTB_FORGET_MS ? lasts_ms : PTB_FORGET_MS);
}

bool living_is_over(const struct living *it, const struct ledger *l, msec_t now_ms)
{
	msec_t quiet_ms = now_ms - it->evidence_ms;

	switch (it->f.class) {
	case FINDING_PATH_BLACKHOLE:
	case FINDING_FRAGMENT_BLACKHOLE:
	case FINDING_REASSEMBLY_FAILURE:
		return quiet_ms > FORGET_MS || step_is_over(it, l, now_ms);
	case FINDING_TUNNEL_MTU_TOO_LARGE:
		return true; /* a state, not an event: it is there or not */
	case FINDING_PTB_IGNORED:
	case FINDING_PTB_SUPPRESSED:
		return host_is_quiet(it, l, now_ms);
	case FINDING_PEER_UNREACHABLE:
		return quiet_ms > FORGET_MS || l->last_heard_ms > it->evidence_ms;
	case FINDING_MSS_TOO_LARGE:
		return quiet_ms > FORGET_MS || latest(l->mtu_changed_ms, l->clamped_ms) > it->evidence_ms;
	case FINDING_TUNNEL_MTU_MISMATCH:
		return quiet_ms > FORGET_MS || latest(l->mtu_changed_ms, l->peer_lowered_ms) > it->evidence_ms;
	default:
		return quiet_ms > FORGET_MS || l->mtu_changed_ms > it->evidence_ms;
	}
}
