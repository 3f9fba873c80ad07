/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Syslog messages (RFC 5424) with one SD-ELEMENT: a record enters, one line leaves. Called through sink.h. No message is
 * longer than MESSAGE_MAX, for one that reports a black hole must not fall into it: what does not fit is
 * left out from the end, which the parameter "truncated" says. Of counters only the sums: the lists are in ecs.
 */
#include <string.h>

#include "fields.h"
#include "sentence.h"
#include "sinks.h"

#define MESSAGE_MAX	1180 /* bytes with the newline: fits into 1280 less headers */
#define TEXT_ROOM	260  /* of that kept for the sentence */
#define FACILITY_DAEMON 3
#define ENTERPRISE	"mtuscope@32473" /* the number of RFC 5612, for those who have none */
#define TRUNCATED	" truncated=\"true\""
#define HOSTNAME_MAX	255

struct message {
	struct out *out;
	bool truncated;
};

static void param(const char *name, const char *value, size_t size, void *arg)
{
	struct message *m = arg;
	size_t mark = m->out->len;

	if (m->truncated)
		return;
	out_printf(m->out, " %s=\"", name);
	out_escaped(m->out, value, size, "\"\\]");
	out_char(m->out, '"');
	if (m->out->len <= MESSAGE_MAX - TEXT_ROOM - strlen(TRUNCATED))
		return;
	m->truncated = true;
	m->out->len = mark;
	out_string(m->out, TRUNCATED);
}

/* HOSTNAME: printable ASCII without spaces. */
static void hostname(struct out *o, const char *name)
{
	size_t n = 0;

	for (; name && name[n] && n < HOSTNAME_MAX; n++)
		out_char(o, name[n] > ' ' && name[n] <= '~' ? name[n] : '?');
	if (!n)
		out_char(o, '-');
}

static void begin(struct message *m, int severity, int64_t realtime_ms, const char *kind,
		  const struct sink_options *opt)
{
	char time[FORMAT_TIME_LEN];

	format_time(time, realtime_ms);
	out_printf(m->out, "<%d>1 %s ", FACILITY_DAEMON * 8 + severity, time);
	hostname(m->out, opt ? opt->hostname : NULL);
	if (opt && opt->pid)
		out_printf(m->out, " mtuscope %ld %s [" ENTERPRISE, opt->pid, kind);
	else
		out_printf(m->out, " mtuscope - %s [" ENTERPRISE, kind);
}

static int end(struct message *m, const char *text, size_t size)
{
	struct out *o = m->out;

	out_string(o, "] ");
	for (size_t i = 0; i < size && text[i];) {
		uint32_t code_point;
		size_t n = utf8_decode(text + i, size - i, &code_point), mark = o->len;

		n += !n;
		out_safe(o, text + i, n);
		if (o->len > MESSAGE_MAX - 1) {
			o->len = mark;
			break;
		}
		i += n;
	}
	out_char(o, '\n');
	return out_finish(o);
}

static int severity_number(enum finding_severity severity)
{
	return severity == SEVERITY_CRITICAL ? 2 : severity == SEVERITY_WARNING ? 4 : 6;
}

int sink_rfc5424_finding(char *buf, size_t cap, const struct finding *f, int64_t realtime_ms,
			 const struct sink_options *opt)
{
	enum finding_severity level = f->state == FINDING_RESOLVED ? SEVERITY_INFO : f->severity;
	struct out o;
	struct message m = { &o, false };

	out_init(&o, buf, cap);
	begin(&m, severity_number(level), realtime_ms, "finding", opt);
	fields_finding(f, param, &m);
	return end(&m, f->message, sizeof(f->message));
}

int sink_rfc5424_status(char *buf, size_t cap, const struct status *s, int64_t realtime_ms,
			const struct sink_options *opt)
{
	const struct sentence said = sentence_status(s);
	struct out o;
	struct message m = { &o, false };

	out_init(&o, buf, cap);
	begin(&m, severity_number(s->state == STATUS_DEGRADED ? SEVERITY_WARNING : SEVERITY_INFO), realtime_ms,
	      "status", opt);
	fields_status(s, param, &m);
	return end(&m, said.text, said.len);
}

int sink_rfc5424_ptb(char *buf, size_t cap, const struct ptb *p, int64_t realtime_ms, const struct sink_options *opt)
{
	const struct sentence said = sentence_ptb(p);
	struct out o;
	struct message m = { &o, false };

	out_init(&o, buf, cap);
	begin(&m, severity_number(SEVERITY_INFO), realtime_ms, "ptb", opt);
	fields_ptb(p, param, &m);
	return end(&m, said.text, said.len);
}

int sink_rfc5424_counters(char *buf, size_t cap, const struct snapshot *snap, int64_t realtime_ms,
			  const struct sink_options *opt)
{
	const struct sentence said = sentence_counters(snap);
	struct out o;
	struct message m = { &o, false };

	out_init(&o, buf, cap);
	begin(&m, severity_number(SEVERITY_INFO), realtime_ms, "counters", opt);
	fields_counters(snap, param, &m);
	return end(&m, said.text, said.len);
}
