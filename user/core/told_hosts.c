// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hosts beyond a link that is smaller than the tunnel, of which too-big messages tell. A router may limit their rate, and
 * packets to the host vanish without one all the same: that is not the path to the peer. Told by flows.c, asked by stalls_tx.c.
 */
#include "ledger.h"

#include <string.h>

void ledger_told_host(struct ledger *l, const uint8_t host[16], uint32_t mtu, msec_t now_ms)
{
	struct told_host *place;

	if (!l->history)
		return;
	place = &l->history->told[0];
	for (size_t i = 0; i < LEDGER_TOLD; i++) {
		struct told_host *t = &l->history->told[i];

		if (t->ms && !memcmp(t->host, host, sizeof(t->host))) {
			place = t;
			break;
		}
		if (t->ms < place->ms)
			place = t;
	}
	*place = (struct told_host){ .mtu = mtu, .ms = now_ms };
	memcpy(place->host, host, sizeof(place->host));
}

bool ledger_is_told(const struct ledger *l, const uint8_t host[16], uint32_t inner, msec_t now_ms)
{
	for (size_t i = 0; l->history && i < LEDGER_TOLD; i++) {
		const struct told_host *t = &l->history->told[i];

		if (t->ms && now_ms - t->ms <= LEDGER_WINDOW_MS && inner > t->mtu &&
		    !memcmp(t->host, host, sizeof(t->host)))
			return true;
	}
	return false;
}
