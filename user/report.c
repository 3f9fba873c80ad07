// SPDX-License-Identifier: GPL-2.0-or-later
/* See report.h. */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fix/file.h"

void report_finding(struct report *r, const struct finding *f, int64_t realtime_ms)
{
	reporter_finding(r->reporter, f, realtime_ms);
	if (r->html)
		html_finding(r->html, f, realtime_ms);
}

/* What takes the place of a file must not take that of a device. */
static bool is_replaceable(const char *path)
{
	struct stat st;

	return stat(path, &st) || S_ISREG(st.st_mode);
}

/* The page appears as a whole or not at all. */
static int write_page(const struct report *r)
{
	size_t len;
	char *page = html_page(r->html, &r->status, r->outcome != EXIT_UNKNOWN, &len);
	const char *why = NULL;
	int err = 0;

	if (!page)
		why = "out of memory";
	else if (!is_replaceable(r->opt->html))
		why = "not a regular file";
	else
		err = file_write(r->opt->html, page, len);
	free(page);
	if (err)
		why = strerror(-err);
	if (why)
		fprintf(stderr, "mtuscope report: cannot write %s: %s\n", r->opt->html, why);
	return why ? -1 : 0;
}

int report_finish(struct report *r, enum exit_status outcome, int64_t realtime_ms)
{
	r->outcome = outcome;
	r->status.state = STATUS_EXIT;
	reporter_status(r->reporter, &r->status, realtime_ms);
	return r->html ? write_page(r) : 0;
}
