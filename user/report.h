/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What reports of one recording and of two have in common. */
#ifndef MTUSCOPE_REPORT_H
#define MTUSCOPE_REPORT_H

#include "html.h"
#include "options.h"
#include "reporter.h"

struct report {
	const struct options *opt;
	struct reporter *reporter;
	struct html *html; /* NULL: no page is asked for */
	struct status status;
	enum exit_status outcome;
};

void report_finding(struct report *r, const struct finding *f, int64_t realtime_ms);

/* The last status, and the page. 0, or -1 after saying why not. */
int report_finish(struct report *r, enum exit_status outcome, int64_t realtime_ms);

/* Reads opt's two recordings as the two ends of one tunnel. 0, or -1 after saying why not. In two_ends.c. */
int two_ends_report(struct report *r);

#endif
