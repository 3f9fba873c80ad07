/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines for a person at a terminal: a finding or a status enters, a block of lines leaves, the first with the
 * time (UTC), the others indented under it. Called through sink.h. Severity is a word first and a colour second.
 * Names come from the network and the kernel: out_safe() keeps their control characters from the terminal.
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "audit/note.h"
#include "sinks.h"
#include "text_internal.h"

#define WORD_WIDTH   8 /* "CRITICAL", "RESOLVED", "DEGRADED" */
#define COLOR_OFF    "\033[0m"
#define COLOR_RED    "\033[1;31m"
#define COLOR_YELLOW "\033[1;33m"
#define COLOR_GREEN  "\033[1;32m"

static const char *severity_color(enum finding_severity severity)
{
	switch (severity) {
	case SEVERITY_CRITICAL:
		return COLOR_RED;
	case SEVERITY_WARNING:
		return COLOR_YELLOW;
	default:
		return COLOR_NEUTRAL;
	}
}

void text_first_columns(struct out *o, int64_t realtime_ms, const char *word, const char *color, bool with_color)
{
	char clock[FORMAT_CLOCK_LEN];

	format_clock(clock, realtime_ms);
	out_printf(o, "%s  %s", clock, with_color ? color : "");
	for (const char *p = word; *p; p++)
		out_char(o, (char)toupper((unsigned char)*p));
	if (with_color)
		out_string(o, COLOR_OFF);
	for (size_t i = strlen(word); i < WORD_WIDTH + 2; i++)
		out_char(o, ' ');
}

static void finding_headline(struct out *o, const struct finding *f, int64_t realtime_ms, bool color)
{
	bool resolved = f->state == FINDING_RESOLVED, tx = f->direction == WIRE_TX;
	char key[FORMAT_KEY_LEN];

	if (resolved)
		text_first_columns(o, realtime_ms, finding_state_name(f->state), COLOR_GREEN, color);
	else
		text_first_columns(o, realtime_ms, finding_severity_name(f->severity), severity_color(f->severity),
				   color);
	out_printf(o, "%s  ", finding_class_name(f->class));
	out_safe(o, f->interface, sizeof(f->interface));
	if (f->has_peer) {
		format_key(key, f->public_key);
		out_printf(o, "  peer %.*s...  %s", KEY_SHOWN, key, tx ? "towards the peer" : "from the peer");
	} else {
		out_string(o, tx ? "  outgoing" : "  incoming");
	}
	if (!resolved)
		out_printf(o, "  (%s)", finding_state_name(f->state));
	out_char(o, '\n');
}

void out_path_mtu(struct out *o, const struct finding *f)
{
	if (f->path_mtu_exact && f->path_mtu_lower)
		out_printf(o, "path MTU %" PRIu32 " (outer)", f->path_mtu_lower);
	else if (f->path_mtu_lower && f->path_mtu_upper)
		out_printf(o, "path MTU at least %" PRIu32 ", below %" PRIu32 " (outer)", f->path_mtu_lower,
			   f->path_mtu_upper);
	else if (f->path_mtu_lower)
		out_printf(o, "path MTU at least %" PRIu32 " (outer)", f->path_mtu_lower);
	else if (f->path_mtu_upper)
		out_printf(o, "path MTU below %" PRIu32 " (outer)", f->path_mtu_upper);
}

void out_confidence(struct out *o, const struct finding *f)
{
	char confidence[FORMAT_DECIMAL_LEN];

	format_decimal(confidence, f->confidence, 2);
	out_printf(o, "confidence %s", confidence[0] ? confidence : "unknown");
}

void out_at(struct out *o, const struct ip_endpoint *e)
{
	char endpoint[FORMAT_ENDPOINT_LEN];

	format_endpoint(endpoint, e);
	out_printf(o, "at %s", endpoint[0] ? endpoint : "no known endpoint");
}

static void finding_sizes(struct out *o, const struct finding *f)
{
	out_string(o, INDENT);
	out_path_mtu(o, f);
	if (f->path_mtu_lower || f->path_mtu_upper)
		out_string(o, "; ");
	if (f->tunnel_mtu)
		out_printf(o, "tunnel MTU %" PRIu32 "%s", f->tunnel_mtu, f->recommended_mtu ? " -> " : "; ");
	if (f->recommended_mtu)
		out_printf(o, "set %" PRIu32 " (%s); ", f->recommended_mtu, finding_basis_name(f->basis));
	out_confidence(o, f);
	out_char(o, '\n');
}

static void finding_peer(struct out *o, const struct finding *f)
{
	char key[FORMAT_KEY_LEN];

	if (!f->has_peer)
		return;
	format_key(key, f->public_key);
	out_printf(o, INDENT "peer: %s ", key);
	out_at(o, &f->endpoint);
	out_char(o, '\n');
}

