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
#include "sink.h"

#define COUNTERS_INTERVAL_MS 10000

struct reporter {
	const char *command;
	const char *path; /* NULL: standard output */
	const struct sink *sink;
	struct sink_options options;
	struct ptb_log *ptb_log;
	int64_t realtime_ms;  /* of the snapshot whose messages are being told */
	uint32_t counters_ms; /* when they were last written, 0: not yet seen a snapshot */
	int fd;
	bool failed;
	char hostname[256];
	char record[SINK_RECORD_MAX];
};

static void fail(struct reporter *r, const char *what, int err)
{
	fprintf(stderr, "mtuscope %s: %s: %s\n", r->command, what, strerror(err));
	r->failed = true;
}

/* One write a record, so that it appears at once and whole. `len` is what the sink has returned. */
static void emit(struct reporter *r, int len)
{
	const char *from = r->record;

	if (len < 0)
		fail(r, "cannot make a record", -len);
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

void reporter_finding(struct reporter *r, const struct finding *f, int64_t realtime_ms)
{
	emit(r, r->sink->finding(r->record, sizeof(r->record), f, realtime_ms, &r->options));
}

void reporter_status(struct reporter *r, const struct status *s, int64_t realtime_ms)
{
	emit(r, r->sink->status(r->record, sizeof(r->record), s, realtime_ms, &r->options));
}

static void emit_ptb(const struct ptb *p, void *arg)
{
	struct reporter *r = arg;

	emit(r, r->sink->ptb(r->record, sizeof(r->record), p, r->realtime_ms, &r->options));
}

void reporter_snapshot(struct reporter *r, const struct snapshot *snap, bool at_end)
{
	r->realtime_ms = snap->realtime_ms;
	if (ptb_log_step(r->ptb_log, snap, at_end, emit_ptb, r))
		fail(r, "too-big messages", ENOMEM);
	if (!r->counters_ms)
		r->counters_ms = snap->now_ms;
	if (!at_end && snap->now_ms - r->counters_ms < COUNTERS_INTERVAL_MS)
		return;
	r->counters_ms = snap->now_ms;
	emit(r, r->sink->counters(r->record, sizeof(r->record), snap, snap->realtime_ms, &r->options));
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

int reporter_open(struct reporter **reporter, const struct options *opt, const char *command)
{
	struct reporter *r = calloc(1, sizeof(*r));

	*reporter = NULL;
	if (!r || !(r->ptb_log = ptb_log_new())) {
		fprintf(stderr, "mtuscope %s: out of memory\n", command);
		free(r);
		return -1;
	}
	r->command = command;
	r->path = opt->output;
	r->sink = opt->sink ? opt->sink : sink_named("text");
	r->options.verbose = opt->verbose;
	gethostname(r->hostname, sizeof(r->hostname) - 1);
	r->options.hostname = r->hostname;
	r->options.pid = getpid();
	r->options.version = VERSION;
	r->options.color = !opt->no_color && !opt->output && isatty(STDOUT_FILENO);
	if (open_output(r)) {
		reporter_close(r);
		return -1;
	}
	/* A reader that has gone is an error of write(). */
	signal(SIGPIPE, SIG_IGN);
	*reporter = r;
	return 0;
}

void reporter_close(struct reporter *r)
{
	if (!r)
		return;
	if (r->path && r->fd >= 0)
		close(r->fd);
	ptb_log_free(r->ptb_log);
	free(r);
}
