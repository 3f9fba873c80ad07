// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unit tests of user/inventory/: the parsers on messages as the kernel makes them, and the walk through a datagram.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <cmocka.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>

#include "messages.h"
#include "netlink_message.h"

#define TUNNEL 7

static void put_link(struct link_table *table, int ifindex, const char *name, uint16_t arphrd, const char *kind)
{
	struct nlmsghdr *nlh = message_begin(RTM_NEWLINK, sizeof(struct ifinfomsg));
	struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	int32_t conf[DEVCONF_MTU6 + 1] = { [DEVCONF_MTU6] = 1400 };
	struct nlattr *nest, *family;

	info->ifi_index = ifindex;
	info->ifi_type = arphrd;
	info->ifi_flags = IFF_UP;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put_u32(nlh, IFLA_MTU, 1420);
	nest = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, kind);
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	family = mnl_attr_nest_start(nlh, AF_INET6);
	mnl_attr_put(nlh, IFLA_INET6_CONF, sizeof(conf), conf);
	mnl_attr_nest_end(nlh, family);
	mnl_attr_nest_end(nlh, nest);
	assert_int_equal(link_parse(nlh, table), 0);
}

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

/* ---- the parsers ---- */

static void test_links(void **state)
{
	struct link_table table = { 0 };

	(void)state;
	put_link(&table, 7, "wg0", ARPHRD_NONE, "wireguard");
	put_link(&table, 8, "tun0", ARPHRD_NONE, "tun");
	put_link(&table, 9, "tap0", ARPHRD_ETHER, "tun");
	put_link(&table, 1, "lo", ARPHRD_LOOPBACK, "");
	put_link(&table, 10, "a\n\xff\"fifteen chars and more", ARPHRD_NONE, "x");
	assert_int_equal(table.n, 5);

	assert_string_equal(table.entries[0].link.name, "wg0");
	assert_int_equal(table.entries[0].kind, LINK_KIND_WIREGUARD);
	assert_int_equal(table.entries[0].link.mtu, 1420);
	assert_int_equal(table.entries[0].mtu_ipv6, 1400);
	assert_true(table.entries[0].link.up);
	assert_false(table.entries[0].link.ethernet);
	assert_int_equal(table.entries[1].kind, LINK_KIND_TUN);
	assert_int_equal(table.entries[2].kind, LINK_KIND_OTHER);
	assert_true(table.entries[2].link.ethernet);
	assert_true(table.entries[3].link.ethernet);
	assert_int_equal(table.entries[4].link.name[IFACE_NAME_LEN - 1], 0);
	assert_ptr_equal(link_table_named(&table, "tap0"), &table.entries[2]);
	assert_null(link_table_named(&table, "tap"));
	link_table_free(&table);
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

static struct nlmsghdr *put_route(uint8_t type, uint32_t flags, uint32_t mtu, int32_t expires, uint32_t priority)
{
	const struct rta_cacheinfo info = { .rta_expires = expires };
	struct nlmsghdr *nlh = message_begin(RTM_NEWROUTE, sizeof(struct rtmsg));
	struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct nlattr *nest;

	rtm->rtm_family = AF_INET6;
	rtm->rtm_type = type;
	rtm->rtm_flags = flags;
	rtm->rtm_table = RT_TABLE_MAIN;
	mnl_attr_put_u32(nlh, RTA_OIF, priority ? priority : 4);
	mnl_attr_put_u32(nlh, RTA_PRIORITY, priority);
	nest = mnl_attr_nest_start(nlh, RTA_METRICS);
	mnl_attr_put_u32(nlh, RTAX_MTU, mtu);
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_put(nlh, RTA_CACHEINFO, sizeof(info), &info);
	return nlh;
}

static void test_route_to_endpoint(void **state)
{
	struct route route = { 0 };

	(void)state;
	assert_int_equal(route_parse(put_route(RTN_UNREACHABLE, 0, 0, 0, 0), &route), 0);
	assert_int_equal(route.oif, 0);
	assert_int_equal(route_parse(put_route(RTN_UNICAST, RTM_F_CLONED, 1300, 600, 0), &route), 0);
	assert_int_equal(route.oif, 4);
	assert_int_equal(route.mtu, 1300);
	assert_true(route.learned);
	/* from a router advertisement: it expires, and is nevertheless configuration */
	assert_int_equal(route_parse(put_route(RTN_UNICAST, 0, 1480, 600, 0), &route), 0);
	assert_false(route.learned);
	assert_int_equal(route_parse(put_route(RTN_LOCAL, RTM_F_CLONED, 0, 0, 0), &route), 0);
	assert_int_equal(route.oif, 4);
}

static void test_route_default_is_the_best(void **state)
{
	struct nlmsghdr *nlh;
	struct route route = { 0 };

	(void)state;
	assert_int_equal(route_parse_default(put_route(RTN_UNICAST, 0, 0, 0, 200), &route), 0);
	assert_int_equal(route_parse_default(put_route(RTN_UNICAST, 0, 0, 0, 100), &route), 0);
	assert_int_equal(route_parse_default(put_route(RTN_UNICAST, 0, 0, 0, 300), &route), 0);
	assert_int_equal(route_parse_default(put_route(RTN_UNREACHABLE, 0, 0, 0, 1), &route), 0);
	nlh = put_route(RTN_UNICAST, 0, 0, 0, 2);
	((struct rtmsg *)mnl_nlmsg_get_payload(nlh))->rtm_dst_len = 8;
	assert_int_equal(route_parse_default(nlh, &route), 0);
	assert_int_equal(route.oif, 100);
}

static void test_mtus_of_routes_into_a_tunnel(void **state)
{
	struct route_mtus mtus = { .oif = 100 };

	(void)state;
	assert_int_equal(route_parse_mtus(put_route(RTN_UNICAST, 0, 0, 0, 100), &mtus), 0);
	assert_int_equal(route_parse_mtus(put_route(RTN_UNICAST, 0, 1200, 0, 101), &mtus), 0);
	assert_int_equal(route_parse_mtus(put_route(RTN_UNICAST, RTM_F_CLONED, 1300, 600, 100), &mtus), 0);
	assert_int_equal(route_parse_mtus(put_route(RTN_UNREACHABLE, 0, 1300, 0, 100), &mtus), 0);
	assert_int_equal(mtus.min, 0);
	assert_int_equal(route_parse_mtus(put_route(RTN_UNICAST, 0, 1500, 0, 100), &mtus), 0);
	assert_int_equal(mtus.min, 1500);
	assert_int_equal(route_parse_mtus(put_route(RTN_UNICAST, 0, 1380, 0, 100), &mtus), 0);
	assert_int_equal(mtus.min, 1380);
	assert_int_equal(mtus.max, 1500);
}

static void test_routes_for_an_audit(void **state)
{
	struct link_entry entries[] = { { .link = { .ifindex = 4, .name = "eth0", .mtu = 1500, .up = true } },
					{ .link = { .ifindex = 100, .name = "wg0" }, .kind = LINK_KIND_WIREGUARD } };
	const struct link_table links = { .entries = entries, .n = 2 };
	const struct rtnexthop hops[] = { { .rtnh_len = 8, .rtnh_ifindex = 4 },
					  { .rtnh_len = 8, .rtnh_ifindex = 100 } };
	struct route_dump dump = { .links = &links };
	struct nlmsghdr *nlh;

	(void)state;
	assert_int_equal(route_parse_all(put_route(RTN_UNICAST, 0, 0, 0, 100), &dump), 0);
	assert_int_equal(route_parse_all(put_route(RTN_UNREACHABLE, 0, 0, 0, 100), &dump), 0);
	assert_int_equal(route_parse_all(put_route(RTN_UNICAST, RTM_F_CLONED, 1300, 600, 100), &dump), 0);
	nlh = put_route(RTN_UNICAST, 0, 0, 0, 100);
	((struct rtmsg *)mnl_nlmsg_get_payload(nlh))->rtm_dst_len = 8; /* without an MTU: of no interest */
	assert_int_equal(route_parse_all(nlh, &dump), 0);
	assert_int_equal(dump.n, 1);
	assert_string_equal(dump.routes[0].link, "wg0");
	assert_true(dump.routes[0].tunnel);

	nlh = message_begin(RTM_NEWROUTE, sizeof(struct rtmsg));
	((struct rtmsg *)mnl_nlmsg_get_payload(nlh))->rtm_family = AF_INET;
	((struct rtmsg *)mnl_nlmsg_get_payload(nlh))->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(nlh, RTA_TABLE, 1000);
	mnl_attr_put(nlh, RTA_MULTIPATH, sizeof(hops), hops);
	assert_int_equal(route_parse_all(nlh, &dump), 0);
	assert_int_equal(dump.n, 3);
	assert_string_equal(dump.routes[1].link, "eth0");
	assert_int_equal(dump.routes[1].table, 1000);
	assert_int_equal(dump.routes[1].link_mtu, 1500);
	free(dump.routes);
}

static void test_route_that_is_wanted(void **state)
{
	struct route_want want = { .ifindex = 4, .to = { .ip.family = AF_INET, .prefix_len = 8, .ip.bytes = { 10 } } };
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;

	(void)state;
	for (int i = 0; i < 6; i++) {
		nlh = message_begin(RTM_NEWROUTE, sizeof(struct rtmsg));
		rtm = mnl_nlmsg_get_payload(nlh);
		*rtm = (struct rtmsg){ .rtm_family = AF_INET,
				       .rtm_dst_len = i == 0 ? 16 : 8,
				       .rtm_type = i == 1 ? RTN_LOCAL : RTN_UNICAST,
				       .rtm_table = i == 2 ? 77 : RT_TABLE_MAIN };
		mnl_attr_put(nlh, RTA_DST, 4, i == 3 ? "\x0b\0\0" : "\x0a\0\0");
		mnl_attr_put_u32(nlh, RTA_OIF, i == 4 ? 5 : 4);
		assert_int_equal(route_parse_wanted(nlh, &want), 0);
		assert_int_equal(want.found, i == 5);
		assert_int_equal(want.elsewhere, i >= 4);
	}
	assert_memory_equal(&want.message, nlh, nlh->nlmsg_len);
}

static struct nlmsghdr *put_filter(int ifindex, uint32_t parent, uint32_t handle)
{
	struct nlmsghdr *nlh = message_begin(RTM_NEWTFILTER, sizeof(struct tcmsg));
	struct tcmsg *tcm = mnl_nlmsg_get_payload(nlh);
	struct nlattr *nest;

	tcm->tcm_ifindex = ifindex;
	tcm->tcm_parent = parent;
	tcm->tcm_handle = handle;
	tcm->tcm_info = TC_H_MAKE(49152U << 16, 0x300);
	mnl_attr_put_strz(nlh, TCA_KIND, "bpf");
	nest = mnl_attr_nest_start(nlh, TCA_OPTIONS);
	mnl_attr_put_strz(nlh, TCA_BPF_NAME, "mtuscope_tc");
	mnl_attr_nest_end(nlh, nest);
	return nlh;
}

static void test_tc_counts_filters_of_the_hook(void **state)
{
	const uint32_t ingress = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
	const uint32_t egress = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS);
	struct tc_table table = { .ifindex = 7, .parent = ingress };

	(void)state;
	assert_int_equal(tc_parse(put_filter(7, ingress, 0), &table), 0);
	assert_int_equal(tc_parse(put_filter(7, ingress, 1), &table), 0);
	assert_int_equal(tc_parse(put_filter(7, egress, 1), &table), 0);
	assert_int_equal(tc_parse(put_filter(8, ingress, 1), &table), 0);
	assert_int_equal(tc_parse(put_filter(TCM_IFINDEX_MAGIC_BLOCK, 5, 2), &table), 0);
	assert_int_equal(table.n, 2);
	assert_int_equal(table.filters[0].handle, 1);
	assert_int_equal(table.filters[0].priority, 49152);
	assert_string_equal(table.filters[0].name, "mtuscope_tc");
	free(table.filters);
}

