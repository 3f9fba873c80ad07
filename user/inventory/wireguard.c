// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * WireGuard devices and peers. In: the answers to WG_CMD_GET_DEVICE, in which a device may take many messages and a
 * peer may go on in the next one with more allowed IPs (linux/wireguard.h). Out: peers and allowed IPs appended to
 * a struct inventory, unsorted. Called by inventory.c. Private and preshared keys are not looked at.
 */
#include <errno.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "messages.h"

static uint64_t u64_of(const struct nlattr *attr)
{
	uint64_t value = 0;

	if (mnl_attr_get_payload_len(attr) >= sizeof(value))
		memcpy(&value, mnl_attr_get_payload(attr), sizeof(value));
	return value;
}

static void parse_endpoint(const struct nlattr *attr, struct peer *peer)
{
	const size_t len = mnl_attr_get_payload_len(attr);
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;
	sa_family_t family;

	if (len < sizeof(family))
		return;
	memcpy(&family, mnl_attr_get_payload(attr), sizeof(family));
	if (family == AF_INET && len >= sizeof(v4)) {
		memcpy(&v4, mnl_attr_get_payload(attr), sizeof(v4));
		peer->endpoint.ip.family = AF_INET;
		memcpy(peer->endpoint.ip.bytes, &v4.sin_addr, sizeof(v4.sin_addr));
		peer->endpoint.port = ntohs(v4.sin_port);
	} else if (family == AF_INET6 && len >= sizeof(v6)) {
		memcpy(&v6, mnl_attr_get_payload(attr), sizeof(v6));
		peer->endpoint.ip.family = AF_INET6;
		memcpy(peer->endpoint.ip.bytes, &v6.sin6_addr, sizeof(v6.sin6_addr));
		peer->endpoint.port = ntohs(v6.sin6_port);
		if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr))
			peer->egress_ifindex = v6.sin6_scope_id;
	}
}

int dump_allowed_ip(struct wireguard_dump *dump, const struct allowed_ip *allowed)
{
	struct inventory *inv = dump->inv;
	struct allowed_ip *grown =
		array_grown(inv->allowed_ips, inv->allowed_ips_n, &dump->allowed_ips_capacity, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	inv->allowed_ips = grown;
	inv->allowed_ips[inv->allowed_ips_n++] = *allowed;
	return 0;
}

static int parse_allowed_ip(const struct nlattr *nest, struct wireguard_dump *dump)
{
	struct allowed_ip allowed = { .peer = dump->inv->peers_n - 1 };
	const struct nlattr *attr, *address = NULL;
	uint16_t family = 0;
	int prefix_len = -1;
	size_t len;

	mnl_attr_for_each_nested (attr, nest) {
		switch (mnl_attr_get_type(attr)) {
		case WGALLOWEDIP_A_FAMILY:
			family = mnl_attr_validate(attr, MNL_TYPE_U16) < 0 ? 0 : mnl_attr_get_u16(attr);
			break;
		case WGALLOWEDIP_A_IPADDR:
			address = attr;
			break;
		case WGALLOWEDIP_A_CIDR_MASK:
			prefix_len = mnl_attr_validate(attr, MNL_TYPE_U8) < 0 ? -1 : mnl_attr_get_u8(attr);
			break;
		}
	}
	len = family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
	if (!len || !address || mnl_attr_get_payload_len(address) < len)
		return 0;
	if (prefix_len < 0 || (size_t)prefix_len > 8 * len)
		return 0;
	allowed.ip.family = family;
	allowed.prefix_len = prefix_len;
	memcpy(allowed.ip.bytes, mnl_attr_get_payload(address), len);
	return dump_allowed_ip(dump, &allowed);
}

struct peer *dump_peer(struct wireguard_dump *dump, const uint8_t *public_key)
{
	struct inventory *inv = dump->inv;
	struct peer *peer;

	if (inv->peers_n > dump->peers_first &&
	    !memcmp(inv->peers[inv->peers_n - 1].public_key, public_key, WG_KEY_LEN))
		return &inv->peers[inv->peers_n - 1];

	peer = array_grown(inv->peers, inv->peers_n, &dump->peers_capacity, sizeof(*peer));
	if (!peer)
		return NULL;
	inv->peers = peer;
	peer += inv->peers_n++;
	*peer = (struct peer){ .tunnel_ifindex = dump->tunnel->ifindex };
	memcpy(peer->public_key, public_key, WG_KEY_LEN);
	dump->tunnel->peers_n++;
	return peer;
}

static void parse_peer_attribute(const struct nlattr *attr, struct peer *peer)
{
	switch (mnl_attr_get_type(attr)) {
	case WGPEER_A_ENDPOINT:
		parse_endpoint(attr, peer);
		break;
	case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL:
		if (mnl_attr_validate(attr, MNL_TYPE_U16) >= 0)
			peer->keepalive_s = mnl_attr_get_u16(attr);
		break;
	case WGPEER_A_LAST_HANDSHAKE_TIME: /* a struct __kernel_timespec, seconds first */
		peer->last_handshake_s = (int64_t)u64_of(attr);
		break;
	case WGPEER_A_RX_BYTES:
		peer->rx_bytes = u64_of(attr);
		break;
	case WGPEER_A_TX_BYTES:
		peer->tx_bytes = u64_of(attr);
		break;
	}
}

static int parse_peer(const struct nlattr *nest, struct wireguard_dump *dump)
{
	const struct nlattr *attr, *key = NULL, *allowed_ips = NULL;
	struct peer *peer;
	int err;

	mnl_attr_for_each_nested (attr, nest) {
		if (mnl_attr_get_type(attr) == WGPEER_A_PUBLIC_KEY)
			key = attr;
		else if (mnl_attr_get_type(attr) == WGPEER_A_ALLOWEDIPS)
			allowed_ips = attr;
	}
	if (!key || mnl_attr_get_payload_len(key) != WG_KEY_LEN)
		return 0;
	peer = dump_peer(dump, mnl_attr_get_payload(key));
	if (!peer)
		return -ENOMEM;
	mnl_attr_for_each_nested (attr, nest)
		parse_peer_attribute(attr, peer);
	if (!allowed_ips)
		return 0;
	mnl_attr_for_each_nested (attr, allowed_ips) {
		err = parse_allowed_ip(attr, dump);
		if (err)
			return err;
	}
	return 0;
}

int wireguard_parse(const struct nlmsghdr *nlh, void *data)
{
	struct wireguard_dump *dump = data;
	const struct nlattr *attr, *peer;
	int err;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct genlmsghdr))
		return 0;
	mnl_attr_for_each (attr, nlh, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case WGDEVICE_A_LISTEN_PORT:
			if (mnl_attr_validate(attr, MNL_TYPE_U16) >= 0)
				dump->tunnel->listen_port = mnl_attr_get_u16(attr);
			break;
		case WGDEVICE_A_PUBLIC_KEY:
			if (mnl_attr_get_payload_len(attr) == WG_KEY_LEN)
				memcpy(dump->tunnel->public_key, mnl_attr_get_payload(attr), WG_KEY_LEN);
			break;
		case WGDEVICE_A_FWMARK:
			if (mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
				dump->tunnel->fwmark = mnl_attr_get_u32(attr);
			break;
		case WGDEVICE_A_PEERS:
			mnl_attr_for_each_nested (peer, attr) {
				err = parse_peer(peer, dump);
				if (err)
					return err;
			}
			break;
		}
	}
	return 0;
}

