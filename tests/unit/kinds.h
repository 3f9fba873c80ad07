/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can befall a path: a function, and a line in HOLES (kinds_holes.c) or LOOKALIKES (kinds_lookalikes.c), each. kinds_traffic.c has
 * what stories of either sort are about. For story.c only.
 */
#ifndef MTUSCOPE_TEST_KINDS_H
#define MTUSCOPE_TEST_KINDS_H

#include "story.h"

#define TUNNEL_MIN 1280 /* bytes: the least MTU of a tunnel */
#define TROUBLE_S  20	/* when what begins under way begins */
#define SETTLED_S  70	/* longer than evidence lasts: what was proven before is forgotten */

enum kind_marks {
	KIND_IDLE = 1,	       /* no connections but those that the kind makes itself */
	KIND_INNER_V6 = 2,     /* IPv6 inside the tunnel */
	KIND_BOTH_WAYS = 4,    /* the same hole in either direction */
	KIND_MAY_MISS = 8,     /* a hole that nothing which is looked at shows */
	KIND_UNSOLVED = 16,    /* known to be got wrong at times, see docs/soak.md */
	KIND_UPLOADS = 32,     /* what is large goes to the servers, on connections that began with something small */
	KIND_IGNORED = 64,     /* no hole: ptb-ignored is to be said, and nothing else, … */
	KIND_SUPPRESSED = 128, /* … or ptb-suppressed */
};

struct kind {
	const char *name;
	/* Called before each second with its number from 0; the story's own seed makes them differ. */
	void (*fn)(struct network *n, const struct story *s, uint32_t second);
	uint32_t seconds;
	unsigned int marks;
};

extern const struct kind HOLES[], LOOKALIKES[];
extern const size_t HOLES_N, LOOKALIKES_N;

/* kinds_traffic.c; called as the kinds' own functions are. */
void senders_probe(struct network *n);
void late_at_times(struct network *n, const struct story *s, uint32_t second);
void peer_probes(struct network *n, const struct story *s, uint32_t second);
void roams(struct network *n, const struct story *s, uint32_t second);
void satellite(struct network *n, const struct story *s, uint32_t second);
void dialogue(struct network *n, const struct story *s, uint32_t second);
void delayed_acks(struct network *n, const struct story *s, uint32_t second);
void short_connections(struct network *n, const struct story *s, uint32_t second);
void impatient(struct network *n, const struct story *s, uint32_t second);
void bulk(struct network *n, const struct story *s, uint32_t second);
void large_windows(struct network *n, const struct story *s, uint32_t second);
void quiet(struct network *n, const struct story *s, uint32_t second);

#endif
