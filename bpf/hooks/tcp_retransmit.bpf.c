// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tracepoint tcp:tcp_retransmit_skb: a socket of this host sends a segment again. Counted if its route goes
 * through a tunnel; connections that are only forwarded have no socket here, tc sees those. An ephemeral port names
 * nobody and would make a subject of every connection, so only ports of services are kept.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#include "maps.bpf.h"

#define EPHEMERAL_PORTS 32768 /* Linux begins there, by net.ipv4.ip_local_port_range; others later */

char LICENSE[] SEC("license") = "GPL";

/* IP length of the segment, of a super-packet the largest one; the packet in the queue has no headers yet. */
static __always_inline __u32 segment_size(struct sock *sk, struct sk_buff *skb, __u8 family)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	__u32 len = BPF_CORE_READ(skb, len), mss = BPF_CORE_READ(tp, mss_cache);
	__u32 ip = family == AF_INET ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);

	return (len < mss ? len : mss) + BPF_CORE_READ(tp, tcp_header_len) + ip;
}

static __always_inline void socket_remote(struct sock *sk, struct wire_tally_key *key)
{
	struct in6_addr v6 = BPF_CORE_READ(sk, __sk_common.skc_v6_daddr);

	key->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	/* An IPv6 socket may talk IPv4, and then has both addresses: the IPv6 one is ::ffff:a.b.c.d. */
	if (key->family == AF_INET6 && !v6.in6_u.u6_addr32[0] && !v6.in6_u.u6_addr32[1] &&
	    v6.in6_u.u6_addr32[2] == bpf_htonl(0xffff))
		key->family = AF_INET;
	if (key->family == AF_INET)
		BPF_CORE_READ_INTO((__be32 *)key->remote, sk, __sk_common.skc_daddr);
	else
		__builtin_memcpy(key->remote, &v6, sizeof(v6));
}

/* How many of them, as TCP_MIB_RETRANSSEGS counts: after losses in a row a super-packet is sent again as one. */
static __always_inline __u32 segment_count(struct sock *sk, struct sk_buff *skb)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	__u32 len = BPF_CORE_READ(skb, len), mss = BPF_CORE_READ(tp, mss_cache);

	return mss && len > mss ? (len + mss - 1) / mss : 1;
}

/* At most segments_max of skb, if that is not 0. */
static __always_inline int on_retransmit(struct sock *sk, struct sk_buff *skb, __u32 segments_max)
{
	const struct wire_config *cfg = config_get();
	struct wire_tally *tally;
	__u32 segments;
	struct wire_tally_key key = { .kind = WIRE_TALLY_TCP_RETRANSMIT, .tunnel = 1 };

	if (!cfg || BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) != cfg->netns_inum)
		return 0;
	key.ifindex = BPF_CORE_READ(sk, sk_dst_cache, dev, ifindex);
	if (link_role(cfg, key.ifindex) != WIRE_ROLE_TUNNEL)
		return 0;
	key.port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (key.port >= EPHEMERAL_PORTS)
		key.port = 0;
	socket_remote(sk, &key);
	tally = tally_add(&key, segment_size(sk, skb, key.family), cfg->now_ms);
	segments = segment_count(sk, skb);
	if (segments_max && segments > segments_max)
		segments = segments_max;
	if (tally)
		__sync_fetch_and_add(&tally->count, segments - 1);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(tp_btf_retransmit, struct sock *sk, struct sk_buff *skb)
{
	return on_retransmit(sk, skb, 0);
}

SEC("kprobe/tcp_retransmit_skb")
int BPF_KPROBE(kprobe_retransmit, struct sock *sk, struct sk_buff *skb, int segments)
{
	/* Before it is cut to as many as may be sent. */
	return on_retransmit(sk, skb, (__u32)segments);
}
