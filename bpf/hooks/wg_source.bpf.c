// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wg_allowedips_lookup_src (drivers/net/wireguard/allowedips.c): whose the inner source address of a decrypted packet
 * is. If it is not the peer that sent the packet, WireGuard drops it without a trace: so die too-big messages of
 * routers behind a peer whose own addresses are not in its AllowedIPs. Those about a connection are noted of its flow,
 * as tc does it with those that are not refused.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#include "maps.bpf.h"
#include "compat.bpf.h"
#include "skb.bpf.h"
#include "stash.bpf.h"
#include "too_big.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* The TCP segment that an ICMP message quotes from there on; 0, or -1 if it is about something else. */
static __always_inline int read_quote(const unsigned char *ip, __u8 family, struct quote *q)
{
	__be16 ports[2] = {};
	__u8 ihl = 0, quoted;
	__be32 seq = 0;

	if (ip_addresses(ip, &quoted, q->source, q->destination) || quoted != family)
		return -1;
	q->protocol = ip_ports(ip, family, ports);
	if (q->protocol != IPPROTO_TCP)
		return -1;
	q->source_port = bpf_ntohs(ports[0]);
	q->destination_port = bpf_ntohs(ports[1]);
	bpf_probe_read_kernel(&ihl, 1, ip);
	bpf_probe_read_kernel(&seq, 4, ip + (family == AF_INET ? (ihl & 15) * 4 : 40) + 4);
	q->seq = bpf_ntohl(seq);
	return 0;
}

/* The next-hop MTU that a too-big message names, 0 if the packet is none about a connection. */
static __always_inline __u16 refused_mtu(const struct wire_config *cfg, const unsigned char *ip, __u8 family,
					 __u32 ifindex)
{
	struct icmp_header icmp = {};
	struct quote q = {};
	struct wire_flow *f;
	__u8 ihl = 0, protocol = 0;
	int mtu;

	bpf_probe_read_kernel(&ihl, 1, ip);
	bpf_probe_read_kernel(&protocol, 1, ip + (family == AF_INET ? 9 : 6));
	if (protocol != (family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return 0;
	ip += family == AF_INET ? (ihl & 15) * 4 : 40;
	bpf_probe_read_kernel(&icmp, sizeof(icmp), ip);
	mtu = icmp_hop_mtu(&icmp, protocol);
	if (mtu <= 0 || read_quote(ip + sizeof(icmp), family, &q))
		return 0;
	f = quoted_flow(cfg, &q, family, ifindex, 1);
	if (f)
		trial_told(f, q.seq, mtu);
	return mtu;
}

static __always_inline int on_source(struct sk_buff *skb, struct wg_peer *owner)
{
	const struct wire_config *cfg = config_get();
	struct wire_tally_key key = { .kind = WIRE_TALLY_SOURCE_REFUSED, .tunnel = 1 };
	struct net_device *dev;
	__u8 destination[16];

	if (wg_packet_peer(skb) == owner)
		return 0;
	dev = BPF_CORE_READ(skb, dev);
	if (!cfg || BPF_CORE_READ(dev, nd_net.net, ns.inum) != cfg->netns_inum)
		return 0;
	key.ifindex = BPF_CORE_READ(dev, ifindex);
	if (ip_addresses(skb_network_header(skb), &key.family, key.remote, destination)) {
		loss_count(WIRE_LOSS_UNPARSED);
		return 0;
	}
	key.aux = refused_mtu(cfg, skb_network_header(skb), key.family, key.ifindex);
	tally_add(&key, BPF_CORE_READ(skb, len), cfg->now_ms);
	return 0;
}

SEC("fexit/wg_allowedips_lookup_src")
int BPF_PROG(fexit_source, void *table, struct sk_buff *skb, struct wg_peer *owner)
{
	return on_source(skb, owner);
}

SEC("kprobe/wg_allowedips_lookup_src")
int BPF_KPROBE(kprobe_source, void *table, struct sk_buff *skb)
{
	struct stash s = { .packet = (__u64)skb };

	stash_put(NULL, &s);
	return 0;
}

SEC("kretprobe/wg_allowedips_lookup_src")
int BPF_KRETPROBE(kretprobe_source, struct wg_peer *owner)
{
	struct stash s;

	return stash_take(NULL, &s) ? 0 : on_source((struct sk_buff *)s.packet, owner);
}
