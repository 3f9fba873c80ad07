/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a screen shows, as lines of text with an ink each: made by content.c, put on the terminal by screen.c. Pure. */
#ifndef MTUSCOPE_SCREEN_LINES_H
#define MTUSCOPE_SCREEN_LINES_H

#include "finding.h"
#include "status.h"

#define LINE_MAX_LEN 512

enum ink { INK_PLAIN, INK_HEAD, INK_CRITICAL, INK_WARNING, INK_RESOLVED, INKS };

struct line {
	enum ink ink;
	char text[LINE_MAX_LEN]; /* ASCII */
};

struct lines {
	struct line *at;
	size_t n, cap;
};

/* A finding as last told. */
struct shown {
	struct finding f;
	int64_t realtime_ms;
};

void lines_free(struct lines *l);

/* Each of these replaces what *l has. Without memory some lines are missing. */

/* State, interfaces and hooks, at most `height` lines of `width`. */
void lines_status(struct lines *l, const struct status *s, int64_t realtime_ms, int width, int height);

/* A row for each peer and direction, busiest first, at most `height` lines with their heading. */
void lines_peers(struct lines *l, const struct snapshot *snap, const struct shown *shown, size_t shown_n, int height);

/* All findings, the worst and the open ones first, broken to `width`. */
void lines_findings(struct lines *l, const struct shown *shown, size_t shown_n, int verbose, int width);

/* One line: what was lost, and the keys. */
void lines_foot(struct lines *l, const struct snapshot *snap);

#endif
