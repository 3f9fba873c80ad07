// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tunnel-mtu-mismatch: the peer sends packets that are larger than this end's tunnel MTU, so its own is larger. Only what
 * exceeds WireGuard's padding counts: two ends at 8921 and 8920 make the same outer sizes.
 */
#include "detect.h"

#include <string.h>

#include "order.h"
#include "outer.h"

bool detect_tunnel_mtu_mismatch(const struct ledger *l, msec_t now_ms, struct verdict *v)
{
	uint32_t full = l->tunnel_mtu + outer_overhead(l->outer_family);
	uint32_t seen = ledger_delivered_below(l, 0, now_ms > LEDGER_WINDOW_MS ? now_ms - LEDGER_WINDOW_MS : 1);
	uint32_t larger = full + OUTER_PADDING + 1;
	msec_t changed_ms = latest(latest(l->mtu_changed_ms, l->peer_lowered_ms), l->moved_ms);

	/* What came before either end's MTU was lowered, or by another family's path, is no mismatch of today. */
	if (l->direction != WIRE_RX || !l->tunnel_mtu || seen < larger || ledger_delivered_ms(l, larger) <= changed_ms)
		return false;
	memset(v, 0, sizeof(*v));
	v->confidence = 0.95;
	v->first_ms = now_ms;
	v->lower = seen;
	verdict_evidence(v, EVIDENCE_DELIVERED, 1, seen);
	return true;
}
