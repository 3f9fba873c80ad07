/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets that are refused as too big, here or beyond the peer, again and again, which two classes have in common. */
#ifndef MTUSCOPE_TOO_BIG_H
#define MTUSCOPE_TOO_BIG_H

#include "detect.h"

/*
 * Whether a host's packets are too big again and again on their way into the tunnel or beyond the peer (tx), or on this side
 * (rx), and messages that say so have left this machine since the first, or have not. Fills *v if so.
 */
bool too_big_repeated(const struct ledger *l, msec_t now_ms, bool left, struct verdict *v);

#endif
