/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What probes do to a finding: when its path wants probing and how often, and what they say of the bracket. What they alone
 * can confirm is in test_suspicions.c.
 */
#include <string.h>
#include <sys/socket.h>

#include "prober.h"
#include "stalled_mail.h"

static void probed(uint32_t lower, uint32_t upper, bool exact)
{
	const struct finding_probe p = {
		.lower = lower, .upper = upper, .exact = exact, .count = 17, .size_min = 124, .size_max = 1516
	};

	analysis_probing(s.analysis, s.log[0].id);
	analysis_probed(s.analysis, s.log[0].id, &p, collect, NULL);
}

static void wants_probing(const struct finding *f, void *arg)
{
	size_t *n = arg;

	*n += f->to_probe;
}

/* How many findings wait for somebody to probe their path. */
static size_t unprobed(void)
{
	size_t n = 0;

	analysis_open_findings(s.analysis, wants_probing, &n);
	return n;
}

static const struct evidence *probe_evidence(const struct finding *f)
{
	for (size_t i = 0; i < f->evidence_n; i++)
		if (f->evidence[i].kind == EVIDENCE_PROBE)
			return &f->evidence[i];
	return NULL;
}

static void assert_probed(const struct finding *f, uint32_t lower, uint32_t mtu)
{
	assert_int_equal(f->path_mtu_lower, lower);
	assert_int_equal(f->path_mtu_upper, lower + 1);
	assert_true(f->path_mtu_exact);
	assert_int_equal(f->recommended_mtu, mtu);
	assert_int_equal(f->basis, BASIS_PROBE);
	assert_non_null(probe_evidence(f));
	assert_int_equal(probe_evidence(f)->count, 17);
	assert_int_equal(probe_evidence(f)->max_size, 1516);
	assert_true(strstr(f->fix[0], "mtu 1432") || mtu != 1432);
}

/* What was probed is told at once, is labelled, and still holds when the next traffic stalls. */
static void test_probing_makes_the_bracket_exact(void **state)
{
	(void)state;
	open_finding();
	assert_null(probe_evidence(scene_last(&s)));
	probed(1492, 1493, true);
	assert_int_equal(scene_last(&s)->state, FINDING_UPDATE);
	assert_probed(scene_last(&s), 1492, 1432);
	scene_stall(&s, scene_flow(&s, "10.1.0.9"), 8000, other, MINUTE);
	assert_int_equal(analysis_open_findings(s.analysis, collect, NULL), 1);
	assert_probed(scene_last(&s), 1492, 1432);
	assert_int_equal(s.resolved, 0);
}

/* Below 1280 only a probe or a delivery can know. */
static void test_probing_goes_below_the_floor(void **state)
{
	(void)state;
	open_finding();
	probed(1124, 1125, true);
	assert_probed(scene_last(&s), 1124, 1064);
}

/* Proven to arrive, and no more: the recommendation is that and not called exact. */
static void test_probing_may_show_the_lower_end_alone(void **state)
{
	(void)state;
	open_finding();
	probed(1500, 0, false);
	assert_int_equal(scene_last(&s)->path_mtu_lower, 1500);
	assert_int_equal(scene_last(&s)->path_mtu_upper, 8980);
	assert_false(scene_last(&s)->path_mtu_exact);
	assert_int_equal(scene_last(&s)->recommended_mtu, 1440);
	assert_int_equal(scene_last(&s)->basis, BASIS_PROBE);
}

static void test_probing_resolves_what_is_well_again(void **state)
{
	(void)state;
	open_finding();
	give_up();
	probed(8980, 0, false);
	scene_ticks(&s, 2);
	assert_int_equal(s.resolved, 1);
}

/* The path has changed since: traffic of a size that probes found dead arrives, and the finding is over. */
static void test_traffic_refutes_what_was_probed(void **state)
{
	(void)state;
	open_finding();
	probed(1492, 1493, true);
	give_up();
	flow_delivers(&s, other, 4000);
	scene_ticks(&s, 2);
	assert_int_equal(s.resolved, 1);
}

static void test_a_hole_is_probed_once(void **state)
{
	(void)state;
	assert_int_equal(unprobed(), 0);
	open_finding();
	assert_int_equal(unprobed(), 1);
	analysis_probing(s.analysis, s.log[0].id);
	assert_int_equal(unprobed(), 0);
	probed(1492, 1493, true);
	scene_stall(&s, scene_flow(&s, "10.1.0.9"), 8000, other, MINUTE);
	assert_int_equal(unprobed(), 0);
}

