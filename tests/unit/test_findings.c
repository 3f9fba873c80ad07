/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of a finding: that it opens once, says no more than it must, and ends when the trouble has ended, not
 * before.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "network.h"
#include "stalled_mail.h"

static void test_opens_once_and_is_counted(void **state)
{
	enum finding_severity worst;

	(void)state;
	assert_int_equal(analysis_opened(s.analysis, &worst), 0);
	assert_int_equal(worst, SEVERITY_INFO);
	open_finding();
	scene_stall(&s, mail, 8920, other, MINUTE);
	assert_int_equal(s.log_n, 1);
	assert_int_equal(analysis_opened(s.analysis, &worst), 1);
	assert_int_equal(worst, SEVERITY_CRITICAL);
}

static void test_id_is_stable_and_the_next_is_another(void **state)
{
	char first[FINDING_ID_LEN];

	(void)state;
	open_finding();
	memcpy(first, s.log[0].id, sizeof(first));
	flow_answered(&s, mail);
	flow_delivers(&s, mail, 8920);
	scene_ticks(&s, SECOND);
	assert_int_equal(s.resolved, 1);
	assert_string_equal(scene_last(&s)->id, first);
	scene_ticks(&s, 2 * MINUTE);
	mail = scene_flow(&s, "10.1.0.9");
	open_finding();
	assert_int_equal(scene_last(&s)->state, FINDING_OPEN);
	assert_string_not_equal(scene_last(&s)->id, first);
}

/* One packet of that size, however late, refutes the hole. */
static void test_delivery_resolves(void **state)
{
	(void)state;
	open_finding();
	flow_answered(&s, mail);
	scene_ticks(&s, 2);
	assert_int_equal(s.resolved, 1);
	assert_int_equal(scene_last(&s)->state, FINDING_RESOLVED);
	assert_int_equal(scene_last(&s)->path_mtu_upper, 8980);
}

/* A path has healed, and what is larger than all that has passed since waits for its next try: that tells, and not those before. */
static void test_tries_before_the_cure_are_history(void **state)
{
	struct wire_flow *letter = scene_flow(&s, "10.1.0.9");

	(void)state;
	for (int tick = 0; tick < 6 * SECOND; tick++) {
		if (tick == 0 || tick == 1 || tick == 3 || tick == 7 || tick == 15)
			flow_tries(&s, letter, 2000);
		scene_stall(&s, mail, 8920, other, 1);
	}
	assert_int_equal(s.opened, 1);
	assert_int_equal(scene_last(&s)->path_mtu_upper, 2060);
	flow_answered(&s, letter);
	for (int tick = 0; tick < 5 * SECOND; tick++) {
		flow_delivers(&s, other, 100);
		scene_tick(&s);
	}
	assert_int_equal(s.resolved, 1);
	assert_int_equal(s.opened, 1);
	scene_stall(&s, mail, 8920, other, 10 * SECOND);
	assert_int_equal(s.opened, 2);
	assert_int_equal(scene_last(&s)->path_mtu_upper, 8980);
}

static void test_smaller_deliveries_do_not_resolve(void **state)
{
	(void)state;
	open_finding();
	give_up();
	for (int i = 0; i < 2 * MINUTE; i++) {
		flow_delivers(&s, other, 1428);
		scene_tick(&s);
	}
	assert_int_equal(s.resolved, 0);
}

static void test_lowered_mtu_resolves_when_traffic_flows(void **state)
{
	(void)state;
	open_finding();
	give_up();
	s.links[1].mtu = 1440;
	scene_ticks(&s, MINUTE); /* not a packet: nothing is known yet */
	assert_int_equal(s.resolved, 0);
	flow_delivers(&s, other, 1440);
	scene_ticks(&s, 2);
	assert_int_equal(s.resolved, 1);
	assert_int_equal(scene_last(&s)->tunnel_mtu, 1440);
}