/* ---- the conversation ---- */

static int count_message(const struct nlmsghdr *nlh, void *data)
{
	++*(int *)data;
	return nlh->nlmsg_type == 99 ? -ENOMEM : 0;
}

static size_t put_plain(char *at, uint16_t type, uint16_t flags, uint32_t seq, int payload)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(at);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_seq = seq;
	memcpy(mnl_nlmsg_put_extra_header(nlh, sizeof(payload)), &payload, sizeof(payload));
	return nlh->nlmsg_len;
}

static void test_walk_reads_to_the_end(void **state)
{
	int n = 0;
	const struct netlink_handler handler = { .message = count_message, .data = &n };
	struct netlink_walk walk = { .handler = &handler, .seq = 5 };
	size_t len = 0;

	(void)state;
	len += put_plain(message.bytes + len, 77, NLM_F_MULTI, 5, 0);
	len += put_plain(message.bytes + len, 77, NLM_F_MULTI, 4, 0); /* an answer to an earlier question */
	len += put_plain(message.bytes + len, NLMSG_NOOP, 0, 5, 0);
	len += put_plain(message.bytes + len, 99, NLM_F_MULTI | NLM_F_DUMP_INTR, 5, 0);
	netlink_walk(&walk, message.bytes, len);
	assert_false(walk.done);
	assert_true(walk.interrupted);
	assert_int_equal(n, 2);
	assert_int_equal(walk.err, -ENOMEM);

	len = put_plain(message.bytes, NLMSG_DONE, NLM_F_MULTI, 5, 0);
	netlink_walk(&walk, message.bytes, len);
	assert_true(walk.done);
	assert_int_equal(walk.err, -ENOMEM);
}

