// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unit tests of user/inventory/nft.c and nft_chains.c: clamps of the segment size among the rules of a packet filter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>

#include "messages.h"
#include "netlink_message.h"

/* ---- rules ---- */

static struct nlattr *begin_expression(struct nlmsghdr *nlh, const char *name, struct nlattr **element)
{
	*element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, name);
	return mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
}

static void end_expression(struct nlmsghdr *nlh, struct nlattr *data, struct nlattr *element)
{
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, element);
}

static void put_number(struct nlmsghdr *nlh, const char *expression, uint16_t type, uint32_t value)
{
	struct nlattr *element, *data = begin_expression(nlh, expression, &element);

	mnl_attr_put_u32(nlh, type, htonl(value));
	end_expression(nlh, data, element);
}

static void put_cmp(struct nlmsghdr *nlh, uint32_t op, const void *value, size_t len)
{
	struct nlattr *element, *data = begin_expression(nlh, "cmp", &element), *nest;

	mnl_attr_put_u32(nlh, NFTA_CMP_OP, htonl(op));
	nest = mnl_attr_nest_start(nlh, NFTA_CMP_DATA);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, len, value);
	mnl_attr_nest_end(nlh, nest);
	end_expression(nlh, data, element);
}

static void put_immediate(struct nlmsghdr *nlh, uint16_t mss)
{
	struct nlattr *element, *data = begin_expression(nlh, "immediate", &element), *nest;
	const uint16_t value = htons(mss);

	nest = mnl_attr_nest_start(nlh, NFTA_IMMEDIATE_DATA);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, sizeof(value), &value);
	mnl_attr_nest_end(nlh, nest);
	end_expression(nlh, data, element);
}

/* sreg 0: only reads the option, as a match does. */
static void put_mss_option(struct nlmsghdr *nlh, uint32_t sreg)
{
	struct nlattr *element, *data = begin_expression(nlh, "exthdr", &element);

	mnl_attr_put_u8(nlh, NFTA_EXTHDR_TYPE, 2);
	mnl_attr_put_u32(nlh, NFTA_EXTHDR_OP, htonl(NFT_EXTHDR_OP_TCPOPT));
	if (sreg)
		mnl_attr_put_u32(nlh, NFTA_EXTHDR_SREG, htonl(sreg));
	end_expression(nlh, data, element);
}

static struct nlmsghdr *begin_rule_of(uint8_t family, const char *chain, struct nlattr **list)
{
	struct nlmsghdr *nlh = message_begin(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE, sizeof(struct nfgenmsg));

	((struct nfgenmsg *)mnl_nlmsg_get_payload(nlh))->nfgen_family = family;
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, "t");
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, chain);
	*list = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
	return nlh;
}

static struct nlmsghdr *begin_rule(uint8_t family, struct nlattr **list)
{
	return begin_rule_of(family, "base", list);
}

/* The chain `base` of the family is at that hook. */
static void add_base(struct nft_dump *dump, uint8_t family, uint32_t hook)
{
	struct nlmsghdr *nlh = message_begin(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN, sizeof(struct nfgenmsg));
	struct nlattr *nest;

	((struct nfgenmsg *)mnl_nlmsg_get_payload(nlh))->nfgen_family = family;
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, "t");
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, "base");
	nest = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);
	mnl_attr_put_u32(nlh, NFTA_HOOK_HOOKNUM, htonl(hook));
	mnl_attr_nest_end(nlh, nest);
	assert_int_equal(nft_parse_chain(nlh, dump), 0);
}

