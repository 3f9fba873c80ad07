// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unit tests of user/core/detect/mss_too_large.c and of what it rests on: connections and what their two SYNs announce.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "snapshots.h"

#define MTU	  1420
#define HEADERS	  40   /* of IPv4 and TCP */
#define LARGE_MSS 1460 /* of Ethernet */
#define CURED_MTU 1280

static struct scene scene;

static int start(void **state)
{
	(void)state;
	scene_start(&scene, MTU);
	scene_peer(&scene, 1, "192.0.2.1", "10.1.0.0");
	return 0;
}

static int end(void **state)
{
	(void)state;
	scene_end(&scene);
	return 0;
}

static void connection(uint16_t mss_local, uint16_t mss_remote)
{
	struct wire_flow *f = scene_flow(&scene, "10.1.0.5");

	f->mss_local = mss_local;
	f->mss_remote = mss_remote;
	scene_ticks(&scene, 4);
}

static void test_nobody_clamps(void **state)
{
	(void)state;
	scene_tick(&scene);
	connection(LARGE_MSS, LARGE_MSS);
	assert_int_equal(scene.log_n, 1);
	assert_int_equal(scene.log[0].class, FINDING_MSS_TOO_LARGE);
	assert_int_equal(scene.log[0].tunnel_mtu, MTU);
}

/* The smaller of the two holds for both directions. */
static void test_one_side_is_enough(void **state)
{
	(void)state;
	scene_tick(&scene);
	connection(MTU - HEADERS, LARGE_MSS);
	connection(LARGE_MSS, MTU - HEADERS);
	assert_int_equal(scene.log_n, 0);
}

static void test_a_connection_older_than_the_mtu(void **state)
{
	(void)state;
	scene_tick(&scene);
	connection(MTU - HEADERS, MTU - HEADERS);
	scene.links[1].mtu = CURED_MTU;
	scene_ticks(&scene, 4);
	assert_int_equal(scene.log_n, 0);
}

/* What the tunnel's MTU was then is not known. */
static void test_a_connection_older_than_the_first_snapshot(void **state)
{
	(void)state;
	connection(LARGE_MSS, LARGE_MSS);
	assert_int_equal(scene.log_n, 0);
}

/* A clamp that binds new connections is known by the next one of the same hosts; the old one goes on. */
static void test_a_clamp_is_seen_at_once(void **state)
{
	struct wire_flow *old;

	(void)state;
	scene_tick(&scene);
	connection(LARGE_MSS, LARGE_MSS);
	assert_int_equal(scene.opened, 1);
	old = &scene.flows[scene.flows_n - 1];
	connection(MTU - HEADERS, LARGE_MSS);
	assert_int_equal(scene.resolved, 1);
	for (int i = 0; i < 10 * SECOND; i++) {
		flow_delivers(&scene, old, 100);
		scene_tick(&scene);
	}
	assert_int_equal(scene.opened, 1);
	connection(LARGE_MSS, LARGE_MSS);
	assert_int_equal(scene.opened, 2);
}

/* Another host's link is small by itself. */
static void test_a_small_host_is_no_clamp(void **state)
{
	(void)state;
	scene_tick(&scene);
	connection(LARGE_MSS, LARGE_MSS);
	scene_flow(&scene, "10.1.0.6")->mss_remote = 1200;
	scene_ticks(&scene, 10 * SECOND);
	assert_int_equal(scene.resolved, 0);
}

/* A full packet by IPv6 is larger outside than one by IPv4, to which the peer has gone over. */
static void test_a_peer_that_roams_from_ipv6(void **state)
{
	struct peer *peer = &scene.peers[0];

	(void)state;
	peer->endpoint.ip.family = AF_INET6;
	peer->endpoint.ip.bytes[15] = 1;
	scene_tick(&scene);
	flow_receives(&scene, scene_flow(&scene, "10.1.0.5"), (uint16_t)scene.links[1].mtu);
	scene_tick(&scene);
	peer->endpoint.ip.family = AF_INET;
	peer->endpoint.ip.bytes[15] = 0;
	scene_ticks(&scene, 10 * SECOND);
	scene_assert_silent(&scene);
}

/* tunnel-mtu-mismatch: the peer sends what this end's tunnel would not carry, until it announces that it does so no more. */
static void test_a_mismatch_that_the_peer_cures(void **state)
{
	struct wire_flow *large;

	(void)state;
	scene_tick(&scene);
	large = scene_flow(&scene, "10.1.0.5");
	large->mss_remote = LARGE_MSS;
	flow_receives(&scene, large, 1500);
	scene_ticks(&scene, 4);
	assert_int_equal(scene.opened, 1);
	assert_int_equal(scene.log[0].class, FINDING_TUNNEL_MTU_MISMATCH);
	scene_flow(&scene, "10.1.0.6")->mss_remote = 1200;
	scene_ticks(&scene, 10 * SECOND);
	assert_int_equal(scene.resolved, 0);
	connection(MTU - HEADERS, MTU - HEADERS);
	assert_int_equal(scene.resolved, 1);
	scene_ticks(&scene, 10 * SECOND);
	assert_int_equal(scene.opened, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nobody_clamps, start, end),
		cmocka_unit_test_setup_teardown(test_one_side_is_enough, start, end),
		cmocka_unit_test_setup_teardown(test_a_connection_older_than_the_mtu, start, end),
		cmocka_unit_test_setup_teardown(test_a_connection_older_than_the_first_snapshot, start, end),
		cmocka_unit_test_setup_teardown(test_a_clamp_is_seen_at_once, start, end),
		cmocka_unit_test_setup_teardown(test_a_small_host_is_no_clamp, start, end),
		cmocka_unit_test_setup_teardown(test_a_peer_that_roams_from_ipv6, start, end),
		cmocka_unit_test_setup_teardown(test_a_mismatch_that_the_peer_cures, start, end),
	};

	return cmocka_run_group_tests_name("mss_too_large", tests, NULL, NULL);
}
