/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Observing by the clock until the end, which the commands watch, record and serve share: snapshots -> analysis -> records,
 * and probes that confirm them. A command opens what it needs of it, and closes it all with watch_close().
 */
#ifndef MTUSCOPE_WATCH_H
#define MTUSCOPE_WATCH_H

#include <event2/event.h>

#include "analysis.h"
#include "confirm.h"
#include "observer.h"
#include "options.h"
#include "reporter.h"

struct watch {
	const char *command;
	struct reporter *reporter; /* NULL: nothing is to be said */
	struct observer *observer;
	struct analysis *analysis;
	struct confirm *confirm; /* NULL: nothing is to be sent */
	struct event_base *base;
	void (*ticked)(void *arg, bool at_end); /* NULL, or called with each snapshot */
	void *arg;
	struct snapshot snap; /* the latest; belongs to the observer */
	struct status status;
	int64_t realtime_ms;
	bool failed;
};

/* An analysis and an event loop. 0, or -1 after saying on stderr why not. */
int watch_open(struct watch *w, const char *command);
void watch_close(struct watch *w);

/* Lets findings be confirmed by probes from now on. 0, or -1 after saying why not. */
int watch_probe(struct watch *w);

/* Something does not work, err is its errno: says so on stderr, and the loop ends. */
void watch_fail(struct watch *w, const char *what, int err);

/* False once something has failed, or nobody takes the records any more. */
bool watch_works(const struct watch *w);

/* Takes a snapshot and does all that follows from it; at_end: the last one, for which nothing is probed any more. */
void watch_tick(struct watch *w, bool at_end);

/* Brings w->status up to date; and tells it. */
void watch_status(struct watch *w);
void watch_tell_status(struct watch *w, bool at_exit);

/*
 * Ticks until SIGINT, SIGTERM or a failure, or until that time (0: for ever) is over; `hangup` (or NULL) is for SIGHUP, with
 * w->arg. 0, or -ENOMEM after saying so on stderr; whether something failed on the way is for watch_works().
 */
int watch_loop(struct watch *w, uint64_t duration_ms, event_callback_fn hangup);

/*
 * The commands watch and record, in cmd_watch.c. Records to opt->record if that is given. `reports`: findings and statuses
 * are written as well.
 */
enum exit_status watch_run(const struct options *opt, const char *command, bool reports);

#endif