/* A rule of `chain` that jumps, if its interface is wg0 where meta_key says. */
static void add_jump(struct nft_dump *dump, const char *chain, const char *to, uint32_t meta_key)
{
	struct nlattr *list, *element, *data, *value, *verdict;
	struct nlmsghdr *nlh = begin_rule_of(NFPROTO_INET, chain, &list);

	if (meta_key) {
		put_number(nlh, "meta", NFTA_META_KEY, meta_key);
		put_cmp(nlh, NFT_CMP_EQ, "wg0", 4);
	}
	data = begin_expression(nlh, "immediate", &element);
	value = mnl_attr_nest_start(nlh, NFTA_IMMEDIATE_DATA);
	verdict = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);
	mnl_attr_put_u32(nlh, NFTA_VERDICT_CODE, htonl((uint32_t)NFT_JUMP));
	mnl_attr_put_strz(nlh, NFTA_VERDICT_CHAIN, to);
	mnl_attr_nest_end(nlh, verdict);
	mnl_attr_nest_end(nlh, value);
	end_expression(nlh, data, element);
	mnl_attr_nest_end(nlh, list);
	assert_int_equal(nft_parse(nlh, dump), 0);
}

static void add_clamp(struct nft_dump *dump, const char *chain)
{
	struct nlattr *list;
	struct nlmsghdr *nlh = begin_rule_of(NFPROTO_INET, chain, &list);

	put_number(nlh, "rt", NFTA_RT_KEY, NFT_RT_TCPMSS);
	put_mss_option(nlh, 8);
	mnl_attr_nest_end(nlh, list);
	assert_int_equal(nft_parse(nlh, dump), 0);
}

/* ---- the tests ---- */

static void test_jumps_to_clamps(void **state)
{
	struct nft_dump dump = { 0 };

	(void)state;
	add_base(&dump, NFPROTO_INET, NF_INET_FORWARD);
	add_clamp(&dump, "deep");
	add_jump(&dump, "base", "middle", NFT_META_OIFNAME);
	add_jump(&dump, "middle", "deep", NFT_META_IIFNAME);
	add_jump(&dump, "base", "deep", 0);
	add_jump(&dump, "elsewhere", "deep", 0); /* nothing comes there */
	add_jump(&dump, "deep", "middle", 0);	 /* the kernel would refuse a loop */
	assert_int_equal(nft_resolve(&dump), 0);
	assert_in_range(dump.clamps_n, 2, NFT_CLAMPS_MAX);
	assert_int_equal(dump.clamps[0].in.match, AUDIT_IFACE_IS);
	assert_int_equal(dump.clamps[0].out.match, AUDIT_IFACE_IS);
	assert_string_equal(dump.clamps[0].out.name, "wg0");
	assert_int_equal(dump.clamps[dump.clamps_n - 1].in.match, AUDIT_IFACE_ANY);
	nft_free(&dump);
}

