// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tracepoint skb:kfree_skb: a packet of this namespace is dropped, with the kernel's reason. Counted by reason number; the
 * loader gives the numbers their names, which move with every release. Too-big drops are tallied by destination.
 * Without reasons (before 5.17) there is nothing to count here.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "maps.bpf.h"
#include "skb.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline int on_kfree_skb(struct sk_buff *skb, __u32 reason)
{
	const struct wire_config *cfg = config_get();
	struct wire_tally_key key = { .kind = WIRE_TALLY_DROP_TOO_BIG };
	struct net_device *dev = BPF_CORE_READ(skb, dev);
	__u64 *n;

	/* skb->dev shares its place with other things; what is no device has no namespace of this number. */
	if (!cfg || !dev || BPF_CORE_READ(dev, nd_net.net, ns.inum) != cfg->netns_inum)
		return 0;
	if (reason >= WIRE_REASONS)
		reason = WIRE_REASONS - 1;
	n = bpf_map_lookup_elem(&drops, &reason);
	if (n)
		*n += 1;
	if (!bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_PKT_TOO_BIG) ||
	    reason != bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_PKT_TOO_BIG))
		return 0;
	key.ifindex = BPF_CORE_READ(dev, ifindex);
	if (skb_destination(skb, &key))
		loss_count(WIRE_LOSS_UNPARSED);
	else
		tally_add(&key, skb_segment_size(skb), cfg->now_ms);
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(tp_btf_kfree_skb, struct sk_buff *skb, void *location, __u32 reason)
{
	return on_kfree_skb(skb, reason);
}
