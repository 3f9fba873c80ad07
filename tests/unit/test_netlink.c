// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unit tests of user/inventory/: the walk through a datagram, and the parsers of links and filters on messages as the kernel
 * makes them. Those of routes and of WireGuard are in files of their own.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "messages.h"
#include "netlink_message.h"

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

static void put_port(struct link_table *table, int ifindex, uint32_t master)
{
	struct nlmsghdr *nlh = message_begin(RTM_NEWLINK, sizeof(struct ifinfomsg));
	struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);

	info->ifi_index = ifindex;
	info->ifi_type = ARPHRD_ETHER;
	mnl_attr_put_u32(nlh, IFLA_MASTER, master);
	assert_int_equal(link_parse(nlh, table), 0);
}

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
	assert_true(table.entries[1].bare);
	assert_false(table.entries[2].bare);
	assert_false(table.entries[3].bare);
	assert_ptr_equal(link_table_named(&table, "tap0"), &table.entries[2]);
	assert_null(link_table_named(&table, "tap"));
	link_table_free(&table);
}

/* What the host sends by a port of a bridge is seen on the bridge, but a link in a VRF is one like others. */
static void test_ports(void **state)
{
	static const char *const masters[] = { "bridge", "bond", "team", "vrf" };
	struct link_table table = { 0 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		put_link(&table, 10 + i, masters[i], ARPHRD_ETHER, masters[i]);
		assert_int_equal(table.entries[i].has_ports, i < 3);
		assert_int_equal(table.entries[i].master, 0);
	}
	put_port(&table, 20, 10);
	assert_int_equal(table.entries[4].master, 10);
	link_table_free(&table);
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
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_tc_counts_filters_of_the_hook),
		cmocka_unit_test(test_walk_reads_to_the_end),
		cmocka_unit_test(test_walk_errors),
		cmocka_unit_test(test_walk_stays_in_the_datagram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
