// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unit tests of user/inventory/wireguard.c: devices, peers and what they may send, on messages as the kernel makes them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "messages.h"
#include "netlink_message.h"

#define TUNNEL 7

static void put_allowed_ip(struct nlmsghdr *nlh, const char *address, uint8_t prefix_len)
{
	const uint16_t family = strchr(address, ':') ? AF_INET6 : AF_INET;
	struct nlattr *nest = mnl_attr_nest_start(nlh, 0);
	uint8_t bytes[16];

	assert_int_equal(inet_pton(family, address, bytes), 1);
	mnl_attr_put_u16(nlh, WGALLOWEDIP_A_FAMILY, family);
	mnl_attr_put(nlh, WGALLOWEDIP_A_IPADDR, family == AF_INET ? 4 : 16, bytes);
	mnl_attr_put_u8(nlh, WGALLOWEDIP_A_CIDR_MASK, prefix_len);
	mnl_attr_nest_end(nlh, nest);
}

static void put_key(struct nlmsghdr *nlh, uint16_t type, uint8_t byte)
{
	uint8_t key[WG_KEY_LEN];

	memset(key, byte, sizeof(key));
	mnl_attr_put(nlh, type, sizeof(key), key);
}

/* The head of a peer that is up to date; allowed IPs and two nest ends follow. */
static struct nlattr *begin_peer(struct nlmsghdr *nlh, uint8_t key)
{
	const struct sockaddr_in at = { .sin_family = AF_INET,
					.sin_port = htons(51820),
					.sin_addr.s_addr = htonl(0xc0000201) };
	const int64_t handshake[2] = { 1700000000, 5 };
	struct nlattr *nest = mnl_attr_nest_start(nlh, 0);

	put_key(nlh, WGPEER_A_PUBLIC_KEY, key);
	put_key(nlh, WGPEER_A_PRESHARED_KEY, 0xee);
	mnl_attr_put(nlh, WGPEER_A_ENDPOINT, sizeof(at), &at);
	mnl_attr_put(nlh, WGPEER_A_LAST_HANDSHAKE_TIME, sizeof(handshake), handshake);
	mnl_attr_put_u16(nlh, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 25);
	mnl_attr_put_u64(nlh, WGPEER_A_RX_BYTES, 1ULL << 40);
	mnl_attr_put_u64(nlh, WGPEER_A_TX_BYTES, 2);
	return nest;
}

static void start_dump(struct inventory *inv, struct wireguard_dump *dump)
{
	*inv = (struct inventory){ .links = calloc(1, sizeof(struct link)), .links_n = 1 };
	assert_non_null(inv->links);
	inv->links[0].ifindex = TUNNEL;
	*dump = (struct wireguard_dump){ .inv = inv, .tunnel = inv->links };
}

static void parse_first_message(struct wireguard_dump *dump)
{
	struct nlmsghdr *nlh = message_begin(GENL_MIN_ID, sizeof(struct genlmsghdr));
	struct nlattr *peers, *peer, *allowed;

	mnl_attr_put_u16(nlh, WGDEVICE_A_LISTEN_PORT, 51820);
	mnl_attr_put_u32(nlh, WGDEVICE_A_FWMARK, 0xca6c);
	put_key(nlh, WGDEVICE_A_PRIVATE_KEY, 0xee);
	put_key(nlh, WGDEVICE_A_PUBLIC_KEY, 5);
	peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS);
	peer = begin_peer(nlh, 2);
	mnl_attr_nest_end(nlh, peer);
	peer = begin_peer(nlh, 1);
	allowed = mnl_attr_nest_start(nlh, WGPEER_A_ALLOWEDIPS);
	put_allowed_ip(nlh, "10.1.0.0", 16);
	put_allowed_ip(nlh, "10.1.0.0", 33); /* no kernel says so */
	mnl_attr_nest_end(nlh, allowed);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, peers);
	assert_int_equal(wireguard_parse(nlh, dump), 0);
}

