// SPDX-License-Identifier: GPL-2.0-or-later
/* See reporter.h. */
#include "reporter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ptb.h"
#include "screen/screen.h"
#include "sink.h"

#define COUNTERS_INTERVAL_MS 10000

/* One place where records go, and in which format. */
struct output {
	const struct sink *sink;
	struct sink_options options;
	struct outlet *outlet; /* NULL: `fd` of the reporter, whose failure is the end */
	uint64_t told_lost;    /* records that this receiver has been told that it missed */
};

struct reporter {
	const char *command;
	const char *path; /* NULL: standard output */
	struct output outputs[OPTIONS_OUTPUTS_MAX];
	size_t outputs_n;
	struct outlet_counts gone; /* of outlets that are no more */
	struct ptb_log *ptb_log;
	int64_t realtime_ms; /* of the snapshot whose messages are being told */
	uint64_t clock_ms;   /* for outlets */
	msec_t counters_ms;  /* when they were last written, 0: not yet seen a snapshot */
	int fd;
	bool failed;
	struct screen *screen; /* NULL: none */
	char hostname[256];
	char record[SINK_RECORD_MAX];
};

/* Makes one output's record of what the caller has. */
typedef int (*make_fn)(const struct output *out, char *buf, size_t cap, const void *what, int64_t realtime_ms);

static void fail(struct reporter *r, const char *what, int err)
{
	fprintf(stderr, "mtuscope %s: %s: %s\n", r->command, what, strerror(err));
	r->failed = true;
}

