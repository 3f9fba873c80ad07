/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Black holes that must be found, and what the finding must then say: stories told to the whole analysis in
 * snapshots, as short as they can be told. Those on the way from the peer, seen from one end, are in test_hole_from_peer.c, look-alikes
 * in test_lookalikes.c.
 */
#include <netinet/in.h>
#include <string.h>

#include "network.h"
#include "stalled_mail.h"

/* The mail stalls while segments of `passing` bytes get through on the other flow. */
static void stall_beside(uint16_t inner, uint16_t passing, unsigned int n)
{
	while (n--) {
		flow_delivers(&s, other, passing);
		scene_stall(&s, mail, inner, NULL, 1);
	}
}

/* The mail that does not leave: small segments pass, one of the jumbo size is sent again and again. */
static void test_tx_hole_is_found_and_described(void **state)
{
	const struct finding *f = &s.log[0];
	(void)state;
	stall_beside(8920, 1428, 4 * SECOND);
	assert_int_equal(s.log_n, 1);
	assert_int_equal(f->class, FINDING_PATH_BLACKHOLE);
	assert_int_equal(f->state, FINDING_OPEN);
	assert_int_equal(f->severity, SEVERITY_CRITICAL);
	assert_string_equal(f->interface, "wg0");
	assert_int_equal(f->tunnel_mtu, 8920);
	assert_int_equal(f->direction, WIRE_TX);
	assert_true(f->has_peer);
	assert_int_equal(f->public_key[31], 'A');
	assert_int_equal(f->endpoint.ip.bytes[0], 192);
	assert_int_equal(f->endpoint.port, 51820);
	assert_bracket(f, 1500, 8980, 1440);
	assert_int_equal(f->basis, BASIS_BRACKET);
	assert_string_equal(f->fix[0], "ip link set dev wg0 mtu 1440");
	assert_int_equal(f->evidence[0].kind, EVIDENCE_TCP_RETRANSMIT);
	assert_int_equal(f->evidence[0].min_size, 8980);
	assert_true(f->evidence[0].count >= 3);
}

/* A path that carries less than almost any other: it befalls more than one service. */
static void test_path_below_1280(void **state)
{
	struct wire_flow *web = scene_flow(&s, "10.1.0.8");

	(void)state;
	for (int i = 0; i < 8 * SECOND; i++) {
		scene_stall(&s, mail, 672, other, 1);
		if (i == 0 || i == 1 || i == 4 || i == 9 || i == 20)
			flow_tries(&s, web, 700);
	}
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].class, FINDING_PATH_BLACKHOLE);
	assert_int_equal(scene_last(&s)->path_mtu_upper, 732);
}

static void test_the_flows_that_suffer_are_named(void **state)
{
	const struct finding_flow *flow = &s.log[0].flows[0];
	(void)state;
	scene_stall(&s, mail, 8920, other, 4 * SECOND);
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].flows_n, 1);
	assert_int_equal(flow->protocol, IPPROTO_TCP);
	assert_int_equal(flow->source.port, mail->local_port);
	assert_int_equal(flow->destination.port, 25);
	assert_int_equal(flow->destination.ip.bytes[3], 9);
	assert_true(flow->stalled_ms >= 500 && flow->stalled_ms <= 4000);
}

/* The pings of the incident: 1428 passes, 1448 does not. One try more or less of the same size makes 1440. */
static void test_pings_narrow_the_bracket_to_sixteen_bytes(void **state)
{
	struct wire_flow *small, *large;

	(void)state;
	small = scene_ping(&s, "10.1.0.9");
	large = scene_ping(&s, "10.1.0.9");
	for (int second = 0; second < 6; second++) {
		flow_delivers(&s, small, 1428);
		flow_tries(&s, large, 1448);
		flow_delivers(&s, other, 100);
		scene_ticks(&s, SECOND);
	}
	assert_int_equal(s.opened, 1);
	assert_bracket(scene_last(&s), 1500, 1516, 1440);
	assert_int_equal(scene_last(&s)->evidence[0].kind, EVIDENCE_ECHO_LOST);
}

/* Thin evidence gives no more than the floor: nothing above 160 bytes is proven. */
static void test_nothing_proven_recommends_the_floor(void **state)
{
	(void)state;
	scene_stall(&s, mail, 8920, other, 4 * SECOND);
	assert_int_equal(scene_last(&s)->recommended_mtu, 1280);
	assert_int_equal(scene_last(&s)->basis, BASIS_FLOOR);
	assert_true(scene_last(&s)->path_mtu_lower < 200);
}

static void test_ipv6_underlay_takes_eighty_bytes(void **state)
{
	(void)state;
	start_over(8920, "2001:db8::1");
	stall_beside(1412, 1408, 4 * SECOND);
	assert_int_equal(s.opened, 1);
	assert_bracket(scene_last(&s), 1488, 1504, 1408);
}