static void test_clamps_that_are_not_passed(void **state)
{
	struct nft_dump dump = { 0 };
	struct nlattr *list;
	struct nlmsghdr *nlh;

	(void)state;
	add_base(&dump, NFPROTO_INET, NF_INET_LOCAL_OUT);
	add_base(&dump, NFPROTO_IPV4, NF_INET_FORWARD); /* of that name, and another table */
	add_clamp(&dump, "base");
	add_clamp(&dump, "nobody jumps here");
	assert_int_equal(nft_resolve(&dump), 0);
	assert_int_equal(dump.clamps_n, 0);
	/* Unless a map may lead there. */
	nlh = begin_rule(NFPROTO_INET, &list);
	put_number(nlh, "lookup", NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
	mnl_attr_nest_end(nlh, list);
	assert_int_equal(nft_parse(nlh, &dump), 0);
	assert_int_equal(nft_resolve(&dump), 0);
	assert_in_range(dump.clamps_n, 1, 2);
	nft_free(&dump);
}

static void test_clamps_of_nftables(void **state)
{
	static const char name[IFACE_NAME_LEN] = "wg0";
	const uint8_t ipv4 = NFPROTO_IPV4;
	struct nft_dump dump = { 0 };
	struct nlattr *list;
	struct nlmsghdr *nlh;

	(void)state;
	nlh = begin_rule(NFPROTO_INET, &list);
	put_number(nlh, "meta", NFTA_META_KEY, NFT_META_NFPROTO);
	put_cmp(nlh, NFT_CMP_EQ, &ipv4, 1);
	put_number(nlh, "meta", NFTA_META_KEY, NFT_META_OIFNAME);
	put_cmp(nlh, NFT_CMP_EQ, name, sizeof(name));
	put_immediate(nlh, 1360);
	put_mss_option(nlh, 8);
	mnl_attr_nest_end(nlh, list);
	assert_int_equal(nft_parse(nlh, &dump), 0);
	nlh = begin_rule(NFPROTO_IPV6, &list);
	put_number(nlh, "meta", NFTA_META_KEY, NFT_META_IIFNAME);
	put_cmp(nlh, NFT_CMP_NEQ, "wg", 2);
	put_number(nlh, "payload", NFTA_PAYLOAD_OFFSET, 13); /* what is compared next is no interface */
	put_cmp(nlh, NFT_CMP_EQ, "\2", 1);
	put_number(nlh, "rt", NFTA_RT_KEY, NFT_RT_TCPMSS);
	put_mss_option(nlh, 8);
	mnl_attr_nest_end(nlh, list);
	assert_int_equal(nft_parse(nlh, &dump), 0);
	nlh = begin_rule(NFPROTO_IPV4, &list);
	put_mss_option(nlh, 0);
	mnl_attr_nest_end(nlh, list);
	assert_int_equal(nft_parse(nlh, &dump), 0);

	for (uint8_t i = 0; i < 3; i++)
		add_base(&dump, (uint8_t[]){ NFPROTO_INET, NFPROTO_IPV4, NFPROTO_IPV6 }[i], NF_INET_FORWARD);
	assert_int_equal(nft_resolve(&dump), 0);
	assert_int_equal(dump.clamps_n, 2);
	assert_true(dump.clamps[0].ipv4);
	assert_false(dump.clamps[0].ipv6);
	assert_int_equal(dump.clamps[0].mss, 1360);
	assert_int_equal(dump.clamps[0].out.match, AUDIT_IFACE_IS);
	assert_string_equal(dump.clamps[0].out.name, "wg0");
	assert_int_equal(dump.clamps[0].in.match, AUDIT_IFACE_ANY);
	assert_true(dump.clamps[1].ipv6);
	assert_int_equal(dump.clamps[1].mss, 0);
	assert_int_equal(dump.clamps[1].in.match, AUDIT_IFACE_IS_NOT);
	assert_int_equal(dump.clamps[1].in.name_len, 2);
	nft_free(&dump);
}

static void test_clamps_of_iptables(void **state)
{
	struct nlattr *list, *element, *data;
	const uint16_t mss[] = { 0xffff, 1400 };
	struct nft_dump dump = { 0 };
	struct nlmsghdr *nlh;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		nlh = begin_rule(NFPROTO_IPV4, &list);
		put_number(nlh, "meta", NFTA_META_KEY, NFT_META_IIFNAME);
		put_cmp(nlh, NFT_CMP_EQ, "wg0", 4);
		data = begin_expression(nlh, i < 3 ? "target" : "match", &element);
		mnl_attr_put_strz(nlh, NFTA_TARGET_NAME, i == 2 ? "TCPOPTSTRIP" : "TCPMSS");
		mnl_attr_put(nlh, NFTA_TARGET_INFO, sizeof(mss[0]), &mss[i % 2]);
		end_expression(nlh, data, element);
		mnl_attr_nest_end(nlh, list);
		assert_int_equal(nft_parse(nlh, &dump), 0);
	}
	add_base(&dump, NFPROTO_IPV4, NF_INET_POST_ROUTING);
	assert_int_equal(nft_resolve(&dump), 0);
	assert_int_equal(dump.clamps_n, 2);
	assert_int_equal(dump.clamps[0].mss, 0);
	assert_int_equal(dump.clamps[1].mss, 1400);
	assert_true(dump.clamps[0].iptables);
	assert_int_equal(dump.clamps[0].in.match, AUDIT_IFACE_IS);
	nft_free(&dump);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clamps_of_nftables),
		cmocka_unit_test(test_jumps_to_clamps),
		cmocka_unit_test(test_clamps_that_are_not_passed),
		cmocka_unit_test(test_clamps_of_iptables),
	};

	return cmocka_run_group_tests_name("nft", tests, NULL, NULL);
}
