// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tracepoint skb:kfree_skb: a packet of this namespace is dropped, with the kernel's reason. Counted by reason
 * number; the loader gives the numbers their names, which move with every release. Too-big drops are tallied by
 * destination. Before 5.17 the kernel gives no reasons: then drops are counted by the place in its code.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "maps.bpf.h"
#include "skb.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/*
 * The device of the packet, or else the socket, tells the namespace. Both members share their places with other
 * things: what is no device and no socket has no namespace of this number.
 */
static __always_inline bool is_watched(struct sk_buff *skb, const struct wire_config *cfg)
{
	struct net_device *dev = BPF_CORE_READ(skb, dev);
	__u32 inum;

	if (dev)
		inum = BPF_CORE_READ(dev, nd_net.net, ns.inum);
	else
		inum = BPF_CORE_READ(skb, sk, __sk_common.skc_net.net, ns.inum);
	return inum == cfg->netns_inum;
}

static __always_inline void too_big(struct sk_buff *skb, const struct wire_config *cfg)
{
	struct wire_tally_key key = { .kind = WIRE_TALLY_DROP_TOO_BIG };

	key.ifindex = BPF_CORE_READ(skb, dev, ifindex);
	if (skb_destination(skb, &key))
		loss_count(WIRE_LOSS_UNPARSED);
	else
		tally_add(&key, skb_segment_size(skb), cfg->now_ms);
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(tp_btf_kfree_skb, struct sk_buff *skb, void *location, __u32 reason)
{
	const struct wire_config *cfg = config_get();
	__u64 *n;

	if (!cfg || !is_watched(skb, cfg))
		return 0;
	if (bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_PKT_TOO_BIG) &&
	    reason == bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_PKT_TOO_BIG))
		too_big(skb, cfg);
	if (reason >= WIRE_REASONS)
		reason = WIRE_REASONS - 1;
	n = bpf_map_lookup_elem(&drops, &reason);
	if (n)
		*n += 1;
	return 0;
}

SEC("raw_tp/kfree_skb")
int raw_tp_kfree_skb(struct bpf_raw_tracepoint_args *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx->args[0];
	const struct wire_config *cfg = config_get();
	__u64 location = ctx->args[1], one = 1, *n;

	if (!cfg || !is_watched(skb, cfg))
		return 0;
	n = bpf_map_lookup_elem(&drop_sites, &location);
	if (n)
		__sync_fetch_and_add(n, 1);
	else if (bpf_map_update_elem(&drop_sites, &location, &one, BPF_NOEXIST))
		loss_count(WIRE_LOSS_TALLY_FULL);
	return 0;
}
