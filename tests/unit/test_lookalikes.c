/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What looks like an MTU black hole and is none: nothing may be said. Told in snapshots where the story is simple, and
 * where chance plays a part simulated, packet by packet, from many seeds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "network.h"

#define SEEDS 50

static struct scene s;

static int start(void **state)
{
	(void)state;
	scene_start(&s, 8920);
	scene_peer(&s, 'A', "192.0.2.1", "10.1.0.0");
	return 0;
}

static int end(void **state)
{
	(void)state;
	scene_end(&s);
	return 0;
}

static void test_dead_peer_loses_every_size(void **state)
{
	struct wire_flow *large = scene_flow(&s, "10.1.0.9"), *small = scene_flow(&s, "10.1.0.8");

	(void)state;
	scene_ticks(&s, 10 * SECOND);
	for (int i = 0; i < 60 * SECOND; i++) {
		scene_stall(&s, large, 8920, NULL, 1);
		if (i == 1 || i == 2 || i == 4 || i == 7 || i == 13 || i == 25)
			flow_tries(&s, small, 100);
	}
	scene_assert_silent(&s);
}

/*
 * A host with a broken link, to which connection after connection is made, and another behind the same peer that is sent
 * something large each 12 seconds: it may be told once, before that is known, as a doubt.
 */
static void test_host_that_takes_nothing_large(void **state)
{
	struct wire_flow *good = scene_flow(&s, "10.1.0.8"), *small = scene_flow(&s, "10.1.0.9"), *bad[2];

	(void)state;
	for (int second = 0; second < 5 * 60; second++) {
		if (second % 10 == 0)
			for (int i = 0; i < 2; i++) {
				if (second)
					bad[i]->flags |= WIRE_FLOW_CLOSED | WIRE_FLOW_RESET;
				bad[i] = scene_flow(&s, "10.1.0.9");
			}
		if (second % 12 == 0)
			flow_delivers(&s, good, 8920);
		for (int tick = 0; tick < SECOND; tick++) {
			flow_delivers(&s, small, 100);
			if (tick == 0 && (second % 10 < 4 || second % 10 == 7))
				flow_tries(&s, bad[1], 8920);
			scene_stall(&s, bad[0], 8920, NULL, 1);
		}
	}
	assert_true(s.opened <= 1);
	if (s.opened)
		assert_true(s.log[0].confidence <= 0.7);
	assert_int_equal(s.resolved, s.opened);
}

/* … until something large arrives there after all: what stalls then is the path's. */
static void test_host_whose_link_is_mended(void **state)
{
	struct wire_flow *good = scene_flow(&s, "10.1.0.8"), *small = scene_flow(&s, "10.1.0.9");
	struct wire_flow *mended = scene_flow(&s, "10.1.0.9");

	(void)state;
	for (int i = 0; i < MINUTE; i++) {
		if (i % SECOND == 0)
			flow_delivers(&s, good, 8920);
		scene_stall(&s, mended, 8920, small, 1);
	}
	scene_assert_silent(&s);
	flow_answered(&s, mended);
	scene_ticks(&s, 2 * MINUTE);
	scene_stall(&s, scene_flow(&s, "10.1.0.9"), 8920, small, 10 * SECOND);
	assert_int_equal(s.opened, 1);
}

static void test_size_that_another_flow_gets_through(void **state)
{
	struct wire_flow *stalled = scene_flow(&s, "10.1.0.9"), *other = scene_flow(&s, "10.1.0.8");
	struct wire_flow *small = scene_flow(&s, "10.1.0.9");

	(void)state;
	for (int i = 0; i < 60 * SECOND; i++) {
		if (i % SECOND == 0)
			flow_delivers(&s, other, 8920);
		scene_stall(&s, stalled, 4000, small, 1);
	}
	scene_assert_silent(&s);
}

/* A port that a firewall drops: SYNs are small, and the host answers on other ports. */
static void test_filtered_port(void **state)
{
	struct wire_flow *other = scene_flow(&s, "10.1.0.9"), *syn = scene_flow(&s, "10.1.0.9");

	(void)state;
	*syn = (struct wire_flow){ .tag = syn->tag,
				   .ifindex = syn->ifindex,
				   .protocol = syn->protocol,
				   .family = syn->family,
				   .first_ms = s.clock_ms,
				   .last_rx_ms = s.clock_ms,
				   .flags = WIRE_FLOW_SYN_TX | WIRE_FLOW_TX_KNOWN };
	for (int i = 0; i < 16; i++)
		syn->remote[i] = other->remote[i];
	scene_stall(&s, syn, 60, other, 60 * SECOND);
	scene_assert_silent(&s);
}

