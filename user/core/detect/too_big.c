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

/* Whether the one that is told does not listen: path MTU discovery by probes (RFC 8899) tries a size three times, and the next. */
static bool is_repeated(const struct subject *s)
{
	return s->told_ticks >= (s->told_protocol == IPPROTO_TCP ? TICKS_MIN : TICKS_MIN_DATAGRAMS) &&
	       s->told_last_ms - s->told_first_ms >= LASTING_MS;
}

const struct subject *too_big_repeated(const struct ledger *l, msec_t now_ms, bool *left, struct verdict *v)
{
	for (size_t i = 0; i < l->subjects_n; i++) {
		const struct subject *s = l->subjects[i];

		if (s->key.kind != WIRE_TALLY_TOO_BIG_MADE || !is_repeated(s) || now_ms - s->told_last_ms > FRESH_MS)
			continue;
		*left = s->left_ms >= s->first_ms;
		memset(v, 0, sizeof(*v));
		v->confidence = 0.95;
		v->first_ms = s->told_first_ms;
		v->lower = ledger_delivered_below(l, 0, s->told_first_ms);
		v->host.family = s->key.family;
		memcpy(v->host.bytes, s->key.remote, 16);
		verdict_evidence(v, EVIDENCE_TOO_BIG, s->count,
				 s->size_max ? outer_size(s->size_max, 0, l->outer_family) : 0);
		return s;
	}
	return NULL;
}
