// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unit tests of the inventory: the lookups of user/core/inventory.c, with their index against a search by eye. The last
 * test reads the inventory of the running kernel, without privilege.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "inventory.h"

#define TUNNEL 7

static void fill(struct inventory *inv, size_t peers_n, size_t each)
{
	struct allowed_ip *allowed;
	struct peer *peer;
	size_t i;

	*inv = (struct inventory){
		.links = calloc(2, sizeof(struct link)),
		.links_n = 2,
		.peers = calloc(peers_n, sizeof(struct peer)),
		.peers_n = peers_n,
		.allowed_ips = calloc(peers_n * each, sizeof(struct allowed_ip)),
		.allowed_ips_n = peers_n * each,
	};
	for (i = 0; i < 2; i++) {
		inv->links[i].ifindex = TUNNEL + i;
		inv->links[i].listen_port = 51820 + i;
		inv->links[i].name[0] = 'a' + i;
	}
	for (i = 0; i < peers_n; i++) {
		peer = &inv->peers[i];
		peer->tunnel_ifindex = TUNNEL + i % 2;
		peer->public_key[0] = rand();
		peer->public_key[1] = rand();
		peer->last_handshake_s = i;
		peer->endpoint.ip.family = (uint8_t[]){ 0, AF_INET, AF_INET6 }[rand() % 3];
		peer->endpoint.ip.bytes[3] = peer->endpoint.ip.family ? rand() % 4 : 0;
		peer->endpoint.port = rand() % 16;
	}
	for (i = 0; i < inv->allowed_ips_n; i++) {
		allowed = &inv->allowed_ips[i];
		allowed->peer = i % peers_n;
		allowed->ip.family = rand() % 2 ? AF_INET : AF_INET6;
		allowed->prefix_len = rand() % 33;
		allowed->ip.bytes[0] = rand() % 2 << 7;
		allowed->ip.bytes[1] = rand() % 4;
		allowed->ip.bytes[3] = rand();
	}
}

static void test_index_agrees_with_the_search_by_eye(void **state)
{
	uint8_t address[16] = { 0 };
	struct inventory inv, plain;
	int round, i;

	(void)state;
	srand(1);
	for (round = 0; round < 50; round++) {
		fill(&inv, 1 + rand() % 40, rand() % 4);
		assert_int_equal(inventory_index(&inv), 0);
		plain = inv;
		plain.peers_by_endpoint = NULL;
		for (i = 0; i < 400; i++) {
			uint8_t family = rand() % 2 ? AF_INET : AF_INET6;
			uint32_t tunnel = TUNNEL + rand() % 3;

			address[0] = rand() % 2 << 7;
			address[1] = rand() % 4;
			address[3] = rand();
			assert_ptr_equal(inventory_peer_for(&inv, tunnel, family, address),
					 inventory_peer_for(&plain, tunnel, family, address));
			address[0] = address[1] = 0;
			address[3] %= 4;
			assert_ptr_equal(inventory_peer_at(&inv, family, address, i % 16, i % 3 ? 51820 : 0),
					 inventory_peer_at(&plain, family, address, i % 16, i % 3 ? 51820 : 0));
		}
		inventory_free(&inv);
	}
}

static void test_peer_for_longest_prefix(void **state)
{
	struct allowed_ip allowed[] = {
		{ .ip = { AF_INET, { 0 } }, .prefix_len = 0, .peer = 0 },
		{ .ip = { AF_INET, { 10, 1, 255 } }, .prefix_len = 16, .peer = 1 }, /* host bits do no harm */
		{ .ip = { AF_INET, { 10, 1, 2, 3 } }, .prefix_len = 32, .peer = 0 },
		{ .ip = { AF_INET6, { 0xfd } }, .prefix_len = 8, .peer = 1 },
	};
	struct peer *peers = calloc(2, sizeof(*peers));
	struct inventory inv = { .peers = peers, .peers_n = 2, .allowed_ips = allowed, .allowed_ips_n = 4 };
	const struct peer *found;

	(void)state;
	assert_non_null(peers);
	peers[0] = (struct peer){ .tunnel_ifindex = TUNNEL, .public_key = { 9 } };
	peers[1] = (struct peer){ .tunnel_ifindex = TUNNEL, .public_key = { 3 } };
	assert_int_equal(inventory_index(&inv), 0);
	assert_int_equal(inv.peers[0].public_key[0], 3);

	found = inventory_peer_for(&inv, TUNNEL, AF_INET, (uint8_t[16]){ 10, 1, 2, 3 });
	assert_int_equal(found->public_key[0], 9);
	found = inventory_peer_for(&inv, TUNNEL, AF_INET, (uint8_t[16]){ 10, 1, 2, 4 });
	assert_int_equal(found->public_key[0], 3);
	found = inventory_peer_for(&inv, TUNNEL, AF_INET, (uint8_t[16]){ 192, 0, 2, 1 });
	assert_int_equal(found->public_key[0], 9);
	found = inventory_peer_for(&inv, TUNNEL, AF_INET6, (uint8_t[16]){ 0xfd, 1 });
	assert_int_equal(found->public_key[0], 3);
	assert_null(inventory_peer_for(&inv, TUNNEL, AF_INET6, (uint8_t[16]){ 0x20, 1 }));
	assert_null(inventory_peer_for(&inv, TUNNEL + 1, AF_INET, (uint8_t[16]){ 10, 1, 2, 3 }));
	assert_null(inventory_peer_for(&inv, TUNNEL, 0, (uint8_t[16]){ 0 }));
	inv.allowed_ips = NULL;
	inventory_free(&inv);
}