int wireguard_family_parse(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;
	int *family = data;

	if (nlh->nlmsg_type != GENL_ID_CTRL || mnl_nlmsg_get_payload_len(nlh) < sizeof(struct genlmsghdr))
		return 0;
	mnl_attr_for_each (attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID && mnl_attr_validate(attr, MNL_TYPE_U16) >= 0)
			*family = mnl_attr_get_u16(attr);
	return 0;
}

static struct nlmsghdr *genl_request(struct netlink *genl, int family, uint16_t flags, uint8_t command)
{
	struct nlmsghdr *nlh = netlink_request(genl, family, flags);
	struct genlmsghdr *header = mnl_nlmsg_put_extra_header(nlh, sizeof(*header));

	header->cmd = command;
	header->version = 1;
	return nlh;
}

int wireguard_family(struct netlink *genl)
{
	int family = -ENOENT;
	const struct netlink_handler handler = { .message = wireguard_family_parse, .data = &family };
	struct nlmsghdr *nlh = genl_request(genl, GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY);
	int err;

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
	err = netlink_ask(genl, nlh, &handler);
	return err ? err : family;
}

void dump_begin(struct wireguard_dump *dump)
{
	dump->peers_first = dump->inv->peers_n;
	dump->allowed_ips_first = dump->inv->allowed_ips_n;
}

void dump_restart(void *data)
{
	struct wireguard_dump *dump = data;

	dump->inv->peers_n = dump->peers_first;
	dump->inv->allowed_ips_n = dump->allowed_ips_first;
	dump->tunnel->peers_n = 0;
}

int wireguard_read(struct netlink *genl, int family, struct wireguard_dump *dump)
{
	const struct netlink_handler handler = { wireguard_parse, dump_restart, dump };
	struct nlmsghdr *nlh = genl_request(genl, family, NLM_F_DUMP, WG_CMD_GET_DEVICE);
	int err;

	dump_begin(dump);
	mnl_attr_put_u32(nlh, WGDEVICE_A_IFINDEX, dump->tunnel->ifindex);
	err = netlink_ask(genl, nlh, &handler);
	if (err)
		dump_restart(dump);
	/* Its ifindex may have gone to another kind of link meanwhile. */
	return err == -EOPNOTSUPP ? -ENODEV : err;
}
