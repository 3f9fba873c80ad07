// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unit tests of user/core/detect/mss_too_large.c and of what it rests on: connections and what their two SYNs announce.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nobody_clamps, start, end),
		cmocka_unit_test_setup_teardown(test_one_side_is_enough, start, end),
		cmocka_unit_test_setup_teardown(test_a_connection_older_than_the_mtu, start, end),
		cmocka_unit_test_setup_teardown(test_a_connection_older_than_the_first_snapshot, start, end),
	};

	return cmocka_run_group_tests_name("mss_too_large", tests, NULL, NULL);
}
