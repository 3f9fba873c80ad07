/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Open Cybersecurity Schema Framework 1.8: a record enters, one line of JSON leaves. Called through sink.h. A finding is a
 * Detection Finding (2004), a too-big message a Network Activity (4001) of the kind "other"; for status and counters, and
 * for messages told together, OCSF has no class, so they are Base Events (0). All that is our own is under
 * unmapped.mtuscope, just as in ECS.
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#include "ecs_internal.h"
#include "sentence.h"
#include "sinks.h"

#define OCSF_VERSION	"1.8.0"
#define CLASS_BASE	0
#define CLASS_FINDING	2004
#define CLASS_NETWORK	4001
#define ACTIVITY_OTHER	99
#define CONFIDENCE_SURE 0.9 /* from here on "high"; below half it is "low" */
#define CONFIDENCE_WEAK 0.5

static const struct grade {
	int id;
	const char *name;
} GRADES[] = { [SEVERITY_INFO] = { 1, "Informational" },
	       [SEVERITY_WARNING] = { 3, "Medium" },
	       [SEVERITY_CRITICAL] = { 5, "Critical" } };

static void metadata(struct json_writer *w, const char *dataset, const struct sink_options *opt)
{
	json_begin_object(w, "metadata");
	json_put_string(w, "version", OCSF_VERSION);
	json_begin_object(w, "product");
	json_put_string(w, "name", "mtuscope");
	json_put_string(w, "vendor_name", "mtuscope");
	if (opt && opt->version)
		json_put_string(w, "version", opt->version);
	json_end_object(w);
	json_put_string(w, "log_name", dataset);
	json_end_object(w);
}

static void begin(struct json_writer *w, int class, int activity, const char *activity_name,
		  enum finding_severity severity, int64_t realtime_ms)
{
	const struct grade *grade = &GRADES[severity <= SEVERITY_CRITICAL ? severity : SEVERITY_INFO];

	json_begin_object(w, NULL);
	json_put_int(w, "time", realtime_ms);
	json_put_int(w, "class_uid", class);
	json_put_int(w, "category_uid", class / 1000);
	json_put_int(w, "activity_id", activity);
	json_put_string(w, "activity_name", activity_name);
	json_put_int(w, "type_uid", class * 100 + activity);
	json_put_int(w, "severity_id", grade->id);
	json_put_string(w, "severity", grade->name);
}

static void own_begin(struct json_writer *w)
{
	json_begin_object(w, "unmapped");
	json_begin_object(w, "mtuscope");
}

static int own_end(struct json_writer *w)
{
	json_end_object(w);
	json_end_object(w);
	json_end_object(w);
	return json_finish_line(w);
}

static void finding_info(struct json_writer *w, const struct finding *f)
{
	const char *class = finding_class_name(f->class);

	json_begin_object(w, "finding_info");
	json_put_string_n(w, "uid", f->id, sizeof(f->id));
	json_put_string(w, "title", class);
	json_begin_object(w, "analytic");
	json_put_int(w, "type_id", 1); /* a rule */
	json_put_string(w, "name", class);
	json_end_object(w);
	json_put_int(w, "first_seen_time", f->first_seen_ms);
	json_put_int(w, "last_seen_time", f->last_seen_ms);
	json_end_object(w);
}

/* As in ECS, but for that OCSF knows no null. */
static void endpoint(struct json_writer *w, const char *key, const struct ip_endpoint *e, bool has_port)
{
	char ip[FORMAT_IP_LEN];

	if (format_ip(ip, &e->ip))
		ecs_endpoint(w, key, e, has_port);
}

static void connection(struct json_writer *w, bool outbound, uint8_t protocol, uint8_t family)
{
	json_begin_object(w, "connection_info");
	json_put_int(w, "direction_id", outbound ? 2 : 1);
	json_put_string(w, "protocol_name", format_transport(protocol));
	json_put_int(w, "protocol_num", protocol);
	if (family == AF_INET || family == AF_INET6)
		json_put_int(w, "protocol_ver_id", family == AF_INET6 ? 6 : 4);
	json_end_object(w);
}

static void evidences(struct json_writer *w, const struct finding *f)
{
	json_begin_array(w, "evidences");
	for (size_t i = 0; i < at_most(f->flows_n, FINDING_FLOWS_MAX); i++) {
		const struct finding_flow *flow = &f->flows[i];
		bool has_ports = format_has_ports(flow->protocol);

		json_begin_object(w, NULL);
		connection(w, f->direction == WIRE_TX, flow->protocol, flow->source.ip.family);
		endpoint(w, "src_endpoint", &flow->source, has_ports);
		endpoint(w, "dst_endpoint", &flow->destination, has_ports);
		json_end_object(w);
	}
	json_end_array(w);
}

static void remediation(struct json_writer *w, const struct finding *f)
{
	char text[FINDING_FIXES_MAX * (FINDING_FIX_LEN + 1)];
	struct out o;

	if (!f->fixes_n)
		return;
	out_init(&o, text, sizeof(text));
	for (size_t i = 0; i < at_most(f->fixes_n, FINDING_FIXES_MAX); i++) {
		if (i)
			out_char(&o, '\n');
		out_bytes(&o, f->fix[i], strnlen(f->fix[i], sizeof(f->fix[i])));
	}
	json_begin_object(w, "remediation");
	json_put_string_n(w, "desc", text, o.len);
	json_end_object(w);
}

