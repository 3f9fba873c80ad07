/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of the audit, on scenes made by hand: each hits what it is for, and is silent about what looks like it. Those
 * about clamps are in test_audit_clamp.c.
 */
#include <stdlib.h>

#include "audit_scene.h"

static void test_healthy(void **state)
{
	(void)state;
	assert_silent("");
	assert_int_equal(heard.n, 0);
	assert_int_equal(heard.result.peers, 1);
	assert_int_equal(heard.result.tunnels, 1);
	set_tunnel_mtu(1440);
	assert_silent("");
	assert_int_equal(heard.n, 0);
	/* The gateway's NIC may well be jumbo. */
	set_egress(9000);
	assert_silent("");
	assert_int_equal(heard.n, 0);
}

static void test_egress_too_small(void **state)
{
	const struct finding *f;

	(void)state;
	set_egress(1492);
	set_tunnel_mtu(1433);
	f = only("egress-too-small", FINDING_TUNNEL_MTU_TOO_LARGE);
	assert_int_equal(f->recommended_mtu, 1432);
	assert_string_equal(f->fix[0], "ip link set dev wg0 mtu 1432");
	set_tunnel_mtu(1432);
	assert_silent("egress-too-small");
	address(&peers[0].endpoint.ip, "2001:db8::1");
	assert_int_equal(only("egress-too-small", FINDING_TUNNEL_MTU_TOO_LARGE)->recommended_mtu, 1412);
}

static void test_jumbo(void **state)
{
	const uint32_t mtus[] = { 8920, 8921, 1441 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		set_egress(9001);
		set_tunnel_mtu(mtus[i]);
		assert_int_equal(only("jumbo", FINDING_TUNNEL_MTU_TOO_LARGE)->recommended_mtu, 1440);
	}
	set_tunnel_mtu(8920);
	peers[0].off_link = false;
	assert_silent("jumbo");
	peers[0].off_link = true;
	peers[0].route_mtu = 9000;
	assert_silent("jumbo");
	peers[0].route_mtu = 1500;
	assert_hits("jumbo");
}

static void add_uplink(uint32_t ifindex, uint32_t mtu)
{
	routes[scene.routes_n++] = (struct audit_route){
		.to.family = AF_INET, .table = 77, .ifindex = ifindex, .link = "lte0", .link_mtu = mtu, .up = true
	};
	ways[scene.ways_n++] = (struct audit_way){ .ifindex = ifindex };
}

static void test_other_uplink(void **state)
{
	const struct finding *f;

	(void)state;
	add_uplink(LTE, 1400);
	add_uplink(LTE + 1, 1450);
	f = only("other-uplink", FINDING_TUNNEL_MTU_TOO_LARGE);
	assert_int_equal(f->recommended_mtu, 1340);
	assert_non_null(strstr(f->message, "lte0"));
	set_tunnel_mtu(1340);
	assert_silent("other-uplink");
	set_tunnel_mtu(1420);
	for (size_t i = 1; i < 3; i++)
		routes[i].tunnel = true; /* wg-quick's own default route */
	assert_silent("other-uplink");
	for (size_t i = 1; i < 3; i++)
		routes[i] = (struct audit_route){ .to.family = AF_INET6, .link_mtu = 1400, .ifindex = LTE, .up = true };
	assert_silent("other-uplink");
	routes[1].to.family = AF_INET;
	routes[1].prefix_len = 8;
	assert_silent("other-uplink");
	routes[1].prefix_len = 0;
	routes[1].up = false;
	assert_silent("other-uplink");
	routes[1].up = true;
	assert_hits("other-uplink");
	scene.ways_n = 0; /* the kernel has no route by it */
	assert_silent("other-uplink");
	scene.ways_n = 2;
	peers[0].off_link = false;
	assert_silent("other-uplink");
}

/* Another peer's tunnel MTU need not change: what is behind this one gets the smaller in its routes. */
static void test_routes_of_one_peer(void **state)
{
	const struct finding *f;

	(void)state;
	peers[0].learned_mtu = 1400;
	f = only("path-mtu-learned", FINDING_TUNNEL_MTU_TOO_LARGE);
	assert_int_equal(f->networks_n, 0);
	links[0].peers_n = 2;
	for (size_t i = 0; i < 2; i++)
		allowed[i].prefix_len = 24;
	f = only("path-mtu-learned", FINDING_TUNNEL_MTU_TOO_LARGE);
	assert_string_equal(f->fix[1], "# or for this peer alone: ip route replace 10.30.0.0/24 dev wg0 mtu 1340");
}

