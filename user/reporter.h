/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reporter: findings, status and snapshots go in; records in the chosen format go out, each in one write as it
 * happens. It alone knows where to, and how often what is told. Called by the commands that watch.
 */
#ifndef MTUSCOPE_REPORTER_H
#define MTUSCOPE_REPORTER_H

#include <sys/types.h>

#include "finding.h"
#include "options.h"
#include "status.h"

struct reporter;

/* 0, or -1 after saying on stderr why not. */
int reporter_open(struct reporter **reporter, const struct options *opt, const char *command);
void reporter_close(struct reporter *reporter);

/*
 * The same for a daemon: to all of opt's outputs, none of which can stop it. What a receiver does not take is lost to it
 * alone, and it is told how much that was.
 */
int reporter_serve(struct reporter **reporter, const struct options *opt, const char *command);

/* Exchanges the outputs for opt's and opens files again. 0, or -1 after saying why on stderr; the old ones stay then. */
int reporter_outputs(struct reporter *r, const struct options *opt);

/* Gives files to the user that will have to open them again. 0 or -errno. */
int reporter_own(struct reporter *r, uid_t uid, gid_t gid);

/* Whether a receiver that is there again has missed records since it was last told; tells it, with a status. */
bool reporter_has_missed(const struct reporter *r);
void reporter_tell_missed(struct reporter *r, const struct status *s, int64_t realtime_ms);

/* Records sent and lost by all of them. */
struct outlet_counts reporter_counts(const struct reporter *r);

/*
 * From now on, until the last status, a terminal shows a full screen instead of records, if it can: what is over then is told
 * in records. Called once there is something to show.
 */
void reporter_full_screen(struct reporter *r, const struct options *opt);
bool reporter_has_screen(const struct reporter *r);

/* Takes the keys that have been pressed; false: it is to end. */
bool reporter_keys(struct reporter *r);

void reporter_finding(struct reporter *r, const struct finding *f, int64_t realtime_ms);
void reporter_status(struct reporter *r, const struct status *s, int64_t realtime_ms);

/* Writes what waits for its receiver. `now_ms`: of the monotonic clock; what is sent later counts from it. */
void reporter_pump(struct reporter *r, uint64_t now_ms);

/* Once a tick: what waits, too-big messages that are due, the counters every ten seconds; at_end: both, for the last time. */
void reporter_snapshot(struct reporter *r, const struct snapshot *snap, bool at_end);

/* False once a record could not be written, which has been said on stderr; nothing is written any more. */
bool reporter_works(const struct reporter *r);

#endif
