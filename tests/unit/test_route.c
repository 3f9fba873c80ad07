// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unit tests of user/inventory/route.c and route_mtu.c: the parsers of routes on messages as the kernel makes them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <linux/rtnetlink.h>

#include "messages.h"
#include "netlink_message.h"

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

/* Several next hops: the one by the link that was asked for is meant. */
static void test_route_by_several_links(void **state)
{
	const struct rtnexthop hops[] = { { .rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 2 },
					  { .rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 3 } };
	static const uint32_t wanted[][2] = { { 0, 2 }, { 2, 2 }, { 3, 3 }, { 4, 2 } };
	struct nlmsghdr *nlh = message_begin(RTM_NEWROUTE, sizeof(struct rtmsg));

	(void)state;
	((struct rtmsg *)mnl_nlmsg_get_payload(nlh))->rtm_type = RTN_UNICAST;
	mnl_attr_put(nlh, RTA_MULTIPATH, sizeof(hops), hops);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct route route = { .wanted = wanted[i][0] };

		assert_int_equal(route_parse(nlh, &route), 0);
		assert_int_equal(route.oif, wanted[i][1]);
	}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_route_to_endpoint),	  cmocka_unit_test(test_route_by_several_links),
		cmocka_unit_test(test_route_default_is_the_best), cmocka_unit_test(test_mtus_of_routes_into_a_tunnel),
		cmocka_unit_test(test_routes_for_an_audit),	  cmocka_unit_test(test_route_that_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
