/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The metrics: promtool must have nothing to say, whatever the names are, and no series may come twice. Run by `make check`. */
#include <stdio.h>
#include <unistd.h>

#include "metrics.h"
#include "sink_scene.h"

#define TEXT_MAX (1 << 20)

static char text[TEXT_MAX];
static struct status status;
static struct finding findings[4];

static struct metrics metrics(struct scene *s)
{
	scene_start(s);
	s->counters[0].direction[WIRE_TX].packets = 10;
	s->counters[1].direction[WIRE_RX].fragments_first = 1;
	s->counters[1].direction[WIRE_RX].fragments_middle = 2;
	s->counters[1].direction[WIRE_RX].fragments_last = 4;
	s->links[0].mtu = 8920;
	s->links[0].public_key[0] = 9;
	s->tallies[0] = (struct tally){ .key = { .kind = WIRE_TALLY_TOO_BIG_RX }, .value = { .count = 5 } };
	s->tallies[1] = (struct tally){ .key = { .kind = WIRE_TALLY_TOO_BIG_RX, .aux = 1 }, .value = { .count = 6 } };
	s->tallies[2] = (struct tally){ .key = { .kind = WIRE_TALLY_REASSEMBLY_TIMEOUT }, .value = { .count = 3 } };
	s->snap.retired[WIRE_TALLY_REASSEMBLY_TIMEOUT] = 4; /* a counter does not go back when its subjects do */
	s->snap.tallies_n = 3;
	s->drops[0] = (struct drop){ "at ip_forward", 7 };
	s->drops[1] = (struct drop){ "at ip_forward", 8 };
	s->snap.drops_n = 2;
	s->snap.losses[WIRE_LOSS_FLOW_EVICTED] = 9;
	s->snap.tcp_probes[TCP_PROBE_LOST] = 5;
	status = (struct status){ .hooks = { { .name = "tc egress wg0", .attached = true }, { .name = "wg_xmit" } },
				  .hooks_n = 2,
				  .probes_sent = 17 };
	memset(findings, 0, sizeof(findings));
	for (size_t i = 0; i < 4; i++) {
		findings[i] = (struct finding){ .interface = "wg0", .has_peer = true, .public_key = { 1 } };
		findings[i].direction = WIRE_TX;
	}
	return (struct metrics){ .version = "0.1",
				 .snap = &s->snap,
				 .status = &status,
				 .findings = findings,
				 .records = 4,
				 .records_lost = 2,
				 .bpf_run_ns = 1500000000,
				 .cpu_us = 250,
				 .resident_bytes = 4096 };
}

static const char *format(const struct metrics *m)
{
	int n = metrics_format(text, sizeof(text) - 1, m);

	assert_true(n > 0);
	text[n] = '\0';
	return text;
}

static void assert_has(const char *line)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "\n%s\n", line);
	if (!strstr(text, whole))
		fail_msg("no line %s in\n%s", line, text);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Samples without their values, sorted: neighbours must differ. */
static void assert_series_once(void)
{
	static char copy[TEXT_MAX], *series[8192];
	size_t n = 0;

	strcpy(copy, text);
	for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n")) {
		if (*line == '#')
			continue;
		*strrchr(line, ' ') = '\0';
		series[n++] = line;
	}
	qsort(series, n, sizeof(*series), compare);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(series[i - 1], series[i]))
			fail_msg("twice: %s", series[i]);
}

static void assert_promtool_silent(void)
{
	char path[] = "/tmp/mtuscope-metrics.XXXXXX", command[128], line[512] = "";
	int fd = mkstemp(path);
	FILE *file;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	snprintf(command, sizeof(command), "promtool check metrics <%s 2>&1", path);
	file = popen(command, "r");
	assert_non_null(file);
	if (fgets(line, sizeof(line), file))
		fail_msg("promtool: %s", line);
	assert_int_equal(pclose(file), 0);
	unlink(path);
}

static struct metrics metrics_with_finding(struct scene *s)
{
	struct metrics m = metrics(s);

	m.findings_n = 1;
	findings[0].path_mtu_lower = 588;
	findings[0].path_mtu_upper = 8312;
	findings[0].recommended_mtu = 1280;
	return m;
}

static void the_contract_is_kept(void **state)
{
	static const char *const names[] = { "build_info",
					     "hook_attached",
					     "packets_total",
					     "probes_sent_total",
					     "tcp_mtu_probes_arrived_total",
					     "tcp_mtu_probes_lost_total",
					     "bytes_total",
					     "oversized_packets_total",
					     "fragments_total",
					     "reassembly_failures_total",
					     "ptb_messages_total",
					     "too_big_drops_total",
					     "tunnel_mtu_bytes",
					     "path_mtu_lower_bytes",
					     "path_mtu_upper_bytes",
					     "recommended_mtu_bytes",
					     "finding_active",
					     "events_lost_total",
					     "flow_evictions_total",
					     "bpf_run_seconds_total" };
	struct scene s;
	struct metrics m = metrics_with_finding(&s);

	(void)state;
	format(&m);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char sample[64];

		snprintf(sample, sizeof(sample), "\nmtuscope_%s", names[i]);
		if (!strstr(text, sample))
			fail_msg("no sample of %s", names[i]);
	}
	assert_has("mtuscope_packets_total{interface=\"wg0\",direction=\"tx\"} 10");
	assert_has("mtuscope_fragments_total{interface=\"eth0\",direction=\"rx\"} 7");
	assert_has("mtuscope_ptb_messages_total{direction=\"rx\"} 11");
	assert_has("mtuscope_reassembly_failures_total 7");
	assert_has("mtuscope_drops_total{reason=\"at ip_forward\"} 15");
	assert_has("mtuscope_tunnel_mtu_bytes{interface=\"wg0\"} 8920");
	assert_has("mtuscope_tunnel_info{interface=\"wg0\",public_key=\"CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}"
		   " 1");
	assert_has("mtuscope_hook_attached{hook=\"wg_xmit\"} 0");
	assert_has("mtuscope_flow_evictions_total 9");
	assert_has("mtuscope_records_lost_total 2");
	assert_has("mtuscope_probes_sent_total 17");
	assert_has("mtuscope_tcp_mtu_probes_arrived_total 0");
	assert_has("mtuscope_tcp_mtu_probes_lost_total 5");
	assert_has("mtuscope_bpf_run_seconds_total 1.500000000");
	assert_has("mtuscope_recommended_mtu_bytes{interface=\"wg0\",public_key="
		   "\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\","
		   "direction=\"tx\"} 1280");
	assert_null(strstr(text, "lan0"));
	assert_series_once();
	assert_promtool_silent();
}