/* One write a record, so that it appears at once and whole. */
static void emit_strictly(struct reporter *r, int len)
{
	const char *from = r->record;

	while (len > 0 && !r->failed) {
		ssize_t n = write(r->fd, from, (size_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			fail(r, r->path ? r->path : "standard output", errno);
			return;
		}
		from += n;
		len -= (int)n;
	}
}

static void emit_to(struct reporter *r, struct output *out, make_fn make, const void *what, int64_t realtime_ms)
{
	int len = make(out, r->record, sizeof(r->record), what, realtime_ms);

	if (len < 0)
		fail(r, "cannot make a record", -len);
	else if (!out->outlet)
		emit_strictly(r, len);
	else if (len)
		outlet_send(out->outlet, r->record, (size_t)len, r->clock_ms);
}

static void emit(struct reporter *r, make_fn make, const void *what, int64_t realtime_ms)
{
	for (size_t i = 0; i < r->outputs_n; i++)
		emit_to(r, &r->outputs[i], make, what, realtime_ms);
}

static int make_finding(const struct output *out, char *buf, size_t cap, const void *what, int64_t realtime_ms)
{
	return out->sink->finding(buf, cap, what, realtime_ms, &out->options);
}

void reporter_finding(struct reporter *r, const struct finding *f, int64_t realtime_ms)
{
	if (r->screen)
		screen_finding(r->screen, f, realtime_ms);
	else
		emit(r, make_finding, f, realtime_ms);
}

/* Each receiver is told what it has missed itself. */
static int make_status(const struct output *out, char *buf, size_t cap, const void *what, int64_t realtime_ms)
{
	struct status s = *(const struct status *)what;

	s.records_lost = out->outlet ? outlet_counts(out->outlet).lost : 0;
	return out->sink->status(buf, cap, &s, realtime_ms, &out->options);
}

static void emit_shown(const struct finding *f, int64_t realtime_ms, void *arg)
{
	emit(arg, make_finding, f, realtime_ms);
}

/* What was found stays on the normal screen. */
static void leave_screen(struct reporter *r)
{
	struct screen *screen = r->screen;

	if (!screen)
		return;
	r->screen = NULL;
	screen_leave(screen);
	screen_findings(screen, emit_shown, r);
	screen_free(screen);
}

void reporter_full_screen(struct reporter *r, const struct options *opt)
{
	if (!opt->sink && !opt->output)
		r->screen = screen_open(!opt->no_color, opt->verbose);
}

bool reporter_has_screen(const struct reporter *r)
{
	return r->screen;
}

bool reporter_keys(struct reporter *r)
{
	return !r->screen || screen_keys(r->screen);
}

void reporter_status(struct reporter *r, const struct status *s, int64_t realtime_ms)
{
	if (s->state == STATUS_EXIT)
		leave_screen(r);
	if (r->screen)
		screen_status(r->screen, s);
	else
		emit(r, make_status, s, realtime_ms);
}

/* Only once its queue is empty: else telling of losses would make more of them. */
static bool has_missed(const struct output *out)
{
	return out->outlet && outlet_counts(out->outlet).lost > out->told_lost && !outlet_is_behind(out->outlet);
}

bool reporter_has_missed(const struct reporter *r)
{
	for (size_t i = 0; i < r->outputs_n; i++)
		if (has_missed(&r->outputs[i]))
			return true;
	return false;
}

void reporter_tell_missed(struct reporter *r, const struct status *s, int64_t realtime_ms)
{
	for (size_t i = 0; i < r->outputs_n; i++) {
		struct output *out = &r->outputs[i];

		if (!has_missed(out))
			continue;
		out->told_lost = outlet_counts(out->outlet).lost;
		emit_to(r, out, make_status, s, realtime_ms);
	}
}

static int make_ptb(const struct output *out, char *buf, size_t cap, const void *what, int64_t realtime_ms)
{
	return out->sink->ptb(buf, cap, what, realtime_ms, &out->options);
}

static void emit_ptb(const struct ptb *p, void *arg)
{
	struct reporter *r = arg;

	emit(r, make_ptb, p, r->realtime_ms);
}

static int make_counters(const struct output *out, char *buf, size_t cap, const void *what, int64_t realtime_ms)
{
	return out->sink->counters(buf, cap, what, realtime_ms, &out->options);
}

void reporter_pump(struct reporter *r, uint64_t now_ms)
{
	r->clock_ms = now_ms;
	for (size_t i = 0; i < r->outputs_n; i++)
		if (r->outputs[i].outlet)
			outlet_pump(r->outputs[i].outlet, now_ms);
}

void reporter_snapshot(struct reporter *r, const struct snapshot *snap, bool at_end)
{
	r->realtime_ms = snap->realtime_ms;
	if (r->screen) {
		screen_snapshot(r->screen, snap);
		return;
	}
	reporter_pump(r, snap->now_ms);
	if (ptb_log_step(r->ptb_log, snap, at_end, emit_ptb, r))
		fail(r, "too-big messages", ENOMEM);
	if (!r->counters_ms)
		r->counters_ms = snap->now_ms;
	if (!at_end && snap->now_ms - r->counters_ms < COUNTERS_INTERVAL_MS)
		return;
	r->counters_ms = snap->now_ms;
	emit(r, make_counters, snap, snap->realtime_ms);
}

bool reporter_works(const struct reporter *r)
{
	return !r->failed;
}

static int open_output(struct reporter *r)
{
	r->fd = STDOUT_FILENO;
	if (!r->path)
		return 0;
	r->fd = open(r->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (r->fd >= 0)
		return 0;
	fprintf(stderr, "mtuscope %s: cannot write to %s: %s\n", r->command, r->path, strerror(errno));
	return -1;
}

static struct reporter *reporter_new(const char *command)
{
	struct reporter *r = calloc(1, sizeof(*r));

	if (!r || !(r->ptb_log = ptb_log_new())) {
		fprintf(stderr, "mtuscope %s: out of memory\n", command);
		free(r);
		return NULL;
	}
	r->command = command;
	r->fd = -1;
	gethostname(r->hostname, sizeof(r->hostname) - 1);
	/* A reader that has gone is an error of write(). */
	signal(SIGPIPE, SIG_IGN);
	return r;
}

static struct sink_options sink_options(const struct reporter *r, const struct options *opt)
{
	return (struct sink_options){
		.verbose = opt->verbose, .version = VERSION, .hostname = r->hostname, .pid = getpid()
	};
}

int reporter_open(struct reporter **reporter, const struct options *opt, const char *command)
{
	struct reporter *r = reporter_new(command);
	struct output *out;

	*reporter = NULL;
	if (!r)
		return -1;
	r->path = opt->output;
	out = &r->outputs[r->outputs_n++];
	out->sink = opt->sink ? opt->sink : sink_named("text");
	out->options = sink_options(r, opt);
	out->options.color = !opt->no_color && !opt->output && isatty(STDOUT_FILENO);
	if (open_output(r)) {
		reporter_close(r);
		return -1;
	}
	*reporter = r;
	return 0;
}

/* An outlet that r has already goes on with what waits in it. */
static struct outlet *outlet_for(struct reporter *r, const struct output_option *option)
{
	for (size_t i = 0; i < r->outputs_n; i++) {
		struct outlet *outlet = r->outputs[i].outlet;

		if (outlet && outlet_is(outlet, option->kind, option->target)) {
			int err = outlet_reopen(outlet);

			errno = -err;
			return err ? NULL : outlet;
		}
	}
	return outlet_open(option->kind, option->target);
}

static bool has_outlet(const struct output *outputs, size_t n, const struct outlet *outlet)
{
	for (size_t i = 0; i < n; i++)
		if (outputs[i].outlet == outlet)
			return true;
	return false;
}

static void count(struct outlet_counts *sum, const struct outlet *outlet)
{
	struct outlet_counts c = outlet_counts(outlet);

	sum->sent += c.sent;
	sum->lost += c.lost;
}

/* Closes those of `outputs` that are not among r's own. */
static void close_others(struct reporter *r, struct output *outputs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (has_outlet(r->outputs, r->outputs_n, outputs[i].outlet))
			continue;
		outlet_finish(outputs[i].outlet, r->clock_ms);
		count(&r->gone, outputs[i].outlet);
		outlet_close(outputs[i].outlet);
	}
}

int reporter_outputs(struct reporter *r, const struct options *opt)
{
	static const struct output_option standard = { OUTLET_STDOUT, NULL };
	const struct output_option *options = opt->outputs_n ? opt->outputs : &standard;
	size_t n = opt->outputs_n ? opt->outputs_n : 1;
	struct output fresh[OPTIONS_OUTPUTS_MAX] = { 0 }, old[OPTIONS_OUTPUTS_MAX];
	size_t old_n = r->outputs_n;

	for (size_t i = 0; i < n; i++) {
		const char *format = outlet_format(options[i].kind);

		fresh[i].options = sink_options(r, opt);
		fresh[i].sink = format ? sink_named(format) : opt->sink ? opt->sink : sink_named("ecs");
		fresh[i].outlet = outlet_for(r, &options[i]);
		if (fresh[i].outlet && !has_outlet(fresh, i, fresh[i].outlet))
			continue;
		fprintf(stderr, "mtuscope %s: cannot write to %s: %s\n", r->command,
			options[i].target ? options[i].target : "journald",
			fresh[i].outlet ? "it is named twice" : strerror(errno));
		close_others(r, fresh, i);
		return -1;
	}
	memcpy(old, r->outputs, sizeof(old));
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < old_n; k++)
			if (old[k].outlet == fresh[i].outlet)
				fresh[i].told_lost = old[k].told_lost;
	memcpy(r->outputs, fresh, sizeof(fresh));
	r->outputs_n = n;
	close_others(r, old, old_n);
	return 0;
}

