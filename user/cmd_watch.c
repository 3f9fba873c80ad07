// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mtuscope watch: snapshots by the clock -> analysis -> records, and to a recording if one is asked for, until the
 * duration is over or a signal comes.
 */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "analysis.h"
#include "commands.h"
#include "confirm.h"
#include "observer.h"
#include "outcome.h"
#include "recording.h"
#include "reporter.h"
#include "watch.h"

#define PROBE_MS                                                                                                       \
	20 /* answers and time-outs of probes are looked at so often; nothing is done where none is under way */
#define TICK_MS 250 /* finds a stall within its first retransmissions; a tick reads maps without a system call a flow */

struct watch {
	const struct options *opt;
	const char *command;
	struct reporter *reporter;	  /* NULL: nothing is to be said */
	struct recording_file *recording; /* NULL: none is asked for */
	struct observer *observer;
	struct analysis *analysis;
	struct confirm *confirm; /* NULL: nothing is to be sent */
	struct event_base *base;
	struct status status;
	int64_t realtime_ms;
	bool failed;
};

static void fail(struct watch *w, const char *what, int err)
{
	fprintf(stderr, "mtuscope %s: %s: %s\n", w->command, what, strerror(err));
	w->failed = true;
}

static void report_finding(const struct finding *f, void *arg)
{
	struct watch *w = arg;

	if (w->reporter)
		reporter_finding(w->reporter, f, w->realtime_ms);
}

static void report_status(struct watch *w, bool at_exit)
{
	enum finding_severity worst;

	observer_status(w->observer, &w->status);
	if (at_exit)
		w->status.state = STATUS_EXIT;
	w->status.findings_opened = analysis_opened(w->analysis, &worst);
	w->status.findings_open = analysis_open_findings(w->analysis, NULL, NULL);
	if (w->reporter)
		reporter_status(w->reporter, &w->status, clock_ms(CLOCK_REALTIME));
}

static bool works(const struct watch *w)
{
	return !w->failed && (!w->reporter || reporter_works(w->reporter));
}

static void tick(struct watch *w, bool at_end)
{
	struct snapshot snap;
	int err;

	err = observer_tick(w->observer, &snap);
	if (err) {
		fail(w, "cannot read the BPF maps", -err);
		return;
	}
	if (observer_coverage_changed(w->observer))
		report_status(w, false);
	w->realtime_ms = snap.realtime_ms;
	err = analysis_step(w->analysis, &snap, report_finding, w);
	if (err)
		fail(w, "analysis", -err);
	if (w->reporter)
		reporter_snapshot(w->reporter, &snap, at_end);
	err = w->recording ? recording_write(w->recording, &snap) : 0;
	if (err)
		fail(w, w->opt->record, -err);
	if (w->confirm && !at_end)
		confirm_choose(w->confirm, &snap.inventory);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)what;
	tick(w, false);
	if (!works(w))
		event_base_loopbreak(w->base);
}

static void on_probe(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)what;
	w->realtime_ms = clock_ms(CLOCK_REALTIME);
	confirm_step(w->confirm);
	if (!works(w))
		event_base_loopbreak(w->base);
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(w->base);
}

static struct timeval timeval_ms(uint64_t ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
}

/* Runs until the end; 0 or -1 if an event could not be made. */
static int loop(struct watch *w)
{
	struct timeval period = timeval_ms(TICK_MS), end = timeval_ms(w->opt->duration_ms);
	struct timeval probe = timeval_ms(PROBE_MS);
	struct event *events[] = {
		event_new(w->base, -1, EV_PERSIST, on_tick, w),
		event_new(w->base, SIGINT, EV_SIGNAL | EV_PERSIST, on_end, w),
		event_new(w->base, SIGTERM, EV_SIGNAL | EV_PERSIST, on_end, w),
		event_new(w->base, -1, 0, on_end, w),
		event_new(w->base, -1, EV_PERSIST, on_probe, w),
	};
	const size_t n = sizeof(events) / sizeof(events[0]);
	int err = 0;

	for (size_t i = 0; i < n; i++)
		if (!events[i])
			err = -1;
	if (!err) {
		event_add(events[0], &period);
		event_add(events[1], NULL);
		event_add(events[2], NULL);
		if (w->opt->duration_ms)
			event_add(events[3], &end);
		if (w->confirm)
			event_add(events[4], &probe);
		report_status(w, false);
		if (works(w))
			event_base_dispatch(w->base);
	}
	for (size_t i = 0; i < n; i++)
		if (events[i])
			event_free(events[i]);
	return err;
}

/* Asked for, or somebody looks at a terminal. */
static bool wants_probes(const struct options *opt)
{
	if (opt->probe != PROBE_BY_DEFAULT)
		return opt->probe == PROBE_YES;
	return !opt->sink && !opt->output && isatty(STDOUT_FILENO);
}

static int recording_begin(struct watch *w)
{
	int err = w->opt->record ? recording_create(&w->recording, w->opt->record) : 0;

	if (err)
		fail(w, w->opt->record, -err);
	return err;
}

enum exit_status watch_run(const struct options *opt, const char *command, bool reports)
{
	enum exit_status status = EXIT_UNKNOWN;
	struct watch w = { .opt = opt, .command = command };
	int err;

	if (reports && reporter_open(&w.reporter, opt, command))
		return EXIT_UNKNOWN;
	if (observer_open(&w.observer, opt, command) || recording_begin(&w))
		goto out;
	w.analysis = analysis_new();
	w.base = event_base_new();
	if (w.analysis && reports && wants_probes(opt)) {
		w.confirm = confirm_new(w.analysis, report_finding, &w);
		if (!w.confirm)
			goto out;
		observer_ignore_echo(w.observer, confirm_echo_id(w.confirm));
	}
	if (!w.analysis || !w.base || loop(&w)) {
		fprintf(stderr, "mtuscope %s: out of memory\n", command);
		goto out;
	}
	if (works(&w))
		tick(&w, true);
	if (works(&w))
		report_status(&w, true);
	err = recording_close(w.recording);
	w.recording = NULL;
	if (err)
		fail(&w, opt->record, -err);
	if (works(&w))
		status = outcome(w.analysis, w.status.losses, command);
out:
	if (w.base)
		event_base_free(w.base);
	recording_close(w.recording);
	confirm_free(w.confirm);
	analysis_free(w.analysis);
	observer_close(w.observer);
	reporter_close(w.reporter);
	return status;
}

enum exit_status cmd_watch(const struct options *opt)
{
	return watch_run(opt, "watch", true);
}