static void resources(struct json_writer *w, const struct finding *f)
{
	json_begin_array(w, "resources");
	json_begin_object(w, NULL);
	json_put_string_n(w, "name", f->interface, sizeof(f->interface));
	json_put_string(w, "type", "network interface");
	json_end_object(w);
	json_end_array(w);
}

static void confidence(struct json_writer *w, double value)
{
	if (!(value >= 0 && value <= 1))
		return;
	json_put_int(w, "confidence_id", value >= CONFIDENCE_SURE ? 3 : value >= CONFIDENCE_WEAK ? 2 : 1);
	json_put_int(w, "confidence_score", (int)(value * 100 + 0.5));
}

int sink_ocsf_finding(char *buf, size_t cap, const struct finding *f, int64_t realtime_ms,
		      const struct sink_options *opt)
{
	static const struct {
		int activity, status;
		const char *name;
	} states[] = { [FINDING_OPEN] = { 1, 1, "Create" },
		       [FINDING_UPDATE] = { 2, 2, "Update" },
		       [FINDING_RESOLVED] = { 3, 4, "Close" } };
	size_t state = f->state <= FINDING_RESOLVED ? f->state : FINDING_UPDATE;
	struct json_writer w;

	json_init(&w, buf, cap);
	begin(&w, CLASS_FINDING, states[state].activity, states[state].name, f->severity, realtime_ms);
	json_put_int(&w, "status_id", states[state].status);
	json_put_string_n(&w, "message", f->message, sizeof(f->message));
	json_put_bool(&w, "is_alert", true);
	metadata(&w, "mtuscope.finding", opt);
	confidence(&w, f->confidence);
	finding_info(&w, f);
	evidences(&w, f);
	remediation(&w, f);
	resources(&w, f);
	own_begin(&w);
	ecs_finding_object(&w, f);
	return own_end(&w);
}

int sink_ocsf_status(char *buf, size_t cap, const struct status *s, int64_t realtime_ms, const struct sink_options *opt)
{
	enum finding_severity severity = s->state == STATUS_DEGRADED ? SEVERITY_WARNING : SEVERITY_INFO;
	struct sentence said;
	struct json_writer w;

	said = sentence_status(s);
	json_init(&w, buf, cap);
	begin(&w, CLASS_BASE, ACTIVITY_OTHER, "status", severity, realtime_ms);
	json_put_string_n(&w, "message", said.text, said.len);
	metadata(&w, "mtuscope.status", opt);
	own_begin(&w);
	ecs_status_object(&w, s);
	return own_end(&w);
}

static void ptb_endpoints(struct json_writer *w, const struct ptb *p)
{
	struct ip_endpoint reporter = { .ip = p->reporter };
	uint8_t protocol = p->family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;

	connection(w, p->direction != PTB_RX, protocol, p->family);
	if (p->direction == PTB_RX)
		endpoint(w, "src_endpoint", &reporter, false);
	else
		endpoint(w, "dst_endpoint", &p->host, false);
}

int sink_ocsf_ptb(char *buf, size_t cap, const struct ptb *p, int64_t realtime_ms, const struct sink_options *opt)
{
	const struct ip_address *ip = p->direction == PTB_RX ? &p->reporter : &p->host.ip;
	struct sentence said;
	char address[FORMAT_IP_LEN];
	bool has_endpoint = format_ip(address, ip);
	struct json_writer w;

	said = sentence_ptb(p);
	json_init(&w, buf, cap);
	begin(&w, has_endpoint ? CLASS_NETWORK : CLASS_BASE, ACTIVITY_OTHER, "too-big message", SEVERITY_INFO,
	      realtime_ms);
	json_put_string_n(&w, "message", said.text, said.len);
	metadata(&w, "mtuscope.ptb", opt);
	json_put_int(&w, "start_time", p->first_seen_ms);
	json_put_int(&w, "end_time", p->last_seen_ms);
	if (has_endpoint)
		ptb_endpoints(&w, p);
	own_begin(&w);
	ecs_ptb_object(&w, p);
	return own_end(&w);
}

int sink_ocsf_counters(char *buf, size_t cap, const struct snapshot *snap, int64_t realtime_ms,
		       const struct sink_options *opt)
{
	struct sentence said;
	struct totals totals;
	struct json_writer w;
	int err = totals_make(&totals, snap);

	if (err)
		return err;
	said = sentence_counters(snap);
	json_init(&w, buf, cap);
	begin(&w, CLASS_BASE, ACTIVITY_OTHER, "counters", SEVERITY_INFO, realtime_ms);
	json_put_string_n(&w, "message", said.text, said.len);
	metadata(&w, "mtuscope.counters", opt);
	own_begin(&w);
	ecs_counters_object(&w, snap, &totals);
	totals_free(&totals);
	return own_end(&w);
}
