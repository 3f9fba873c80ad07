/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sinks. Findings and status made here go in; what leaves is parsed by jansson, which is strict about UTF-8, or
 * compared as text. Run by `make check`.
 */
#include <netinet/in.h>

#include "audit/note.h"
#include "joint.h"
#include "sink_scene.h"

static struct ip_endpoint endpoint(int family, const char *text, uint16_t port)
{
	struct ip_endpoint e = { .ip.family = (uint8_t)family, .port = port };

	assert_int_equal(inet_pton(family, text, e.ip.bytes), 1);
	return e;
}

static struct finding blackhole(void)
{
	struct finding f = {
		.id = "0123456789abcdef0123456789abcdef",
		.class = FINDING_PATH_BLACKHOLE,
		.severity = SEVERITY_CRITICAL,
		.confidence = 0.9666,
		.interface = "wg0",
		.tunnel_mtu = 8920,
		.has_peer = true,
		.public_key = { 0xff, 0xfe, 0xfd },
		.endpoint = endpoint(AF_INET, "192.0.2.1", 51820),
		.direction = WIRE_TX,
		.path_mtu_lower = 588,
		.path_mtu_upper = 8312,
		.recommended_mtu = 1280,
		.basis = BASIS_FLOOR,
		.evidence = { { EVIDENCE_TCP_RETRANSMIT, 9, 8312, 8980 }, { EVIDENCE_COUNTER_GAP, 12, 0, 0 } },
		.evidence_n = 2,
		.flows = { { IPPROTO_TCP, endpoint(AF_INET, "10.0.0.1", 25), endpoint(AF_INET, "10.1.0.2", 40000),
			     3250 },
			   { IPPROTO_ICMPV6, endpoint(AF_INET6, "2001:db8::1", 7), endpoint(AF_INET6, "2001:db8::2", 7),
			     0 } },
		.flows_n = 2,
		.fix = { "ip link set dev wg0 mtu 1280" },
		.fixes_n = 1,
		.message = "Packets above 8311 bytes vanish.",
		.first_seen_ms = NOON - 5000,
		.last_seen_ms = NOON,
	};

	return f;
}

static struct link watched[] = {
	{ .ifindex = 7, .name = "wg0", .mtu = 8920, .role = WIRE_ROLE_TUNNEL, .kernel_wireguard = true },
	{ .ifindex = 2, .name = "eth0", .mtu = 9000, .role = WIRE_ROLE_UNDERLAY },
};

static void status_make(struct status *s, enum status_state state)
{
	*s = (struct status){
		.state = state,
		.hooks = { { .name = "tc egress wg0", .attached = true, .how = "tcx", .blinds = "everything" },
			   { .name = "wg_xmit", .why_not = "no BTF", .blinds = "oversized packets" } },
		.hooks_n = 2,
		.links = watched,
		.links_n = 2,
		.findings_opened = 3,
		.findings_open = 1,
	};
}

static json_t *ecs_finding(const struct finding *f)
{
	return parsed(sink_named("ecs")->finding(record, SINK_RECORD_MAX, f, NOON, NULL));
}

static const char *text_finding(const struct finding *f, const struct sink_options *opt)
{
	int n = sink_named("text")->finding(record, SINK_RECORD_MAX, f, NOON, opt);

	assert_true(n > 0);
	record[n] = '\0';
	return record;
}

static const char *text_status(const struct status *s)
{
	int n = sink_named("text")->status(record, SINK_RECORD_MAX, s, NOON, NULL);

	assert_true(n > 0);
	record[n] = '\0';
	return record;
}

static void the_registry_finds_each_sink(void **state)
{
	const struct sink *sink;
	size_t i;

	(void)state;
	for (i = 0; (sink = sink_at(i)); i++) {
		assert_ptr_equal(sink_named(sink->name), sink);
		assert_non_null(sink->description);
	}
	assert_true(i >= 2);
	assert_string_equal(sink_at(0)->name, "ecs");
	assert_null(sink_named("gopher"));
}

