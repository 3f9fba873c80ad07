/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One sentence about each kind of record, without an end of line. Made of printable text, whatever the names are. */
#ifndef MTUSCOPE_SENTENCE_H
#define MTUSCOPE_SENTENCE_H

#include "format.h"
#include "ptb.h"
#include "status.h"

#define SENTENCE_MAX 512 /* bytes: no sentence is longer */

struct sentence {
	char text[SENTENCE_MAX];
	size_t len;
};

struct sentence sentence_status(const struct status *s);
struct sentence sentence_ptb(const struct ptb *p);
struct sentence sentence_counters(const struct snapshot *snap);
void out_ptb(struct out *o, const struct ptb *p); /* the same, for those who go on with the line */

/* What became of what was sent from one end of a tunnel (0: the first) to the other. */
void out_joint_way(struct out *o, const struct joint_result *j, int from);

/* What a snapshot's counters amount to, for those formats that have room for no more. */
struct link_sums {
	size_t links_n;
	uint64_t packets, oversized, lost;
};

struct link_sums link_sums_make(const struct snapshot *snap);

#endif
