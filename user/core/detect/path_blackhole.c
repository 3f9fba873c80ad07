// SPDX-License-Identifier: GPL-2.0-or-later
/* path-blackhole: a step in the size ledger, and nothing was fragmented: the path itself swallows what is large. */
#include "step.h"

#include "fragments.h"

/* rx: fragments that do become packets are not of what is lost: the host at the endpoint has other things to send as well. */
static bool fragments_of_others(const struct ledger *l, const struct verdict *v)
{
	return l->direction == WIRE_RX && fragments_whole(l, v);
}

bool detect_path_blackhole(const struct ledger *l, msec_t now_ms, struct verdict *v)
{
	return step_find(l, now_ms, v) && (!step_is_at_fragments(l, v) || fragments_of_others(l, v));
}
