// SPDX-License-Identifier: GPL-2.0-or-later
/* See too_big.h. */
#include "too_big.h"

#include <netinet/in.h>
#include <string.h>

#include "outer.h"

#define TICKS_MIN	    3 /* a connection is told so often, at different moments: a window's worth at once is one telling */
#define TICKS_MIN_DATAGRAMS 7 /* … of others: probes of two sizes (RFC 8899), and one more */
#define LASTING_MS	    1500 /* one that listens needs a round trip; a retransmission or two may be under way already */
#define FRESH_MS	    10000 /* it still goes on */
#define CONFIDENCE	    0.95

/* Whether the one that is told does not listen: path MTU discovery by probes (RFC 8899) tries a size three times, and the next. */
static bool is_repeated(uint32_t ticks, uint8_t protocol, msec_t first_ms, msec_t last_ms)
{
	return ticks >= (protocol == IPPROTO_TCP ? TICKS_MIN : TICKS_MIN_DATAGRAMS) && last_ms - first_ms >= LASTING_MS;
}

static void begin(const struct ledger *l, msec_t first_ms, struct verdict *v)
{
	memset(v, 0, sizeof(*v));
	v->confidence = CONFIDENCE;
	v->first_ms = first_ms;
	v->lower = ledger_delivered_below(l, 0, first_ms);
}

/* Of what came out of the tunnel it is told by messages that go into it, or were to. */
static bool tells(const struct ledger *l, const struct subject *s)
{
	return s->key.kind == WIRE_TALLY_TOO_BIG_MADE ||
	       (s->key.kind == WIRE_TALLY_TOO_BIG_TX && l->direction == WIRE_RX);
}

/* Since the connection that is judged is told: a filter may be younger than what others were told. */
static bool has_left(const struct subject *s)
{
	return s->key.kind == WIRE_TALLY_TOO_BIG_TX || s->left_ms >= s->told_first_ms;
}

static bool repeated_here(const struct ledger *l, msec_t now_ms, bool left, struct verdict *v)
{
	for (size_t i = 0; i < l->subjects_n; i++) {
		const struct subject *s = l->subjects[i];

		if (!tells(l, s) || !is_repeated(s->told_ticks, s->told_protocol, s->told_first_ms, s->told_last_ms) ||
		    now_ms - s->told_last_ms > FRESH_MS || has_left(s) != left)
			continue;
		begin(l, s->told_first_ms, v);
		v->host.family = s->key.family;
		memcpy(v->host.bytes, s->key.remote, 16);
		v->hop_mtu = l->direction == WIRE_RX ? s->key.aux : 0;
		verdict_evidence(v, EVIDENCE_TOO_BIG, s->count,
				 s->size_max ? outer_size(s->size_max, 0, l->outer_family) : 0);
		return true;
	}
	return false;
}

/* Whether an echo is this machine's own, which is told without anything leaving, is not known. */
static bool repeated_beyond(const struct ledger *l, bool left, struct verdict *v)
{
	const struct told *t = &l->told;

	if (!t->last_ms || !is_repeated(t->count, t->flow.protocol, t->first_ms, t->last_ms) || t->left != left ||
	    (t->flow.protocol != IPPROTO_TCP && !left))
		return false;
	begin(l, t->first_ms, v);
	v->host = t->host;
	v->hop = t->reporter;
	v->hop_mtu = t->mtu;
	v->hop_refused = t->refused && !left;
	v->flows[0] = t->flow;
	v->flows_n = 1;
	verdict_evidence(v, EVIDENCE_TOO_BIG, t->count, ledger_outer_most(l, t->inner));
	return true;
}

bool too_big_repeated(const struct ledger *l, msec_t now_ms, bool left, struct verdict *v)
{
	return repeated_here(l, now_ms, left, v) || repeated_beyond(l, left, v);
}
