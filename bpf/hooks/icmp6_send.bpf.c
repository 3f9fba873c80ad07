// SPDX-License-Identifier: GPL-2.0-or-later
/* icmp6_send: IPv6 too-big messages (type 2, RFC 4443) made here; see icmp_send.bpf.h. */
#include "icmp_send.bpf.h"

SEC("fentry/icmp6_send")
int BPF_PROG(fentry_icmp6_send, struct sk_buff *skb, __u8 type, __u8 code, __u32 info)
{
	return type == ICMPV6_PKT_TOOBIG ? on_too_big(skb, info) : 0;
}

SEC("kprobe/icmp6_send")
int BPF_KPROBE(kprobe_icmp6_send, struct sk_buff *skb, __u8 type, __u8 code, __u32 info)
{
	return type == ICMPV6_PKT_TOOBIG ? on_too_big(skb, info) : 0;
}
