/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The default records: a finding or a status enters, one line of JSON in the shape of the Elastic Common Schema leaves.
 * Called through sink.h. ECS fields stand at the top, everything of our own under "mtuscope".
 */
#include "audit/note.h"
#include "ecs_internal.h"
#include "joint.h"
#include "sentence.h"
#include "sinks.h"

#define ECS_VERSION "9.4.0"

/*
 * The strings of a status are cut so that the largest one fits into SINK_RECORD_MAX even where each byte
 * takes six as an escape. Ordinary text is shorter than these and is never cut.
 */
#define HOOK_NAME_MAX	   96
#define HOOK_WHY_MAX	   200
#define HOOK_BLINDS_MAX	   160
#define HOOK_FRAME_MAX	   80
#define INTERFACE_JSON_MAX (6 * IFACE_NAME_LEN + 80)
#define STATUS_FRAME_MAX   1024
#define JOINT_JSON_MAX	   (JOINT_ENDS * (JOINT_ROWS * 112 + 512))
_Static_assert(STATUS_HOOKS_MAX *(HOOK_NAME_MAX + HOOK_WHY_MAX + HOOK_BLINDS_MAX + HOOK_FRAME_MAX) +
			       WIRE_LINKS * INTERFACE_JSON_MAX + JOINT_JSON_MAX + STATUS_FRAME_MAX <=
		       SINK_RECORD_MAX,
	       "the largest status fits");
_Static_assert(6 * (FINDING_ID_LEN + 2 * IFACE_NAME_LEN + FINDING_MESSAGE_LEN + FINDING_FIXES_MAX * FINDING_FIX_LEN) +
			       128 * FINDING_EVIDENCE_MAX + 256 * FINDING_FLOWS_MAX + 2048 <=
		       SINK_RECORD_MAX,
	       "the largest finding fits");

void ecs_begin(struct json_writer *w, int64_t realtime_ms, const char *level, const char *message, size_t size,
	       const char *kind, const char *dataset)
{
	json_begin_object(w, NULL);
	json_put_time(w, "@timestamp", realtime_ms);
	json_put_string(w, "log.level", level);
	json_put_string_n(w, "message", message, size);
	json_put_string(w, "ecs.version", ECS_VERSION);
	json_begin_object(w, "event");
	json_put_string(w, "kind", kind);
	json_begin_array(w, "category");
	json_put_string(w, NULL, "network");
	json_end_array(w);
	json_begin_array(w, "type");
	json_put_string(w, NULL, "info");
	json_end_array(w);
	json_put_string(w, "module", "mtuscope");
	json_put_string(w, "dataset", dataset);
}

void ecs_own_begin(struct json_writer *w)
{
	json_begin_object(w, "mtuscope");
}

int ecs_end(struct json_writer *w)
{
	json_end_object(w);
	json_end_object(w);
	return json_finish_line(w);
}

void ecs_endpoint(struct json_writer *w, const char *key, const struct ip_endpoint *e, bool has_port)
{
	char ip[FORMAT_IP_LEN];

	if (!format_ip(ip, &e->ip)) {
		json_put_null(w, key);
		return;
	}
	json_begin_object(w, key);
	json_put_string(w, "ip", ip);
	if (has_port)
		json_put_uint(w, "port", e->port);
	json_end_object(w);
}

static void finding_peer(struct json_writer *w, const struct finding *f)
{
	char public_key[FORMAT_KEY_LEN];

	if (!f->has_peer) {
		json_put_null(w, "peer");
		return;
	}
	format_key(public_key, f->public_key);
	json_begin_object(w, "peer");
	json_put_string(w, "public_key", public_key);
	ecs_endpoint(w, "endpoint", &f->endpoint, true);
	json_end_object(w);
}

/* Where something does not arrive and nothing is proven to, that much is known: the path MTU is 0 or more. */
static void path_mtu(struct json_writer *w, uint32_t lower, uint32_t upper, bool exact)
{
	json_begin_object(w, "path_mtu");
	if (upper)
		json_put_uint(w, "lower", lower);
	else
		json_put_uint_or_null(w, "lower", lower);
	json_put_uint_or_null(w, "upper", upper);
	json_put_bool(w, "exact", exact);
	json_end_object(w);
}

static void finding_sizes(struct json_writer *w, const struct finding *f)
{
	path_mtu(w, f->path_mtu_lower, f->path_mtu_upper, f->path_mtu_exact);
	json_put_uint_or_null(w, "recommended_mtu", f->recommended_mtu);
	if (f->recommended_mtu)
		json_put_string(w, "recommended_basis", finding_basis_name(f->basis));
	else
		json_put_null(w, "recommended_basis");
}