void out_evidence(struct out *o, const struct evidence *e)
{
	out_printf(o, "%" PRIu64 " x %s", e->count, evidence_kind_name(e->kind));
	if (e->min_size && e->max_size && e->min_size != e->max_size)
		out_printf(o, ", %" PRIu32 " to %" PRIu32 " bytes", e->min_size, e->max_size);
	else if (e->min_size || e->max_size)
		out_printf(o, ", %" PRIu32 " bytes", e->max_size ? e->max_size : e->min_size);
}

static void finding_evidence(struct out *o, const struct finding *f)
{
	for (size_t i = 0; i < at_most(f->evidence_n, FINDING_EVIDENCE_MAX); i++) {
		out_string(o, INDENT "evidence: ");
		out_evidence(o, &f->evidence[i]);
		out_char(o, '\n');
	}
}

static void flow_end(struct out *o, const struct ip_endpoint *e, bool has_ports)
{
	char text[FORMAT_ENDPOINT_LEN];

	if (has_ports ? format_endpoint(text, e) : format_ip(text, &e->ip))
		out_string(o, text);
	else
		out_string(o, "unknown");
}

void out_flow(struct out *o, const struct finding_flow *flow)
{
	bool has_ports = format_has_ports(flow->protocol);

	out_printf(o, "%s ", format_transport(flow->protocol));
	flow_end(o, &flow->source, has_ports);
	out_string(o, " -> ");
	flow_end(o, &flow->destination, has_ports);
	out_printf(o, ", stalled for %" PRIu32 ".%" PRIu32 " s", flow->stalled_ms / 1000,
		   flow->stalled_ms % 1000 / 100);
}

static void finding_flows(struct out *o, const struct finding *f)
{
	for (size_t i = 0; i < at_most(f->flows_n, FINDING_FLOWS_MAX); i++) {
		out_string(o, INDENT "flow: ");
		out_flow(o, &f->flows[i]);
		out_char(o, '\n');
	}
}

static void finding_fix(struct out *o, const struct finding *f)
{
	for (size_t i = 0; i < at_most(f->fixes_n, FINDING_FIXES_MAX); i++) {
		out_string(o, INDENT "fix: ");
		out_safe(o, f->fix[i], sizeof(f->fix[i]));
		out_char(o, '\n');
	}
}

int sink_text_finding(char *buf, size_t cap, const struct finding *f, int64_t realtime_ms,
		      const struct sink_options *opt)
{
	struct out o;

	out_init(&o, buf, cap);
	finding_headline(&o, f, realtime_ms, opt && opt->color);
	out_string(&o, INDENT);
	out_safe(&o, f->message, sizeof(f->message));
	out_char(&o, '\n');
	if (f->state == FINDING_RESOLVED)
		return out_finish(&o);
	finding_sizes(&o, f);
	if (opt && opt->verbose > 0) {
		finding_peer(&o, f);
		finding_evidence(&o, f);
		finding_flows(&o, f);
	}
	finding_fix(&o, f);
	return out_finish(&o);
}

/* "lost: 3 flow_evicted, 1 unparsed", and whether there was anything to say. */
static bool losses(struct out *o, const struct status *s)
{
	const char *before = "lost: ";

	for (enum wire_loss i = 0; i < WIRE_LOSSES; i++) {
		if (!s->losses[i])
			continue;
		out_printf(o, "%s%" PRIu64 " %s", before, s->losses[i], loss_name(i));
		before = ", ";
	}
	if (s->records_lost) {
		out_printf(o, "%s%" PRIu64 " records", before, s->records_lost);
		before = ", ";
	}
	return before[0] == ',';
}

static void status_exit(struct out *o, const struct status *s)
{
	out_printf(o, "%" PRIu64 " %s, %" PRIu64 " still open; ", s->findings_opened,
		   s->findings_opened == 1 ? "finding" : "findings", s->findings_open);
	if (!losses(o, s))
		out_string(o, "lost: nothing");
	out_char(o, '\n');
}

static void status_watching(struct out *o, const struct status *s)
{
	out_string(o, s->links_n ? "watching " : "watching no interface");
	for (size_t i = 0; i < s->links_n; i++) {
		const struct link *l = &s->links[i];

		out_string(o, i ? ", " : "");
		out_safe(o, l->name, sizeof(l->name));
		out_printf(o, " (%s, MTU %" PRIu32 ")", role_name(l->role), l->mtu);
	}
	out_char(o, '\n');
}

