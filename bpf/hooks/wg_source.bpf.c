// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wg_allowedips_lookup_src (drivers/net/wireguard/allowedips.c): whose the inner source address of a decrypted packet
 * is. If it is not the peer that sent the packet, WireGuard drops it without a trace: so die too-big messages of
 * routers behind a peer whose own addresses are not in its AllowedIPs.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "maps.bpf.h"
#include "compat.bpf.h"
#include "skb.bpf.h"
#include "stash.bpf.h"

char LICENSE[] SEC("license") = "GPL";

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
	if (ip_addresses(skb_network_header(skb), &key.family, key.remote, destination))
		loss_count(WIRE_LOSS_UNPARSED);
	else
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
