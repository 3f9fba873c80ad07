/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of two counts the smaller, of two times the later. */
#ifndef MTUSCOPE_ORDER_H
#define MTUSCOPE_ORDER_H

#include "snapshot.h"

static inline uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline msec_t latest(msec_t a, msec_t b)
{
	return a > b ? a : b;
}

#endif