static void ecs_finding_is_the_contract(void **state)
{
	struct finding f = blackhole();
	json_t *root = ecs_finding(&f), *finding;

	(void)state;
	finding = json_incref(json_object_get(json_object_get(root, "mtuscope"), "finding"));
	assert_int_equal(json_object_size(json_object_get(root, "mtuscope")), 1);
	json_object_del(root, "mtuscope");
	assert_json(root, json_pack("{ss ss ss ss s{ss s[s] s[s] ss ss ss ss} s{ss}}", "@timestamp",
				    "2026-01-01T11:01:07.250Z", "log.level", "critical", "message", f.message,
				    "ecs.version", "9.4.0", "event", "kind", "alert", "category", "network", "type",
				    "info", "module", "mtuscope", "dataset", "mtuscope.finding", "id", f.id, "action",
				    "open", "rule", "name", "path-blackhole"));
	assert_json(json_object_get(finding, "flows"),
		    json_pack("[{ss s{ss si} s{ss si} si} {ss s{ss} s{ss} si}]", "transport", "tcp", "source", "ip",
			      "10.0.0.1", "port", 25, "destination", "ip", "10.1.0.2", "port", 40000, "stalled_ms",
			      3250, "transport", "ipv6-icmp", "source", "ip", "2001:db8::1", "destination", "ip",
			      "2001:db8::2", "stalled_ms", 0));
	assert_json(json_object_get(finding, "evidence"),
		    json_pack("[{ss si si si} {ss si sn sn}]", "kind", "tcp-retransmit", "count", 9, "min_size", 8312,
			      "max_size", 8980, "kind", "counter-gap", "count", 12, "min_size", "max_size"));
	json_object_del(finding, "flows");
	json_object_del(finding, "evidence");
	assert_json(finding,
		    json_pack("{ss ss ss ss sf ss si s{ss s{ss si}} ss s{si si sb} si ss s[s] ss ss}", "id", f.id,
			      "class", "path-blackhole", "state", "open", "severity", "critical", "confidence", 0.967,
			      "interface", "wg0", "tunnel_mtu", 8920, "peer", "public_key",
			      "//79AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "endpoint", "ip", "192.0.2.1", "port",
			      51820, "direction", "tx", "path_mtu", "lower", 588, "upper", 8312, "exact", 0,
			      "recommended_mtu", 1280, "recommended_basis", "floor", "fix", f.fix[0], "first_seen",
			      "2026-01-01T11:01:02.250Z", "last_seen", "2026-01-01T11:01:07.250Z"));
	json_decref(finding);
	json_decref(root);
}

/* Of a path that is known not to carry a size nothing may have been proven to arrive: the bracket begins at 0. */
static void ecs_bracket_begins_at_0(void **state)
{
	struct finding f = { .path_mtu_upper = 8312 };
	json_t *root = ecs_finding(&f), *finding = json_object_get(json_object_get(root, "mtuscope"), "finding");

	(void)state;
	assert_json(json_object_get(finding, "path_mtu"),
		    json_pack("{si si sb}", "lower", 0, "upper", 8312, "exact", 0));
	json_decref(root);
}

static void ecs_unknowns_are_null(void **state)
{
	struct finding f = { .state = FINDING_RESOLVED, .severity = SEVERITY_CRITICAL, .path_mtu_exact = true };
	json_t *root = ecs_finding(&f), *finding, *peer;

	(void)state;
	finding = json_object_get(json_object_get(root, "mtuscope"), "finding");
	assert_string_equal(json_string_value(json_object_get(root, "log.level")), "info");
	assert_string_equal(json_string_value(json_object_get(finding, "severity")), "critical");
	assert_string_equal(json_string_value(json_object_get(finding, "state")), "resolved");
	assert_true(json_is_null(json_object_get(finding, "peer")));
	assert_true(json_is_null(json_object_get(finding, "recommended_mtu")));
	assert_json(json_object_get(finding, "path_mtu"), json_pack("{sn sn sb}", "lower", "upper", "exact", 1));
	json_decref(root);

	f.has_peer = true;
	root = ecs_finding(&f);
	peer = json_object_get(json_object_get(json_object_get(root, "mtuscope"), "finding"), "peer");
	assert_true(json_is_null(json_object_get(peer, "endpoint")));
	json_decref(root);
}