static void finding_evidence(struct json_writer *w, const struct finding *f)
{
	json_begin_array(w, "evidence");
	for (size_t i = 0; i < at_most(f->evidence_n, FINDING_EVIDENCE_MAX); i++) {
		const struct evidence *e = &f->evidence[i];

		json_begin_object(w, NULL);
		json_put_string(w, "kind", evidence_kind_name(e->kind));
		json_put_uint(w, "count", e->count);
		json_put_uint_or_null(w, "min_size", e->min_size);
		json_put_uint_or_null(w, "max_size", e->max_size);
		json_end_object(w);
	}
	json_end_array(w);
}

static void finding_flows(struct json_writer *w, const struct finding *f)
{
	json_begin_array(w, "flows");
	for (size_t i = 0; i < at_most(f->flows_n, FINDING_FLOWS_MAX); i++) {
		const struct finding_flow *flow = &f->flows[i];
		bool has_ports = format_has_ports(flow->protocol);

		json_begin_object(w, NULL);
		json_put_string(w, "transport", format_transport(flow->protocol));
		ecs_endpoint(w, "source", &flow->source, has_ports);
		ecs_endpoint(w, "destination", &flow->destination, has_ports);
		json_put_uint(w, "stalled_ms", flow->stalled_ms);
		json_end_object(w);
	}
	json_end_array(w);
}

static void finding_fix(struct json_writer *w, const struct finding *f)
{
	json_begin_array(w, "fix");
	for (size_t i = 0; i < at_most(f->fixes_n, FINDING_FIXES_MAX); i++)
		json_put_string_n(w, NULL, f->fix[i], sizeof(f->fix[i]));
	json_end_array(w);
}

void ecs_finding_object(struct json_writer *w, const struct finding *f)
{
	json_begin_object(w, "finding");
	json_put_string_n(w, "id", f->id, sizeof(f->id));
	json_put_string(w, "class", finding_class_name(f->class));
	json_put_string(w, "state", finding_state_name(f->state));
	json_put_string(w, "severity", finding_severity_name(f->severity));
	json_put_decimal(w, "confidence", f->confidence, 3);
	json_put_string_n(w, "interface", f->interface, sizeof(f->interface));
	json_put_uint(w, "tunnel_mtu", f->tunnel_mtu);
	finding_peer(w, f);
	json_put_string(w, "direction", direction_name(f->direction));
	finding_sizes(w, f);
	finding_evidence(w, f);
	finding_flows(w, f);
	finding_fix(w, f);
	json_put_time(w, "first_seen", f->first_seen_ms);
	json_put_time(w, "last_seen", f->last_seen_ms);
	json_end_object(w);
}

int sink_ecs_finding(char *buf, size_t cap, const struct finding *f, int64_t realtime_ms,
		     const struct sink_options *opt)
{
	enum finding_severity level = f->state == FINDING_RESOLVED ? SEVERITY_INFO : f->severity;
	struct json_writer w;

	(void)opt;
	json_init(&w, buf, cap);
	ecs_begin(&w, realtime_ms, finding_severity_name(level), f->message, sizeof(f->message), "alert",
		  "mtuscope.finding");
	json_put_string_n(&w, "id", f->id, sizeof(f->id));
	json_put_string(&w, "action", finding_state_name(f->state));
	json_end_object(&w);
	json_begin_object(&w, "rule");
	json_put_string(&w, "name", finding_class_name(f->class));
	json_end_object(&w);
	ecs_own_begin(&w);
	ecs_finding_object(&w, f);
	return ecs_end(&w);
}

static void status_hooks(struct json_writer *w, const struct status *s)
{
	json_begin_array(w, "hooks");
	for (size_t i = 0; i < at_most(s->hooks_n, STATUS_HOOKS_MAX); i++) {
		const struct hook_status *h = &s->hooks[i];

		json_begin_object(w, NULL);
		json_put_string_cut(w, "name", h->name, sizeof(h->name), HOOK_NAME_MAX);
		json_put_bool(w, "attached", h->attached);
		if (h->attached) {
			json_put_string_n(w, "how", h->how, sizeof(h->how));
			json_put_null(w, "why_not");
		} else {
			json_put_null(w, "how");
			json_put_string_cut(w, "why_not", h->why_not, sizeof(h->why_not), HOOK_WHY_MAX);
			json_put_string_cut(w, "blinds", h->blinds, SIZE_MAX, HOOK_BLINDS_MAX);
		}
		json_end_object(w);
	}
	json_end_array(w);
}

