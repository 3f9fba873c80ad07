/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What only probes can tell: stalls that by themselves prove nothing, and findings of a size that did pass, of which nobody
 * hears before their probes are over.
 */
#include <string.h>

#include "stalled_mail.h"

static struct suspect suspect; /* the last */
static enum wire_direction suspect_direction;
static size_t suspects;

static void suspected(const struct suspect *it, void *arg)
{
	(void)arg;
	if (it->direction != suspect_direction)
		return;
	suspect = *it;
	suspects++;
}

static void look_at(enum wire_direction direction)
{
	suspects = 0;
	suspect_direction = direction;
	analysis_suspects(s.analysis, suspected, NULL);
}

static void look(void)
{
	look_at(WIRE_TX);
}

/* One flow alone stalls, its host is heard no more: dead, or a hole. */
static void stall_alone(void)
{
	flow_delivers(&s, mail, 100);
	scene_tick(&s);
	scene_stall(&s, mail, 1400, NULL, 10 * SECOND);
	look();
}

static void test_a_suspicion_is_no_finding(void **state)
{
	(void)state;
	stall_alone();
	assert_int_equal(suspects, 1);
	assert_int_equal(suspect.outer, 1468);
	assert_int_equal(suspect.host.family, AF_INET);
	scene_stall(&s, mail, 1400, NULL, MINUTE);
	assert_int_equal(s.log_n, 0);
}

static void test_a_suspicion_that_probes_confirm_is_a_finding(void **state)
{
	(void)state;
	stall_alone();
	assert_true(analysis_suspect_probed(s.analysis, &suspect, 1372, 1404));
	scene_stall(&s, mail, 1400, NULL, SECOND);
	assert_int_equal(s.opened, 1);
	assert_int_equal(scene_last(&s)->class, FINDING_PATH_BLACKHOLE);
	assert_int_equal(scene_last(&s)->direction, WIRE_TX);
	/* It is explained now: nothing is left to be suspected. */
	look();
	assert_int_equal(suspects, 0);
}

/* Since then that size has arrived: the path is another one, or a router has said what fits meanwhile. */
static void test_probes_that_traffic_has_refuted(void **state)
{
	(void)state;
	stall_alone();
	assert_true(analysis_suspect_probed(s.analysis, &suspect, 1372, 1404));
	for (int i = 0; i < 5 * SECOND; i++) {
		flow_delivers(&s, mail, 1400);
		scene_tick(&s);
	}
	scene_stall(&s, mail, 1400, NULL, SECOND);
	assert_int_equal(s.log_n, 0);
}

static void test_probes_of_larger_sizes_confirm_nothing(void **state)
{
	(void)state;
	stall_alone();
	assert_false(analysis_suspect_probed(s.analysis, &suspect, 1440, 1484));
	scene_stall(&s, mail, 1400, NULL, MINUTE);
	assert_int_equal(s.log_n, 0);
}

static void test_probes_of_another_path_confirm_nothing(void **state)
{
	(void)state;
	stall_alone();
	s.peers[0].egress_ifindex = s.links[0].ifindex + 100;
	scene_tick(&s);
	assert_false(analysis_suspect_probed(s.analysis, &suspect, 1372, 1404));
	scene_stall(&s, mail, 1400, NULL, SECOND);
	assert_int_equal(s.log_n, 0);
}

/* Flows of a size that did pass, beside small packets: they may have died, not their size. */
static void stall_of_what_passed(bool probes)
{
	if (probes)
		analysis_allow_probes(s.analysis);
	for (int i = 0; i < 5 * SECOND; i++) {
		flow_delivers(&s, mail, 1400);
		flow_delivers(&s, other, 100);
		scene_tick(&s);
	}
	scene_stall(&s, mail, 1400, other, 4 * SECOND);
}

static void remember(const struct finding *f, void *arg)
{
	struct finding *last = arg;

	*last = *f;
}

/* The probes of the finding that nobody has been told of. */
static void probed_untold(uint32_t lower, uint32_t upper)
{
	const struct finding_probe p = {
		.lower = lower, .upper = upper, .count = 17, .size_min = 124, .size_max = 1516
	};
	struct finding f = { .id = "" };

	assert_int_equal(s.log_n, 0);
	assert_int_equal(analysis_open_findings(s.analysis, NULL, NULL), 0);
	analysis_findings_to_probe(s.analysis, remember, &f);
	assert_true(f.to_probe);
	analysis_probing(s.analysis, f.id);
	analysis_probed(s.analysis, f.id, &p, collect, NULL);
}

static void test_one_flow_is_a_finding(void **state)
{
	(void)state;
	stall_of_what_passed(false);
	assert_int_equal(s.opened, 1);
	assert_true(scene_last(&s)->confidence < 0.75);
}

static void test_a_doubtful_finding_waits_for_its_probes(void **state)
{
	enum finding_severity worst;

	(void)state;
	stall_of_what_passed(true);
	assert_int_equal(analysis_opened(s.analysis, &worst), 0);
	probed_untold(1404, 1440);
	assert_int_equal(scene_last(&s)->state, FINDING_OPEN);
	assert_int_equal(scene_last(&s)->path_mtu_upper, 1440);
	assert_int_equal(analysis_opened(s.analysis, &worst), 1);
	assert_int_equal(worst, SEVERITY_CRITICAL);
}