/* The sender learns of the new MTU from this machine, and goes over to it: what it gives up thereby is no second hole. */
static void test_a_size_given_up_for_the_lowered_mtu_is_history(void **state)
{
	(void)state;
	open_finding();
	s.links[1].mtu = 1440;
	scene_ticks(&s, 2);
	flow_tries(&s, mail, 1440);
	flow_answered(&s, mail);
	for (int i = 0; i < 10 * SECOND; i++) {
		flow_delivers(&s, mail, 1440);
		flow_delivers(&s, other, 100);
		scene_tick(&s);
	}
	assert_int_equal(s.resolved, 1);
	assert_int_equal(s.opened, 1);
	assert_int_equal(scene_last(&s)->path_mtu_upper, 8980);
}

/* A packet that came right after the snapshot that saw the change bears that snapshot's time. */
static void test_traffic_dated_with_the_change_resolves(void **state)
{
	(void)state;
	open_finding();
	give_up();
	s.links[1].mtu = 1440;
	scene_tick(&s);
	flow_delivers(&s, other, 1440);
	scene_ticks(&s, 2);
	assert_int_equal(s.resolved, 1);
}

static void test_the_recommended_mtu_resolves_without_traffic(void **state)
{
	(void)state;
	open_finding();
	give_up();
	s.links[1].mtu = scene_last(&s)->recommended_mtu;
	scene_ticks(&s, 10 * SECOND);
	assert_int_equal(s.resolved, 1);
}

/* Some time may pass between the finding and the one who reads it. */
static void test_mtu_lowered_after_a_quiet_time(void **state)
{
	(void)state;
	open_finding();
	give_up();
	scene_ticks(&s, 3 * MINUTE);
	s.links[1].mtu = 1440;
	scene_ticks(&s, SECOND);
	flow_delivers(&s, other, 1440);
	scene_ticks(&s, 2);
	assert_int_equal(s.resolved, 1);
}

static void test_mtu_lowered_too_little_does_not_resolve(void **state)
{
	(void)state;
	scene_stall(&s, mail, 1441, other, 5 * SECOND); /* 1516 does not arrive */
	assert_int_equal(s.opened, 1);
	give_up();
	s.links[1].mtu = 1456;
	for (int i = 0; i < MINUTE; i++) {
		flow_delivers(&s, other, 1440);
		scene_tick(&s);
	}
	assert_int_equal(s.resolved, 0);
}

/* The largest packet but a full one is smaller by what the padding leaves: that it arrives says nothing of full ones. */
static void test_mtu_between_two_paddings_does_not_resolve(void **state)
{
	(void)state;
	scene_stall(&s, mail, 1441, other, 5 * SECOND); /* 1516 does not arrive */
	assert_int_equal(s.opened, 1);
	give_up();
	s.links[1].mtu = 1455;
	for (int i = 0; i < MINUTE; i++) {
		flow_delivers(&s, other, 1440);
		scene_tick(&s);
	}
	assert_int_equal(s.resolved, 0);
	flow_delivers(&s, other, 1455);
	scene_ticks(&s, 2);
	assert_int_equal(s.resolved, 1);
}

/* A snapshot by which the kernel has told a sender, once, that a packet for 10.1.0.9 does not fit. */
static void tick_told(uint16_t mtu)
{
	const struct tally told = { .key = { .kind = WIRE_TALLY_TOO_BIG_MADE,
					     .ifindex = s.links[1].ifindex,
					     .tunnel = 1,
					     .aux = mtu,
					     .family = AF_INET,
					     .remote = { 192, 168, 3, 69 },
					     .reporter = { 10, 1, 0, 9 } },
				    .value.count = 1 };

	scene_tick_tallies(&s, &told, 1);
}

