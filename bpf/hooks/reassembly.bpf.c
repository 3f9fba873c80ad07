// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inet_frag_reasm_finish (net/ipv4/inet_fragment.c): all fragments of a packet are there and become one. The only place
 * that all users share, IPv4, IPv6 and conntrack's own IPv6 reassembly; called once a packet, after every check.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "maps.bpf.h"
#include "frag_queue.bpf.h"
#include "skb.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* The packet's header is that of its first fragment, which only the family is taken from. */
static __always_inline int on_finish(struct inet_frag_queue *q, struct sk_buff *skb)
{
	const struct wire_config *cfg = config_get();
	struct wire_tally_key key = { .kind = WIRE_TALLY_REASSEMBLED };
	__u8 destination[16];

	if (!cfg || BPF_CORE_READ(q, fqdir, net, ns.inum) != cfg->netns_inum)
		return 0;
	if (ip_addresses(skb_network_header(skb), &key.family, key.remote, destination)) {
		loss_count(WIRE_LOSS_UNPARSED);
		return 0;
	}
	frag_queue_owner(q, &key);
	frag_queue_link(q, cfg, &key);
	tally_add(&key, frag_queue_size(q, key.family), cfg->now_ms);
	return 0;
}

SEC("fentry/inet_frag_reasm_finish")
int BPF_PROG(fentry_finish, struct inet_frag_queue *q, struct sk_buff *skb)
{
	return on_finish(q, skb);
}

SEC("kprobe/inet_frag_reasm_finish")
int BPF_KPROBE(kprobe_finish, struct inet_frag_queue *q, struct sk_buff *skb)
{
	return on_finish(q, skb);
}
