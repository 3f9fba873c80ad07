/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ArcSight's Common Event Format, version 0: a record enters, one line leaves. Called through sink.h. CEF has a fixed
 * dictionary and few places for others (cs1, cn1, …): FIELDS says what goes where, and what is not named there
 * has no place. Of counters only the sums.
 */
#include <inttypes.h>
#include <string.h>

#include "fields.h"
#include "sentence.h"
#include "sinks.h"

static const struct {
	const char *name; /* as in fields.h */
	const char *key;
	bool labelled; /* a place for anything: its label says what it is */
} FIELDS[] = {
	{ "id", "externalId", false },
	{ "state", "act", false },
	{ "transport", "proto", false },
	{ "source_ip", "src", false },
	{ "source_port", "spt", false },
	{ "destination_ip", "dst", false },
	{ "destination_port", "dpt", false },
	{ "reporter", "src", false },
	{ "count", "cnt", false },
	{ "public_key", "cs1", true },
	{ "interface", "cs2", true },
	{ "endpoint", "cs3", true },
	{ "recommended_basis", "cs4", true },
	{ "fix", "cs5", true },
	{ "evidence", "cs6", true },
	{ "path_mtu_lower", "cn1", true },
	{ "path_mtu_upper", "cn2", true },
	{ "recommended_mtu", "cn3", true },
	{ "tunnel_mtu", "flexNumber1", true },
	{ "confidence", "cfp1", true },
	/* too-big messages */
	{ "layer", "cs1", true },
	{ "host", "cs3", true },
	{ "destination", "cs4", true },
	{ "mtu", "cn1", true },
	{ "host_port", "cn2", true },
	{ "stories", "cn3", true },
	/* status */
	{ "hooks_missing", "cn1", true },
	{ "hooks_attached", "cn2", true },
	{ "lost_records", "cn3", true },
	{ "findings_open", "flexNumber1", true },
	/* counters */
	{ "packets", "cn1", true },
	{ "oversized", "cn2", true },
	{ "lost", "cn3", true },
	{ "flows_tracked", "flexNumber1", true },
};

static void extension(struct out *o, const char *key, const char *value, size_t size)
{
	out_printf(o, " %s=", key);
	out_escaped(o, value, size, "\\=");
}

static void direction(struct out *o, const char *value)
{
	out_printf(o, " deviceDirection=%d", strncmp(value, "rx", 2) ? 1 : 0);
}

/* The dictionary's src and dst are IPv4; for IPv6 it has places with labels. */
static void address(struct out *o, const char *key, const char *value, size_t size)
{
	bool source = !strcmp(key, "src");

	if (!memchr(value, ':', size)) {
		extension(o, key, value, size);
		return;
	}
	extension(o, source ? "c6a2" : "c6a3", value, size);
	out_printf(o, source ? " c6a2Label=Source IPv6 Address" : " c6a3Label=Destination IPv6 Address");
}

static void put_field(const char *name, const char *value, size_t size, void *arg)
{
	struct out *o = arg;

	if (!strcmp(name, "direction"))
		direction(o, value);
	for (size_t i = 0; i < sizeof(FIELDS) / sizeof(FIELDS[0]); i++) {
		if (strcmp(FIELDS[i].name, name))
			continue;
		if (!strcmp(FIELDS[i].key, "src") || !strcmp(FIELDS[i].key, "dst")) {
			address(o, FIELDS[i].key, value, size);
			return;
		}
		extension(o, FIELDS[i].key, value, size);
		if (FIELDS[i].labelled)
			out_printf(o, " %sLabel=%s", FIELDS[i].key, name);
		return;
	}
}

static void begin(struct out *o, const char *signature, const char *name, int severity, int64_t realtime_ms,
		  const struct sink_options *opt)
{
	out_string(o, "CEF:0|mtuscope|mtuscope|");
	out_escaped(o, opt && opt->version ? opt->version : "unknown", SIZE_MAX, "\\|");
	out_printf(o, "|%s|%s|%d|rt=%" PRId64, signature, name, severity, realtime_ms);
	if (opt && opt->hostname)
		extension(o, "dvchost", opt->hostname, SIZE_MAX);
}

static int end(struct out *o, const char *dataset, const char *message, size_t size)
{
	extension(o, "cat", dataset, SIZE_MAX);
	extension(o, "msg", message, size);
	out_char(o, '\n');
	return out_finish(o);
}

int sink_cef_finding(char *buf, size_t cap, const struct finding *f, int64_t realtime_ms,
		     const struct sink_options *opt)
{
	static const int numbers[] = { [SEVERITY_INFO] = 1, [SEVERITY_WARNING] = 5, [SEVERITY_CRITICAL] = 8 };
	bool graded = f->state != FINDING_RESOLVED && f->severity <= SEVERITY_CRITICAL;
	const char *class = finding_class_name(f->class);
	struct out o;

	out_init(&o, buf, cap);
	begin(&o, class, class, graded ? numbers[f->severity] : 1, realtime_ms, opt);
	out_printf(&o, " start=%" PRId64 " end=%" PRId64, f->first_seen_ms, f->last_seen_ms);
	fields_finding(f, put_field, &o);
	return end(&o, "mtuscope.finding", f->message, sizeof(f->message));
}

int sink_cef_status(char *buf, size_t cap, const struct status *s, int64_t realtime_ms, const struct sink_options *opt)
{
	const struct sentence said = sentence_status(s);
	struct out o;

	out_init(&o, buf, cap);
	begin(&o, "status", "mtuscope status", s->state == STATUS_DEGRADED ? 5 : 1, realtime_ms, opt);
	fields_status(s, put_field, &o);
	return end(&o, "mtuscope.status", said.text, said.len);
}

int sink_cef_ptb(char *buf, size_t cap, const struct ptb *p, int64_t realtime_ms, const struct sink_options *opt)
{
	const struct sentence said = sentence_ptb(p);
	struct out o;

	out_init(&o, buf, cap);
	begin(&o, "ptb", "too-big message", 1, realtime_ms, opt);
	out_printf(&o, " start=%" PRId64 " end=%" PRId64, p->first_seen_ms, p->last_seen_ms);
	fields_ptb(p, put_field, &o);
	return end(&o, "mtuscope.ptb", said.text, said.len);
}

int sink_cef_counters(char *buf, size_t cap, const struct snapshot *snap, int64_t realtime_ms,
		      const struct sink_options *opt)
{
	const struct sentence said = sentence_counters(snap);
	struct out o;

	out_init(&o, buf, cap);
	begin(&o, "counters", "mtuscope counters", 1, realtime_ms, opt);
	fields_counters(snap, put_field, &o);
	return end(&o, "mtuscope.counters", said.text, said.len);
}
