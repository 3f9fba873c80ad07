/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of findings: a verdict opens one, changes of bracket or recommendation update it, proof of the contrary or
 * the cure resolves it. One cause is one finding: class, path, direction. Used by analysis.c only.
 */
#ifndef MTUSCOPE_FINDINGS_H
#define MTUSCOPE_FINDINGS_H

#include "analysis.h"
#include "detect/detect.h"

struct findings; /* those not resolved */

/* Who hears of a finding that opens, changes or is resolved; fn NULL: nobody. */
struct listener {
	finding_fn fn;
	void *arg;
};

struct findings *findings_new(void); /* NULL: no memory */
void findings_free(struct findings *fs);

/* What a detector says about a path in this snapshot; v NULL: nothing. The ledger learns what is over. 0 or -ENOMEM. */
int findings_verdict(struct findings *fs, const struct snapshot *snap, struct ledger *l, enum finding_class class,
		     const struct verdict *v, const struct listener *to);

/* See analysis_allow_probes(). */
void findings_allow_probes(struct findings *fs);

/* Probing begins, see analysis_probing(); and what it has shown, see analysis_probed(). */
void findings_probing(struct findings *fs, const char *id, msec_t now_ms);
void findings_probes_sent(struct findings *fs, const char *id, uint32_t count);

void findings_probed(struct findings *fs, struct ledgers *ls, const char *id, const struct finding_probe *probe,
		     msec_t now_ms, const struct listener *to);

/* After all paths: resolves findings whose path is no more. */
void findings_sweep(struct findings *fs, const struct snapshot *snap, const struct listener *to);

/* Whether something that vanishes on this path is known already. */
bool findings_know(const struct findings *fs, const struct ledger *l);

/* Calls fn for those not resolved, and for those not told yet if so wanted. Returns their number; fn may be NULL. */
size_t findings_each(const struct findings *fs, bool untold, finding_fn fn, void *arg);

/* See analysis_opened(). */
size_t findings_opened(const struct findings *fs, enum finding_severity *worst);

#endif
