// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mtuscope serve: snapshots by the clock -> analysis -> records and metrics, until SIGTERM. No receiver can stop it, and a
 * configuration that cannot be used changes nothing.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "analysis.h"
#include "commands.h"
#include "http.h"
#include "metrics.h"
#include "notify.h"
#include "observer.h"
#include "own_cost.h"
#include "privileges.h"
#include "reporter.h"
#include "textfile.h"

#define TICK_MS		   250
#define TEXTFILE_PERIOD_MS 10000
#define METRICS_BYTES_MAX  (4 * 1024 * 1024)

struct serve {
	struct options opt; /* the present ones: the configuration may change */
	struct reporter *reporter;
	struct observer *observer;
	struct analysis *analysis;
	struct event_base *base;
	struct http *http;
	struct status status;
	struct snapshot snap; /* the latest; belongs to the observer */
	struct finding findings[METRICS_FINDINGS_MAX];
	size_t findings_n;
	char *metrics;
	uint32_t textfile_ms, watchdog_ms;
	bool textfile_failed;
	bool failed;
};

static void fail(struct serve *s, const char *what, int err)
{
	fprintf(stderr, "mtuscope serve: %s: %s\n", what, strerror(err));
	s->failed = true;
	event_base_loopbreak(s->base);
}

static void status_make(struct serve *s)
{
	enum finding_severity worst;

	observer_status(s->observer, &s->status);
	s->status.findings_opened = analysis_opened(s->analysis, &worst);
	s->status.findings_open = analysis_open_findings(s->analysis, NULL, NULL);
}

static void report_finding(const struct finding *f, void *arg)
{
	struct serve *s = arg;

	reporter_finding(s->reporter, f, s->snap.realtime_ms);
}

/* --- metrics --------------------------------------------------------------- */

static void keep_finding(const struct finding *f, void *arg)
{
	struct serve *s = arg;

	if (s->findings_n < METRICS_FINDINGS_MAX)
		s->findings[s->findings_n++] = *f;
}

static const char *metrics_make(size_t *len, void *arg)
{
	struct serve *s = arg;
	struct outlet_counts records = reporter_counts(s->reporter);
	struct metrics m = { .version = VERSION,
			     .no_peer_labels = s->opt.no_peer_labels,
			     .snap = &s->snap,
			     .status = &s->status,
			     .findings = s->findings,
			     .records = records.sent,
			     .records_lost = records.lost,
			     .bpf_run_ns = observer_run_ns(s->observer),
			     .cpu_us = own_cpu_us(),
			     .resident_bytes = own_resident_bytes() };
	int n;

	s->findings_n = 0;
	analysis_open_findings(s->analysis, keep_finding, s);
	m.findings_n = s->findings_n;
	status_make(s);
	n = metrics_format(s->metrics, METRICS_BYTES_MAX, &m);
	*len = n > 0 ? (size_t)n : 0;
	return n > 0 ? s->metrics : NULL;
}

/* A directory that cannot be written to is told of once. */
static void textfile(struct serve *s)
{
	const char *text;
	size_t len;
	int err;

	if (!s->opt.textfile || (s->textfile_ms && s->snap.now_ms - s->textfile_ms < TEXTFILE_PERIOD_MS))
		return;
	s->textfile_ms = s->snap.now_ms;
	text = metrics_make(&len, s);
	err = text ? textfile_write(s->opt.textfile, text, len) : -ENOSPC;
	if (err && !s->textfile_failed)
		fprintf(stderr, "mtuscope serve: cannot write metrics to %s: %s\n", s->opt.textfile, strerror(-err));
	s->textfile_failed = err;
}

/* Without "listen" there is no listener but for the sockets that systemd hands over. */
static int listen_all(struct serve *s, const struct options *opt, bool activated)
{
	struct http *http = http_new(s->base, metrics_make, s);
	int err = http ? 0 : -ENOMEM;

	for (size_t i = 0; i < opt->listen_n && !err; i++) {
		err = http_listen(http, opt->listen[i]);
		if (err)
			fprintf(stderr, "mtuscope serve: cannot listen at %s: %s\n", opt->listen[i], strerror(-err));
	}
	if (!err && activated && http_listen_activated(http) < 0)
		err = -EINVAL;
	if (err) {
		http_free(http);
		return -1;
	}
	s->http = http;
	return 0;
}

/* --- the loop -------------------------------------------------------------- */

static void watchdog(struct serve *s)
{
	uint64_t period = notify_watchdog_ms();

	if (!period || s->snap.now_ms - s->watchdog_ms < period)
		return;
	s->watchdog_ms = s->snap.now_ms;
	notify("WATCHDOG=1");
}

static void tick(struct serve *s, bool at_end)
{
	int err = observer_tick(s->observer, &s->snap);

	if (err) {
		fail(s, "cannot read the BPF maps", -err);
		return;
	}
	if (observer_coverage_changed(s->observer)) {
		status_make(s);
		reporter_status(s->reporter, &s->status, clock_ms(CLOCK_REALTIME));
	}
	err = analysis_step(s->analysis, &s->snap, report_finding, s);
	if (err)
		fail(s, "analysis", -err);
	reporter_snapshot(s->reporter, &s->snap, at_end);
	if (reporter_has_missed(s->reporter)) {
		status_make(s);
		reporter_tell_missed(s->reporter, &s->status, clock_ms(CLOCK_REALTIME));
	}
	if (at_end)
		return;
	textfile(s);
	watchdog(s);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tick(arg, false);
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct serve *s = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(s->base);
}

