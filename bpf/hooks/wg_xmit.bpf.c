// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wg_xmit (drivers/net/wireguard/device.c): an inner packet enters WireGuard. A packet larger than the tunnel's MTU
 * gets here when something sized it by another link (a redirect by tc or netfilter, a route MTU above the device's):
 * WireGuard does not check, it encrypts, and the outer packet breaks the budget.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "maps.bpf.h"
#include "skb.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline int on_wg_xmit(struct sk_buff *skb, struct net_device *dev)
{
	const struct wire_config *cfg = config_get();
	struct wire_tally_key key = { .kind = WIRE_TALLY_TUNNEL_OVERSIZED, .tunnel = 1 };
	__u32 size;

	if (!cfg || BPF_CORE_READ(dev, nd_net.net, ns.inum) != cfg->netns_inum)
		return 0;
	size = skb_segment_size(skb);
	if (size <= BPF_CORE_READ(dev, mtu))
		return 0;
	key.ifindex = BPF_CORE_READ(dev, ifindex);
	if (skb_destination(skb, &key))
		loss_count(WIRE_LOSS_UNPARSED);
	else
		tally_add(&key, size, cfg->now_ms);
	return 0;
}

SEC("fentry/wg_xmit")
int BPF_PROG(fentry_wg_xmit, struct sk_buff *skb, struct net_device *dev)
{
	return on_wg_xmit(skb, dev);
}

SEC("kprobe/wg_xmit")
int BPF_KPROBE(kprobe_wg_xmit, struct sk_buff *skb, struct net_device *dev)
{
	return on_wg_xmit(skb, dev);
}