/* A path of 1492: inner packets die above 1424, and with all that arrives proven that is what is recommended. */
static void test_the_recommendation_fits_the_path(void **state)
{
	(void)state;
	stall_beside(1425, 1424, 4 * SECOND);
	assert_bracket(scene_last(&s), 1484, 1500, 1424);
}

/* A client that asks anew each two seconds, before any one connection has tried often enough: it resets the one before. */
static void impatient(uint16_t flags)
{
	static const int tries[] = { 0, 1, 3 };

	for (int attempt = 0; attempt < 6; attempt++) {
		struct wire_flow *f = scene_flow(&s, "10.1.0.9");

		for (int tick = 0; tick < 2 * SECOND; tick++) {
			for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
				if (tick == tries[i])
					flow_tries(&s, f, 1420);
			flow_delivers(&s, other, 100);
			scene_tick(&s);
		}
		f->flags |= flags;
	}
}

static void test_clients_that_give_up(void **state)
{
	(void)state;
	start_over(1420, "192.0.2.1");
	impatient(WIRE_FLOW_CLOSED | WIRE_FLOW_RESET | WIRE_FLOW_ABORTED);
	assert_int_equal(s.opened, 1);
	assert_bracket(&s.log[0], 172, 1480, 1280);
}

/* The segment arrived, at a host that knows nothing of the connection. */
static void test_connections_that_are_refused(void **state)
{
	(void)state;
	start_over(1420, "192.0.2.1");
	impatient(WIRE_FLOW_CLOSED | WIRE_FLOW_RESET);
	scene_assert_silent(&s);
}

/* Connections to two hosts stall, the second `apart` ticks after the first, while a third host answers. */
static void two_hosts_stall(unsigned int apart)
{
	struct wire_flow *web, *third;

	start_over(1420, "192.0.2.1");
	web = scene_flow(&s, "10.1.0.8");
	third = scene_flow(&s, "10.1.0.7");
	scene_ticks(&s, 2 * SECOND);
	flow_delivers(&s, mail, 1420);
	flow_delivers(&s, web, 1420);
	scene_tick(&s);
	for (unsigned int tick = 0; tick < 8 * SECOND; tick++) {
		flow_delivers(&s, third, 100);
		if (tick < apart)
			flow_delivers(&s, web, 100);
		else if (!((tick - apart) & (tick - apart + 1)))
			flow_tries(&s, web, 1420);
		scene_stall(&s, mail, 1420, NULL, 1);
	}
}

/* One host after the other is heard no more, the second having answered for long after the first: they do not die that way. */
static void test_one_host_after_the_other(void **state)
{
	(void)state;
	two_hosts_stall(2 * SECOND);
	assert_int_equal(s.opened, 1);
	assert_bracket(&s.log[0], 172, 1480, 1280);
}

static void test_two_hosts_that_die_at_once(void **state)
{
	(void)state;
	two_hosts_stall(0);
	scene_assert_silent(&s);
}

static void test_of_two_peers_only_the_bad_one(void **state)
{
	struct wire_flow *bad, *bad_small, *good;

	(void)state;
	scene_peer(&s, 'B', "192.0.2.2", "10.2.0.0");
	bad = scene_flow(&s, "10.2.0.9");
	bad_small = scene_flow(&s, "10.2.0.9");
	good = scene_flow(&s, "10.1.0.9");
	for (int i = 0; i < 20 * SECOND; i++) {
		flow_delivers(&s, good, 8920); /* that it arrives over there proves nothing over here */
		scene_stall(&s, bad, 8920, bad_small, 1);
	}
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].public_key[0], 'B');
	assert_int_equal(s.log[0].endpoint.ip.bytes[3], 2);
}

static void test_many_flows_are_one_finding(void **state)
{
	struct wire_flow *bad[100];

	(void)state;
	for (int i = 0; i < 100; i++)
		bad[i] = scene_flow(&s, i % 2 ? "10.1.0.9" : "10.1.0.8");
	for (int tick = 0; tick < 6 * SECOND; tick++) {
		for (int i = 1; i < 100; i++)
			if (tick == 0 || tick == 1 || tick == 3 || tick == 6 || tick == 12)
				flow_tries(&s, bad[i], 2000 + 60 * i);
		scene_stall(&s, bad[0], 2000, other, 1);
	}
	assert_int_equal(s.opened, 1);
	assert_int_equal(scene_last(&s)->path_mtu_upper, 2060);
	assert_int_equal(scene_last(&s)->flows_n, FINDING_FLOWS_MAX);
}