static bool same_listeners(const struct options *a, const struct options *b)
{
	if (a->listen_n != b->listen_n)
		return false;
	for (size_t i = 0; i < a->listen_n; i++)
		if (strcmp(a->listen[i], b->listen[i]))
			return false;
	return true;
}

static bool same_interfaces(const struct options *a, const struct options *b)
{
	if (a->interfaces_n != b->interfaces_n)
		return false;
	for (size_t i = 0; i < a->interfaces_n; i++)
		if (strcmp(a->interfaces[i], b->interfaces[i]))
			return false;
	return true;
}

/* What was fixed when privileges were dropped cannot change: such a configuration is refused, as a whole. */
static int reload(struct serve *s, const struct options *fresh)
{
	if (!same_interfaces(&s->opt, fresh) || !same_listeners(&s->opt, fresh)) {
		fprintf(stderr, "mtuscope serve: other values of interface and listen need a restart\n");
		return -1;
	}
	return reporter_outputs(s->reporter, fresh);
}

static void on_hangup(evutil_socket_t fd, short what, void *arg)
{
	struct serve *s = arg;
	struct options fresh;
	char state[64];
	struct timespec now;

	(void)fd;
	(void)what;
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
		 (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	notify(state);
	if (options_parse(&fresh, s->opt.command, s->opt.argc, s->opt.argv)) {
		fprintf(stderr, "mtuscope serve: goes on with the old configuration\n");
	} else if (reload(s, &fresh)) {
		fprintf(stderr, "mtuscope serve: goes on with the old configuration\n");
		options_free(&fresh);
	} else {
		if (s->opt.textfile && (!fresh.textfile || strcmp(s->opt.textfile, fresh.textfile)))
			textfile_remove(s->opt.textfile);
		options_free(&s->opt);
		s->opt = fresh;
		s->textfile_ms = 0;
		fprintf(stderr, "mtuscope serve: read its configuration again\n");
	}
	notify("READY=1");
}

static int loop(struct serve *s)
{
	struct timeval period = { .tv_usec = TICK_MS * 1000 };
	struct event *events[] = {
		event_new(s->base, -1, EV_PERSIST, on_tick, s),
		event_new(s->base, SIGINT, EV_SIGNAL | EV_PERSIST, on_end, s),
		event_new(s->base, SIGTERM, EV_SIGNAL | EV_PERSIST, on_end, s),
		event_new(s->base, SIGHUP, EV_SIGNAL | EV_PERSIST, on_hangup, s),
	};
	int err = 0;

	for (size_t i = 0; i < 4; i++)
		if (!events[i] || event_add(events[i], i ? NULL : &period))
			err = -1;
	if (!err) {
		tick(s, false);
		status_make(s);
		reporter_status(s->reporter, &s->status, clock_ms(CLOCK_REALTIME));
		notify("READY=1\nSTATUS=observing");
		if (!s->failed)
			event_base_dispatch(s->base);
	}
	for (size_t i = 0; i < 4; i++)
		if (events[i])
			event_free(events[i]);
	return err;
}

/* --- beginning and end ------------------------------------------------------ */

static int drop(struct serve *s)
{
	struct account account;
	int err;

	if (!account_find(&account, s->opt.user)) {
		fprintf(stderr, "mtuscope serve: no such user: %s\n", s->opt.user ? s->opt.user : "nobody");
		return -1;
	}
	err = account.change ? reporter_own(s->reporter, account.uid, account.gid) : 0;
	if (!err)
		err = privileges_drop(&account);
	if (err)
		fprintf(stderr, "mtuscope serve: cannot give up privileges: %s\n", strerror(-err));
	return err;
}

static int open_all(struct serve *s)
{
	s->base = event_base_new();
	s->analysis = analysis_new();
	s->metrics = malloc(METRICS_BYTES_MAX);
	if (!s->base || !s->analysis || !s->metrics) {
		fprintf(stderr, "mtuscope serve: out of memory\n");
		return -1;
	}
	if (reporter_serve(&s->reporter, &s->opt, "serve") || listen_all(s, &s->opt, true))
		return -1;
	return observer_open(&s->observer, &s->opt, "serve") || drop(s) ? -1 : 0;
}

static void close_all(struct serve *s)
{
	http_free(s->http);
	observer_close(s->observer);
	reporter_close(s->reporter);
	analysis_free(s->analysis);
	if (s->base)
		event_base_free(s->base);
	free(s->metrics);
	if (s->opt.textfile)
		textfile_remove(s->opt.textfile);
	options_free(&s->opt);
	free(s);
}

enum exit_status cmd_serve(const struct options *opt)
{
	enum exit_status status = EXIT_UNKNOWN;
	struct serve *s;

	if (opt->check_config)
		return EXIT_NOTHING;
	s = calloc(1, sizeof(*s));
	if (!s) {
		fprintf(stderr, "mtuscope serve: out of memory\n");
		return status;
	}
	/* A copy of its own, texts and all, for the caller frees his. */
	if (options_parse(&s->opt, opt->command, opt->argc, opt->argv) || open_all(s) || loop(s))
		goto out;
	notify("STOPPING=1");
	if (!s->failed)
		tick(s, true);
	status_make(s);
	s->status.state = STATUS_EXIT;
	reporter_status(s->reporter, &s->status, clock_ms(CLOCK_REALTIME));
	status = s->failed ? EXIT_UNKNOWN : EXIT_NOTHING;
out:
	close_all(s);
	return status;
}
