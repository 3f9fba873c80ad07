/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See fields.h. Called by the sinks rfc5424, cef and journal. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fields.h"
#include "format.h"
#include "sentence.h"

#define VALUE_MAX 192

struct fields {
	field_fn fn;
	void *arg;
};

static void put(const struct fields *to, const char *name, const char *value)
{
	to->fn(name, value, strlen(value), to->arg);
}

static void put_n(const struct fields *to, const char *name, const char *value, size_t size)
{
	if (size && value[0])
		to->fn(name, value, size, to->arg);
}

static void put_uint(const struct fields *to, const char *name, uint64_t value)
{
	char text[FORMAT_DECIMAL_LEN];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	put(to, name, text);
}

/* 0 is unknown. */
static void put_known(const struct fields *to, const char *name, uint64_t value)
{
	if (value)
		put_uint(to, name, value);
}

static void put_time(const struct fields *to, const char *name, int64_t realtime_ms)
{
	char text[FORMAT_TIME_LEN];

	format_time(text, realtime_ms);
	put(to, name, text);
}

static void put_ip(const struct fields *to, const char *name, const struct ip_address *ip)
{
	char text[FORMAT_IP_LEN];

	if (format_ip(text, ip))
		put(to, name, text);
}

/* The name of a list's nth member, n counting from 0. */
static const char *nth(char buf[32], const char *name, size_t n)
{
	if (n)
		snprintf(buf, 32, "%s_%zu", name, n + 1);
	return n ? buf : name;
}

static void finding_peer(const struct fields *to, const struct finding *f)
{
	char key[FORMAT_KEY_LEN], endpoint[FORMAT_ENDPOINT_LEN];

	if (!f->has_peer)
		return;
	format_key(key, f->public_key);
	put(to, "public_key", key);
	if (format_endpoint(endpoint, &f->endpoint))
		put(to, "endpoint", endpoint);
}

static void finding_sizes(const struct fields *to, const struct finding *f)
{
	put_known(to, "tunnel_mtu", f->tunnel_mtu);
	put_known(to, "path_mtu_lower", f->path_mtu_lower);
	put_known(to, "path_mtu_upper", f->path_mtu_upper);
	put(to, "path_mtu_exact", f->path_mtu_exact ? "true" : "false");
	put_known(to, "recommended_mtu", f->recommended_mtu);
	if (f->recommended_mtu)
		put(to, "recommended_basis", finding_basis_name(f->basis));
}

static void finding_flow(const struct fields *to, const struct finding_flow *flow)
{
	put(to, "transport", format_transport(flow->protocol));
	put_ip(to, "source_ip", &flow->source.ip);
	if (format_has_ports(flow->protocol))
		put_uint(to, "source_port", flow->source.port);
	put_ip(to, "destination_ip", &flow->destination.ip);
	if (format_has_ports(flow->protocol))
		put_uint(to, "destination_port", flow->destination.port);
	put_uint(to, "stalled_ms", flow->stalled_ms);
}

static void finding_evidence(const struct fields *to, const struct evidence *e, size_t n)
{
	char name[32], text[VALUE_MAX];
	struct out o;

	out_init(&o, text, sizeof(text));
	out_printf(&o, "%" PRIu64 " x %s", e->count, evidence_kind_name(e->kind));
	if (e->max_size)
		out_printf(&o, ", %" PRIu32 " to %" PRIu32 " bytes", e->min_size, e->max_size);
	put_n(to, nth(name, "evidence", n), text, o.len);
}

void fields_finding(const struct finding *f, field_fn fn, void *arg)
{
	struct fields to = { fn, arg };
	char name[32], confidence[FORMAT_DECIMAL_LEN];

	put_n(&to, "id", f->id, sizeof(f->id));
	put(&to, "class", finding_class_name(f->class));
	put(&to, "state", finding_state_name(f->state));
	put(&to, "severity", finding_severity_name(f->severity));
	if (format_decimal(confidence, f->confidence, 3))
		put(&to, "confidence", confidence);
	put_n(&to, "interface", f->interface, sizeof(f->interface));
	put(&to, "direction", direction_name(f->direction));
	finding_peer(&to, f);
	finding_sizes(&to, f);
	put_time(&to, "first_seen", f->first_seen_ms);
	put_time(&to, "last_seen", f->last_seen_ms);
	if (f->flows_n)
		finding_flow(&to, &f->flows[0]);
	for (size_t i = 0; i < at_most(f->evidence_n, FINDING_EVIDENCE_MAX); i++)
		finding_evidence(&to, &f->evidence[i], i);
	for (size_t i = 0; i < at_most(f->fixes_n, FINDING_FIXES_MAX); i++)
		put_n(&to, nth(name, "fix", i), f->fix[i], sizeof(f->fix[i]));
}

static void put_losses(const struct fields *to, const uint64_t losses[WIRE_LOSSES])
{
	char name[64];

	for (enum wire_loss i = 0; i < WIRE_LOSSES; i++) {
		snprintf(name, sizeof(name), "lost_%s", loss_name(i));
		put_uint(to, name, losses[i]);
	}
}

void fields_status(const struct status *s, field_fn fn, void *arg)
{
	struct hooks_count hooks = status_hooks_count(s);
	struct fields to = { fn, arg };
	size_t missing = 0;
	char name[32];

	put(&to, "state", status_state_name(s->state));
	put_uint(&to, "hooks_attached", hooks.attached);
	put_uint(&to, "hooks_missing", hooks.missing);
	put_uint(&to, "findings_opened", s->findings_opened);
	put_uint(&to, "findings_open", s->findings_open);
	put_uint(&to, "lost_records", s->records_lost);
	put_losses(&to, s->losses);
	for (size_t i = 0; i < s->links_n; i++)
		put_n(&to, nth(name, "interface", i), s->links[i].name, sizeof(s->links[i].name));
	for (size_t i = 0; i < at_most(s->hooks_n, STATUS_HOOKS_MAX); i++)
		if (!s->hooks[i].attached && s->hooks[i].blinds)
			put_n(&to, nth(name, "not_attached", missing++), s->hooks[i].name, sizeof(s->hooks[i].name));
}

void fields_ptb(const struct ptb *p, field_fn fn, void *arg)
{
	struct fields to = { fn, arg };

	put(&to, "direction", ptb_direction_name(p->direction));
	put_uint(&to, "count", p->count);
	put_uint(&to, "stories", p->stories);
	put_known(&to, "mtu", p->mtu);
	if (p->stories == 1)
		put(&to, "layer", p->inner ? "inner" : "outer");
	put_ip(&to, "reporter", &p->reporter);
	put_ip(&to, "host", &p->host.ip);
	put_known(&to, "host_port", p->host.port);
	put_ip(&to, "destination", &p->destination);
	put_n(&to, "interface", p->interface, sizeof(p->interface));
	put_time(&to, "first_seen", p->first_seen_ms);
	put_time(&to, "last_seen", p->last_seen_ms);
}

void fields_counters(const struct snapshot *snap, field_fn fn, void *arg)
{
	struct link_sums sums = link_sums_make(snap);
	struct fields to = { fn, arg };

	put_uint(&to, "packets", sums.packets);
	put_uint(&to, "oversized", sums.oversized);
	put_uint(&to, "interfaces", sums.links_n);
	put_uint(&to, "flows_tracked", snap->flows_n);
	put_uint(&to, "lost", sums.lost);
	put_losses(&to, snap->losses);
}
