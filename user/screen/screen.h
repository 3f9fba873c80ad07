/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The full screen of `watch`: what it watches, a row for each peer and direction, the findings with their cures. Findings,
 * statuses and snapshots go in by way of the reporter, keys come from the terminal. It alone knows curses. However it ends,
 * the terminal is as it was: at the end, stopped by the terminal (SIGTSTP), or in a crash.
 */
#ifndef MTUSCOPE_SCREEN_H
#define MTUSCOPE_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "finding.h"
#include "status.h"

struct screen;

/* On standard output. NULL: that is no terminal in the foreground which can place a cursor. */
struct screen *screen_open(bool color, int verbose);

/*
 * Gives the terminal back, and what was written to stderr meanwhile to stderr. Afterwards there is screen_findings() and
 * screen_free(), and nothing else.
 */
void screen_leave(struct screen *s);
void screen_free(struct screen *s);

void screen_finding(struct screen *s, const struct finding *f, int64_t realtime_ms);
void screen_status(struct screen *s, const struct status *status);

/* Once a tick: shows all of it anew. */
void screen_snapshot(struct screen *s, const struct snapshot *snap);

/* Takes the keys that have been pressed, and the terminal's new size. False: it is to end. */
bool screen_keys(struct screen *s);

/* Calls fn for each finding as it was last told, in order of its first: for those who read after the end. */
void screen_findings(const struct screen *s, void (*fn)(const struct finding *f, int64_t realtime_ms, void *arg),
		     void *arg);

#endif