/* Nobody answers them, or nobody has sent any. */
static void test_a_doubtful_finding_waits_no_longer(void **state)
{
	struct finding f = { .id = "" };

	(void)state;
	stall_of_what_passed(true);
	assert_int_equal(s.log_n, 0);
	analysis_findings_to_probe(s.analysis, remember, &f);
	analysis_probes_sent(s.analysis, f.id, 12);
	scene_stall(&s, mail, 1400, other, 1);
	assert_int_equal(s.opened, 1);
	start_over(8920, "192.0.2.1");
	stall_of_what_passed(true);
	scene_stall(&s, mail, 1400, other, 10 * SECOND);
	assert_int_equal(s.opened, 1);
}

/* It had died of something else, and nobody hears of it. */
static void test_probes_acquit_the_size(void **state)
{
	(void)state;
	stall_of_what_passed(true);
	probed_untold(1500, 0);
	scene_stall(&s, mail, 1400, other, MINUTE);
	assert_int_equal(s.log_n, 0);
}

/* The suspicion, which was probed before it was a finding. */
static void test_probes_acquit_a_suspect(void **state)
{
	(void)state;
	stall_of_what_passed(true);
	suspect = (struct suspect){
		.tunnel_ifindex = SCENE_WG0, .direction = WIRE_TX, .outer = 1468, .seen_ms = s.clock_ms
	};
	memset(suspect.public_key, 'A', sizeof(suspect.public_key));
	assert_false(analysis_suspect_probed(s.analysis, &suspect, 1500, 0));
	scene_stall(&s, mail, 1400, other, MINUTE);
	assert_int_equal(s.log_n, 0);
}

/* A client alone has asked, and the acknowledgement is the last that is heard of the peer. */
static void answer_fails_alone(unsigned int ticks)
{
	struct scene_session *w = scene_session(&s, &s.peers[0]);

	s.flows_n = 0; /* no mail */
	mail = scene_flow(&s, "10.1.0.9");
	session_receives(&s, w, 10, 172);
	scene_tick(&s);
	flow_asks(&s, mail, 400);
	session_receives(&s, w, 1, 124);
	scene_ticks(&s, ticks);
	look_at(WIRE_RX);
}

static void test_an_answer_that_fails_alone_is_suspected(void **state)
{
	(void)state;
	answer_fails_alone(2 * SECOND);
	assert_int_equal(suspects, 0); /* the server is thinking, maybe */
	scene_ticks(&s, 2 * SECOND);
	look_at(WIRE_RX);
	assert_int_equal(suspects, 1);
	assert_int_equal(suspect.host.family, AF_INET);
	assert_memory_equal(suspect.host.bytes + 0, "\x0a\x01\x00\x09", 4);
	assert_int_equal(s.log_n, 0);
}

static void test_an_answer_that_probes_show_lost_is_a_finding(void **state)
{
	struct scene_session *w = scene_session(&s, &s.peers[0]);

	(void)state;
	answer_fails_alone(4 * SECOND);
	/* The probes, and what is left of their answers. */
	session_loses(w, 7);
	session_receives(&s, w, 5, 172);
	assert_true(analysis_suspect_probed(s.analysis, &suspect, 1372, 1440));
	scene_ticks(&s, SECOND);
	assert_int_equal(s.opened, 1);
	assert_int_equal(scene_last(&s)->direction, WIRE_RX);
}

/* The peer is heard, and nothing is missing of what it has sent. */
static void test_a_server_that_thinks_is_not_suspected(void **state)
{
	struct scene_session *w = scene_session(&s, &s.peers[0]);

	(void)state;
	answer_fails_alone(1);
	for (int i = 0; i < MINUTE; i++) {
		session_receives(&s, w, 1, 172);
		scene_tick(&s);
		look_at(WIRE_RX);
		assert_int_equal(i > 2 * SECOND && suspects, 0);
	}
}

static void test_a_healthy_flow_is_not_suspected(void **state)
{
	(void)state;
	for (int i = 0; i < MINUTE; i++) {
		flow_delivers(&s, mail, 1400);
		scene_tick(&s);
		look();
		assert_int_equal(suspects, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		stalled_mail_test(test_a_suspicion_is_no_finding),
		stalled_mail_test(test_a_suspicion_that_probes_confirm_is_a_finding),
		stalled_mail_test(test_probes_that_traffic_has_refuted),
		stalled_mail_test(test_probes_of_larger_sizes_confirm_nothing),
		stalled_mail_test(test_probes_of_another_path_confirm_nothing),
		stalled_mail_test(test_one_flow_is_a_finding),
		stalled_mail_test(test_a_doubtful_finding_waits_for_its_probes),
		stalled_mail_test(test_a_doubtful_finding_waits_no_longer),
		stalled_mail_test(test_probes_acquit_the_size),
		stalled_mail_test(test_probes_acquit_a_suspect),
		stalled_mail_test(test_an_answer_that_fails_alone_is_suspected),
		stalled_mail_test(test_an_answer_that_probes_show_lost_is_a_finding),
		stalled_mail_test(test_a_server_that_thinks_is_not_suspected),
		stalled_mail_test(test_a_healthy_flow_is_not_suspected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