/* A smaller MTU of the peer's route is a cure as well. */
static void test_lowered_route_resolves_when_traffic_flows(void **state)
{
	uint16_t mtu;

	(void)state;
	open_finding();
	give_up();
	mtu = (uint16_t)scene_last(&s)->recommended_mtu;
	tick_told(mtu);
	tick_told(mtu);
	assert_int_equal(s.resolved, 0);
	flow_delivers(&s, other, 1200);
	tick_told(mtu);
	assert_int_equal(s.resolved, 1);
}

/* What was stalled then, and is not tried since, as its client has gone: it says nothing of the path with the cure. */
static void test_lowered_route_resolves_beside_an_old_stall(void **state)
{
	uint16_t mtu;

	(void)state;
	open_finding();
	mtu = (uint16_t)scene_last(&s)->recommended_mtu;
	tick_told(mtu);
	for (int i = 0; i < MINUTE; i++) {
		flow_delivers(&s, other, 1200);
		tick_told(mtu);
	}
	assert_int_equal(s.resolved, 1);
	assert_int_equal(s.opened, 1);
}

static void test_what_is_tried_after_the_route_was_lowered(void **state)
{
	uint16_t mtu;

	(void)state;
	open_finding();
	mtu = (uint16_t)scene_last(&s)->recommended_mtu;
	tick_told(mtu);
	tick_told(mtu);
	flow_tries(&s, mail, 8920);
	for (int i = 0; i < MINUTE; i++) {
		flow_delivers(&s, other, 1200);
		tick_told(mtu);
	}
	assert_int_equal(s.resolved, 0);
}

/* … in vain, by a client that gives up: that it is gone makes what was tried before no newer. */
static void test_evidence_grows_no_older(void **state)
{
	struct wire_flow *letter = scene_flow(&s, "10.1.0.9");
	uint16_t mtu;

	(void)state;
	open_finding();
	mtu = (uint16_t)scene_last(&s)->recommended_mtu;
	tick_told(mtu);
	for (int i = 0; i < 5 * SECOND; i++) {
		if (i == 0 || i == 1 || i == 3 || i == 7 || i == 15)
			flow_tries(&s, letter, 8920);
		flow_delivers(&s, other, 100);
		tick_told(mtu);
	}
	letter->flags |= WIRE_FLOW_CLOSED | WIRE_FLOW_RESET;
	letter->trial_last_ms = letter->trial_tries = 0;
	for (int i = 0; i < 20 * SECOND; i++) {
		flow_delivers(&s, other, 1200);
		tick_told(mtu);
	}
	assert_int_equal(s.resolved, 0);
}

/* The whole transfer may be over by the next snapshot. */
static void test_traffic_of_the_tick_of_the_lowered_route_resolves(void **state)
{
	uint16_t mtu;

	(void)state;
	open_finding();
	give_up();
	mtu = (uint16_t)scene_last(&s)->recommended_mtu;
	flow_delivers(&s, other, 1200);
	tick_told(mtu);
	assert_int_equal(s.resolved, 0);
	for (int i = 0; i < 6 * SECOND; i++)
		tick_told(mtu);
	assert_int_equal(s.resolved, 1);
}

static void test_route_lowered_too_little_does_not_resolve(void **state)
{
	(void)state;
	open_finding();
	give_up();
	for (int i = 0; i < MINUTE; i++) {
		tick_told((uint16_t)(scene_last(&s)->recommended_mtu + 1));
		flow_delivers(&s, other, 1200);
	}
	assert_int_equal(s.resolved, 0);
}

/* Where the peer is now is told at once, not with the next evidence. */
static void test_peer_that_roams_is_followed(void **state)
{
	(void)state;
	open_finding();
	give_up();
	scene_ticks(&s, 2 * SECOND);
	s.peers[0].endpoint.ip.bytes[3]++;
	scene_ticks(&s, SECOND);
	assert_int_equal(s.updated, 1);
	assert_int_equal(scene_last(&s)->state, FINDING_UPDATE);
	assert_memory_equal(&scene_last(&s)->endpoint, &s.peers[0].endpoint, sizeof(s.peers[0].endpoint));
}

