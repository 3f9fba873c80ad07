/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A step in the size ledger, which path-blackhole and fragment-blackhole have in common. */
#ifndef MTUSCOPE_STEP_H
#define MTUSCOPE_STEP_H

#include "detect.h"

/* True if packets above a size vanish on this path now and smaller ones pass; *v then has bracket, evidence and flows. */
bool step_find(const struct ledger *l, msec_t now_ms, struct verdict *v);

/*
 * A stall of a size that does not get through, of a host that was alive shortly before, whatever the cause. What traffic
 * alone does not prove, a few probes may. NULL: none.
 */
const struct stall *step_suspect(const struct ledger *l);

/*
 * tx: whether what vanishes was fragmented on this machine: the step is where fragmentation begins, at the MTU of the egress
 * link or at a learned path MTU, and fragments were made while the flows stalled. rx: whether fragments of the
 * peer came meanwhile, without their ends.
 */
bool step_is_at_fragments(const struct ledger *l, const struct verdict *v);

#endif
