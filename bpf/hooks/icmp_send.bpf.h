/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * __icmp_send (net/ipv4/icmp.c), icmp6_send (net/ipv6/icmp.c): this host makes an ICMP error about a packet. Too-big
 * messages are counted here, before rate limits, routes and filters decide whether they leave.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#include "maps.bpf.h"
#include "skb.bpf.h"
#include "told.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* The link that the packet was too big for. */
static __always_inline struct net_device *skb_egress(struct sk_buff *skb)
{
	struct dst_entry *dst = (void *)(BPF_CORE_READ(skb, _skb_refdst) & ~1UL); /* the lowest bit: SKB_DST_NOREF */

	return dst ? BPF_CORE_READ(dst, dev) : BPF_CORE_READ(skb, dev);
}

static __always_inline int on_too_big(struct sk_buff *skb, __u32 mtu)
{
	const struct wire_config *cfg = config_get();
	struct wire_tally_key key = { .kind = WIRE_TALLY_TOO_BIG_MADE };
	struct net_device *dev = skb_egress(skb);
	unsigned char *ip = skb_network_header(skb);
	struct wire_tally *tally;
	__be16 ports[2] = {};

	if (!cfg || BPF_CORE_READ(dev, nd_net.net, ns.inum) != cfg->netns_inum)
		return 0;
	key.aux = mtu > 0xffff ? 0xffff : mtu;
	key.ifindex = BPF_CORE_READ(dev, ifindex);
	if (link_role(cfg, key.ifindex) == WIRE_ROLE_TUNNEL)
		key.tunnel = WIRE_TUNNEL_SEEN;
	else if (link_role(cfg, BPF_CORE_READ(skb, skb_iif)) == WIRE_ROLE_TUNNEL)
		key.tunnel = WIRE_TUNNEL_LEFT;
	if (ip_addresses(ip, &key.family, key.remote, key.reporter)) {
		loss_count(WIRE_LOSS_UNPARSED);
		return 0;
	}
	tally = tally_add(&key, skb_segment_size(skb), cfg->now_ms);
	if (tally) {
		__u8 protocol = ip_ports(ip, key.family, ports);

		follow_connection(tally, protocol, (__u32)ports[0] << 16 | ports[1], cfg->now_ms);
	}
	return 0;
}
