// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hosts whose trouble is their own: a broken link behind a healthy peer. Told by stalls.c of the stalls and by flows.c of what gets
 * through; remembered, for large packets to others may pass but now and then.
 */
#include "ledger.h"

#include <string.h>

#define ACK_LATE_MS 1000 /* an acknowledgement so soon may be of what was sent before the flow stalled */

/* The host's place; `make`: that of another if it has none. */
static struct odd_host *odd_find(const struct ledger *l, const uint8_t host[16], bool make)
{
	struct odd_host *oldest;

	if (!l->history)
		return NULL;
	oldest = &l->history->odd[0];
	for (size_t i = 0; i < LEDGER_ODD; i++) {
		struct odd_host *odd = &l->history->odd[i];

		if (odd->passed_ms && !memcmp(odd->host, host, sizeof(odd->host)))
			return odd;
		if (odd->passed_ms < oldest->passed_ms)
			oldest = odd;
	}
	if (!make)
		return NULL;
	*oldest = (struct odd_host){ 0 };
	memcpy(oldest->host, host, sizeof(oldest->host));
	return oldest;
}

/*
 * The size passed to others, and the host's next try was in vain all the same: of a flow that had stalled before that as well,
 * or before the size passed to others again. A hole that has healed takes no more.
 */
static bool is_shown(const struct odd_host *odd, const struct stall *s, msec_t passed_ms)
{
	bool again = s->last_ms < passed_ms && passed_ms - odd->passed_ms <= LEDGER_WINDOW_MS;

	return s->last_ms > odd->passed_ms + ACK_LATE_MS && (s->first_ms + ACK_LATE_MS < odd->passed_ms || again);
}

void ledger_odd_stalls(struct ledger *l, const struct stall *s, msec_t now_ms)
{
	msec_t passed_ms = ledger_delivered_ms(l, s->outer);
	bool passes = passed_ms > s->first_ms + ACK_LATE_MS;
	struct odd_host *odd = s->outer > LEDGER_SMALL ? odd_find(l, s->host, passes) : NULL;

	if (!odd)
		return;
	if (!odd->outer || s->outer < odd->outer)
		odd->outer = s->outer;
	if (odd->passed_ms && is_shown(odd, s, passed_ms))
		odd->known_ms = now_ms;
	if (passes && (!odd->passed_ms || passed_ms - odd->passed_ms > LEDGER_WINDOW_MS))
		odd->passed_ms = passed_ms;
}

void ledger_odd_delivers(struct ledger *l, const uint8_t host[16], uint32_t outer)
{
	struct odd_host *odd = odd_find(l, host, false);

	if (odd && outer >= odd->outer)
		*odd = (struct odd_host){ 0 };
}

bool ledger_is_odd(const struct ledger *l, const struct stall *s, msec_t now_ms)
{
	const struct odd_host *odd = odd_find(l, s->host, false);

	return odd && odd->known_ms > l->moved_ms && now_ms - odd->known_ms <= LEDGER_ODD_MS && s->outer >= odd->outer;
}
