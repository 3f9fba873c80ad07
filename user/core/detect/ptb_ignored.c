// SPDX-License-Identifier: GPL-2.0-or-later
/* ptb-ignored: a host is told that its packets are too big for the tunnel, and goes on sending the same sizes. */
#include "too_big.h"

bool detect_ptb_ignored(const struct ledger *l, msec_t now_ms, struct verdict *v)
{
	bool left;

	return l->direction == WIRE_TX && too_big_repeated(l, now_ms, &left, v) && left;
}
