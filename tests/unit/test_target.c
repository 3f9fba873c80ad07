/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PEER|ADDRESS as people type it: keys, beginnings of keys, endpoints, addresses behind a peer, and what is none of these. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "format.h"
#include "target.h"

static const struct link LINKS[] = {
	{ .ifindex = 7, .name = "wg0", .mtu = 1420, .role = WIRE_ROLE_TUNNEL, .fwmark = 51820 },
	{ .ifindex = 2, .name = "eth0", .mtu = 1500, .role = WIRE_ROLE_UNDERLAY },
};
static struct inventory inv;
static char keys[3][FORMAT_KEY_LEN];
static struct target t;

static void allow(size_t i, const char *text, uint8_t prefix_len, uint32_t peer)
{
	inv.allowed_ips[i] = (struct allowed_ip){ .prefix_len = prefix_len, .peer = peer };
	assert_true(target_address(&inv.allowed_ips[i].ip, text));
}

static int setup(void **state)
{
	struct peer *peers = calloc(3, sizeof(*peers));

	(void)state;
	inv = (struct inventory){ .links = malloc(sizeof(LINKS)),
				  .links_n = 2,
				  .peers = peers,
				  .peers_n = 3,
				  .allowed_ips = calloc(4, sizeof(struct allowed_ip)),
				  .allowed_ips_n = 4 };
	assert_true(inv.links && peers && inv.allowed_ips);
	memcpy(inv.links, LINKS, sizeof(LINKS));
	for (size_t i = 0; i < 3; i++) {
		peers[i].tunnel_ifindex = 7;
		memset(peers[i].public_key, i ? 'x' : 'a', WG_KEY_LEN);
		peers[i].public_key[WG_KEY_LEN - 1] = (uint8_t)i;
		format_key(keys[i], peers[i].public_key);
	}
	target_address(&peers[0].endpoint.ip, "192.0.2.1");
	peers[0].endpoint.port = 51820;
	target_address(&peers[1].endpoint.ip, "2001:db8::1");
	peers[1].endpoint.port = 51821;
	allow(0, "10.0.0.1", 32, 0);
	allow(1, "10.1.0.0", 16, 0);
	allow(2, "fd00::1", 128, 1);
	allow(3, "10.2.0.0", 16, 2);
	assert_int_equal(inventory_index(&inv), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	inventory_free(&inv);
	return 0;
}

static const char *host(size_t i)
{
	static char text[FORMAT_IP_LEN];

	assert_true(i < t.measure.hosts_n);
	format_ip(text, &t.measure.hosts[i]);
	return text;
}

/* inventory_index() has sorted the peers. */
static const struct peer *peer_with(const char *key)
{
	char text[FORMAT_KEY_LEN];

	for (size_t i = 0; i < 3; i++) {
		format_key(text, inv.peers[i].public_key);
		if (!strcmp(text, key))
			return &inv.peers[i];
	}
	return NULL;
}

static void test_key(void **state)
{
	char beginning[9] = "";

	(void)state;
	assert_int_equal(target_find(&t, &inv, keys[0]), TARGET_OK);
	assert_ptr_equal(t.peer, peer_with(keys[0]));
	assert_string_equal(t.tunnel->name, "wg0");
	assert_int_equal(t.measure.hosts_n, 1);
	assert_string_equal(host(0), "10.0.0.1");
	assert_int_equal(t.measure.mark, 51820);
	assert_int_equal(t.measure.tunnel_family, AF_INET);
	memcpy(beginning, keys[0], 8);
	assert_int_equal(target_find(&t, &inv, beginning), TARGET_OK);
	assert_ptr_equal(t.peer, peer_with(keys[0]));
	assert_int_equal(target_find(&t, &inv, keys[1]), TARGET_OK);
	assert_int_equal(t.measure.tunnel_family, AF_INET6);
}

static void test_key_of_several_or_nobody(void **state)
{
	char beginning[9] = "";

	(void)state;
	memcpy(beginning, keys[1], 8);
	assert_int_equal(target_find(&t, &inv, beginning), TARGET_AMBIGUOUS);
	beginning[3] = '\0';
	assert_int_equal(target_find(&t, &inv, beginning), TARGET_UNKNOWN); /* too short to mean anybody */
	assert_int_equal(target_find(&t, &inv, ""), TARGET_UNKNOWN);
	assert_int_equal(target_find(&t, &inv, "nobody"), TARGET_UNKNOWN);
	assert_int_equal(target_find(&t, &inv, "10.0.0.256"), TARGET_UNKNOWN);
}

static void test_endpoint(void **state)
{
	static const char *const TEXTS[] = { "192.0.2.1", "192.0.2.1:51820" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(target_find(&t, &inv, TEXTS[i]), TARGET_OK);
		assert_ptr_equal(t.peer, peer_with(keys[0]));
		assert_int_equal(t.measure.hosts_n, 0);
		assert_int_equal(t.measure.endpoint.family, AF_INET);
	}
	assert_int_equal(target_find(&t, &inv, "[2001:db8::1]:51821"), TARGET_OK);
	assert_ptr_equal(t.peer, peer_with(keys[1]));
	assert_int_equal(target_find(&t, &inv, "192.0.2.1:51821"), TARGET_UNKNOWN);
}

static void test_address_behind_a_peer(void **state)
{
	(void)state;
	assert_int_equal(target_find(&t, &inv, "10.2.3.4"), TARGET_OK);
	assert_ptr_equal(t.peer, peer_with(keys[2]));
	assert_int_equal(t.measure.hosts_n, 1);
	assert_string_equal(host(0), "10.2.3.4");
	/* It has no endpoint: nothing is to be measured beside the tunnel. */
	assert_int_equal(t.measure.endpoint.family, 0);
	assert_int_equal(t.measure.tunnel_family, AF_INET);
}

static void test_any_other_address(void **state)
{
	(void)state;
	assert_int_equal(target_find(&t, &inv, "198.51.100.7"), TARGET_OK);
	assert_null(t.peer);
	assert_null(t.tunnel);
	assert_int_equal(t.measure.hosts_n, 0);
	assert_int_equal(t.measure.endpoint.family, AF_INET);
}

/* What a group or nobody has: though a peer takes everything, none of them is a host behind it. */
static void test_no_host(void **state)
{
	static const char *const TEXTS[] = { "0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "::", "ff02::1" };

	(void)state;
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++)
		assert_int_equal(target_find(&t, &inv, TEXTS[i]), TARGET_NO_HOST);
	assert_int_equal(target_find(&t, &inv, "fe80::1"), TARGET_OK);
	assert_true(target_is_link_local(&t.measure.endpoint));
	assert_int_equal(target_find(&t, &inv, "fec0::1"), TARGET_OK);
	assert_false(target_is_link_local(&t.measure.endpoint));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_key_of_several_or_nobody),
		cmocka_unit_test(test_endpoint),
		cmocka_unit_test(test_address_behind_a_peer),
		cmocka_unit_test(test_any_other_address),
		cmocka_unit_test(test_no_host),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
