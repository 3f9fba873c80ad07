/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One sentence about each kind of record, without an end of line. Made of printable text, whatever the names are. */
#ifndef MTUSCOPE_SENTENCE_H
#define MTUSCOPE_SENTENCE_H

#include "format.h"
#include "ptb.h"
#include "status.h"

#define SENTENCE_MAX 512 /* bytes: no sentence is longer */

void out_status(struct out *o, const struct status *s);
void out_ptb(struct out *o, const struct ptb *p);
void out_counters(struct out *o, const struct snapshot *snap);

/* What a snapshot's counters amount to, for those formats that have room for no more. */
struct link_sums {
	size_t links_n;
	uint64_t packets, oversized, lost;
};

struct link_sums link_sums_make(const struct snapshot *snap);

#endif
