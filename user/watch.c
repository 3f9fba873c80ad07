// SPDX-License-Identifier: GPL-2.0-or-later
/* See watch.h. */
#include "watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"

#define PROBE_MS 20  /* between looks at answers and time-outs of probes; nothing is done where none is under way */
#define TICK_MS	 250 /* finds a stall within its first retransmissions; a tick reads maps without a system call a flow */

int watch_open(struct watch *w, const char *command)
{
	w->command = command;
	w->analysis = analysis_new();
	w->base = event_base_new();
	if (w->analysis && w->base)
		return 0;
	fprintf(stderr, "mtuscope %s: out of memory\n", command);
	return -1;
}

void watch_close(struct watch *w)
{
	if (w->base)
		event_base_free(w->base);
	confirm_free(w->confirm);
	observer_close(w->observer);
	reporter_close(w->reporter);
	analysis_free(w->analysis);
}

void watch_fail(struct watch *w, const char *what, int err)
{
	fprintf(stderr, "mtuscope %s: %s: %s\n", w->command, what, strerror(err));
	w->failed = true;
	event_base_loopbreak(w->base);
}

bool watch_works(const struct watch *w)
{
	return !w->failed && (!w->reporter || reporter_works(w->reporter));
}

static void report_finding(const struct finding *f, void *arg)
{
	struct watch *w = arg;

	if (w->reporter)
		reporter_finding(w->reporter, f, w->realtime_ms);
}

int watch_probe(struct watch *w)
{
	w->confirm = confirm_new(w->command, w->analysis, report_finding, w);
	if (!w->confirm)
		return -1;
	observer_ignore_echo(w->observer, confirm_echo_id(w->confirm));
	return 0;
}

void watch_status(struct watch *w)
{
	enum finding_severity worst;

	observer_status(w->observer, &w->status);
	w->status.findings_opened = analysis_opened(w->analysis, &worst);
	w->status.findings_open = analysis_open_findings(w->analysis, NULL, NULL);
	w->status.probes = w->confirm != NULL;
	w->status.probes_sent = w->confirm ? confirm_sent(w->confirm) : 0;
}

void watch_tell_status(struct watch *w, bool at_exit)
{
	watch_status(w);
	if (at_exit)
		w->status.state = STATUS_EXIT;
	if (w->reporter)
		reporter_status(w->reporter, &w->status, clock_ms(CLOCK_REALTIME));
}

void watch_tick(struct watch *w, bool at_end)
{
	int err = observer_tick(w->observer, &w->snap);

	if (err) {
		watch_fail(w, "cannot read the BPF maps", -err);
		return;
	}
	if (observer_coverage_changed(w->observer))
		watch_tell_status(w, false);
	w->realtime_ms = w->snap.realtime_ms;
	err = analysis_step(w->analysis, &w->snap, report_finding, w);
	if (err)
		watch_fail(w, "analysis", -err);
	if (w->reporter)
		reporter_snapshot(w->reporter, &w->snap, at_end);
	if (w->ticked)
		w->ticked(w->arg, at_end);
	if (w->confirm && !at_end)
		confirm_choose(w->confirm, &w->snap.inventory);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)what;
	watch_tick(w, false);
	if (!watch_works(w))
		event_base_loopbreak(w->base);
}

static void on_probe(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)what;
	w->realtime_ms = clock_ms(CLOCK_REALTIME);
	confirm_step(w->confirm);
	if (!watch_works(w))
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

int watch_loop(struct watch *w, uint64_t duration_ms, event_callback_fn hangup)
{
	struct timeval period = timeval_ms(TICK_MS), end = timeval_ms(duration_ms), probe = timeval_ms(PROBE_MS);
	const struct {
		bool wanted;
		int signal;
		short what;
		event_callback_fn fn;
		void *arg;
		const struct timeval *after;
	} wishes[] = {
		{ true, -1, EV_PERSIST, on_tick, w, &period },
		{ true, SIGINT, EV_SIGNAL | EV_PERSIST, on_end, w, NULL },
		{ true, SIGTERM, EV_SIGNAL | EV_PERSIST, on_end, w, NULL },
		{ hangup, SIGHUP, EV_SIGNAL | EV_PERSIST, hangup, w->arg, NULL },
		{ duration_ms, -1, 0, on_end, w, &end },
		{ w->confirm, -1, EV_PERSIST, on_probe, w, &probe },
	};
	struct event *events[sizeof(wishes) / sizeof(wishes[0])] = { NULL };
	int err = 0;

	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]) && !err; i++) {
		if (!wishes[i].wanted)
			continue;
		events[i] = event_new(w->base, wishes[i].signal, wishes[i].what, wishes[i].fn, wishes[i].arg);
		if (!events[i] || event_add(events[i], wishes[i].after))
			err = -ENOMEM;
	}
	if (err)
		watch_fail(w, "the event loop", -err);
	else if (watch_works(w))
		event_base_dispatch(w->base);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i])
			event_free(events[i]);
	return err;
}
