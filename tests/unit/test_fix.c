/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fix plans: only what is proven, never upwards of its own accord, and what it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "fix.h"

#define WG0 7
#define WAN 2
#define LTE 3

static struct link tunnel;
static struct peer peers[2];
static struct audit_config config;
static struct audit_route lte; /* another uplink, of jumbo frames as well */
static struct audit_way ways[3];
static struct audit_scene scene;

/* The incident: 8920 on a jumbo link, the peer behind a router. */
static int setup(void **state)
{
	(void)state;
	tunnel = (struct link){ .ifindex = WG0, .name = "wg0", .mtu = 8920, .role = WIRE_ROLE_TUNNEL, .up = true };
	for (size_t i = 0; i < 2; i++)
		peers[i] = (struct peer){ .tunnel_ifindex = WG0,
					  .endpoint = { .ip = { .family = AF_INET, .bytes = { 198, 51, 100, 1 } } },
					  .egress_ifindex = WAN,
					  .egress_mtu = 9000,
					  .off_link = true };
	config = (struct audit_config){ .ifindex = WG0, .manager = MANAGER_WG_QUICK, .readable = true };
	lte = (struct audit_route){
		.to.family = AF_INET, .ifindex = LTE, .link = "lte0", .link_mtu = 9000, .up = true
	};
	ways[0] = (struct audit_way){ .peer = 0, .ifindex = WAN };
	ways[1] = (struct audit_way){ .peer = 0, .ifindex = LTE };
	ways[2] = (struct audit_way){ .peer = 1, .ifindex = WAN };
	scene = (struct audit_scene){ .inventory = { .links = &tunnel, .links_n = 1, .peers = peers, .peers_n = 2 },
				      .routes = &lte,
				      .routes_n = 1,
				      .ways = ways,
				      .ways_n = 3,
				      .configs = &config,
				      .configs_n = 1 };
	return 0;
}

static struct fix_plan plan(uint32_t told)
{
	return fix_plan_make(&scene, &tunnel, told);
}

static void test_the_incident(void **state)
{
	struct fix_plan p = plan(0);

	(void)state;
	assert_int_equal(p.verdict, FIX_SET);
	assert_int_equal(p.mtu, 1440);
	assert_true(p.set_live && p.set_config);
	peers[1].egress_mtu = 1492;
	peers[1].endpoint.ip.family = AF_INET6;
	p = plan(0);
	assert_int_equal(p.mtu, 1412);
	assert_ptr_equal(p.narrowest, &peers[1]);
	assert_int_equal(p.limit.mtu, 1492);
}

static void test_what_fits_is_left_alone(void **state)
{
	struct fix_plan p;

	(void)state;
	tunnel.mtu = config.mtu = 1400;
	p = plan(0);
	assert_int_equal(p.verdict, FIX_NOTHING);
	assert_int_equal(p.mtu, 1400);
	config.mtu = 1420; /* somebody's choice, and it fits */
	assert_int_equal(plan(0).verdict, FIX_NOTHING);
	config.mtu = 8920;
	p = plan(0);
	assert_true(p.verdict == FIX_SET && p.set_config && !p.set_live);
	assert_int_equal(p.mtu, 1400);
	config.mtu = 0; /* wg-quick would derive 8920 */
	assert_true(plan(0).set_config);
	peers[0].egress_mtu = peers[1].egress_mtu = 1500;
	assert_false(plan(0).set_config);
	config.manager = MANAGER_NETWORKD;
	config.mtu = 0;
	peers[0].egress_mtu = 9000;
	assert_false(plan(0).set_config);
}

static void test_what_is_not_proven_is_refused(void **state)
{
	(void)state;
	peers[0].egress_ifindex = peers[1].egress_ifindex = 0;
	assert_int_equal(plan(0).verdict, FIX_UNPROVEN);
	assert_int_equal(plan(0).mtu, 0);
	assert_int_equal(plan(1400).verdict, FIX_SET);
	assert_int_equal(plan(1400).mtu, 1400);
	setup(state);
	peers[0].learned_mtu = 1339; /* perhaps forged */
	assert_int_equal(plan(0).verdict, FIX_TOO_SMALL);
	peers[0].learned_mtu = 1340;
	assert_int_equal(plan(0).mtu, 1280);
}

