// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The links of the namespace. In: the answers to RTM_GETLINK. Out: struct link_table. Called by inventory.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/socket.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>

#include "messages.h"

#ifndef ARPHRD_IP6GRE
#define ARPHRD_IP6GRE 823 /* linux/if_arp.h, which cannot be had beside net/if_arp.h */
#endif

void *array_grown(void *array, size_t n, size_t *capacity, size_t element_bytes)
{
	size_t wanted = *capacity ? 2 * *capacity : 16;

	if (n < *capacity)
		return array;
	array = reallocarray(array, wanted, element_bytes);
	if (array)
		*capacity = wanted;
	return array;
}

/* Of these, tc sees packets without a header before theirs (struct net_device has no header_ops for them). */
static bool is_bare(uint16_t arphrd)
{
	return arphrd == ARPHRD_NONE || arphrd == ARPHRD_PPP || arphrd == ARPHRD_RAWIP || arphrd == ARPHRD_TUNNEL ||
	       arphrd == ARPHRD_TUNNEL6 || arphrd == ARPHRD_SIT || arphrd == ARPHRD_IPGRE || arphrd == ARPHRD_IP6GRE;
}

static bool is_kind_with_ports(const char *kind)
{
	return !strcmp(kind, "bridge") || !strcmp(kind, "bond") || !strcmp(kind, "team");
}

static void parse_kind(const struct nlattr *linkinfo, uint16_t arphrd, struct link_entry *entry)
{
	const struct nlattr *attr;
	const char *kind;

	mnl_attr_for_each_nested (attr, linkinfo) {
		if (mnl_attr_get_type(attr) != IFLA_INFO_KIND || mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0)
			continue;
		kind = mnl_attr_get_str(attr);
		if (!strcmp(kind, "wireguard"))
			entry->kind = LINK_KIND_WIREGUARD;
		else if (!strcmp(kind, "tun") && arphrd == ARPHRD_NONE)
			entry->kind = LINK_KIND_TUN;
		entry->has_ports = is_kind_with_ports(kind);
	}
}

/* IFLA_AF_SPEC > AF_INET6 > IFLA_INET6_CONF, an array of 32-bit values by DEVCONF_*. */
static uint32_t mtu_ipv6_of(const struct nlattr *af_spec)
{
	const size_t offset = DEVCONF_MTU6 * sizeof(int32_t);
	const struct nlattr *family, *attr;
	int32_t mtu = 0;

	mnl_attr_for_each_nested (family, af_spec) {
		if (mnl_attr_get_type(family) != AF_INET6)
			continue;
		mnl_attr_for_each_nested (attr, family)
			if (mnl_attr_get_type(attr) == IFLA_INET6_CONF &&
			    mnl_attr_get_payload_len(attr) >= offset + sizeof(mtu))
				memcpy(&mtu, (const char *)mnl_attr_get_payload(attr) + offset, sizeof(mtu));
	}
	return mtu > 0 ? (uint32_t)mtu : 0;
}

static void parse_attributes(const struct nlmsghdr *nlh, uint16_t arphrd, struct link_entry *entry)
{
	const struct nlattr *attr;

	mnl_attr_for_each (attr, nlh, sizeof(struct ifinfomsg)) {
		switch (mnl_attr_get_type(attr)) {
		case IFLA_IFNAME:
			if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
				strncpy(entry->link.name, mnl_attr_get_str(attr), IFACE_NAME_LEN - 1);
			break;
		case IFLA_MTU:
			if (mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
				entry->link.mtu = mnl_attr_get_u32(attr);
			break;
		case IFLA_MASTER:
			if (mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
				entry->master = mnl_attr_get_u32(attr);
			/* Without Ethernet headers it can be a port of nothing. */
			entry->link.in_vrf = entry->master && !entry->link.ethernet;
			break;
		case IFLA_LINKINFO:
			parse_kind(attr, arphrd, entry);
			break;
		case IFLA_AF_SPEC:
			entry->mtu_ipv6 = mtu_ipv6_of(attr);
			break;
		}
	}
}

int link_parse(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	struct link_table *table = data;
	struct link_entry *entry;

	if (nlh->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(nlh) < sizeof(*info) || info->ifi_index <= 0)
		return 0;
	entry = array_grown(table->entries, table->n, &table->capacity, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	table->entries = entry;
	entry += table->n++;
	*entry = (struct link_entry){
		.link = {
			.ifindex = info->ifi_index,
			.up = info->ifi_flags & IFF_UP,
			/* The loopback device has Ethernet headers as well (drivers/net/loopback.c). */
			.ethernet = info->ifi_type == ARPHRD_ETHER || info->ifi_type == ARPHRD_LOOPBACK,
		},
		.bare = is_bare(info->ifi_type),
	};
	parse_attributes(nlh, info->ifi_type, entry);
	return 0;
}

static int by_ifindex(const void *a, const void *b)
{
	const struct link_entry *x = a, *y = b;

	return (x->link.ifindex > y->link.ifindex) - (x->link.ifindex < y->link.ifindex);
}

static void restart(void *data)
{
	struct link_table *table = data;

	table->n = 0;
}

int link_table_read(struct netlink *nl, struct link_table *table)
{
	const struct netlink_handler handler = { link_parse, restart, table };
	struct nlmsghdr *nlh = netlink_request(nl, RTM_GETLINK, NLM_F_DUMP);
	int err;

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	err = netlink_ask(nl, nlh, &handler);
	if (table->n)
		qsort(table->entries, table->n, sizeof(*table->entries), by_ifindex);
	return err;
}

void link_table_free(struct link_table *table)
{
	free(table->entries);
	*table = (struct link_table){ 0 };
}

const struct link_entry *link_table_find(const struct link_table *table, uint32_t ifindex)
{
	const struct link_entry key = { .link.ifindex = ifindex };

	return table->n ? bsearch(&key, table->entries, table->n, sizeof(key), by_ifindex) : NULL;
}

const struct link_entry *link_table_named(const struct link_table *table, const char *name)
{
	size_t i;

	for (i = 0; i < table->n; i++)
		if (!strncmp(table->entries[i].link.name, name, IFACE_NAME_LEN))
			return &table->entries[i];
	return NULL;
}
