/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ip_do_fragment (net/ipv4/ip_output.c), ip6_fragment (net/ipv6/ip6_output.c): a packet is fragmented here, or cannot
 * be. Both functions have the same arguments; the including file defines FUNCTION. At their exit the packet is gone,
 * so what it was is kept from the entry on. WireGuard's outer packets never carry DF, so this is what happens to one
 * larger than the egress link or a learned path MTU.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "maps.bpf.h"
#include "skb.bpf.h"
#include "stash.bpf.h"

#define ENOBUFS 105

/* The programs' names; BPF_PROG() takes no macro with arguments. */
#define FENTRY	  OWN_NAME(fentry)
#define FEXIT	  OWN_NAME(fexit)
#define KPROBE	  OWN_NAME(kprobe)
#define KRETPROBE OWN_NAME(kretprobe)

char LICENSE[] SEC("license") = "GPL";

static __always_inline int on_entry(struct net *net, struct sk_buff *skb, void *id)
{
	const struct wire_config *cfg = config_get();
	struct stash s = {};

	if (!cfg || BPF_CORE_READ(net, ns.inum) != cfg->netns_inum)
		return 0;
	s.key.ifindex = BPF_CORE_READ(skb, dev, ifindex);
	s.key.tunnel = link_role(cfg, s.key.ifindex) == WIRE_ROLE_TUNNEL;
	s.size = BPF_CORE_READ(skb, len);
	if (skb_destination(skb, &s.key))
		loss_count(WIRE_LOSS_UNPARSED);
	else
		stash_put(id, &s);
	return 0;
}

/* 0: all fragments were handed on; below: the reason why not; above: the link's queue refused one (NET_XMIT_DROP). */
static __always_inline int on_exit(int result, void *id)
{
	const struct wire_config *cfg = config_get();
	struct stash s;

	if (!cfg || stash_take(id, &s))
		return 0;
	s.key.kind = result ? WIRE_TALLY_FRAGMENT_FAILED : WIRE_TALLY_FRAGMENTED;
	s.key.aux = result > 0 ? ENOBUFS : -result;
	tally_add(&s.key, s.size, cfg->now_ms);
	return 0;
}

SEC("fentry/" FUNCTION)
int BPF_PROG(FENTRY, struct net *net, struct sock *sk, struct sk_buff *skb)
{
	return on_entry(net, skb, skb);
}

SEC("fexit/" FUNCTION)
int BPF_PROG(FEXIT, struct net *net, struct sock *sk, struct sk_buff *skb, void *output, int result)
{
	return on_exit(result, skb);
}

SEC("kprobe/" FUNCTION)
int BPF_KPROBE(KPROBE, struct net *net, struct sock *sk, struct sk_buff *skb)
{
	return on_entry(net, skb, NULL);
}

SEC("kretprobe/" FUNCTION)
int BPF_KRETPROBE(KRETPROBE, int result)
{
	return on_exit(result, NULL);
}
