// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mtuscope watch: snapshots by the clock -> analysis -> records, and to a recording if one is asked for, until
 * the duration is over or a signal comes.
 */
#include <unistd.h>

#include "commands.h"
#include "outcome.h"
#include "recording.h"
#include "watch.h"

struct recorder {
	struct watch w;
	const char *path;
	struct recording_file *file; /* NULL: none is asked for */
	struct event *keys;	     /* NULL: there is no full screen, or nobody to press a key */
};

/* Asked for, or somebody looks at a terminal. */
static bool wants_probes(const struct options *opt)
{
	if (opt->probe != PROBE_BY_DEFAULT)
		return opt->probe == PROBE_YES;
	return !opt->sink && !opt->output && isatty(STDOUT_FILENO);
}

static void write_snapshot(void *arg, bool at_end)
{
	struct recorder *r = arg;
	int err = recording_write(r->file, &r->w.snap);

	(void)at_end;
	if (err)
		watch_fail(&r->w, r->path, -err);
}

static int record_begin(struct recorder *r)
{
	int err = r->path ? recording_create(&r->file, r->path) : 0;

	if (err)
		watch_fail(&r->w, r->path, -err);
	else if (r->file)
		r->w.ticked = write_snapshot;
	return err;
}

static void record_end(struct recorder *r)
{
	int err = recording_close(r->file);

	r->file = NULL;
	if (err)
		watch_fail(&r->w, r->path, -err);
}

static void on_key(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)what;
	if (!reporter_keys(w->reporter))
		event_base_loopbreak(w->base);
}

static void screen_begin(struct recorder *r, const struct options *opt)
{
	reporter_full_screen(r->w.reporter, opt);
	if (!reporter_has_screen(r->w.reporter) || !isatty(STDIN_FILENO))
		return;
	r->keys = event_new(r->w.base, STDIN_FILENO, EV_READ | EV_PERSIST, on_key, &r->w);
	if (r->keys)
		event_add(r->keys, NULL);
}

enum exit_status watch_run(const struct options *opt, const char *command, bool reports)
{
	struct recorder r = { .path = opt->record };
	enum exit_status status = EXIT_UNKNOWN;
	struct watch *w = &r.w;

	w->arg = &r;
	if (watch_open(w, command) || (reports && reporter_open(&w->reporter, opt, command)) ||
	    observer_open(&w->observer, opt, command) || record_begin(&r) ||
	    (reports && wants_probes(opt) && watch_probe(w)))
		goto out;
	if (reports)
		screen_begin(&r, opt);
	watch_tell_status(w, false);
	watch_loop(w, opt->duration_ms, NULL);
	if (watch_works(w))
		watch_tick(w, true);
	if (watch_works(w))
		watch_tell_status(w, true);
	record_end(&r);
	if (watch_works(w))
		status = outcome(w->analysis, w->status.losses, command);
out:
	record_end(&r);
	if (r.keys)
		event_free(r.keys);
	watch_close(w);
	return status;
}

enum exit_status cmd_watch(const struct options *opt)
{
	return watch_run(opt, "watch", true);
}