static void test_peer_at_prefers_the_latest_handshake(void **state)
{
	struct link links[] = { { .ifindex = 1, .listen_port = 51820 }, { .ifindex = 2, .listen_port = 51821 } };
	const struct ip_endpoint at = { { AF_INET, { 192, 0, 2, 1 } }, 1000 };
	struct peer *peers = calloc(4, sizeof(*peers));
	struct inventory inv = { .links = links, .links_n = 2, .peers = peers, .peers_n = 4 };

	(void)state;
	assert_non_null(peers);
	peers[0] = (struct peer){ .tunnel_ifindex = 1, .endpoint = at, .last_handshake_s = 5 };
	peers[1] = (struct peer){ .tunnel_ifindex = 1, .endpoint = at, .last_handshake_s = 9 };
	peers[2] = (struct peer){ .tunnel_ifindex = 2, .endpoint = at, .last_handshake_s = 7 };
	peers[3] = (struct peer){ .tunnel_ifindex = 2 };
	assert_int_equal(inventory_index(&inv), 0);
	assert_int_equal(inventory_peer_at(&inv, AF_INET, at.ip.bytes, 1000, 0)->last_handshake_s, 9);
	assert_int_equal(inventory_peer_at(&inv, AF_INET, at.ip.bytes, 1000, 51821)->last_handshake_s, 7);
	assert_null(inventory_peer_at(&inv, AF_INET, at.ip.bytes, 1000, 7));
	assert_null(inventory_peer_at(&inv, AF_INET, at.ip.bytes, 1001, 0));
	assert_null(inventory_peer_at(&inv, 0, (uint8_t[16]){ 0 }, 0, 0));
	inv.links = NULL;
	inventory_free(&inv);
}

static void test_index_refuses_nonsense(void **state)
{
	struct peer peer = { .tunnel_ifindex = 1 };
	struct allowed_ip allowed = { .ip.family = AF_INET, .prefix_len = 33 };
	struct inventory inv = { .peers = &peer, .peers_n = 1, .allowed_ips = &allowed, .allowed_ips_n = 1 };

	(void)state;
	assert_int_equal(inventory_index(&inv), -EINVAL);
	allowed = (struct allowed_ip){ .ip.family = AF_INET, .peer = 1 };
	assert_int_equal(inventory_index(&inv), -EINVAL);
	assert_null(inventory_peer_for(&inv, 1, AF_INET, (uint8_t[16]){ 0 }));
	allowed = (struct allowed_ip){ .ip.family = 1 };
	assert_int_equal(inventory_index(&inv), -EINVAL);
	inv = (struct inventory){ 0 };
	assert_int_equal(inventory_index(&inv), 0);
	assert_null(inventory_link(&inv, 1));
	assert_null(inventory_link_named(&inv, "lo"));
	inventory_free(NULL);
	snapshot_free(NULL);
}

/* ---- the running kernel ---- */

static void test_read_loopback(void **state)
{
	const struct inventory_options lo = { .interfaces = (const char *[]){ "lo" }, .interfaces_n = 1 };
	const struct inventory_options none = { .interfaces = (const char *[]){ "lo", "no such" }, .interfaces_n = 2 };
	struct inventory_reader *reader;
	const char *missing = NULL;
	struct inventory inv;

	(void)state;
	if (inventory_open(&reader))
		skip(); /* a sandbox without netlink */
	assert_int_equal(inventory_read(reader, &none, &inv, &missing), -ENODEV);
	assert_string_equal(missing, "no such");
	assert_null(inv.links);

	assert_int_equal(inventory_read(reader, &lo, &inv, &missing), 0);
	assert_true(inv.links_n >= 1); /* after it the LAN links */
	assert_ptr_equal(inventory_link_named(&inv, "lo"), inv.links);
	assert_int_equal(inv.links[0].role, WIRE_ROLE_UNDERLAY);
	assert_true(inv.links[0].ethernet);
	assert_int_not_equal(inv.links[0].mtu, 0);
	inventory_changed(reader);
	assert_int_equal(inventory_tc_filters(reader, 0x7fffffff, WIRE_RX, NULL, NULL), -ENOENT);
	inventory_free(&inv);
	inventory_close(reader);
	inventory_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_index_agrees_with_the_search_by_eye),
		cmocka_unit_test(test_peer_for_longest_prefix),
		cmocka_unit_test(test_peer_at_prefers_the_latest_handshake),
		cmocka_unit_test(test_index_refuses_nonsense),
		cmocka_unit_test(test_read_loopback),
	};

	return cmocka_run_group_tests_name("inventory", tests, NULL, NULL);
}
