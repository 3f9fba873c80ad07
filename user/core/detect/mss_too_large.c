// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mss-too-large: both ends of a connection announce segments that the tunnel cannot carry, and nothing on the way has clamped
 * either SYN. It works only as long as every too-big message gets through.
 */
#include "detect.h"

#include <string.h>

#include "outer.h"

bool detect_mss_too_large(const struct ledger *l, msec_t now_ms, struct verdict *v)
{
	(void)now_ms;
	if (l->direction != WIRE_TX || !l->unclamped_ms)
		return false;
	memset(v, 0, sizeof(*v));
	v->confidence = 0.95;
	v->first_ms = l->unclamped_ms;
	v->flows[0] = l->unclamped;
	v->flows_n = 1;
	verdict_evidence(v, EVIDENCE_SYN_MSS, 1, outer_size(l->unclamped_inner, 0, l->outer_family));
	return true;
}
