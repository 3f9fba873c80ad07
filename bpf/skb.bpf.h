/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a struct sk_buff in tracing programs, where there is no __sk_buff context: by CO-RE and
 * bpf_probe_read_kernel(), so it works alike from fentry and kprobe and survives a stale pointer.
 */
#ifndef MTUSCOPE_SKB_BPF_H
#define MTUSCOPE_SKB_BPF_H

#include "wire.h"

static __always_inline unsigned char *skb_network_header(struct sk_buff *skb)
{
	return BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, network_header);
}

/* IP packet length in bytes; of a super-packet its largest segment, as gso_size plus the headers before the payload. */
static __always_inline __u32 skb_segment_size(struct sk_buff *skb)
{
	unsigned char *head = BPF_CORE_READ(skb, head), *data = BPF_CORE_READ(skb, data);
	struct skb_shared_info *shared = (void *)head + BPF_CORE_READ(skb, end);
	__u16 gso_size = BPF_CORE_READ(shared, gso_size), transport = BPF_CORE_READ(skb, transport_header);
	__u32 len = BPF_CORE_READ(skb, len), header;
	__u8 doff = 0;

	if (!gso_size)
		return len;
	header = head + transport - data;
	if (BPF_CORE_READ(shared, gso_type) & (SKB_GSO_TCPV4 | SKB_GSO_TCPV6)) {
		bpf_probe_read_kernel(&doff, 1, head + transport + 12);
		header += (doff >> 4) * 4;
	} else {
		header += 8;
	}
	return header + gso_size < len ? header + gso_size : len;
}

/* Family and addresses of the IP header at `ip`, written as far as the family's are long. 0, or -1 if it is not IP. */
static __always_inline int ip_addresses(const unsigned char *ip, __u8 *family, __u8 *source, __u8 *destination)
{
	__u8 first;

	if (bpf_probe_read_kernel(&first, 1, ip))
		return -1;
	if (first >> 4 == 4) {
		*family = AF_INET;
		bpf_probe_read_kernel(source, 4, ip + 12);
		bpf_probe_read_kernel(destination, 4, ip + 16);
	} else if (first >> 4 == 6) {
		*family = AF_INET6;
		bpf_probe_read_kernel(source, 16, ip + 8);
		bpf_probe_read_kernel(destination, 16, ip + 24);
	} else {
		return -1;
	}
	return 0;
}

/* Protocol (0: not readable) of the IP packet at `ip` and, for UDP and TCP without extension headers, its two ports. */
static __always_inline __u8 ip_ports(const unsigned char *ip, __u8 family, __be16 ports[2])
{
	__u8 ihl = 0, protocol = 0;
	__u32 l4 = 40;

	if (family == AF_INET) {
		bpf_probe_read_kernel(&ihl, 1, ip);
		bpf_probe_read_kernel(&protocol, 1, ip + 9);
		l4 = (ihl & 15) * 4;
	} else {
		bpf_probe_read_kernel(&protocol, 1, ip + 6);
	}
	if (protocol == IPPROTO_UDP || protocol == IPPROTO_TCP)
		bpf_probe_read_kernel(ports, 4, ip + l4);
	return protocol;
}

/* Family and destination address and, where ip_ports() finds it, port. 0, or -1 if it is not IP. */
static __always_inline int skb_destination(struct sk_buff *skb, struct wire_tally_key *key)
{
	const unsigned char *ip = skb_network_header(skb);
	__be16 ports[2] = {};
	__u8 source[16];

	if (ip_addresses(ip, &key->family, source, key->remote))
		return -1;
	ip_ports(ip, key->family, ports);
	key->port = __builtin_bswap16(ports[1]);
	return 0;
}

#endif