/* Another uplink, where the hole is a smaller one. */
static void fail_over(void)
{
	s.peers[0].egress_ifindex = s.links[0].ifindex + 100;
	scene_tick(&s);
	scene_stall(&s, scene_flow(&s, "10.1.0.9"), 1440, other, 10 * SECOND);
	assert_int_equal(s.resolved, 0);
}

/* What is known of the first path is not said of the second, which is probed in its turn. */
static void test_another_path_is_probed_anew(void **state)
{
	(void)state;
	open_finding();
	probed(1492, 1493, true);
	fail_over();
	assert_int_equal(unprobed(), 1);
	assert_int_equal(scene_last(&s)->path_mtu_upper, 1500);
	assert_int_not_equal(scene_last(&s)->basis, BASIS_PROBE);
	probed(1400, 1401, true);
	assert_probed(scene_last(&s), 1400, 1340);
	assert_int_equal(unprobed(), 0);
}

/* A path that moves again and again does not make us send without end. */
static void test_a_finding_has_one_budget(void **state)
{
	(void)state;
	open_finding();
	probed(1492, 1493, true);
	analysis_probes_sent(s.analysis, s.log[0].id, PROBER_BUDGET - 1);
	fail_over();
	assert_int_equal(unprobed(), 1);
	analysis_probes_sent(s.analysis, s.log[0].id, 1);
	assert_int_equal(unprobed(), 0);
}

/* The path has moved under the probes: what they show is of neither. */
static void test_probes_of_two_paths_say_nothing(void **state)
{
	const struct finding_probe p = { .lower = 1492, .upper = 1493, .exact = true };

	(void)state;
	open_finding();
	analysis_probing(s.analysis, s.log[0].id);
	s.peers[0].egress_ifindex = s.links[0].ifindex + 100;
	scene_tick(&s);
	analysis_probed(s.analysis, s.log[0].id, &p, collect, NULL);
	assert_int_equal(s.log_n, 1);
	assert_int_equal(unprobed(), 1);
}

/* What a smaller path had lost and delivered bounds the next one neither way. */
static void test_the_bracket_is_of_the_path_as_it_is(void **state)
{
	(void)state;
	open_finding();
	probed(1400, 1401, true);
	s.peers[0].egress_ifindex = s.links[0].ifindex + 100;
	scene_tick(&s);
	scene_stall(&s, scene_flow(&s, "10.1.0.9"), 8000, other, 10 * SECOND);
	assert_int_equal(scene_last(&s)->path_mtu_lower, 172);
	assert_int_equal(scene_last(&s)->path_mtu_upper, 8060);
}

/* Smaller packets were lost by chance, and yet the path does not carry all. */
static void test_probing_may_find_the_hole_higher_up(void **state)
{
	(void)state;
	open_finding();
	scene_stall(&s, scene_flow(&s, "10.1.0.9"), 1300, other, 10 * SECOND);
	assert_int_equal(scene_last(&s)->path_mtu_upper, 1372);
	probed(1492, 1493, true);
	assert_probed(scene_last(&s), 1492, 1432);
	assert_int_equal(s.resolved, 0);
}

static void test_probing_of_an_unknown_finding_is_ignored(void **state)
{
	const struct finding_probe p = { .lower = 1492, .upper = 1493, .exact = true };

	(void)state;
	analysis_probed(s.analysis, "", &p, collect, NULL);
	open_finding();
	analysis_probed(s.analysis, "0123456789abcdef0123456789abcdef", &p, collect, NULL);
	assert_int_equal(s.log_n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		stalled_mail_test(test_probing_makes_the_bracket_exact),
		stalled_mail_test(test_probing_goes_below_the_floor),
		stalled_mail_test(test_probing_may_show_the_lower_end_alone),
		stalled_mail_test(test_probing_resolves_what_is_well_again),
		stalled_mail_test(test_traffic_refutes_what_was_probed),
		stalled_mail_test(test_a_hole_is_probed_once),
		stalled_mail_test(test_another_path_is_probed_anew),
		stalled_mail_test(test_a_finding_has_one_budget),
		stalled_mail_test(test_probes_of_two_paths_say_nothing),
		stalled_mail_test(test_the_bracket_is_of_the_path_as_it_is),
		stalled_mail_test(test_probing_may_find_the_hole_higher_up),
		stalled_mail_test(test_probing_of_an_unknown_finding_is_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
