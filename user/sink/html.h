/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page of a report: findings as they are told and what each recording amounts to go in; one HTML page leaves that
 * needs nothing else, with the verdict in front. It is well-formed XML as well, has no script, and whatever a name holds is
 * text. Called by the command report.
 */
#ifndef MTUSCOPE_HTML_H
#define MTUSCOPE_HTML_H

#include "finding.h"
#include "format.h"
#include "status.h"

struct html;

struct html *html_new(void); /* NULL: no memory */
void html_free(struct html *h);

/* Each record of a finding, in order. */
void html_finding(struct html *h, const struct finding *f, int64_t realtime_ms);

/* What a recording is called, and its last snapshot. 0 or -ENOMEM. */
int html_recording(struct html *h, const char *name, const struct snapshot *last, int64_t from_ms, size_t snapshots);

/* The page, to be freed, *len bytes; NULL: no memory. `status` is the last one; `told` is false if it could not tell. */
char *html_page(const struct html *h, const struct status *status, bool told, size_t *len);

/* Foreign text, at most `size` bytes or up to a NUL, as text of a page. */
void out_html(struct out *o, const char *s, size_t size);

#endif
