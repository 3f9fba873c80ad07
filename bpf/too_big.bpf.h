/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Too-big messages (ICMP type 3 code 4, RFC 1191; ICMPv6 type 2, RFC 4443) and IP fragments, as tc sees them pass:
 * counted by subject in the map "tallies".
 */
#ifndef MTUSCOPE_TOO_BIG_BPF_H
#define MTUSCOPE_TOO_BIG_BPF_H

#include "maps.bpf.h"
#include "parse.bpf.h"

static __always_inline void tally_fragment(const struct wire_config *cfg, const struct packet *p, __u32 ifindex,
					   int tx)
{
	struct wire_tally_key key = {
		.kind = tx ? WIRE_TALLY_FRAGMENT_TX : WIRE_TALLY_FRAGMENT_RX,
		.aux = p->fragment - FRAGMENT_FIRST,
		.ifindex = ifindex,
		.family = p->family,
	};

	__builtin_memcpy(key.remote, tx ? p->destination : p->source, 16);
	tally_add(&key, p->size, cfg->now_ms);
}

/* The subject is the destination of the packet that the message quotes. */
static __always_inline int quoted_destination(struct __sk_buff *skb, const struct packet *p, __u32 quote,
					      struct wire_tally_key *key)
{
	__u32 l4;
	__be16 port;
	__u8 ihl, protocol;

	if (p->family == AF_INET) {
		if (load(skb, quote, &ihl, 1) || load(skb, quote + 9, &protocol, 1) ||
		    load(skb, quote + 16, key->remote, 4))
			return -1;
		l4 = quote + (ihl & 15) * 4;
	} else {
		if (load(skb, quote + 6, &protocol, 1) || load(skb, quote + 24, key->remote, 16))
			return -1;
		l4 = quote + 40;
	}
	if ((protocol == IPPROTO_UDP || protocol == IPPROTO_TCP) && !load(skb, l4 + 2, &port, sizeof(port)))
		key->port = bpf_ntohs(port);
	return 0;
}

/* Returns 1 if the packet is a too-big message, which is then counted. */
static __always_inline int tally_too_big(struct __sk_buff *skb, const struct wire_config *cfg,
					 const struct packet *p, int tunnel, int tx)
{
	struct { __u8 type, code; __be16 checksum; __be32 info; } icmp;
	struct wire_tally_key key = {
		.kind = tx ? WIRE_TALLY_TOO_BIG_TX : WIRE_TALLY_TOO_BIG_RX,
		.ifindex = skb->ifindex,
		.family = p->family,
		.tunnel = tunnel,
	};
	__u32 mtu;

	if (load(skb, p->l4, &icmp, sizeof(icmp))) {
		loss_count(WIRE_LOSS_UNPARSED);
		return 0;
	}
	if (p->protocol == IPPROTO_ICMP) {
		if (icmp.type != ICMP_DEST_UNREACH || icmp.code != ICMP_FRAG_NEEDED)
			return 0;
		mtu = bpf_ntohl(icmp.info) & 0xffff;
	} else {
		if (icmp.type != ICMPV6_PKT_TOOBIG)
			return 0;
		mtu = bpf_ntohl(icmp.info);
	}
	key.aux = mtu > 0xffff ? 0xffff : mtu;
	__builtin_memcpy(key.reporter, p->source, 16);
	if (quoted_destination(skb, p, p->l4 + sizeof(icmp), &key)) {
		loss_count(WIRE_LOSS_UNPARSED);
		return 1;
	}
	tally_add(&key, 0, cfg->now_ms);
	return 1;
}

#endif
