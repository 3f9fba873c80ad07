// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * update_or_create_fnhe (net/ipv4/route.c): a too-big message was believed, the kernel notes a path MTU for one IPv4
 * destination. Messages that it ignores never get here; redirects do, without an MTU.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "maps.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline int on_exception(struct fib_nh_common *hop, __be32 destination, __u32 mtu)
{
	const struct wire_config *cfg = config_get();
	struct wire_tally_key key = { .kind = WIRE_TALLY_PMTU_LEARNED, .family = AF_INET };
	struct net_device *dev = BPF_CORE_READ(hop, nhc_dev);

	if (!mtu || !cfg || BPF_CORE_READ(dev, nd_net.net, ns.inum) != cfg->netns_inum)
		return 0;
	key.aux = mtu > 0xffff ? 0xffff : mtu;
	key.ifindex = BPF_CORE_READ(dev, ifindex);
	key.tunnel = link_role(cfg, key.ifindex) == WIRE_ROLE_TUNNEL;
	__builtin_memcpy(key.remote, &destination, 4);
	tally_add(&key, 0, cfg->now_ms);
	return 0;
}

SEC("fentry/update_or_create_fnhe")
int BPF_PROG(fentry_exception, struct fib_nh_common *hop, __be32 destination, __be32 gateway, __u32 mtu)
{
	return on_exception(hop, destination, mtu);
}

SEC("kprobe/update_or_create_fnhe")
int BPF_KPROBE(kprobe_exception, struct fib_nh_common *hop, __be32 destination, __be32 gateway, __u32 mtu)
{
	return on_exception(hop, destination, mtu);
}
