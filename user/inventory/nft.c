// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MSS clamps. In: the answers to NFT_MSG_GETRULE, where a rule is a list of small expressions (nft -n list ruleset --debug
 * netlink shows them). Out: struct audit_clamp for each rule that sets the MSS of SYNs, be it nftables' own or the TCPMSS
 * target of iptables-nft, as far as forwarded packets come to it (nft_chains.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>

#include "messages.h"

#define NO_KEY		    UINT32_MAX
#define TCP_OPTION_MSS	    2
#define XT_CLAMP_MSS_TO_MTU 0xffff /* linux/netfilter/xt_TCPMSS.h */

/* One rule under way. A comparison is about what was loaded last, as nft(8) and iptables-nft write it. */
struct rule {
	struct audit_clamp clamp;
	bool clamps;
	const struct nlattr *jump; /* name of the chain, NULL: none */
	bool maps;		   /* its verdict is looked up */
	uint32_t meta_key;	   /* loaded last, or NO_KEY */
	uint32_t mss;		   /* loaded last as a number, 0: by route */
};

static uint32_t be32_of(const struct nlattr *attr)
{
	return mnl_attr_validate(attr, MNL_TYPE_U32) < 0 ? NO_KEY : ntohl(mnl_attr_get_u32(attr));
}

static const struct nlattr *attr_in(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested (attr, nest)
		if (mnl_attr_get_type(attr) == type)
			return attr;
	return NULL;
}

static uint32_t be32_in(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *attr = attr_in(nest, type);

	return attr ? be32_of(attr) : NO_KEY;
}

/* The bytes of a nested NFTA_DATA_VALUE, or NULL. */
static const uint8_t *value_in(const struct nlattr *nest, uint16_t type, size_t *len)
{
	const struct nlattr *data, *attr;

	mnl_attr_for_each_nested (data, nest) {
		if (mnl_attr_get_type(data) != type)
			continue;
		mnl_attr_for_each_nested (attr, data) {
			if (mnl_attr_get_type(attr) != NFTA_DATA_VALUE)
				continue;
			*len = mnl_attr_get_payload_len(attr);
			return mnl_attr_get_payload(attr);
		}
	}
	return NULL;
}

static struct audit_iface *iface_of(struct rule *r)
{
	switch (r->meta_key) {
	case NFT_META_IIF:
	case NFT_META_IIFNAME:
		return &r->clamp.in;
	case NFT_META_OIF:
	case NFT_META_OIFNAME:
		return &r->clamp.out;
	}
	return NULL;
}

static void compare_iface(const struct rule *r, struct audit_iface *iface, const uint8_t *value, size_t len, bool equal)
{
	iface->match = equal ? AUDIT_IFACE_IS : AUDIT_IFACE_IS_NOT;
	if (r->meta_key == NFT_META_IIF || r->meta_key == NFT_META_OIF) {
		if (len == sizeof(iface->ifindex))
			memcpy(&iface->ifindex, value, sizeof(iface->ifindex));
		return;
	}
	iface->name_len = len < IFACE_NAME_LEN ? len : IFACE_NAME_LEN;
	memcpy(iface->name, value, iface->name_len);
}

static void parse_cmp(const struct nlattr *data, struct rule *r)
{
	struct audit_iface *iface = iface_of(r);
	uint32_t op = be32_in(data, NFTA_CMP_OP);
	const uint8_t *value;
	size_t len;

	value = value_in(data, NFTA_CMP_DATA, &len);
	if (!value || !len || (op != NFT_CMP_EQ && op != NFT_CMP_NEQ))
		return;
	if (iface) {
		compare_iface(r, iface, value, len, op == NFT_CMP_EQ);
	} else if (r->meta_key == NFT_META_NFPROTO) {
		r->clamp.ipv4 = r->clamp.ipv4 && (value[0] == NFPROTO_IPV4) == (op == NFT_CMP_EQ);
		r->clamp.ipv6 = r->clamp.ipv6 && (value[0] == NFPROTO_IPV6) == (op == NFT_CMP_EQ);
	}
}

static void parse_verdict(const struct nlattr *data, struct rule *r)
{
	const struct nlattr *value = attr_in(data, NFTA_IMMEDIATE_DATA);
	const struct nlattr *verdict = value ? attr_in(value, NFTA_DATA_VERDICT) : NULL;
	int code = verdict ? (int)be32_in(verdict, NFTA_VERDICT_CODE) : 0;

	if (code == NFT_JUMP || code == NFT_GOTO)
		r->jump = attr_in(verdict, NFTA_VERDICT_CHAIN);
}

static void parse_immediate(const struct nlattr *data, struct rule *r)
{
	const uint8_t *value;
	size_t len;

	parse_verdict(data, r);

	value = value_in(data, NFTA_IMMEDIATE_DATA, &len);
	if (value && len >= 2)
		r->mss = value[0] << 8 | value[1];
}

static void parse_exthdr(const struct nlattr *data, struct rule *r)
{
	const struct nlattr *attr;

	if (!attr_in(data, NFTA_EXTHDR_SREG) || be32_in(data, NFTA_EXTHDR_OP) != NFT_EXTHDR_OP_TCPOPT)
		return;
	mnl_attr_for_each_nested (attr, data) {
		if (mnl_attr_get_type(attr) != NFTA_EXTHDR_TYPE || mnl_attr_validate(attr, MNL_TYPE_U8) < 0 ||
		    mnl_attr_get_u8(attr) != TCP_OPTION_MSS)
			continue;
		r->clamps = true;
		r->clamp.mss = r->mss;
	}
}

static void parse_target(const struct nlattr *data, struct rule *r)
{
	const struct nlattr *attr;
	uint16_t mss = 0;
	bool is_clamp = false;

	mnl_attr_for_each_nested (attr, data) {
		if (mnl_attr_get_type(attr) == NFTA_TARGET_NAME && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			is_clamp = !strcmp(mnl_attr_get_str(attr), "TCPMSS");
		else if (mnl_attr_get_type(attr) == NFTA_TARGET_INFO && mnl_attr_get_payload_len(attr) >= sizeof(mss))
			memcpy(&mss, mnl_attr_get_payload(attr), sizeof(mss));
	}
	if (!is_clamp)
		return;
	r->clamps = true;
	r->clamp.iptables = true;
	r->clamp.mss = mss == XT_CLAMP_MSS_TO_MTU ? 0 : mss;
}

static void parse_expression(const char *name, const struct nlattr *data, struct rule *r)
{
	struct audit_iface *iface = iface_of(r);

	if (!strcmp(name, "cmp")) {
		parse_cmp(data, r);
	} else if (!strcmp(name, "immediate")) {
		parse_immediate(data, r);
	} else if (!strcmp(name, "exthdr")) {
		parse_exthdr(data, r);
	} else if (!strcmp(name, "target")) {
		parse_target(data, r);
	} else if (!strcmp(name, "rt")) {
		r->mss = 0;
	} else if (!strcmp(name, "lookup")) {
		r->maps |= be32_in(data, NFTA_LOOKUP_DREG) == NFT_REG_VERDICT;
		if (iface)
			iface->match = AUDIT_IFACE_UNKNOWN;
	}
	r->meta_key = strcmp(name, "meta") ? NO_KEY : be32_in(data, NFTA_META_KEY);
}

static void parse_element(const struct nlattr *element, struct rule *r)
{
	const struct nlattr *attr, *data = NULL;
	const char *name = NULL;

	mnl_attr_for_each_nested (attr, element) {
		if (mnl_attr_get_type(attr) == NFTA_EXPR_NAME && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			name = mnl_attr_get_str(attr);
		else if (mnl_attr_get_type(attr) == NFTA_EXPR_DATA)
			data = attr;
	}
	if (name && data)
		parse_expression(name, data, r);
}

static uint64_t hash_bytes(uint64_t h, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		h = (h ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3ULL; /* FNV-1a */
	return h;
}

/* Of attributes that are names; 0 if one is missing. */
static uint64_t chain_hash(uint8_t family, const struct nlattr *table, const struct nlattr *name)
{
	uint64_t h = hash_bytes(0xcbf29ce484222325ULL, &family, sizeof(family));

	if (!table || !name || mnl_attr_validate(table, MNL_TYPE_NUL_STRING) < 0 ||
	    mnl_attr_validate(name, MNL_TYPE_NUL_STRING) < 0)
		return 0;
	h = hash_bytes(h, mnl_attr_get_str(table), strlen(mnl_attr_get_str(table)) + 1);
	return hash_bytes(h, mnl_attr_get_str(name), strlen(mnl_attr_get_str(name)) + 1);
}

static const struct nlattr *attr_of(const struct nlmsghdr *nlh, uint16_t type)
{
	const struct nlattr *attr;

	mnl_attr_for_each (attr, nlh, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attr) == type)
			return attr;
	return NULL;
}

static bool is_nft(const struct nlmsghdr *nlh, uint16_t message)
{
	return nlh->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | message) &&
	       mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct nfgenmsg);
}

int nft_parse(const struct nlmsghdr *nlh, void *data)
{
	const struct nfgenmsg *header = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *element, *list, *table;
	struct rule r = { .meta_key = NO_KEY };
	struct nft_dump *dump = data;
	struct nft_rule *grown;

	if (!is_nft(nlh, NFT_MSG_NEWRULE))
		return 0;
	r.clamp.ipv4 = header->nfgen_family == NFPROTO_IPV4 || header->nfgen_family == NFPROTO_INET;
	r.clamp.ipv6 = header->nfgen_family == NFPROTO_IPV6 || header->nfgen_family == NFPROTO_INET;
	list = attr_of(nlh, NFTA_RULE_EXPRESSIONS);
	if (list)
		mnl_attr_for_each_nested (element, list)
			parse_element(element, &r);
	dump->maps |= r.maps;
	if ((!r.clamps && !r.jump) || dump->rules_n == NFT_RULES_MAX)
		return 0;
	grown = array_grown(dump->rules, dump->rules_n, &dump->rules_capacity, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	dump->rules = grown;
	table = attr_of(nlh, NFTA_RULE_TABLE);
	dump->rules[dump->rules_n++] =
		(struct nft_rule){ .chain = chain_hash(header->nfgen_family, table, attr_of(nlh, NFTA_RULE_CHAIN)),
				   .jump = r.jump ? chain_hash(header->nfgen_family, table, r.jump) : 0,
				   .clamps = r.clamps,
				   .clamp = r.clamp };
	return 0;
}

/* Those at the hooks that forwarded packets pass. */
int nft_parse_chain(const struct nlmsghdr *nlh, void *data)
{
	const struct nfgenmsg *header = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *hook = is_nft(nlh, NFT_MSG_NEWCHAIN) ? attr_of(nlh, NFTA_CHAIN_HOOK) : NULL;
	uint32_t number = hook ? be32_in(hook, NFTA_HOOK_HOOKNUM) : NO_KEY;
	struct nft_dump *dump = data;
	uint64_t *grown;

	if ((number != NF_INET_PRE_ROUTING && number != NF_INET_FORWARD && number != NF_INET_POST_ROUTING) ||
	    dump->bases_n == NFT_RULES_MAX)
		return 0;
	grown = array_grown(dump->bases, dump->bases_n, &dump->bases_capacity, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	dump->bases = grown;
	dump->bases[dump->bases_n++] =
		chain_hash(header->nfgen_family, attr_of(nlh, NFTA_CHAIN_TABLE), attr_of(nlh, NFTA_CHAIN_NAME));
	return 0;
}

void nft_free(struct nft_dump *dump)
{
	free(dump->rules);
	free(dump->bases);
	free(dump->clamps);
	*dump = (struct nft_dump){ 0 };
}

static void restart_rules(void *data)
{
	struct nft_dump *dump = data;

	dump->rules_n = 0;
}

static void restart_chains(void *data)
{
	struct nft_dump *dump = data;

	dump->bases_n = 0;
}

static int ask(struct netlink *nl, uint16_t message, const struct netlink_handler *handler)
{
	struct nlmsghdr *nlh = netlink_request(nl, NFNL_SUBSYS_NFTABLES << 8 | message, NLM_F_DUMP);

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct nfgenmsg));
	return netlink_ask(nl, nlh, handler);
}

static int read_rules(struct nft_dump *dump)
{
	const struct netlink_handler rules = { nft_parse, restart_rules, dump };
	const struct netlink_handler chains = { nft_parse_chain, restart_chains, dump };
	struct netlink *nl;
	int err;

	err = netlink_open(&nl, NETLINK_NETFILTER);
	if (err)
		return err;
	err = ask(nl, NFT_MSG_GETCHAIN, &chains);
	if (!err)
		err = ask(nl, NFT_MSG_GETRULE, &rules);
	netlink_close(nl);
	return err ? err : nft_resolve(dump);
}

int inventory_read_clamps(struct audit_clamp **clamps, size_t *clamps_n)
{
	struct nft_dump dump = { 0 };
	/* To ask would load the module; without it there are no rules. */
	int err = access("/sys/module/nf_tables", F_OK) ? 0 : read_rules(&dump);

	*clamps = err ? NULL : dump.clamps;
	*clamps_n = err ? 0 : dump.clamps_n;
	if (!err)
		dump.clamps = NULL;
	nft_free(&dump);
	return err;
}
