// SPDX-License-Identifier: GPL-2.0-or-later
/* When a finding has ended: what refutes or cures each class. Called by findings.c, where the verdict is no more. */
#include "findings_internal.h"

#include "outer.h"

#define TRAFFIC_OUTER 576  /* traffic of that size after the cure shows that it flows */
#define CURED_MS      5000 /* … without any: small packets, or just the recommended MTU, and so long no new stall */

/*
 * Senders are told that the peer's route carries what is recommended, and traffic flows: that route is the cure. What
 * flowed within the tick of the message is dated before it, and then some time without a new stall must do.
 */
static bool route_is_cure(const struct living *it, const struct ledger *l, msec_t now_ms)
{
	msec_t delivered_ms = ledger_delivered_ms(l, TRAFFIC_OUTER);

	for (size_t i = 0; i < l->subjects_n; i++) {
		const struct subject *s = l->subjects[i];

		if (s->key.kind == WIRE_TALLY_TOO_BIG_MADE && s->key.aux <= it->f.recommended_mtu &&
		    s->last_ms > it->evidence_ms &&
		    (delivered_ms >= s->last_ms || (delivered_ms >= it->evidence_ms && now_ms - s->last_ms > CURED_MS)))
			return true;
	}
	return false;
}

/* The size arrives again, or the tunnel's MTU no longer allows it and traffic flows. */
static bool step_is_over(const struct living *it, const struct ledger *l, msec_t now_ms)
{
	uint32_t largest = outer_size(l->tunnel_mtu, l->route_mtu_most, l->outer_family);

	if (it->f.path_mtu_upper && ledger_delivered_ms(l, it->f.path_mtu_upper) >= it->evidence_ms)
		return true;
	if (!it->f.path_mtu_upper && ledger_subject(l, WIRE_TALLY_REASSEMBLED, -1, it->evidence_ms + 1))
		return true;
	if (route_is_cure(it, l, now_ms))
		return true;
	if (l->mtu_changed_ms <= it->opened_ms || (it->f.path_mtu_upper && largest >= it->f.path_mtu_upper))
		return false;
	/* The programs date packets with the last snapshot's time: one of the same time came after the change. */
	return ledger_delivered_ms(l, TRAFFIC_OUTER) >= l->mtu_changed_ms ||
	       (now_ms - l->mtu_changed_ms > CURED_MS &&
		(ledger_delivered_ms(l, 1) >= l->mtu_changed_ms || l->tunnel_mtu <= it->f.recommended_mtu));
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
		return quiet_ms > SUBJECT_PAUSE_MS;
	case FINDING_PEER_UNREACHABLE:
		return quiet_ms > FORGET_MS || l->last_heard_ms > it->evidence_ms;
	default:
		return quiet_ms > FORGET_MS || l->mtu_changed_ms > it->evidence_ms;
	}
}
