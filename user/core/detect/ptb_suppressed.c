// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ptb-suppressed: packets are dropped as too big for the tunnel, or for a link on either side of it, the message that says so
 * is made here or comes out of the tunnel, and never leaves: a filter, or no route back to the sender. Linux limits no rate of
 * theirs (net/ipv4/icmp.c, icmpv4_mask_allow).
 */
#include "too_big.h"

bool detect_ptb_suppressed(const struct ledger *l, msec_t now_ms, struct verdict *v)
{
	return too_big_repeated(l, now_ms, false, v);
}