static int walk_one(uint16_t type, int payload, size_t cut)
{
	int n = 0;
	const struct netlink_handler handler = { .message = count_message, .data = &n };
	struct netlink_walk walk = { .handler = &handler };
	size_t len = put_plain(message.bytes, type, 0, 0, payload) - cut;

	message.nlh.nlmsg_len = len;
	netlink_walk(&walk, message.bytes, len);
	assert_true(walk.done);
	return walk.err;
}

static void test_walk_errors(void **state)
{
	(void)state;
	assert_int_equal(walk_one(NLMSG_ERROR, -EPERM, 0), -EPERM);
	assert_int_equal(walk_one(NLMSG_ERROR, 0, 0), 0);
	assert_int_equal(walk_one(NLMSG_ERROR, 1, 0), -EBADMSG);
	assert_int_equal(walk_one(NLMSG_ERROR, -EPERM, 4), -EBADMSG);
	assert_int_equal(walk_one(NLMSG_DONE, -EINTR, 0), -EINTR);
	assert_int_equal(walk_one(NLMSG_DONE, 0, 4), 0);
	assert_int_equal(walk_one(77, 0, 0), 0);
}

static void test_walk_stays_in_the_datagram(void **state)
{
	int n = 0;
	const struct netlink_handler handler = { .message = count_message, .data = &n };
	struct netlink_walk walk = { .handler = &handler };
	const uint32_t lengths[] = { 0, 15, 17, 21, 0x7fffffff, 0x80000000, 0xffffffff };
	size_t i;

	(void)state;
	put_plain(message.bytes, 77, NLM_F_MULTI, 0, 0);
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		message.nlh.nlmsg_len = lengths[i];
		netlink_walk(&walk, message.bytes, lengths[i] == 17 ? 17 : 20); /* 17: without its padding */
	}
	netlink_walk(&walk, message.bytes, 15);
	assert_int_equal(n, 0);
	assert_false(walk.done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_wireguard_peer_over_two_messages),
		cmocka_unit_test(test_wireguard_link_local_endpoint_keeps_its_link),
		cmocka_unit_test(test_route_to_endpoint),
		cmocka_unit_test(test_route_default_is_the_best),
		cmocka_unit_test(test_mtus_of_routes_into_a_tunnel),
		cmocka_unit_test(test_routes_for_an_audit),
		cmocka_unit_test(test_route_that_is_wanted),
		cmocka_unit_test(test_tc_counts_filters_of_the_hook),
		cmocka_unit_test(test_walk_reads_to_the_end),
		cmocka_unit_test(test_walk_errors),
		cmocka_unit_test(test_walk_stays_in_the_datagram),
	};

	return cmocka_run_group_tests_name("netlink", tests, NULL, NULL);
}
