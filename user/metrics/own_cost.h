/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this process has cost so far. */
#ifndef MTUSCOPE_OWN_COST_H
#define MTUSCOPE_OWN_COST_H

#include <stdint.h>

uint64_t own_cpu_us(void);
uint64_t own_resident_bytes(void); /* 0: unknown */

#endif
