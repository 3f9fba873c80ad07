// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mtuscope serve: snapshots by the clock -> analysis -> records and metrics, until SIGTERM. No receiver can stop it, and a
 * configuration that cannot be used changes nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "commands.h"
#include "http.h"
#include "metrics.h"
#include "notify.h"
#include "own_cost.h"
#include "privileges.h"
#include "textfile.h"
#include "watch.h"

#define TEXTFILE_PERIOD_MS 10000
#define METRICS_BYTES_MAX  (4 * 1024 * 1024)

struct serve {
	struct options opt; /* the present ones: the configuration may change */
	struct watch w;
	struct http *http;
	struct finding findings[METRICS_FINDINGS_MAX];
	size_t findings_n;
	char *metrics;
	msec_t textfile_ms, watchdog_ms;
	bool textfile_failed;
};

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
	struct outlet_counts records = reporter_counts(s->w.reporter);
	struct metrics m = { .version = VERSION,
			     .no_peer_labels = s->opt.no_peer_labels,
			     .snap = &s->w.snap,
			     .status = &s->w.status,
			     .findings = s->findings,
			     .records = records.sent,
			     .records_lost = records.lost,
			     .bpf_run_ns = observer_run_ns(s->w.observer),
			     .cpu_us = own_cpu_us(),
			     .resident_bytes = own_resident_bytes() };
	int n;

	s->findings_n = 0;
	analysis_open_findings(s->w.analysis, keep_finding, s);
	m.findings_n = s->findings_n;
	watch_status(&s->w);
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

	if (!s->opt.textfile || (s->textfile_ms && s->w.snap.now_ms - s->textfile_ms < TEXTFILE_PERIOD_MS))
		return;
	s->textfile_ms = s->w.snap.now_ms;
	text = metrics_make(&len, s);
	err = text ? textfile_write(s->opt.textfile, text, len) : -ENOSPC;
	if (err && !s->textfile_failed)
		fprintf(stderr, "mtuscope serve: cannot write metrics to %s: %s\n", s->opt.textfile, strerror(-err));
	s->textfile_failed = err;
}

/* Without "listen" there is no listener but for the sockets that systemd hands over. */
static int listen_all(struct serve *s, const struct options *opt, bool activated)
{
	struct http *http = http_new(s->w.base, metrics_make, s);
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

	if (!period || s->w.snap.now_ms - s->watchdog_ms < period)
		return;
	s->watchdog_ms = s->w.snap.now_ms;
	notify("WATCHDOG=1");
}

/* What follows from a snapshot besides records. */
static void ticked(void *arg, bool at_end)
{
	struct serve *s = arg;

	if (reporter_has_missed(s->w.reporter)) {
		watch_status(&s->w);
		reporter_tell_missed(s->w.reporter, &s->w.status, clock_ms(CLOCK_REALTIME));
	}
	if (at_end)
		return;
	/* Half blind it would go on for months; a service manager starts it again. */
	if (observer_is_shut_out(s->w.observer))
		watch_fail(&s->w, "a kernel module was loaded since the start, and hooking it takes another start",
			   EPERM);
	textfile(s);
	watchdog(s);
}

static bool same(const char *const *a, size_t a_n, const char *const *b, size_t b_n)
{
	if (a_n != b_n)
		return false;
	for (size_t i = 0; i < a_n; i++)
		if (strcmp(a[i], b[i]))
			return false;
	return true;
}

static bool probes(const struct options *opt)
{
	return opt->probe == PROBE_YES;
}

/* What was fixed when privileges were dropped cannot change: such a configuration is refused, as a whole. */
static int reload(struct serve *s, const struct options *fresh)
{
	const struct options *old = &s->opt;

	if (!same(old->interfaces, old->interfaces_n, fresh->interfaces, fresh->interfaces_n) ||
	    !same(old->listen, old->listen_n, fresh->listen, fresh->listen_n) || probes(old) != probes(fresh)) {
		fprintf(stderr, "mtuscope serve: other values of interface, listen and probe need a restart\n");
		return -1;
	}
	return reporter_outputs(s->w.reporter, fresh);
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

/* --- beginning and end ------------------------------------------------------ */

static int drop(struct serve *s)
{
	struct account account;
	int err;

	if (!account_find(&account, s->opt.user)) {
		fprintf(stderr, "mtuscope serve: no such user: %s\n", s->opt.user ? s->opt.user : "nobody");
		return -1;
	}
	err = account.change ? reporter_own(s->w.reporter, account.uid, account.gid) : 0;
	if (!err)
		err = privileges_drop(&account, probes(&s->opt));
	if (err)
		fprintf(stderr, "mtuscope serve: cannot give up privileges: %s\n", strerror(-err));
	return err;
}

static int open_all(struct serve *s)
{
	s->w.ticked = ticked;
	s->w.arg = s;
	if (watch_open(&s->w, "serve"))
		return -1;
	s->metrics = malloc(METRICS_BYTES_MAX);
	if (!s->metrics) {
		fprintf(stderr, "mtuscope serve: out of memory\n");
		return -1;
	}
	if (reporter_serve(&s->w.reporter, &s->opt, "serve") || listen_all(s, &s->opt, true))
		return -1;
	s->opt.may_be_none = true;
	if (observer_open(&s->w.observer, &s->opt, "serve") || drop(s))
		return -1;
	return probes(&s->opt) ? watch_probe(&s->w) : 0;
}

static void close_all(struct serve *s)
{
	http_free(s->http);
	watch_close(&s->w);
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
	if (options_parse(&s->opt, opt->command, opt->argc, opt->argv) || open_all(s))
		goto out;
	watch_tick(&s->w, false);
	watch_tell_status(&s->w, false);
	notify("READY=1\nSTATUS=observing");
	watch_loop(&s->w, s->opt.duration_ms, on_hangup);
	notify("STOPPING=1");
	if (watch_works(&s->w))
		watch_tick(&s->w, true);
	watch_tell_status(&s->w, true);
	status = watch_works(&s->w) ? EXIT_NOTHING : EXIT_UNKNOWN;
out:
	close_all(s);
	return status;
}