/* A jumbo link that is not in use says nothing that the one in use does not. */
static void test_jumbo_uplink(void **state)
{
	(void)state;
	add_uplink(LTE, 9000);
	set_egress(9000);
	set_tunnel_mtu(8920);
	only("jumbo", FINDING_TUNNEL_MTU_TOO_LARGE);
}

static void test_path_mtu_learned(void **state)
{
	const struct finding *f;

	(void)state;
	peers[0].learned_mtu = 1400;
	f = only("path-mtu-learned", FINDING_TUNNEL_MTU_TOO_LARGE);
	assert_int_equal(f->recommended_mtu, 1340);
	assert_int_equal(f->basis, BASIS_PTB);
	peers[0].learned_mtu = 1480;
	assert_silent("path-mtu-learned");
}

static void test_routes_above_links(void **state)
{
	(void)state;
	peers[0].route_mtu = 1501;
	only_status("route-mtu-above-link", SEVERITY_WARNING);
	peers[0].route_mtu = 1500;
	assert_silent("route-mtu-above-link");
	routes[scene.routes_n++] = (struct audit_route){ .to.family = AF_INET,
							 .prefix_len = 24,
							 .table = 254,
							 .ifindex = WG0,
							 .mtu = 1500,
							 .link = "wg0",
							 .link_mtu = 1420,
							 .up = true,
							 .tunnel = true };
	only_status("tunnel-route-mtu", SEVERITY_WARNING);
	assert_string_equal(heard.notes[0].finding.fix[0], "ip route change 0.0.0.0/24 dev wg0 mtu 1420");
	routes[1].mtu = 1420;
	assert_silent("tunnel-route-mtu");
	routes[1].mtu = 1500;
	routes[1].ifindex = WAN;
	assert_silent("tunnel-route-mtu");
}

static void test_endpoints(void **state)
{
	(void)state;
	peers[0].egress_ifindex = 0;
	only("endpoint-unroutable", FINDING_PEER_UNREACHABLE);
	links[0].elsewhere = true; /* the routes are another namespace's */
	only_status("tunnel-elsewhere", SEVERITY_INFO);
	links[0].elsewhere = false;
	peers[0].egress_ifindex = WG0;
	peers[0].egress_mtu = 1500;
	only("endpoint-looped", FINDING_PEER_UNREACHABLE);
	peers[0] = (struct peer){ .tunnel_ifindex = WG0 };
	config.mtu = 1420;
	only("endpoint-missing", FINDING_PEER_UNREACHABLE);
	links[0].up = false;
	only_status("tunnel-down", SEVERITY_WARNING);
}

static void test_handshake(void **state)
{
	(void)state;
	peers[0].last_handshake_s = NOW - 180 - 30 - 25;
	assert_silent("handshake-dead");
	peers[0].last_handshake_s--;
	only("handshake-dead", FINDING_PEER_UNREACHABLE);
	peers[0].keepalive_s = 0; /* nobody asks for one */
	assert_silent("handshake-dead");
	peers[0].last_handshake_s = 0;
	only("handshake-dead", FINDING_PEER_UNREACHABLE);
	peers[0].tx_bytes = 0; /* nobody has tried */
	assert_silent("handshake-dead");
}

static void test_config(void **state)
{
	(void)state;
	config.mtu = 8920;
	only_status("config-mtu", SEVERITY_WARNING);
	assert_string_equal(heard.notes[0].finding.fix[0], "mtuscope fix wg0 --mtu 1420 --apply --persist");
	config.mtu = 1400;
	only_status("config-mtu", SEVERITY_WARNING);
	assert_string_equal(heard.notes[0].finding.fix[0], "ip link set dev wg0 mtu 1400");
	config.mtu = 0; /* wg-quick will derive 1420 */
	assert_silent("config-mtu");
	links[0].mtu = 1400; /* and 1420 fits as well */
	assert_silent("config-mtu");
	set_egress(9000); /* 8920 does not */
	only_status("config-mtu", SEVERITY_WARNING);
	config.manager = MANAGER_NETWORKD;
	assert_silent("config-mtu");
}

