// SPDX-License-Identifier: GPL-2.0-or-later
/* __icmp_send: IPv4 too-big messages (type 3 code 4, RFC 1191) made here; see icmp_send.bpf.h. */
#include "icmp_send.bpf.h"

SEC("fentry/__icmp_send")
int BPF_PROG(fentry_icmp_send, struct sk_buff *skb, int type, int code, __be32 info)
{
	return type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED ? on_too_big(skb, bpf_ntohl(info)) : 0;
}

SEC("kprobe/__icmp_send")
int BPF_KPROBE(kprobe_icmp_send, struct sk_buff *skb, int type, int code, __be32 info)
{
	return type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED ? on_too_big(skb, bpf_ntohl(info)) : 0;
}
