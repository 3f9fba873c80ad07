/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the life of findings share: findings.c is that life, findings_over.c says when it ends. */
#ifndef MTUSCOPE_FINDINGS_INTERNAL_H
#define MTUSCOPE_FINDINGS_INTERNAL_H

#include "findings.h"

#define FORGET_MS 600000 /* no further evidence for ten minutes: the finding has outlived its cause */

/* A finding that is not resolved, and what its life depends on. */
struct living {
	struct finding f;
	uint32_t tunnel_ifindex;
	msec_t opened_ms;
	msec_t evidence_ms;  /* what the last verdict tells of; what the programs date with this time came after it */
	msec_t stalled_ms;   /* when the latest of its flows stalled */
	msec_t connected_ms; /* when the latest of its flows began */
	msec_t told_ms;	     /* last open or update */
	msec_t path_ms;	     /* peer and tunnel last seen */
	bool told;	     /* anybody has heard of it */
	bool changed;	     /* since told_ms */
	struct finding_probe probe;
	msec_t probing_ms; /* when probing began; 0: never, or another path since */
	msec_t probed_ms;  /* 0: never, or refuted since */
};

/*
 * The proof that the trouble is over, on a path about which its detector says nothing in this snapshot; without one a
 * finding lives on for a while, so that it does not flap.
 */
bool living_is_over(const struct living *it, const struct ledger *l, msec_t now_ms);

#endif
