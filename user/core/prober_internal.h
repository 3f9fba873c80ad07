/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the search for a path MTU is made of: prober.c keeps the books of what arrives, prober_sizes.c knows the sizes. */
#ifndef MTUSCOPE_PROBER_INTERNAL_H
#define MTUSCOPE_PROBER_INTERNAL_H

#include "prober.h"

/* Bytes that the tunnel adds, but for the padding. */
uint32_t prober_overhead(const struct prober *p);

/* The largest size not above `outer` that can be sent: WireGuard pads up to one. */
uint32_t prober_size_fit(const struct prober *p, uint32_t outer);

/* The next size worth trying between the two (upper 0: none is known to be lost), 0 if there is none. */
uint32_t prober_choose(const struct prober *p, uint32_t lower, uint32_t upper);

#endif