int reporter_serve(struct reporter **reporter, const struct options *opt, const char *command)
{
	struct reporter *r = reporter_new(command);

	*reporter = NULL;
	if (r && reporter_outputs(r, opt)) {
		reporter_close(r);
		return -1;
	}
	*reporter = r;
	return r ? 0 : -1;
}

int reporter_own(struct reporter *r, uid_t uid, gid_t gid)
{
	int err = 0;

	for (size_t i = 0; i < r->outputs_n && !err; i++)
		err = outlet_own(r->outputs[i].outlet, uid, gid);
	return err;
}

struct outlet_counts reporter_counts(const struct reporter *r)
{
	struct outlet_counts sum = r->gone;

	for (size_t i = 0; i < r->outputs_n; i++)
		count(&sum, r->outputs[i].outlet);
	return sum;
}

void reporter_close(struct reporter *r)
{
	if (!r)
		return;
	leave_screen(r);
	if (r->path && r->fd >= 0)
		close(r->fd);
	for (size_t i = 0; i < r->outputs_n; i++) {
		if (r->outputs[i].outlet)
			outlet_finish(r->outputs[i].outlet, r->clock_ms);
		outlet_close(r->outputs[i].outlet);
	}
	ptb_log_free(r->ptb_log);
	free(r);
}
