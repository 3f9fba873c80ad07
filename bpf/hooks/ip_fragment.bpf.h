/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ip_do_fragment (net/ipv4/ip_output.c), ip6_fragment (net/ipv6/ip6_output.c): a packet is about to be fragmented here.
 * Both functions have the same arguments; the including file defines FUNCTION.
 * WireGuard's outer packets never carry DF, so this is what happens to one larger than the egress link or a learned path MTU.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "maps.bpf.h"
#include "skb.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline int on_fragment(struct net *net, struct sk_buff *skb)
{
	const struct wire_config *cfg = config_get();
	struct wire_tally_key key = { .kind = WIRE_TALLY_FRAGMENTED };

	if (!cfg || BPF_CORE_READ(net, ns.inum) != cfg->netns_inum)
		return 0;
	key.ifindex = BPF_CORE_READ(skb, dev, ifindex);
	if (skb_destination(skb, &key))
		loss_count(WIRE_LOSS_UNPARSED);
	else
		tally_add(&key, BPF_CORE_READ(skb, len), cfg->now_ms);
	return 0;
}

SEC("fentry/" FUNCTION)
int BPF_PROG(fentry_fragment, struct net *net, struct sock *sk, struct sk_buff *skb)
{
	return on_fragment(net, skb);
}

SEC("kprobe/" FUNCTION)
int BPF_KPROBE(kprobe_fragment, struct net *net, struct sock *sk, struct sk_buff *skb)
{
	return on_fragment(net, skb);
}