/* The server has the request and thinks. Nothing is lost: the counters have no gaps. */
static void test_hung_server(void **state)
{
	struct wire_flow *web = scene_flow(&s, "10.1.0.9"), *ping = scene_ping(&s, "10.1.0.9");
	struct scene_session *w = scene_session(&s, &s.peers[0]);

	(void)state;
	scene_ticks(&s, SECOND);
	flow_asks(&s, web, 8000);
	for (int i = 0; i < 60 * SECOND; i++) {
		session_receives(&s, w, 1, 172);
		flow_delivers(&s, ping, 84);
		scene_tick(&s);
	}
	scene_assert_silent(&s);
}

/* A filter takes all echo of a host, large and small, while TCP to it goes on; later it is lifted. */
static void test_echo_filtered_for_a_while(void **state)
{
	struct wire_flow *web = scene_flow(&s, "10.1.0.9");
	struct wire_flow *large = scene_ping(&s, "10.1.0.9"), *small = scene_ping(&s, "10.1.0.9");

	(void)state;
	for (int i = 0; i < 14; i++) {
		flow_tries(&s, large, 4000);
		flow_delivers(&s, web, 100);
		scene_ticks(&s, 2);
	}
	for (int i = 0; i < 10 * SECOND; i++) {
		flow_delivers(&s, web, 100);
		scene_tick(&s);
	}
	for (int i = 0; i < 20 * SECOND; i++) {
		flow_delivers(&s, small, 84);
		scene_tick(&s);
	}
	scene_assert_silent(&s);
}

static void test_one_dead_host_behind_a_healthy_peer(void **state)
{
	struct wire_flow *dead = scene_flow(&s, "10.1.0.9"), *other = scene_flow(&s, "10.1.0.8");

	(void)state;
	scene_ticks(&s, 10 * SECOND);
	for (int i = 0; i < 60 * SECOND; i++) {
		if (i % (2 * SECOND) == 0)
			flow_delivers(&s, other, 8920);
		scene_stall(&s, dead, 8920, other, 1);
	}
	scene_assert_silent(&s);
}

/* … and nobody has sent that size to anybody else. */
static void test_one_dead_host_and_no_comparison(void **state)
{
	struct wire_flow *dead = scene_flow(&s, "10.1.0.9"), *other = scene_flow(&s, "10.1.0.8");

	(void)state;
	scene_ticks(&s, 10 * SECOND);
	scene_stall(&s, dead, 1400, other, 60 * SECOND);
	scene_assert_silent(&s);
}

/* It takes connections and no data: what almost any path carries is lost by nobody else. */
static void test_service_that_takes_nothing(void **state)
{
	struct wire_flow *broken = scene_flow(&s, "10.1.0.9"), *other = scene_flow(&s, "10.1.0.9");

	(void)state;
	scene_ticks(&s, 10 * SECOND);
	scene_stall(&s, broken, 672, other, 60 * SECOND);
	scene_assert_silent(&s);
}

/* A peer that is heard each second dies as it is sent something larger than Ethernet carries. */
static void test_jumbo_peer_dies(void **state)
{
	struct wire_flow *mail = scene_flow(&s, "10.1.0.9"), *other = scene_flow(&s, "10.1.0.9");
	struct scene_session *w = scene_session(&s, &s.peers[0]);

	(void)state;
	for (int i = 0; i < 30 * SECOND; i++) {
		if (i % SECOND == 0) {
			flow_delivers(&s, other, 100);
			session_receives(&s, w, 1, 172);
		}
		scene_tick(&s);
	}
	scene_stall(&s, mail, 8920, NULL, 30 * SECOND);
	scene_assert_silent(&s);
}

