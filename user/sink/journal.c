/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journald's native protocol: a record enters, one datagram of fields leaves (systemd's JOURNAL_NATIVE_PROTOCOL).
 * Called through sink.h. Each kind of record has a MESSAGE_ID; the whole record is in MTUSCOPE_RECORD, as ECS writes it,
 * but for counters: those are told on request, and only their sums, because a journal is no place for them.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "fields.h"
#include "sentence.h"
#include "sinks.h"

/* packaging/systemd/mtuscope.catalog explains them; a test looks that it does. */
#define ID_FINDING  "5d1fdf2bd8f54a1ea7b9e67f4a6c6f10"
#define ID_RESOLVED "0c7a3a3f6d0b4f0f9f7b8e6a4b0e2b11"
#define ID_STATUS   "b8f5a2f0c6f64e8fb1c7d3a9e5d40712"
#define ID_PTB	    "e3b9c1d47a5240b6a0f2c8d91e7b6513"
#define ID_COUNTERS "97c2e4f15b8d4c39b6a1f0e2d3c4a514"

/* NAME=value and an end of line: no value has one, because out_safe() lets none through. */
static void put_field(const char *name, const char *value, size_t size, void *arg)
{
	struct out *o = arg;

	out_string(o, "MTUSCOPE_");
	for (; *name; name++)
		out_char(o, (char)toupper((unsigned char)*name));
	out_char(o, '=');
	out_safe(o, value, size);
	out_char(o, '\n');
}

static void begin(struct out *o, const char *id, int priority, const char *text, size_t size)
{
	out_printf(o, "MESSAGE_ID=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=mtuscope\nMESSAGE=", id, priority);
	out_safe(o, text, size);
	out_char(o, '\n');
}

/* The ECS record as written to the rest of the buffer: `n` is what its sink returned, its newline ends the field. */
static int end_with_record(struct out *o, int n)
{
	if (n < 0)
		return n;
	o->len += (size_t)n;
	return out_finish(o);
}

static char *record_begin(struct out *o)
{
	out_string(o, "MTUSCOPE_RECORD=");
	return o->buf + o->len;
}

int sink_journal_finding(char *buf, size_t cap, const struct finding *f, int64_t realtime_ms,
			 const struct sink_options *opt)
{
	static const int priorities[] = { [SEVERITY_INFO] = 6, [SEVERITY_WARNING] = 4, [SEVERITY_CRITICAL] = 2 };
	bool resolved = f->state == FINDING_RESOLVED, graded = !resolved && f->severity <= SEVERITY_CRITICAL;
	struct out o;
	char *at;

	out_init(&o, buf, cap);
	begin(&o, resolved ? ID_RESOLVED : ID_FINDING, graded ? priorities[f->severity] : 6, f->message,
	      sizeof(f->message));
	fields_finding(f, put_field, &o);
	at = record_begin(&o);
	return o.full ? -ENOSPC : end_with_record(&o, sink_ecs_finding(at, cap - o.len, f, realtime_ms, opt));
}

int sink_journal_status(char *buf, size_t cap, const struct status *s, int64_t realtime_ms,
			const struct sink_options *opt)
{
	const struct sentence said = sentence_status(s);
	struct out o;
	char *at;

	out_init(&o, buf, cap);
	begin(&o, ID_STATUS, s->state == STATUS_DEGRADED ? 4 : 6, said.text, said.len);
	put_field("state", status_state_name(s->state), SIZE_MAX, &o);
	at = record_begin(&o);
	return o.full ? -ENOSPC : end_with_record(&o, sink_ecs_status(at, cap - o.len, s, realtime_ms, opt));
}

int sink_journal_ptb(char *buf, size_t cap, const struct ptb *p, int64_t realtime_ms, const struct sink_options *opt)
{
	const struct sentence said = sentence_ptb(p);
	struct out o;
	char *at;

	out_init(&o, buf, cap);
	begin(&o, ID_PTB, 6, said.text, said.len);
	fields_ptb(p, put_field, &o);
	at = record_begin(&o);
	return o.full ? -ENOSPC : end_with_record(&o, sink_ecs_ptb(at, cap - o.len, p, realtime_ms, opt));
}

int sink_journal_counters(char *buf, size_t cap, const struct snapshot *snap, int64_t realtime_ms,
			  const struct sink_options *opt)
{
	const struct sentence said = sentence_counters(snap);
	struct out o;

	(void)realtime_ms;
	if (!opt || !opt->verbose)
		return 0;
	out_init(&o, buf, cap);
	begin(&o, ID_COUNTERS, 6, said.text, said.len);
	fields_counters(snap, put_field, &o);
	return out_finish(&o);
}
