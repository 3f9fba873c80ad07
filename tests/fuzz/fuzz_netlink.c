// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: whatever bytes netlink or a WireGuard daemon hands over, the parsers of user/inventory/ stay within them, and an inventory
 * that came of it answers with its index (user/core/inventory.c) as it does without.
 * In: a byte that chooses the parser, then one datagram. Run by libFuzzer.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"
#include "messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(int (*message)(const struct nlmsghdr *, void *), void *result, const void *datagram, size_t len)
{
	const struct netlink_handler handler = { .message = message, .data = result };
	struct netlink_walk state = { .handler = &handler };

	if (len >= sizeof(struct nlmsghdr))
		state.seq = ((const struct nlmsghdr *)datagram)->nlmsg_seq;
	netlink_walk(&state, datagram, len);
}

static void fuzz_links(const void *datagram, size_t len)
{
	struct link_table table = { 0 };
	size_t i;

	walk(link_parse, &table, datagram, len);
	for (i = 0; i < table.n; i++)
		CHECK(memchr(table.entries[i].link.name, 0, IFACE_NAME_LEN));
	link_table_named(&table, "wg0");
	link_table_free(&table);
}

static void compare_answers(struct inventory *inv)
{
	struct inventory plain = *inv;
	const struct allowed_ip *allowed;
	const struct ip_endpoint *at;
	size_t i;

	plain.peers_by_endpoint = NULL;
	for (i = 0; i < inv->allowed_ips_n; i++) {
		allowed = &inv->allowed_ips[i];
		CHECK(inventory_peer_for(inv, 7, allowed->ip.family, allowed->ip.bytes) ==
		      inventory_peer_for(&plain, 7, allowed->ip.family, allowed->ip.bytes));
		CHECK(inventory_peer_for(inv, 7, allowed->ip.family, allowed->ip.bytes));
	}
	for (i = 0; i < inv->peers_n; i++) {
		at = &inv->peers[i].endpoint;
		CHECK(inventory_peer_at(inv, at->ip.family, at->ip.bytes, at->port, 0) ==
		      inventory_peer_at(&plain, at->ip.family, at->ip.bytes, at->port, 0));
	}
}

static void parse_uapi(struct wireguard_dump *dump, const void *answer, size_t len)
{
	char *text = malloc(len + 1);

	if (!text)
		return;
	memcpy(text, answer, len);
	text[len] = 0;
	dump_begin(dump);
	if (uapi_parse(text, dump))
		dump_restart(dump);
	free(text);
}

static void parse_netlink(struct wireguard_dump *dump, const void *datagram, size_t len)
{
	walk(wireguard_parse, dump, datagram, len);
}

static void fuzz_wireguard(void (*parse)(struct wireguard_dump *, const void *, size_t), const void *data, size_t len)
{
	struct inventory inv = { 0 };
	struct wireguard_dump dump = { .inv = &inv };

	inv.links = calloc(1, sizeof(*inv.links));
	if (!inv.links)
		return;
	inv.links_n = 1;
	inv.links[0].ifindex = 7;
	dump.tunnel = inv.links;
	parse(&dump, data, len);
	CHECK(inv.links[0].peers_n == inv.peers_n);
	CHECK(inventory_index(&inv) == 0);
	compare_answers(&inv);
	inventory_free(&inv);
}

static void fuzz_tc(const void *datagram, size_t len)
{
	struct tc_table table = { .ifindex = 7, .parent = 0xfffffff2 };
	size_t i;

	walk(tc_parse, &table, datagram, len);
	for (i = 0; i < table.n; i++)
		CHECK(memchr(table.filters[i].name, 0, sizeof(table.filters[i].name)));
	free(table.filters);
}

static void fuzz_routes(const void *datagram, size_t len)
{
	struct link_entry entry = { .link = { .ifindex = 4, .name = "eth0" } };
	const struct link_table links = { .entries = &entry, .n = 1 };
	struct route_dump dump = { .links = &links };

	walk(route_parse_all, &dump, datagram, len);
	for (size_t i = 0; i < dump.n; i++)
		CHECK(dump.routes[i].ifindex == 4 && (!dump.routes[i].prefix_len || dump.routes[i].mtu));
	free(dump.routes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct route_want want = { .ifindex = 4, .to.ip.family = AF_INET };
	struct nft_dump rules = { 0 };
	struct route route = { 0 };
	void *datagram;
	int family = 0;

	if (size < 1)
		return 0;
	datagram = malloc(size - 1); /* aligned, and not a byte more: so that reading past it shows */
	if (!datagram)
		return 0;
	memcpy(datagram, data + 1, size - 1);

	switch (data[0] % 10) {
	case 0:
		fuzz_links(datagram, size - 1);
		break;
	case 1:
		fuzz_wireguard(parse_netlink, datagram, size - 1);
		break;
	case 2:
		walk(route_parse, &route, datagram, size - 1);
		break;
	case 3:
		walk(route_parse_default, &route, datagram, size - 1);
		walk(route_parse_mtus, &(struct route_mtus){ .oif = 1 }, datagram, size - 1);
		break;
	case 4:
		fuzz_tc(datagram, size - 1);
		break;
	case 5:
		walk(wireguard_family_parse, &family, datagram, size - 1);
		CHECK(family >= 0 && family <= UINT16_MAX);
		break;
	case 6:
		fuzz_wireguard(parse_uapi, datagram, size - 1);
		break;
	case 7:
		fuzz_routes(datagram, size - 1);
		break;
	case 9:
		walk(route_parse_wanted, &want, datagram, size - 1);
		CHECK(!want.found || want.message.align.nlmsg_len <= sizeof(want.message));
		break;
	case 8:
		walk(nft_parse_chain, &rules, datagram, size - 1);
		walk(nft_parse, &rules, datagram, size - 1);
		CHECK(!nft_resolve(&rules) && rules.clamps_n <= NFT_CLAMPS_MAX);
		nft_free(&rules);
		break;
	}
	free(datagram);
	return 0;
}
