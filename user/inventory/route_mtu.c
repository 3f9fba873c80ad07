// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The MTU of one route, changed in place: the kernel's own message about the route is sent back to it with another MTU, so
 * that whatever else the route says stays. In: prefix, link, MTU. Called by user/fix/.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include "messages.h"
#include "reader.h"

static size_t address_len(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

/* Is it a route to that prefix in the main table? By which link, is *oif. */
static bool is_for(const struct nlmsghdr *nlh, const struct route_want *want, uint32_t *oif)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	uint8_t zero[16] = { 0 };
	const void *to = zero;
	uint32_t table = rtm->rtm_table;
	const struct nlattr *attr;

	if (rtm->rtm_family != want->to.ip.family || rtm->rtm_dst_len != want->to.prefix_len ||
	    rtm->rtm_type != RTN_UNICAST || rtm->rtm_flags & RTM_F_CLONED)
		return false;
	mnl_attr_for_each (attr, nlh, sizeof(*rtm)) {
		if (mnl_attr_get_type(attr) == RTA_DST &&
		    mnl_attr_get_payload_len(attr) == address_len(rtm->rtm_family))
			to = mnl_attr_get_payload(attr);
		else if (mnl_attr_get_type(attr) == RTA_OIF && mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			*oif = mnl_attr_get_u32(attr);
		else if (mnl_attr_get_type(attr) == RTA_TABLE && mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			table = mnl_attr_get_u32(attr);
	}
	return table == RT_TABLE_MAIN && !memcmp(to, want->to.ip.bytes, address_len(rtm->rtm_family));
}

int route_parse_wanted(const struct nlmsghdr *nlh, void *data)
{
	struct route_want *want = data;
	uint32_t oif = 0;

	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof(struct rtmsg) ||
	    !is_for(nlh, want, &oif))
		return 0;
	if (oif != want->ifindex || nlh->nlmsg_len > sizeof(want->message)) {
		want->elsewhere = true;
		return 0;
	}
	if (want->found)
		return 0;
	memcpy(&want->message, nlh, nlh->nlmsg_len);
	want->found = true;
	return 0;
}

static void restart(void *data)
{
	struct route_want *want = data;

	want->found = want->elsewhere = false;
}

static int find(struct netlink *nl, struct route_want *want)
{
	const struct netlink_handler handler = { route_parse_wanted, restart, want };
	struct nlmsghdr *nlh = netlink_request(nl, RTM_GETROUTE, NLM_F_DUMP);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	int err;

	rtm->rtm_family = want->to.ip.family;
	rtm->rtm_table = RT_TABLE_MAIN;
	err = netlink_ask(nl, nlh, &handler);
	return err == -ENOENT || err == -EOPNOTSUPP || err == -EAFNOSUPPORT ? 0 : err;
}

/* The other metrics of the route, and the MTU, unless that is 0. */
static void put_metrics(struct nlmsghdr *request, const struct nlattr *old, uint32_t mtu)
{
	struct nlattr *nest = mnl_attr_nest_start(request, RTA_METRICS);
	const struct nlattr *attr;

	if (old) {
		mnl_attr_for_each_nested (attr, old)
			if (mnl_attr_get_type(attr) != RTAX_MTU)
				mnl_attr_put(request, mnl_attr_get_type(attr), mnl_attr_get_payload_len(attr),
					     mnl_attr_get_payload(attr));
	}
	if (mtu)
		mnl_attr_put_u32(request, RTAX_MTU, mtu);
	mnl_attr_nest_end(request, nest);
}

/* The request that changes the route that was found; its metrics come last. */
static struct nlmsghdr *changed(struct netlink *nl, const struct route_want *want, uint32_t mtu)
{
	const struct nlmsghdr *old = &want->message.align;
	struct nlmsghdr *request = netlink_request(nl, RTM_NEWROUTE, NLM_F_ACK | NLM_F_REPLACE);
	const struct nlattr *attr, *metrics = NULL;
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(request, sizeof(*rtm));

	memcpy(rtm, mnl_nlmsg_get_payload(old), sizeof(*rtm));
	rtm->rtm_flags = 0;
	mnl_attr_for_each (attr, old, sizeof(*rtm)) {
		switch (mnl_attr_get_type(attr)) {
		case RTA_METRICS:
			metrics = attr;
			break;
		case RTA_CACHEINFO: /* the kernel's own, which it refuses from us */
			break;
		default:
			mnl_attr_put(request, mnl_attr_get_type(attr), mnl_attr_get_payload_len(attr),
				     mnl_attr_get_payload(attr));
		}
	}
	put_metrics(request, metrics, mtu);
	return request;
}

/* As `ip route add PREFIX dev IF mtu N` writes it. */
static struct nlmsghdr *route_by_hand(struct netlink *nl, const struct route_want *want, uint16_t type, uint32_t mtu)
{
	struct nlmsghdr *request =
		netlink_request(nl, type, NLM_F_ACK | (type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL : 0));
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(request, sizeof(*rtm));

	*rtm = (struct rtmsg){
		.rtm_family = want->to.ip.family,
		.rtm_dst_len = want->to.prefix_len,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST,
	};
	mnl_attr_put(request, RTA_DST, address_len(want->to.ip.family), want->to.ip.bytes);
	mnl_attr_put_u32(request, RTA_OIF, want->ifindex);
	if (mtu)
		put_metrics(request, NULL, mtu);
	return request;
}

static int ask(struct netlink *nl, struct nlmsghdr *request)
{
	const struct netlink_handler handler = { .message = NULL };

	return netlink_ask(nl, request, &handler);
}

/* The route, if there is one, in *want, which the caller frees; NULL on error. */
static int look(struct inventory_reader *reader, uint32_t ifindex, const struct allowed_ip *to,
		struct route_want **want)
{
	int err;

	*want = calloc(1, sizeof(**want));
	if (!*want)
		return -ENOMEM;
	(*want)->ifindex = ifindex;
	(*want)->to = *to;
	err = find(reader->route, *want);
	if (!err && !(*want)->found && (*want)->elsewhere)
		err = -EEXIST;
	if (err) {
		free(*want);
		*want = NULL;
	}
	return err;
}

int inventory_route_mtu(struct inventory_reader *reader, uint32_t ifindex, const struct allowed_ip *to, uint32_t *mtu)
{
	struct route_want *want;
	struct route route = { 0 };
	int err = look(reader, ifindex, to, &want);

	if (err)
		return err;
	*mtu = ROUTE_ABSENT;
	if (want->found) {
		route_parse(&want->message.align, &route);
		*mtu = route.mtu;
	}
	free(want);
	return 0;
}

int inventory_set_route_mtu(struct inventory_reader *reader, uint32_t ifindex, const struct allowed_ip *to,
			    uint32_t mtu)
{
	struct netlink *nl = reader->route;
	struct route_want *want;
	int err = look(reader, ifindex, to, &want);

	if (err)
		return err;
	if (want->found)
		err = ask(nl, mtu == ROUTE_ABSENT ? route_by_hand(nl, want, RTM_DELROUTE, 0) : changed(nl, want, mtu));
	else if (mtu != ROUTE_ABSENT)
		err = ask(nl, route_by_hand(nl, want, RTM_NEWROUTE, mtu));
	free(want);
	return err;
}