/* WireGuard outside the kernel has no hooks inside. */
static void status_daemons(struct out *o, const struct status *s)
{
	for (size_t i = 0; i < s->links_n; i++) {
		const struct link *l = &s->links[i];

		if (l->role != WIRE_ROLE_TUNNEL || l->kernel_wireguard)
			continue;
		out_string(o, INDENT);
		out_safe(o, l->name, sizeof(l->name));
		out_string(
			o,
			" is not the kernel's WireGuard, unseen: its errors of sending, packets from wrong sources\n");
	}
}

static void status_hooks(struct out *o, const struct status *s)
{
	size_t hooks_n = at_most(s->hooks_n, STATUS_HOOKS_MAX);
	struct hooks_count n = status_hooks_count(s);

	if (!s->hooks_n)
		return; /* a recording does not say */
	out_printf(o, INDENT "hooks: %zu attached, %zu missing\n", n.attached, n.missing);
	for (size_t i = 0; i < hooks_n; i++) {
		const struct hook_status *h = &s->hooks[i];

		if (h->attached || !h->blinds)
			continue;
		out_string(o, INDENT "missing: ");
		out_safe(o, h->name, sizeof(h->name));
		out_string(o, " (");
		out_safe(o, h->why_not, sizeof(h->why_not));
		out_string(o, "), unseen: ");
		out_safe(o, h->blinds, STATUS_REASON_LEN);
		out_char(o, '\n');
	}
}

/* What an audit says that has no class, in the shape of a finding. */
static void status_note(struct out *o, const struct audit_note *n, int64_t realtime_ms, bool color)
{
	const struct finding *f = &n->finding;
	char key[FORMAT_KEY_LEN];

	text_first_columns(o, realtime_ms, finding_severity_name(f->severity), severity_color(f->severity), color);
	out_safe(o, n->rule, sizeof(n->rule));
	out_string(o, f->interface[0] ? "  " : "");
	out_safe(o, f->interface, sizeof(f->interface));
	if (f->has_peer) {
		format_key(key, f->public_key);
		out_printf(o, "  peer %.*s...", KEY_SHOWN, key);
	}
	out_string(o, "\n" INDENT);
	out_safe(o, f->message, sizeof(f->message));
	out_char(o, '\n');
	finding_fix(o, f);
}

/* '|' begins the performance data, also within a name. */
static void out_before_bar(struct out *o, const char *s, size_t size)
{
	size_t from = o->len;

	out_safe(o, s, size);
	for (size_t i = from; i < o->len; i++)
		if (o->buf[i] == '|')
			o->buf[i] = '/';
}

/* The first line of a monitoring plug-in: state, what is worst, and numbers after '|'. */
static void status_result(struct out *o, const struct audit_result *r)
{
	size_t warnings = r->by_severity[SEVERITY_WARNING], criticals = r->by_severity[SEVERITY_CRITICAL];

	out_printf(o, "MTUSCOPE %s - %zu %s, %zu %s",
		   criticals  ? "CRITICAL"
		   : warnings ? "WARNING"
			      : "OK",
		   r->tunnels, r->tunnels == 1 ? "tunnel" : "tunnels", r->peers, r->peers == 1 ? "peer" : "peers");
	if (r->worst) {
		out_printf(o, ", %zu %s: ", warnings + criticals, warnings + criticals == 1 ? "warning" : "warnings");
		out_before_bar(o, r->worst->finding.message, sizeof(r->worst->finding.message));
	} else {
		out_string(o, ", nothing found");
	}
	out_printf(o, " | tunnels=%zu peers=%zu warnings=%zu;0 criticals=%zu;;0 notes=%zu\n", r->tunnels, r->peers,
		   warnings, criticals, r->by_severity[SEVERITY_INFO]);
}

int sink_text_status(char *buf, size_t cap, const struct status *s, int64_t realtime_ms, const struct sink_options *opt)
{
	size_t mark;
	struct out o;

	out_init(&o, buf, cap);
	if (s->note || s->result) {
		if (s->note)
			status_note(&o, s->note, realtime_ms, opt && opt->color);
		else
			status_result(&o, s->result);
		return out_finish(&o);
	}
	text_first_columns(&o, realtime_ms, status_state_name(s->state),
			   s->state == STATUS_DEGRADED ? COLOR_YELLOW : COLOR_NEUTRAL, opt && opt->color);
	if (s->state == STATUS_EXIT) {
		status_exit(&o, s);
		if (s->joint)
			text_joint(&o, s->joint);
		return out_finish(&o);
	}
	status_watching(&o, s);
	status_daemons(&o, s);
	status_hooks(&o, s);
	mark = o.len;
	out_string(&o, INDENT);
	if (losses(&o, s))
		out_char(&o, '\n');
	else
		o.len = mark;
	return out_finish(&o);
}