/* What was tried on the path that the peer has left says nothing of the one that it is on now. */
static void test_tries_on_the_path_that_was_left(void **state)
{
	const struct finding *last;
	uint32_t lower, upper;

	(void)state;
	open_finding();
	lower = scene_last(&s)->path_mtu_lower;
	upper = scene_last(&s)->path_mtu_upper;
	s.peers[0].endpoint.ip.family = AF_INET6;
	s.peers[0].endpoint.ip.bytes[15]++;
	scene_ticks(&s, 2 * SECOND);
	last = scene_last(&s);
	assert_int_equal(last->state, FINDING_UPDATE);
	assert_int_equal(last->endpoint.ip.family, AF_INET6);
	assert_int_equal(last->path_mtu_lower, lower);
	assert_int_equal(last->path_mtu_upper, upper);
}

/* What a host's packets met with while another peer took them is not the trouble of the one that does now. */
static void test_stalls_stay_with_their_peer(void **state)
{
	struct wire_flow *answer = scene_flow(&s, "10.1.0.9");

	(void)state;
	scene_peer(&s, 'B', "198.51.100.1", "10.2.0.0");
	flow_asks(&s, answer, 400);
	flow_hole(&s, answer, 8868);
	scene_stall(&s, mail, 8920, other, 5 * SECOND);
	assert_int_equal(s.opened, 2);
	s.allowed_ips[0].peer = 1;
	scene_stall(&s, mail, 8920, other, 10 * SECOND);
	assert_int_equal(s.opened, 2);
	for (size_t i = 0; i < s.log_n; i++)
		assert_int_equal(s.log[i].public_key[0], 'A');
}

static void test_removed_peer_resolves(void **state)
{
	(void)state;
	open_finding();
	s.peers_n = 0;
	scene_ticks(&s, 2 * SECOND); /* wg-quick may be putting it back */
	assert_int_equal(s.resolved, 0);
	scene_ticks(&s, 15 * SECOND);
	assert_int_equal(s.resolved, 1);
}

static void test_removed_tunnel_resolves(void **state)
{
	(void)state;
	open_finding();
	s.peers_n = 0;
	s.links_n = 1;
	scene_ticks(&s, 15 * SECOND);
	assert_int_equal(s.resolved, 1);
	assert_string_equal(scene_last(&s)->interface, "wg0");
}

static void test_without_evidence_it_is_forgotten_in_the_end(void **state)
{
	(void)state;
	open_finding();
	give_up();
	scene_ticks(&s, 11 * MINUTE);
	assert_int_equal(s.resolved, 1);
}

static void test_narrower_bracket_is_an_update(void **state)
{
	(void)state;
	open_finding();
	for (int i = 0; i < 10; i++) { /* more often than anybody wants to hear */
		flow_delivers(&s, other, 200 + 100 * i);
		scene_stall(&s, mail, 8920, NULL, 1);
	}
	scene_stall(&s, mail, 8920, other, 2 * SECOND);
	assert_true(s.updated >= 1 && s.updated <= 5);
	assert_int_equal(scene_last(&s)->state, FINDING_UPDATE);
	assert_int_equal(scene_last(&s)->path_mtu_lower, 1100 + 4 + 60);
	assert_int_equal(scene_last(&s)->path_mtu_upper, 8980);
}

/* Of one peer no finding recommends more than another one leaves, and none counts on a jumbo link for the whole path. */
static void test_a_warning_recommends_no_more_than_the_hole_leaves(void **state)
{
	(void)state;
	s.links[1].mtu = 9000;
	scene_ticks(&s, SECOND);
	assert_int_equal(scene_last(&s)->class, FINDING_TUNNEL_MTU_TOO_LARGE);
	assert_int_equal(scene_last(&s)->recommended_mtu, 1440);
	open_finding();
	assert_int_equal(s.log[1].class, FINDING_PATH_BLACKHOLE);
	scene_stall(&s, mail, 8920, other, 2 * SECOND);
	assert_int_equal(scene_last(&s)->class, FINDING_TUNNEL_MTU_TOO_LARGE);
	assert_int_equal(scene_last(&s)->state, FINDING_UPDATE);
	assert_int_equal(scene_last(&s)->recommended_mtu, s.log[1].recommended_mtu);
}

