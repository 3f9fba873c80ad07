// SPDX-License-Identifier: GPL-2.0-or-later
/* mtuscope report: the snapshots of a recording -> analysis -> records, as if live, and a page. Of two: two_ends.c. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analysis.h"
#include "commands.h"
#include "input.h"
#include "outcome.h"
#include "report.h"

/* One recording on its way through the analysis. */
struct replay {
	struct report *report;
	struct analysis *analysis;
	struct input input;
	int64_t from_ms, realtime_ms;
	size_t snapshots;
};

static void finding(const struct finding *f, void *arg)
{
	struct replay *p = arg;

	report_finding(p->report, f, p->realtime_ms);
}

static void status_take(struct replay *p, const struct snapshot *snap)
{
	struct status *s = &p->report->status;
	enum finding_severity worst;

	s->links = snap->inventory.links;
	s->links_n = snap->inventory.links_n;
	memcpy(s->losses, snap->losses, sizeof(s->losses));
	s->findings_opened = analysis_opened(p->analysis, &worst);
	s->findings_open = analysis_open_findings(p->analysis, NULL, NULL);
}

/* One snapshot; the last one is told as the end. */
static int step(struct replay *p, const struct snapshot *snap, bool at_end)
{
	struct report *r = p->report;
	int err;

	p->realtime_ms = snap->realtime_ms;
	if (!p->snapshots++)
		p->from_ms = snap->realtime_ms;
	err = analysis_step(p->analysis, snap, finding, p);
	reporter_snapshot(r->reporter, snap, at_end);
	if (!err && at_end && r->html)
		err = html_recording(r->html, p->input.path, snap, p->from_ms, p->snapshots);
	return err ? input_fail(&p->input, strerror(-err)) : 0;
}

/* Each snapshot is told when it is known whether another one follows. */
static int replay(struct replay *p)
{
	struct report *r = p->report;
	struct snapshot now, next;
	int more = input_next(&p->input, &now), err = 0;

	if (more <= 0)
		return more ? more : input_fail(&p->input, "holds no snapshot");
	status_take(p, &now);
	reporter_status(r->reporter, &r->status, now.realtime_ms);
	while (!err && reporter_works(r->reporter)) {
		more = input_next(&p->input, &next);
		err = step(p, &now, more <= 0);
		if (more <= 0)
			break;
		snapshot_free(&now);
		now = next;
		memset(&next, 0, sizeof(next));
	}
	status_take(p, &now);
	if (!err && more <= 0)
		err = report_finish(r, outcome(p->analysis, r->status.losses, "report"), now.realtime_ms);
	else if (more > 0)
		snapshot_free(&next);
	snapshot_free(&now);
	r->status.links = NULL;
	r->status.links_n = 0;
	return err || more < 0 ? -1 : 0;
}

static int one_end_report(struct report *r)
{
	struct replay p = { .report = r };
	int err = input_open(&p.input, r->opt->operand);

	if (err)
		return err;
	p.analysis = analysis_new();
	err = p.analysis ? replay(&p) : input_fail(&p.input, "out of memory");
	analysis_free(p.analysis);
	input_close(&p.input);
	return err;
}

enum exit_status cmd_report(const struct options *opt)
{
	struct report r = { .opt = opt, .html = opt->html ? html_new() : NULL, .outcome = EXIT_UNKNOWN };
	bool told = false;

	if (opt->html && !r.html)
		fprintf(stderr, "mtuscope report: out of memory\n");
	else if (!reporter_open(&r.reporter, opt, "report"))
		told = !(opt->operand2 ? two_ends_report(&r) : one_end_report(&r)) && reporter_works(r.reporter);
	reporter_close(r.reporter);
	html_free(r.html);
	return told ? r.outcome : EXIT_UNKNOWN;
}