static void test_host(void **state)
{
	(void)state;
	scene.sysctls[AUDIT_NO_PMTU_DISC] = 1;
	only_status("no-pmtu-disc", SEVERITY_WARNING);
	scene.sysctls[AUDIT_NO_PMTU_DISC] = 3;
	assert_silent("no-pmtu-disc");
	scene.sysctls[AUDIT_ICMP_RATELIMIT] = 1001;
	only_status("icmp-ratelimit", SEVERITY_WARNING);
	scene.sysctls[AUDIT_ICMP_RATEMASK] = 6160; /* unreachables are not limited */
	assert_silent("icmp-ratelimit");
	scene.sysctls[AUDIT_IPFRAG_HIGH] = 0;
	only_status("ipfrag", SEVERITY_WARNING);
	scene.sysctls[AUDIT_IPFRAG_HIGH] = -1; /* a kernel without */
	assert_silent("ipfrag");
	scene.sysctls[AUDIT_IPFRAG_TIME] = 1;
	assert_hits("ipfrag");
	scene.sysctls[AUDIT_IPFRAG_TIME] = 30;
	scene.sysctls[AUDIT_TCP_MTU_PROBING] = 0;
	only_status("tcp-mtu-probing", SEVERITY_INFO);
}

static void test_tunnel_mtu_is_of_the_narrowest(void **state)
{
	const struct peer *narrowest = NULL;

	(void)state;
	scene.inventory.peers_n = 2;
	peers[1] = peers[0];
	address(&peers[1].endpoint.ip, "2001:db8::1");
	assert_int_equal(audit_tunnel_mtu(&scene, WG0, &narrowest), 1420);
	assert_ptr_equal(narrowest, &peers[1]);
	peers[0].egress_mtu = 1400;
	assert_int_equal(audit_tunnel_mtu(&scene, WG0, &narrowest), 1340);
	assert_ptr_equal(narrowest, &peers[0]);
	peers[0].egress_ifindex = peers[1].egress_ifindex = 0;
	assert_int_equal(audit_tunnel_mtu(&scene, WG0, &narrowest), 0);
}

/* Whatever the numbers are, what is recommended fits all that is known. */
static void test_never_more_than_is_known(void **state)
{
	(void)state;
	srand(1);
	for (size_t i = 0; i < 20000; i++) {
		setup(state);
		set_egress(600 + (uint32_t)rand() % 9000);
		set_tunnel_mtu(576 + (uint32_t)rand() % 9000);
		peers[0].learned_mtu = rand() % 2 ? 600 + (uint32_t)rand() % 900 : 0;
		peers[0].off_link = rand() % 2;
		add_uplink(LTE, 600 + (uint32_t)rand() % 9000);
		note_of("");
		for (size_t k = 0; k < heard.n; k++) {
			const struct finding *f = &heard.notes[k].finding;

			if (!heard.notes[k].has_class || f->class != FINDING_TUNNEL_MTU_TOO_LARGE ||
			    f->recommended_mtu == 576)
				continue;
			assert_true(f->recommended_mtu + 60 <= peers[0].egress_mtu);
			assert_true(!peers[0].learned_mtu || f->recommended_mtu + 60 <= peers[0].learned_mtu);
			assert_true(!peers[0].off_link || f->recommended_mtu + 60 <= 1500);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_healthy, setup),
		cmocka_unit_test_setup(test_egress_too_small, setup),
		cmocka_unit_test_setup(test_jumbo, setup),
		cmocka_unit_test_setup(test_other_uplink, setup),
		cmocka_unit_test_setup(test_routes_of_one_peer, setup),
		cmocka_unit_test_setup(test_jumbo_uplink, setup),
		cmocka_unit_test_setup(test_path_mtu_learned, setup),
		cmocka_unit_test_setup(test_routes_above_links, setup),
		cmocka_unit_test_setup(test_endpoints, setup),
		cmocka_unit_test_setup(test_handshake, setup),
		cmocka_unit_test_setup(test_config, setup),
		cmocka_unit_test_setup(test_host, setup),
		cmocka_unit_test_setup(test_tunnel_mtu_is_of_the_narrowest, setup),
		cmocka_unit_test_setup(test_never_more_than_is_known, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
