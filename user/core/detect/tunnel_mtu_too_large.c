// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tunnel-mtu-too-large: a full packet of the tunnel does not fit the link or route to the peer's endpoint, or the path MTU that
 * the kernel has learned for it. It works only by fragmentation, or is not in use yet.
 */
#include "detect.h"

#include <string.h>

#include "outer.h"

#define LEARNED_MIN 1280 /* no router of today says less: it is forged, and ptb-forged tells so (RFC 8200, 5) */

bool detect_tunnel_mtu_too_large(const struct ledger *l, msec_t now_ms, struct verdict *v)
{
	uint32_t full = l->tunnel_mtu + outer_overhead(l->outer_family);

	/* A route to the endpoint that leads into the tunnel itself is no way to it. */
	if (l->direction != WIRE_TX || !l->has_endpoint || l->egress_ifindex == l->tunnel_ifindex)
		return false;
	memset(v, 0, sizeof(*v));
	v->basis = BASIS_BRACKET;
	if (l->egress_mtu && full > l->egress_mtu)
		v->limit = l->egress_mtu;
	if (l->learned_mtu >= LEARNED_MIN && full > l->learned_mtu && (!v->limit || l->learned_mtu < v->limit)) {
		v->limit = l->learned_mtu;
		v->basis = BASIS_PTB;
	}
	if (!v->limit)
		return false;
	v->confidence = 1.0;
	v->first_ms = now_ms;
	verdict_evidence(v, EVIDENCE_TUNNEL_MTU, 1, full);
	return true;
}
