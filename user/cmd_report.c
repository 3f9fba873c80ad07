// SPDX-License-Identifier: GPL-2.0-or-later
/* mtuscope report: the snapshots of a recording -> analysis -> records, as if live. */
#include <stdio.h>
#include <string.h>

#include "analysis.h"
#include "commands.h"
#include "outcome.h"
#include "recording.h"
#include "reporter.h"

struct report {
	const struct options *opt;
	struct reporter *reporter;
	struct analysis *analysis;
	struct recording_file *file;
	struct recording_reader *reader;
	struct status status;
	int64_t realtime_ms;
};

static void report_finding(const struct finding *f, void *arg)
{
	struct report *r = arg;

	reporter_finding(r->reporter, f, r->realtime_ms);
}

static void report_status(struct report *r, const struct snapshot *snap, enum status_state state)
{
	enum finding_severity worst;

	r->status.state = state;
	r->status.links = snap->inventory.links;
	r->status.links_n = snap->inventory.links_n;
	memcpy(r->status.losses, snap->losses, sizeof(r->status.losses));
	r->status.findings_opened = analysis_opened(r->analysis, &worst);
	r->status.findings_open = analysis_open_findings(r->analysis, NULL, NULL);
	reporter_status(r->reporter, &r->status, snap->realtime_ms);
}

static int fail(const struct report *r, const char *why)
{
	fprintf(stderr, "mtuscope report: %s: %s\n", r->opt->operand, why);
	return -1;
}

/* One snapshot; the last one is told as the end. */
static int step(struct report *r, const struct snapshot *snap, bool at_end)
{
	int err;

	r->realtime_ms = snap->realtime_ms;
	err = analysis_step(r->analysis, snap, report_finding, r);
	reporter_snapshot(r->reporter, snap, at_end);
	return err ? fail(r, strerror(-err)) : 0;
}

/* Each snapshot is told when it is known whether another one follows. */
static int replay(struct report *r)
{
	struct snapshot now, next;
	char why[RECORDING_WHY_LEN];
	int more = recording_next(r->reader, &now, why), err = 0;

	if (more == 0)
		return fail(r, "holds no snapshot");
	if (more < 0)
		return fail(r, why);
	report_status(r, &now, STATUS_READY);
	while (!err && reporter_works(r->reporter)) {
		more = recording_next(r->reader, &next, why);
		err = step(r, &now, more <= 0);
		if (more <= 0)
			break;
		snapshot_free(&now);
		now = next;
		memset(&next, 0, sizeof(next));
	}
	if (!err && more <= 0)
		report_status(r, &now, STATUS_EXIT);
	else if (more > 0)
		snapshot_free(&next);
	snapshot_free(&now);
	r->status.links = NULL;
	r->status.links_n = 0;
	if (!err && more < 0)
		err = fail(r, why);
	if (recording_truncated(r->reader))
		fprintf(stderr, "mtuscope report: %s: ends in the middle of a snapshot, which is left out\n",
			r->opt->operand);
	return err;
}

enum exit_status cmd_report(const struct options *opt)
{
	enum exit_status status = EXIT_UNKNOWN;
	struct report r = { .opt = opt };
	char why[RECORDING_WHY_LEN];
	int err;

	err = recording_open(&r.file, opt->operand);
	if (err) {
		fail(&r, strerror(-err));
		return EXIT_UNKNOWN;
	}
	if (recording_reader_new(&r.reader, recording_file_read, r.file, why)) {
		fail(&r, why);
		goto out;
	}
	r.analysis = analysis_new();
	if (!r.analysis) {
		fail(&r, "out of memory");
		goto out;
	}
	if (reporter_open(&r.reporter, opt, "report"))
		goto out;
	if (!replay(&r) && reporter_works(r.reporter))
		status = outcome(r.analysis, r.status.losses, "report");
out:
	reporter_close(r.reporter);
	analysis_free(r.analysis);
	recording_reader_free(r.reader);
	recording_close(r.file);
	return status;
}