static void ecs_status_is_the_contract(void **state)
{
	static struct status s;
	json_t *root;

	(void)state;
	status_make(&s, STATUS_DEGRADED);
	s.losses[WIRE_LOSS_TALLY_FULL] = 4;
	root = parsed(sink_named("ecs")->status(record, SINK_RECORD_MAX, &s, NOON, NULL));
	assert_json(root,
		    json_pack("{ss ss ss ss s{ss s[s] s[s] ss ss} s{s{ss s[{ss sb ss sn}{ss sb sn ss ss}]"
			      "s[{ss ss si si ss}{ss ss si si}] s{si si si si si si si} s{si si}}}}",
			      "@timestamp", "2026-01-01T11:01:07.250Z", "log.level", "warning", "message",
			      "mtuscope watches 2 interface(s) with 1 hooks attached, 1 missing", "ecs.version",
			      "9.4.0", "event", "kind", "state", "category", "network", "type", "info", "module",
			      "mtuscope", "dataset", "mtuscope.status", "mtuscope", "status", "state", "degraded",
			      "hooks", "name", "tc egress wg0", "attached", 1, "how", "tcx", "why_not", "name",
			      "wg_xmit", "attached", 0, "how", "why_not", "no BTF", "blinds", "oversized packets",
			      "interfaces", "name", "wg0", "role", "tunnel", "ifindex", 7, "mtu", 8920, "wireguard",
			      "kernel", "name", "eth0", "role", "underlay", "ifindex", 2, "mtu", 9000, "lost",
			      "flow_evicted", 0, "flow_refused", 0, "session_full", 0, "tally_full", 4, "unparsed", 0,
			      "clock_late", 0, "records", 0, "findings", "opened", 3, "open", 1));
	json_decref(root);
}

/* Every string as long as it may be, without a NUL, and of a byte that takes most room; every number at its maximum. */
static void the_largest_finding_fits(void **state)
{
	struct sink_options opt = { .color = true, .verbose = 1 };
	const struct sink *sink;
	struct finding f;

	(void)state;
	memset(&f, 0x01, sizeof(f));
	f.evidence_n = f.flows_n = f.fixes_n = SIZE_MAX;
	f.confidence = 1e12 / 3;
	f.has_peer = f.path_mtu_exact = true;
	f.endpoint.ip.family = AF_INET6;
	for (size_t i = 0; i < FINDING_FLOWS_MAX; i++) {
		f.flows[i].protocol = IPPROTO_TCP;
		f.flows[i].source.ip.family = f.flows[i].destination.ip.family = AF_INET6;
		memset(f.flows[i].source.ip.bytes, 0xff, 16);
	}
	json_decref(ecs_finding(&f));
	for (size_t i = 0; (sink = sink_at(i)); i++)
		assert_true(sink->finding(record, SINK_RECORD_MAX, &f, NOON, &opt) > 0);
}

static void the_largest_status_fits(void **state)
{
	static struct link links[WIRE_LINKS];
	static char blinds[4096];
	struct audit_result result = { 0 };
	struct status_probe probe;
	struct joint_result joint;
	static struct status s;
	const struct sink *sink;

	(void)state;
	memset(&probe, 0x7f, sizeof(probe));
	probe.to.family = probe.said_by.family = AF_INET6;
	probe.exact = false;
	memset(&joint, 0x7f, sizeof(joint));
	joint.ends[0].shared = joint.ends[1].shared = false;
	for (int attached = 0; attached <= 1; attached++) {
		memset(&s, 0x01, sizeof(s));
		memset(links, 0x7f, sizeof(links));
		memset(blinds, 0x02, sizeof(blinds) - 1);
		s.state = STATUS_READY;
		s.links = links;
		s.links_n = WIRE_LINKS;
		s.hooks_n = SIZE_MAX;
		s.note = NULL;
		s.result = &result;
		s.probe = &probe;
		s.joint = &joint;
		for (size_t i = 0; i < STATUS_HOOKS_MAX; i++) {
			s.hooks[i].attached = attached;
			s.hooks[i].blinds = blinds;
		}
		json_decref(parsed(sink_named("ecs")->status(record, SINK_RECORD_MAX, &s, NOON, NULL)));
		for (size_t i = 0; (sink = sink_at(i)); i++)
			assert_true(sink->status(record, SINK_RECORD_MAX, &s, NOON, NULL) > 0);
	}
}

