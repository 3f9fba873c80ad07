// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Routes. In: the answers to RTM_GETROUTE. Out: struct route, the way to an endpoint or the default route. Called by
 * inventory.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/rtnetlink.h>

#include "messages.h"
#include "reader.h"

static uint32_t metric_mtu(const struct nlattr *metrics)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested (attr, metrics)
		if (mnl_attr_get_type(attr) == RTAX_MTU && mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			return mnl_attr_get_u32(attr);
	return 0;
}

/* The next hops of a multipath route, one after the other. */
struct nexthops {
	const char *at;
	size_t rest; /* bytes */
};

static struct nexthops nexthops_of(const struct nlattr *multipath)
{
	return (struct nexthops){ mnl_attr_get_payload(multipath), mnl_attr_get_payload_len(multipath) };
}

/* False: there is no further one. */
static bool nexthop_next(struct nexthops *hops, struct rtnexthop *hop)
{
	size_t len;

	if (hops->rest < sizeof(*hop))
		return false;
	memcpy(hop, hops->at, sizeof(*hop));
	if (hop->rtnh_len < sizeof(*hop) || hop->rtnh_len > hops->rest)
		return false;
	len = RTNH_ALIGN(hop->rtnh_len);
	hops->at += len < hops->rest ? len : hops->rest;
	hops->rest -= len < hops->rest ? len : hops->rest;
	return true;
}

/* The link of the next hop that is by `wanted`, or else of the first. */
static uint32_t nexthop_link(const struct nlattr *multipath, uint32_t wanted)
{
	struct nexthops hops = nexthops_of(multipath);
	struct rtnexthop hop;
	uint32_t first = 0;

	while (nexthop_next(&hops, &hop)) {
		if (hop.rtnh_ifindex > 0 && (uint32_t)hop.rtnh_ifindex == wanted)
			return wanted;
		if (!first && hop.rtnh_ifindex > 0)
			first = hop.rtnh_ifindex;
	}
	return first;
}

static bool expires(const struct nlattr *cacheinfo)
{
	struct rta_cacheinfo info;

	if (mnl_attr_get_payload_len(cacheinfo) < sizeof(info))
		return false;
	memcpy(&info, mnl_attr_get_payload(cacheinfo), sizeof(info));
	return info.rta_expires != 0;
}

static struct route route_of(const struct nlmsghdr *nlh, uint32_t wanted)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct route route = { .wanted = wanted };
	const struct nlattr *attr;

	mnl_attr_for_each (attr, nlh, sizeof(*rtm)) {
		switch (mnl_attr_get_type(attr)) {
		case RTA_OIF:
			if (mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
				route.oif = mnl_attr_get_u32(attr);
			break;
		case RTA_MULTIPATH:
			if (!route.oif)
				route.oif = nexthop_link(attr, wanted);
			break;
		case RTA_GATEWAY:
		case RTA_VIA:
			route.gateway = true;
			break;
		case RTA_PRIORITY:
			if (mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
				route.priority = mnl_attr_get_u32(attr);
			break;
		case RTA_PREFSRC:
			if (mnl_attr_get_payload_len(attr) > sizeof(route.source.bytes))
				break;
			route.source.family = rtm->rtm_family;
			memcpy(route.source.bytes, mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
			break;
		case RTA_METRICS:
			route.mtu = metric_mtu(attr);
			break;
		case RTA_CACHEINFO:
			/* A route that a router advertised expires too, but is no clone of another. */
			route.learned = expires(attr) && rtm->rtm_flags & RTM_F_CLONED;
			break;
		}
	}
	return route;
}

static bool is_route(const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_type == RTM_NEWROUTE && mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct rtmsg);
}

int route_parse(const struct nlmsghdr *nlh, void *data)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct route *route = data;

	if (!is_route(nlh))
		return 0;
	/* IPv6 answers with unreachable and blackhole routes where IPv4 answers with an error. */
	if (rtm->rtm_type == RTN_UNICAST || rtm->rtm_type == RTN_LOCAL)
		*route = route_of(nlh, route->wanted);
	return 0;
}

int route_parse_default(const struct nlmsghdr *nlh, void *data)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct route *best = data;
	struct route route;

	if (!is_route(nlh) || rtm->rtm_type != RTN_UNICAST || rtm->rtm_dst_len != 0 || rtm->rtm_table != RT_TABLE_MAIN)
		return 0;
	route = route_of(nlh, 0);
	if (route.oif && (!best->oif || route.priority < best->priority))
		*best = route;
	return 0;
}

