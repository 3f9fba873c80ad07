/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reporter: findings, status and snapshots go in; records in the chosen format go out, each in one write as it
 * happens. It alone knows where to, and how often what is told. Called by the commands that watch.
 */
#ifndef MTUSCOPE_REPORTER_H
#define MTUSCOPE_REPORTER_H

#include "finding.h"
#include "options.h"
#include "status.h"

struct reporter;

/* 0, or -1 after saying on stderr why not. */
int reporter_open(struct reporter **reporter, const struct options *opt, const char *command);
void reporter_close(struct reporter *reporter);

void reporter_finding(struct reporter *r, const struct finding *f, int64_t realtime_ms);
void reporter_status(struct reporter *r, const struct status *s, int64_t realtime_ms);

/* Once a tick: too-big messages that are due, the counters every ten seconds; at_end: both, for the last time. */
void reporter_snapshot(struct reporter *r, const struct snapshot *snap, bool at_end);

/* False once a record could not be written, which has been said on stderr; nothing is written any more. */
bool reporter_works(const struct reporter *r);

#endif