static void status_interfaces(struct json_writer *w, const struct status *s)
{
	json_begin_array(w, "interfaces");
	for (size_t i = 0; i < s->links_n; i++) {
		const struct link *l = &s->links[i];
		char public_key[FORMAT_KEY_LEN];

		json_begin_object(w, NULL);
		json_put_string_n(w, "name", l->name, sizeof(l->name));
		json_put_string(w, "role", role_name(l->role));
		json_put_uint(w, "ifindex", l->ifindex);
		json_put_uint(w, "mtu", l->mtu);
		if (l->role == WIRE_ROLE_TUNNEL)
			json_put_string(w, "wireguard", l->kernel_wireguard ? "kernel" : "daemon");
		if (link_has_key(l)) {
			format_key(public_key, l->public_key);
			json_put_string(w, "public_key", public_key);
		}
		json_end_object(w);
	}
	json_end_array(w);
}

static void status_result(struct json_writer *w, const struct audit_result *r)
{
	json_begin_object(w, "check");
	json_put_uint(w, "tunnels", r->tunnels);
	json_put_uint(w, "peers", r->peers);
	for (enum finding_severity s = SEVERITY_INFO; s <= SEVERITY_CRITICAL; s++)
		json_put_uint(w, finding_severity_name(s), r->by_severity[s]);
	json_end_object(w);
}

/* What an audit says that has no class of its own: a status, and not a finding. */
static void status_note(struct json_writer *w, const struct audit_note *n)
{
	const struct finding *f = &n->finding;

	json_begin_object(w, "check");
	json_put_string_n(w, "rule", n->rule, sizeof(n->rule));
	json_put_string(w, "severity", finding_severity_name(f->severity));
	if (f->interface[0])
		json_put_string_n(w, "interface", f->interface, sizeof(f->interface));
	else
		json_put_null(w, "interface");
	finding_peer(w, f);
	finding_fix(w, f);
	json_end_object(w);
}

static void status_probe(struct json_writer *w, const struct status_probe *p)
{
	char ip[FORMAT_IP_LEN];

	json_begin_object(w, "probe");
	json_put_string(w, "to", format_ip(ip, &p->to) ? ip : NULL);
	path_mtu(w, p->lower, p->upper, p->exact);
	json_put_uint_or_null(w, "tunnel_mtu", p->tunnel_mtu);
	json_put_uint_or_null(w, "recommended_mtu", p->recommended_mtu);
	json_put_uint(w, "sent", p->sent);
	json_put_uint(w, "answered", p->answered);
	json_put_uint(w, "lost", p->lost);
	json_put_uint_or_null(w, "said_mtu", p->said_mtu);
	json_put_string(w, "said_by", format_ip(ip, &p->said_by) ? ip : NULL);
	json_end_object(w);
}

void ecs_status_object(struct json_writer *w, const struct status *s)
{
	json_begin_object(w, "status");
	json_put_string(w, "state", status_state_name(s->state));
	if (s->note) {
		status_note(w, s->note);
		json_end_object(w);
		return;
	}
	status_hooks(w, s);
	status_interfaces(w, s);
	json_begin_object(w, "lost");
	for (enum wire_loss i = 0; i < WIRE_LOSSES; i++)
		json_put_uint(w, loss_name(i), s->losses[i]);
	json_put_uint(w, "records", s->records_lost);
	json_end_object(w);
	json_begin_object(w, "findings");
	json_put_uint(w, "opened", s->findings_opened);
	json_put_uint(w, "open", s->findings_open);
	json_end_object(w);
	if (s->probes)
		json_put_uint(w, "probes_sent", s->probes_sent);
	if (s->result)
		status_result(w, s->result);
	if (s->probe)
		status_probe(w, s->probe);
	if (s->joint)
		ecs_joint(w, s->joint);
	json_end_object(w);
}

int sink_ecs_status(char *buf, size_t cap, const struct status *s, int64_t realtime_ms, const struct sink_options *opt)
{
	const char *level = finding_severity_name(s->state == STATUS_DEGRADED ? SEVERITY_WARNING : SEVERITY_INFO);
	struct json_writer w;
	struct sentence said;

	(void)opt;
	said = sentence_status(s);
	json_init(&w, buf, cap);
	ecs_begin(&w, realtime_ms, level, said.text, said.len, "state", "mtuscope.status");
	json_end_object(&w);
	ecs_own_begin(&w);
	ecs_status_object(&w, s);
	return ecs_end(&w);
}
