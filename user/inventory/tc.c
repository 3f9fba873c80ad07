// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Traffic control filters. In: the answers to RTM_GETQDISC and RTM_GETTFILTER. Out: the filters that an interface has
 * at its clsact hook. Called by user/kernel/tc.c, which removes its own filters, and the qdisc if nobody else uses it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "inventory.h"
#include "messages.h"
#include "reader.h"

static bool is_clsact(const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;

	mnl_attr_for_each (attr, nlh, sizeof(struct tcmsg))
		if (mnl_attr_get_type(attr) == TCA_KIND && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			return !strcmp(mnl_attr_get_str(attr), "clsact");
	return false;
}

/* The name that a bpf filter has; other kinds have no such option, or another one of that number. */
static void parse_name(const struct nlmsghdr *nlh, struct tc_filter *filter)
{
	const struct nlattr *attr, *option, *options = NULL;
	bool bpf = false;

	mnl_attr_for_each (attr, nlh, sizeof(struct tcmsg)) {
		if (mnl_attr_get_type(attr) == TCA_KIND && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			bpf = !strcmp(mnl_attr_get_str(attr), "bpf");
		else if (mnl_attr_get_type(attr) == TCA_OPTIONS)
			options = attr;
	}
	if (!bpf || !options)
		return;
	mnl_attr_for_each_nested (option, options)
		if (mnl_attr_get_type(option) == TCA_BPF_NAME && mnl_attr_validate(option, MNL_TYPE_NUL_STRING) >= 0)
			strncpy(filter->name, mnl_attr_get_str(option), sizeof(filter->name) - 1);
}

static int append_filter(const struct nlmsghdr *nlh, const struct tcmsg *tcm, struct tc_table *table)
{
	struct tc_filter *filter = array_grown(table->filters, table->n, &table->capacity, sizeof(*filter));

	if (!filter)
		return -ENOMEM;
	table->filters = filter;
	filter += table->n++;
	*filter = (struct tc_filter){ .handle = tcm->tcm_handle, .priority = TC_H_MAJ(tcm->tcm_info) >> 16 };
	parse_name(nlh, filter);
	return 0;
}

int tc_parse(const struct nlmsghdr *nlh, void *data)
{
	const struct tcmsg *tcm = mnl_nlmsg_get_payload(nlh);
	struct tc_table *table = data;
	bool here;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*tcm))
		return 0;
	/* Qdiscs of every interface come, whatever was asked. */
	here = (uint32_t)tcm->tcm_ifindex == table->ifindex;
	if (nlh->nlmsg_type == RTM_NEWQDISC && here && is_clsact(nlh))
		table->clsact = true;
	/* A block that interfaces share has no interface; it is somebody's all the same. */
	here = (here && tcm->tcm_parent == table->parent) || (uint32_t)tcm->tcm_ifindex == TCM_IFINDEX_MAGIC_BLOCK;
	/* Handle 0 is the head of a priority, not a filter. */
	if (nlh->nlmsg_type == RTM_NEWTFILTER && here && tcm->tcm_handle)
		return append_filter(nlh, tcm, table);
	return 0;
}

static void restart(void *data)
{
	struct tc_table *table = data;

	table->clsact = false;
	table->n = 0;
}

static int dump(struct netlink *nl, uint16_t type, struct tc_table *table)
{
	const struct netlink_handler handler = { tc_parse, restart, table };
	struct nlmsghdr *nlh = netlink_request(nl, type, NLM_F_DUMP);
	struct tcmsg *tcm = mnl_nlmsg_put_extra_header(nlh, sizeof(*tcm));

	tcm->tcm_ifindex = table->ifindex;
	tcm->tcm_parent = type == RTM_GETTFILTER ? table->parent : 0;
	return netlink_ask(nl, nlh, &handler);
}

int inventory_tc_filters(struct inventory_reader *reader, uint32_t ifindex, enum wire_direction direction,
			 tc_filter_fn fn, void *arg)
{
	struct tc_table table = {
		.ifindex = ifindex,
		.parent = TC_H_MAKE(TC_H_CLSACT, direction == WIRE_RX ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS),
	};
	size_t i;
	int err;

	err = dump(reader->route, RTM_GETQDISC, &table);
	if (!err && !table.clsact)
		err = -ENOENT;
	if (!err)
		err = dump(reader->route, RTM_GETTFILTER, &table);
	/* Only now, all of them: fn may well delete them, and a dump may start again. */
	for (i = 0; !err && fn && i < table.n; i++)
		fn(&table.filters[i], arg);
	free(table.filters);
	return err ? err : (int)table.n;
}