/* At every smaller size: -ENOSPC, and not one byte past the end. At the exact size: the record. */
static void a_small_buffer_is_refused(void **state)
{
	struct sink_options opt = { .verbose = 1 };
	struct finding f = blackhole();
	static struct status s;
	const struct sink *sink;

	(void)state;
	status_make(&s, STATUS_READY);
	s.losses[0] = 1;
	for (size_t i = 0; (sink = sink_at(i)); i++) {
		size_t finding_n = (size_t)sink->finding(record, SINK_RECORD_MAX, &f, NOON, &opt);
		size_t status_n = (size_t)sink->status(record, SINK_RECORD_MAX, &s, NOON, &opt);

		for (size_t cap = 0; cap <= finding_n || cap <= status_n; cap++) {
			record[cap] = '#';
			assert_int_equal(sink->finding(record, cap, &f, NOON, &opt),
					 cap < finding_n ? -ENOSPC : (int)finding_n);
			assert_int_equal(sink->status(record, cap, &s, NOON, &opt),
					 cap < status_n ? -ENOSPC : (int)status_n);
			assert_int_equal(record[cap], '#');
		}
	}
}

static void text_of_a_finding(void **state)
{
	struct sink_options verbose = { .verbose = 1 };
	struct finding f = blackhole();

	(void)state;
	assert_string_equal(text_finding(&f, NULL),
			    "11:01:07  CRITICAL  path-blackhole  wg0  peer //79AAAA...  towards the peer  (open)\n"
			    "          Packets above 8311 bytes vanish.\n"
			    "          path MTU at least 588, below 8312 (outer); tunnel MTU 8920 -> set 1280 (floor); "
			    "confidence 0.97\n"
			    "          fix: ip link set dev wg0 mtu 1280\n");
	assert_non_null(strstr(text_finding(&f, &verbose),
			       "          peer: //79AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= at 192.0.2.1:51820\n"
			       "          evidence: 9 x tcp-retransmit, 8312 to 8980 bytes\n"
			       "          evidence: 12 x counter-gap\n"
			       "          flow: tcp 10.0.0.1:25 -> 10.1.0.2:40000, stalled for 3.2 s\n"
			       "          flow: ipv6-icmp 2001:db8::1 -> 2001:db8::2, stalled for 0.0 s\n"));
	f.state = FINDING_RESOLVED;
	f.direction = WIRE_RX;
	assert_string_equal(text_finding(&f, &verbose),
			    "11:01:07  RESOLVED  path-blackhole  wg0  peer //79AAAA...  from the peer\n"
			    "          Packets above 8311 bytes vanish.\n");
}

static void text_is_harmless_to_a_terminal(void **state)
{
	struct sink_options color = { .color = true };
	struct finding f = blackhole();

	(void)state;
	memcpy(f.interface, "\033[2J\xff\xc2\x9b\xc3\xa9", 10);
	strcpy(f.message, "one\ntwo\r\xe2\x80\xae");
	assert_non_null(strstr(text_finding(&f, NULL), "  ?[2J??\xc3\xa9  peer"));
	assert_non_null(strstr(record, "          one?two??\n"));
	assert_null(strchr(record, '\033'));
	assert_non_null(strstr(text_finding(&f, &color), "11:01:07  \033[1;31mCRITICAL\033[0m  path-blackhole"));
}

static void text_of_a_status(void **state)
{
	static struct status s;

	(void)state;
	status_make(&s, STATUS_READY);
	assert_string_equal(text_status(&s),
			    "11:01:07  READY     watching wg0 (tunnel, MTU 8920), eth0 (underlay, MTU 9000)\n"
			    "          hooks: 1 attached, 1 missing\n"
			    "          missing: wg_xmit (no BTF), unseen: oversized packets\n");
	s.losses[WIRE_LOSS_FLOW_EVICTED] = 2;
	s.losses[WIRE_LOSS_UNPARSED] = 1;
	assert_non_null(strstr(text_status(&s), "\n          lost: 2 flow_evicted, 1 unparsed\n"));
	s.state = STATUS_EXIT;
	assert_string_equal(text_status(&s),
			    "11:01:07  EXIT      3 findings, 1 still open; lost: 2 flow_evicted, 1 unparsed\n");
	memset(s.losses, 0, sizeof(s.losses));
	assert_string_equal(text_status(&s), "11:01:07  EXIT      3 findings, 1 still open; lost: nothing\n");
}

