// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rt6_do_update_pmtu (net/ipv6/route.c): a too-big message was believed, the kernel notes a path MTU in the route of
 * one IPv6 destination.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "maps.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline int on_update(struct rt6_info *route, __u32 mtu)
{
	const struct wire_config *cfg = config_get();
	struct wire_tally_key key = { .kind = WIRE_TALLY_PMTU_LEARNED, .family = AF_INET6 };
	struct net_device *dev = BPF_CORE_READ(route, dst.dev);

	if (!cfg || BPF_CORE_READ(dev, nd_net.net, ns.inum) != cfg->netns_inum)
		return 0;
	key.aux = mtu > 0xffff ? 0xffff : mtu;
	key.ifindex = BPF_CORE_READ(dev, ifindex);
	key.tunnel = link_role(cfg, key.ifindex) == WIRE_ROLE_TUNNEL;
	BPF_CORE_READ_INTO((struct in6_addr *)key.remote, route, rt6i_dst.addr);
	tally_add(&key, 0, cfg->now_ms);
	return 0;
}

SEC("fentry/rt6_do_update_pmtu")
int BPF_PROG(fentry_update, struct rt6_info *route, __u32 mtu)
{
	return on_update(route, mtu);
}

SEC("kprobe/rt6_do_update_pmtu")
int BPF_KPROBE(kprobe_update, struct rt6_info *route, __u32 mtu)
{
	return on_update(route, mtu);
}
