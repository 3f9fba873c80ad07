// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ptb-suppressed: packets are dropped as too big for the tunnel, the message that should say so is made, and never leaves:
 * a filter, or no route back to the sender. Linux limits no rate of theirs (net/ipv4/icmp.c, icmpv4_mask_allow).
 */
#include "too_big.h"

bool detect_ptb_suppressed(const struct ledger *l, msec_t now_ms, struct verdict *v)
{
	bool left;

	return l->direction == WIRE_TX && too_big_repeated(l, now_ms, &left, v) && !left;
}
