// SPDX-License-Identifier: GPL-2.0-or-later
/* The page of a report; see html.h. What it holds is bounded, and what was left out is said. */
#include "html_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sink.h"
#include "text_internal.h"

#define FINDINGS_MAX   64
#define MOMENTS_MAX    1000
#define RECORDINGS_MAX 2
#define PAGE_MAX       (4U << 20) /* bytes: more than all of these at their longest */

/* A change of a finding. */
struct moment {
	int64_t realtime_ms;
	size_t finding;
	enum finding_state state;
	uint32_t lower, upper, recommended_mtu;
};

struct recorded {
	const char *name;
	int64_t from_ms, to_ms;
	size_t snapshots;
	char *counters; /* as text */
	size_t counters_len;
};

struct html {
	struct finding findings[FINDINGS_MAX]; /* as last told, a resolved one with the sentence from before */
	size_t findings_n;
	struct moment moments[MOMENTS_MAX];
	size_t moments_n, left_out;
	struct recorded recordings[RECORDINGS_MAX];
	size_t recordings_n;
};

struct html *html_new(void)
{
	return calloc(1, sizeof(struct html));
}

void html_free(struct html *h)
{
	for (size_t i = 0; h && i < h->recordings_n; i++)
		free(h->recordings[i].counters);
	free(h);
}

void html_finding(struct html *h, const struct finding *f, int64_t realtime_ms)
{
	struct finding *kept;
	size_t i = 0;

	while (i < h->findings_n && strcmp(h->findings[i].id, f->id))
		i++;
	if (i == FINDINGS_MAX) {
		h->left_out++;
		return;
	}
	kept = &h->findings[i];
	if (i < h->findings_n && f->state == FINDING_RESOLVED) {
		char was[sizeof(kept->message)];

		/* That it is seen no more stands in the heading; what it was would be lost. */
		memcpy(was, kept->message, sizeof(was));
		*kept = *f;
		memcpy(kept->message, was, sizeof(was));
	} else {
		*kept = *f;
	}
	if (i == h->findings_n)
		h->findings_n++;
	if (h->moments_n == MOMENTS_MAX)
		h->left_out++;
	else
		h->moments[h->moments_n++] =
			(struct moment){ realtime_ms,	    i, f->state, f->path_mtu_lower, f->path_mtu_upper,
					 f->recommended_mtu };
}

int html_recording(struct html *h, const char *name, const struct snapshot *last, int64_t from_ms, size_t snapshots)
{
	const struct sink_options options = { .verbose = 1 };
	char *text = h->recordings_n < RECORDINGS_MAX ? malloc(SINK_RECORD_MAX) : NULL;
	int len =
		text ? sink_named("text")->counters(text, SINK_RECORD_MAX, last, last->realtime_ms, &options) : -ENOMEM;

	if (len < 0) {
		free(text);
		return len;
	}
	h->recordings[h->recordings_n++] =
		(struct recorded){ name, from_ms, last->realtime_ms, snapshots, text, (size_t)len };
	return 0;
}

static void head(struct out *o)
{
	out_string(o,
		   "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
		   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
		   "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
		   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
		   "'unsafe-inline'\"/>\n"
		   "<title>mtuscope report</title>\n<style>\n"
		   ":root { --ink: #1a1a1a; --paper: #fff; --line: #bbb; --soft: #f2f2f2; --bad: #b00020; --warn: "
		   "#8a5a00; --good: #14692b; --bad-bar: #f3b3bb; --good-bar: #a9dcb7; --gap-bar: #ddd; }\n"
		   "@media screen and (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #16181b; --line: "
		   "#555; --soft: #23262b; --bad: #ff8a97; --warn: #f0c060; --good: #7fd695; --bad-bar: #7a2531; "
		   "--good-bar: #205c31; --gap-bar: #44484f; } }\n"
		   "body { font: 16px/1.5 sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; "
		   "margin: 0 auto; padding: 1rem; }\n"
		   "article, .verdict { border: 1px solid var(--line); border-left: .4rem solid var(--line); padding: "
		   "0 1rem; margin: 1rem 0; break-inside: avoid; }\n"
		   ".verdict { padding: .5rem 1rem; font-size: 1.2rem; }\n"
		   ".critical { border-left-color: var(--bad); } .warning { border-left-color: var(--warn); }\n"
		   ".resolved, .nothing { border-left-color: var(--good); }\n"
		   "pre { background: var(--soft); padding: .5rem; overflow-x: auto; font-size: .85rem; }\n"
		   ".cure { white-space: pre-wrap; user-select: all; }\n"
		   "table { border-collapse: collapse; width: 100%; font-size: .9rem; }\n"
		   "th, td { text-align: left; border-bottom: 1px solid var(--line); padding: .2rem .5rem; }\n"
		   "td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }\n"
		   "code { overflow-wrap: anywhere; } svg { width: 100%; font: 12px sans-serif; }\n"
		   "svg text { fill: var(--ink); } svg path { stroke: var(--ink); fill: none; }\n"
		   ".arrives { fill: var(--good-bar); } .unknown { fill: var(--gap-bar); } .vanishes { fill: "
		   "var(--bad-bar); }\n"
		   "@media print { body { max-width: none; } pre { white-space: pre-wrap; } }\n"
		   "</style>\n</head>\n<body>\n<main>\n<h1>mtuscope report</h1>\n");
}

/* The worst that was found; of two, the one that is still there. */
static const struct finding *worst(const struct html *h)
{
	const struct finding *w = NULL;

	for (size_t i = 0; i < h->findings_n; i++) {
		const struct finding *f = &h->findings[i];
		bool open = f->state != FINDING_RESOLVED;

		if (!w || f->severity > w->severity ||
		    (f->severity == w->severity && open && w->state == FINDING_RESOLVED))
			w = f;
	}
	return w;
}