static void restart(void *data)
{
	struct route *route = data;

	*route = (struct route){ .wanted = route->wanted };
}

static bool means_no_route(int err)
{
	switch (err) {
	case -ENETUNREACH:
	case -EHOSTUNREACH:
	case -ENETDOWN:
	case -EACCES: /* prohibit */
	case -EINVAL: /* blackhole; an address that is none, as 0.0.0.0 or multicast by its scope */
	case -EAGAIN: /* throw */
	case -ENODEV: /* the link of its scope is gone */
		return true;
	}
	return false;
}

int route_read(struct netlink *nl, const struct route_query *query, struct route *route)
{
	const size_t address_len = query->to.ip.family == AF_INET ? 4 : 16;
	const struct netlink_handler handler = { route_parse, restart, route };
	struct nlmsghdr *nlh = netlink_request(nl, RTM_GETROUTE, 0);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	int err;

	rtm->rtm_family = query->to.ip.family;
	rtm->rtm_dst_len = 8 * address_len;
	rtm->rtm_flags = query->configured ? RTM_F_FIB_MATCH : 0;
	mnl_attr_put(nlh, RTA_DST, address_len, query->to.ip.bytes);
	if (query->from.family) {
		rtm->rtm_src_len = 8 * address_len;
		mnl_attr_put(nlh, RTA_SRC, address_len, query->from.bytes);
	}
	/* All that WireGuard's own lookup says (drivers/net/wireguard/socket.c): rules may look at any of it. */
	mnl_attr_put_u32(nlh, RTA_MARK, query->fwmark);
	mnl_attr_put_u32(nlh, RTA_UID, 0);
	mnl_attr_put_u8(nlh, RTA_IP_PROTO, IPPROTO_UDP);
	mnl_attr_put_u16(nlh, RTA_DPORT, htons(query->to.port));
	if (query->from_port)
		mnl_attr_put_u16(nlh, RTA_SPORT, htons(query->from_port));
	if (query->oif)
		mnl_attr_put_u32(nlh, RTA_OIF, query->oif);

	*route = (struct route){ .wanted = query->oif };
	err = netlink_ask(nl, nlh, &handler);
	return means_no_route(err) ? 0 : err;
}

int route_read_default(struct netlink *nl, uint8_t family, struct route *route)
{
	const struct netlink_handler handler = { route_parse_default, restart, route };
	struct nlmsghdr *nlh = netlink_request(nl, RTM_GETROUTE, NLM_F_DUMP);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	int err;

	rtm->rtm_family = family;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_type = RTN_UNICAST;
	*route = (struct route){ 0 };
	err = netlink_ask(nl, nlh, &handler);
	/*
	 * -EINTR: where routes change all the time, every dump is interrupted; what was seen will do.
	 * -ENOENT: there is no such table. -EOPNOTSUPP, -EAFNOSUPPORT: nor such a family.
	 */
	return err == -EINTR || err == -ENOENT || err == -EOPNOTSUPP || err == -EAFNOSUPPORT ? 0 : err;
}

int route_parse_mtus(const struct nlmsghdr *nlh, void *data)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct route_mtus *mtus = data;
	struct route route;

	if (!is_route(nlh) || rtm->rtm_type != RTN_UNICAST || rtm->rtm_flags & RTM_F_CLONED)
		return 0;
	route = route_of(nlh, 0);
	if (route.oif != mtus->oif || !route.mtu)
		return 0;
	if (!mtus->min || route.mtu < mtus->min)
		mtus->min = route.mtu;
	if (route.mtu > mtus->max)
		mtus->max = route.mtu;
	return 0;
}

static void restart_mtus(void *data)
{
	struct route_mtus *mtus = data;

	*mtus = (struct route_mtus){ .oif = mtus->oif };
}

int route_read_mtus(struct netlink *nl, struct route_mtus *mtus)
{
	const struct netlink_handler handler = { route_parse_mtus, restart_mtus, mtus };
	struct nlmsghdr *nlh = netlink_request(nl, RTM_GETROUTE, NLM_F_DUMP);
	int err;

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct rtmsg));
	/* The kernel leaves out the others, of which there may be a million. */
	mnl_attr_put_u32(nlh, RTA_OIF, mtus->oif);
	err = netlink_ask(nl, nlh, &handler);
	return err == -EINTR || err == -ENODEV ? 0 : err; /* as in route_read_default(); it went away */
}