/* In an outage a sender goes over to smaller packets, and when it is over they get through, as any would. */
static void test_size_given_up_during_an_outage(void **state)
{
	struct wire_flow *mail = scene_flow(&s, "10.1.0.9"), *other = scene_flow(&s, "10.1.0.9");

	(void)state;
	for (int i = 0; i < 10 * SECOND; i++) {
		flow_delivers(&s, other, 100);
		scene_tick(&s);
	}
	for (int i = 0; i < 6 * SECOND; i++) {
		if (i < 2 || i == 5)
			flow_tries(&s, other, 100);
		scene_stall(&s, mail, 8920, NULL, 1);
	}
	for (int i = 0; i < 20 * SECOND; i++) {
		flow_delivers(&s, other, 100);
		flow_delivers(&s, mail, 1064);
		scene_tick(&s);
	}
	scene_assert_silent(&s);
}

/* Reordering: a hole that closes within a round trip, all the time. */
static void test_gaps_that_close(void **state)
{
	struct wire_flow *web = scene_flow(&s, "10.1.0.9");
	struct scene_session *w = scene_session(&s, &s.peers[0]);

	(void)state;
	for (int i = 0; i < 60 * SECOND; i++) {
		flow_hole(&s, web, 1448);
		w->value.counter_max += 3;
		scene_tick(&s);
		flow_fills(&s, web);
		session_receives(&s, w, 3, 1500);
		w->value.counter_max -= 3;
		scene_tick(&s);
	}
	scene_assert_silent(&s);
}

/* Two segments of a sender whose MTU is 1420 are lost again and again; this end's host, in a LAN of 9000, would take more. */
static void test_a_hole_of_two_segments(void **state)
{
	struct wire_flow *web = scene_flow(&s, "10.1.0.9"), *other = scene_flow(&s, "10.1.0.9");

	(void)state;
	web->mss_local = 8960;
	web->mss_remote = 1380;
	flow_hole(&s, web, 2 * 1368);
	for (int i = 0; i < 8 * SECOND; i++) {
		flow_receives(&s, other, 1420);
		flow_hears(&s, web);
		scene_tick(&s);
	}
	scene_assert_silent(&s);
}

static struct network n;

/* Runs each seed of a path that `prepare` makes, `change` spoils and mends as time goes by. */
static void assert_silent_for_all(uint32_t mtu, size_t connections, void (*prepare)(void),
				  void (*change)(uint32_t second), uint32_t seconds)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		network_start(&n, seed, mtu, connections);
		prepare();
		for (uint32_t second = 0; second < seconds; second++) {
			if (change)
				change(second);
			network_run(&n, 1000);
		}
		if (n.scene.log_n)
			fail_msg("seed %u: \"%s\"", (unsigned int)seed, n.scene.log[0].message);
		network_end(&n);
	}
}

static double loss;

static void lossy(void)
{
	n.loss[WIRE_TX] = n.loss[WIRE_RX] = loss;
	n.pings = true;
}

static void lossy_and_far(void)
{
	lossy();
	n.delay_ms = 150;
}

static void test_random_loss(void **state)
{
	static const double rates[] = { 0, 0.01, 0.02, 0.05, 0.1 };

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		loss = rates[i];
		assert_silent_for_all(1420, 16, lossy, NULL, 60);
		assert_silent_for_all(8920, 4, lossy, NULL, 60);
	}
}

static void test_random_loss_on_a_long_path(void **state)
{
	(void)state;
	loss = 0.02;
	assert_silent_for_all(1420, 16, lossy_and_far, NULL, 120);
	assert_silent_for_all(8920, 2, lossy_and_far, NULL, 120);
}

static void jittery(void)
{
	n.jitter_ms = 60;
	n.loss[WIRE_TX] = n.loss[WIRE_RX] = 0.01;
}

static void test_reordering(void **state)
{
	(void)state;
	assert_silent_for_all(1420, 16, jittery, NULL, 60);
	assert_silent_for_all(8920, 2, jittery, NULL, 60);
}

/* A policer that counts bytes: large packets are lost often, sometimes not. */
static bool police(struct network *net, bool tx, uint32_t outer)
{
	(void)tx;
	return random_true(&net->seed, outer > 1000 ? 0.3 : 0.02);
}

static void policed(void)
{
	n.drops = police;
	n.pings = true;
	n.pause_ms = 200;
}

static void test_byte_policer(void **state)
{
	(void)state;
	assert_silent_for_all(1420, 16, policed, NULL, 60);
}

static void good(void)
{
	n.pings = true;
}

static uint32_t outage_s;

static void outage_each_minute(uint32_t second)
{
	n.down = second % 60 >= 20 && second % 60 < 20 + outage_s;
}