static void verdict(struct out *o, const struct html *h, bool told)
{
	const struct finding *w = worst(h);

	if (!w) {
		out_printf(o, "<p class=\"verdict %s\"><strong>%s</strong></p>\n", told ? "nothing" : "warning",
			   told ? "Nothing found." : "Could not tell: there was no room to follow everything.");
		return;
	}
	out_printf(o, "<p class=\"verdict %s\"><strong>%s: %s</strong>. ", finding_severity_name(w->severity),
		   finding_severity_name(w->severity), finding_class_name(w->class));
	out_html_path(o, w);
	out_string(o, w->state == FINDING_RESOLVED ? ", resolved since. " : ". ");
	out_html(o, w->message, sizeof(w->message));
	out_string(o, "</p>\n");
}

static void recordings(struct out *o, const struct html *h)
{
	for (size_t i = 0; i < h->recordings_n; i++) {
		const struct recorded *r = &h->recordings[i];
		char from[FORMAT_TIME_LEN], to[FORMAT_TIME_LEN];

		format_time(from, r->from_ms);
		format_time(to, r->to_ms);
		out_string(o, "<p>Recording <code>");
		out_html(o, r->name, SIZE_MAX);
		out_printf(o, "</code>: <time>%s</time> to <time>%s</time>, %zu snapshots</p>\n", from, to,
			   r->snapshots);
	}
}

static void findings(struct out *o, const struct html *h)
{
	out_string(o, "<h2>Findings</h2>\n");
	for (size_t i = 0; i < h->findings_n; i++)
		out_html_finding(o, &h->findings[i], i + 1);
	if (!h->findings_n)
		out_string(o, "<p>None.</p>\n");
}

static void moment_row(struct out *o, const struct html *h, const struct moment *m)
{
	const struct finding *f = &h->findings[m->finding];
	const struct finding then = { .path_mtu_lower = m->lower, .path_mtu_upper = m->upper };
	char time[FORMAT_TIME_LEN];

	format_time(time, m->realtime_ms);
	out_printf(o, "<tr><td><time>%s</time></td><td>%s</td><td><a href=\"#f%zu\">%s</a>, ", time,
		   finding_state_name(m->state), m->finding + 1, finding_class_name(f->class));
	out_html_path(o, f);
	out_string(o, "</td><td>");
	out_path_mtu(o, &then);
	out_string(o, "</td><td class=\"number\">");
	if (m->recommended_mtu)
		out_printf(o, "%" PRIu32, m->recommended_mtu);
	out_string(o, "</td></tr>\n");
}

static void timeline(struct out *o, const struct html *h)
{
	if (!h->moments_n)
		return;
	out_string(o,
		   "<h2>Timeline</h2>\n<table>\n<thead><tr><th scope=\"col\">Time</th><th scope=\"col\">State</th><th "
		   "scope=\"col\">Finding</th><th scope=\"col\">Bracket</th><th scope=\"col\" class=\"number\">Set "
		   "MTU</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < h->moments_n; i++)
		moment_row(o, h, &h->moments[i]);
	out_string(o, "</tbody>\n</table>\n");
	if (h->left_out)
		out_printf(o, "<p>%zu more changes are left out.</p>\n", h->left_out);
}

static void coverage(struct out *o, const struct status *s)
{
	uint64_t lost = 0;

	out_string(o, "<h2>What was watched</h2>\n<ul>\n");
	for (size_t i = 0; i < at_most(s->links_n, WIRE_LINKS); i++) {
		out_string(o, "<li><code>");
		out_html(o, s->links[i].name, sizeof(s->links[i].name));
		out_printf(o, "</code>, %s, MTU %" PRIu32 "%s</li>\n", role_name(s->links[i].role), s->links[i].mtu,
			   s->links[i].role == WIRE_ROLE_TUNNEL && !s->links[i].kernel_wireguard
				   ? ", not the kernel's WireGuard: errors inside it are unseen"
				   : "");
	}
	for (enum wire_loss i = 0; i < WIRE_LOSSES; i++) {
		lost += s->losses[i];
		if (s->losses[i])
			out_printf(o, "<li>lost: %" PRIu64 " %s</li>\n", s->losses[i], loss_name(i));
	}
	out_printf(o, "%s</ul>\n", lost ? "" : "<li>lost: nothing</li>\n");
}

static void counters(struct out *o, const struct html *h)
{
	out_string(o, "<h2>Counters</h2>\n");
	for (size_t i = 0; i < h->recordings_n; i++) {
		out_string(o, "<p>At the end of <code>");
		out_html(o, h->recordings[i].name, SIZE_MAX);
		out_string(o, "</code></p>\n<pre>");
		out_html(o, h->recordings[i].counters, h->recordings[i].counters_len);
		out_string(o, "</pre>\n");
	}
}

char *html_page(const struct html *h, const struct status *status, bool told, size_t *len)
{
	char *page = malloc(PAGE_MAX), *fitting;
	struct out o;
	int n;

	if (!page)
		return NULL;
	out_init(&o, page, PAGE_MAX);
	head(&o);
	verdict(&o, h, told);
	recordings(&o, h);
	findings(&o, h);
	if (status->joint)
		out_html_joint(&o, status->joint);
	timeline(&o, h);
	coverage(&o, status);
	counters(&o, h);
	out_string(&o, "</main>\n</body>\n</html>\n");
	n = out_finish(&o);
	fitting = n < 0 ? NULL : realloc(page, (size_t)n);
	if (!fitting)
		free(page);
	*len = n < 0 ? 0 : (size_t)n;
	return fitting;
}