static void test_a_proven_jumbo_path_is_counted_on(void **state)
{
	(void)state;
	flow_delivers(&s, mail, 8920);
	scene_ticks(&s, SECOND);
	scene_assert_silent(&s);
	s.links[1].mtu = 9000;
	scene_ticks(&s, SECOND);
	assert_int_equal(scene_last(&s)->class, FINDING_TUNNEL_MTU_TOO_LARGE);
	assert_int_equal(scene_last(&s)->recommended_mtu, 8920);
}

/* Ten minutes of a hole beneath random loss, from either side: one finding a direction, that never ends. */
static void test_noisy_hole_does_not_flap(void **state)
{
	static struct network n;

	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		network_start(&n, seed, 8920, 8);
		n.mtu[WIRE_RX] = n.mtu[WIRE_TX] = 1500;
		n.loss[WIRE_RX] = n.loss[WIRE_TX] = 0.02;
		n.pings = true;
		network_run(&n, 600000);
		assert_int_equal(n.scene.opened, 2);
		assert_int_equal(n.scene.resolved, 0);
		assert_true(n.scene.updated <= 40);
		for (size_t i = 0; i < n.scene.log_n; i++)
			assert_true(n.scene.log[i].path_mtu_lower <= 1500 && n.scene.log[i].path_mtu_upper > 1500);
		network_end(&n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		stalled_mail_test(test_opens_once_and_is_counted),
		stalled_mail_test(test_id_is_stable_and_the_next_is_another),
		stalled_mail_test(test_delivery_resolves),
		stalled_mail_test(test_tries_before_the_cure_are_history),
		stalled_mail_test(test_smaller_deliveries_do_not_resolve),
		stalled_mail_test(test_lowered_mtu_resolves_when_traffic_flows),
		stalled_mail_test(test_a_size_given_up_for_the_lowered_mtu_is_history),
		stalled_mail_test(test_traffic_dated_with_the_change_resolves),
		stalled_mail_test(test_the_recommended_mtu_resolves_without_traffic),
		stalled_mail_test(test_mtu_lowered_after_a_quiet_time),
		stalled_mail_test(test_mtu_lowered_too_little_does_not_resolve),
		stalled_mail_test(test_mtu_between_two_paddings_does_not_resolve),
		stalled_mail_test(test_lowered_route_resolves_when_traffic_flows),
		stalled_mail_test(test_lowered_route_resolves_beside_an_old_stall),
		stalled_mail_test(test_what_is_tried_after_the_route_was_lowered),
		stalled_mail_test(test_evidence_grows_no_older),
		stalled_mail_test(test_traffic_of_the_tick_of_the_lowered_route_resolves),
		stalled_mail_test(test_route_lowered_too_little_does_not_resolve),
		stalled_mail_test(test_peer_that_roams_is_followed),
		stalled_mail_test(test_tries_on_the_path_that_was_left),
		stalled_mail_test(test_stalls_stay_with_their_peer),
		stalled_mail_test(test_removed_peer_resolves),
		stalled_mail_test(test_removed_tunnel_resolves),
		stalled_mail_test(test_without_evidence_it_is_forgotten_in_the_end),
		stalled_mail_test(test_narrower_bracket_is_an_update),
		stalled_mail_test(test_a_warning_recommends_no_more_than_the_hole_leaves),
		stalled_mail_test(test_a_proven_jumbo_path_is_counted_on),
		cmocka_unit_test(test_noisy_hole_does_not_flap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