static void findings_on_one_path_are_one_series(void **state)
{
	struct scene s;
	struct metrics m = metrics(&s);

	(void)state;
	m.findings_n = 4;
	findings[1].path_mtu_lower = 500;
	findings[2].path_mtu_lower = 600;
	findings[2].path_mtu_upper = 1500;
	findings[0].path_mtu_upper = 1400;
	findings[3].public_key[0] = 2;
	m.no_peer_labels = true;
	format(&m);
	assert_has("mtuscope_finding_active{interface=\"wg0\",direction=\"tx\",class=\"path-blackhole\"} 4");
	assert_has("mtuscope_path_mtu_lower_bytes{interface=\"wg0\",direction=\"tx\"} 600");
	assert_has("mtuscope_path_mtu_upper_bytes{interface=\"wg0\",direction=\"tx\"} 1400");
	assert_null(strstr(text, "public_key"));
	assert_series_once();
	assert_promtool_silent();
	m.no_peer_labels = false;
	format(&m);
	assert_has(
		"mtuscope_finding_active{interface=\"wg0\",public_key=\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\","
		"direction=\"tx\",class=\"path-blackhole\"} 3");
	assert_series_once();
}

/* Names that a careless escape would make equal, or that end the label. */
static void hostile_names_stay_apart(void **state)
{
	static const char *const pairs[][2] = { { "wg\xff", "wg\xfe" },
						{ "wg\xff", "wg\\xff" },
						{ "a\"} 1\nb", "a\"} 1\nc" },
						{ "a\\", "a\\\\" },
						{ "\xe2\x80\xae", "\xe2\x80\xaf" } };
	struct scene s;
	struct metrics m = metrics(&s);

	(void)state;
	s.links[1].role = WIRE_ROLE_TUNNEL;
	m.findings_n = 2;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		for (size_t k = 0; k < 2; k++) {
			snprintf(s.links[k].name, IFACE_NAME_LEN, "%s", pairs[i][k]);
			snprintf(findings[k].interface, IFACE_NAME_LEN, "%s", pairs[i][k]);
			snprintf(status.hooks[k].name, sizeof(status.hooks[k].name), "tc %s", pairs[i][k]);
		}
		format(&m);
		assert_series_once();
		assert_promtool_silent();
	}
}

static bool has_sample(const char *name, size_t n)
{
	for (const char *line = text; (line = strchr(line, '\n')); line++)
		if (!strncmp(line + 1, name, n) && (line[1 + n] == '{' || line[1 + n] == ' '))
			return true;
	return false;
}

/* Whatever rules and dashboard call mtuscope_*, there is a sample of it. */
static void assert_names_exist(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[4096];
	int names = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		for (const char *at = line; (at = strstr(at, "mtuscope_")); names++) {
			size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz_");

			if (!has_sample(at, n))
				fail_msg("%s: there is no metric %.*s", path, (int)n, at);
			at += n;
		}
	}
	fclose(file);
	assert_true(names > 0);
}

static void rules_and_dashboard_fit(void **state)
{
	struct scene s;
	struct metrics m = metrics_with_finding(&s);
	json_error_t error;
	json_t *dashboard;

	(void)state;
	format(&m);
	assert_names_exist("contrib/prometheus/mtuscope.rules.yml");
	assert_names_exist("contrib/prometheus/mtuscope.rules.test.yml");
	assert_names_exist("contrib/grafana/mtuscope.json");
	dashboard = json_load_file("contrib/grafana/mtuscope.json", JSON_REJECT_DUPLICATES, &error);
	assert_non_null(dashboard);
	assert_true(json_array_size(json_object_get(dashboard, "panels")) > 0);
	json_decref(dashboard);
	assert_int_equal(system("promtool check rules --lint-fatal contrib/prometheus/mtuscope.rules.yml >&2"), 0);
	assert_int_equal(system("promtool test rules contrib/prometheus/mtuscope.rules.test.yml >&2"), 0);
}

static void a_small_buffer_is_refused(void **state)
{
	struct scene s;
	struct metrics m = metrics(&s);
	int n;

	(void)state;
	m.findings_n = 4;
	n = metrics_format(text, sizeof(text), &m);
	for (int cap = 0; cap < n; cap++) {
		text[cap] = '#';
		assert_int_equal(metrics_format(text, (size_t)cap, &m), -ENOSPC);
		assert_int_equal(text[cap], '#');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_contract_is_kept),	     cmocka_unit_test(findings_on_one_path_are_one_series),
		cmocka_unit_test(hostile_names_stay_apart),  cmocka_unit_test(rules_and_dashboard_fit),
		cmocka_unit_test(a_small_buffer_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
