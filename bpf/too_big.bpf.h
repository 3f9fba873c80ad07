/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Too-big messages (ICMP type 3 code 4, RFC 1191; ICMPv6 type 2, RFC 4443), as tc sees them pass: counted by subject in the
 * map "tallies".
 */
#ifndef MTUSCOPE_TOO_BIG_BPF_H
#define MTUSCOPE_TOO_BIG_BPF_H

#include "maps.bpf.h"
#include "parse.bpf.h"

struct quote {
	__u8 destination[16];
	__u8 protocol;
	__u16 source_port, destination_port; /* host order; 0 if the transport has none */
};

/* The packet that the message is about, as far as it is quoted. 0, or -1 if not even its addresses are. */
static __always_inline int parse_quote(struct __sk_buff *skb, const struct packet *p, __u32 offset, struct quote *q)
{
	__be16 ports[2];
	__u32 l4;
	__u8 ihl;

	if (p->family == AF_INET) {
		if (load(skb, offset, &ihl) || load(skb, offset + 9, &q->protocol) ||
		    load(skb, offset + 16, (__be32 *)q->destination))
			return -1;
		l4 = offset + (ihl & 15) * 4;
	} else {
		if (load(skb, offset + 6, &q->protocol) || load(skb, offset + 24, &q->destination))
			return -1;
		l4 = offset + 40;
	}
	if ((q->protocol == IPPROTO_UDP || q->protocol == IPPROTO_TCP) && !load(skb, l4, &ports)) {
		q->source_port = bpf_ntohs(ports[0]);
		q->destination_port = bpf_ntohs(ports[1]);
	}
	return 0;
}

/* The next-hop MTU that the packet names as a too-big message, or -1 if it is none. */
static __always_inline int too_big_mtu(struct __sk_buff *skb, const struct packet *p)
{
	struct {
		__u8 type, code;
		__be16 checksum;
		__be32 info;
	} icmp;
	__u32 mtu;

	if (load(skb, p->l4, &icmp)) {
		loss_count(WIRE_LOSS_UNPARSED);
		return -1;
	}
	mtu = bpf_ntohl(icmp.info);
	if (p->protocol == IPPROTO_ICMP)
		return icmp.type == ICMP_DEST_UNREACH && icmp.code == ICMP_FRAG_NEEDED ? (int)(mtu & 0xffff) : -1;
	return icmp.type == ICMPV6_PKT_TOOBIG ? (int)(mtu > 0xffff ? 0xffff : mtu) : -1;
}

/*
 * Returns 1 if the packet is a too-big message. One that came is counted by the far end whose path it is about
 * (`remote`, `port`) and its sender (`reporter`); on an underlay only if it quotes WireGuard's own packets. One that leaves
 * is counted by the host told (`remote`) and the destination of what that host had sent (`reporter`).
 */
static __always_inline int tally_too_big(struct __sk_buff *skb, const struct wire_config *cfg, const struct packet *p,
					 int tunnel, int tx)
{
	int mtu = too_big_mtu(skb, p);
	struct wire_tally_key key = {
		.kind = tx ? WIRE_TALLY_TOO_BIG_TX : WIRE_TALLY_TOO_BIG_RX,
		.aux = mtu,
		.ifindex = skb->ifindex,
		.family = p->family,
		.tunnel = tunnel,
	};
	struct quote q = {};

	if (mtu < 0)
		return 0;
	if (parse_quote(skb, p, p->l4 + 8, &q)) {
		loss_count(WIRE_LOSS_UNPARSED);
		return 1;
	}
	if (tx) {
		__builtin_memcpy(key.remote, p->destination, 16);
		__builtin_memcpy(key.reporter, q.destination, 16);
	} else {
		if (!tunnel && (q.protocol != IPPROTO_UDP || !is_wg_port(cfg, q.source_port)))
			return 1;
		__builtin_memcpy(key.remote, q.destination, 16);
		__builtin_memcpy(key.reporter, p->source, 16);
		key.port = q.destination_port;
	}
	tally_add(&key, 0, cfg->now_ms);
	return 1;
}

#endif