/* Another uplink takes over, and 1500 is no longer 1500. */
static void test_path_that_shrinks_under_way(void **state)
{
	(void)state;
	start_over(1440, "192.0.2.1");
	for (int i = 0; i < 30 * SECOND; i++) {
		flow_delivers(&s, mail, 1440);
		flow_delivers(&s, other, 1300);
		scene_tick(&s);
	}
	scene_assert_silent(&s);
	for (int i = 0; i < 10 * SECOND; i++) {
		flow_delivers(&s, other, 1300);
		scene_stall(&s, mail, 1440, NULL, 1);
	}
	assert_int_equal(s.opened, 1);
	assert_bracket(&s.log[0], 1372, 1500, 1312);
	assert_true(s.log[0].confidence <= 0.7); /* it may be that connection which died */
}

static void test_never_passed_is_surer(void **state)
{
	(void)state;
	open_finding();
	assert_true(s.log[0].confidence > 0.7);
}

/* A client alone on a path that Ethernet explains: is it dead? WireGuard asks the peer anew after 15 s, and the next try dies. */
static struct wire_flow *lone_client_begins(void)
{
	scene_end(&s);
	scene_start(&s, 1420);
	scene_peer(&s, 'A', "192.0.2.1", "10.1.0.0");
	return scene_flow(&s, "10.1.0.9");
}

static void lone_client_stalls(struct wire_flow *f, bool answered)
{
	scene_stall(&s, f, 1420, NULL, 15 * SECOND);
	scene_assert_silent(&s);
	if (answered)
		s.peers[0].last_handshake_s = scene_realtime_s(s.clock_ms);
	scene_stall(&s, f, 1420, NULL, 20 * SECOND);
}

static void test_alone_with_a_peer_that_answers(void **state)
{
	(void)state;
	lone_client_stalls(lone_client_begins(), true);
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].path_mtu_upper, 1480);
}

static void test_alone_with_a_dead_path(void **state)
{
	(void)state;
	lone_client_stalls(lone_client_begins(), false);
	scene_assert_silent(&s);
}

/* A shell, whose first long output hangs after a while of typing; or nobody had typed lately, or the path dies just then. */
static void shell(int idle_s, bool answered)
{
	struct wire_flow *f = lone_client_begins();

	for (int i = 0; i < 10 * SECOND; i++) {
		flow_delivers(&s, f, 104);
		scene_tick(&s);
	}
	scene_ticks(&s, idle_s * SECOND);
	lone_client_stalls(f, answered);
}

static void test_first_long_output_of_a_shell(void **state)
{
	(void)state;
	shell(0, true);
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].path_mtu_upper, 1480);
	shell(0, false);
	scene_assert_silent(&s);
	shell(30, true);
	scene_assert_silent(&s);
}

/* Another transfer had passed: now the host may have died in the middle of one. */
static void test_lone_transfer_whose_host_dies(void **state)
{
	struct wire_flow *f = lone_client_begins();

	(void)state;
	for (int i = 0; i < 10 * SECOND; i++) {
		flow_delivers(&s, f, 1420);
		scene_tick(&s);
	}
	lone_client_stalls(f, true);
	scene_assert_silent(&s);
}

/*
 * After 30 s, in which large segments took so many tries each, another uplink: its hole is found as soon as any where
 * nothing is known of loss and one packet a second is heard.
 */
static void failover_to_a_smaller_path(int tries)
{
	start_over(1440, "192.0.2.1");
	for (int i = 0; i < 30 * SECOND; i++) {
		for (int again = 1; again < tries; again++)
			flow_tries(&s, mail, 1440);
		flow_delivers(&s, mail, 1440);
		flow_delivers(&s, other, 1300);
		scene_tick(&s);
	}
	s.peers[0].egress_ifindex = 0; /* between the two there may be no way at all */
	scene_tick(&s);
	s.peers[0].egress_ifindex = s.links[0].ifindex + 100;
	for (int i = 0; i < 12 * SECOND; i++) {
		if (i % SECOND == 1)
			flow_delivers(&s, other, 1300);
		scene_stall(&s, mail, 1440, NULL, 1);
	}
	assert_int_equal(s.opened, 1);
	assert_bracket(&s.log[0], 1372, 1500, 1312);
}

static void test_what_passed_on_the_first_uplink_says_nothing_of_the_second(void **state)
{
	(void)state;
	failover_to_a_smaller_path(1);
}

static void test_what_was_lost_on_the_first_uplink_says_nothing_of_the_second(void **state)
{
	(void)state;
	failover_to_a_smaller_path(2);
}