/* When it is over the pings come back at once, the next try of a stalled flow only seconds later. */
static void test_outages_in_which_everything_dies(void **state)
{
	static const uint32_t lengths_s[] = { 2, 5, 30 };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths_s) / sizeof(lengths_s[0]); i++) {
		outage_s = lengths_s[i];
		assert_silent_for_all(1420, 1, good, outage_each_minute, 120);
		assert_silent_for_all(1420, 16, good, outage_each_minute, 120);
		assert_silent_for_all(8920, 4, good, outage_each_minute, 120);
	}
}

static void one_way_dies(uint32_t second)
{
	n.loss[WIRE_TX] = second >= 20;
}

static void other_way_dies(uint32_t second)
{
	n.loss[WIRE_RX] = second >= 20;
}

/* The far side goes on sending: it repeats itself, for it hears nothing. */
static void test_death_of_one_direction(void **state)
{
	(void)state;
	assert_silent_for_all(1420, 16, good, one_way_dies, 60);
	assert_silent_for_all(8920, 16, good, one_way_dies, 60);
	assert_silent_for_all(1420, 16, good, other_way_dies, 60);
	assert_silent_for_all(8920, 4, good, other_way_dies, 60);
}

static void loss_after_clean_minutes(uint32_t second)
{
	n.loss[WIRE_TX] = n.loss[WIRE_RX] = second >= 180 ? 0.1 : 0;
}

static void test_loss_after_a_clean_time(void **state)
{
	(void)state;
	assert_silent_for_all(1420, 16, good, loss_after_clean_minutes, 240);
}

static void busy(void)
{
	n.pings = true;
	n.pause_ms = 100;
}

/* Each seed has it die at another moment of its transfers. */
static void hosts_die(uint32_t second)
{
	for (int i = 0; second == 20 && i < NETWORK_HOSTS; i++)
		n.dead[i] = true;
}

static void one_host_dies(uint32_t second)
{
	n.dead[1] = second >= 20;
}

static void path_dies(uint32_t second)
{
	n.down = second >= 20;
}

static void test_death_in_the_middle_of_transfers(void **state)
{
	(void)state;
	assert_silent_for_all(1420, 8, busy, hosts_die, 60);
	assert_silent_for_all(8920, 8, busy, path_dies, 60);
	assert_silent_for_all(8920, 8, busy, one_host_dies, 60);
}

static void hung(void)
{
	n.pings = true;
	n.hung[0] = n.hung[1] = true;
	n.loss[WIRE_TX] = n.loss[WIRE_RX] = 0.005;
}

static void test_servers_that_never_answer(void **state)
{
	(void)state;
	assert_silent_for_all(1420, 16, hung, NULL, 120);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_dead_peer_loses_every_size, start, end),
		cmocka_unit_test_setup_teardown(test_host_that_takes_nothing_large, start, end),
		cmocka_unit_test_setup_teardown(test_host_whose_link_is_mended, start, end),
		cmocka_unit_test_setup_teardown(test_size_that_another_flow_gets_through, start, end),
		cmocka_unit_test_setup_teardown(test_filtered_port, start, end),
		cmocka_unit_test_setup_teardown(test_hung_server, start, end),
		cmocka_unit_test_setup_teardown(test_echo_filtered_for_a_while, start, end),
		cmocka_unit_test_setup_teardown(test_one_dead_host_behind_a_healthy_peer, start, end),
		cmocka_unit_test_setup_teardown(test_one_dead_host_and_no_comparison, start, end),
		cmocka_unit_test_setup_teardown(test_service_that_takes_nothing, start, end),
		cmocka_unit_test_setup_teardown(test_jumbo_peer_dies, start, end),
		cmocka_unit_test_setup_teardown(test_size_given_up_during_an_outage, start, end),
		cmocka_unit_test_setup_teardown(test_gaps_that_close, start, end),
		cmocka_unit_test_setup_teardown(test_a_hole_of_two_segments, start, end),
		cmocka_unit_test(test_random_loss),
		cmocka_unit_test(test_random_loss_on_a_long_path),
		cmocka_unit_test(test_reordering),
		cmocka_unit_test(test_byte_policer),
		cmocka_unit_test(test_outages_in_which_everything_dies),
		cmocka_unit_test(test_death_of_one_direction),
		cmocka_unit_test(test_loss_after_a_clean_time),
		cmocka_unit_test(test_death_in_the_middle_of_transfers),
		cmocka_unit_test(test_servers_that_never_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
