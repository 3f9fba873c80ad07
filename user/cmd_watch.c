// SPDX-License-Identifier: GPL-2.0-or-later
/* mtuscope watch: snapshots by the clock -> analysis -> records, until the duration is over or a signal comes. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "analysis.h"
#include "commands.h"
#include "observer.h"
#include "sink.h"

#define TICK_MS 250 /* finds a stall within its first retransmissions; a tick reads maps without a system call a flow */

struct watch {
	const struct options *opt;
	const struct sink *sink;
	struct sink_options sink_options;
	struct observer *observer;
	struct analysis *analysis;
	struct event_base *base;
	struct status status;
	char *record; /* SINK_RECORD_MAX bytes */
	int out;
	int64_t realtime_ms;
	bool failed;
};

static int64_t realtime_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void fail(struct watch *w, const char *what, int err)
{
	fprintf(stderr, "mtuscope watch: %s: %s\n", what, strerror(err));
	w->failed = true;
	event_base_loopbreak(w->base);
}

/* One write a record, so that it appears at once and whole. */
static void emit(struct watch *w, int len)
{
	const char *from = w->record;

	while (len > 0) {
		ssize_t n = write(w->out, from, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			fail(w, w->opt->output ? w->opt->output : "standard output", errno);
			return;
		}
		from += n;
		len -= n;
	}
}

static void emit_finding(const struct finding *f, void *arg)
{
	struct watch *w = arg;

	emit(w, w->sink->finding(w->record, SINK_RECORD_MAX, f, w->realtime_ms, &w->sink_options));
}

static void emit_status(struct watch *w, bool at_exit)
{
	enum finding_severity worst;

	observer_status(w->observer, &w->status);
	if (at_exit)
		w->status.state = STATUS_EXIT;
	w->status.findings_opened = analysis_opened(w->analysis, &worst);
	w->status.findings_open = analysis_open_findings(w->analysis, NULL, NULL);
	emit(w, w->sink->status(w->record, SINK_RECORD_MAX, &w->status, realtime_ms(), &w->sink_options));
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;
	struct snapshot snap;
	int err;

	(void)fd;
	(void)what;
	err = observer_tick(w->observer, &snap);
	if (err) {
		fail(w, "cannot read the BPF maps", -err);
		return;
	}
	if (observer_coverage_changed(w->observer))
		emit_status(w, false);
	w->realtime_ms = snap.realtime_ms;
	err = analysis_step(w->analysis, &snap, emit_finding, w);
	if (err)
		fail(w, "analysis", -err);
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
	struct timeval tick = timeval_ms(TICK_MS), end = timeval_ms(w->opt->duration_ms);
	struct event *events[] = {
		event_new(w->base, -1, EV_PERSIST, on_tick, w),
		event_new(w->base, SIGINT, EV_SIGNAL | EV_PERSIST, on_end, w),
		event_new(w->base, SIGTERM, EV_SIGNAL | EV_PERSIST, on_end, w),
		event_new(w->base, -1, 0, on_end, w),
	};
	int err = 0;

	for (size_t i = 0; i < 4; i++)
		if (!events[i])
			err = -1;
	if (!err) {
		event_add(events[0], &tick);
		event_add(events[1], NULL);
		event_add(events[2], NULL);
		if (w->opt->duration_ms)
			event_add(events[3], &end);
		emit_status(w, false);
		if (!w->failed)
			event_base_dispatch(w->base);
	}
	for (size_t i = 0; i < 4; i++)
		if (events[i])
			event_free(events[i]);
	return err;
}

static enum exit_status result(const struct watch *w)
{
	enum finding_severity worst;

	if (w->failed)
		return EXIT_UNKNOWN;
	if (!analysis_opened(w->analysis, &worst) || worst == SEVERITY_INFO)
		return EXIT_NOTHING;
	return worst == SEVERITY_CRITICAL ? EXIT_CRITICAL : EXIT_WARNING;
}

static int open_output(struct watch *w)
{
	w->out = STDOUT_FILENO;
	if (!w->opt->output)
		return 0;
	w->out = open(w->opt->output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (w->out >= 0)
		return 0;
	fprintf(stderr, "mtuscope watch: cannot write to %s: %s\n", w->opt->output, strerror(errno));
	return -1;
}

enum exit_status cmd_watch(const struct options *opt)
{
	struct watch w = { .opt = opt, .sink = opt->sink ? opt->sink : sink_named("text") };
	enum exit_status status = EXIT_UNKNOWN;

	if (open_output(&w))
		return EXIT_UNKNOWN;
	w.sink_options.color = !opt->no_color && !opt->output && isatty(STDOUT_FILENO);
	w.sink_options.verbose = opt->verbose;
	signal(SIGPIPE, SIG_IGN);
	if (observer_open(&w.observer, opt, "watch"))
		goto out;
	w.record = malloc(SINK_RECORD_MAX);
	w.analysis = analysis_new();
	w.base = event_base_new();
	if (!w.record || !w.analysis || !w.base || loop(&w)) {
		fprintf(stderr, "mtuscope watch: out of memory\n");
		goto out;
	}
	if (!w.failed)
		emit_status(&w, true);
	status = result(&w);
out:
	if (w.base)
		event_base_free(w.base);
	analysis_free(w.analysis);
	free(w.record);
	observer_close(w.observer);
	if (opt->output && w.out >= 0)
		close(w.out);
	return status;
}
