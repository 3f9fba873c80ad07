/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets that this gateway refuses as too big for the tunnel, again and again, which two classes have in common. */
#ifndef MTUSCOPE_TOO_BIG_H
#define MTUSCOPE_TOO_BIG_H

#include "detect.h"

/*
 * A too-big message that was made again and again for one host and one destination; *left tells whether any such message
 * left this machine since the first was made. NULL: none. Fills *v when there is one.
 */
const struct subject *too_big_repeated(const struct ledger *l, msec_t now_ms, bool *left, struct verdict *v);

#endif
