// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ptb-ignored: a host is told that its packets are too big for the tunnel, or for a link on either side of it, and goes
 * on sending the same sizes.
 */
#include "too_big.h"

bool detect_ptb_ignored(const struct ledger *l, msec_t now_ms, struct verdict *v)
{
	return too_big_repeated(l, now_ms, true, v);
}
