// SPDX-License-Identifier: GPL-2.0-or-later
/* path-blackhole: a step in the size ledger, and nothing was fragmented: the path itself swallows what is large. */
#include "step.h"

bool detect_path_blackhole(const struct ledger *l, msec_t now_ms, struct verdict *v)
{
	return step_find(l, now_ms, v) && !step_is_at_fragments(l, v);
}