/* The sender helps itself (RFC 4821) and goes on with less: the hole is still there. */
static void test_size_that_the_sender_gave_up(void **state)
{
	(void)state;
	scene_tick(&s);
	for (int i = 0; i < 5; i++) {
		flow_tries(&s, mail, 8920);
		flow_delivers(&s, other, 100);
		scene_tick(&s);
	}
	for (int i = 0; i < 2 * SECOND; i++) {
		flow_delivers(&s, mail, 1064);
		scene_tick(&s);
	}
	assert_int_equal(s.opened, 1);
	assert_bracket(scene_last(&s), 1132, 8980, 1280);
}

/*
 * Nothing is heard while a lone download is stalled. Its sender goes over to less, and within the same tick tries other sizes
 * in vain: what it tries then is heard between.
 */
static void lone_download(uint16_t tries_after)
{
	start_over(8920, "192.0.2.1");
	flow_delivers(&s, mail, 60);
	scene_stall(&s, mail, 8920, NULL, 3 * SECOND);
	flow_delivers(&s, mail, 1064);
	mail->tx_lost_tries += tries_after;
	scene_tick(&s);
	for (int i = 0; i < 10 * SECOND; i++) {
		flow_delivers(&s, mail, 1064);
		scene_tick(&s);
	}
}

static void test_sizes_tried_after_giving_up(void **state)
{
	(void)state;
	lone_download(3);
	assert_int_equal(s.opened, 1);
	assert_bracket(scene_last(&s), 1132, 8980, 1280);
}

/* … or an outage took all that it tried. */
static void test_size_given_up_alone(void **state)
{
	(void)state;
	lone_download(0);
	scene_assert_silent(&s);
}

/* Packet by packet: whatever the seed, the hole is found in its own direction, and its bracket holds the truth. */
static void assert_found(enum wire_direction direction, uint32_t mtu, uint32_t path_mtu, uint32_t within_ms)
{
	static struct network n;

	for (uint64_t seed = 1; seed <= 25; seed++) {
		network_start(&n, seed, mtu, 8);
		n.mtu[direction] = path_mtu;
		n.pings = true;
		n.loss[WIRE_TX] = n.loss[WIRE_RX] = 0.005;
		network_run(&n, within_ms);
		assert_int_equal(n.scene.opened, 1);
		for (size_t i = 0; i < n.scene.log_n; i++) {
			const struct finding *f = &n.scene.log[i];

			assert_int_equal(f->class, FINDING_PATH_BLACKHOLE);
			assert_int_equal(f->direction, direction);
			assert_true(f->path_mtu_lower <= path_mtu && path_mtu < f->path_mtu_upper);
			assert_true(f->recommended_mtu + 60 <= path_mtu);
		}
		network_end(&n);
	}
}

static void test_simulated_hole_to_the_peer(void **state)
{
	(void)state;
	assert_found(WIRE_TX, 8920, 1500, 20000);
	assert_found(WIRE_TX, 1440, 1492, 30000);
	assert_found(WIRE_TX, 1420, 1400, 30000);
}

static void test_simulated_hole_from_the_peer(void **state)
{
	(void)state;
	assert_found(WIRE_RX, 8920, 1500, 30000);
	assert_found(WIRE_RX, 1440, 1400, 60000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		stalled_mail_test(test_tx_hole_is_found_and_described),
		stalled_mail_test(test_path_below_1280),
		stalled_mail_test(test_the_flows_that_suffer_are_named),
		stalled_mail_test(test_pings_narrow_the_bracket_to_sixteen_bytes),
		stalled_mail_test(test_nothing_proven_recommends_the_floor),
		stalled_mail_test(test_ipv6_underlay_takes_eighty_bytes),
		stalled_mail_test(test_the_recommendation_fits_the_path),
		stalled_mail_test(test_clients_that_give_up),
		stalled_mail_test(test_connections_that_are_refused),
		stalled_mail_test(test_one_host_after_the_other),
		stalled_mail_test(test_two_hosts_that_die_at_once),
		stalled_mail_test(test_of_two_peers_only_the_bad_one),
		stalled_mail_test(test_many_flows_are_one_finding),
		stalled_mail_test(test_path_that_shrinks_under_way),
		stalled_mail_test(test_never_passed_is_surer),
		stalled_mail_test(test_alone_with_a_peer_that_answers),
		stalled_mail_test(test_alone_with_a_dead_path),
		stalled_mail_test(test_first_long_output_of_a_shell),
		stalled_mail_test(test_lone_transfer_whose_host_dies),
		stalled_mail_test(test_what_passed_on_the_first_uplink_says_nothing_of_the_second),
		stalled_mail_test(test_what_was_lost_on_the_first_uplink_says_nothing_of_the_second),
		stalled_mail_test(test_size_that_the_sender_gave_up),
		stalled_mail_test(test_sizes_tried_after_giving_up),
		stalled_mail_test(test_size_given_up_alone),
		cmocka_unit_test(test_simulated_hole_to_the_peer),
		cmocka_unit_test(test_simulated_hole_from_the_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