static void parse_second_message(struct wireguard_dump *dump)
{
	struct nlmsghdr *nlh = message_begin(GENL_MIN_ID, sizeof(struct genlmsghdr));
	struct nlattr *peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS);
	struct nlattr *peer = mnl_attr_nest_start(nlh, 0);
	struct nlattr *allowed;

	put_key(nlh, WGPEER_A_PUBLIC_KEY, 1);
	allowed = mnl_attr_nest_start(nlh, WGPEER_A_ALLOWEDIPS);
	put_allowed_ip(nlh, "fd00::", 64);
	mnl_attr_nest_end(nlh, allowed);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, peers);
	assert_int_equal(wireguard_parse(nlh, dump), 0);
}

static void test_wireguard_peer_over_two_messages(void **state)
{
	struct wireguard_dump dump;
	struct inventory inv;
	const char *bytes;
	size_t i;

	(void)state;
	start_dump(&inv, &dump);
	parse_first_message(&dump);
	parse_second_message(&dump);

	assert_int_equal(inv.links[0].listen_port, 51820);
	assert_int_equal(inv.links[0].fwmark, 0xca6c);
	assert_int_equal(inv.links[0].public_key[31], 5);
	assert_int_equal(inv.links[0].peers_n, 2);
	assert_int_equal(inv.peers_n, 2);
	assert_int_equal(inv.allowed_ips_n, 2);
	assert_int_equal(inv.allowed_ips[0].peer, 1);
	assert_int_equal(inv.allowed_ips[1].peer, 1);
	assert_int_equal(inv.allowed_ips[1].prefix_len, 64);
	assert_int_equal(inv.peers[1].tunnel_ifindex, TUNNEL);
	assert_int_equal(inv.peers[1].public_key[31], 1);
	/* the second message brings no endpoint, and takes none away */
	assert_int_equal(inv.peers[1].endpoint.ip.family, AF_INET);
	assert_int_equal(inv.peers[1].endpoint.port, 51820);
	assert_memory_equal(inv.peers[1].endpoint.ip.bytes, "\xc0\0\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_int_equal(inv.peers[1].last_handshake_s, 1700000000);
	assert_int_equal(inv.peers[1].keepalive_s, 25);
	assert_true(inv.peers[1].rx_bytes == 1ULL << 40);

	for (i = 0, bytes = (const char *)inv.peers; i + 4 < inv.peers_n * sizeof(*inv.peers); i++)
		assert_memory_not_equal(bytes + i, "\xee\xee\xee\xee", 4);
	inventory_free(&inv);
}

static void test_wireguard_link_local_endpoint_keeps_its_link(void **state)
{
	const struct sockaddr_in6 at = { .sin6_family = AF_INET6,
					 .sin6_port = htons(1),
					 .sin6_scope_id = 3,
					 .sin6_addr.s6_addr = { 0xfe, 0x80, [15] = 1 } };
	struct nlmsghdr *nlh = message_begin(GENL_MIN_ID, sizeof(struct genlmsghdr));
	struct nlattr *peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS);
	struct nlattr *peer = mnl_attr_nest_start(nlh, 0);
	struct wireguard_dump dump;
	struct inventory inv;

	(void)state;
	put_key(nlh, WGPEER_A_PUBLIC_KEY, 1);
	mnl_attr_put(nlh, WGPEER_A_ENDPOINT, sizeof(at), &at);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, peers);
	start_dump(&inv, &dump);
	assert_int_equal(wireguard_parse(nlh, &dump), 0);
	assert_int_equal(inv.peers[0].endpoint.ip.family, AF_INET6);
	assert_int_equal(inv.peers[0].egress_ifindex, 3);
	inventory_free(&inv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wireguard_peer_over_two_messages),
		cmocka_unit_test(test_wireguard_link_local_endpoint_keeps_its_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
