// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ptb-forged: a too-big message about this tunnel that no router on its path would send: it names an absurd MTU, or one that the
 * packets it complains about do not exceed, or quotes what was never sent. It never moves another verdict.
 */
#include "detect.h"

#include <netinet/in.h>
#include <string.h>

#include "outer.h"

/* Outer bytes of the largest that may have been sent: the tunnel's MTU, but for what was redirected into it. */
static uint32_t largest_sent(const struct ledger *l)
{
	uint32_t allowed = l->route_mtu_most + outer_overhead(l->outer_family);

	return allowed > l->largest_outer ? allowed : l->largest_outer;
}

static bool is_absurd(const struct ledger *l, const struct subject *s)
{
	const struct wire_tally_key *k = &s->key;

	if (k->aux < (k->family == AF_INET6 ? WIRE_HOP_MTU_MIN_V6 : WIRE_HOP_MTU_MIN_V4))
		return true;
	/* Of packets from before the tunnel's MTU changed nothing is known. */
	return l->has_peer && s->last_ms > l->mtu_changed_ms &&
	       k->aux + (k->tunnel ? outer_overhead(l->outer_family) : 0) >= largest_sent(l);
}

bool detect_ptb_forged(const struct ledger *l, msec_t now_ms, struct verdict *v)
{
	(void)now_ms;
	memset(v, 0, sizeof(*v));
	for (size_t i = 0; i < l->subjects_n; i++) {
		const struct subject *s = l->subjects[i];

		if (s->key.kind != WIRE_TALLY_TOO_BIG_RX || (!is_absurd(l, s) && !s->unsent))
			continue;
		v->confidence = 0.9;
		v->first_ms = s->first_ms;
		v->host.family = s->key.family;
		memcpy(v->host.bytes, s->key.reporter, 16);
		verdict_evidence(v, EVIDENCE_TOO_BIG, s->count, s->key.aux);
	}
	return v->evidence_n > 0;
}
