// SPDX-License-Identifier: GPL-2.0-or-later
/* See too_big.h. */
#include "too_big.h"

#include <string.h>

#include "outer.h"

#define TICKS_MIN  3	 /* told so often, at different moments: a window's worth of packets at once is one telling */
#define LASTING_MS 1500	 /* one that listens needs a round trip; a retransmission or two may be under way already */
#define FRESH_MS   10000 /* it still goes on */

/* The messages made and those that left are joined by the host told and the destination of what it had sent. */
static bool same_story(const struct wire_tally_key *a, const struct wire_tally_key *b)
{
	return a->family == b->family && !memcmp(a->remote, b->remote, 16) && !memcmp(a->reporter, b->reporter, 16);
}

static bool has_left(const struct ledger *l, const struct subject *made)
{
	for (size_t i = 0; i < l->subjects_n; i++) {
		const struct subject *s = l->subjects[i];

		if (s->key.kind == WIRE_TALLY_TOO_BIG_TX && same_story(&s->key, &made->key) &&
		    s->last_ms >= made->first_ms)
			return true;
	}
	return false;
}

const struct subject *too_big_repeated(const struct ledger *l, msec_t now_ms, bool *left, struct verdict *v)
{
	for (size_t i = 0; i < l->subjects_n; i++) {
		const struct subject *s = l->subjects[i];

		if (s->key.kind != WIRE_TALLY_TOO_BIG_MADE || s->ticks < TICKS_MIN ||
		    s->last_ms - s->first_ms < LASTING_MS || now_ms - s->last_ms > FRESH_MS)
			continue;
		*left = has_left(l, s);
		memset(v, 0, sizeof(*v));
		v->confidence = 0.95;
		v->first_ms = s->first_ms;
		v->lower = ledger_delivered_below(l, 0, s->first_ms);
		v->host.family = s->key.family;
		memcpy(v->host.bytes, s->key.remote, 16);
		verdict_evidence(v, EVIDENCE_TOO_BIG, s->count,
				 s->size_max ? outer_size(s->size_max, 0, l->outer_family) : 0);
		return s;
	}
	return NULL;
}
