// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unit tests of user/inventory/uapi.c: what a WireGuard daemon says of itself.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "messages.h"

#define TUNNEL 7

#define KEY_A "0101010101010101010101010101010101010101010101010101010101010101"
#define KEY_B "a0b0010101010101010101010101010101010101010101010101010101010102"

static int parse_uapi(struct inventory *inv, struct wireguard_dump *dump, const char *text)
{
	char copy[1024];

	assert_true(strlen(text) < sizeof(copy));
	strcpy(copy, text);
	*inv = (struct inventory){ .links = calloc(1, sizeof(struct link)), .links_n = 1 };
	assert_non_null(inv->links);
	inv->links[0].ifindex = TUNNEL;
	*dump = (struct wireguard_dump){ .inv = inv, .tunnel = inv->links };
	dump_begin(dump);
	return uapi_parse(copy, dump);
}

static void test_peers(void **state)
{
	struct wireguard_dump dump;
	struct inventory inv;

	(void)state;
	assert_int_equal(parse_uapi(&inv, &dump,
				    "private_key=" KEY_A "\nlisten_port=51820\nfwmark=51820\npublic_key=" KEY_B
				    "\npreshared_key=" KEY_A "\nprotocol_version=1\nendpoint=[2001:db8::1]:12912\n"
				    "last_handshake_time_sec=1700000000\ntx_bytes=38333\nrx_bytes=2224\n"
				    "persistent_keepalive_interval=111\nallowed_ip=192.168.4.0/24\nallowed_ip=::/0\n"
				    "public_key=" KEY_A "\nendpoint=192.0.2.1:65535\nnew_word=1\nerrno=0\n\n"),
			 0);
	assert_int_equal(inv.links[0].listen_port, 51820);
	assert_int_equal(inv.links[0].fwmark, 51820);
	assert_int_equal(inv.peers_n, 2);
	assert_int_equal(inv.peers[0].public_key[0], 0xa0);
	assert_int_equal(inv.peers[0].public_key[31], 2);
	assert_int_equal(inv.peers[0].endpoint.ip.family, AF_INET6);
	assert_int_equal(inv.peers[0].endpoint.port, 12912);
	assert_int_equal(inv.peers[0].last_handshake_s, 1700000000);
	assert_int_equal(inv.peers[0].rx_bytes, 2224);
	assert_int_equal(inv.peers[0].keepalive_s, 111);
	assert_int_equal(inv.allowed_ips_n, 2);
	assert_int_equal(inv.allowed_ips[1].prefix_len, 0);
	assert_int_equal(inv.allowed_ips[1].peer, 0);
	assert_int_equal(inv.peers[1].endpoint.ip.family, AF_INET);
	assert_int_equal(inv.peers[1].endpoint.port, 65535);
	inventory_free(&inv);
}

/* What a daemon says wrongly is passed over where it is one value, and refused where the sense is lost. */
static void test_nonsense(void **state)
{
	static const struct {
		const char *text;
		int err;
	} rows[] = {
		{ "", -EINVAL },
		{ "listen_port=51820\n", -EINVAL },
		{ "listen_port=51820\n\n", -EINVAL },
		{ "no sense\nerrno=0\n\n", -EINVAL },
		{ "errno=1\n\n", -EIO },
		{ "public_key=0101\nerrno=0\n\n", -EINVAL },
		{ "public_key=" KEY_A "\nallowed_ip=10.0.0.0\nallowed_ip=10.0.0.0/33\nallowed_ip=x/8\n"
		  "allowed_ip=10.0.0.0/\nendpoint=\nendpoint=[::1:80\nendpoint=nowhere:1\nerrno=0\n\n",
		  0 },
	};
	struct wireguard_dump dump;
	struct inventory inv;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse_uapi(&inv, &dump, rows[i].text), rows[i].err);
		assert_int_equal(inv.allowed_ips_n, 0);
		if (inv.peers_n)
			assert_int_equal(inv.peers[0].endpoint.ip.family, 0);
		inventory_free(&inv);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests_name("uapi", tests, NULL, NULL);
}