static void test_what_is_told_is_done(void **state)
{
	struct fix_plan p;

	(void)state;
	tunnel.mtu = 1380;
	config.mtu = 1380;
	p = plan(1420);
	assert_true(p.verdict == FIX_SET && p.set_live && p.set_config);
	assert_int_equal(p.mtu, 1420);
	assert_int_equal(plan(1380).verdict, FIX_NOTHING);
	config.mtu = 0;
	assert_true(plan(1380).set_config);
}

static void test_one_peer(void **state)
{
	struct fix_plan p;

	(void)state;
	peers[1].egress_mtu = 1400;
	p = fix_plan_make_peer(&scene, &tunnel, &peers[1], 0);
	assert_true(p.verdict == FIX_SET && p.set_live && !p.set_config);
	assert_int_equal(p.mtu, 1340);
	assert_int_equal(fix_plan_make_peer(&scene, &tunnel, &peers[0], 0).mtu, 1440);
	tunnel.mtu = 1340; /* what the interface has is enough for all its routes */
	assert_int_equal(fix_plan_make_peer(&scene, &tunnel, &peers[1], 0).verdict, FIX_NOTHING);
	assert_int_equal(fix_plan_make_peer(&scene, &tunnel, &peers[1], 1400).verdict, FIX_NOTHING);
	peers[1].egress_ifindex = 0;
	assert_int_equal(fix_plan_make_peer(&scene, &tunnel, &peers[1], 0).verdict, FIX_UNPROVEN);
}

/* What probes have shown takes the place of what may be expected; the smallest of all ways counts. */
static void test_what_was_measured(void **state)
{
	struct fix_plan p;

	(void)state;
	ways[0].measured = 1500;
	ways[1].measured = 1400;
	ways[2].measured = 1500;
	p = plan(0);
	assert_int_equal(p.mtu, 1340);
	assert_ptr_equal(p.narrowest, &peers[0]);
	assert_ptr_equal(p.limit.uplink, &lte);
	assert_true(p.limit.uplink_measured);
	ways[0].measured = ways[2].measured = 9000;
	ways[1].measured = 0;
	assert_int_equal(plan(0).mtu, 1440); /* of that one nothing is known but its link */
	ways[1].measured = 9000;
	assert_int_equal(plan(0).verdict, FIX_NOTHING);
	assert_int_equal(plan(0).mtu, 8920);
	peers[0].learned_mtu = 1300; /* refuted */
	assert_int_equal(plan(0).mtu, 8920);
	ways[2].measured = 1300;
	assert_int_equal(plan(0).verdict, FIX_TOO_SMALL);
	assert_int_equal(fix_plan_make_peer(&scene, &tunnel, &peers[0], 0).verdict, FIX_NOTHING);
}

/* A link that the kernel would not take for the endpoint is no uplink of it. */
static void test_an_uplink_must_reach(void **state)
{
	(void)state;
	lte.link_mtu = 1400;
	assert_int_equal(plan(0).mtu, 1340);
	ways[1].peer = 1;
	peers[1].egress_ifindex = 0;
	assert_int_equal(plan(0).mtu, 1440);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_the_incident, setup),
		cmocka_unit_test_setup(test_what_fits_is_left_alone, setup),
		cmocka_unit_test_setup(test_what_is_not_proven_is_refused, setup),
		cmocka_unit_test_setup(test_what_is_told_is_done, setup),
		cmocka_unit_test_setup(test_one_peer, setup),
		cmocka_unit_test_setup(test_what_was_measured, setup),
		cmocka_unit_test_setup(test_an_uplink_must_reach, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
