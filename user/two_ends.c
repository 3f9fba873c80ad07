// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mtuscope report FILE FILE2: the recordings of the two ends of one tunnel. Both are read twice: whose sessions are in them, and
 * then what happened; each end has its own analysis, and what both have found is told as findings of the tunnel.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis.h"
#include "input.h"
#include "joint.h"
#include "outcome.h"
#include "report.h"

struct two_ends {
	struct report *report;
	const char *paths[JOINT_ENDS];
	struct joint *joint;
	struct joint_result result;
	/* of the end that is being read */
	int end, err;
	struct analysis *analysis;
	int64_t from_ms;
	size_t snapshots;
	/* of the first end */
	struct link *links;
	int64_t first_from_ms, first_to_ms;
};

typedef int (*snapshot_fn)(struct two_ends *t, const struct snapshot *snap);

/* Calls fn for each snapshot of an end, and `last` for the last one. 0, or -1 after saying why not. */
static int read_end(struct two_ends *t, int end, snapshot_fn fn, snapshot_fn last)
{
	struct snapshot now, next;
	struct input in;
	int more, err = 0;

	if (input_open(&in, t->paths[end]))
		return -1;
	t->end = end;
	t->snapshots = 0;
	more = input_next(&in, &now);
	if (!more)
		more = input_fail(&in, "holds no snapshot");
	while (more > 0 && !err) {
		t->snapshots++;
		err = fn(t, &now);
		more = err ? 0 : input_next(&in, &next);
		if (!err && !more && last)
			err = last(t, &now);
		snapshot_free(&now);
		now = next;
	}
	if (err)
		input_fail(&in, strerror(-err));
	input_close(&in);
	return err || more < 0 ? -1 : 0;
}

static int meet(struct two_ends *t, const struct snapshot *snap)
{
	return joint_meet(t->joint, t->end, snap);
}

static void found(const struct finding *f, void *arg)
{
	struct two_ends *t = arg;
	int err = joint_found(t->joint, t->end, f);

	if (err)
		t->err = err;
}

static int enter(struct two_ends *t, const struct snapshot *snap)
{
	int err = joint_enter(t->joint, t->end, snap);

	if (t->snapshots == 1)
		t->from_ms = snap->realtime_ms;
	if (!err)
		err = analysis_step(t->analysis, snap, found, t);
	return err ? err : t->err;
}

/* What is said of the interfaces is said of the first end, where the findings are seen from; what was lost, of both. */
static int finish_end(struct two_ends *t, const struct snapshot *snap)
{
	struct status *s = &t->report->status;

	for (size_t i = 0; i < WIRE_LOSSES; i++)
		s->losses[i] += snap->losses[i];
	if (!t->end) {
		t->first_from_ms = t->from_ms;
		t->first_to_ms = snap->realtime_ms;
		t->links = calloc(snap->inventory.links_n + 1, sizeof(*t->links));
		if (!t->links)
			return -ENOMEM;
		s->links = memcpy(t->links, snap->inventory.links, snap->inventory.links_n * sizeof(*t->links));
		s->links_n = snap->inventory.links_n;
	}
	return t->report->html ? html_recording(t->report->html, t->paths[t->end], snap, t->from_ms, t->snapshots) : 0;
}

static int fail(const struct two_ends *t, const char *why)
{
	fprintf(stderr, "mtuscope report: %s and %s %s\n", t->paths[0], t->paths[1], why);
	return -1;
}

static int say(const struct two_ends *t, int err)
{
	switch (err) {
	case 0:
		return 0;
	case -EEXIST:
		return fail(t, "were recorded at the same end of the tunnel; it takes one recording of each end");
	case -ENOENT:
		return fail(t, "have no tunnel in common: no WireGuard session was seen at both ends at the same time");
	default:
		return fail(t, strerror(-err));
	}
}

static int analyse(struct two_ends *t, int end)
{
	int err;

	t->analysis = analysis_new();
	err = t->analysis ? read_end(t, end, enter, finish_end) : fail(t, "cannot be read: out of memory");
	analysis_free(t->analysis);
	return err;
}

static void tell(const struct finding *f, void *arg)
{
	struct report *r = ((struct two_ends *)arg)->report;

	r->status.findings_opened += f->state == FINDING_OPEN;
	r->status.findings_open += f->state == FINDING_OPEN ? 1 : -1;
	report_finding(r, f, f->state == FINDING_OPEN ? f->first_seen_ms : f->last_seen_ms);
}

static int conclude(struct two_ends *t)
{
	struct report *r = t->report;
	enum finding_severity worst;
	size_t opened;

	r->status.state = STATUS_READY;
	reporter_status(r->reporter, &r->status, t->first_from_ms);
	opened = joint_findings(t->joint, &t->result, tell, t, &worst);
	for (int end = 0; end < JOINT_ENDS; end++)
		if (t->result.ends[end].findings_elsewhere)
			fprintf(stderr,
				"mtuscope report: %s: %llu finding(s) of other peers, or of what vanishes beyond the "
				"other end: see it alone\n",
				t->paths[end], (unsigned long long)t->result.ends[end].findings_elsewhere);
	r->status.joint = &t->result;
	return report_finish(r, outcome_of(opened, worst, r->status.losses, "report"), t->first_to_ms);
}

int two_ends_report(struct report *r)
{
	struct two_ends t = { .report = r, .paths = { r->opt->operand, r->opt->operand2 }, .joint = joint_new() };
	int err = t.joint ? 0 : fail(&t, "cannot be read: out of memory");

	for (int end = 0; end < JOINT_ENDS && !err; end++)
		err = read_end(&t, end, meet, NULL);
	if (!err)
		err = say(&t, joint_pair(t.joint));
	for (int end = 0; end < JOINT_ENDS && !err; end++)
		err = analyse(&t, end);
	if (!err)
		err = say(&t, joint_judge(t.joint, &t.result));
	if (!err)
		err = conclude(&t);
	r->status.joint = NULL;
	r->status.links = NULL;
	r->status.links_n = 0;
	free(t.links);
	joint_free(t.joint);
	return err;
}
