// SPDX-License-Identifier: GPL-2.0-or-later
/* Evidence of a verdict, summed by kind. */
#include "detect.h"

void verdict_evidence(struct verdict *v, enum evidence_kind kind, uint64_t count, uint32_t outer)
{
	struct evidence *e;
	size_t i;

	for (i = 0; i < v->evidence_n && v->evidence[i].kind != kind; i++)
		;
	if (i == FINDING_EVIDENCE_MAX)
		return;
	e = &v->evidence[i];
	if (i == v->evidence_n) {
		v->evidence_n++;
		*e = (struct evidence){ .kind = kind, .min_size = outer, .max_size = outer };
	}
	e->count += count;
	if (outer < e->min_size)
		e->min_size = outer;
	if (outer > e->max_size)
		e->max_size = outer;
}