static bool wanted_by_audit(const struct rtmsg *rtm, const struct route *route)
{
	return rtm->rtm_type == RTN_UNICAST && !(rtm->rtm_flags & RTM_F_CLONED) && (!rtm->rtm_dst_len || route->mtu);
}

static int append_way(struct route_dump *dump, struct audit_route route, uint32_t ifindex)
{
	const struct link_entry *entry = link_table_find(dump->links, ifindex);
	struct audit_route *grown;

	if (!entry || dump->n == ROUTES_MAX)
		return 0;
	grown = array_grown(dump->routes, dump->n, &dump->capacity, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	dump->routes = grown;
	route.ifindex = ifindex;
	memcpy(route.link, entry->link.name, sizeof(route.link));
	route.link_mtu = entry->link.mtu;
	if (route.to.family == AF_INET6 && entry->mtu_ipv6 && entry->mtu_ipv6 < route.link_mtu)
		route.link_mtu = entry->mtu_ipv6;
	route.up = entry->link.up;
	route.tunnel = entry->kind != LINK_KIND_OTHER;
	dump->routes[dump->n++] = route;
	return 0;
}

/* Each link that the nexthops of a multipath route name. */
static int append_ways(struct route_dump *dump, const struct audit_route *route, const struct nlattr *multipath)
{
	struct nexthops hops = nexthops_of(multipath);
	struct rtnexthop hop;
	int err = 0;

	while (!err && nexthop_next(&hops, &hop))
		err = append_way(dump, *route, hop.rtnh_ifindex);
	return err;
}

int route_parse_all(const struct nlmsghdr *nlh, void *data)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *multipath = NULL;
	struct audit_route wanted = { 0 };
	struct route route;

	if (!is_route(nlh) || (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6))
		return 0;
	route = route_of(nlh, 0);
	if (!wanted_by_audit(rtm, &route))
		return 0;
	wanted.to.family = rtm->rtm_family;
	wanted.prefix_len = rtm->rtm_dst_len;
	wanted.table = rtm->rtm_table;
	wanted.mtu = route.mtu;
	mnl_attr_for_each (attr, nlh, sizeof(*rtm)) {
		if (mnl_attr_get_type(attr) == RTA_TABLE && mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			wanted.table = mnl_attr_get_u32(attr);
		else if (mnl_attr_get_type(attr) == RTA_DST &&
			 mnl_attr_get_payload_len(attr) <= sizeof(wanted.to.bytes))
			memcpy(wanted.to.bytes, mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
		else if (mnl_attr_get_type(attr) == RTA_MULTIPATH)
			multipath = attr;
	}
	return multipath ? append_ways(data, &wanted, multipath) : append_way(data, wanted, route.oif);
}

static void restart_all(void *data)
{
	struct route_dump *dump = data;

	dump->n = 0;
}

static int read_all(struct netlink *nl, struct route_dump *dump)
{
	const struct netlink_handler handler = { route_parse_all, restart_all, dump };
	struct nlmsghdr *nlh = netlink_request(nl, RTM_GETROUTE, NLM_F_DUMP);
	int err;

	/* All families, all tables. */
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct rtmsg));
	err = netlink_ask(nl, nlh, &handler);
	return err == -EINTR ? 0 : err; /* as in route_read_default() */
}

int inventory_read_routes(struct inventory_reader *reader, struct audit_route **routes, size_t *routes_n)
{
	struct link_table links = { 0 };
	struct route_dump dump = { .links = &links };
	int err;

	err = link_table_read(reader->route, &links);
	if (!err)
		err = read_all(reader->route, &dump);
	link_table_free(&links);
	if (err) {
		free(dump.routes);
		dump = (struct route_dump){ 0 };
	}
	*routes = dump.routes;
	*routes_n = dump.n;
	return err;
}

int inventory_reaches(struct inventory_reader *reader, const struct link *tunnel, const struct peer *peer,
		      uint32_t ifindex, bool *yes)
{
	struct route_query query = { .to = peer->endpoint,
				     .from_port = tunnel->listen_port,
				     .fwmark = tunnel->fwmark,
				     .oif = ifindex,
				     .configured = true };
	struct route route, chosen;
	int err = route_read(reader->route, &query, &route);

	if (!err && !route.oif) {
		/* IPv4 takes what it has no route for to be on the link, and says with which source. */
		query.configured = false;
		err = route_read(reader->route, &query, &chosen);
		query.configured = true;
		query.from = chosen.source;
		if (!err && query.from.family)
			err = route_read(reader->route, &query, &route);
	}
	*yes = !err && route.oif == ifindex;
	return err;
}