/* What check prints: the first line is a plug-in's, whatever the interface is called. */
static void text_of_a_result(void **state)
{
	struct audit_note note = { .rule = "no-pmtu-disc", .finding = { .severity = SEVERITY_WARNING } };
	struct audit_result result = { .tunnels = 1, .peers = 2 };
	struct status s = { .result = &result };

	(void)state;
	assert_string_equal(text_status(&s), "MTUSCOPE OK - 1 tunnel, 2 peers, nothing found | tunnels=1 peers=2 "
					     "warnings=0;0 criticals=0;;0 notes=0\n");
	strcpy(note.finding.message, "w|g\n0");
	result.worst = &note;
	result.by_severity[SEVERITY_WARNING] = 3;
	assert_string_equal(text_status(&s), "MTUSCOPE WARNING - 1 tunnel, 2 peers, 3 warnings: w/g?0 | tunnels=1 "
					     "peers=2 warnings=3;0 criticals=0;;0 notes=0\n");
	s.note = &note;
	strcpy(note.finding.fix[0], "sysctl");
	note.finding.fixes_n = 1;
	assert_string_equal(text_status(&s), "11:01:07  WARNING   no-pmtu-disc\n"
					     "          w|g?0\n"
					     "          fix: sysctl\n");
}

/* What an audit says without a class of the contract: a status, not a finding. */
static void ecs_note_is_a_status(void **state)
{
	struct audit_note note = {
		.rule = "no-pmtu-disc",
		.finding = { .severity = SEVERITY_WARNING, .message = "m", .fixes_n = 1, .fix = { "sysctl" } }
	};
	struct status s = { .state = STATUS_DEGRADED, .note = &note };
	json_t *root;

	(void)state;
	root = parsed(sink_named("ecs")->status(record, SINK_RECORD_MAX, &s, NOON, NULL));
	assert_json(root, json_pack("{ss ss ss ss s{ss s[s] s[s] ss ss} s{s{ss s{ss ss sn sn s[s]}}}}", "@timestamp",
				    "2026-01-01T11:01:07.250Z", "log.level", "warning", "message", "m", "ecs.version",
				    "9.4.0", "event", "kind", "state", "category", "network", "type", "info", "module",
				    "mtuscope", "dataset", "mtuscope.status", "mtuscope", "status", "state", "degraded",
				    "check", "rule", "no-pmtu-disc", "severity", "warning", "interface", "peer", "fix",
				    "sysctl"));
	json_decref(root);
}

static void ecs_probe_is_part_of_the_status(void **state)
{
	const struct status_probe probe = { .to = { AF_INET, { 192, 0, 2, 1 } },
					    .lower = 1492,
					    .upper = 1493,
					    .exact = true,
					    .recommended_mtu = 1432,
					    .tunnel_mtu = 8920,
					    .sent = 17 };
	struct status s = { .state = STATUS_EXIT, .probe = &probe };
	json_t *o, *p;

	(void)state;
	o = parsed(sink_named("ecs")->status(record, SINK_RECORD_MAX, &s, NOON, NULL));
	p = json_object_get(json_object_get(json_object_get(o, "mtuscope"), "status"), "probe");
	assert_string_equal(json_string_value(json_object_get(p, "to")), "192.0.2.1");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(p, "path_mtu"), "lower")), 1492);
	assert_true(json_is_true(json_object_get(json_object_get(p, "path_mtu"), "exact")));
	assert_int_equal(json_integer_value(json_object_get(p, "recommended_mtu")), 1432);
	assert_true(json_is_null(json_object_get(p, "said_by")));
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_registry_finds_each_sink),
		cmocka_unit_test(ecs_finding_is_the_contract),
		cmocka_unit_test(ecs_bracket_begins_at_0),
		cmocka_unit_test(ecs_unknowns_are_null),
		cmocka_unit_test(ecs_status_is_the_contract),
		cmocka_unit_test(the_largest_finding_fits),
		cmocka_unit_test(the_largest_status_fits),
		cmocka_unit_test(a_small_buffer_is_refused),
		cmocka_unit_test(text_of_a_finding),
		cmocka_unit_test(text_is_harmless_to_a_terminal),
		cmocka_unit_test(text_of_a_status),
		cmocka_unit_test(text_of_a_result),
		cmocka_unit_test(ecs_note_is_a_status),
		cmocka_unit_test(ecs_probe_is_part_of_the_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
